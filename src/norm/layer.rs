//! Layer normalisation over the features of each row (J. Ba, J. Kiros, G. Hinton, "Layer
//! normalization", 2016; `torch.nn.LayerNorm`).
//!
//! ```text
//!   forward    mean = sum x / n     v = sum (x - mean)^2 / n     r = 1 / sqrt(v + eps)
//!              h = (x - mean) r     y = h gamma + beta
//!
//!   backward   q = dY gamma
//!              dX = r (q - sum q / n - h (sum q h) / n)
//!              d_gamma = column sums of dY h     d_beta = column sums of dY
//! ```

use core::ops::Range;

use super::columns::{Elements, Term, column_sums, part};
use super::{Gradients, Saved, SavedMut, check_eps, reciprocal_deviation, row_sum, rows_sum};
use crate::cpu::Cpu;
use crate::error::{Result, check_len, check_shape};
use crate::parallel::for_each_block;
use crate::simd::slice::{self, Same, Unary, Update, UpdateSum};
use crate::simd::{Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// The parameters, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm<'a> {
    /// `[features]`; ones in the beginning.
    pub gamma: &'a [f32],
    /// `[features]`; zeros in the beginning.
    pub beta: &'a [f32],
    /// Added to the variance; PyTorch's default is [`EPS`].
    pub eps: f64,
}

/// PyTorch's default.
pub const EPS: f64 = 1e-5;

impl LayerNorm<'_> {
    fn check(&self, features: usize) -> Result<()> {
        check_eps(self.eps)?;
        check_len("gamma", features, self.gamma.len())?;
        check_len("beta", features, self.beta.len())
    }
}

/// Normalises each row of `input [batch, features]` into `output`, which is not read; `saved` has
/// an element for each row.
///
/// Errors: [`Value`](crate::Error::Value) names `eps`, [`Shape`](crate::Error::Shape) `output`,
/// [`Length`](crate::Error::Length) `gamma`, `beta`, `mean` or `rstd`.
///
/// ```
/// use densecore::norm::{SavedMut, layer::{self, LayerNorm}};
/// use densecore::{Cpu, View, ViewMut};
/// let norm = LayerNorm { gamma: &[1.0, 2.0], beta: &[0.0, 1.0], eps: 0.0 };
/// let (mut y, mut mean, mut rstd) = ([f32::NAN; 2], [f32::NAN], [f32::NAN]);
/// let (input, output) = (View::new(1, 2, &[3.0, 7.0])?, ViewMut::new(1, 2, &mut y)?);
/// let saved = SavedMut { mean: &mut mean, rstd: &mut rstd };
/// layer::forward(Cpu::detect(), norm, input, output, saved)?;
/// assert_eq!((y, mean, rstd), ([-1.0, 3.0], [5.0], [0.5]));
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn forward(
    cpu: Cpu,
    norm: LayerNorm<'_>,
    input: View<'_>,
    output: ViewMut<'_>,
    saved: SavedMut<'_>,
) -> Result<()> {
    let (rows, cols) = input.shape();
    norm.check(cols)?;
    check_shape("output", input.shape(), output.shape())?;
    check_len("mean", rows, saved.mean.len())?;
    check_len("rstd", rows, saved.rstd.len())?;
    let places = (output, (saved.mean, saved.rstd));
    for_each_block(cpu, places, &|first, (mut output, (means, rstds))| {
        let statistics = means.iter_mut().zip(rstds);
        dispatch!(cpu.level(), s => for (i, (mean, rstd)) in statistics.enumerate() {
            let x = input.row(first + i).unwrap_or(&[]);
            (*mean, *rstd) = moments(s, x, norm.eps);
            let kernel = Normalise { mean: *mean, rstd: *rstd };
            let y = output.row_mut(i).unwrap_or(&mut []);
            slice::update(s, &kernel, [x, norm.gamma, norm.beta], [y]);
        });
    });
    Ok(())
}

/// The gradients from `d_output = dY [batch, features]`.
///
/// Errors: [`Value`](crate::Error::Value) names `eps`, [`Shape`](crate::Error::Shape) `d_output`
/// or `d_input`, [`Length`](crate::Error::Length) `gamma`, `beta`, `mean`, `rstd`, `d_gamma` or
/// `d_beta`; then nothing is written.
pub fn backward(
    cpu: Cpu,
    norm: LayerNorm<'_>,
    saved: Saved<'_>,
    d_output: View<'_>,
    gradients: Gradients<'_>,
) -> Result<()> {
    let Saved { input, mean, rstd } = saved;
    let (rows, cols) = input.shape();
    norm.check(cols)?;
    gradients.check(input, d_output)?;
    check_len("mean", rows, mean.len())?;
    check_len("rstd", rows, rstd.len())?;
    let Gradients { d_input, d_gamma, d_beta, accum } = gradients;
    for_each_block(cpu, d_input, &|first, mut d_input| {
        dispatch!(cpu.level(), s => for (i, d_x) in d_input.iter_rows_mut().enumerate() {
            let i = first + i;
            let (x, d_y) = (input.row(i).unwrap_or(&[]), d_output.row(i).unwrap_or(&[]));
            let row = Normalise { mean: mean[i], rstd: rstd[i] };
            let len = x.len() as f64;
            let slope = Slope {
                along_one: (rows_sum(s, &Scaled, [d_y, norm.gamma]) / len) as f32,
                along_h: (rows_sum(s, &row, [d_y, norm.gamma, x]) / len) as f32,
                row,
            };
            slice::update(s, &slope, [d_y, norm.gamma, x], [d_x]);
        });
    });
    column_sums(cpu, rows, accum, d_gamma, &GammaTerm { saved, d_output });
    column_sums(cpu, rows, accum, d_beta, &Elements(d_output));
    Ok(())
}

/// Mean and reciprocal deviation of a row.
#[inline(always)]
fn moments<S: Simd>(s: S, row: &[f32], eps: f64) -> (f32, f32) {
    let len = row.len() as f64;
    let mean = (row_sum(s, &Same, row) / len) as f32;
    let variance = row_sum(s, &SquaredDistance(mean), row) / len;
    (mean, reciprocal_deviation(variance, eps))
}

/// `(x - mean)^2`
struct SquaredDistance(f32);

impl Unary for SquaredDistance {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        let d = s.sub(x, s.splat(self.0));
        s.mul(d, d)
    }
}

/// The statistics of a row.
#[derive(Clone, Copy)]
struct Normalise {
    mean: f32,
    rstd: f32,
}

impl Normalise {
    /// `h = (x - mean) r`
    #[inline(always)]
    fn h<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        s.mul(s.sub(x, s.splat(self.mean)), s.splat(self.rstd))
    }
}

/// `h gamma + beta`
impl Update<3, 1> for Normalise {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, gamma, beta]: [S::F32; 3], _: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul_add(self.h(s, x), gamma, beta)]
    }
}

/// `q h`
impl UpdateSum<3, 0> for Normalise {
    #[inline(always)]
    fn eval<S: Simd>(
        &self,
        s: S,
        [d_y, gamma, x]: [S::F32; 3],
        _: [S::F32; 0],
    ) -> ([S::F32; 0], S::F32) {
        ([], s.mul(s.mul(d_y, gamma), self.h(s, x)))
    }
}

/// `sum + dY h`
impl Update<2, 1> for Normalise {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [d_y, x]: [S::F32; 2], [sum]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul_add(d_y, self.h(s, x), sum)]
    }
}

/// `q = dY gamma`
struct Scaled;

impl UpdateSum<2, 0> for Scaled {
    #[inline(always)]
    fn eval<S: Simd>(
        &self,
        s: S,
        [d_y, gamma]: [S::F32; 2],
        _: [S::F32; 0],
    ) -> ([S::F32; 0], S::F32) {
        ([], s.mul(d_y, gamma))
    }
}

/// `r (q - (sum q) / n - h (sum q h) / n)`
struct Slope {
    row: Normalise,
    along_one: f32,
    along_h: f32,
}

impl Update<3, 1> for Slope {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [d_y, gamma, x]: [S::F32; 3], _: [S::F32; 1]) -> [S::F32; 1] {
        let centred = s.sub(s.mul(d_y, gamma), s.splat(self.along_one));
        let rest = s.neg_mul_add(self.row.h(s, x), s.splat(self.along_h), centred);
        [s.mul(rest, s.splat(self.row.rstd))]
    }
}

/// `dY h`, summed over the rows.
struct GammaTerm<'a> {
    saved: Saved<'a>,
    d_output: View<'a>,
}

impl Term for GammaTerm<'_> {
    #[inline(always)]
    fn add<S: Simd>(&self, s: S, i: usize, cols: Range<usize>, sums: &mut [f32]) {
        let Saved { input, mean, rstd } = self.saved;
        let row = Normalise { mean: mean[i], rstd: rstd[i] };
        let reads = [part(self.d_output, i, cols.clone()), part(input, i, cols)];
        slice::update(s, &row, reads, [sums]);
    }
}

//! Normalisation of each row by its root mean square (B. Zhang, R. Sennrich, "Root mean square layer
//! normalization", NeurIPS 2019; `torch.nn.RMSNorm`).
//!
//! ```text
//!   forward    r = 1 / sqrt(sum x^2 / n + eps)     h = x r     y = h gamma
//!
//!   backward   q = dY gamma
//!              dX = r (q - h (sum q h) / n)
//!              d_gamma = column sums of dY h
//! ```

use core::ops::Range;

use super::columns::{Term, column_sums, part};
use super::{check_eps, reciprocal_deviation, row_sum, rows_sum};
use crate::cpu::Cpu;
use crate::error::{Result, check_len, check_shape};
use crate::gemm::Accum;
use crate::parallel::for_each_block;
use crate::simd::slice::{self, Unary, Update, UpdateSum};
use crate::simd::{Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// The parameters, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct RmsNorm<'a> {
    /// `[features]`; ones in the beginning.
    pub gamma: &'a [f32],
    /// Added to the mean square; PyTorch's default is [`EPS`].
    pub eps: f64,
}

/// PyTorch's default: the distance from 1 to the next f32.
pub const EPS: f64 = f32::EPSILON as f64;

/// What the backward pass reads of the forward pass.
#[derive(Clone, Copy, Debug)]
pub struct Saved<'a> {
    /// X, `[batch, features]`, as it was in the forward pass.
    pub input: View<'a>,
    /// r of each row.
    pub rstd: &'a [f32],
}

/// Where the gradients go.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// dX, `[batch, features]`, which is overwritten.
    pub d_input: ViewMut<'a>,
    /// `[features]`
    pub d_gamma: &'a mut [f32],
    /// Whether `d_gamma` is overwritten or added to.
    pub accum: Accum,
}

impl RmsNorm<'_> {
    fn check(&self, features: usize) -> Result<()> {
        check_eps(self.eps)?;
        check_len("gamma", features, self.gamma.len())
    }
}

/// Normalises each row of `input [batch, features]` into `output`, which is not read; `rstd` has an
/// element for each row.
///
/// Errors: [`Value`](crate::Error::Value) names `eps`, [`Shape`](crate::Error::Shape) `output`,
/// [`Length`](crate::Error::Length) `gamma` or `rstd`.
///
/// ```
/// use densecore::norm::rms::{self, RmsNorm};
/// use densecore::{Cpu, View, ViewMut};
/// let norm = RmsNorm { gamma: &[1.0, 2.0, 1.0, 1.0], eps: 0.0 };
/// let (mut y, mut rstd) = ([f32::NAN; 4], [f32::NAN]);
/// let input = View::new(1, 4, &[1.0, -1.0, 5.0, 3.0])?;
/// rms::forward(Cpu::detect(), norm, input, ViewMut::new(1, 4, &mut y)?, &mut rstd)?;
/// assert_eq!(rstd, [1.0 / 3.0]);
/// assert_eq!(y, [1.0, -2.0, 5.0, 3.0].map(|y| y * rstd[0]));
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn forward(
    cpu: Cpu,
    norm: RmsNorm<'_>,
    input: View<'_>,
    output: ViewMut<'_>,
    rstd: &mut [f32],
) -> Result<()> {
    let (rows, cols) = input.shape();
    norm.check(cols)?;
    check_shape("output", input.shape(), output.shape())?;
    check_len("rstd", rows, rstd.len())?;
    for_each_block(cpu, (output, rstd), &|first, (mut output, rstds)| {
        dispatch!(cpu.level(), s => for (i, rstd) in rstds.iter_mut().enumerate() {
            let x = input.row(first + i).unwrap_or(&[]);
            let mean_square = row_sum(s, &Square, x) / x.len() as f64;
            *rstd = reciprocal_deviation(mean_square, norm.eps);
            let y = output.row_mut(i).unwrap_or(&mut []);
            slice::update(s, &Normalise(*rstd), [x, norm.gamma], [y]);
        });
    });
    Ok(())
}

/// The gradients from `d_output = dY [batch, features]`.
///
/// Errors: [`Value`](crate::Error::Value) names `eps`, [`Shape`](crate::Error::Shape) `d_output`
/// or `d_input`, [`Length`](crate::Error::Length) `gamma`, `rstd` or `d_gamma`; then nothing is
/// written.
pub fn backward(
    cpu: Cpu,
    norm: RmsNorm<'_>,
    saved: Saved<'_>,
    d_output: View<'_>,
    gradients: Gradients<'_>,
) -> Result<()> {
    let Saved { input, rstd } = saved;
    let Gradients { d_input, d_gamma, accum } = gradients;
    let (rows, cols) = input.shape();
    norm.check(cols)?;
    check_shape("d_output", input.shape(), d_output.shape())?;
    check_shape("d_input", input.shape(), d_input.shape())?;
    check_len("d_gamma", cols, d_gamma.len())?;
    check_len("rstd", rows, rstd.len())?;
    for_each_block(cpu, d_input, &|first, mut d_input| {
        dispatch!(cpu.level(), s => for (i, d_x) in d_input.iter_rows_mut().enumerate() {
            let i = first + i;
            let (x, d_y) = (input.row(i).unwrap_or(&[]), d_output.row(i).unwrap_or(&[]));
            let row = Normalise(rstd[i]);
            let along_h = rows_sum(s, &row, [d_y, norm.gamma, x]) / x.len() as f64;
            let slope = Slope { row, along_h: along_h as f32 };
            slice::update(s, &slope, [d_y, norm.gamma, x], [d_x]);
        });
    });
    column_sums(cpu, rows, accum, d_gamma, &GammaTerm { saved, d_output });
    Ok(())
}

/// `x^2`
struct Square;

impl Unary for Square {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        s.mul(x, x)
    }
}

/// The r of a row, with `h = x r`.
#[derive(Clone, Copy)]
struct Normalise(f32);

/// `h gamma`
impl Update<2, 1> for Normalise {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, gamma]: [S::F32; 2], _: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(s.mul(x, s.splat(self.0)), gamma)]
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
        ([], s.mul(s.mul(d_y, gamma), s.mul(x, s.splat(self.0))))
    }
}

/// `r (q - h (sum q h) / n)`
struct Slope {
    row: Normalise,
    along_h: f32,
}

impl Update<3, 1> for Slope {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [d_y, gamma, x]: [S::F32; 3], _: [S::F32; 1]) -> [S::F32; 1] {
        let r = s.splat(self.row.0);
        let rest = s.neg_mul_add(s.mul(x, r), s.splat(self.along_h), s.mul(d_y, gamma));
        [s.mul(rest, r)]
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
        let reads = [part(self.d_output, i, cols.clone()), part(self.saved.input, i, cols)];
        slice::update(s, &AddProduct(self.saved.rstd[i]), reads, [sums]);
    }
}

/// `sum + dY h`
struct AddProduct(f32);

impl Update<2, 1> for AddProduct {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [d_y, x]: [S::F32; 2], [sum]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul_add(d_y, s.mul(x, s.splat(self.0)), sum)]
    }
}

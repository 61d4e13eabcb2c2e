//! With the statistics of the batch.

use core::ops::Range;

use super::{BatchNorm, GammaTerm, Running, check, h, normalise};
use crate::cpu::Cpu;
use crate::error::{Error, Result, check_len};
use crate::gemm::Accum;
use crate::norm::columns::{Elements, Term, column_sums, part};
use crate::norm::{Gradients, Saved, SavedMut, reciprocal_deviation};
use crate::parallel::for_each_block;
use crate::scratch::Scratch;
use crate::simd::slice::{self, Update};
use crate::simd::{Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// PyTorch's default.
pub const MOMENTUM: f64 = 0.1;

/// The running statistics, which training updates.
#[derive(Debug)]
pub struct RunningMut<'a> {
    /// `[features]`; zeros in the beginning.
    pub mean: &'a mut [f32],
    /// `[features]`; ones in the beginning.
    pub var: &'a mut [f32],
    /// The share of the new statistics, from 0 to 1; PyTorch's default is [`MOMENTUM`].
    pub momentum: f64,
}

/// Normalises each column of `input [batch, features]` into `output`, which is not read, and
/// updates the running statistics; `saved` has an element for each column.
///
/// Errors: [`Value`](Error::Value) names `eps`, `momentum`, or `input` if it has fewer than two
/// rows, of which there is no variance; [`Shape`](Error::Shape) names `output`,
/// [`Length`](Error::Length) `gamma`, `beta`, `running_mean`, `running_var`, `mean` or `rstd`. Then
/// nothing is written.
///
/// ```
/// use densecore::norm::{SavedMut, batch::{BatchNorm, train::{self, RunningMut}}};
/// use densecore::{Cpu, View, ViewMut};
/// let norm = BatchNorm { gamma: &[2.0], beta: &[1.0], eps: 0.0 };
/// let (mut running_mean, mut running_var) = ([0.0], [1.0]);
/// let running = RunningMut { mean: &mut running_mean, var: &mut running_var, momentum: 0.5 };
/// let (mut y, mut mean, mut rstd) = ([f32::NAN; 2], [f32::NAN], [f32::NAN]);
/// let (input, output) = (View::new(2, 1, &[3.0, 7.0])?, ViewMut::new(2, 1, &mut y)?);
/// let saved = SavedMut { mean: &mut mean, rstd: &mut rstd };
/// train::forward(Cpu::detect(), norm, running, input, output, saved)?;
/// assert_eq!((y, mean, rstd), ([-1.0, 3.0], [5.0], [0.5]));
/// assert_eq!((running_mean, running_var), ([2.5], [4.5]));
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn forward(
    cpu: Cpu,
    norm: BatchNorm<'_>,
    running: RunningMut<'_>,
    input: View<'_>,
    output: ViewMut<'_>,
    saved: SavedMut<'_>,
) -> Result<()> {
    let RunningMut { mean: running_mean, var: running_var, momentum } = running;
    let (rows, cols) = input.shape();
    let unsaved = Running { mean: running_mean, var: running_var };
    check(norm, unsaved, input, &output, &saved)?;
    let invalid = |argument, expected, found| Err(Error::Value { argument, expected, found });
    if !(0.0..=1.0).contains(&momentum) {
        return invalid("momentum", "a number from 0 to 1", momentum);
    }
    if rows < 2 {
        return invalid("input", "at least 2 rows, for their variance", rows as f64);
    }
    let SavedMut { mean, rstd } = saved;
    let count = rows as f64;
    column_sums(cpu, rows, Accum::Replace, mean, &Elements(input));
    for j in 0..cols {
        let value = f64::from(mean[j]) / count;
        mean[j] = value as f32;
        running_mean[j] = moved(running_mean[j], value, momentum);
    }
    column_sums(cpu, rows, Accum::Replace, rstd, &SquaredDistances { input, mean });
    for j in 0..cols {
        let squares = f64::from(rstd[j]);
        rstd[j] = reciprocal_deviation(squares / count, norm.eps);
        running_var[j] = moved(running_var[j], squares / (count - 1.0), momentum);
    }
    normalise(cpu, norm, input, output, mean, rstd);
    Ok(())
}

/// `(1 - m) old + m new`
fn moved(old: f32, new: f64, momentum: f64) -> f32 {
    ((1.0 - momentum) * f64::from(old) + momentum * new) as f32
}

/// The gradients from `d_output = dY [batch, features]`; the sums of this batch stand in `scratch`
/// on the way.
///
/// Errors: [`Value`](Error::Value) names `eps`, [`Shape`](Error::Shape) `d_output` or `d_input`,
/// [`Length`](Error::Length) `gamma`, `beta`, `mean`, `rstd`, `d_gamma` or `d_beta`; then nothing is
/// written.
pub fn backward(
    cpu: Cpu,
    scratch: &mut Scratch,
    norm: BatchNorm<'_>,
    saved: Saved<'_>,
    d_output: View<'_>,
    gradients: Gradients<'_>,
) -> Result<()> {
    let Saved { input, mean, rstd } = saved;
    let (rows, cols) = input.shape();
    norm.check(cols)?;
    gradients.check(input, d_output)?;
    check_len("mean", cols, mean.len())?;
    check_len("rstd", cols, rstd.len())?;
    let Gradients { d_input, d_gamma, d_beta, accum } = gradients;
    let (along_h, along_one) = scratch.take(cols.saturating_mul(2))?.split_at_mut(cols);
    column_sums(cpu, rows, Accum::Replace, along_h, &GammaTerm { saved, d_output });
    column_sums(cpu, rows, Accum::Replace, along_one, &Elements(d_output));
    for (to, sums) in [(d_gamma, &mut *along_h), (d_beta, &mut *along_one)] {
        for (to, sum) in to.iter_mut().zip(sums) {
            *to = if accum == Accum::Replace { *sum } else { *to + *sum };
            *sum = (f64::from(*sum) / rows as f64) as f32;
        }
    }
    let (along_h, along_one) = (&*along_h, &*along_one);
    for_each_block(cpu, d_input, &|first, mut d_input| {
        dispatch!(cpu.level(), s => for (i, d_x) in d_input.iter_rows_mut().enumerate() {
            let i = first + i;
            let (x, d_y) = (input.row(i).unwrap_or(&[]), d_output.row(i).unwrap_or(&[]));
            let reads = [d_y, x, mean, rstd, norm.gamma, along_h, along_one];
            slice::update(s, &Slope, reads, [d_x]);
        });
    });
    Ok(())
}

/// `gamma r (dY - d_beta / B - h d_gamma / B)`
struct Slope;

impl Update<7, 1> for Slope {
    #[inline(always)]
    fn eval<S: Simd>(
        &self,
        s: S,
        [d_y, x, mean, rstd, gamma, along_h, along_one]: [S::F32; 7],
        _: [S::F32; 1],
    ) -> [S::F32; 1] {
        let centred = s.sub(d_y, along_one);
        let rest = s.neg_mul_add(h(s, x, mean, rstd), along_h, centred);
        [s.mul(rest, s.mul(gamma, rstd))]
    }
}

/// `(x - mean)^2`, summed over the rows.
struct SquaredDistances<'a> {
    input: View<'a>,
    mean: &'a [f32],
}

impl Term for SquaredDistances<'_> {
    #[inline(always)]
    fn add<S: Simd>(&self, s: S, i: usize, cols: Range<usize>, sums: &mut [f32]) {
        let reads = [part(self.input, i, cols.clone()), &self.mean[cols]];
        slice::update(s, &AddSquaredDistance, reads, [sums]);
    }
}

/// `sum + (x - mean)^2`
struct AddSquaredDistance;

impl Update<2, 1> for AddSquaredDistance {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, mean]: [S::F32; 2], [sum]: [S::F32; 1]) -> [S::F32; 1] {
        let d = s.sub(x, mean);
        [s.mul_add(d, d, sum)]
    }
}

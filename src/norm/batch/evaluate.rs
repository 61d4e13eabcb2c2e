//! With the running statistics, which are constants here.

use super::{BatchNorm, GammaTerm, Running, check, normalise};
use crate::cpu::Cpu;
use crate::error::{Result, check_len};
use crate::norm::columns::{Elements, column_sums};
use crate::norm::{Gradients, Saved, SavedMut, reciprocal_deviation};
use crate::parallel::for_each_block;
use crate::simd::slice::{self, Update};
use crate::simd::{Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// Normalises each column of `input [batch, features]` with the running statistics into `output`,
/// which is not read. `saved` gets them for a backward pass.
///
/// Errors: [`Value`](crate::Error::Value) names `eps`, [`Shape`](crate::Error::Shape) `output`,
/// [`Length`](crate::Error::Length) `gamma`, `beta`, `running_mean`, `running_var`, `mean` or
/// `rstd`; then nothing is written.
pub fn forward(
    cpu: Cpu,
    norm: BatchNorm<'_>,
    running: Running<'_>,
    input: View<'_>,
    output: ViewMut<'_>,
    saved: SavedMut<'_>,
) -> Result<()> {
    check(norm, running, input, &output, &saved)?;
    let SavedMut { mean, rstd } = saved;
    mean.copy_from_slice(running.mean);
    for (rstd, &var) in rstd.iter_mut().zip(running.var) {
        *rstd = reciprocal_deviation(f64::from(var), norm.eps);
    }
    normalise(cpu, norm, input, output, mean, rstd);
    Ok(())
}

/// The gradients from `d_output = dY [batch, features]`.
///
/// Errors: as for the backward pass of [`train`](super::train::backward).
pub fn backward(
    cpu: Cpu,
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
    column_sums(cpu, rows, accum, d_gamma, &GammaTerm { saved, d_output });
    column_sums(cpu, rows, accum, d_beta, &Elements(d_output));
    for_each_block(cpu, d_input, &|first, mut d_input| {
        dispatch!(cpu.level(), s => for (i, d_x) in d_input.iter_rows_mut().enumerate() {
            let d_y = d_output.row(first + i).unwrap_or(&[]);
            slice::update(s, &Slope, [d_y, rstd, norm.gamma], [d_x]);
        });
    });
    Ok(())
}

/// `gamma r dY`
struct Slope;

impl Update<3, 1> for Slope {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [d_y, rstd, gamma]: [S::F32; 3], _: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(d_y, s.mul(gamma, rstd))]
    }
}

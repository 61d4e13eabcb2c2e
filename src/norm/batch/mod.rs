//! Batch normalisation of each feature over the rows of a batch (S. Ioffe, C. Szegedy, "Batch
//! normalization", ICML 2015; `torch.nn.BatchNorm1d`).
//!
//! ```text
//!   train      mean = sum x / B     v = sum (x - mean)^2 / B     r = 1 / sqrt(v + eps)
//!              h = (x - mean) r     y = h gamma + beta           all sums over the rows
//!              running_mean <- (1 - m) running_mean + m mean
//!              running_var  <- (1 - m) running_var  + m v B / (B - 1)      the unbiased one
//!
//!   evaluate   the same y from the running mean and variance
//!
//!   backward   d_gamma = sum dY h     d_beta = sum dY
//!              dX = gamma r (dY - d_beta / B - h d_gamma / B)      after training
//!              dX = gamma r dY                                     after evaluation
//! ```

pub mod evaluate;
pub mod train;

use core::ops::Range;

use super::columns::{Term, part};
use super::{Saved, SavedMut, check_eps};
use crate::cpu::Cpu;
use crate::error::{Result, check_len, check_shape};
use crate::parallel::for_each_block;
use crate::simd::slice::{self, Update};
use crate::simd::{Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// The parameters, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// `[features]`; ones in the beginning.
    pub gamma: &'a [f32],
    /// `[features]`; zeros in the beginning.
    pub beta: &'a [f32],
    /// Added to the variance; PyTorch's default is [`EPS`].
    pub eps: f64,
}

/// PyTorch's default.
pub const EPS: f64 = 1e-5;

/// PyTorch's default.
pub const MOMENTUM: f64 = 0.1;

/// The running statistics.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// `[features]`
    pub mean: &'a [f32],
    /// `[features]`
    pub var: &'a [f32],
}

impl BatchNorm<'_> {
    fn check(&self, features: usize) -> Result<()> {
        check_eps(self.eps)?;
        check_len("gamma", features, self.gamma.len())?;
        check_len("beta", features, self.beta.len())
    }
}

fn check(
    norm: BatchNorm<'_>,
    running: Running<'_>,
    input: View<'_>,
    output: &ViewMut<'_>,
    saved: &SavedMut<'_>,
) -> Result<()> {
    let cols = input.cols();
    norm.check(cols)?;
    check_shape("output", input.shape(), output.shape())?;
    check_len("running_mean", cols, running.mean.len())?;
    check_len("running_var", cols, running.var.len())?;
    check_len("mean", cols, saved.mean.len())?;
    check_len("rstd", cols, saved.rstd.len())
}

/// `h gamma + beta`
fn normalise(
    cpu: Cpu,
    norm: BatchNorm<'_>,
    input: View<'_>,
    output: ViewMut<'_>,
    mean: &[f32],
    rstd: &[f32],
) {
    for_each_block(cpu, output, &|first, mut output| {
        dispatch!(cpu.level(), s => for (i, y) in output.iter_rows_mut().enumerate() {
            let x = input.row(first + i).unwrap_or(&[]);
            slice::update(s, &Normalise, [x, mean, rstd, norm.gamma, norm.beta], [y]);
        });
    });
}

/// `(x - mean) r`
#[inline(always)]
fn h<S: Simd>(s: S, x: S::F32, mean: S::F32, rstd: S::F32) -> S::F32 {
    s.mul(s.sub(x, mean), rstd)
}

/// `h gamma + beta`
struct Normalise;

impl Update<5, 1> for Normalise {
    #[inline(always)]
    fn eval<S: Simd>(
        &self,
        s: S,
        [x, mean, rstd, gamma, beta]: [S::F32; 5],
        _: [S::F32; 1],
    ) -> [S::F32; 1] {
        [s.mul_add(h(s, x, mean, rstd), gamma, beta)]
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
        let (d_y, x) = (part(self.d_output, i, cols.clone()), part(input, i, cols.clone()));
        slice::update(s, &AddProduct, [d_y, x, &mean[cols.clone()], &rstd[cols]], [sums]);
    }
}

/// `sum + dY h`
struct AddProduct;

impl Update<4, 1> for AddProduct {
    #[inline(always)]
    fn eval<S: Simd>(
        &self,
        s: S,
        [d_y, x, mean, rstd]: [S::F32; 4],
        [sum]: [S::F32; 1],
    ) -> [S::F32; 1] {
        [s.mul_add(d_y, h(s, x, mean, rstd), sum)]
    }
}

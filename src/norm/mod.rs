//! Normalisers: values shifted and scaled to mean 0 and variance 1, then by learned `gamma` and
//! `beta`, forward and backward.
//!
//! | module | statistics over | formula | source |
//! |---|---|---|---|
//! | [`layer`] | each row | `(x - mean) rstd gamma + beta` | Ba, Kiros and Hinton 2016 |
//! | [`rms`] | each row, about 0 | `x rstd gamma` | Zhang and Sennrich 2019 |
//! | [`batch`] | each column | `(x - mean) rstd gamma + beta` | Ioffe and Szegedy 2015 |
//!
//! `rstd` is `1 / sqrt(variance + eps)`. A forward pass writes the statistics to the caller's
//! memory, and the backward pass reads them again; with the input they are all it needs.
//!
//! Variances are computed in two passes, about the mean. The sum over a row has 32 partial sums for
//! every 1024 elements, which are added in f64; the sum over a column is one of blocks of 64 rows.
//! So a result depends on shapes only: the same bits for any number of threads, and on every level
//! with a fused multiply-add. NaN in a row, or in a column of a batch, makes all of it NaN.

pub mod batch;
mod columns;
pub mod layer;
pub mod rms;

use crate::error::{Error, Result, check_len, check_shape};
use crate::gemm::Accum;
use crate::simd::Simd;
use crate::simd::slice::{self, Unary, UpdateSum};
use crate::tensor::{View, ViewMut};

/// Where a forward pass leaves the statistics that it has normalised with.
#[derive(Debug)]
pub struct SavedMut<'a> {
    /// Mean of each row, or of each column of a batch.
    pub mean: &'a mut [f32],
    /// `1 / sqrt(variance + eps)`, likewise.
    pub rstd: &'a mut [f32],
}

/// The same for the backward pass.
#[derive(Clone, Copy, Debug)]
pub struct Saved<'a> {
    /// X, `[batch, features]`, as it was in the forward pass.
    pub input: View<'a>,
    /// Mean of each row, or of each column of a batch.
    pub mean: &'a [f32],
    /// `1 / sqrt(variance + eps)`, likewise.
    pub rstd: &'a [f32],
}

/// Where the gradients go.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// dX, `[batch, features]`, which is overwritten.
    pub d_input: ViewMut<'a>,
    /// `[features]`
    pub d_gamma: &'a mut [f32],
    /// `[features]`
    pub d_beta: &'a mut [f32],
    /// Whether `d_gamma` and `d_beta` are overwritten or added to.
    pub accum: Accum,
}

impl Gradients<'_> {
    /// Ok if all of the gradients have the shapes of the input.
    fn check(&self, input: View<'_>, d_output: View<'_>) -> Result<()> {
        check_shape("d_output", input.shape(), d_output.shape())?;
        check_shape("d_input", input.shape(), self.d_input.shape())?;
        check_len("d_gamma", input.cols(), self.d_gamma.len())?;
        check_len("d_beta", input.cols(), self.d_beta.len())
    }
}

fn check_eps(eps: f64) -> Result<()> {
    if eps >= 0.0 && eps.is_finite() {
        return Ok(());
    }
    Err(Error::Value { argument: "eps", expected: "a finite number not below 0", found: eps })
}

/// `1 / sqrt(variance + eps)`
fn reciprocal_deviation(variance: f64, eps: f64) -> f32 {
    (1.0 / (variance + eps).sqrt()) as f32
}

/// Elements of a row whose sum is formed in f32; the sums of such runs are added in f64.
const RUN: usize = 1024;

/// The sum of `f(x)` over a row.
#[inline(always)]
fn row_sum<S: Simd>(s: S, f: &impl Unary, row: &[f32]) -> f64 {
    let mut sum = 0.0;
    for run in row.chunks(RUN) {
        sum += f64::from(slice::sum(s, f, run));
    }
    sum
}

/// The sum of the terms of several rows, as many elements each.
#[inline(always)]
fn rows_sum<S: Simd, const R: usize>(s: S, f: &impl UpdateSum<R, 0>, rows: [&[f32]; R]) -> f64 {
    let len = rows[0].len();
    let (mut sum, mut first) = (0.0, 0);
    while first < len {
        let mut runs = [&[][..]; R];
        for r in 0..R {
            runs[r] = rows[r].get(first..len.min(first + RUN)).unwrap_or(&[]);
        }
        sum += f64::from(slice::update_sum(s, f, runs, []));
        first += RUN;
    }
    sum
}

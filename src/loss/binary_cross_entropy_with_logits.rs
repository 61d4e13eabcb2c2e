//! Binary cross entropy of logits.
//!
//! ```text
//!   value      p t log(1 + e^-x) + (1 - t) log(1 + e^x)          p: weight of positive answers
//!   slope      (1 - t) s(x) - p t s(-x)                          s(x) = 1 / (1 + e^-x)
//! ```
//!
//! Without weight the slope is `s(x) - t`. In the form above nothing cancels for targets of 0 and 1:
//! small values and slopes are as accurate as large ones.

use super::softplus::softplus;
use super::{ElementLoss, check_finite};
use crate::error::{Result, check_len};
use crate::simd::Simd;

/// The cross entropy of probabilities `1 / (1 + e^-x)` and targets t, from 0 to 1: PyTorch's
/// `binary_cross_entropy_with_logits`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinaryCrossEntropyWithLogits {
    /// The weight of positive answers, in all columns; finite.
    pub pos_weight: f32,
}

impl Default for BinaryCrossEntropyWithLogits {
    /// Positive answers weigh as much as negative ones.
    fn default() -> Self {
        Self { pos_weight: 1.0 }
    }
}

/// [`BinaryCrossEntropyWithLogits`] with a weight for each column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BinaryCrossEntropyByColumn<'a> {
    /// The weights of positive answers, one for each column; finite.
    pub pos_weight: &'a [f32],
}

impl ElementLoss for BinaryCrossEntropyWithLogits {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        weighted(s, x, t, s.splat(self.pos_weight))
    }

    fn check(&self, _: usize) -> Result<()> {
        check_finite("pos_weight", &[self.pos_weight])
    }
}

impl ElementLoss for BinaryCrossEntropyByColumn<'_> {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        weighted(s, x, t, s.splat(1.0))
    }

    #[inline(always)]
    fn columns(&self) -> Option<&[f32]> {
        Some(self.pos_weight)
    }

    #[inline(always)]
    fn value_and_slope_in_column<S: Simd>(
        &self,
        s: S,
        x: S::F32,
        t: S::F32,
        pos_weight: S::F32,
    ) -> (S::F32, S::F32) {
        weighted(s, x, t, pos_weight)
    }

    fn check(&self, cols: usize) -> Result<()> {
        check_len("pos_weight", cols, self.pos_weight.len())?;
        check_finite("pos_weight", self.pos_weight)
    }
}

#[inline(always)]
fn weighted<S: Simd>(s: S, x: S::F32, t: S::F32, pos_weight: S::F32) -> (S::F32, S::F32) {
    let softplus = softplus(s, x);
    let (positive, negative) = (s.mul(pos_weight, t), s.sub(s.splat(1.0), t));
    let value = s.mul_add(positive, softplus.of_minus_x, s.mul(negative, softplus.of_x));
    let slope = s.mul(negative, softplus.slope);
    (value, s.neg_mul_add(positive, softplus.slope_at_minus_x, slope))
}

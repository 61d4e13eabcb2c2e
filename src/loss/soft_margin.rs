//! The soft margin loss, of logistic regression.
//!
//! ```text
//!   value      log(1 + e^(-t x))
//!   slope      -t / (1 + e^(t x))
//! ```

use super::ElementLoss;
use super::softplus::softplus;
use crate::simd::Simd;

/// `log(1 + e^(-t x))` for targets t of 1 and -1: PyTorch's `soft_margin_loss`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SoftMargin;

impl ElementLoss for SoftMargin {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        let softplus = softplus(s, s.mul(t, x));
        (softplus.of_minus_x, s.neg(s.mul(t, softplus.slope_at_minus_x)))
    }
}

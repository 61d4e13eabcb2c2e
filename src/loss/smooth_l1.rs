//! The smooth L1 loss: the absolute error with a parabola in the place of its kink.
//!
//! ```text
//!   value      d^2 / (2 beta)      |d| < beta           d = x - t
//!              |d| - beta / 2      elsewhere
//!   slope      c = d / beta, cut off at -1 and 1;  0 at d = 0, with beta = 0 too
//! ```
//!
//! Both lines of the value are `c (d - c beta / 2)`, where nothing cancels.

use super::ElementLoss;
use crate::error::{Error, Result};
use crate::simd::Simd;

/// The [`Huber`](super::Huber) loss divided by its delta: PyTorch's `smooth_l1_loss`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothL1 {
    /// Where the parabola ends; 0 is the absolute error.
    pub beta: f32,
}

impl Default for SmoothL1 {
    /// `beta` 1.
    fn default() -> Self {
        Self { beta: 1.0 }
    }
}

impl ElementLoss for SmoothL1 {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        let d = s.sub(x, t);
        let ratio = s.div(d, s.splat(self.beta));
        let c = s.max(s.splat(-1.0), s.min(s.splat(1.0), ratio));
        // Zero, whose ratio may be 0 / 0, and NaN are their own slopes.
        let c = s.select(s.lt(s.splat(0.0), s.abs(d)), c, d);
        (s.mul(c, s.neg_mul_add(s.splat(0.5 * self.beta), c, d)), c)
    }

    fn check(&self, _: usize) -> Result<()> {
        let found = f64::from(self.beta);
        let error = Error::Value { argument: "beta", expected: "a finite number from 0", found };
        if self.beta >= 0.0 && self.beta.is_finite() { Ok(()) } else { Err(error) }
    }
}

//! The Huber loss: a parabola that goes on as straight lines.
//!
//! ```text
//!   value      d^2 / 2                    |d| <= delta           d = x - t
//!              delta (|d| - delta / 2)    elsewhere
//!   slope      c = d, cut off at -delta and delta
//! ```
//!
//! Both lines of the value are `c (d - c / 2)`, where nothing cancels.

use super::ElementLoss;
use crate::error::{Error, Result};
use crate::simd::Simd;

/// Quadratic for errors up to `delta`, linear beyond: PyTorch's `huber_loss`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber {
    /// Where the parabola ends; finite, above 0.
    pub delta: f32,
}

impl Default for Huber {
    /// `delta` 1.
    fn default() -> Self {
        Self { delta: 1.0 }
    }
}

impl ElementLoss for Huber {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        let d = s.sub(x, t);
        // `d` is second, so that a NaN survives.
        let c = s.max(s.splat(-self.delta), s.min(s.splat(self.delta), d));
        (s.mul(c, s.neg_mul_add(s.splat(0.5), c, d)), c)
    }

    fn check(&self, _: usize) -> Result<()> {
        let found = f64::from(self.delta);
        let error = Error::Value { argument: "delta", expected: "a finite number above 0", found };
        if self.delta > 0.0 && self.delta.is_finite() { Ok(()) } else { Err(error) }
    }
}

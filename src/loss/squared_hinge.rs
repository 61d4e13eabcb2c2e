//! The squared hinge loss.
//!
//! ```text
//!   value      h^2          h = max(0, margin - t x)
//!   slope      -2 t h
//! ```

use super::{ElementLoss, check_finite};
use crate::error::Result;
use crate::simd::Simd;

/// `max(0, margin - t x)^2` for targets t of 1 and -1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquaredHinge {
    /// From where on an answer is right enough; finite.
    pub margin: f32,
}

impl Default for SquaredHinge {
    /// `margin` 1.
    fn default() -> Self {
        Self { margin: 1.0 }
    }
}

impl ElementLoss for SquaredHinge {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        // The product is second, so that a NaN survives.
        let h = s.max(s.splat(0.0), s.neg_mul_add(t, x, s.splat(self.margin)));
        (s.mul(h, h), s.mul(s.mul(s.splat(-2.0), t), h))
    }

    fn check(&self, _: usize) -> Result<()> {
        check_finite("margin", &[self.margin])
    }
}

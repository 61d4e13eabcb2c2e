//! The hinge loss, of support vector machines.
//!
//! ```text
//!   value      h = max(0, margin - t x)
//!   slope      -t  if h > 0,  else 0
//! ```

use super::{ElementLoss, check_finite};
use crate::error::Result;
use crate::simd::Simd;

/// `max(0, margin - t x)` for targets t of 1 and -1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hinge {
    /// From where on an answer is right enough; finite.
    pub margin: f32,
}

impl Default for Hinge {
    /// `margin` 1.
    fn default() -> Self {
        Self { margin: 1.0 }
    }
}

impl ElementLoss for Hinge {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        let zero = s.splat(0.0);
        // The product is second, so that a NaN survives.
        let h = s.max(zero, s.neg_mul_add(t, x, s.splat(self.margin)));
        (h, s.select(s.le(h, zero), zero, s.neg(t)))
    }

    fn check(&self, _: usize) -> Result<()> {
        check_finite("margin", &[self.margin])
    }
}

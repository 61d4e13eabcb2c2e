//! `f(z) = min(max(z, lo), hi)`, `f' = 1 if lo < y < hi else 0` (Collobert 2004).
//!
//! The derivative is 0 at both ends and 1 at NaN, as in PyTorch.

use super::ActivationFn;
use crate::error::{Error, Result};
use crate::simd::Simd;

/// `z`, cut off at both ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hardtanh {
    /// lo: -1.
    pub min: f32,
    /// hi, above lo: 1.
    pub max: f32,
}

impl Hardtanh {
    /// From -1 to 1, as in PyTorch.
    pub const DEFAULT: Self = Self { min: -1.0, max: 1.0 };

    pub(super) fn check(&self) -> Result<()> {
        if self.min < self.max && self.min.is_finite() && self.max.is_finite() {
            return Ok(());
        }
        let expected = "a finite number above min, which is finite too";
        Err(Error::Value { argument: "max", expected, found: self.max.into() })
    }

    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let (lo, hi) = (f64::from(self.min), f64::from(self.max));
        if z <= lo {
            (lo, 0.0)
        } else if z >= hi {
            (hi, 0.0)
        } else {
            (z, 1.0)
        }
    }
}

impl ActivationFn for Hardtanh {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        s.min(s.splat(self.max), s.max(s.splat(self.min), z))
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        let below = s.select(s.le(y, s.splat(self.min)), zero, one);
        s.select(s.le(s.splat(self.max), y), zero, below)
    }
}

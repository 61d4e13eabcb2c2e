//! `f(z) = z if z > 0 else a (e^z - 1)`, `f' = 1 if y > 0 else y + a` (Clevert, Unterthiner and
//! Hochreiter 2016).
//!
//! At 0 the derivative is a, as in PyTorch.

use super::ActivationFn;
use crate::error::{Error, Result};
use crate::math;
use crate::simd::Simd;

/// The exponential linear unit: `z` where it is positive, `alpha (e^z - 1)` elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elu {
    /// a, not negative: 1.
    pub alpha: f32,
}

impl Elu {
    /// With PyTorch's alpha, 1.
    pub const DEFAULT: Self = Self { alpha: 1.0 };

    pub(super) fn check(&self) -> Result<()> {
        if self.alpha >= 0.0 && self.alpha.is_finite() {
            return Ok(());
        }
        let expected = "a finite number not below 0";
        Err(Error::Value { argument: "alpha", expected, found: self.alpha.into() })
    }

    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let a = f64::from(self.alpha);
        if z > 0.0 { (z, 1.0) } else { (a * z.exp_m1(), a * z.exp()) }
    }
}

impl ActivationFn for Elu {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        let below = s.mul(s.splat(self.alpha), math::expm1_nonpositive(s, z));
        s.select(s.gt(z, s.splat(0.0)), z, below)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        let below = s.add(y, s.splat(self.alpha));
        s.select(s.le(y, s.splat(0.0)), below, s.splat(1.0))
    }
}

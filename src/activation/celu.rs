//! `f(z) = z if z > 0 else a (e^(z/a) - 1)`, `f' = 1 if y > 0 else y/a + 1` (Barron 2017).
//!
//! The derivative is 1 on both sides of 0.

use super::ActivationFn;
use crate::error::{Error, Result};
use crate::math;
use crate::simd::Simd;

/// The continuously differentiable exponential linear unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Celu {
    /// a, positive: 1.
    pub alpha: f32,
}

impl Celu {
    /// With PyTorch's alpha, 1.
    pub const DEFAULT: Self = Self { alpha: 1.0 };

    pub(super) fn check(&self) -> Result<()> {
        if self.alpha > 0.0 && self.alpha.is_finite() && self.alpha.recip().is_finite() {
            return Ok(());
        }
        let expected = "a finite number above 0";
        Err(Error::Value { argument: "alpha", expected, found: self.alpha.into() })
    }

    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let a = f64::from(self.alpha);
        if z > 0.0 { (z, 1.0) } else { (a * (z / a).exp_m1(), (z / a).exp()) }
    }
}

impl ActivationFn for Celu {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        let a = s.splat(self.alpha);
        let below = s.mul(a, math::expm1_nonpositive(s, s.div(z, a)));
        s.select(s.gt(z, s.splat(0.0)), z, below)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        let below = s.add(s.div(y, s.splat(self.alpha)), s.splat(1.0));
        s.select(s.le(y, s.splat(0.0)), below, s.splat(1.0))
    }
}

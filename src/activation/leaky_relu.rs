//! `f(z) = z if z > 0 else a z`, `f' = 1 if y > 0 else a` (Maas, Hannun and Ng 2013).
//!
//! At 0 the derivative is a, as in PyTorch. y has the sign of z because a is not negative. With a = 0,
//! which is better written as ReLU, minus infinity gives NaN.

use super::ActivationFn;
use crate::error::{Error, Result};
use crate::simd::Simd;

/// The leaky rectified linear unit: `z` where it is positive, `slope * z` elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu {
    /// a, not negative: 0.01.
    pub slope: f32,
}

impl LeakyRelu {
    /// With PyTorch's slope, 0.01.
    pub const DEFAULT: Self = Self { slope: 0.01 };

    pub(super) fn check(&self) -> Result<()> {
        if self.slope >= 0.0 && self.slope.is_finite() {
            return Ok(());
        }
        let expected = "a finite number not below 0";
        Err(Error::Value { argument: "slope", expected, found: self.slope.into() })
    }

    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let a = f64::from(self.slope);
        if z > 0.0 { (z, 1.0) } else { (a * z, a) }
    }
}

impl ActivationFn for LeakyRelu {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        s.select(s.gt(z, s.splat(0.0)), z, s.mul(s.splat(self.slope), z))
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        s.select(s.gt(y, s.splat(0.0)), s.splat(1.0), s.splat(self.slope))
    }
}

//! `f(z) = z if |z| > k else 0`, `f' = 1 if y is not 0 else 0`.
//!
//! y is 0 exactly where z is between -k and k, and NaN passes a gradient unchanged, as in PyTorch.

use super::ActivationFn;
use crate::error::{Error, Result};
use crate::simd::Simd;

/// `z` where its magnitude is above lambda, 0 elsewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hardshrink {
    /// k, not negative: 0.5.
    pub lambda: f32,
}

impl Hardshrink {
    /// With PyTorch's lambda, 0.5.
    pub const DEFAULT: Self = Self { lambda: 0.5 };

    pub(super) fn check(&self) -> Result<()> {
        if self.lambda >= 0.0 && self.lambda.is_finite() {
            return Ok(());
        }
        let expected = "a finite number not below 0";
        Err(Error::Value { argument: "lambda", expected, found: self.lambda.into() })
    }

    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let k = f64::from(self.lambda);
        if z.abs() <= k { (0.0, 0.0) } else { (z, 1.0) }
    }
}

impl ActivationFn for Hardshrink {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        s.zero_where(s.le(s.abs(z), s.splat(self.lambda)), z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        s.zero_where(s.le(s.abs(y), s.splat(0.0)), s.splat(1.0))
    }
}

//! `f(z) = max(0, z)`, `f' = 0 if y <= 0 else 1` (Nair and Hinton 2010).
//!
//! As in PyTorch the derivative at 0 is 0, and that at NaN is 1: a gradient passes it unchanged.

use super::ActivationFn;
use crate::simd::Simd;

/// The rectified linear unit: `max(0, z)`, NaN where z is NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relu;

impl ActivationFn for Relu {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        // The data second: `max` returns its second operand where either is NaN.
        s.max(s.splat(0.0), z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        s.zero_where(s.le(y, s.splat(0.0)), s.splat(1.0))
    }
}

impl Relu {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        (if z <= 0.0 { 0.0 } else { z }, if z <= 0.0 { 0.0 } else { 1.0 })
    }
}

//! `f(z) = tanh z`, `f' = 1 - y^2`.

use super::ActivationFn;
use crate::math;
use crate::simd::Simd;

/// The hyperbolic tangent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tanh;

impl ActivationFn for Tanh {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::tanh(s, z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        s.neg_mul_add(y, y, s.splat(1.0))
    }
}

impl Tanh {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let y = z.tanh();
        (y, 1.0 - y * y)
    }
}

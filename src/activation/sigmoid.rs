//! `f(z) = 1 / (1 + e^-z)`, `f' = y (1 - y)`.

use super::ActivationFn;
use crate::math;
use crate::simd::Simd;

/// The logistic function: `1 / (1 + e^-z)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sigmoid;

impl ActivationFn for Sigmoid {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::sigmoid(s, z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        s.mul(y, s.sub(s.splat(1.0), y))
    }
}

impl Sigmoid {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let y = 1.0 / (1.0 + (-z).exp());
        (y, y * (1.0 - y))
    }
}

//! `f(z) = e^z`, `f' = y`.

use super::ActivationFn;
use crate::math;
use crate::simd::Simd;

/// The exponential, for outputs that are positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exp;

impl Exp {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        (z.exp(), z.exp())
    }
}

impl ActivationFn for Exp {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::exp(s, z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, _: S, y: S::F32) -> S::F32 {
        y
    }
}

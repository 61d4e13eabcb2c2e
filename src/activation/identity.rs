//! `f(z) = z`, `f' = 1`.

use super::ActivationFn;
use crate::simd::Simd;

/// `f(z) = z`: a layer without an activation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity;

impl ActivationFn for Identity {
    #[inline(always)]
    fn f<S: Simd>(&self, _: S, z: S::F32) -> S::F32 {
        z
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, _: S::F32) -> S::F32 {
        s.splat(1.0)
    }
}

impl Identity {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        (z, 1.0)
    }
}

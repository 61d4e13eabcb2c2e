//! `f(z) = atan z`, `f' = 1 / (1 + z^2)`.

use super::{ActivationFn, Reads};
use crate::math;
use crate::simd::Simd;

/// The inverse of the tangent, from -pi/2 to pi/2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arctan;

impl Arctan {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        (z.atan(), 1.0 / (1.0 + z * z))
    }
}

impl ActivationFn for Arctan {
    const READS: Reads = Reads::Input;
    const IS_LONG: bool = true;

    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::atan(s, z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        let one = s.splat(1.0);
        s.div(one, s.mul_add(z, z, one))
    }
}

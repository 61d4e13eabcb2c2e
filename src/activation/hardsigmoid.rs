//! `f(z) = min(max(z + 3, 0), 6) / 6`, `f' = 1/6 if 0 < y < 1 else 0` (Courbariaux et al. 2015; in
//! this form Howard et al. 2019).
//!
//! Where z is so close to -3 or 3 that y rounds to 0 or 1, the derivative is 0.

use super::ActivationFn;
use crate::simd::Simd;

/// A sigmoid of straight lines: 0 below -3, 1 above 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hardsigmoid;

/// 1/6 as an `f32`.
const SIXTH: f32 = 1.0 / 6.0;

impl Hardsigmoid {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let slope = if z > -3.0 && z < 3.0 { 1.0 / 6.0 } else { 0.0 };
        ((z + 3.0).clamp(0.0, 6.0) / 6.0, slope)
    }
}

impl ActivationFn for Hardsigmoid {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        let to_six = s.min(s.splat(6.0), s.max(s.splat(0.0), s.add(z, s.splat(3.0))));
        s.mul(to_six, s.splat(SIXTH))
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        let zero = s.splat(0.0);
        let rising = s.select(s.lt(y, s.splat(1.0)), s.splat(SIXTH), zero);
        s.select(s.gt(y, zero), rising, zero)
    }
}

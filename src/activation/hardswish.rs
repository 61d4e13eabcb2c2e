//! `f(z) = z min(max(z + 3, 0), 6) / 6` (Howard et al. 2019), z times its hard sigmoid.
//!
//! ```text
//!   f'(z) = 0 if z <= -3;  z/3 + 1/2 if z < 3;  1 otherwise
//! ```

use super::{ActivationFn, Hardsigmoid, Reads};
use crate::simd::Simd;

/// SiLU made of parabolas and straight lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hardswish;

impl Hardswish {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        if z <= -3.0 {
            (0.0, 0.0)
        } else if z < 3.0 {
            (z * (z + 3.0) / 6.0, z / 3.0 + 0.5)
        } else {
            (z, 1.0)
        }
    }
}

impl ActivationFn for Hardswish {
    const READS: Reads = Reads::Input;

    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        // Everything below -3 is -3, so that minus infinity is not multiplied by 0.
        let z = s.max(s.splat(-3.0), z);
        s.mul(z, Hardsigmoid.f(s, z))
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        let between = s.mul_add(z, s.splat(1.0 / 3.0), s.splat(0.5));
        let rising = s.zero_where(s.le(z, s.splat(-3.0)), between);
        s.select(s.lt(z, s.splat(3.0)), rising, s.splat(1.0))
    }
}

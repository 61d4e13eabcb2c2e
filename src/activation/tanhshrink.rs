//! `f(z) = z - tanh z`, `f'(z) = tanh^2 z`.

use super::{ActivationFn, Reads};
use crate::math;
use crate::simd::Simd;

/// `z` without its hyperbolic tangent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tanhshrink;

/// `(z - tanh z) / z^3 = P[0] + P[1] z^2 + ... + P[6] z^12` for `|z| <= 1`.
///
/// Interpolated at the Chebyshev nodes of z^2 with 40 digits, rounded to `f32`. Error 2^-23.7.
const P: [f32; 7] = [
    0.333_333_3,
    -0.133_331_28,
    0.053_934_79,
    -0.021_660_116,
    0.008_218_922,
    -0.002_510_459_4,
    0.000_420_695_5,
];

impl Tanhshrink {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let t = z.tanh();
        // Near 0 the difference would cancel, in f64 too.
        let near = z * z * z * (1.0 / 3.0 - z * z * (2.0 / 15.0 - z * z * 17.0 / 315.0));
        (if z.abs() < 1e-3 { near } else { z - t }, t * t)
    }
}

impl ActivationFn for Tanhshrink {
    const READS: Reads = Reads::Input;

    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        let z2 = s.mul(z, z);
        let (mut p, mut k) = (s.splat(P[6]), 6);
        while k > 0 {
            k -= 1;
            p = s.mul_add(p, z2, s.splat(P[k]));
        }
        let near = s.mul(s.mul(p, z2), z);
        s.select(s.lt(s.abs(z), s.splat(1.0)), near, s.sub(z, math::tanh(s, z)))
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        let t = math::tanh(s, z);
        s.mul(t, t)
    }
}

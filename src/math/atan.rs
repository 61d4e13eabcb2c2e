//! The inverse tangent.
//!
//! ```text
//! atan(x) = sign(x) atan(z)              z = |x|,      |x| <= 1
//! atan(x) = sign(x) (π/2 - atan(z))      z = 1 / |x|,  |x| > 1
//! atan(z) = z + z³ P(z²)
//! ```
//!
//! Both `z` are the smaller of 1 and `|x|` over the larger: one division, and no choice before it.

use core::f32::consts::FRAC_PI_2;

use super::polynomial::polynomial;
use crate::simd::Simd;

/// Bound of the error of [`atan`]. Measured over all inputs:
/// 2.1120 at AVX2, 2.2417 at Portable.
pub const ATAN_MAX_ULP: f64 = 2.5;

/// `P(u) = P[0] + P[1] u + ... + P[7] u⁷` for `0 <= u <= 1`.
///
/// Minimax fit (Remez, 120 bits) of the error relative to `atan`; coefficients rounded to `f32`
/// from the lowest on, the rest refitted after each. Error 2^-25.8.
const P: [[f32; 4]; 2] = [
    [-0.333_331_53, 0.199_937_67, -0.142_110_02, 0.106_657_684],
    [-0.075_516_56, 0.043_204_63, -0.016_363_094, 0.002_919_387_3],
];

/// `atan(x)`, in -π/2..=π/2; `atan(-x)` has the bits of `-atan(x)`.
///
/// Subnormal `x`, and both zeros, are returned as they are. NaN gives NaN.
#[inline(always)]
pub fn atan<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let one = s.splat(1.0);
    let magnitude = s.abs(x);
    // `magnitude` is second, so that a NaN survives.
    let z = s.div(s.min(one, magnitude), s.max(one, magnitude));
    let u = s.mul(z, z);
    let y = s.mul_add(s.mul(z, u), polynomial(s, &P, u), z);
    let y = s.select(s.lt(one, magnitude), s.sub(s.splat(FRAC_PI_2), y), y);
    // `y` has no sign yet, so that setting the bit is enough.
    let sign = s.and_i32(s.to_bits(x), s.splat_i32(i32::MIN));
    s.from_bits(s.or_i32(s.to_bits(y), sign))
}

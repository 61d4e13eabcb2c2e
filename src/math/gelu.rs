//! GELU with the normal distribution.
//!
//! ```text
//! gelu(x) = x Φ(x) = max(x, 0) - t Φ(-t)      t = |x|,  Φ(x) = (1 + erf(x / √2)) / 2
//! gelu'(x) = Φ(x) + x φ(x)                    φ(x) = exp(-x²/2) / √(2π)
//!
//! Φ(-t) = 2^h(t) / 2
//! gelu'(-t) = exp(-t²/2) P(t)      gelu'(t) = 1 - gelu'(-t)
//! ```
//!
//! Only `Φ` of negative numbers appears, as an exponential: it keeps its relative accuracy where
//! `1 + erf` would cancel, and one formula serves both signs. `h = log₂(2 Φ(-t))` is smooth,
//! -1.151 t near 0 and -0.721 t² far out. There is no division.

use core::f32::consts::LOG2_E;

use super::exp2::exp2_parts;
use super::polynomial::polynomial;
use crate::simd::Simd;

/// Bound of the error of [`gelu`] for `x >= -1`. Measured for every 2⁻²⁷ <= |x| < 2⁸ and every 61st
/// other input: 3.0689 at AVX2, 3.3362 at Portable.
pub const GELU_MAX_ULP: f64 = 4.0;
/// Bound of the absolute error of [`gelu`] for `x < -1`. Measured for every 2⁻²⁷ <= |x| < 2⁸ and
/// every 61st other input: 6.191e-8 at AVX2, 6.334e-8 at Portable.
pub const GELU_MAX_ERROR: f64 = 1e-7;
/// Bound of the absolute error of [`gelu_derivative`], which every 199th input is tested against.
pub const GELU_DERIVATIVE_MAX_ERROR: f64 = 3e-7;

/// `h(t) = t (LOG_PHI[0] + LOG_PHI[1] t + ... + LOG_PHI[7] t⁷)`.
///
/// Minimax fit (Remez, 120 bits) for `0 <= t <= 5.8` of the error of `Φ(-t)`, relative for t < 1,
/// that of `t Φ(-t)` beyond; coefficients rounded to `f32` from the lowest on, the rest refitted
/// after each. Error 2^-25.3. Beyond 5.8 it falls faster than the exact one, as `t Φ(-t)` vanishes.
const LOG_PHI: [[f32; 4]; 2] = [
    [-1.151_105_5, -0.459_205_15, -0.052_506_305, 0.007_080_087_4],
    [-0.000_152_050_43, -0.000_178_700_27, 3.751_729_3e-5, -2.654_841_9e-6],
];
/// `h` is -125.88 here, and `2^h / 2` becomes 0.
const LOG_PHI_END: f32 = 10.04;

/// `exp(t²/2) gelu'(-t) = SLOPE[0] + SLOPE[1] t + ... + SLOPE[11] t¹¹`.
///
/// Minimax fit, in the same way, for `0 <= t <= 7` of the absolute error of `gelu'`, with
/// SLOPE[0] exact. Error 2^-25.7.
const SLOPE: [[f32; 4]; 3] = [
    [0.5, -0.797_883_45, 0.249_977_71, -0.132_826_36],
    [0.061_968_43, -0.025_529_196, 0.009_050_293, -0.002_614_204_5],
    [0.000_571_646_5, -8.640_149e-5, 7.894_655e-6, -3.245_815_5e-7],
];
/// `exp(-t²/2)` becomes 0 here.
const SLOPE_END: f32 = 13.25;

/// `x Φ(x)`.
///
/// Below -10.04 the result is -0; the exact one is above -5e-23. Infinities give -0 and infinity,
/// NaN gives NaN.
#[inline(always)]
pub fn gelu<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // `x` and `abs(x)` are second, so that a NaN survives.
    let t = s.min(s.splat(LOG_PHI_END), s.abs(x));
    let h = s.mul(t, polynomial(s, &LOG_PHI, t));
    // The bias is one less, for the half. At the end n = -126, whose exponent field is 0.
    let (scale, power) = exp2_parts(s, h, 126.0);
    // -0 for negative `x`, so that the result is -0 where the product is 0.
    s.neg_mul_add(s.mul(t, scale), power, s.max(s.splat(-0.0), x))
}

/// `Φ(x) + x φ(x)`, the derivative of [`gelu`].
///
/// It is 0 near -0.752, where the error is small beside 1 but not beside the result. Infinities
/// give their limits 0 and 1, NaN gives NaN.
#[inline(always)]
pub fn gelu_derivative<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let t = s.min(s.splat(SLOPE_END), s.abs(x));
    // At the end n = -127, whose exponent field is 0.
    let w = s.mul(t, s.mul(t, s.splat(-0.5 * LOG2_E)));
    let (scale, power) = exp2_parts(s, w, 127.0);
    let slope = s.mul(scale, polynomial(s, &SLOPE, t));
    let negative = s.mul(power, slope);
    let positive = s.neg_mul_add(power, slope, s.splat(1.0));
    s.select(s.lt(s.splat(0.0), x), positive, negative)
}

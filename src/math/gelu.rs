//! GELU with the normal distribution.
//!
//! ```text
//! gelu(x) = x Φ(x) = max(x, 0) - t Φ(-t)      t = |x|,  Φ(x) = (1 + erf(x / √2)) / 2
//! gelu'(x) = Φ(x) + x φ(x)                    φ(x) = exp(-x²/2) / √(2π)
//!
//! Φ(-t) = 2^h(t) / 2
//! gelu'(x) = 1/2 + x R(u)          u = 2 (x / L)² - 1 in [-1, 1]
//! ```
//!
//! Only `Φ` of negative numbers appears, as an exponential: it keeps its relative accuracy where
//! `1 + erf` would cancel, and one formula serves both signs. `h = log₂(2 Φ(-t))` is smooth,
//! -1.151 t near 0 and -0.721 t² far out. There is no division.
//!
//! `gelu' - 1/2` is odd, and beyond `L` as good as ±1/2: it is a polynomial, without an exponential.

use super::exp2::exp2_parts;
use super::polynomial::{polynomial, polynomial_and};
use crate::simd::Simd;

/// Bound of the error of [`gelu`] for `x >= -1`. Measured over all inputs: 3.069 at AVX2, 3.337 at
/// Portable.
pub const GELU_MAX_ULP: f64 = 4.0;
/// Bound of the absolute error of [`gelu`] for `x < -1`. Measured over all inputs: 6.191e-8 at AVX2,
/// 6.335e-8 at Portable.
pub const GELU_MAX_ERROR: f64 = 1e-7;
/// Bound of the absolute error of [`gelu_derivative`]. Measured over all inputs: 3.616e-7 at AVX2,
/// 3.736e-7 at Portable. Of that 2.1e-7 is the polynomial's, and the rest roundings.
pub const GELU_DERIVATIVE_MAX_ERROR: f64 = 4e-7;

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

/// `R(u) = (gelu'(x) - 1/2) / x`, which ends in `SLOPE_16 u¹⁶`.
///
/// Minimax fit (weighted least squares, weights raised where the error is large) for `0 < x <= L` of
/// the absolute error of `gelu'`, coefficients rounded to `f32` from the lowest on, the rest
/// refitted after each. Error 2^-22.2. `L R(1)` rounds to 1/2, so that the limits are 0 and 1.
const SLOPE: [[f32; 4]; 4] = [
    [0.124_564_11, -0.063_162_95, 0.050_427_094, -0.048_901_33],
    [0.053_864_073, -0.061_774_68, 0.069_330_394, -0.073_249_92],
    [0.066_994_89, -0.052_145_354, 0.046_039_134, -0.044_069_7],
    [0.022_595_506, -0.001_268_255, 0.005_087_774_2, -0.010_371_217],
];
/// The coefficient of `u¹⁶`.
const SLOPE_16: f32 = 0.004_037_613_5;
/// `L`, where `gelu'` is 2.1e-7 from its limit.
const SLOPE_END: f32 = 5.682;

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
/// It is 0 near -0.752 and nearly 0 below -4, where the error is small beside 1 but not beside the
/// result. Beyond ±5.682 it is at its limits, 0 and 1. NaN gives NaN.
#[inline(always)]
pub fn gelu_derivative<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // `x` is second, so that a NaN survives.
    let x = s.max(s.splat(-SLOPE_END), s.min(s.splat(SLOPE_END), x));
    let u = s.mul_add(s.mul(x, s.splat(2.0 / (SLOPE_END * SLOPE_END))), x, s.splat(-1.0));
    s.add(s.splat(0.5), s.mul(x, polynomial_and(s, &SLOPE, SLOPE_16, u)))
}

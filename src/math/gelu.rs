//! GELU with the normal distribution.
//!
//! ```text
//! gelu(x) = x Φ(x) = max(x, 0) - t Φ(-t)      t = |x|,  Φ(x) = (1 + erf(x / √2)) / 2
//! gelu'(x) = Φ(x) + x φ(x)                    φ(x) = exp(-x²/2) / √(2π)
//!
//! Φ(-t) = exp(-p(t)) / 2
//! gelu'(-t) = exp(-t²/2) P(t)      gelu'(t) = 1 - gelu'(-t)
//! ```
//!
//! Only `Φ` of negative numbers appears, as an exponential: it keeps its relative accuracy where
//! `1 + erf` would cancel, and one formula serves both signs. `p = -log(2 Φ(-t))` is smooth, 0.798 t
//! near 0 and t²/2 far out. There is no division.

use super::exp::expm1_reduced;
use super::polynomial::polynomial;
use crate::simd::Simd;

/// Bound of the error of [`gelu`] for `x >= -1`. Measured over all of these inputs: 0.0 at AVX2,
/// 0.0 at Portable.
pub const GELU_MAX_ULP: f64 = 4.0;
/// Bound of the absolute error of [`gelu`] for `x < -1`. Measured over all of these inputs: 0.0 at
/// AVX2 and at Portable.
pub const GELU_MAX_ERROR: f64 = 1e-7;
/// Bound of the absolute error of [`gelu_derivative`]. Measured over all inputs: 0.0 at AVX2,
/// 0.0 at Portable.
pub const GELU_DERIVATIVE_MAX_ERROR: f64 = 3e-7;

/// `p(t) = t (LOG_PHI[0] + LOG_PHI[1] t + ... + LOG_PHI[7] t⁷)`.
///
/// Minimax fit (Remez, 120 bits) for `0 <= t <= 5.8` of the error of `Φ(-t)`, relative for t < 1,
/// that of `t Φ(-t)` beyond; coefficients rounded to `f32` from the lowest on, the rest refitted
/// after each. Error 2^-25.4. Beyond 5.8 it grows faster than the exact one, as `t Φ(-t)` vanishes.
const LOG_PHI: [[f32; 4]; 2] = [
    [0.797_885_54, 0.318_296_88, 0.036_394_123, -0.004_906_715_4],
    [0.000_104_666_964, 0.000_124_188_71, -2.607_288_1e-5, 1.845_424_2e-6],
];
/// `p` is 87.36 here, and `exp(-p) / 2` 0.
const LOG_PHI_END: f32 = 10.04;

/// `exp(t²/2) gelu'(-t) = SLOPE[0] + SLOPE[1] t + ... + SLOPE[11] t¹¹`.
///
/// Minimax fit, in the same way, for `0 <= t <= 7` of the absolute error of `gelu'`. Error 2^-25.0.
const SLOPE: [[f32; 4]; 3] = [
    [0.499_999_97, -0.797_881_8, 0.249_957_2, -0.132_723_6],
    [0.061_702_89, -0.025_131_797, 0.008_684_225, -0.002_400_973],
    [0.000_493_197_8, -6.879_436e-5, 5.701_358e-6, -2.087_164_3e-7],
];
/// `exp(-t²/2)` is 0 here.
const SLOPE_END: f32 = 13.25;

/// `x Φ(x)`.
///
/// Below -10.04 the result is -0; the exact one is above -5e-23. Infinities give -0 and infinity,
/// NaN gives NaN.
#[inline(always)]
pub fn gelu<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // `x` and `abs(x)` are second, so that a NaN survives.
    let t = s.min(s.splat(LOG_PHI_END), s.abs(x));
    let p = s.mul(t, polynomial(s, &LOG_PHI, t));
    // The bias is one less, for the half. At the end n = -126, whose exponent field is 0.
    let (n, e) = expm1_reduced(s, p, -1.0, 126.0);
    let scale = s.from_bits(s.shl::<23>(n));
    let phi = s.neg_mul_add(e, scale, scale);
    // -0 for negative `x`, so that the result is -0 where the product is 0.
    s.neg_mul_add(t, phi, s.max(s.splat(-0.0), x))
}

/// `Φ(x) + x φ(x)`, the derivative of [`gelu`].
///
/// It is 0 near -0.752, where the error is small beside 1 but not beside the result. Infinities
/// give their limits 0 and 1, NaN gives NaN.
#[inline(always)]
pub fn gelu_derivative<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let t = s.min(s.splat(SLOPE_END), s.abs(x));
    // exp(-t²/2) = 2ⁿ (1 - e/2). At the end n = -127, whose exponent field is 0.
    let (n, e) = expm1_reduced(s, s.mul(t, t), -0.5, 127.0);
    let scale = s.from_bits(s.shl::<23>(n));
    let density = s.mul(scale, s.neg_mul_add(e, s.splat(0.5), s.splat(1.0)));
    let slope = polynomial(s, &SLOPE, t);
    let negative = s.mul(density, slope);
    let positive = s.neg_mul_add(density, slope, s.splat(1.0));
    s.select(s.lt(s.splat(0.0), x), positive, negative)
}

//! SiLU, also called swish.
//!
//! ```text
//! silu(x) = x sigmoid(x) = x / (1 + exp(-x))
//! silu'(x) = σ (1 + x (1 - σ)) = (1 + e (1 + x)) / (1 + e)²      σ = 1 / (1 + e),  e = exp(-x)
//! ```
//!
//! Dividing `x` instead of 1 makes the product free.

use super::exp2::exp_short;
use super::sigmoid::one_plus_exp_neg;
use crate::simd::Simd;

/// Bound of the error of [`silu`]. Measured over all inputs: 2.444 at AVX2 and at Portable.
pub const SILU_MAX_ULP: f64 = 4.0;
/// Bound of the absolute error of [`silu_derivative`]. Measured over all inputs: 3.105e-7 at AVX2,
/// 3.084e-7 at Portable.
pub const SILU_DERIVATIVE_MAX_ERROR: f64 = 4e-7;

/// `x / (1 + exp(-x))`.
///
/// Below -88.37 the result is -0; the exact one is above -3.8e-37. Infinities give -0 and infinity,
/// NaN gives NaN.
#[inline(always)]
pub fn silu<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // At the lower end the divisor is infinite, and at the upper one it is 1. `x` is second, so
    // that a NaN survives.
    let x = s.max(s.splat(-89.0), x);
    s.div(x, one_plus_exp_neg(s, s.min(s.splat(88.0), x)))
}

/// `σ (1 + x (1 - σ))`, the derivative of [`silu`].
///
/// It is 0 near -1.278, where the error is small beside 1 but not beside the result. Infinities
/// give their limits -0 and 1, NaN gives NaN.
#[inline(always)]
pub fn silu_derivative<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // The power is finite at the lower end, its square infinite; it is 0 at the upper one.
    let x = s.max(s.splat(-64.0), s.min(s.splat(88.0), x));
    slope(s, exp_short(s, s.neg(x)), x)
}

/// `σ (1 + u (1 - σ)) = (1 + e (1 + u)) / (1 + e)²` for `σ = 1 / (1 + e)`.
///
/// Nothing cancels but where the result is near 0. It is -0 where the square is infinite.
#[inline(always)]
pub(super) fn slope<S: Simd>(s: S, e: S::F32, u: S::F32) -> S::F32 {
    let one = s.splat(1.0);
    let d = s.add(one, e);
    s.div(s.mul_add(e, s.add(one, u), one), s.mul(d, d))
}

//! The logistic function.
//!
//! ```text
//! sigmoid(x) = 1 / (1 + exp(-x))      exp(-x) = 2ⁿ (1 - t),  t = 1 - exp(-r),  x = r - n ln 2
//! ```
//!
//! One formula serves both signs. For large negative `x` the exponential overflows to infinity,
//! whose reciprocal is the right result, 0; up to there `1 + exp(-x)` keeps the relative accuracy
//! of `exp(-x)`, so nothing is lost where the result is small. The form with `exp(-|x|)`,
//! which needs a comparison and a selection on top, was slower by 15 %.

use super::exp::expm1_reduced;
use crate::simd::Simd;

/// Bound of the error of [`sigmoid`]. Measured over all inputs: 2.481 at AVX2 and
/// at Portable.
pub const SIGMOID_MAX_ULP: f64 = 2.5;

/// `1 / (1 + exp(-x))`, in 0..=1.
///
/// Below -88.37 the result is 0; the exact one is below `f32::MIN_POSITIVE` from -87.34 on. NaN
/// gives NaN.
#[inline(always)]
pub fn sigmoid<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // At the ends n is 128 and -127, whose exponent fields make the scale infinite and 0. `x` is
    // second, so that a NaN survives.
    let x = s.max(s.splat(-89.0), s.min(s.splat(88.0), x));
    s.div(s.splat(1.0), one_plus_exp_neg(s, x))
}

/// `1 + exp(-x)` for -89 <= x <= 88; infinite below -88.37.
#[inline(always)]
pub(super) fn one_plus_exp_neg<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let (n, t) = expm1_reduced(s, x, -1.0, 127.0);
    let scale = s.from_bits(s.shl::<23>(n));
    let one = s.splat(1.0);
    // `1 - t` by itself, although `scale - scale t` would round once less: with an infinite scale
    // that is infinity minus infinity.
    s.mul_add(s.sub(one, t), scale, one)
}

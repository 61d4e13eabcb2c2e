//! The logarithm of the logistic function.
//!
//! ```text
//! log_sigmoid(x) = log(1 / (1 + exp(-x))) = min(x, 0) - log1p(exp(-|x|))
//! log_sigmoid'(x) = sigmoid(-x)
//! ```
//!
//! Neither part cancels the other: both are negative.

use super::softplus::log1p_exp_neg_abs;
use crate::simd::Simd;

/// Bound of the error of [`log_sigmoid`]. Measured over all inputs: 1.887 at AVX2,
/// 2.074 at Portable.
pub const LOG_SIGMOID_MAX_ULP: f64 = 2.5;

/// `log(sigmoid(x))`, in -inf..=0.
///
/// Above 87.68 the result is 0; the exact one is above `-f32::MIN_POSITIVE` from 87.34 on. NaN
/// gives NaN.
#[inline(always)]
pub fn log_sigmoid<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // `x` is second, so that a NaN survives.
    s.sub(s.min(s.splat(0.0), x), log1p_exp_neg_abs(s, x))
}

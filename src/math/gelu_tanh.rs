//! GELU in its approximation with the hyperbolic tangent.
//!
//! ```text
//! gelu_tanh(x) = x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))) = x sigmoid(v)      v = A x + B x³
//! gelu_tanh'(x) = σ (1 + x v' (1 - σ))      σ = sigmoid(v),  v' = A + 3 B x²
//! ```
//!
//! `(1 + tanh(u)) / 2` is `sigmoid(2 u)`, so this is SiLU with another argument.

use super::sigmoid::{one_plus_exp_neg, with_complement};
use crate::simd::Simd;

/// Bound of the error of [`gelu_tanh`] for `x >= -1`. Measured over all of these inputs: 0.0 at
/// AVX2, 0.0 at Portable.
pub const GELU_TANH_MAX_ULP: f64 = 4.0;
/// Bound of the absolute error of [`gelu_tanh`] for `x < -1`. Measured over all of these inputs:
/// 0.0 at AVX2 and at Portable.
pub const GELU_TANH_MAX_ERROR: f64 = 1e-7;
/// Bound of the absolute error of [`gelu_tanh_derivative`]. Measured over all inputs: 0.0 at
/// AVX2 and at Portable.
pub const GELU_TANH_DERIVATIVE_MAX_ERROR: f64 = 4e-7;

/// 2 √(2/π).
const A: f32 = 1.595_769_1;
/// 0.044715 [`A`].
const B: f32 = 0.071_354_816;
/// `v` is 88.47 here: `exp(v)` has the exponent 128, whose power of two is infinite.
const END: f32 = 10.05;

/// `x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
///
/// Below -10.04 the result is -0; the exact one is above -1e-36. Infinities give -0 and infinity,
/// NaN gives NaN.
#[inline(always)]
pub fn gelu_tanh<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // `x` is second, so that a NaN survives.
    let x = s.max(s.splat(-END), x);
    s.div(x, one_plus_exp_neg(s, argument(s, x, s.mul(x, x))))
}

/// `σ (1 + x v' (1 - σ))`, the derivative of [`gelu_tanh`].
///
/// It is 0 near -0.753, where the error is small beside 1 but not beside the result. Infinities
/// give their limits -0 and 1, NaN gives NaN.
#[inline(always)]
pub fn gelu_tanh_derivative<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let x = s.max(s.splat(-END), s.min(s.splat(END), x));
    let x2 = s.mul(x, x);
    let (sigmoid, complement) = with_complement(s, argument(s, x, x2));
    let slope = s.mul(x, s.mul_add(x2, s.splat(3.0 * B), s.splat(A)));
    s.mul(sigmoid, s.mul_add(slope, complement, s.splat(1.0)))
}

/// `v`, at most 88.
#[inline(always)]
fn argument<S: Simd>(s: S, x: S::F32, x2: S::F32) -> S::F32 {
    s.min(s.splat(88.0), s.mul(x, s.mul_add(x2, s.splat(B), s.splat(A))))
}

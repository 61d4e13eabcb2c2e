//! The exponential.
//!
//! ```text
//! exp(x) = 2ⁿ exp(r)      n = round(x / ln 2),  r = x - n ln 2,  |r| <= ln(2)/2
//! ```
//!
//! `n` appears in the low bits of `x log2(e) + 1.5·2²³`: at that size the last place is worth 1, so
//! the addition itself rounds to an integer, and a shift by 23 moves the integer into the exponent
//! field. The exponent's bias of 127 is part of the constant that is added.
//!
//! `r` comes from two products because ln 2 in one `f32` is off by 2e-9, 150 times in the worst
//! case. With [`LN_2_HI`] of 16 bits, `n LN_2_HI` and its difference from `x` are exact even where
//! `mul_add` rounds twice; only the small second product rounds.
//!
//! The polynomial gives `exp(r) - 1`, not `exp(r)`: `tanh` needs it with a small *relative* error,
//! and `2ⁿ + 2ⁿ(exp(r) - 1)` rounds a smaller quantity than a polynomial that starts with 1.

use core::f32::consts::LOG2_E;

use super::{LN_2_HI, LN_2_LO};
use crate::simd::{MANTISSA, Simd};

/// Bound of the error of [`exp`]. Measured over all inputs: 1.043 at AVX2, 1.015 at
/// Portable.
pub const EXP_MAX_ULP: f64 = 1.05;
/// Bound of the error of [`exp_nonpositive`]. Measured over all inputs: 1.043 at
/// AVX2, 1.013 at Portable.
pub const EXP_NONPOSITIVE_MAX_ULP: f64 = 1.05;

/// `exp(r) = 1 + r + r² (Q[0] + Q[1] r + ... + Q[4] r⁴)` for `|r| <= 0.3467`.
///
/// Minimax fit of the error relative to `exp(r) - 1`, computed with 120 bits; coefficients rounded
/// to `f32` from the lowest on, the rest refitted after each. Error 2^-26.1.
const Q: [f32; 5] = [0.499_999_97, 0.166_665_46, 0.041_667_435, 0.008_366_26, 0.001_387_066_9];

/// 1.5·2²³: a number of this size has its last place at 1.
pub(super) const ROUND: f32 = 12_582_912.0;

/// `exp(x)` for every `x`.
///
/// Subnormal results are right, by one more rounding of a result of full precision. From 88.72284
/// on the result is infinite, below -103.97208 it is 0. NaN gives NaN.
#[inline(always)]
pub fn exp<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // The ends overflow and underflow by themselves. `x` is second, so that a NaN survives.
    let x = s.max(s.splat(-104.0), s.min(s.splat(89.0), x));
    let (biased, n, hi) = reduce(s, x, 1.0, 254.0);
    s.scale(expm1_of(s, n, hi, 1.0), n, biased)
}

/// `exp(x)` for `x <= 0`, with fewer operations; the result for any other number is arbitrary.
///
/// Below -87.68 the result is 0; the exact one is below `f32::MIN_POSITIVE` from -87.34 on. NaN
/// gives NaN.
#[inline(always)]
pub fn exp_nonpositive<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // At the lower end n = -127, whose exponent field is 0: the scale, and the result, are 0.
    let (n, t) = expm1_reduced(s, s.max(s.splat(-88.0), x), 1.0, 127.0);
    let scale = s.from_bits(s.shl::<MANTISSA>(n));
    s.mul_add(t, scale, scale)
}

/// `n` and `(exp(a r) - 1) / a`, where `a x = n ln 2 + a r`; `a` is a power of two with
/// either sign, constant at the place of the call.
///
/// The low 9 bits of the first result are those of `n + bias`, for `bias` an integer from 0 to 254
/// and `|a x| <= 104`. Both results are meaningless, and the second is NaN, where `x` is NaN.
#[inline(always)]
pub(super) fn expm1_reduced<S: Simd>(s: S, x: S::F32, a: f32, bias: f32) -> (S::I32, S::F32) {
    let (bits, n, hi) = reduce(s, x, a, bias);
    (bits, expm1_of(s, n, hi, a))
}

/// `(exp(a r) - 1) / a` for `r = hi - n LN_2_LO / a`.
#[inline(always)]
fn expm1_of<S: Simd>(s: S, n: S::F32, hi: S::F32, a: f32) -> S::F32 {
    let r = s.neg_mul_add(n, s.splat(LN_2_LO / a), hi);
    let (q, r2) = polynomial(s, r, a);
    s.mul_add(q, r2, r)
}

/// The bits of `n` with the bias, `n`, and `x - n LN_2_HI / a`, which is exact.
#[inline(always)]
pub(super) fn reduce<S: Simd>(s: S, x: S::F32, a: f32, bias: f32) -> (S::I32, S::F32, S::F32) {
    let round = s.splat(ROUND + bias);
    let biased = s.mul_add(x, s.splat(a * LOG2_E), round);
    let n = s.sub(biased, round);
    // Multiplying or dividing a constant by `a` changes its sign and exponent only.
    (s.to_bits(biased), n, s.neg_mul_add(n, s.splat(LN_2_HI / a), x))
}

/// `q` and `r²` of `(exp(a r) - 1) / a = r + q r²`.
#[inline(always)]
pub(super) fn polynomial<S: Simd>(s: S, r: S::F32, a: f32) -> (S::F32, S::F32) {
    // Pairs first (Estrin): two steps less to wait for than Horner's rule, for one more product.
    let r2 = s.mul(r, r);
    let q01 = s.mul_add(q(s, 1, a), r, q(s, 0, a));
    let q23 = s.mul_add(q(s, 3, a), r, q(s, 2, a));
    let q24 = s.mul_add(q(s, 4, a), r2, q23);
    (s.mul_add(q24, r2, q01), r2)
}

/// `Q[k] aᵏ⁺¹`
#[inline(always)]
fn q<S: Simd>(s: S, k: usize, a: f32) -> S::F32 {
    s.splat(Q[k] * a.powi(k as i32 + 1))
}

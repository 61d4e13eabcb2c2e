//! The power of two, where the argument is a polynomial and log₂(e) can be part of its coefficients.
//!
//! ```text
//! 2ˣ = 2ⁿ 2ʳ      n = round(x),  r = x - n,  |r| <= 1/2
//! ```
//!
//! Compared with `exp`, the reduction is exact and has no products.

use core::f32::consts::{LN_2, LOG2_E};

use super::exp::ROUND;
use crate::simd::Simd;

/// `2ʳ = 1 + Q[0] r + ... + Q[5] r⁶` for `|r| <= 1/2`.
///
/// Minimax fit (Remez, 120 bits) of the relative error; coefficients rounded to `f32` from the
/// lowest on, the rest refitted after each. Error 2^-26.3.
const Q: [f32; 6] =
    [LN_2, 0.240_225_94, 0.055_503_663, 0.009_625_445, 0.001_338_792_7, 0.000_133_324_81];

/// `2ⁿ⁺ᵇ` and `2ʳ`, whose product is `2ˣ⁺ᵇ`; `bias` is `127 + b`.
///
/// `n + bias` is in 0..=255: at 0 the first result is 0, and at 255 infinite.
#[inline(always)]
pub(super) fn exp2_parts<S: Simd>(s: S, x: S::F32, bias: f32) -> (S::F32, S::F32) {
    let round = s.splat(ROUND + bias);
    let biased = s.add(x, round);
    let r = s.sub(x, s.sub(biased, round));
    let r2 = s.mul(r, r);
    let low = s.mul_add(s.splat(Q[0]), r, s.splat(1.0));
    let middle = s.mul_add(s.splat(Q[2]), r, s.splat(Q[1]));
    let high = s.mul_add(s.splat(Q[4]), r, s.splat(Q[3]));
    let high = s.mul_add(s.splat(Q[5]), r2, high);
    let power = s.mul_add(s.mul_add(high, r2, middle), r2, low);
    (s.from_bits(s.shl::<23>(s.to_bits(biased))), power)
}

/// `2ʳ = 1 + SHORT[0] r + ... + SHORT[4] r⁵` for `|r| <= 1/2`.
///
/// Weighted least squares with weights raised where the error is large; otherwise as [`Q`]. Error 2^-23.2.
const SHORT: [f32; 5] = [LN_2, 0.240_222_83, 0.055_505_59, 0.009_669_661, 0.001_330_036_4];

/// `exp(x)` for `-88 <= x <= 89`, where derivatives need no more than an absolute error: `log₂(e)` is rounded,
/// which moves `x` by `2^-26 x`, and the polynomial is short. It is 0 at -88 and infinite at 89.
#[inline(always)]
pub(super) fn exp_short<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let (round, log2_e) = (s.splat(ROUND + 127.0), s.splat(LOG2_E));
    let biased = s.mul_add(x, log2_e, round);
    short(s, biased, s.mul_add(x, log2_e, s.sub(round, biased)))
}

/// `2ˣ` by the short polynomial, for `-127 <= x <= 127`.
#[inline(always)]
pub(super) fn exp2_short<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let round = s.splat(ROUND + 127.0);
    let biased = s.add(x, round);
    short(s, biased, s.sub(x, s.sub(biased, round)))
}

/// `2ⁿ 2ʳ`, with `n + 127` in the low bits of `biased`. Horner's rule, for its fewer operations.
#[inline(always)]
fn short<S: Simd>(s: S, biased: S::F32, r: S::F32) -> S::F32 {
    let mut power = s.splat(SHORT[4]);
    for k in (0..4).rev() {
        power = s.mul_add(power, r, s.splat(SHORT[k]));
    }
    let scale = s.from_bits(s.shl::<23>(s.to_bits(biased)));
    s.mul(scale, s.mul_add(power, r, s.splat(1.0)))
}

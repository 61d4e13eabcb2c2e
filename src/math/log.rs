//! The natural logarithm.
//!
//! ```text
//! log(x) = e ln 2 + log(1 + f)      x = 2ᵉ (1 + f),  2/3 <= 1 + f < 4/3
//! log(1 + f) = f - f²/2 + f³ P(f)
//! ```
//!
//! The interval is that of smallest `|f|`, and it contains 1: near 1 the exponent is 0 and the
//! result is that of the polynomial alone, with nothing to cancel.
//!
//! The terms are added from the smallest to the largest: `f³ P(f) + e LN_2_LO - f²/2`, then `f`,
//! then `e LN_2_HI`, which is exact.

use super::polynomial::polynomial;
use super::{LN_2_HI, LN_2_LO};
use crate::simd::Simd;

/// Bound of the error of [`log`]. Measured over all inputs: 0.857 at AVX2 and at
/// Portable.
pub const LOG_MAX_ULP: f64 = 0.9;

/// `log(1 + f) = f - f²/2 + f³ (P[0] + P[1] f + ... + P[7] f⁷)` for `|f| <= 1/3`.
///
/// Minimax fit of the relative error, computed with 120 bits; coefficients rounded to `f32` from
/// the lowest on, the rest refitted after each. Error 2^-27.7.
const P: [[f32; 4]; 2] = [
    [0.333_332_15, -0.249_998_05, 0.200_104_39, -0.166_802_08],
    [0.140_054_6, -0.121_878_02, 0.139_861, -0.128_772_57],
];

/// The natural logarithm of every `x`, subnormal or not.
///
/// Zeros give negative infinity, negative numbers and NaN give NaN, and infinity gives infinity.
#[inline(always)]
pub fn log<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let (e, m) = s.split(x);
    let f = s.sub(m, s.splat(1.0));
    s.log_at_ends(x, reassemble(s, e, f, s.mul(e, s.splat(LN_2_LO))))
}

/// `e LN_2_HI + low + log(1 + f)` for an integer `e` and `|f| <= 1/3`.
#[inline(always)]
pub(super) fn reassemble<S: Simd>(s: S, e: S::F32, f: S::F32, low: S::F32) -> S::F32 {
    let f2 = s.mul(f, f);
    let y = s.mul_add(s.mul(f, f2), polynomial(s, &P, f), low);
    let y = s.neg_mul_add(f2, s.splat(0.5), y);
    s.mul_add(e, s.splat(LN_2_HI), s.add(f, y))
}

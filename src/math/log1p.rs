//! The logarithm of 1 + x.
//!
//! ```text
//! log1p(x) = e ln 2 + log(1 + f)      1 + x = 2ᵉ (1 + f),  f = 2⁻ᵉ x + (2⁻ᵉ - 1)
//! ```
//!
//! `e` is read from the rounded `1 + x`, which may be a neighbour of the right one; `f` comes from
//! `x` itself, with what its rounding leaves over among the small terms, so that nothing of `x` is
//! lost. Near 0 `e` is 0 and `f` is `x`, and the result that of the polynomial alone: the interval of `1 + f` is
//! that of smallest `|f|`, 2/3..4/3.
//!
//! The terms are added from the smallest to the largest: `f³ P(f) + e LN_2_LO - f²/2` and what is left over, then
//! `f`, then `e LN_2_HI`, which is exact.

use super::polynomial::polynomial;
use super::{LN_2_HI, LN_2_LO};
use crate::simd::{MANTISSA, Simd, TWO_THIRDS};

/// Bound of the error of [`log1p`]. Measured over all inputs: 1.073 at AVX2 and at Portable.
pub const LOG1P_MAX_ULP: f64 = 1.5;

/// Smaller `x` are their own results: `x² / 2` is less than half of their last place.
const IDENTITY: f32 = 1.0 / (1 << 25) as f32;
/// The bits of 4.
const FOUR: i32 = 129 << MANTISSA;

/// `log(1 + f) = f - f²/2 + f³ (P[0] + P[1] f + ... + P[7] f⁷)` for `|f| <= 1/3`.
///
/// Minimax fit of the relative error, computed with 120 bits; coefficients rounded to `f32` from
/// the lowest on, the rest refitted after each. Error 2^-27.7.
const P: [[f32; 4]; 2] = [
    [0.333_332_15, -0.249_998_05, 0.200_104_39, -0.166_802_08],
    [0.140_054_6, -0.121_878_02, 0.139_861, -0.128_772_57],
];

/// `log(1 + x)`.
///
/// Both zeros, and subnormal numbers, are returned as they are. -1 gives negative infinity, smaller
/// numbers and NaN give NaN, and infinity gives infinity.
#[inline(always)]
pub fn log1p<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let u = s.add(x, s.splat(1.0));
    let bits = s.sub_i32(s.to_bits(u), s.splat_i32(TWO_THIRDS));
    let e = s.from_i32(s.shr::<MANTISSA>(bits));
    let exponent = s.and_i32(bits, s.splat_i32(-1 << MANTISSA));
    // Four times 2⁻ᵉ: a normal number for every e up to 128.
    let scale = s.from_bits(s.sub_i32(s.splat_i32(FOUR), exponent));
    let quarter = s.splat(0.25);
    let (x_quarter, rest) = (s.mul(x, quarter), s.mul_add(scale, quarter, s.splat(-1.0)));
    let f = s.mul_add(x_quarter, scale, rest);
    let left_over = s.mul_add(x_quarter, scale, s.sub(rest, f));
    let low = s.mul_add(e, s.splat(LN_2_LO), left_over);
    let f2 = s.mul(f, f);
    let y = s.mul_add(s.mul(f, f2), polynomial(s, &P, f), low);
    let y = s.add(f, s.neg_mul_add(f2, s.splat(0.5), y));
    let y = s.mul_add(e, s.splat(LN_2_HI), y);
    let y = s.select(s.lt(s.abs(x), s.splat(IDENTITY)), x, y);
    // Exactly where x is -1, below, infinite or NaN is 1 + x zero, negative, infinite or NaN.
    s.log_at_ends(u, y)
}

//! The exponential minus 1.
//!
//! ```text
//! expm1(x) = 2 ((2ⁿ⁻¹ - 1/2) + 2ⁿ⁻¹ r + 2ⁿ⁻¹ (exp(r) - 1 - r))      x = n ln 2 + r
//! ```
//!
//! Near 0 `n` is 0, the constant vanishes, and nothing cancels. For n = 1 the result is smaller
//! than `2ⁿ r` may be, so the error of `r` counts twice: `r` is kept in two parts, of which the
//! larger, `x - n LN_2_HI`, is exact. The half lets n = 128 have a power of two.

use super::LN_2_LO;
use super::exp::{expm1_reduced, polynomial, reduce};
use crate::simd::Simd;

/// Bound of the error of [`expm1`]. Measured over all inputs: 1.242 at AVX2, 1.335 at Portable.
pub const EXPM1_MAX_ULP: f64 = 1.5;

/// Bound of the error of [`expm1_nonpositive`]. Measured over all inputs: 0.989 at AVX2, 1.088 at
/// Portable.
pub const EXPM1_NONPOSITIVE_MAX_ULP: f64 = 1.1;

/// Smaller `x` are their own results: `x² / 2` is less than half of their last place.
const IDENTITY: f32 = 1.0 / (1 << 25) as f32;

/// `exp(x) - 1`, in -1..=inf.
///
/// Both zeros, and subnormal numbers, are returned as they are. From 88.72284 on the result is
/// infinite. NaN gives NaN.
#[inline(always)]
pub fn expm1<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // The upper end overflows by itself, and the lower one rounds to -1. `x` is second, so that a
    // NaN survives.
    let bounded = s.max(s.splat(-30.0), s.min(s.splat(89.0), x));
    let (bits, n, high) = reduce(s, bounded, 1.0, 126.0);
    let low = s.mul(n, s.splat(-LN_2_LO));
    let (q, r2) = polynomial(s, s.add(high, low), 1.0);
    let half = s.from_bits(s.shl::<23>(bits));
    let y = s.mul_add(half, high, s.sub(half, s.splat(0.5)));
    let y = s.mul_add(half, s.mul_add(q, r2, low), y);
    s.select(s.lt(s.abs(x), s.splat(IDENTITY)), x, s.add(y, y))
}

/// `exp(x) - 1` for `x <= 0`, with fewer operations; the result for any other number is arbitrary.
///
/// Both zeros give 0. NaN gives NaN.
#[inline(always)]
pub fn expm1_nonpositive<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // `x` is second, so that a NaN survives. At the lower end n = -127, whose exponent field is 0.
    let (n, t) = expm1_reduced(s, s.max(s.splat(-88.0), x), 1.0, 127.0);
    let scale = s.from_bits(s.shl::<23>(n));
    // Where n = 0 nothing cancels: the constant is 0. Elsewhere it is -1/2 or below, and larger
    // than the rest.
    s.mul_add(scale, t, s.sub(scale, s.splat(1.0)))
}

//! The exponents of numbers, taken off and put on by their bits: what [`Simd`] does on levels that
//! have no instructions for it.

use super::Simd;

/// The bits of the smallest `f32` that is at least 2/3.
pub(crate) const TWO_THIRDS: i32 = 0x3f2a_aaab;
/// Bits of the mantissa.
pub(crate) const MANTISSA: u32 = 23;

/// The exponent field of numbers in 1..2.
const BIAS: i32 = 127;

/// [`Simd::split`].
#[inline(always)]
pub(super) fn split<S: Simd>(s: S, x: S::F32) -> (S::F32, S::F32) {
    // A subnormal number has no exponent to read: it is made normal first.
    let subnormal = s.lt(x, s.splat(f32::MIN_POSITIVE));
    let normal = s.select(subnormal, s.mul(x, s.splat((1 << MANTISSA) as f32)), x);
    let extra = s.zero_unless(subnormal, s.splat(-(MANTISSA as f32)));
    let bits = s.to_bits(normal);
    let field = s.sub_i32(s.shr::<MANTISSA>(bits), s.splat_i32(BIAS));
    let mantissa = s.and_i32(bits, s.splat_i32((1 << MANTISSA) - 1));
    let m = s.from_bits(s.or_i32(mantissa, s.splat_i32(BIAS << MANTISSA)));
    (s.add(s.from_i32(field), extra), m)
}

/// [`Simd::scale`]. 2ⁿ is beyond one `f32`, so it is applied as 2^⌊n/2⌋ and the rest: only the second
/// product can leave the normal range, and it rounds once. Each half needs one bias.
#[inline(always)]
pub(super) fn scale<S: Simd>(s: S, t: S::F32, n_biased: S::I32) -> S::F32 {
    let half = s.shr::<1>(n_biased);
    let first = s.from_bits(s.shl::<MANTISSA>(half));
    let second = s.from_bits(s.shl::<MANTISSA>(s.sub_i32(n_biased, half)));
    s.mul(s.mul_add(t, first, first), second)
}

/// [`Simd::log_at_ends`].
#[inline(always)]
pub(super) fn log_at_ends<S: Simd>(s: S, x: S::F32, y: S::F32) -> S::F32 {
    let zero = s.splat(0.0);
    // Infinity and NaN are their own results; a signalling NaN becomes the quiet one.
    let y = s.select(s.lt(x, s.splat(f32::INFINITY)), y, s.add(x, x));
    let y = s.select(s.le(x, zero), s.splat(f32::NEG_INFINITY), y);
    // The NaN of AVX-512's instruction, and of every invalid operation on x86, has its sign set.
    s.select(s.lt(x, zero), s.splat(-f32::NAN), y)
}

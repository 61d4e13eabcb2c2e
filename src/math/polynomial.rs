//! Polynomials of degree three, four, seven and sixteen.

use crate::simd::Simd;

/// `c[0][0] + c[0][1] x + ...`, with the coefficients of four powers in a row.
///
/// Pairs first, then fours (Estrin): seven degrees are three steps to wait for instead of Horner's
/// seven, for two more products.
#[inline(always)]
pub(super) fn polynomial<S: Simd, const N: usize>(s: S, c: &[[f32; 4]; N], x: S::F32) -> S::F32 {
    let x2 = s.mul(x, x);
    below(s, cubic(s, &c[N - 1], x, x2), &c[..N - 1], x, x2)
}

/// The same with one more term, `top` times the next power of x.
#[inline(always)]
pub(super) fn polynomial_and<S: Simd, const N: usize>(
    s: S,
    c: &[[f32; 4]; N],
    top: f32,
    x: S::F32,
) -> S::F32 {
    below(s, s.splat(top), c, x, s.mul(x, x))
}

/// `c[0][0] + c[0][1] x + ... + y x⁴ⁿ`
#[inline(always)]
fn below<S: Simd>(s: S, mut y: S::F32, c: &[[f32; 4]], x: S::F32, x2: S::F32) -> S::F32 {
    let x4 = s.mul(x2, x2);
    for four in c.iter().rev() {
        y = s.mul_add(y, x4, cubic(s, four, x, x2));
    }
    y
}

#[inline(always)]
fn cubic<S: Simd>(s: S, c: &[f32; 4], x: S::F32, x2: S::F32) -> S::F32 {
    let low = s.mul_add(s.splat(c[1]), x, s.splat(c[0]));
    let high = s.mul_add(s.splat(c[3]), x, s.splat(c[2]));
    s.mul_add(high, x2, low)
}

/// `c[0] + c[1] x + ... + c[4] x⁴`, beside an `x²` that is known.
#[inline(always)]
pub(super) fn quartic<S: Simd>(s: S, c: &[f32; 5], x: S::F32, x2: S::F32) -> S::F32 {
    let low = s.mul_add(s.splat(c[1]), x, s.splat(c[0]));
    let high = s.mul_add(s.splat(c[3]), x, s.splat(c[2]));
    s.mul_add(s.mul_add(s.splat(c[4]), x2, high), x2, low)
}

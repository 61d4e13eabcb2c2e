//! The error function.
//!
//! ```text
//! erf(x) = 2/√π ∫ exp(-t²) dt from 0 to x = sign(x) (1 - exp(-q(|x|)))      q(t) = -log(1 - erf(t))
//!
//! 1 - exp(-q) = (1 - 2ⁿ) + 2ⁿ (1 - exp(-r))      -q = n ln 2 - r
//! ```
//!
//! `q` is smooth: 1.128 t near 0 and t² far out, so one polynomial serves all `x`, and there is
//! neither a division nor a choice. Near 0 `n` is 0 and the polynomial of the exponential gives the
//! result with full relative accuracy.

use super::exp::expm1_reduced;
use super::polynomial::polynomial;
use crate::simd::Simd;

/// Bound of the error of [`erf`]. Measured over all inputs:
/// 1.9116 at AVX2, 2.1905 at Portable.
pub const ERF_MAX_ULP: f64 = 2.5;

/// `q(t) = t + t (C + t (P[0] + P[1] t + ... + P[7] t⁷))` for `0 <= t <= 3.95`; `C` is rounded
/// less than `1 + C` would be.
///
/// Minimax fit (Remez, 120 bits) of the error relative to `erf`; coefficients rounded to `f32`
/// from the lowest on, the rest refitted after each. Error 2^-27.8.
const C: f32 = 0.128_379_17;
const P: [[f32; 4]; 2] = [
    [0.636_619_57, 0.102_776_304, -0.019_147_826, -0.000_169_484_72],
    [0.001_675_639_4, -0.000_637_331_4, 0.000_118_848_48, -9.386_033_5e-6],
];

/// `erf(x)`, in -1..=1; `erf(-x)` has the bits of `-erf(x)`.
///
/// NaN gives NaN.
#[inline(always)]
pub fn erf<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // From 3.92 on the result is 1. `abs(x)` is second, so that a NaN survives.
    let t = s.min(s.splat(3.95), s.abs(x));
    let slope = s.mul_add(polynomial(s, &P, t), t, s.splat(C));
    let (n, e) = expm1_reduced(s, s.mul_add(slope, t, t), -1.0, 127.0);
    let scale = s.from_bits(s.shl::<23>(n));
    let y = s.mul_add(scale, e, s.sub(s.splat(1.0), scale));
    // `y` has no sign yet, so that setting the bit is enough.
    let sign = s.and_i32(s.to_bits(x), s.splat_i32(i32::MIN));
    s.from_bits(s.or_i32(s.to_bits(y), sign))
}

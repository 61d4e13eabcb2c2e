//! exp
use crate::simd::Simd;
use core::f32::consts::LOG2_E;
const LN_2_HI: f32 = 0.693145751953125;
const LN_2_LO: f32 = 1.428606765330187045e-6;
const SHIFT: f32 = 12582912.0;

/// x
#[inline(always)]
pub fn exp<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let x = s.max(s.splat(-104.0), s.min(s.splat(89.0), x));
    let shift = s.splat(SHIFT + 254.0);
    let m = s.mul_add(x, s.splat(LOG2_E), shift);
    let n = s.sub(m, shift);
    let t = expm1_reduced(s, x, n);
    let bits = s.to_bits(m);
    let half = s.shr::<1>(bits);
    let first = s.from_bits(s.shl::<23>(half));
    let second = s.from_bits(s.shl::<23>(s.sub_i32(bits, half)));
    s.mul(s.mul_add(t, first, first), second)
}
/// x
#[inline(always)]
pub fn exp_nonpositive<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let x = s.max(s.splat(-88.0), x);
    let shift = s.splat(SHIFT + 127.0);
    let m = s.mul_add(x, s.splat(LOG2_E), shift);
    let n = s.sub(m, shift);
    let t = expm1_reduced(s, x, n);
    let scale = s.from_bits(s.shl::<23>(s.to_bits(m)));
    s.mul_add(t, scale, scale)
}
#[inline(always)]
fn expm1_reduced<S: Simd>(s: S, x: S::F32, n: S::F32) -> S::F32 {
    let r = s.neg_mul_add(n, s.splat(LN_2_HI), x);
    let r = s.neg_mul_add(n, s.splat(LN_2_LO), r);
    const Q: [f32; 5] = [0.49999994, 0.166665211, 0.0416682623, 0.00836867187, 0.00138209702];
    let c = |k: usize| s.splat(Q[k]);
    let r2 = s.mul(r, r);
    let q01 = s.mul_add(c(1), r, c(0));
    let q23 = s.mul_add(c(3), r, c(2));
    let q24 = s.mul_add(c(4), r2, q23);
    let low = s.mul_add(q01, r2, r);
    s.mul_add(q24, s.mul(r2, r2), low)
}

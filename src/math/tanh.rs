//! tanh
use super::exp_nonpositive;
use crate::simd::Simd;
const LN_2_HI: f32 = 0.693145751953125;
const LN_2_LO: f32 = 1.428606765330187045e-6;
const SHIFT: f32 = 12582912.0;

/// x
#[inline(always)]
pub fn tanh_a<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let a = s.min(s.splat(10.0), s.abs(x));
    let shift = s.splat(SHIFT + 127.0);
    let m = s.neg_mul_add(a, s.splat(2.0 * core::f32::consts::LOG2_E), shift);
    let n = s.sub(m, shift);
    let r = s.mul_add(n, s.splat(LN_2_HI * 0.5), a);
    let r = s.mul_add(n, s.splat(LN_2_LO * 0.5), r);
    // (1 - exp(-2r))/2 = r - r^2 (q0 - 2 q1 r + 4 q2 r^2..) *  .. : t=-2r: -(t + t^2 q(t))/2 = r - 2 r^2 q(-2r)
    const Q: [f32; 5] = [
        -2.0 * 0.499999911,
        4.0 * 0.166665256,
        -8.0 * 0.0416685678,
        16.0 * 0.00836826302,
        -32.0 * 0.00138197467,
    ];
    let c = |k: usize| s.splat(Q[k]);
    let r2 = s.mul(r, r);
    let q01 = s.mul_add(c(1), r, c(0));
    let q23 = s.mul_add(c(3), r, c(2));
    let q24 = s.mul_add(c(4), r2, q23);
    let q = s.mul_add(q24, r2, q01);
    let t = s.mul_add(q, r2, r);
    let scale = s.from_bits(s.shl::<23>(s.to_bits(m)));
    let half = s.splat(0.5);
    let e = s.mul_add(scale, t, s.neg_mul_add(scale, half, half));
    let y = s.div(e, s.sub(s.splat(1.0), e));
    let sign = s.and_i32(s.to_bits(x), s.splat_i32(i32::MIN));
    s.from_bits(s.or_i32(s.to_bits(y), sign))
}
/// x
#[inline(always)]
pub fn tanh_b<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let a = s.abs(x);
    let e = exp_nonpositive(s, s.mul(s.splat(-2.0), a));
    let one = s.splat(1.0);
    let big = s.neg_mul_add(s.splat(2.0), s.div(e, s.add(one, e)), one);
    const P: [f32; 5] = [-0.333332837, 0.133314759, -0.0537419394, 0.0206451491, -0.00571084162];
    let c = |k: usize| s.splat(P[k]);
    let u = s.mul(a, a);
    let u2 = s.mul(u, u);
    let p01 = s.mul_add(c(1), u, c(0));
    let p23 = s.mul_add(c(3), u, c(2));
    let p24 = s.mul_add(c(4), u2, p23);
    let p = s.mul_add(p24, u2, p01);
    let small = s.mul_add(s.mul(p, u), a, a);
    let y = s.select(s.lt(a, s.splat(0.625)), small, big);
    let sign = s.and_i32(s.to_bits(x), s.splat_i32(i32::MIN));
    s.from_bits(s.or_i32(s.to_bits(y), sign))
}

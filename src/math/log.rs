//! log
use crate::simd::Simd;
const LN_2_HI: f32 = 0.693145751953125;
const LN_2_LO: f32 = 1.428606765330187045e-6;
const P: [f32; 8] = [
    0.333332151,
    -0.249998048,
    0.200104386,
    -0.166802078,
    0.140054598,
    -0.12187802,
    0.139861003,
    -0.128772572,
];
/// x
#[inline(always)]
pub fn log<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let zero = s.splat(0.0);
    let tiny = s.lt(x, s.splat(f32::MIN_POSITIVE));
    let scaled = s.select(tiny, s.mul(x, s.splat(8388608.0)), x);
    let low = s.splat_i32(0x3f2aaaab);
    let bits = s.sub_i32(s.to_bits(scaled), low);
    let e = s.from_i32(s.shr::<23>(bits));
    let e = s.add(e, s.select(tiny, s.splat(-23.0), zero));
    let m = s.add_i32(s.and_i32(bits, s.splat_i32(0x7fffff)), low);
    let f = s.sub(s.from_bits(m), s.splat(1.0));
    let c = |k: usize| s.splat(P[k]);
    let f2 = s.mul(f, f);
    let f4 = s.mul(f2, f2);
    let p01 = s.mul_add(c(1), f, c(0));
    let p23 = s.mul_add(c(3), f, c(2));
    let p45 = s.mul_add(c(5), f, c(4));
    let p67 = s.mul_add(c(7), f, c(6));
    let p03 = s.mul_add(p23, f2, p01);
    let p47 = s.mul_add(p67, f2, p45);
    let p = s.mul_add(p47, f4, p03);
    let y = s.mul_add(s.mul(f, f2), p, s.mul(e, s.splat(LN_2_LO)));
    let y = s.neg_mul_add(f2, s.splat(0.5), y);
    let r = s.add(s.mul_add(e, s.splat(LN_2_HI), f), y);
    let r = s.select(s.lt(x, s.splat(f32::INFINITY)), r, x);
    let r = s.select(s.le(x, zero), s.splat(f32::NEG_INFINITY), r);
    s.select(s.lt(x, zero), s.splat(f32::NAN), r)
}

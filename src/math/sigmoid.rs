//! sigmoid
use super::exp_nonpositive;
use crate::simd::Simd;
/// x
#[inline(always)]
pub fn sigmoid<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let minus = s.from_bits(s.or_i32(s.to_bits(x), s.splat_i32(i32::MIN)));
    let z = exp_nonpositive(s, minus);
    let one = s.splat(1.0);
    let num = s.select(s.lt(x, s.splat(0.0)), z, one);
    s.div(num, s.add(one, z))
}

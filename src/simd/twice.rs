//! [`Twice`]: two vectors as one, each operation done to both, one after the other.
//!
//! A long chain of operations waits for its own results, and the processor fills the time with those
//! of the next vectors as far as its registers for renaming reach, which constants that are fetched
//! from memory take too. Two vectors side by side need half of these.
//!
//! No operation is handed to a helper as a closure: one of several instructions, as [`Simd::split`] is on AVX2, may
//! become a function of its own, which has not the features, and so a call for each instruction.

use super::{Simd, sealed};

/// The operations of `S` on pairs of its vectors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Twice<S>(pub S);

impl<S: Simd> sealed::Sealed for Twice<S> {}

impl<S: Simd> Twice<S> {
    /// How many of the first `count` lanes are in each vector.
    #[inline(always)]
    fn counts(count: usize) -> [usize; 2] {
        [count.min(S::LANES), count.saturating_sub(S::LANES)]
    }
}

impl<S: Simd> Simd for Twice<S> {
    type F32 = [S::F32; 2];
    type I32 = [S::I32; 2];
    type Mask = [S::Mask; 2];
    const LANES: usize = 2 * S::LANES;

    #[inline(always)]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        S::vectorize(self.0, f)
    }

    #[inline(always)]
    unsafe fn load(self, src: *const f32) -> Self::F32 {
        // SAFETY: the caller's promise.
        unsafe { [self.0.load(src), self.0.load(src.add(S::LANES))] }
    }
    #[inline(always)]
    unsafe fn store(self, dst: *mut f32, x: Self::F32) {
        // SAFETY: the caller's promise.
        unsafe {
            self.0.store(dst, x[0]);
            self.0.store(dst.add(S::LANES), x[1]);
        }
    }
    #[inline(always)]
    unsafe fn load_partial(self, src: *const f32, count: usize) -> Self::F32 {
        let [first, second] = Self::counts(count);
        // SAFETY: the caller's promise; nothing is read where a count is 0.
        unsafe {
            [
                self.0.load_partial(src, first),
                self.0.load_partial(src.wrapping_add(S::LANES), second),
            ]
        }
    }
    #[inline(always)]
    unsafe fn store_partial(self, dst: *mut f32, count: usize, x: Self::F32) {
        let [first, second] = Self::counts(count);
        // SAFETY: the caller's promise; nothing is written where a count is 0.
        unsafe {
            self.0.store_partial(dst, first, x[0]);
            self.0.store_partial(dst.wrapping_add(S::LANES), second, x[1]);
        }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F32 {
        [self.0.splat(x); 2]
    }
    #[inline(always)]
    fn splat_i32(self, x: i32) -> Self::I32 {
        [self.0.splat_i32(x); 2]
    }
    #[inline(always)]
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        [self.0.add(a[0], b[0]), self.0.add(a[1], b[1])]
    }
    #[inline(always)]
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        [self.0.sub(a[0], b[0]), self.0.sub(a[1], b[1])]
    }
    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        [self.0.mul(a[0], b[0]), self.0.mul(a[1], b[1])]
    }
    #[inline(always)]
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        [self.0.div(a[0], b[0]), self.0.div(a[1], b[1])]
    }
    #[inline(always)]
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        [self.0.mul_add(a[0], b[0], c[0]), self.0.mul_add(a[1], b[1], c[1])]
    }
    #[inline(always)]
    fn neg_mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        [self.0.neg_mul_add(a[0], b[0], c[0]), self.0.neg_mul_add(a[1], b[1], c[1])]
    }
    #[inline(always)]
    fn sqrt(self, x: Self::F32) -> Self::F32 {
        [self.0.sqrt(x[0]), self.0.sqrt(x[1])]
    }
    #[inline(always)]
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        [self.0.max(a[0], b[0]), self.0.max(a[1], b[1])]
    }
    #[inline(always)]
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        [self.0.min(a[0], b[0]), self.0.min(a[1], b[1])]
    }
    #[inline(always)]
    fn lt(self, a: Self::F32, b: Self::F32) -> Self::Mask {
        [self.0.lt(a[0], b[0]), self.0.lt(a[1], b[1])]
    }
    #[inline(always)]
    fn le(self, a: Self::F32, b: Self::F32) -> Self::Mask {
        [self.0.le(a[0], b[0]), self.0.le(a[1], b[1])]
    }
    #[inline(always)]
    fn lt_i32(self, a: Self::I32, b: Self::I32) -> Self::Mask {
        [self.0.lt_i32(a[0], b[0]), self.0.lt_i32(a[1], b[1])]
    }
    #[inline(always)]
    fn is_nan(self, x: Self::F32) -> Self::Mask {
        [self.0.is_nan(x[0]), self.0.is_nan(x[1])]
    }
    #[inline(always)]
    fn select(self, mask: Self::Mask, yes: Self::F32, no: Self::F32) -> Self::F32 {
        [self.0.select(mask[0], yes[0], no[0]), self.0.select(mask[1], yes[1], no[1])]
    }
    #[inline(always)]
    fn zero_where(self, mask: Self::Mask, x: Self::F32) -> Self::F32 {
        [self.0.zero_where(mask[0], x[0]), self.0.zero_where(mask[1], x[1])]
    }
    #[inline(always)]
    fn zero_unless(self, mask: Self::Mask, x: Self::F32) -> Self::F32 {
        [self.0.zero_unless(mask[0], x[0]), self.0.zero_unless(mask[1], x[1])]
    }
    #[inline(always)]
    fn keep_first(self, count: usize, x: Self::F32, other: Self::F32) -> Self::F32 {
        let counts = Self::counts(count);
        [self.0.keep_first(counts[0], x[0], other[0]), self.0.keep_first(counts[1], x[1], other[1])]
    }
    #[inline(always)]
    fn look_up(self, table: &[f32; 8], at: Self::I32) -> Self::F32 {
        [self.0.look_up(table, at[0]), self.0.look_up(table, at[1])]
    }
    #[inline(always)]
    fn mul_minus_one(self, m: Self::F32, r: Self::F32) -> Self::F32 {
        [self.0.mul_minus_one(m[0], r[0]), self.0.mul_minus_one(m[1], r[1])]
    }
    #[inline(always)]
    fn split(self, x: Self::F32) -> (Self::F32, Self::F32) {
        let ((e0, m0), (e1, m1)) = (self.0.split(x[0]), self.0.split(x[1]));
        ([e0, e1], [m0, m1])
    }
    #[inline(always)]
    fn scale(self, t: Self::F32, n: Self::F32, biased: Self::I32) -> Self::F32 {
        [self.0.scale(t[0], n[0], biased[0]), self.0.scale(t[1], n[1], biased[1])]
    }
    #[inline(always)]
    fn log_at_ends(self, x: Self::F32, y: Self::F32) -> Self::F32 {
        [self.0.log_at_ends(x[0], y[0]), self.0.log_at_ends(x[1], y[1])]
    }
    #[inline(always)]
    fn log_of_split(self, x: Self::F32, y: Self::F32) -> Self::F32 {
        [self.0.log_of_split(x[0], y[0]), self.0.log_of_split(x[1], y[1])]
    }
    #[inline(always)]
    fn to_bits(self, x: Self::F32) -> Self::I32 {
        [self.0.to_bits(x[0]), self.0.to_bits(x[1])]
    }
    #[inline(always)]
    fn from_bits(self, x: Self::I32) -> Self::F32 {
        [self.0.from_bits(x[0]), self.0.from_bits(x[1])]
    }
    #[inline(always)]
    fn from_i32(self, x: Self::I32) -> Self::F32 {
        [self.0.from_i32(x[0]), self.0.from_i32(x[1])]
    }
    #[inline(always)]
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        [self.0.add_i32(a[0], b[0]), self.0.add_i32(a[1], b[1])]
    }
    #[inline(always)]
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        [self.0.sub_i32(a[0], b[0]), self.0.sub_i32(a[1], b[1])]
    }
    #[inline(always)]
    fn and_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        [self.0.and_i32(a[0], b[0]), self.0.and_i32(a[1], b[1])]
    }
    #[inline(always)]
    fn or_i32(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        [self.0.or_i32(a[0], b[0]), self.0.or_i32(a[1], b[1])]
    }
    #[inline(always)]
    fn shl<const BITS: u32>(self, x: Self::I32) -> Self::I32 {
        [self.0.shl::<BITS>(x[0]), self.0.shl::<BITS>(x[1])]
    }
    #[inline(always)]
    fn shr<const BITS: u32>(self, x: Self::I32) -> Self::I32 {
        [self.0.shr::<BITS>(x[0]), self.0.shr::<BITS>(x[1])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Portable;

    #[inline(always)]
    fn push<S: Simd>(s: S, out: &mut Vec<[u32; 8]>, x: S::F32) {
        let mut lanes = [0.0; 8];
        // SAFETY: a vector has eight lanes.
        unsafe { s.store(lanes.as_mut_ptr(), x) };
        out.push(lanes.map(f32::to_bits));
    }

    /// All operations on eight lanes, from memory and back, in one vector or two.
    #[inline(always)]
    fn all<S: Simd>(s: S) -> Vec<[u32; 8]> {
        const { assert!(S::LANES == 8) };
        let memory = [1.5, -0.0, f32::NAN, 2.25, -3.5, f32::INFINITY, 0.3, -0.7];
        let other = [-1.5, 0.0, 1.0, 2.25, 0.1, -2.0, f32::NAN, 7.0];
        let mut out = Vec::new();
        // Unknown to the compiler, which may give a NaN that it computes itself another sign.
        let (memory, other) = (core::hint::black_box(memory), core::hint::black_box(other));
        // SAFETY: a vector has eight lanes.
        let (x, y) = unsafe { (s.load(memory.as_ptr()), s.load(other.as_ptr())) };
        for z in [s.splat(0.1), s.add(x, y), s.sub(x, y), s.mul(x, y), s.div(x, y)] {
            push(s, &mut out, z);
        }
        for z in [s.mul_add(x, y, x), s.neg_mul_add(x, y, x), s.sqrt(x), s.max(x, y), s.min(x, y)] {
            push(s, &mut out, z);
        }
        let as_integers = s.lt_i32(s.to_bits(x), s.to_bits(y));
        for mask in [s.lt(x, y), s.le(x, y), as_integers, s.is_nan(x), s.gt(x, y)] {
            push(s, &mut out, s.select(mask, x, y));
            push(s, &mut out, s.zero_where(mask, y));
            push(s, &mut out, s.zero_unless(mask, y));
        }
        let (i, j) = (s.to_bits(x), s.to_bits(y));
        push(s, &mut out, s.from_i32(i));
        push(s, &mut out, s.from_bits(s.splat_i32(77)));
        push(s, &mut out, s.from_bits(s.add_i32(i, j)));
        push(s, &mut out, s.from_bits(s.sub_i32(i, j)));
        push(s, &mut out, s.from_bits(s.and_i32(i, j)));
        push(s, &mut out, s.from_bits(s.or_i32(i, j)));
        push(s, &mut out, s.from_bits(s.shl::<3>(i)));
        push(s, &mut out, s.from_bits(s.shr::<5>(i)));
        push(s, &mut out, s.look_up(&other, j));
        push(s, &mut out, s.mul_minus_one(s.split(s.abs(x)).1, s.splat(0.75)));
        let (e, m) = s.split(x);
        push(s, &mut out, s.log_of_split(x, s.add(e, m)));
        for count in 0..=8 {
            push(s, &mut out, s.keep_first(count, x, y));
            let mut lanes = [9.0; 8];
            // Memory that ends where it may be read and written.
            let (from, to) = (&memory[..count], &mut lanes[..count]);
            // SAFETY: both have `count` elements.
            unsafe {
                s.store_partial(to.as_mut_ptr(), count, s.load_partial(from.as_ptr(), count))
            };
            out.push(lanes.map(f32::to_bits));
        }
        s.vectorize(
            #[inline(always)]
            || push(s, &mut out, s.neg(x)),
        );
        out
    }

    #[test]
    fn a_pair_does_what_a_vector_of_twice_the_lanes_does() {
        let (one, two) = (all(Portable::<8>), all(Twice(Portable::<4>)));
        assert_eq!(one.len(), 55);
        assert_eq!(one, two);
    }
}

//! `Avx2`: AVX2 with FMA, vectors of 8.
//!
//! Partial vectors are loaded with a mask but stored in pieces of 4, 2 and 1: a `vmaskmovps`
//! store costs 42 micro-operations on Zen.

use core::arch::x86_64::*;

use super::{Simd, sealed::Sealed};

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx2 {
    _private: (),
}

impl Avx2 {
    /// The token, if the processor has AVX2 and FMA.
    pub fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        found.then_some(Self { _private: () })
    }
}

/// Eight words from `8 - n` on: `n` of them all ones, then zeros.
static MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

impl Avx2 {
    /// All ones in the first `count` lanes; more than eight count as eight.
    #[inline(always)]
    fn first_lanes(self, count: usize) -> __m256i {
        // SAFETY: the eight words start at `8 - count` at most, within the sixteen of the table.
        unsafe { _mm256_loadu_si256(MASKS.as_ptr().add(8 - count.min(8)).cast()) }
    }
}

impl Avx2 {
    /// The token, from a level that includes this one.
    #[inline(always)]
    pub(super) fn of(_: super::Avx512) -> Self {
        Self { _private: () }
    }
}

impl Sealed for Avx2 {}

impl Simd for Avx2 {
    type F32 = __m256;
    type I32 = __m256i;
    type Mask = __m256;
    const LANES: usize = 8;

    #[inline]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx2,fma")]
        fn inner<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        // SAFETY: `self` proves that the processor has the features of `inner`.
        unsafe { inner(f) }
    }

    #[inline(always)]
    unsafe fn load(self, src: *const f32) -> __m256 {
        // SAFETY: the caller's promise, and the token.
        unsafe { _mm256_loadu_ps(src) }
    }
    #[inline(always)]
    unsafe fn store(self, dst: *mut f32, x: __m256) {
        // SAFETY: the caller's promise, and the token.
        unsafe { _mm256_storeu_ps(dst, x) }
    }
    #[inline(always)]
    unsafe fn load_partial(self, src: *const f32, count: usize) -> __m256 {
        // SAFETY: lanes from `count` on are masked off and not read; the rest is the caller's
        // promise, and the token.
        unsafe { _mm256_maskload_ps(src, self.first_lanes(count)) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, dst: *mut f32, count: usize, x: __m256) {
        // SAFETY: the pieces written are 8 elements, or those of the binary digits of `count`, one
        // after the other: `count` in all, which the caller promises to be writable.
        unsafe {
            if count >= Self::LANES {
                return _mm256_storeu_ps(dst, x);
            }
            let (mut dst, mut rest) = (dst, _mm256_castps256_ps128(x));
            if count & 4 != 0 {
                _mm_storeu_ps(dst, rest);
                rest = _mm256_extractf128_ps::<1>(x);
                dst = dst.add(4);
            }
            if count & 2 != 0 {
                _mm_storel_epi64(dst.cast(), _mm_castps_si128(rest)); // needs no alignment
                rest = _mm_movehl_ps(rest, rest);
                dst = dst.add(2);
            }
            if count & 1 != 0 {
                _mm_store_ss(dst, rest);
            }
        }
    }

    #[inline(always)]
    unsafe fn transpose(
        self,
        shape: (usize, usize),
        src: (*const f32, usize),
        dst: (*mut f32, usize),
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            self.transpose_half(0, shape, src, dst);
            self.transpose_half(4, shape, src, dst);
        }
    }
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: a prefetch never faults, and the token proves the feature.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(p.cast()) }
    }
    #[inline(always)]
    fn prefetch_l2(self, p: *const f32) {
        // SAFETY: a prefetch never faults, and the token proves the feature.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    fn splat_i32(self, x: i32) -> __m256i {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_set1_epi32(x) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn neg_mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_fnmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn sqrt(self, x: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_sqrt_ps(x) }
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    fn min(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_min_ps(a, b) }
    }
    #[inline(always)]
    fn lt(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) }
    }
    #[inline(always)]
    fn le(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_cmp_ps::<_CMP_LE_OQ>(a, b) }
    }
    #[inline(always)]
    fn lt_i32(self, a: __m256i, b: __m256i) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_castsi256_ps(_mm256_cmpgt_epi32(b, a)) }
    }
    #[inline(always)]
    fn is_nan(self, x: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_cmp_ps::<_CMP_UNORD_Q>(x, x) }
    }
    #[inline(always)]
    fn select(self, mask: __m256, yes: __m256, no: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_blendv_ps(no, yes, mask) }
    }
    // One operation: of a blend with zero LLVM makes two, as it does not know that masks are whole.
    #[inline(always)]
    fn zero_where(self, mask: __m256, x: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_andnot_ps(mask, x) }
    }
    #[inline(always)]
    fn zero_unless(self, mask: __m256, x: __m256) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_and_ps(mask, x) }
    }
    #[inline(always)]
    fn keep_first(self, count: usize, x: __m256, other: __m256) -> __m256 {
        let mask = self.first_lanes(count);
        // SAFETY: the token proves the feature.
        unsafe { _mm256_blendv_ps(other, x, _mm256_castsi256_ps(mask)) }
    }
    #[inline(always)]
    fn to_bits(self, x: __m256) -> __m256i {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_castps_si256(x) }
    }
    #[inline(always)]
    fn from_bits(self, x: __m256i) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_castsi256_ps(x) }
    }
    #[inline(always)]
    fn from_i32(self, x: __m256i) -> __m256 {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_cvtepi32_ps(x) }
    }
    #[inline(always)]
    fn add_i32(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_add_epi32(a, b) }
    }
    #[inline(always)]
    fn sub_i32(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_sub_epi32(a, b) }
    }
    #[inline(always)]
    fn and_i32(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_and_si256(a, b) }
    }
    #[inline(always)]
    fn or_i32(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: the token proves the feature.
        unsafe { _mm256_or_si256(a, b) }
    }
    #[inline(always)]
    fn shl<const BITS: u32>(self, x: __m256i) -> __m256i {
        const { assert!(BITS < 32) };
        // SAFETY: the token proves the feature.
        unsafe { _mm256_sll_epi32(x, _mm_cvtsi32_si128(BITS as i32)) }
    }
    #[inline(always)]
    fn shr<const BITS: u32>(self, x: __m256i) -> __m256i {
        const { assert!(BITS < 32) };
        // SAFETY: the token proves the feature.
        unsafe { _mm256_sra_epi32(x, _mm_cvtsi32_si128(BITS as i32)) }
    }
    #[inline(always)]
    fn look_up(self, table: &[f32; 8], at: __m256i) -> __m256 {
        // SAFETY: the table has eight elements; the token proves the feature.
        unsafe { _mm256_permutevar8x32_ps(_mm256_loadu_ps(table.as_ptr()), at) }
    }
}

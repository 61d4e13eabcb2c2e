//! `Avx512`: AVX-512 (F, VL, DQ and BW), vectors of 16 with masks.

use core::arch::x86_64::*;

use super::{Avx2, SQUARE, Simd, sealed::Sealed};

/// Proof that the processor has AVX-512 F, VL, DQ and BW.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512 {
    _private: (),
}

impl Avx512 {
    /// The token, if the processor has AVX-512 F, VL, DQ and BW, and what [`Avx2`] is proof of.
    pub fn detect() -> Option<Self> {
        let found = Avx2::detect().is_some()
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw");
        found.then_some(Self { _private: () })
    }
}

/// The mask of the first `count` lanes; more than sixteen count as sixteen.
#[inline(always)]
fn first_lanes(count: usize) -> __mmask16 {
    ((1_u32 << count.min(16)) - 1) as __mmask16
}

impl Sealed for Avx512 {}

impl Simd for Avx512 {
    type F32 = __m512;
    type I32 = __m512i;
    type Mask = __mmask16;
    const LANES: usize = 16;
    const TURNED: usize = 16;

    #[inline]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw")]
        fn inner<R>(f: impl FnOnce() -> R) -> R {
            f()
        }
        // SAFETY: `self` proves that the processor has the features of `inner`.
        unsafe { inner(f) }
    }

    #[inline(always)]
    unsafe fn load(self, src: *const f32) -> __m512 {
        // SAFETY: the caller's promise, and the token.
        unsafe { _mm512_loadu_ps(src) }
    }
    #[inline(always)]
    unsafe fn store(self, dst: *mut f32, x: __m512) {
        // SAFETY: the caller's promise, and the token.
        unsafe { _mm512_storeu_ps(dst, x) }
    }
    #[inline(always)]
    unsafe fn load_partial(self, src: *const f32, count: usize) -> __m512 {
        // SAFETY: lanes from `count` on are masked off and not read; the rest is the caller's
        // promise.
        unsafe { _mm512_maskz_loadu_ps(first_lanes(count), src) }
    }
    #[inline(always)]
    unsafe fn store_partial(self, dst: *mut f32, count: usize, x: __m512) {
        // SAFETY: lanes from `count` on are masked off and not written; the rest is the caller's
        // promise.
        unsafe { _mm512_mask_storeu_ps(dst, first_lanes(count), x) }
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
            if shape.0 <= SQUARE {
                Avx2::of(self).transpose(shape, src, dst);
            } else {
                self.transpose_half(0, shape, src, dst);
                self.transpose_half(4, shape, src, dst);
            }
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
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    fn splat_i32(self, x: i32) -> __m512i {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_set1_epi32(x) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn neg_mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_fnmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn sqrt(self, x: __m512) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_sqrt_ps(x) }
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    fn lt(self, a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
    }
    #[inline(always)]
    fn le(self, a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b) }
    }
    #[inline(always)]
    fn lt_i32(self, a: __m512i, b: __m512i) -> __mmask16 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_cmplt_epi32_mask(a, b) }
    }
    #[inline(always)]
    fn is_nan(self, x: __m512) -> __mmask16 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(x, x) }
    }
    #[inline(always)]
    fn select(self, mask: __mmask16, yes: __m512, no: __m512) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_mask_blend_ps(mask, no, yes) }
    }
    #[inline(always)]
    fn keep_first(self, count: usize, x: __m512, other: __m512) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_mask_blend_ps(first_lanes(count), other, x) }
    }
    #[inline(always)]
    fn to_bits(self, x: __m512) -> __m512i {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_castps_si512(x) }
    }
    #[inline(always)]
    fn from_bits(self, x: __m512i) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_castsi512_ps(x) }
    }
    #[inline(always)]
    fn from_i32(self, x: __m512i) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_cvtepi32_ps(x) }
    }
    #[inline(always)]
    fn add_i32(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_add_epi32(a, b) }
    }
    #[inline(always)]
    fn sub_i32(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_sub_epi32(a, b) }
    }
    #[inline(always)]
    fn and_i32(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_and_si512(a, b) }
    }
    #[inline(always)]
    fn or_i32(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_or_si512(a, b) }
    }
    #[inline(always)]
    fn shl<const BITS: u32>(self, x: __m512i) -> __m512i {
        const { assert!(BITS < 32) };
        // SAFETY: the token proves the feature.
        unsafe { _mm512_sll_epi32(x, _mm_cvtsi32_si128(BITS as i32)) }
    }
    #[inline(always)]
    fn shr<const BITS: u32>(self, x: __m512i) -> __m512i {
        const { assert!(BITS < 32) };
        // SAFETY: the token proves the feature.
        unsafe { _mm512_sra_epi32(x, _mm_cvtsi32_si128(BITS as i32)) }
    }

    #[inline(always)]
    fn look_up(self, table: &[f32; 8], at: __m512i) -> __m512 {
        // SAFETY: the table has eight elements; the token proves the features.
        unsafe {
            let table = _mm512_broadcast_f32x8(_mm256_loadu_ps(table.as_ptr()));
            _mm512_permutexvar_ps(at, table)
        }
    }
    #[inline(always)]
    fn split(self, x: __m512) -> (__m512, __m512) {
        // SAFETY: the token proves the feature.
        unsafe {
            // Of zeros and infinity `e` is infinite and `m` 1 or -1; of NaN both are NaN, and `m` is of numbers below 0.
            let m = _mm512_getmant_ps::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_NAN>(x);
            (_mm512_getexp_ps(x), m)
        }
    }
    #[inline(always)]
    fn scale(self, t: __m512, n: __m512, _: __m512i) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_scalef_ps(_mm512_add_ps(t, self.splat(1.0)), n) }
    }
    #[inline(always)]
    fn log_at_ends(self, x: __m512, y: __m512) -> __m512 {
        // SAFETY: the token proves the feature.
        unsafe { _mm512_fixupimm_ps::<0>(y, x, self.splat_i32(LOG_AT_ENDS)) }
    }
    #[inline(always)]
    fn log_of_split(self, _: __m512, y: __m512) -> __m512 {
        y
    }
}

/// What `vfixupimm` puts in place of the result, four bits for each kind of argument: from the lowest,
/// quiet NaN (itself), signalling NaN (itself), zero (negative infinity), one (stays), negative infinity
/// (NaN), positive infinity (itself), negative (NaN), positive (stays).
const LOG_AT_ENDS: i32 = 0x0313_0411;

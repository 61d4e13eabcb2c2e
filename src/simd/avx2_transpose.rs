//! The transposition of squares in AVX2's registers.

use core::arch::x86_64::*;

use super::{Avx2, QUAD, Simd, Turn};

impl Avx2 {
    /// Columns `half..half + 4` of [`Simd::transpose`]. Rows that are missing are read as copies of
    /// the last, and not stored.
    ///
    /// # Safety
    /// As for `transpose`.
    #[inline(always)]
    pub(super) unsafe fn transpose_half(
        self,
        half: usize,
        (rows, cols): (usize, usize),
        (src, src_step): (*const f32, usize),
        (dst, dst_step): (*mut f32, usize),
    ) {
        let mut pairs = [self.splat(0.0); QUAD];
        for i in 0..4 {
            // SAFETY: `cols` elements are readable at each row.
            unsafe {
                let low = quarter(src.add(i.min(rows - 1) * src_step), half, cols);
                let high = quarter(src.add((i + 4).min(rows - 1) * src_step), half, cols);
                pairs[i] = _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(low), high);
            }
        }
        let turned = self.turned(pairs);
        for j in 0..4 {
            if half + j < cols {
                // SAFETY: `rows` elements are writable at each of the `cols` rows of `dst`.
                unsafe { self.store_partial(dst.add((half + j) * dst_step), rows, turned[j]) };
            }
        }
    }
}

impl Turn for Avx2 {
    #[inline(always)]
    unsafe fn quads(self, first: *const f32, rows: &[usize]) -> [__m256; QUAD] {
        let mut quads = [self.splat(0.0); QUAD];
        for i in 0..QUAD {
            // SAFETY: four elements are readable at each row; the token proves the features.
            unsafe {
                let at = |row: usize| first.wrapping_add(rows[row]);
                let low = _mm256_castps128_ps256(_mm_loadu_ps(at(i)));
                quads[i] = _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(at(i + 4)));
            }
        }
        quads
    }

    /// Turns the four rows of each half: `(a, b, c, d)` to the vectors of their first elements, of
    /// their second ones, and so on.
    #[inline(always)]
    fn turned(self, [a, b, c, d]: [__m256; QUAD]) -> [__m256; QUAD] {
        // SAFETY: the token proves the feature.
        unsafe {
            let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
            let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
            [
                _mm256_shuffle_ps::<0x44>(ab_low, cd_low),
                _mm256_shuffle_ps::<0xee>(ab_low, cd_low),
                _mm256_shuffle_ps::<0x44>(ab_high, cd_high),
                _mm256_shuffle_ps::<0xee>(ab_high, cd_high),
            ]
        }
    }
}

/// Four of the `cols` elements of a row, from `half` on, with zeros beyond the last.
///
/// # Safety
/// `cols` elements are readable.
#[inline(always)]
pub(super) unsafe fn quarter(row: *const f32, half: usize, cols: usize) -> __m128 {
    // SAFETY: only elements below `cols` are read; a level that gets here has AVX2.
    unsafe {
        if cols >= half + 4 {
            return _mm_loadu_ps(row.add(half));
        }
        let mut part = [0.0; 4];
        for i in 0..4 {
            if half + i < cols {
                part[i] = *row.add(half + i);
            }
        }
        _mm_loadu_ps(part.as_ptr())
    }
}

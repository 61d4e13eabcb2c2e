//! The transposition of blocks of sixteen rows in AVX-512's registers.

use core::arch::x86_64::*;

use super::avx2_transpose::quarter;
use super::{Avx512, QUAD, Simd, Turn};

impl Avx512 {
    /// Columns `half..half + 4` of [`Simd::transpose`], for more than eight rows. Rows that are missing
    /// are read as copies of the last, and not stored.
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
        let mut quads = [self.splat(0.0); QUAD];
        for i in 0..4 {
            // SAFETY: `cols` elements are readable at each row; the token proves the features.
            unsafe {
                let part = |row: usize| quarter(src.add(row.min(rows - 1) * src_step), half, cols);
                let first = _mm512_castps128_ps512(part(i));
                let two = _mm512_insertf32x4::<1>(first, part(i + 4));
                let three = _mm512_insertf32x4::<2>(two, part(i + 8));
                quads[i] = _mm512_insertf32x4::<3>(three, part(i + 12));
            }
        }
        let turned = self.turned(quads);
        for j in 0..4 {
            if half + j < cols {
                // SAFETY: `rows` elements are writable at each of the `cols` rows of `dst`.
                unsafe { self.store_partial(dst.add((half + j) * dst_step), rows, turned[j]) };
            }
        }
    }
}

impl Turn for Avx512 {
    #[inline(always)]
    unsafe fn quads(self, first: *const f32, rows: &[usize]) -> [__m512; QUAD] {
        let mut quads = [self.splat(0.0); QUAD];
        for i in 0..QUAD {
            // SAFETY: four elements are readable at each row; the token proves the features.
            unsafe {
                let at = |row: usize| first.wrapping_add(rows[row]);
                let one = _mm512_castps128_ps512(_mm_loadu_ps(at(i)));
                let two = _mm512_insertf32x4::<1>(one, _mm_loadu_ps(at(i + 4)));
                let three = _mm512_insertf32x4::<2>(two, _mm_loadu_ps(at(i + 8)));
                quads[i] = _mm512_insertf32x4::<3>(three, _mm_loadu_ps(at(i + 12)));
            }
        }
        quads
    }

    /// Turns the four rows of each quarter: `(a, b, c, d)` to the vectors of their first elements, of
    /// their second ones, and so on.
    #[inline(always)]
    fn turned(self, [a, b, c, d]: [__m512; QUAD]) -> [__m512; QUAD] {
        // SAFETY: the token proves the feature.
        unsafe {
            let (ab_low, ab_high) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
            let (cd_low, cd_high) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
            [
                _mm512_shuffle_ps::<0x44>(ab_low, cd_low),
                _mm512_shuffle_ps::<0xee>(ab_low, cd_low),
                _mm512_shuffle_ps::<0x44>(ab_high, cd_high),
                _mm512_shuffle_ps::<0xee>(ab_high, cd_high),
            ]
        }
    }

    /// Rows in halves of vectors: 8 insertions and 24 shuffles, where two blocks are 24 and 16, and half of the loads.
    #[inline(always)]
    unsafe fn turned_pair(self, first: *const f32, rows: &[usize]) -> [[__m512; QUAD]; 2] {
        let mut halves = [[self.splat(0.0); QUAD]; 2];
        for side in 0..2 {
            for i in 0..QUAD {
                // SAFETY: eight elements are readable at each row; the token proves the features.
                unsafe {
                    let at = |row: usize| first.wrapping_add(rows[8 * side + row]);
                    let low = _mm512_castps256_ps512(_mm256_loadu_ps(at(i)));
                    halves[side][i] = _mm512_insertf32x8::<1>(low, _mm256_loadu_ps(at(i + 4)));
                }
            }
        }
        let (low, high) = (self.turned(halves[0]), self.turned(halves[1]));
        let mut columns = halves;
        for q in 0..QUAD {
            // SAFETY: the token proves the feature.
            unsafe {
                columns[0][q] = _mm512_shuffle_f32x4::<0x88>(low[q], high[q]);
                columns[1][q] = _mm512_shuffle_f32x4::<0xdd>(low[q], high[q]);
            }
        }
        columns
    }
}

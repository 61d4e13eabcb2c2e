//! Rows in memory as the columns of vectors, in two steps between which there is room for other work.

use super::Simd;

/// Elements of each row in a block.
pub(crate) const QUAD: usize = 4;

/// A level that turns blocks of [`LANES`](Simd::LANES) rows and [`QUAD`] columns in registers.
pub(crate) trait Turn: Simd {
    /// Of each of the first `LANES` of `rows`, which are so many elements from `first`, [`QUAD`] elements, in
    /// the order that [`turned`](Self::turned) takes.
    ///
    /// # Safety
    /// They are readable.
    unsafe fn quads(self, first: *const f32, rows: &[usize]) -> [Self::F32; QUAD];

    /// Column after column of the block.
    fn turned(self, quads: [Self::F32; QUAD]) -> [Self::F32; QUAD];

    /// Two blocks side by side, `2 QUAD` elements of each row, column after column.
    ///
    /// # Safety
    /// They are readable.
    #[inline(always)]
    unsafe fn turned_pair(self, first: *const f32, rows: &[usize]) -> [[Self::F32; QUAD]; 2] {
        // SAFETY: the caller's promise.
        unsafe {
            let left = self.turned(self.quads(first, rows));
            [left, self.turned(self.quads(first.wrapping_add(QUAD), rows))]
        }
    }
}

/// For tests of what is built upon it.
#[cfg(test)]
impl<const N: usize> Turn for super::Portable<N> {
    #[inline(always)]
    unsafe fn quads(self, first: *const f32, rows: &[usize]) -> [[f32; N]; QUAD] {
        // SAFETY: the caller's promise.
        core::array::from_fn(|q| core::array::from_fn(|i| unsafe { *first.add(rows[i] + q) }))
    }

    #[inline(always)]
    fn turned(self, quads: [[f32; N]; QUAD]) -> [[f32; N]; QUAD] {
        quads
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    #[inline(always)]
    fn is_column<S: Turn>(s: S, column: S::F32, first: &[f32], rows: &[usize]) {
        let mut found = vec![f32::NAN; S::LANES];
        // SAFETY: there is room for a vector.
        unsafe { s.store(found.as_mut_ptr(), column) };
        let expected: Vec<_> = rows.iter().map(|&row| first[row]).collect();
        assert_eq!(found, expected, "{s:?}");
    }

    #[inline(always)]
    fn check<S: Turn>(s: S) {
        // Rows that end where their memory does, one of them twice.
        let data: Vec<f32> = (0..11 * S::LANES).map(|at| (at / 11 * 20 + at % 11) as f32).collect();
        let mut rows: Vec<_> = (0..S::LANES).map(|i| 11 * i).collect();
        rows[S::LANES - 2] = rows[S::LANES - 1];
        for at in 0..=11 - QUAD {
            // SAFETY: the rows have eleven elements.
            let turned = s.turned(unsafe { s.quads(data[at..].as_ptr(), &rows) });
            for q in 0..QUAD {
                is_column(s, turned[q], &data[at + q..], &rows);
            }
        }
        for at in 0..=11 - 2 * QUAD {
            // SAFETY: as above.
            let turned = unsafe { s.turned_pair(data[at..].as_ptr(), &rows) };
            for q in 0..2 * QUAD {
                is_column(s, turned[q / QUAD][q % QUAD], &data[at + q..], &rows);
            }
        }
    }

    #[test]
    fn turned_blocks_are_their_columns() {
        for level in Level::available() {
            match level {
                Level::Portable => {}
                #[cfg(target_arch = "x86_64")]
                Level::Avx2(s) => s.vectorize(
                    #[inline(always)]
                    || check(s),
                ),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512(s) => s.vectorize(
                    #[inline(always)]
                    || check(s),
                ),
            }
        }
    }
}

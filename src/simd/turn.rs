//! Rows in memory as the columns of vectors, in two steps between which there is room for other work.

use super::Simd;

/// Elements of each row in a block.
pub(crate) const QUAD: usize = 4;

/// A level that turns blocks of [`LANES`](Simd::LANES) rows and [`QUAD`] columns in registers.
pub(crate) trait Turn: Simd {
    /// Elements `at..at + QUAD` of each of the first `LANES` of `rows`, in the order that
    /// [`turned`](Self::turned) takes.
    ///
    /// # Safety
    /// They are readable.
    unsafe fn quads(self, rows: &[*const f32], at: usize) -> [Self::F32; QUAD];

    /// Column after column of the block.
    fn turned(self, quads: [Self::F32; QUAD]) -> [Self::F32; QUAD];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    #[inline(always)]
    fn check<S: Turn>(s: S) {
        // Rows that end where their memory does, one of them twice.
        let data: Vec<Vec<f32>> =
            (0..S::LANES).map(|i| (0..7).map(|j| (10 * i + j) as f32).collect()).collect();
        let mut rows: Vec<_> = data.iter().map(|row| row.as_ptr()).collect();
        rows[S::LANES - 2] = rows[S::LANES - 1];
        for at in 0..=7 - QUAD {
            // SAFETY: the rows have seven elements.
            let turned = s.turned(unsafe { s.quads(&rows, at) });
            for (q, column) in turned.into_iter().enumerate() {
                let mut found = vec![f32::NAN; S::LANES];
                // SAFETY: there is room for a vector.
                unsafe { s.store(found.as_mut_ptr(), column) };
                let mut expected: Vec<_> = data.iter().map(|row| row[at + q]).collect();
                expected[S::LANES - 2] = expected[S::LANES - 1];
                assert_eq!(found, expected, "{s:?} {at} {q}");
            }
        }
    }

    #[test]
    fn a_turned_block_is_its_columns() {
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

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

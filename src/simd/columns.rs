//! Narrow rows, turned: a vector holds one element of each of [`LANES`](Simd::LANES) rows.
//!
//! ```text
//!   rows      a0 a1 a2     columns   a0 b0 c0 d0
//!             b0 b1 b2               a1 b1 c1 d1
//!             c0 c1 c2               a2 b2 c2 d2
//!             d0 d1 d2
//! ```
//!
//! What is done to each row, such as a sum over its elements, is then done to all lanes at once,
//! without a reduction within a vector, and in an order that depends on the length of a row only.

use super::{SQUARE, Simd};

/// Elements of the widest row that [`Columns`] has room for.
pub const WIDEST: usize = 32;

/// Lanes of the widest vector.
pub const MOST_LANES: usize = 16;

/// The columns of up to `LANES` rows.
pub struct Columns<S: Simd>([S::F32; WIDEST]);

impl<S: Simd> Columns<S> {
    /// Zeros.
    #[inline(always)]
    pub fn new(s: S) -> Self {
        const { assert!(S::LANES <= MOST_LANES) };
        Self([s.splat(0.0); WIDEST])
    }

    /// The first `cols` columns, at most [`WIDEST`].
    #[inline(always)]
    pub fn first(&mut self, cols: usize) -> &mut [S::F32] {
        &mut self.0[..cols]
    }

    /// Reads whole rows of `cols` elements, at most `LANES` of them; lanes without a row hold
    /// anything.
    #[inline(always)]
    pub fn load(&mut self, s: S, rows: &[f32], cols: usize) {
        assert!(cols <= WIDEST && rows.len() <= S::LANES * cols);
        let to = self.0.as_mut_ptr().cast::<f32>();
        if !is_square::<S>(rows.len(), cols) {
            for (i, row) in rows.chunks_exact(cols.max(1)).enumerate() {
                for (j, &x) in row.iter().enumerate() {
                    // SAFETY: `j < WIDEST` and `i < LANES`, and a vector is `LANES` f32.
                    unsafe { *to.add(j * S::LANES + i) = x };
                }
            }
            return;
        }
        for i in (0..S::LANES).step_by(SQUARE) {
            for j in (0..cols).step_by(SQUARE) {
                // The last square may overlap the one before it.
                let j = j.min(cols - SQUARE);
                // SAFETY: `i + SQUARE <= LANES` and `j + SQUARE <= cols`; all of `LANES` rows of
                // `cols` elements are there, and `cols` vectors of `LANES` elements.
                unsafe {
                    let from = rows.as_ptr().add(i * cols + j);
                    let to = to.add(j * S::LANES + i);
                    s.transpose((SQUARE, SQUARE), (from, cols), (to, S::LANES));
                }
            }
        }
    }

    /// Writes whole rows of `cols` elements, the inverse of [`load`](Columns::load).
    #[inline(always)]
    pub fn store(&self, s: S, rows: &mut [f32], cols: usize) {
        assert!(cols <= WIDEST && rows.len() <= S::LANES * cols);
        let from = self.0.as_ptr().cast::<f32>();
        if !is_square::<S>(rows.len(), cols) {
            for (i, row) in rows.chunks_exact_mut(cols.max(1)).enumerate() {
                for (j, x) in row.iter_mut().enumerate() {
                    // SAFETY: `j < WIDEST` and `i < LANES`, and a vector is `LANES` f32.
                    *x = unsafe { *from.add(j * S::LANES + i) };
                }
            }
            return;
        }
        for i in (0..S::LANES).step_by(SQUARE) {
            for j in (0..cols).step_by(SQUARE) {
                let j = j.min(cols - SQUARE);
                // SAFETY: as in `load`.
                unsafe {
                    let from = from.add(j * S::LANES + i);
                    let to = rows.as_mut_ptr().add(i * cols + j);
                    s.transpose((SQUARE, SQUARE), (from, S::LANES), (to, cols));
                }
            }
        }
    }
}

/// Whether the rows are as many as lanes and can be cut into squares.
#[inline(always)]
fn is_square<S: Simd>(len: usize, cols: usize) -> bool {
    S::LANES % SQUARE == 0 && cols >= SQUARE && len == S::LANES * cols
}

/// The lanes of a vector as numbers; beyond them zeros.
#[inline(always)]
pub fn lanes<S: Simd>(s: S, x: S::F32) -> [f32; MOST_LANES] {
    const { assert!(S::LANES <= MOST_LANES) };
    let mut lanes = [0.0; MOST_LANES];
    // SAFETY: `LANES <= MOST_LANES`.
    unsafe { s.store(lanes.as_mut_ptr(), x) };
    lanes
}

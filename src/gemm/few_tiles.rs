//! Products of a few tiles: so small that to decide how to compute them takes longer.

use core::ptr;

use super::Start;
use super::blocking::{is_one_block, is_turned};
use super::micro_kernel::{PANEL_VECTORS, RowSteps, Tile};
use super::operand::Operand;
use super::packed::Packed;
use super::tile_shape::{TileShape, even_strips};
use crate::simd::{Level, Simd};
use crate::tensor::ViewMut;

/// Multiply-adds up to which nothing else is worth looking at.
const TINY: usize = 2048;

/// Multiply-adds up to which the decisions matter; no second thread is worth waking for so few.
const SMALL: usize = 256 << 10;

/// Elements of C up to which the epilogue finds all of them in L1.
const SMALL_C: usize = 4096;

/// Multiply-adds up to which a B without contiguous rows is copied to where it has some. As C has rows,
/// there are at least as many of them as elements of B.
const COPIED: usize = 128;

/// Whether a product whose B has no contiguous rows is computed here, for which it takes no scratch.
/// (Any other that is computed here would take none elsewhere either.)
pub(super) fn is_copied(shape: (usize, usize, usize)) -> bool {
    is_at_most(COPIED, shape)
}

/// Whether there are at most so many multiply-adds.
#[inline(always)]
fn is_at_most(most: usize, (m, n, k): (usize, usize, usize)) -> bool {
    // Each factor first, so that the product cannot overflow.
    m <= most && n <= most && k <= most && m * n * k <= most
}

/// Whether the product of A and B, or B packed beforehand, is computed here.
#[inline(always)]
fn is_here(level: Level, (a, b, packed): Operands<'_, '_>) -> bool {
    let shape @ (m, n, k) = (a.rows(), b.cols(), a.cols());
    match packed {
        None if b.col_step() != 1 => return is_copied(shape),
        None if is_at_most(TINY, shape) => return true,
        _ => {}
    }
    if !is_at_most(SMALL, shape) || m * n > SMALL_C || !is_one_block(shape) {
        return false;
    }
    match packed {
        // In one block of k.
        Some(packed) => k <= packed.kc,
        None => !is_turned(level.lanes(), shape, (a.row_step() == 1, true)),
    }
}

/// A and B, or B packed beforehand.
type Operands<'p, 'a> = (&'p Operand<'a>, &'p Operand<'a>, Option<Packed<'a>>);

/// Computes `C = start + A.B` if that is a few tiles, and says whether it was. The shapes fit, and C has
/// elements.
#[inline(always)]
pub(super) fn product(
    level: Level,
    operands: Operands<'_, '_>,
    start: Start<'_>,
    c: &mut ViewMut<'_>,
) -> bool {
    if !is_here(level, operands) {
        return false;
    }
    match level {
        Level::Portable => false,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => s.vectorize(
            #[inline(always)]
            || tiles(s, operands, start, c),
        ),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => s.vectorize(
            #[inline(always)]
            || tiles(s, operands, start, c),
        ),
    }
}

#[inline(always)]
fn tiles<S: TileShape>(
    s: S,
    (a, b, packed): Operands<'_, '_>,
    start: Start<'_>,
    c: &mut ViewMut<'_>,
) -> bool {
    let ((m, n), k) = (c.shape(), a.cols());
    let mut rows;
    let (b, b_k_step, b_panel_step) = match packed {
        Some(packed) => (packed.data.as_ptr(), S::NR, k * S::NR),
        None if b.col_step() == 1 => (b.as_ptr(), b.row_step(), S::NR),
        None => {
            rows = [0.0; COPIED];
            (copy(b, &mut rows), n, S::NR)
        }
    };
    let mut tile = Tile {
        k,
        a: a.as_ptr(),
        a_rows: RowSteps::new(m, a.row_step()),
        a_k_step: a.col_step(),
        b,
        b_k_step,
        b_panel_step,
        b_ahead: 0,
        ahead: ptr::null(),
        ahead_step: 0,
        start: start.into(),
        row: ptr::null(),
        c: c.as_mut_ptr(),
        c_row_step: c.stride(),
        tail: n % S::LANES,
    };
    let vectors = n.div_ceil(S::LANES);
    let (tallest, shorter_from) = even_strips(m, S::MR);
    let mut i = 0;
    while i < m {
        let rows = if i < shorter_from { tallest } else { tallest - 1 };
        tile.a = a.as_ptr().wrapping_add(i * a.row_step());
        let mut v = 0;
        while v < vectors {
            let compiled = S::tile(rows, vectors - v);
            let j = v * S::LANES;
            tile.b = b.wrapping_add(v / PANEL_VECTORS * b_panel_step);
            if let Start::Bias(bias) = start {
                tile.row = bias[j..].as_ptr();
            }
            tile.c = c.as_mut_ptr().wrapping_add(i * c.stride() + j);
            v += compiled.vectors;
            let is_partial = tile.tail > 0 && v >= vectors;
            let kernel = compiled.kernels[usize::from(is_partial)];
            // SAFETY: the tile's rows and columns are rows and columns of C, of A, of B and of the
            // bias: the shapes were checked. The rows of B, or of its copy, are contiguous, or those of
            // a block of k that was packed.
            unsafe { kernel(s, &tile) };
        }
        i += rows;
    }
    true
}

/// The elements of B row by row, where a tile can read them.
#[inline(always)]
fn copy(b: &Operand<'_>, rows: &mut [f32; COPIED]) -> *const f32 {
    let (k, n) = b.shape();
    for (p, row) in rows.chunks_exact_mut(n).take(k).enumerate() {
        for (j, x) in row.iter_mut().enumerate() {
            // SAFETY: `p` is a row of B and `j` a column.
            *x = unsafe { *b.as_ptr().add(p * b.row_step() + j * b.col_step()) };
        }
    }
    rows.as_ptr()
}

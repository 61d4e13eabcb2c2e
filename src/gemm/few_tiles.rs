//! Products of a few tiles: so small that to decide how to compute them takes longer.

use core::mem::MaybeUninit;

use super::macro_kernel::strip;
use super::micro_kernel::{ALONE, Tile, tile};
use super::operand::Operand;
use super::pack::{Source, transpose};
use super::packed::Packed;
use super::paths::{are_few_dots, is_narrow, is_one_block, is_turned};
use super::tile_shape::{TileShape, at_level, strips, tallest};
use super::{Start, narrow};
use crate::simd::{Level, Simd};
use crate::tensor::ViewMut;

/// Multiply-adds up to which, with two columns or more, nothing else is worth looking at.
const TINY: usize = 2048;

/// Multiply-adds up to which the decisions matter; no second thread is worth waking for so few.
const FEW: usize = 256 << 10;

/// Elements of C up to which the epilogue finds all of them in L1, and writing them is little work.
const FEW_OF_C: usize = 4096;

/// Multiply-adds up to which a B without contiguous rows is always copied to where it has some. As C has rows,
/// there are at least as many of them as elements of B.
const ALWAYS_COPIED: usize = 128;

/// Elements of B up to which it is copied for more rows than one tile of dot products has.
const COPIED: usize = 512;

/// Whether there are at most so many multiply-adds, or elements of C if that is more.
#[inline(always)]
pub(super) fn is_at_most(most: usize, (m, n, k): (usize, usize, usize)) -> bool {
    // Each factor first, so that the product cannot overflow 64 bits; where there are fewer, no level has
    // tiles.
    m <= most && n <= most && k <= most && m.wrapping_mul(n).wrapping_mul(k.max(1)) <= most
}

/// Whether a product that is not consumed is computed here, for which it takes no scratch, at a level that
/// has tiles: with an A that is transposed or not, a B whose rows are contiguous or not, or packed
/// beforehand.
#[inline(always)]
pub(super) fn is_here(
    level: Level,
    shape: (usize, usize, usize),
    a_is_transposed: bool,
    (b_has_rows, b_is_packed): (bool, bool),
) -> bool {
    let (m, n, k) = shape;
    if is_narrow(n, k) {
        return false;
    }
    if !b_is_packed {
        if !b_has_rows && is_at_most(ALWAYS_COPIED, shape) {
            return true;
        }
        let is_copied = k.saturating_mul(n) <= COPIED && !are_few_dots(tallest(level), m, k);
        if !b_has_rows && !is_copied {
            return false;
        }
        if n > 1 && is_at_most(TINY, shape) {
            return true;
        }
    }
    if !is_at_most(FEW, shape) || m.wrapping_mul(n) > FEW_OF_C || !is_one_block(shape) {
        return false;
    }
    // A block of k that was packed is never shorter than the k of one block.
    // (B has rows, or will have, so that no rows are few enough for dot products.)
    b_is_packed || !is_turned((0, level.lanes()), shape, (a_is_transposed, true))
}

/// Whether a product of few columns is small enough to be computed here, if it takes no more room than there is.
#[inline(always)]
pub(super) fn is_narrow_here((m, n, k): (usize, usize, usize)) -> bool {
    is_narrow(n, k) && is_at_most(FEW, (m, n, k)) && m * n <= FEW_OF_C
}

/// Computes `C = start + A.B`, or with B packed beforehand, if that is a few tiles or has few columns and takes no
/// scratch, and says whether it was.
/// The shapes fit, and C has elements.
#[inline(always)]
pub(super) fn product(
    level: Level,
    operands: Operands<'_, '_>,
    start: Start<'_>,
    c: &mut ViewMut<'_>,
) -> bool {
    let (a, b, packed) = operands;
    let shape = (a.rows(), b.cols(), a.cols());
    if is_narrow(shape.1, shape.2) {
        return is_narrow_here(shape) && narrow::without_scratch(level, (a, b), start, c);
    }
    if !is_here(level, shape, a.row_step() == 1, (b.col_step() == 1, packed.is_some())) {
        return false;
    }
    // To ask for the level before everything else takes 6 ns more of the 29 of 4x3x2 (measured).
    at_level!(level, false, s => {
        tiles(s, operands, start, c);
        true
    })
}

/// A and B, or B packed beforehand.
type Operands<'p, 'a> = (&'p Operand<'a>, &'p Operand<'a>, Option<Packed<'a>>);

#[inline(always)]
fn tiles<S: TileShape>(
    s: S,
    (a, b, packed): Operands<'_, '_>,
    start: Start<'_>,
    c: &mut ViewMut<'_>,
) {
    let ((m, n), k) = (c.shape(), a.cols());
    let mut copied;
    let (b, b_steps) = match packed {
        Some(packed) => (packed.data.as_ptr(), (S::NR, k * S::NR)),
        None if b.col_step() == 1 => (b.as_ptr(), (b.row_step(), S::NR)),
        None => {
            copied = [const { MaybeUninit::uninit() }; COPIED];
            (copy(s, b, &mut copied), (n, S::NR))
        }
    };
    let a_steps = (a.row_step(), a.col_step());
    let mut tile = Tile::new::<S>((m, n, k), a_steps, b_steps, start, c.stride());
    if m <= DIRECT && n <= S::LANES {
        (tile.a, tile.b, tile.c, tile.tail) = (a.as_ptr(), b, c.as_mut_ptr(), n);
        if let Start::Bias(bias) = start {
            tile.row = bias[..n].as_ptr();
        }
        // SAFETY: the shapes were checked, the bias among them; there are 1 to `DIRECT` rows and 1 to `LANES` columns.
        return unsafe { one_tile(s, &tile, m) };
    }
    let (tallest, shorter_from) = strips::<S>(m, n);
    let mut i = 0;
    while i < m {
        let rows = if i < shorter_from { tallest } else { tallest - 1 };
        tile.a = a.as_ptr().wrapping_add(i * a.row_step());
        let to = c.as_mut_ptr().wrapping_add(i * c.stride());
        // SAFETY: the shapes were checked. The rows of B, or of its copy, are contiguous, or those of its
        // only block of k that was packed.
        unsafe { strip(s, &mut tile, (rows, n), b, start, to, None) };
        i += rows;
    }
}

/// Rows of a tile that is computed right here, without a call, for which its operands would pass through memory.
const DIRECT: usize = 4;

/// # Safety
/// As for [`run`](super::micro_kernel::run) with `TAIL`, one vector and so many rows.
#[inline(always)]
unsafe fn one_tile<S: TileShape>(s: S, t: &Tile, rows: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        match rows {
            1 => tile::<S, 1, 1, true, ALONE>(s, t),
            2 => tile::<S, 2, 1, true, ALONE>(s, t),
            3 => tile::<S, 3, 1, true, ALONE>(s, t),
            _ => tile::<S, DIRECT, 1, true, ALONE>(s, t),
        }
    }
}

/// Elements of B up to which they are copied one by one.
const ONE_BY_ONE: usize = 48;

/// The elements of B row by row, where a tile can read them.
#[inline(always)]
fn copy<S: TileShape>(s: S, b: &Operand<'_>, rows: &mut [MaybeUninit<f32>; COPIED]) -> *const f32 {
    let (k, n) = b.shape();
    assert!(k * n <= COPIED && b.row_step() == 1);
    let to = rows.as_mut_ptr().cast::<f32>();
    // SAFETY: B has `n` columns of `k` contiguous elements, and there is room for as many rows, a panel of `n`.
    unsafe {
        if k * n <= ONE_BY_ONE {
            for p in 0..k {
                for j in 0..n {
                    *to.add(p * n + j) = *b.as_ptr().add(p + j * b.col_step());
                }
            }
        } else {
            transpose(s, to, n, Source::of_rows((b.as_ptr(), b.col_step()), (n, k)));
        }
    }
    to
}

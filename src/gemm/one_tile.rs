//! Products that are one tile: so small that to decide how to compute them takes longer.

use super::Start;
use super::micro_kernel::{Tile, TileStart};
use super::operand::Operand;
use super::tile_shape::TileShape;
use crate::simd::{Level, Simd};
use crate::tensor::ViewMut;

/// Multiply-adds up to which the decisions matter.
const SMALL: usize = 2048;

/// Multiply-adds up to which a B without contiguous rows is copied to where it has some. As C has rows,
/// there are at least as many of them as elements of B.
const COPIED: usize = 128;

/// Whether a product whose B has no contiguous rows is computed here, for which it takes no scratch.
/// (Any other that is one tile would take none elsewhere either.)
pub(super) fn is_copied(shape: (usize, usize, usize)) -> bool {
    is_at_most(COPIED, shape)
}

/// Whether there are at most so many multiply-adds.
#[inline(always)]
fn is_at_most(most: usize, (m, n, k): (usize, usize, usize)) -> bool {
    // Each factor first, so that the product cannot overflow.
    m <= most && n <= most && k <= most && m * n * k <= most
}

/// Computes `C = start + A.B` if it is one tile, and says whether it was. The shapes fit, and C has
/// elements.
#[inline(always)]
pub(super) fn product(
    level: Level,
    a: &Operand<'_>,
    b: &Operand<'_>,
    start: Start<'_>,
    c: &mut ViewMut<'_>,
) -> bool {
    let ((m, n), k) = (c.shape(), a.cols());
    let most = if b.col_step() == 1 { SMALL } else { COPIED };
    if !is_at_most(most, (m, n, k)) {
        return false;
    }
    match level {
        Level::Portable => false,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => s.vectorize(
            #[inline(always)]
            || tile(s, a, b, start, c),
        ),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => s.vectorize(
            #[inline(always)]
            || tile(s, a, b, start, c),
        ),
    }
}

#[inline(always)]
fn tile<S: TileShape>(
    s: S,
    a: &Operand<'_>,
    b: &Operand<'_>,
    start: Start<'_>,
    c: &mut ViewMut<'_>,
) -> bool {
    let ((m, n), k) = (c.shape(), a.cols());
    let vectors = n.div_ceil(S::LANES);
    let compiled = S::tile(m.min(S::MR), vectors);
    let has_rows = b.col_step() == 1;
    if m > S::MR || vectors > compiled.vectors {
        if has_rows {
            return false;
        }
        elements(a, b, start, c);
        return true;
    }
    let mut rows;
    let (b, b_k_step) = if has_rows {
        (b.as_ptr(), b.row_step())
    } else {
        rows = [0.0; COPIED];
        (copy(b, &mut rows), n)
    };
    let tail = n % S::LANES;
    let tile = Tile {
        k,
        a: a.as_ptr(),
        a_row_step: a.row_step(),
        a_k_step: a.col_step(),
        b,
        b_k_step,
        b_panel_step: S::NR,
        b_ahead: 0,
        start: match start {
            Start::Zero => TileStart::Zero,
            Start::Bias(bias) => TileStart::Row(bias.as_ptr()),
            Start::Output => TileStart::Output,
        },
        c: c.as_mut_ptr(),
        c_row_step: c.stride(),
        tail,
    };
    let kernel = if tail == 0 { compiled.whole } else { compiled.partial };
    // SAFETY: the tile has the `m` rows and the `n` columns of C, which are those of A, of B
    // and of the bias: the shapes were checked, and the rows of B, or of its copy, are contiguous.
    unsafe { kernel(s, &tile) };
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

/// The same one element after the other, in the same order of k.
#[inline(always)]
fn elements(a: &Operand<'_>, b: &Operand<'_>, start: Start<'_>, c: &mut ViewMut<'_>) {
    let k = a.cols();
    c.for_each_row(
        #[inline(always)]
        |i, row| {
            for (j, c) in row.iter_mut().enumerate() {
                let mut sum = match start {
                    Start::Zero => 0.0,
                    Start::Bias(bias) => bias[j],
                    Start::Output => *c,
                };
                for p in 0..k {
                    // SAFETY: A has the rows of C, B its columns, and both have `p < k`.
                    let (x, y) = unsafe {
                        let x = a.as_ptr().add(i * a.row_step() + p * a.col_step());
                        let y = b.as_ptr().add(p * b.row_step() + j * b.col_step());
                        (*x, *y)
                    };
                    #[allow(clippy::disallowed_methods, reason = "one instruction: tiles need FMA")]
                    {
                        sum = x.mul_add(y, sum);
                    }
                }
                *c = sum;
            }
        },
    );
}

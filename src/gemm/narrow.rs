//! Products of one or two columns and many steps of k: layers of as many neurons, and their gradients.
//!
//! Such a C fills little of a vector along its rows, so vectors lie along k, and an element of C is the sum of
//! 16 chains: chain `q` adds up the steps `q`, `q + 16` and so on, at the end the chains are added in the tree of
//! [`Fold::fold`], and last what the sum starts from. That depends on k and n alone, so a transposed A has the same
//! chains, though vectors lie along the rows of C there.
//!
//! ```text
//!   A's rows contiguous    for each R rows of C             R x N x 16 chains, in registers
//!                            for each 16 steps p.. of k     chains[i][j] += A[i, p..] * B[p.., j]
//!   A transposed           for each V vectors of rows of C                             (`narrow_columns`)
//!                            for each q of 0, 2, 1, 3     V x N x 4 chains, in registers
//!                              for each step p of k with p % 4 = q
//!                                                         chains[p % 16][j] += A[.., p] * B[p, j]
//!                          (one chain of more rows after the other where A is far)
//!   with vectors of 8, un-   for each 1,024 elements of C  16 chains of each, in L2      (`narrow_chains`)
//!   less k is short, A near
//!                            for each step p of k         chains[p % 16][j] += A[.., p] * B[p, j]
//! ```

use core::mem::MaybeUninit;

use super::epilogue::Beside;
use super::finish::{consume, finish};
use super::narrow_chains::chains;
use super::narrow_columns::stay;
use super::narrow_kernel::few_columns;
use super::operand::Operand;
use super::small::SMALL;
use super::tile_shape::at_level;
use super::{Product, Start};
use crate::simd::{Fold, Level, PARTIALS, Simd};
use crate::tensor::ViewMut;

/// Elements of scratch for a product with vectors of `lanes`: a copy of B, whose columns have to be contiguous if
/// A's rows are, or the chains of an A that is transposed if they are in memory.
pub(super) fn room(
    lanes: usize,
    (m, n, k): (usize, usize, usize),
    (a_col_step, b_row_step): (usize, usize),
) -> usize {
    match (a_col_step, b_row_step) {
        (1, 1) => 0,
        (1, _) => n * k.next_multiple_of(PARTIALS),
        _ if stay(lanes, (m, n, k)) => 0,
        _ => chains((m, n)),
    }
}

/// B where the kernels read it, and the distances of its rows and columns.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub data: *const f32,
    pub row_step: usize,
    pub col_step: usize,
}

impl Columns {
    /// Those of `b`, copied to `room` if its columns have to be contiguous and are not.
    ///
    /// # Safety
    /// There is room for them, if they are copied.
    #[inline(always)]
    unsafe fn new<S: Fold>(s: S, b: &Operand<'_>, a_has_rows: bool, room: *mut f32) -> Self {
        let (k, n) = b.shape();
        if !a_has_rows || b.row_step() == 1 {
            let (row_step, col_step) = (b.row_step(), b.col_step());
            return Columns { data: b.as_ptr(), row_step, col_step };
        }
        assert!(b.col_step() == 1 && n <= 2);
        let col_step = k.next_multiple_of(PARTIALS);
        if b.row_step() == 2 && n == 2 {
            let w = s.wide();
            for p in (0..k).step_by(PARTIALS) {
                let count = 2 * (k - p);
                // SAFETY: B has so many elements from row `p` on, and there is room for vectors that are begun.
                unsafe {
                    let from = b.as_ptr().wrapping_add(2 * p);
                    let low = w.load_partial(from, count.min(PARTIALS));
                    let more = count.saturating_sub(PARTIALS).min(PARTIALS);
                    let high = w.load_partial(from.wrapping_add(PARTIALS), more);
                    let [first, second] = s.evens_and_odds([low, high]);
                    w.store(room.add(p), first);
                    w.store(room.add(col_step + p), second);
                }
            }
        } else {
            for p in 0..k {
                for j in 0..n {
                    // SAFETY: B has row `p` and column `j`, and there is room for its columns.
                    unsafe { *room.add(j * col_step + p) = *b.as_ptr().add(p * b.row_step() + j) };
                }
            }
        }
        Columns { data: room, row_step: 1, col_step }
    }
}

/// Elements of C that are computed before the epilogue finds them in L1.
pub(super) const BLOCK: usize = 4096;

/// Computes `product` into `c`, which has elements. `scratch` holds [`room`] and, for a product that is
/// consumed, a [`BLOCK`].
#[inline(always)]
pub(super) fn narrow<S: Fold>(
    s: S,
    level: Level,
    scratch: &mut [f32],
    product: &Product<'_>,
    mut c: ViewMut<'_>,
    mut beside: Option<&mut Beside<'_>>,
) {
    let (a, b, (m, n)) = (&product.a, &product.b, c.shape());
    let k = a.cols();
    assert!(a.rows() == m && b.shape() == (k, n) && n <= 2);
    let room = room(S::LANES, (m, n, k), (a.col_step(), b.row_step()));
    let (room, buffer) = scratch.split_at_mut(room);
    // SAFETY: that is room for B's columns, if they are copied.
    let b = unsafe { Columns::new(s, b, a.col_step() == 1, room.as_mut_ptr()) };
    let rows = BLOCK / n;
    for first in (0..m).step_by(rows) {
        let count = rows.min(m - first);
        let a = a.block((first, 0), (count, k));
        let (to, step) = match product.is_consumed {
            true => (buffer[..count * n].as_mut_ptr(), n),
            false => (c.as_mut_ptr().wrapping_add(first * c.stride()), c.stride()),
        };
        // SAFETY: B has the shape, and there are `count` rows of `n` elements, those of C if sums start there.
        unsafe { few_columns(s, (&a, b, n), product.start, (to, step), room.as_mut_ptr()) };
        let beside = beside.as_deref_mut();
        if product.is_consumed {
            let block = ViewMut::contiguous(count, n, &mut buffer[..count * n]);
            consume(level, product, block, (&mut c, beside), (first, 0));
        } else {
            finish(level, product, (&mut c, beside), ((first, 0), (count, n)));
        }
    }
}

/// Whether a product takes no more room than a small one.
pub(super) fn takes_no_scratch(
    level: Level,
    shape: (usize, usize, usize),
    steps: (usize, usize),
) -> bool {
    room(level.lanes(), shape, steps) <= SMALL
}

/// Computes `C = start + A.B` if that takes no more room than a small product, and says whether it does.
#[inline(never)]
pub(super) fn without_scratch(
    level: Level,
    (a, b): (&Operand<'_>, &Operand<'_>),
    start: Start<'_>,
    c: &mut ViewMut<'_>,
) -> bool {
    let ((m, n), k) = (c.shape(), a.cols());
    assert!(a.rows() == m && b.shape() == (k, n) && n <= 2);
    if !takes_no_scratch(level, (m, n, k), (a.col_step(), b.row_step())) {
        return false;
    }
    #[repr(align(64))]
    struct Room([MaybeUninit<f32>; SMALL]);
    let mut room = Room([const { MaybeUninit::<f32>::uninit() }; SMALL]);
    let room = room.0.as_mut_ptr().cast::<f32>();
    let to = (c.as_mut_ptr(), c.stride());
    at_level!(level, false, s => {
        // SAFETY: the shapes fit, and there is room for B's columns, if they are copied, or for the chains.
        unsafe {
            let b = Columns::new(s, b, a.col_step() == 1, room);
            few_columns(s, (a, b, n), start, to, room);
        }
        true
    })
}

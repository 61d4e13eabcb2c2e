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
//!   with vectors of 8        for each 1,024 elements of C  16 chains of each, in L2      (`narrow_chains`)
//!                            for each step p of k         chains[p % 16][j] += A[.., p] * B[p, j]
//! ```

use super::dot_kernel::MOST_COLUMNS;
use super::epilogue::{Beside, Identity};
use super::finish::{consume, finish};
use super::narrow_chains::chains;
use super::narrow_kernel::few_columns;
use super::operand::Operand;
use super::small::SMALL;
use super::tile_shape::at_level;
use super::{Product, Start};
use crate::simd::{Fold, Level, PARTIALS, QUAD, Simd, Turn};
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
        (1, _) => n * k,
        _ if lanes < PARTIALS => chains((m, n)),
        _ => 0,
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
    /// Those of `b`, copied into `room` if there is any.
    #[inline(always)]
    fn new<S: Turn>(s: S, b: &Operand<'_>, room: &mut [f32]) -> Self {
        let (k, n) = b.shape();
        if room.is_empty() {
            return Columns { data: b.as_ptr(), row_step: b.row_step(), col_step: b.col_step() };
        }
        assert!(room.len() >= k * n && b.col_step() == 1 && n <= QUAD && k > S::LANES);
        let room = room.as_mut_ptr();
        let mut p = 0;
        if n > 1 && b.row_step() == n {
            let rows: [usize; MOST_COLUMNS] = core::array::from_fn(|i| i * n);
            // Of the last row of a block four elements are read too, which are some of the next.
            let last = k - 1;
            while p < last {
                let at = p.min(last - S::LANES);
                // SAFETY: there are `LANES` rows of `n` elements from `at` on, and another one.
                unsafe {
                    let turned = s.turned(s.quads(b.as_ptr().add(at * n), &rows));
                    for j in 0..n {
                        s.store(room.add(j * k + at), turned[j]);
                    }
                }
                p += S::LANES;
            }
            p = last;
        }
        for p in p..k {
            for j in 0..n {
                // SAFETY: B has row `p` and column `j`, and there is room for its columns.
                unsafe { *room.add(j * k + p) = *b.as_ptr().add(p * b.row_step() + j) };
            }
        }
        Columns { data: room, row_step: 1, col_step: k }
    }
}

/// Elements of C that are computed before the epilogue finds them in L1.
pub(super) const BLOCK: usize = 4096;

/// Computes `product` into `c`, which has elements. `scratch` holds [`room`] and, for a product that is
/// consumed, a [`BLOCK`].
#[inline(always)]
pub(super) fn narrow<S: Fold + Turn>(
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
    let copy = if a.col_step() == 1 { &mut *room } else { &mut [] };
    let b = Columns::new(s, b, copy);
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

/// Computes `C = start + A.B` if that takes no scratch, and says whether it does.
#[inline(never)]
pub(super) fn without_scratch(
    level: Level,
    (a, b): (&Operand<'_>, &Operand<'_>),
    start: Start<'_>,
    c: &mut ViewMut<'_>,
) -> bool {
    let (m, n) = c.shape();
    let k = a.cols();
    assert!(a.rows() == m && b.shape() == (k, n) && n <= 2);
    if room(level.lanes(), (m, n, k), (a.col_step(), b.row_step())) > 0 {
        return false;
    }
    at_level!(level, false, s => {
        let b = Columns::new(s, b, &mut []);
        let c = (c.as_mut_ptr(), c.stride());
        // SAFETY: the shapes fit, B's columns are contiguous if A's rows are, and there are no chains in memory.
        unsafe { few_columns(s, (a, b, n), start, c, core::ptr::null_mut()) };
        true
    })
}

/// `C = start + A.B` of at most [`SMALL`] multiply-adds, without scratch and with nothing after it.
pub(super) fn small(
    level: Level,
    (a, b): (Operand<'_>, Operand<'_>),
    start: Start<'_>,
    c: &mut [f32],
) {
    let shape = (a.rows(), b.cols(), a.cols());
    let mut room = [0.0; SMALL];
    let c = ViewMut::contiguous(shape.0, shape.1, c);
    let product = Product::new(a, b, start, &Identity);
    at_level!(level, (), s => narrow(s, level, &mut room, &product, c, None));
}

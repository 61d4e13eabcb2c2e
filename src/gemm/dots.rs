//! Products of few rows with a transposed B: each element of C is the dot product of two rows in memory.
//!
//! Vectors lie along the rows of C, so one for each step of k has to be made of as many rows in memory as
//! it has lanes. For no more rows of C than those of a tile it is not worth writing down:
//!
//! ```text
//!   for each NV vectors of C's columns     a tile of MR x NV
//!     for each QUAD steps of k             QUAD elements of LANES columns of B, turned in registers
//!                                          C[i, ..] += A[i, p] . turned[p], for QUAD values of p
//! ```
//!
//! On AVX-512 a block of 16 x 4 is 12 insertions and 8 shuffles, which share two ports with its `4 MR`
//! multiply-adds: half of the peak with five rows, two thirds with ten. One or two rows take whole cache lines at
//! a time instead, and two vectors in turn, whose chains of sums overlap. An element of C is still one chain in the
//! order of k.
//!
//! Of more rows the first strip does the same, and writes what it has turned into the panels from which
//! the tiles of the others read: that is less than to pack them before.

use core::ptr;

use super::dot_kernel::{AHEAD, BLOCKS, DotTile, Kernel, LINES, MOST_COLUMNS, WIDEST, run};
use super::epilogue::Beside;
use super::finish::finish_all;
use super::micro_kernel::PANEL_VECTORS;
use super::operand::Operand;
use super::paths::are_few_dots;
use super::row_steps::RowSteps;
use super::tile_shape::{TileShape, even_strips};
use super::{Product, Start};
use crate::simd::{Level, QUAD, Turn};
use crate::tensor::ViewMut;

/// A level that multiplies with blocks that it turns.
pub(super) trait DotShape: TileShape + Turn {
    /// For each number of rows, up to [`TileShape::MR`], tiles of one vector, of two, and so on.
    const DOTS: &'static [&'static [Compiled<Self>]];
}

/// The kernels of one tile: without packing B, and with it, if other strips may follow.
pub(super) struct Compiled<S>([Kernel<S>; 2]);

impl<S: TileShape + Turn> Compiled<S> {
    const fn new<const MR: usize, const NV: usize, const HOW: usize>() -> Self {
        const { assert!(NV <= PANEL_VECTORS || !is_followed(MR, S::MR)) };
        let mut kernels = [run::<S, MR, NV, HOW, false> as Kernel<S>; 2];
        if is_followed(MR, S::MR) {
            kernels[1] = run::<S, MR, NV, HOW, true>;
        }
        Compiled(kernels)
    }
}

/// Whether other strips may follow one of so many rows: even ones have more than half of `mr` if there are two.
const fn is_followed(rows: usize, mr: usize) -> bool {
    2 * rows > mr
}

/// Whether a first strip of so many rows, at most `mr`, can pack a B of `k` steps.
pub(super) fn can_pack(rows: usize, mr: usize, k: usize) -> bool {
    is_followed(rows, mr) && are_few_dots(mr, rows, k)
}

/// `rows: vectors`, and how the kernel goes along k.
macro_rules! dots {
    ($level:ty, $($mr:literal: $($nv:literal $how:ident),*;)*) => {
        impl DotShape for $level {
            const DOTS: &'static [&'static [Compiled<Self>]] =
                &[$(&const { [$(Compiled::new::<$mr, $nv, $how>()),*] }),*];
        }
    };
}

// The chains of sums of one or two rows alone take longer than turning, so they have others beside them; on AVX2,
// whose chains have half of the columns, those of three rows too. With more rows, or a block ahead, its registers
// would not do.
#[cfg(target_arch = "x86_64")]
dots!(crate::simd::Avx2,
    1: 1 BLOCKS, 2 BLOCKS, 3 BLOCKS, 4 BLOCKS;
    2: 1 BLOCKS, 2 BLOCKS;
    3: 1 BLOCKS, 2 BLOCKS;
    4: 1 BLOCKS;
    5: 1 BLOCKS;
    6: 1 BLOCKS;
);
#[cfg(target_arch = "x86_64")]
dots!(crate::simd::Avx512,
    1: 1 LINES, 2 LINES;
    2: 1 LINES, 2 LINES;
    3: 1 AHEAD;
    4: 1 AHEAD;
    5: 1 AHEAD;
    6: 1 AHEAD;
    7: 1 AHEAD;
    8: 1 AHEAD;
    9: 1 AHEAD;
    10: 1 AHEAD;
    11: 1 AHEAD;
    12: 1 AHEAD;
);
#[cfg(test)]
dots!(crate::simd::Portable<3>,
    1: 1 LINES, 2 LINES, 3 BLOCKS;
    2: 1 BLOCKS, 2 LINES;
    3: 1 BLOCKS, 2 BLOCKS;
    4: 1 BLOCKS;
    5: 1 BLOCKS;
);

/// Columns of B from one to the next of which it is so far, or a multiple of it, share a set of L1 or two: tiles
/// are of as many as that has room for.
const COLLIDING: usize = 1024;

/// Elements of a B that comes from memory, from which columns of one vector at a time are read faster than those
/// of several.
const FAR: usize = 4 << 20;

/// Vectors of the next tile, `most` at most, where so many are left of a row of C: the last two have about as many
/// each. None is wider than the one before, whose addresses of columns it has.
#[inline(always)]
fn even_tile(left: usize, most: usize) -> usize {
    if left <= most || left >= 2 * most { left.min(most) } else { left.div_ceil(2) }
}

/// Computes `product`, of an A with contiguous rows, a B with contiguous columns and [`QUAD`] steps of k at
/// least, into `c`.
#[inline(always)]
pub(super) fn dots<S: DotShape>(
    s: S,
    level: Level,
    product: &Product<'_>,
    mut c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) {
    let (a, b) = (&product.a, &product.b);
    let (m, k) = (c.rows(), a.cols());
    assert!(c.shape() == (a.rows(), b.cols()));
    let (tallest, shorter_from) = even_strips(m, S::MR);
    let mut i = 0;
    while i < m {
        let rows = if i < shorter_from { tallest } else { tallest - 1 };
        let a = a.block((i, 0), (rows, k));
        let to = (c.as_mut_ptr().wrapping_add(i * c.stride()), c.stride());
        // SAFETY: C has these rows, of as many elements as B has columns.
        unsafe { strip(s, (&a, b), product.start, to, None) };
        i += rows;
    }
    finish_all(level, product, c, beside);
}

/// `C = start + A.B` for the rows of one strip at `c`, with the distance of C's rows, and an A and a B as
/// above; which also packs B, if there are `panels` and that [can be done](can_pack).
///
/// # Safety
/// As many rows of C as A has, of as many elements as B has columns, are writable, and readable if that is
/// where the sums start.
#[inline(always)]
pub(super) unsafe fn strip<S: DotShape>(
    s: S,
    (a, b): (&Operand<'_>, &Operand<'_>),
    start: Start<'_>,
    (c, c_row_step): (*mut f32, usize),
    mut panels: Option<&mut [f32]>,
) {
    const { assert!(S::DOTS.len() == S::MR) };
    let ((rows, k), n) = (a.shape(), b.cols());
    assert!(b.rows() == k && k >= QUAD && a.col_step() == 1 && b.row_step() == 1);
    assert!(panels.is_none() || can_pack(rows, S::MR, k));
    let mut tile = DotTile {
        k,
        a: a.as_ptr(),
        a_rows: RowSteps::new(rows, a.row_step()),
        b: ptr::null(),
        b_cols: [0; WIDEST],
        start: start.into(),
        row: ptr::null(),
        c: ptr::null_mut(),
        c_row_step,
        count: 0,
        copy: ptr::null_mut(),
    };
    let tiles = S::DOTS[rows - 1];
    let is_narrow = b.col_step().is_multiple_of(COLLIDING) || n.saturating_mul(k) > FAR;
    let most = if is_narrow { tiles.len().min(MOST_COLUMNS / S::LANES) } else { tiles.len() };
    let mut j = 0;
    while j < n {
        let vectors = even_tile((n - j).div_ceil(S::LANES), most);
        let Compiled(kernels) = &tiles[vectors - 1];
        let width = vectors * S::LANES;
        tile.count = width.min(n - j);
        tile.b = b.as_ptr().wrapping_add(j * b.col_step());
        if tile.count < width || j == 0 {
            for (v, col) in tile.b_cols[..width].iter_mut().enumerate() {
                // Those that are missing are copies of the last: their sums go nowhere.
                *col = v.min(tile.count - 1) * b.col_step();
            }
        }
        if let Start::Bias(bias) = start {
            tile.row = bias[j..][..tile.count].as_ptr();
        }
        tile.c = c.wrapping_add(j);
        if let Some(panels) = &mut panels {
            // A panel has room for the columns of whole tiles.
            let panel = &mut panels[j / S::NR * S::NR * k..][..S::NR * k];
            tile.copy = panel[j % S::NR..].as_mut_ptr();
        }
        let kernel = kernels[usize::from(panels.is_some())];
        // SAFETY: A has the rows and B the columns, of `k` contiguous elements; the bias and the rows of C,
        // which no operand shares, have `count` elements from `j` on; a panel has its columns.
        unsafe { kernel(s, &tile) };
        j += width;
    }
}

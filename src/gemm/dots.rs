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
//! multiply-adds: half of the peak with five rows, two thirds with ten. An element of C is still one chain in
//! the order of k.

use core::ptr;

use super::epilogue::Beside;
use super::finish::finish_all;
use super::micro_kernel::TileStart;
use super::row_steps::RowSteps;
use super::tile_shape::{TileShape, even_strips};
use super::{Product, Start};
use crate::simd::{Level, QUAD, Turn};
use crate::tensor::ViewMut;

/// Columns of the widest tile of all levels.
pub(super) const MOST_COLUMNS: usize = 16;

/// A level that multiplies with blocks that it turns.
pub(super) trait DotShape: TileShape + Turn {
    /// For each number of rows, up to [`TileShape::MR`], the vectors of a tile and its kernel.
    const DOTS: &'static [(usize, Kernel<Self>)];
}

/// `rows: vectors`, and whether the kernel turns a block ahead.
macro_rules! dots {
    ($level:ty, $ahead:literal, $($mr:literal: $nv:literal)*) => {
        impl DotShape for $level {
            const DOTS: &'static [(usize, Kernel<Self>)] =
                &[$(($nv, run::<$level, $mr, $nv, $ahead>)),*];
        }
    };
}

// Of eight lanes a row's chain alone would take longer than turning. With more rows, or a block ahead, AVX2's
// registers would not do.
#[cfg(target_arch = "x86_64")]
dots!(crate::simd::Avx2, false, 1: 2 2: 2 3: 2 4: 1 5: 1 6: 1);
#[cfg(target_arch = "x86_64")]
dots!(crate::simd::Avx512, true, 1: 1 2: 1 3: 1 4: 1 5: 1 6: 1 7: 1 8: 1 9: 1 10: 1 11: 1 12: 1);

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
    all_tiles(s, product, &mut c);
    finish_all(level, product, c, beside);
}

#[inline(always)]
fn all_tiles<S: DotShape>(s: S, product: &Product<'_>, c: &mut ViewMut<'_>) {
    const { assert!(S::DOTS.len() == S::MR) };
    let (a, b, start) = (&product.a, &product.b, product.start);
    let ((m, n), k) = (c.shape(), a.cols());
    assert!(a.rows() == m && b.shape() == (k, n) && k >= QUAD);
    assert!(a.col_step() == 1 && b.row_step() == 1);
    let (tallest, shorter_from) = even_strips(m, S::MR);
    let mut tile = Dots {
        k,
        a: ptr::null(),
        a_rows: RowSteps::new(tallest, a.row_step()),
        b: [ptr::null(); MOST_COLUMNS],
        start: start.into(),
        row: ptr::null(),
        c: ptr::null_mut(),
        c_row_step: c.stride(),
        count: 0,
    };
    let mut i = 0;
    while i < m {
        let rows = if i < shorter_from { tallest } else { tallest - 1 };
        tile.a = a.as_ptr().wrapping_add(i * a.row_step());
        let (vectors, kernel) = S::DOTS[rows - 1];
        let width = vectors * S::LANES;
        for j in (0..n).step_by(width) {
            tile.count = width.min(n - j);
            for (v, col) in tile.b[..width].iter_mut().enumerate() {
                // Those that are missing are copies of the last: their sums go nowhere.
                *col = b.as_ptr().wrapping_add((j + v.min(tile.count - 1)) * b.col_step());
            }
            if let Start::Bias(bias) = start {
                tile.row = bias[j..][..tile.count].as_ptr();
            }
            tile.c = c.as_mut_ptr().wrapping_add(i * c.stride() + j);
            // SAFETY: A has the rows and B the columns, of `k` contiguous elements; the bias and the rows of C,
            // which no operand shares, have `count` elements from `j` on.
            unsafe { kernel(s, &tile) };
        }
        i += rows;
    }
}

/// The operands of one tile.
pub(super) struct Dots {
    k: usize,
    /// The first row of A, and where the others are.
    a: *const f32,
    a_rows: RowSteps,
    /// The columns of B.
    b: [*const f32; MOST_COLUMNS],
    start: TileStart,
    /// Element `j` of the row where the sums start, if they do, is at `row[j]`.
    row: *const f32,
    /// Element `(i, j)` of C is at `c[i * c_row_step + j]`.
    c: *mut f32,
    c_row_step: usize,
    /// Columns of the tile in C, one at least.
    count: usize,
}

impl Dots {
    /// Those of vector `v`, of so many lanes.
    #[inline(always)]
    fn count(&self, v: usize, lanes: usize) -> usize {
        self.count.saturating_sub(v * lanes).min(lanes)
    }
}

/// A compiled kernel.
///
/// # Safety
/// See [`run`].
pub(super) type Kernel<S> = unsafe fn(S, &Dots);

/// [`tile`], compiled for the level of `S`.
///
/// # Safety
/// `k >= QUAD`. `k` elements are readable at each of `MR` rows of A and of `NV * LANES` columns of B, and `count` at
/// `row`, if the tile starts there. `count` elements are writable at each of `MR` rows of C, and readable if it
/// starts at the output; none of the operands is there.
unsafe fn run<S: Turn, const MR: usize, const NV: usize, const AHEAD: bool>(s: S, t: &Dots) {
    // SAFETY: the caller's promise is that of `tile`.
    s.vectorize(
        #[inline(always)]
        || unsafe { tile::<S, MR, NV, AHEAD>(s, t) },
    );
}

/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn tile<S: Turn, const MR: usize, const NV: usize, const AHEAD: bool>(s: S, t: &Dots) {
    const { assert!(NV * S::LANES <= MOST_COLUMNS && (NV == 1 || !AHEAD)) };
    let mut acc = [[s.splat(0.0); MR]; NV];
    for v in 0..NV {
        let (first, count) = (v * S::LANES, t.count(v, S::LANES));
        for i in 0..MR {
            // SAFETY: the row, or row `i < MR` of C, has `count` elements from `first` on.
            acc[v][i] = unsafe {
                match t.start {
                    TileStart::Zero => s.splat(0.0),
                    TileStart::Row => s.load_partial(t.row.wrapping_add(first), count),
                    TileStart::Output => {
                        s.load_partial(t.c.wrapping_add(i * t.c_row_step + first), count)
                    }
                }
            };
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        if AHEAD {
            turn_ahead(s, t, &mut acc[0]);
        } else {
            turn(s, t, &mut acc);
        }
    }
    for v in 0..NV {
        let (first, count) = (v * S::LANES, t.count(v, S::LANES));
        for i in 0..MR {
            // SAFETY: row `i < MR` of C has `count` elements from `first` on.
            unsafe {
                s.store_partial(t.c.wrapping_add(i * t.c_row_step + first), count, acc[v][i]);
            }
        }
    }
}

/// The sums of a tile, block after block.
///
/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn turn<S: Turn, const MR: usize, const NV: usize>(
    s: S,
    t: &Dots,
    acc: &mut [[S::F32; MR]; NV],
) {
    let last = t.k - QUAD;
    // SAFETY: all columns of B have elements `at..at + QUAD` for `at <= last`; the steps are below `k`.
    unsafe {
        let mut p = 0;
        while p <= last {
            for v in 0..NV {
                let turned = s.turned(s.quads(&t.b[v * S::LANES..], p));
                steps(s, t, p, 0, &turned, &mut acc[v]);
            }
            p += QUAD;
        }
        // What is left of k is the end of the last block.
        if p < t.k {
            for v in 0..NV {
                let turned = s.turned(s.quads(&t.b[v * S::LANES..], last));
                steps(s, t, last, p - last, &turned, &mut acc[v]);
            }
        }
    }
}

/// The same, a block turned and another one loaded ahead of the multiply-adds, so that there is always
/// something to do for each port.
///
/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn turn_ahead<S: Turn, const MR: usize>(s: S, t: &Dots, acc: &mut [S::F32; MR]) {
    let last = t.k - QUAD;
    // SAFETY: all columns of B have elements `at..at + QUAD` for `at <= last`; the steps are below `k`.
    unsafe {
        let mut turned = s.turned(s.quads(&t.b, 0));
        let mut quads = s.quads(&t.b, QUAD.min(last));
        let mut p = 0;
        while p <= last {
            let next = s.turned(quads);
            quads = s.quads(&t.b, (p + 2 * QUAD).min(last));
            steps(s, t, p, 0, &turned, acc);
            turned = next;
            p += QUAD;
        }
        // At the end of k the last block comes once more.
        steps(s, t, last, p - last, &turned, acc);
    }
}

/// The steps of a block that was turned: from `p` on, without the first `done`.
///
/// # Safety
/// `k` has the steps, and `MR` rows of A have so many elements.
#[inline(always)]
unsafe fn steps<S: Turn, const MR: usize>(
    s: S,
    t: &Dots,
    p: usize,
    done: usize,
    turned: &[S::F32; QUAD],
    acc: &mut [S::F32; MR],
) {
    let a = t.a.wrapping_add(p);
    for q in 0..QUAD {
        if q >= done {
            for i in 0..MR {
                // SAFETY: the caller's promise.
                let x = s.splat(unsafe { *t.a_rows.row(a, i).add(q) });
                acc[i] = s.mul_add(x, turned[q], acc[i]);
            }
        }
    }
}

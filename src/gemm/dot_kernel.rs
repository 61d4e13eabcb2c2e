//! The kernel of [`dots`](super::dots): one `MR x NV` tile of C, whose columns of B are turned in registers.

use super::micro_kernel::{PANEL_VECTORS, TileStart};
use super::row_steps::RowSteps;
use crate::simd::{QUAD, Turn};

/// Columns of the widest vector of all levels.
pub(super) const MOST_COLUMNS: usize = 16;

/// Columns of the widest tile of all levels.
pub(super) const WIDEST: usize = 32;

/// How a kernel goes along k: block after block; one block turned ahead of the multiply-adds; or two pairs of blocks
/// at a time, so that each cache line of B is read once, wherever it lies.
pub(super) const BLOCKS: usize = 0;
pub(super) const AHEAD: usize = 1;
pub(super) const LINES: usize = 2;

/// Elements of a cache line.
const LINE: usize = 16;

/// The operands of one tile.
pub(super) struct DotTile {
    pub k: usize,
    /// The first row of A, and where the others are.
    pub a: *const f32,
    pub a_rows: RowSteps,
    /// The first column of B, and how far from it each of them is.
    pub b: *const f32,
    pub b_cols: [usize; WIDEST],
    pub start: TileStart,
    /// Element `j` of the row where the sums start, if they do, is at `row[j]`.
    pub row: *const f32,
    /// Element `(i, j)` of C is at `c[i * c_row_step + j]`.
    pub c: *mut f32,
    pub c_row_step: usize,
    /// Columns of the tile in C, one at least.
    pub count: usize,
    /// Where in a panel of B the first of its columns is.
    pub copy: *mut f32,
}

impl DotTile {
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
pub(super) type Kernel<S> = unsafe fn(S, &DotTile);

/// [`tile`], compiled for the level of `S`.
///
/// # Safety
/// `k >= QUAD`. `k` elements are readable at each of `MR` rows of A and of `NV * LANES` columns of B, and `count` at
/// `row`, if the tile starts there. `count` elements are writable at each of `MR` rows of C, and readable if it
/// starts at the output; none of the operands is there. `COPY`: `NV * LANES` columns of a
/// panel of B are writable at `copy`, for `k` steps, and nothing else is there.
pub(super) unsafe fn run<
    S: Turn,
    const MR: usize,
    const NV: usize,
    const HOW: usize,
    const COPY: bool,
>(
    s: S,
    t: &DotTile,
) {
    // SAFETY: the caller's promise is that of `tile`.
    s.vectorize(
        #[inline(always)]
        || unsafe { tile::<S, MR, NV, HOW, COPY>(s, t) },
    );
}

/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn tile<S: Turn, const MR: usize, const NV: usize, const HOW: usize, const COPY: bool>(
    s: S,
    t: &DotTile,
) {
    const { assert!(NV * S::LANES <= WIDEST && (NV == 1 || HOW != AHEAD)) };
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
        if HOW == AHEAD {
            turn_ahead::<S, MR, COPY>(s, t, &mut acc[0]);
        } else {
            let from = if HOW == LINES { turn_lines::<S, MR, NV, COPY>(s, t, &mut acc) } else { 0 };
            turn::<S, MR, NV, COPY>(s, t, from, &mut acc);
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

/// The sums of a tile, block after block, `from` a step of k.
///
/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn turn<S: Turn, const MR: usize, const NV: usize, const COPY: bool>(
    s: S,
    t: &DotTile,
    from: usize,
    acc: &mut [[S::F32; MR]; NV],
) {
    let last = t.k - QUAD;
    // SAFETY: all columns of B have elements `at..at + QUAD` for `at <= last`; the steps are below `k`.
    unsafe {
        let mut p = from;
        while p <= last {
            for v in 0..NV {
                let turned = s.turned(s.quads(t.b.wrapping_add(p), &t.b_cols[v * S::LANES..]));
                steps::<S, MR, COPY>(s, t, (p, 0), v, &turned, &mut acc[v]);
            }
            p += QUAD;
        }
        // What is left of k is the end of the last block.
        if p < t.k {
            for v in 0..NV {
                let turned = s.turned(s.quads(t.b.wrapping_add(last), &t.b_cols[v * S::LANES..]));
                steps::<S, MR, COPY>(s, t, (last, p - last), v, &turned, &mut acc[v]);
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
unsafe fn turn_ahead<S: Turn, const MR: usize, const COPY: bool>(
    s: S,
    t: &DotTile,
    acc: &mut [S::F32; MR],
) {
    let last = t.k - QUAD;
    // SAFETY: all columns of B have elements `at..at + QUAD` for `at <= last`; the steps are below `k`.
    unsafe {
        let mut turned = s.turned(s.quads(t.b, &t.b_cols));
        let mut quads = s.quads(t.b.wrapping_add(QUAD.min(last)), &t.b_cols);
        let mut p = 0;
        while p <= last {
            let next = s.turned(quads);
            quads = s.quads(t.b.wrapping_add((p + 2 * QUAD).min(last)), &t.b_cols);
            steps::<S, MR, COPY>(s, t, (p, 0), 0, &turned, acc);
            turned = next;
            p += QUAD;
        }
        // At the end of k the last block comes once more.
        steps::<S, MR, COPY>(s, t, (last, p - last), 0, &turned, acc);
    }
}

/// The same of whole lines, one vector of columns after the other; returns the step of k after them.
///
/// All of them are one loop body: with a body for each the compiler would load more at once than its registers hold.
///
/// # Safety
/// As for [`run`].
#[inline(always)]
unsafe fn turn_lines<S: Turn, const MR: usize, const NV: usize, const COPY: bool>(
    s: S,
    t: &DotTile,
    acc: &mut [[S::F32; MR]; NV],
) -> usize {
    let (mut p, mut v) = (0, 0);
    while p + LINE <= t.k {
        let cols = &t.b_cols[v * S::LANES..][..S::LANES];
        // SAFETY: all columns of B have elements `p..p + LINE`, and so many steps are below `k`.
        unsafe {
            let [one, two] = s.turned_pair(t.b.wrapping_add(p), cols);
            steps::<S, MR, COPY>(s, t, (p, 0), v, &one, &mut acc[0]);
            steps::<S, MR, COPY>(s, t, (p + QUAD, 0), v, &two, &mut acc[0]);
            let [three, four] = s.turned_pair(t.b.wrapping_add(p + 2 * QUAD), cols);
            steps::<S, MR, COPY>(s, t, (p + 2 * QUAD, 0), v, &three, &mut acc[0]);
            steps::<S, MR, COPY>(s, t, (p + 3 * QUAD, 0), v, &four, &mut acc[0]);
        }
        // The next vector's sums take the first place, in turn, and all of them are back after the last.
        acc.rotate_left(1);
        (p, v) = if v + 1 == NV { (p + LINE, 0) } else { (p, v + 1) };
    }
    p
}

/// The steps of a block that was turned, of vector `v`: from `p` on, without the first `done`. All of it goes
/// to the panel.
///
/// # Safety
/// `k` has the steps, `MR` rows of A so many elements, and so has a panel that is written.
#[inline(always)]
unsafe fn steps<S: Turn, const MR: usize, const COPY: bool>(
    s: S,
    t: &DotTile,
    (p, done): (usize, usize),
    v: usize,
    turned: &[S::F32; QUAD],
    acc: &mut [S::F32; MR],
) {
    let a = t.a.wrapping_add(p);
    for q in 0..QUAD {
        if COPY {
            let at = ((p + q) * PANEL_VECTORS + v) * S::LANES;
            // SAFETY: the caller's promise.
            unsafe { s.store(t.copy.wrapping_add(at), turned[q]) };
        }
        if q >= done {
            for i in 0..MR {
                // SAFETY: the caller's promise.
                let x = s.splat(unsafe { *t.a_rows.row(a, i).add(q) });
                acc[i] = s.mul_add(x, turned[q], acc[i]);
            }
        }
    }
}

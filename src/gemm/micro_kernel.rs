//! The micro-kernel: one `MR x NV` tile of C, kept in registers while k advances.
//!
//! Each step of k loads one row of B (`NV` vectors), broadcasts `MR` elements of A one after the
//! other, and does `MR * NV` fused multiply-adds. A and B may be packed or read in place: the
//! kernel knows only strides. `tile_shape` counts the registers.
//!
//! Vectors lie along the rows of C: every element of C owns one lane, and its sum runs through k
//! in order, which is why tiles of any shape and levels of any width give the same bits.

use core::ptr;

use super::Start;
use super::row_steps::RowSteps;
use crate::simd::Simd;

/// Vectors in a row of a packed panel of B. A wider tile reads several panels side by side.
pub(super) const PANEL_VECTORS: usize = 2;

/// Where the accumulators of a tile start.
#[derive(Clone, Copy)]
pub(super) enum TileStart {
    /// At zero.
    Zero,
    /// At a row as wide as the tile, the same for each row of it.
    Row,
    /// At the tile of C.
    Output,
}

impl From<Start<'_>> for TileStart {
    #[inline(always)]
    fn from(start: Start<'_>) -> Self {
        match start {
            Start::Zero => TileStart::Zero,
            Start::Bias(_) => TileStart::Row,
            Start::Output => TileStart::Output,
        }
    }
}

/// The operands of one tile. Those of a block have most in common, which is laid out once.
pub(super) struct Tile {
    pub k: usize,
    /// Element `(0, p)` of A is at `a[p * a_k_step]`, and those below it are `a_rows` from it.
    pub a: *const f32,
    pub a_rows: RowSteps,
    pub a_k_step: usize,
    /// Element `(p, j)` of B is at `b[j / PANEL * b_panel_step + p * b_k_step + j % PANEL]`,
    /// where a panel is [`PANEL_VECTORS`] vectors wide.
    pub b: *const f32,
    pub b_k_step: usize,
    pub b_panel_step: usize,
    /// Distance from a row of B to what is fetched from the second-level cache meanwhile.
    pub b_ahead: usize,
    /// What the kernels of tiles do besides, and that of the last one of a strip.
    pub also: [usize; 2],
    /// What `FETCH_A` kernels fetch in the first step of k, and the distance to that of the next step.
    pub ahead: *const f32,
    pub ahead_step: usize,
    /// The panel into which `COPY_B` kernels put the rows of B.
    pub copy: *mut f32,
    pub start: TileStart,
    /// Element `j` of the row where the accumulators start, if they do, is at `row[j]`.
    pub row: *const f32,
    /// Element `(i, j)` of C is at `c[i * c_row_step + j]`.
    pub c: *mut f32,
    pub c_row_step: usize,
    /// Elements of the last vector that belong to a tile, `1..=LANES`; used by `TAIL` kernels.
    pub tail: usize,
}

impl Tile {
    /// With what the tiles of a block have in common: the distances of A's rows, of which a tile has at
    /// most `mr`, and of its steps of k; those of B's steps of k and of its panels; and of C's rows.
    /// The places are to be filled in.
    #[inline(always)]
    pub fn new<S: Simd>(
        (mr, cols, k): (usize, usize, usize),
        (a_row_step, a_k_step): (usize, usize),
        (b_k_step, b_panel_step): (usize, usize),
        start: Start<'_>,
        c_row_step: usize,
    ) -> Self {
        Tile {
            k,
            a: ptr::null(),
            a_rows: RowSteps::new(mr, a_row_step),
            a_k_step,
            b: ptr::null(),
            b_k_step,
            b_panel_step,
            b_ahead: 0,
            also: [ALONE; 2],
            ahead: ptr::null(),
            ahead_step: 0,
            copy: ptr::null_mut(),
            start: start.into(),
            row: ptr::null(),
            c: ptr::null_mut(),
            c_row_step,
            tail: cols % S::LANES,
        }
    }
}

/// A kernel that does nothing beside its tile.
pub(super) const ALONE: usize = 0;
/// One that fetches the next rows of A.
pub(super) const FETCH_A: usize = 1;
/// One that copies the rows of B that it reads into a packed panel.
pub(super) const COPY_B: usize = 2;

/// Steps of k ahead of which `COPY_B` kernels have B fetched into the second-level cache: it comes from a far
/// cache or from memory, and the prefetchers of the processor do not follow a tile down its rows.
const FAR_STEPS: usize = 48;

/// A compiled micro-kernel.
///
/// # Safety
/// See [`run`].
pub(super) type Kernel<S> = unsafe fn(S, &Tile);

/// [`tile`], compiled for the level of `S`.
///
/// # Safety
/// For `i < MR`, `p < k` and `j` below the tile's width (`NV * LANES`, or with `TAIL`
/// `(NV - 1) * LANES + tail`): element `(i, p)` of A, `(p, j)` of B and, if the tile starts there, the
/// row's `j` are readable, element `(i, j)` of C is writable, and readable if the tile starts at the
/// output. `COPY_B`: `k` rows of a panel are writable at `copy`, and none of what is read is there.
pub(super) unsafe fn run<
    S: Simd,
    const MR: usize,
    const NV: usize,
    const TAIL: bool,
    const ALSO: usize,
>(
    s: S,
    t: &Tile,
) {
    // SAFETY: the caller's promise is that of `tile`.
    s.vectorize(
        #[inline(always)]
        || unsafe { tile::<S, MR, NV, TAIL, ALSO>(s, t) },
    );
}

/// # Safety
/// As for [`run`].
#[inline(always)]
pub(super) unsafe fn tile<
    S: Simd,
    const MR: usize,
    const NV: usize,
    const TAIL: bool,
    const ALSO: usize,
>(
    s: S,
    t: &Tile,
) {
    // What is done besides is done where B is held in registers, for one panel.
    const { assert!(ALSO == ALONE || NV <= MR && NV <= PANEL_VECTORS) };
    let mut acc = [[s.splat(0.0); NV]; MR];
    match t.start {
        TileStart::Zero => {}
        TileStart::Row => {
            // SAFETY: the start row is readable over the tile's width.
            let row = unsafe { load_row::<S, NV, TAIL>(s, t.row, t.tail) };
            acc = [row; MR];
        }
        TileStart::Output => {
            for i in 0..MR {
                // SAFETY: row `i < MR` of C is readable over the tile's width.
                acc[i] = unsafe { load_row::<S, NV, TAIL>(s, t.c.add(i * t.c_row_step), t.tail) };
            }
        }
    }
    let (mut a, mut b, mut ahead, mut copy) = (t.a, t.b, t.ahead, t.copy);
    for _ in 0..t.k {
        // SAFETY: this is step `p < k`; row `p` of B is readable over the tile's width, and so is
        // column `p` of A for `i < MR`; row `p` of the panel at `copy` is writable. The last advance may
        // leave the operands, unread.
        unsafe {
            // The fewer of the two are held in registers, the others pass by one at a time.
            if NV <= MR {
                fetch::<S, NV, false>(s, b.wrapping_add(t.b_ahead), t.b_panel_step);
                if ALSO == FETCH_A {
                    s.prefetch(ahead);
                    ahead = ahead.wrapping_add(t.ahead_step);
                }
                let mut row = [s.splat(0.0); NV];
                for j in 0..NV {
                    row[j] = load_b::<S, NV, TAIL>(s, b, j, t);
                    if ALSO == COPY_B {
                        s.store(copy.wrapping_add(j * S::LANES), row[j]);
                    }
                }
                if ALSO == COPY_B {
                    let far = b.wrapping_add(FAR_STEPS * t.b_k_step);
                    fetch::<S, NV, true>(s, far, t.b_panel_step);
                    copy = copy.wrapping_add(PANEL_VECTORS * S::LANES);
                }
                for i in 0..MR {
                    let x = s.splat(*t.a_rows.row(a, i));
                    for j in 0..NV {
                        acc[i][j] = s.mul_add(x, row[j], acc[i][j]);
                    }
                }
            } else {
                // Unless loads are what it waits for. One row waits for B, if that is large.
                if MR == 1 || NV + MR + NV.div_ceil(vectors_of_line::<S>()) <= MR * NV {
                    fetch::<S, NV, false>(s, b.wrapping_add(t.b_ahead), t.b_panel_step);
                }
                let mut column = [s.splat(0.0); MR];
                for i in 0..MR {
                    column[i] = s.splat(*t.a_rows.row(a, i));
                }
                for j in 0..NV {
                    let y = load_b::<S, NV, TAIL>(s, b, j, t);
                    for i in 0..MR {
                        acc[i][j] = s.mul_add(column[i], y, acc[i][j]);
                    }
                }
            }
        }
        a = a.wrapping_add(t.a_k_step);
        b = b.wrapping_add(t.b_k_step);
    }
    for i in 0..MR {
        // SAFETY: row `i < MR` of C is writable over the tile's width.
        unsafe { store_row::<S, NV, TAIL>(s, t.c.add(i * t.c_row_step), acc[i], t.tail) };
    }
}

/// Fetches the cache lines of the row of `NV` vectors of B at `b`, which need not exist, or as far as `L2`.
///
/// By the last element of each 64 bytes: where rows begin within a line, the first line is the one in which
/// the panel to the left ended, and the last one is new. A vector alone is the end of a row.
#[inline(always)]
fn fetch<S: Simd, const NV: usize, const L2: bool>(s: S, b: *const f32, panel_step: usize) {
    let mut j = 0;
    while j < NV {
        j += vectors_of_line::<S>();
        let last = vector_of_row::<S>(j.min(NV) - 1, panel_step) + S::LANES - 1;
        let at = b.wrapping_add(if NV == 1 { 0 } else { last });
        if L2 { s.prefetch_l2(at) } else { s.prefetch(at) }
    }
}

/// Vectors in a cache line of 64 bytes, or the one that is as long.
#[inline(always)]
pub(super) const fn vectors_of_line<S: Simd>() -> usize {
    if S::LANES < 16 { 16 / S::LANES } else { 1 }
}

/// Where vector `j` of a row of B is.
#[inline(always)]
fn vector_of_row<S: Simd>(j: usize, panel_step: usize) -> usize {
    j / PANEL_VECTORS * panel_step + j % PANEL_VECTORS * S::LANES
}

/// Vector `j` of B's row at `b`.
///
/// # Safety
/// The row is readable over the tile's width.
#[inline(always)]
unsafe fn load_b<S: Simd, const NV: usize, const TAIL: bool>(
    s: S,
    b: *const f32,
    j: usize,
    t: &Tile,
) -> S::F32 {
    // SAFETY: vector `j` lies within the tile's width, the last one with `tail` elements.
    unsafe {
        let src = b.add(vector_of_row::<S>(j, t.b_panel_step));
        if TAIL && j == NV - 1 { s.load_partial(src, t.tail) } else { s.load(src) }
    }
}

/// # Safety
/// `src` is readable over the tile's width.
#[inline(always)]
unsafe fn load_row<S: Simd, const NV: usize, const TAIL: bool>(
    s: S,
    src: *const f32,
    tail: usize,
) -> [S::F32; NV] {
    let mut row = [s.splat(0.0); NV];
    for j in 0..NV {
        // SAFETY: vector `j` lies within the tile's width, the last one with `tail` elements.
        row[j] = unsafe {
            if TAIL && j == NV - 1 {
                s.load_partial(src.add(j * S::LANES), tail)
            } else {
                s.load(src.add(j * S::LANES))
            }
        };
    }
    row
}

/// # Safety
/// `dst` is writable over the tile's width.
#[inline(always)]
unsafe fn store_row<S: Simd, const NV: usize, const TAIL: bool>(
    s: S,
    dst: *mut f32,
    row: [S::F32; NV],
    tail: usize,
) {
    for j in 0..NV {
        // SAFETY: vector `j` lies within the tile's width, the last one with `tail` elements.
        unsafe {
            if TAIL && j == NV - 1 {
                s.store_partial(dst.add(j * S::LANES), tail, row[j]);
            } else {
                s.store(dst.add(j * S::LANES), row[j]);
            }
        }
    }
}

//! Packing: a block of A or B copied into the order in which the micro-kernel reads it.
//!
//! A packed block is a row of micro-panels. A panel holds `width` lanes (rows of A, width `MR`;
//! or columns of B, width `NR`) for all of the block's k:
//!
//! ```text
//!            lane 0   lane 1  ...  lane width-1
//!   k = 0       0        1           width-1
//!   k = 1     width   width+1       2 width-1         panel 1 follows after kc * width elements
//!   ...
//! ```
//!
//! The lanes that a last panel lacks hold anything: no kernel reads them. An operand whose lanes
//! are not contiguous is transposed in registers on its way.

use core::mem;

use super::blocking::PackB;
use super::dots::{DotShape, can_pack};
use super::operand::Operand;
use super::paths::are_few_dots;
use super::tile_shape::is_tall;
use crate::simd::{SQUARE, Simd};

/// Where the tiles of a block read B.
pub(super) enum Panels<'a> {
    /// As it stands.
    InPlace,
    /// In panels that were packed.
    Packed(&'a [f32]),
    /// The first strip, which is tall, as it stands, and packs it meanwhile; the others in its panels.
    Copied(&'a mut [f32]),
    /// The same where the first strip is one of dot products, which packs nothing if it is the only one.
    Turned(Option<&'a mut [f32]>),
}

impl<'a> Panels<'a> {
    /// Those of block `b`, for so many rows in strips of so many at most: packed here, unless the first
    /// strip does it, or the only one needs none.
    #[inline(always)]
    pub fn new<S: DotShape>(
        s: S,
        pack: PackB,
        dst: &'a mut [f32],
        b: Operand<'_>,
        (rows, strip): (usize, usize),
    ) -> Self {
        match pack {
            PackB::Never => Panels::InPlace,
            PackB::Copying if is_tall(strip, S::MR) => Panels::Copied(dst),
            PackB::Turning if are_few_dots(S::MR, rows, b.rows()) => Panels::Turned(None),
            PackB::Turning if can_pack(strip, S::MR, b.rows()) => Panels::Turned(Some(dst)),
            _ => {
                pack_b(s, dst, S::NR, b);
                Panels::Packed(dst)
            }
        }
    }

    /// Whether the first strip has packed them: they are packed from now on.
    #[inline(always)]
    pub fn end_first(&mut self) -> bool {
        match mem::replace(self, Panels::InPlace) {
            Panels::Copied(panels) | Panels::Turned(Some(panels)) => {
                *self = Panels::Packed(panels);
                true
            }
            other => {
                *self = other;
                false
            }
        }
    }
}

/// Packs `a [m, kc]` into panels of `width` rows.
#[inline(always)]
pub(super) fn pack_a<S: Simd>(s: S, dst: &mut [f32], width: usize, a: Operand<'_>) {
    let source = Source {
        data: a.as_ptr(),
        lanes: a.rows(),
        k: a.cols(),
        lane_step: a.row_step(),
        k_step: a.col_step(),
    };
    // SAFETY: lanes are the rows and k the columns of `a`.
    unsafe { pack(s, dst, width, source) }
}

/// Packs `b [kc, n]` into panels of `width` columns.
#[inline(always)]
pub(super) fn pack_b<S: Simd>(s: S, dst: &mut [f32], width: usize, b: Operand<'_>) {
    let source = Source {
        data: b.as_ptr(),
        lanes: b.cols(),
        k: b.rows(),
        lane_step: b.col_step(),
        k_step: b.row_step(),
    };
    // SAFETY: lanes are the columns and k the rows of `b`.
    unsafe { pack(s, dst, width, source) }
}

/// What is packed: element `(lane, p)` is at `data[lane * lane_step + p * k_step]`, and readable
/// for `lane < lanes`, `p < k`. One of the steps is 1.
#[derive(Clone, Copy)]
pub(super) struct Source {
    data: *const f32,
    lanes: usize,
    k: usize,
    lane_step: usize,
    k_step: usize,
}

impl Source {
    /// Lanes that are `rows` of `cols` elements in memory, `data.1` apart.
    pub(super) fn of_rows(data: (*const f32, usize), (rows, cols): (usize, usize)) -> Self {
        Source { data: data.0, lanes: rows, k: cols, lane_step: data.1, k_step: 1 }
    }
}

/// # Safety
/// `source` is what its fields say.
#[inline(always)]
unsafe fn pack<S: Simd>(s: S, dst: &mut [f32], width: usize, source: Source) {
    let dst = &mut dst[..source.lanes.div_ceil(width) * width * source.k];
    // SAFETY: the caller's promise; `dst` has exactly the elements of the panels.
    unsafe {
        if source.lane_step == 1 {
            copy_lanes(s, dst.as_mut_ptr(), width, source);
        } else {
            transpose(s, dst.as_mut_ptr(), width, source);
        }
    }
}

/// Steps of k that are copied together, so that as many rows are read side by side.
const RUN: usize = 16;

/// Packs contiguous lanes: runs of a few rows, from left to right through all panels.
///
/// # Safety
/// `source` is what its fields say, its lanes are contiguous, and `dst` has room for its panels.
#[inline(always)]
unsafe fn copy_lanes<S: Simd>(s: S, dst: *mut f32, width: usize, source: Source) {
    let Source { data, lanes, k, k_step, .. } = source;
    // A row is copied in whole vectors, which may write into the next rows of the same panel: those
    // come later. The last ones of a panel are copied to the element.
    let vectors = width.div_ceil(S::LANES);
    let last = k.saturating_sub((vectors * S::LANES - width).div_ceil(width));
    let mut p = 0;
    while p < k {
        let run = RUN.min(k - p);
        let whole = run.min(last.saturating_sub(p));
        let mut first = 0;
        while first < lanes {
            let whole = if first + vectors * S::LANES <= lanes { whole } else { 0 };
            let count = width.min(lanes - first);
            // SAFETY: step `p < k` of the source from lane `first` on; row `p` of the panel that
            // starts at that lane.
            let (mut src, mut dst) =
                unsafe { (data.add(p * k_step + first), dst.add(first * k + p * width)) };
            for q in 0..run {
                // SAFETY: `vectors * LANES` or `count` lanes from `first` on exist at step
                // `p + q < k`. So many elements are in the panel from row `p + q` on: those of the
                // row, and with whole vectors some of the next.
                unsafe {
                    if q < whole {
                        for v in 0..vectors {
                            s.store(dst.add(v * S::LANES), s.load(src.add(v * S::LANES)));
                        }
                    } else {
                        core::ptr::copy_nonoverlapping(src, dst, count);
                    }
                }
                (src, dst) = (src.wrapping_add(k_step), dst.wrapping_add(width));
            }
            first += width;
        }
        p += run;
    }
}

/// Packs lanes that are rows in memory: blocks of [`Simd::TURNED`] lanes and [`SQUARE`] steps, along the
/// rows.
///
/// # Safety
/// `source` is what its fields say, its steps of k are contiguous, and `dst` has room for its
/// panels.
#[inline(always)]
pub(super) unsafe fn transpose<S: Simd>(s: S, dst: *mut f32, width: usize, source: Source) {
    let Source { data, lanes, k, lane_step, .. } = source;
    let mut lane = 0;
    while lane < lanes {
        // The block must not reach into the next panel.
        let (panel, at) = (lane / width, lane % width);
        let whole = S::TURNED.min(width - at);
        let count = whole.min(lanes - lane);
        let mut p = 0;
        while p < k {
            let run = SQUARE.min(k - p);
            // SAFETY: `count` lanes from `lane` on and `run` steps from `p` on are in the source,
            // and in the panel's rows `p..p + run`.
            unsafe {
                let src = (data.add(lane * lane_step + p), lane_step);
                let dst = (dst.add(panel * width * k + p * width + at), width);
                // The first two are compiled for a shape that they know.
                if (count, run) == (S::TURNED, SQUARE) {
                    s.transpose((S::TURNED, SQUARE), src, dst);
                } else if (whole, run) == (width % S::TURNED, SQUARE) && count == whole {
                    s.transpose((width % S::TURNED, SQUARE), src, dst);
                } else {
                    s.transpose((count, run), src, dst);
                }
            }
            p += run;
        }
        lane += count;
    }
}

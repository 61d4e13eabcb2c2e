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
//! A last panel with fewer lanes is filled up with zeros. Transposition is free of cost here: an
//! operand whose lanes are not contiguous is transposed while it is copied.

use super::operand::Operand;

/// Steps of k that are transposed together: half a cache line of each lane.
const RUN: usize = 8;

/// Packs `a [m, kc]` into panels of `width` rows.
#[inline(always)]
pub(super) fn pack_a(dst: &mut [f32], width: usize, a: Operand<'_>) {
    let (lane_step, k_step) = (a.row_step(), a.col_step());
    // SAFETY: lanes are the rows and k the columns of `a`.
    unsafe { pack(dst, width, a.as_ptr(), (a.rows(), a.cols()), (lane_step, k_step)) }
}

/// Packs `b [kc, n]` into panels of `width` columns.
#[inline(always)]
pub(super) fn pack_b(dst: &mut [f32], width: usize, b: Operand<'_>) {
    let (lane_step, k_step) = (b.col_step(), b.row_step());
    // SAFETY: lanes are the columns and k the rows of `b`.
    unsafe { pack(dst, width, b.as_ptr(), (b.cols(), b.rows()), (lane_step, k_step)) }
}

/// # Safety
/// Element `(lane, p)` is readable at `src[lane * lane_step + p * k_step]` for `lane < lanes`,
/// `p < k`.
#[inline(always)]
unsafe fn pack(
    dst: &mut [f32],
    width: usize,
    src: *const f32,
    (lanes, k): (usize, usize),
    (lane_step, k_step): (usize, usize),
) {
    if k == 0 {
        return;
    }
    let panels = dst.chunks_exact_mut(width * k).take(lanes.div_ceil(width));
    debug_assert_eq!(panels.len(), lanes.div_ceil(width), "the buffer holds every panel");
    for (panel, first) in panels.zip((0..lanes).step_by(width)) {
        let lanes = width.min(lanes - first);
        if lanes < width {
            panel.fill(0.0);
        }
        for p in (0..k).step_by(RUN) {
            let run = RUN.min(k - p);
            // SAFETY: lanes `first..first + lanes` and steps `p..p + run` exist in the source, and
            // `(p + run) * width` elements in the panel.
            unsafe {
                let src = src.add(first * lane_step + p * k_step);
                let dst = panel.as_mut_ptr().add(p * width);
                if lane_step == 1 {
                    for q in 0..run {
                        copy(src.add(q * k_step), dst.add(q * width), lanes, width);
                    }
                } else {
                    for lane in 0..lanes {
                        for q in 0..run {
                            *dst.add(q * width + lane) = *src.add(lane * lane_step + q * k_step);
                        }
                    }
                }
            }
        }
    }
}

/// Copies a row of a panel; a full row has a length known to the compiler.
///
/// # Safety
/// `lanes <= width` elements are readable at `src`, and writable at `dst`.
#[inline(always)]
unsafe fn copy(src: *const f32, dst: *mut f32, lanes: usize, width: usize) {
    // SAFETY: the caller's promise; the destination is a buffer of this crate.
    unsafe {
        if lanes == width {
            core::ptr::copy_nonoverlapping(src, dst, width);
        } else {
            core::ptr::copy_nonoverlapping(src, dst, lanes);
        }
    }
}

//! All of B packed by all threads, for products that are computed from it by all of them.

use super::micro_kernel::PANEL_VECTORS;
use super::operand::Operand;
use super::pack::pack_b;
use super::tile_shape::{TileShape, at_level};
use crate::cpu::Cpu;
use crate::parallel::join;
use crate::simd::{Level, Simd};

/// Columns of a panel at that level.
pub(super) fn panel_width(level: Level) -> usize {
    PANEL_VECTORS * level.lanes()
}

/// Packs `b`, which has elements, in so many pieces into the front of `dst`: blocks of `kc` steps of k one
/// behind the other, and in each all its panels. Gives what it has packed, and the columns of the panels
/// together; those that `b` lacks are not written.
pub(super) fn pack_all<'a>(
    cpu: Cpu,
    pieces: usize,
    dst: &'a mut [f32],
    b: Operand<'_>,
    kc: usize,
) -> (&'a [f32], usize) {
    let cols = b.cols().next_multiple_of(panel_width(cpu.level()));
    let dst = &mut dst[..b.rows() * cols];
    divide(cpu, pieces, dst, b, kc);
    (dst, cols)
}

/// Cuts between two blocks of k, or in one block between two panels, so that neither side has gaps.
fn divide(cpu: Cpu, pieces: usize, dst: &mut [f32], b: Operand<'_>, kc: usize) {
    let ((k, n), width) = (b.shape(), panel_width(cpu.level()));
    let (blocks, panels) = (k.div_ceil(kc), n.div_ceil(width));
    if pieces < 2 || blocks.max(panels) < 2 {
        // The portable product reads matrices.
        at_level!(cpu.level(), (), s => pack_blocks(s, dst, b, kc));
        return;
    }
    let (head, tail, cut) = if blocks > 1 {
        let rows = blocks / 2 * kc;
        (b.block((0, 0), (rows, n)), b.block((rows, 0), (k, n)), rows * panels * width)
    } else {
        let cols = panels / 2 * width;
        (b.block((0, 0), (k, cols)), b.block((0, cols), (k, n)), k * cols)
    };
    let (to_head, to_tail) = dst.split_at_mut(cut);
    let half = pieces / 2;
    join(
        cpu,
        || divide(cpu, half, to_head, head, kc),
        || divide(cpu, pieces - half, to_tail, tail, kc),
    );
}

#[inline(always)]
fn pack_blocks<S: TileShape>(s: S, dst: &mut [f32], b: Operand<'_>, kc: usize) {
    let (k, n) = b.shape();
    let cols = n.next_multiple_of(S::NR);
    let mut p = 0;
    while p < k {
        let block = b.block((p, 0), (kc, n));
        pack_b(s, &mut dst[p * cols..], S::NR, block);
        p += block.rows();
    }
}

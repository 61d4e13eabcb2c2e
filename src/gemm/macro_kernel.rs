//! The five loops around the micro-kernel, on one thread.

use super::blocking::Blocking;
use super::epilogue::Finished;
use super::micro_kernel::{Tile, TileStart};
use super::operand::Operand;
use super::pack::{pack_a, pack_b};
use super::tile_shape::TileShape;
use super::{Product, Start};
use crate::simd::Level;
use crate::tensor::ViewMut;

/// Computes `product` into `c`, which has its shape. `scratch` holds `blocking.scratch()` elements.
#[inline(always)]
pub(super) fn five_loops<S: TileShape>(
    s: S,
    level: Level,
    blocking: Blocking,
    scratch: &mut [f32],
    product: Product<'_>,
    mut c: ViewMut<'_>,
) {
    let Blocking { mc, kc, nc, .. } = blocking;
    let ((m, n), k) = (c.shape(), product.a.cols());
    let (packed_b, packed_a) = scratch.split_at_mut(blocking.scratch_b());
    // Loop 5, through blocks of n: splits B and C by columns.
    for j in (0..n).step_by(nc) {
        let nc = nc.min(n - j);
        // Loop 4, through blocks of k: splits A by columns and B by rows. C is passed over once
        // for each, so there is one round even where k = 0.
        for p in (0..k.max(1)).step_by(kc) {
            let b = product.b.block((p, j), (kc, nc));
            if blocking.pack_b {
                pack_b(packed_b, S::NR, b);
            }
            // Loop 3, through blocks of m: splits A and C by rows.
            for i in (0..m).step_by(mc) {
                let mc = mc.min(m - i);
                let a = product.a.block((i, p), (mc, kc));
                if blocking.pack_a {
                    pack_a(packed_a, S::MR, a);
                }
                let block = Block {
                    a,
                    b,
                    packed_a: blocking.pack_a.then_some(&*packed_a),
                    packed_b: blocking.pack_b.then_some(&*packed_b),
                    // Later blocks of k go on from what rests in C.
                    start: if p == 0 { start_at(product.start, j) } else { Start::Output },
                    at: (product.origin.0 + i, product.origin.1 + j),
                    is_last: p + kc >= k,
                };
                macro_kernel(s, level, &block, &product, c.block_mut((i, j), (mc, nc)));
            }
        }
    }
}

/// One block of C, and the blocks of A and B that are added to it.
struct Block<'a> {
    a: Operand<'a>,
    b: Operand<'a>,
    packed_a: Option<&'a [f32]>,
    packed_b: Option<&'a [f32]>,
    start: Start<'a>,
    at: (usize, usize),
    is_last: bool,
}

/// The start of the columns from `j` on.
#[inline(always)]
pub(super) fn start_at(start: Start<'_>, j: usize) -> Start<'_> {
    match start {
        Start::Bias(bias) => Start::Bias(bias.get(j..).unwrap_or(&[])),
        other => other,
    }
}

/// Loops 2 and 1: the tiles of one block of C, a strip of `MR` rows after the other.
#[inline(always)]
fn macro_kernel<S: TileShape>(
    s: S,
    level: Level,
    block: &Block<'_>,
    product: &Product<'_>,
    mut c: ViewMut<'_>,
) {
    let finishes = block.is_last && product.epilogue.is_needed();
    // Loop 2, through micro-panels of A, while B stays in L2.
    for i in (0..c.rows()).step_by(S::MR) {
        let rows = S::MR.min(c.rows() - i);
        strip(s, block, i, c.block_mut((i, 0), (rows, usize::MAX)));
        if finishes {
            let strip = c.block_mut((i, 0), (rows, usize::MAX));
            let (row, col) = (block.at.0 + i, block.at.1);
            product.epilogue.finish(level, Finished { block: strip, row, col });
        }
    }
}

/// Loop 1, through micro-panels of B, while the micro-panel of A at row `i` stays in L1.
#[inline(always)]
fn strip<S: TileShape>(s: S, block: &Block<'_>, i: usize, mut c: ViewMut<'_>) {
    let (rows, cols) = c.shape();
    let k = block.a.cols();
    let (a, a_row_step, a_k_step) = match block.packed_a {
        Some(packed) => (packed[i * k..].as_ptr(), 1, S::MR),
        None => {
            let a = block.a.block((i, 0), (rows, k));
            (a.as_ptr(), a.row_step(), a.col_step())
        }
    };
    let c_row_step = c.stride();
    for j in (0..cols).step_by(S::NR) {
        let width = S::NR.min(cols - j);
        let (b, b_k_step) = match block.packed_b {
            Some(packed) => (packed[j * k..].as_ptr(), S::NR),
            None => (block.b.block((0, j), (k, width)).as_ptr(), block.b.row_step()),
        };
        let start = match block.start {
            Start::Zero => TileStart::Zero,
            Start::Bias(bias) => TileStart::Row(bias[j..].as_ptr()),
            Start::Output => TileStart::Output,
        };
        let vectors = width.div_ceil(S::LANES);
        let tail = width - (vectors - 1) * S::LANES;
        let c = c.block_mut((0, j), (rows, width)).as_mut_ptr();
        let tile = Tile { k, a, a_row_step, a_k_step, b, b_k_step, start, c, c_row_step, tail };
        // SAFETY: the tile is `rows x width`, with `width` as `vectors` and `tail` say. A's rows
        // `i..i + rows`, B's and the bias's columns `j..j + width` exist: the shapes were checked
        // when the product was made, and the packed panels hold `k * MR` and `k * NR` elements
        // from `i * k` and `j * k` on, `i` and `j` being multiples of `MR` and `NR`.
        unsafe { S::kernel(rows, vectors, tail < S::LANES)(s, &tile) };
    }
}

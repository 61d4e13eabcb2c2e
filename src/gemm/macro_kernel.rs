//! The five loops around the micro-kernel, on one thread.

use core::ptr;

use super::blocking::Blocking;
use super::epilogue::Beside;
use super::finish::{consume, finish};
use super::micro_kernel::{PANEL_VECTORS, RowSteps, Tile, vectors_of_line};
use super::operand::Operand;
use super::pack::{pack_a, pack_b};
use super::tile_shape::{TileShape, even_strips};
use super::{Product, Start};
use crate::simd::Level;
use crate::tensor::ViewMut;

/// Computes `product` into `c`, which has its shape and at least one element. `scratch` holds
/// `blocking.scratch()` elements.
#[inline(always)]
pub(super) fn five_loops<S: TileShape>(
    s: S,
    level: Level,
    blocking: Blocking,
    scratch: &mut [f32],
    product: &Product<'_>,
    mut c: ViewMut<'_>,
    mut beside: Option<&mut Beside<'_>>,
) {
    let ((m, n), k) = (c.shape(), product.a.cols());
    let (packed_b, rest) = scratch.split_at_mut(blocking.scratch_b());
    let (packed_a, buffer) = rest.split_at_mut(blocking.scratch_a());
    // Loop 5, through blocks of k: splits A by columns and B by rows. C is passed over once for
    // each, so there is one round even where k = 0.
    let mut p = 0;
    while p < k.max(1) {
        // Loop 4, through blocks of m: splits A and C by rows.
        let mut i = 0;
        while i < m {
            let a = product.a.block((i, p), (blocking.mc, blocking.kc));
            if blocking.pack_a {
                pack_a(s, packed_a, S::MR, a);
            }
            // Loop 3, through blocks of n: splits B and C by columns.
            let mut j = 0;
            while j < n {
                let b = product.b.block((p, j), (blocking.kc, blocking.nc));
                let packed_b = match product.packed {
                    // Block `p` of k in all columns; in it, the panels from that of column `j` on.
                    Some(w) => {
                        let col = product.origin.1 + j - w.first;
                        Some(&w.data[p * w.cols + col * a.cols()..])
                    }
                    None if blocking.pack_b => {
                        pack_b(s, packed_b, S::NR, b);
                        Some(&*packed_b)
                    }
                    None => None,
                };
                let block = Block {
                    a,
                    b,
                    packed_a: blocking.pack_a.then_some(&*packed_a),
                    packed_b,
                    // Later blocks of k go on from what rests in C.
                    start: if p == 0 {
                        product.start.columns(j, blocking.nc)
                    } else {
                        Start::Output
                    },
                    at: (i, j),
                    shape: (blocking.mc.min(m - i), blocking.nc.min(n - j)),
                    is_last: blocking.kc >= k - p,
                    fetch_far: blocking.fetch_far,
                };
                macro_kernel(s, level, &block, buffer, product, &mut c, beside.as_deref_mut());
                j += blocking.nc;
            }
            i += blocking.mc;
        }
        p += blocking.kc;
    }
}

/// The same for a product that is one block, with nothing packed: tiles alone, read in place.
#[inline(always)]
pub(super) fn one_block<S: TileShape>(
    s: S,
    level: Level,
    buffer: &mut [f32],
    product: &Product<'_>,
    mut c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) {
    let block = Block {
        a: product.a,
        b: product.b,
        packed_a: None,
        packed_b: None,
        start: product.start,
        at: (0, 0),
        shape: c.shape(),
        is_last: true,
        fetch_far: false,
    };
    macro_kernel(s, level, &block, buffer, product, &mut c, beside);
}

/// One block of C, and the blocks of A and B that are added to it.
struct Block<'a> {
    a: Operand<'a>,
    b: Operand<'a>,
    packed_a: Option<&'a [f32]>,
    packed_b: Option<&'a [f32]>,
    start: Start<'a>,
    /// Where in C the block is.
    at: (usize, usize),
    shape: (usize, usize),
    is_last: bool,
    fetch_far: bool,
}

/// Loops 2 and 1: the tiles of one block of C, a strip of at most `MR` rows after the other.
#[inline(always)]
fn macro_kernel<S: TileShape>(
    s: S,
    level: Level,
    block: &Block<'_>,
    buffer: &mut [f32],
    product: &Product<'_>,
    c: &mut ViewMut<'_>,
    mut beside: Option<&mut Beside<'_>>,
) {
    let (m, n) = block.shape;
    // In a packed block all strips but the last have MR rows.
    let (tallest, shorter_from) = match block.packed_a {
        Some(_) => (S::MR, m),
        None => even_strips(m, S::MR),
    };
    // What is only written is not worth fetching where a vector is as long as a cache line, even if
    // rows of C begin within one (measured, see `benches/RESULTS.md`).
    let is_read = product.is_consumed || matches!(block.start, Start::Output);
    let fetches_c = (is_read || vectors_of_line::<S>() > 1) && block.a.cols() >= 64 && m > S::MR;
    let mut tile = block.tile::<S>(if product.is_consumed { n } else { c.stride() });
    // Loop 2, through micro-panels of A, while B stays in L2.
    let (mut i, mut first) = (0, 0);
    while i < m {
        let rows = if i < shorter_from { tallest.min(m - i) } else { tallest - 1 };
        let at = (block.at.0 + i, block.at.1);
        let far = (c.as_mut_ptr().wrapping_add(at.0 * c.stride() + at.1), c.stride());
        let to = match product.is_consumed {
            true => buffer[(i - first) * n..(i - first + rows) * n].as_mut_ptr(),
            false => far.0,
        };
        strip(s, block, &mut tile, (i, rows), to, fetches_c.then_some(far));
        if product.is_consumed {
            let count = i + rows - first;
            if i + rows == m || (count + tallest) * n > buffer.len() {
                let full = ViewMut::contiguous(count, n, &mut buffer[..count * n]);
                let at = (block.at.0 + first, block.at.1);
                consume(level, product, full, (&mut *c, beside.as_deref_mut()), at);
                first = i + rows;
            }
        } else if block.is_last {
            finish(level, product, (&mut *c, beside.as_deref_mut()), (at, (rows, n)));
        }
        i += rows;
    }
}

/// Steps of k between fetching a row of B and using it: 48 cycles on AVX2, some more than L2 takes,
/// and 96 on AVX-512, in the tallest tile.
const STEPS_AHEAD: usize = 8;

/// Steps of k up to which a panel of B is so short that L1 holds the next beside it.
const SHORT_K: usize = 128;

/// Steps of k up to which the next rows of A have room in L1 beside these.
const NEAR_K: usize = 512;

/// Elements of an A that L2 does not hold beside B.
const FAR_A: usize = 256 << 10;

impl Block<'_> {
    /// Whether A passes by in rows without gaps, from a far cache or from memory, and two micro-panels of
    /// it have room in L1.
    #[inline(always)]
    fn passes_a(&self) -> bool {
        let (m, k) = self.a.shape();
        let is_dense = (self.a.row_step(), self.a.col_step()) == (k, 1);
        self.packed_a.is_none() && is_dense && k <= NEAR_K && m * k >= FAR_A
    }

    /// A tile with what all have in common, if they go to rows so far apart.
    #[inline(always)]
    fn tile<S: TileShape>(&self, c_row_step: usize) -> Tile {
        let k = self.a.cols();
        let (a_row_step, a_k_step) = match self.packed_a {
            Some(_) => (1, S::MR),
            None => (self.a.row_step(), self.a.col_step()),
        };
        let (b_k_step, b_panel_step) = match self.packed_b {
            Some(_) => (S::NR, k * S::NR),
            None => (self.b.row_step(), S::NR),
        };
        // In few steps of k it pays to fetch the next panel, unless its rows would share sets of L1. Rows far
        // apart do even if they are fetched early: they may evict what is in use.
        let is_short = self.packed_b.is_none() && k <= SHORT_K && self.shape.0 > S::MR;
        let b_ahead = if is_short && !b_k_step.is_multiple_of(256) {
            S::NR
        } else if b_k_step < 512 || self.fetch_far {
            STEPS_AHEAD * b_k_step
        } else {
            0
        };
        Tile {
            k,
            a: ptr::null(),
            a_rows: RowSteps::new(S::MR, a_row_step),
            a_k_step,
            b: ptr::null(),
            b_k_step,
            b_panel_step,
            b_ahead,
            ahead: ptr::null(),
            ahead_step: 0,
            start: self.start.into(),
            row: ptr::null(),
            c: ptr::null_mut(),
            c_row_step,
            tail: self.shape.1 % S::LANES,
        }
    }
}

/// Loop 1, through panels of B, while the micro-panel of A, rows `i..i + rows`, stays in L1. The
/// tiles go to `c`; `far` is the memory that they end in, C or what is updated by it, with the distance
/// of its rows, if it is to be fetched before.
#[inline(always)]
fn strip<S: TileShape>(
    s: S,
    block: &Block<'_>,
    tile: &mut Tile,
    (i, rows): (usize, usize),
    c: *mut f32,
    far: Option<(*mut f32, usize)>,
) {
    tile.a = match block.packed_a {
        Some(packed) => packed[i * tile.k..].as_ptr(),
        None => block.a.as_ptr().wrapping_add(i * block.a.row_step()),
    };
    let b = block.packed_b.map_or(block.b.as_ptr(), |packed| packed.as_ptr());
    let passes_a = block.passes_a();
    (tile.ahead, tile.ahead_step) = (tile.a.wrapping_add(rows * tile.k), rows);
    let vectors = block.shape.1.div_ceil(S::LANES);
    let mut v = 0;
    while v < vectors {
        let compiled = S::tile(rows, vectors - v);
        let count = compiled.vectors;
        let j = v * S::LANES;
        tile.b = b.wrapping_add(v / PANEL_VECTORS * tile.b_panel_step);
        if let Start::Bias(bias) = block.start {
            tile.row = bias[j..].as_ptr();
        }
        tile.c = c.wrapping_add(j);
        if let Some(far) = far {
            prefetch(s, far, rows, (v, count, vectors));
        }
        // The tile is `rows x width`: `count` vectors, the last of `tail` elements where C ends in it.
        // Tiles start at whole panels, for only the last of a row is of an odd number of vectors.
        let is_last = v + count == vectors;
        let is_partial = is_last && tile.tail > 0;
        let kernels = if is_last && passes_a { &compiled.ahead } else { &compiled.kernels };
        let kernel = kernels[usize::from(is_partial)];
        // SAFETY: A's rows `i..i + rows`, B's and the bias's columns `j..j + width`, and the tile of C
        // exist: the shapes were checked when the product was made. Packed blocks hold `k * MR`
        // elements from `i * k` on, `i` being a multiple of `MR`, and `k * NR` for each panel.
        unsafe { kernel(s, tile) };
        v += count;
    }
}

/// Fetches the next tile of a matrix while this one computes.
#[inline(always)]
fn prefetch<S: TileShape>(
    s: S,
    (strip, row_step): (*mut f32, usize),
    rows: usize,
    (v, count, vectors): (usize, usize, usize),
) {
    let width = count * S::LANES;
    let tile = if v + count < vectors {
        strip.wrapping_add((v + count) * S::LANES)
    } else {
        strip.wrapping_add(rows * row_step)
    };
    for row in 0..rows {
        let next = tile.wrapping_add(row * row_step);
        s.prefetch(next);
        s.prefetch(next.wrapping_add(width - 1));
    }
}

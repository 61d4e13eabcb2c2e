//! The five loops around the micro-kernel, on one thread.

use super::blocking::Blocking;
use super::dots::{self, DotShape};
use super::epilogue::Beside;
use super::fetch::Fetch;
use super::finish::{consume, finish};
use super::micro_kernel::{ALONE, COPY_B, FETCH_A, PANEL_VECTORS, Tile, vectors_of_line};
use super::operand::Operand;
use super::pack::{Panels, pack_a};
use super::tile_shape::{TileShape, even_strips, strips};
use super::{Product, Start};
use crate::simd::Level;
use crate::tensor::ViewMut;

/// Computes `product` into `c`, which has its shape and at least one element. `scratch` holds
/// `blocking.scratch()` elements.
#[inline(always)]
pub(super) fn five_loops<S: DotShape>(
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
            // In a packed block all strips but the last have MR rows.
            let rows = blocking.mc.min(m - i);
            let strips = match blocking.packs_b() {
                _ if blocking.pack_a => (S::MR.min(rows), rows),
                // The first of them may pack B.
                true => even_strips(rows, S::MR),
                false => strips::<S>(rows, n),
            };
            // Loop 3, through blocks of n: splits B and C by columns.
            let mut j = 0;
            while j < n {
                let b = product.b.block((p, j), (blocking.kc, blocking.nc));
                let panels = match product.packed {
                    // Block `p` of k in all columns; in it, the panels from that of column `j` on.
                    Some(w) => {
                        let col = product.origin.1 + j - w.first;
                        Panels::Packed(&w.data[p * w.cols + col * a.cols()..])
                    }
                    None => Panels::new(s, blocking.pack_b, packed_b, b, (rows, strips.0)),
                };
                let mut block = Block {
                    a,
                    b,
                    packed_a: blocking.pack_a.then_some(&*packed_a),
                    panels,
                    strips,
                    // Later blocks of k go on from what rests in C.
                    start: if p == 0 {
                        product.start.columns(j, blocking.nc)
                    } else {
                        Start::Output
                    },
                    at: (i, j),
                    shape: (rows, blocking.nc.min(n - j)),
                    is_last: blocking.kc >= k - p,
                    fetch: blocking.fetch,
                };
                macro_kernel(s, level, &mut block, buffer, product, &mut c, beside.as_deref_mut());
                j += blocking.nc;
            }
            i += blocking.mc;
        }
        p += blocking.kc;
    }
}

/// The same for a product that is one block, with nothing packed: tiles alone, read in place.
#[inline(always)]
pub(super) fn one_block<S: DotShape>(
    s: S,
    level: Level,
    buffer: &mut [f32],
    product: &Product<'_>,
    mut c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) {
    let mut block = Block {
        a: product.a,
        b: product.b,
        packed_a: None,
        panels: Panels::InPlace,
        strips: strips::<S>(c.rows(), c.cols()),
        start: product.start,
        at: (0, 0),
        shape: c.shape(),
        is_last: true,
        fetch: Fetch::in_one_block(c.rows(), product.a.cols(), S::MR, product.b.row_step()),
    };
    macro_kernel(s, level, &mut block, buffer, product, &mut c, beside);
}

/// One block of C, and the blocks of A and B that are added to it.
struct Block<'a> {
    a: Operand<'a>,
    b: Operand<'a>,
    packed_a: Option<&'a [f32]>,
    panels: Panels<'a>,
    /// The rows of the first strip, and the row from which on they have one less (but for a packed A, of
    /// whose strips only the last is shorter).
    strips: (usize, usize),
    start: Start<'a>,
    /// Where in C the block is.
    at: (usize, usize),
    shape: (usize, usize),
    is_last: bool,
    fetch: Fetch,
}

/// Loops 2 and 1: the tiles of one block of C, a strip of at most `MR` rows after the other.
#[inline(always)]
fn macro_kernel<S: DotShape>(
    s: S,
    level: Level,
    block: &mut Block<'_>,
    buffer: &mut [f32],
    product: &Product<'_>,
    c: &mut ViewMut<'_>,
    mut beside: Option<&mut Beside<'_>>,
) {
    let (m, n) = block.shape;
    let (tallest, shorter_from) = block.strips;
    // What is only written is not worth fetching where a vector is as long as a cache line, even if
    // rows of C begin within one (measured, see `benches/RESULTS.md`).
    let is_read = product.is_consumed || matches!(block.start, Start::Output);
    let fetches_c = (is_read || vectors_of_line::<S>() > 1) && block.a.cols() >= 64 && m > S::MR;
    let c_row_step = if product.is_consumed { n } else { c.stride() };
    let mut tile = block.tile::<S>(c_row_step);
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
        block.point_to_rows::<S>(&mut tile, (i, rows));
        let far = fetches_c.then_some(far);
        // SAFETY: the shapes were checked when the product was made: at `to` there are `rows` rows of as many
        // elements as B has columns, those of C where the sums start there. Packed blocks hold `k * MR`
        // elements from `i * k` on, `i` being a multiple of `MR`, and `k * NR` for each panel, also where they
        // are copied, which is done by the first strip only, a tall one.
        unsafe {
            if let Panels::Turned(panels) = &mut block.panels {
                let (a, panels) = (block.a.block((i, 0), (rows, tile.k)), panels.as_deref_mut());
                dots::strip(s, (&a, &block.b), block.start, (to, c_row_step), panels);
            } else {
                strip(s, &mut tile, (rows, n), block.b(), block.start, to, far);
            }
        }
        if block.panels.end_first() {
            tile = block.tile::<S>(c_row_step);
        }
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

impl Block<'_> {
    /// Where the tiles read B.
    #[inline(always)]
    fn b(&self) -> *const f32 {
        match &self.panels {
            Panels::Packed(panels) => panels.as_ptr(),
            Panels::InPlace | Panels::Copied(_) | Panels::Turned(_) => self.b.as_ptr(),
        }
    }

    /// A tile with what all have in common, if they go to rows so far apart.
    #[inline(always)]
    fn tile<S: TileShape>(&mut self, c_row_step: usize) -> Tile {
        let (k, cols) = (self.a.cols(), self.shape.1);
        let a_steps = match self.packed_a {
            Some(_) => (1, S::MR),
            None => (self.a.row_step(), self.a.col_step()),
        };
        let b_steps = match self.panels {
            Panels::Packed(_) => (S::NR, k * S::NR),
            Panels::InPlace | Panels::Copied(_) | Panels::Turned(_) => (self.b.row_step(), S::NR),
        };
        let mut tile = Tile::new::<S>((S::MR, cols, k), a_steps, b_steps, self.start, c_row_step);
        if let Panels::Copied(panels) = &mut self.panels {
            tile.also = [COPY_B; 2];
            tile.copy = panels[..cols.div_ceil(S::NR) * S::NR * k].as_mut_ptr();
        } else if self.fetch.a {
            tile.also = [ALONE, FETCH_A];
        }
        tile
    }

    /// Points a tile to rows `i..i + rows` of A, and to what it fetches.
    #[inline(always)]
    fn point_to_rows<S: TileShape>(&self, tile: &mut Tile, (i, rows): (usize, usize)) {
        tile.a = match self.packed_a {
            Some(packed) => packed[i * tile.k..].as_ptr(),
            None => self.a.as_ptr().wrapping_add(i * self.a.row_step()),
        };
        let vectors = S::tile(rows, usize::MAX).vectors;
        tile.b_ahead = self.fetch.ahead::<S>(tile.b_k_step, vectors, i == 0);
        if self.fetch.a {
            (tile.ahead, tile.ahead_step) = (tile.a.wrapping_add(rows * tile.k), rows);
        }
    }
}

/// Loop 1, through panels of B at `b`, while the micro-panel of A, `rows` rows that `tile` points to, stays
/// in L1. The tiles go to `cols` columns at `c`; `far` is the memory that they end in, C or what is updated
/// by it, with the distance of its rows, if it is to be fetched before.
///
/// # Safety
/// A's rows, B's columns, those of the bias and the elements of C exist. A packed A holds `MR` rows for
/// each step of k, a packed B `NR` columns for each of a panel. If the tile copies B, it is tall, and there is
/// room for so many panels.
#[inline(always)]
pub(super) unsafe fn strip<S: TileShape>(
    s: S,
    tile: &mut Tile,
    (rows, cols): (usize, usize),
    b: *const f32,
    start: Start<'_>,
    c: *mut f32,
    far: Option<(*mut f32, usize)>,
) {
    let vectors = cols.div_ceil(S::LANES);
    let mut v = 0;
    while v < vectors {
        let compiled = S::tile(rows, vectors - v);
        let count = compiled.vectors;
        let j = v * S::LANES;
        tile.b = b.wrapping_add(v / PANEL_VECTORS * tile.b_panel_step);
        if let Start::Bias(bias) = start {
            tile.row = bias[j..].as_ptr();
        }
        tile.c = c.wrapping_add(j);
        if let Some(far) = far {
            prefetch(s, far, rows, (v, count, vectors));
        }
        // The tile is `rows x width`: `count` vectors, the last of `tail` elements where C ends in it.
        // Tiles start at whole panels, for only the last of a row is of an odd number of vectors.
        let is_last = v + count == vectors;
        let also = tile.also[usize::from(is_last)];
        let kernel = compiled.kernels[also][usize::from(is_last && tile.tail > 0)];
        // SAFETY: the caller's promise: the tile's columns are `j..j + width`.
        unsafe { kernel(s, tile) };
        if also == COPY_B {
            tile.copy = tile.copy.wrapping_add(tile.k * S::NR);
        }
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

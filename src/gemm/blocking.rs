//! Block sizes and paths: what is packed, and how much at a time.
//!
//! The data that one round of the five loops uses, and where it stays:
//!
//! | what | where it stays | rule |
//! |---|---|---|
//! | A micro-panel, `MR x kc` | L1 | `kc` = 512: 12 kB at MR = 6, 24 kB at MR = 12, of at least 32 kB |
//! | B block, `kc x nc` | L2 | half of L2, so that C and A pass through without evicting it; each tile reads a panel of it, 64 bytes in 6 cycles on AVX2, 128 in 12 on AVX-512 |
//! | A block, `mc x kc`, if packed | L3 | 1 MiB: B is packed once for each, which costs 1 % at mc = 512 |
//!
//! `kc` is the same for every level and machine. It could differ without changing a bit, because
//! sums rest in C between blocks of k, but fewer differences are fewer things to test. All
//! numbers below were measured; `benches/RESULTS.md` has the figures.

use crate::simd::Caches;

/// The block sizes of one product, and which operands it packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocking {
    pub mc: usize,
    pub kc: usize,
    pub nc: usize,
    pub pack_a: bool,
    pub pack_b: bool,
}

/// Steps of k in a block.
const KC: usize = 512;

/// Steps of k up to which they may be one block, its micro-panels of A in L2 at worst.
pub(super) const MAX_CONSUMED_K: usize = 1024;

/// Elements of a packed block of A.
const PACKED_A: usize = 256 << 10;

/// Rows up to which B is read in place: packing costs as much as multiplying a few rows.
const FEW: usize = 18;

/// Columns from which B in place is too slow for more than the rows of [`stream`](super::stream):
/// each row is on pages of its own, and rows share sets of L1 and L2.
const WIDE: usize = 2048;

/// What the choice depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    /// Rows and columns of the register tile.
    pub mr: usize,
    pub nr: usize,
    /// Distance between the rows of a tile in A as it stands.
    pub a_row_step: usize,
    /// B's rows are contiguous, so that the micro-kernel could read it in place.
    pub b_rows_contiguous: bool,
    /// B was packed beforehand, in blocks of [`block_of_k`].
    pub b_is_packed: bool,
    /// There is no C in which sums could rest between blocks of k.
    pub is_consumed: bool,
}

impl Blocking {
    pub fn new(caches: Caches, p: Problem) -> Self {
        let elements = |bytes: usize| bytes / size_of::<f32>();
        // A is packed where reading it in place is slower, once enough panels of B read the copy:
        // transposed, each step of k is on a cache line of its own; and rows a multiple of 4 kB
        // apart share one set of L1, of 8 lines, where a tile has more rows than that.
        let transposed = p.a_row_step == 1;
        let rows_collide = p.mr > 8 && p.a_row_step.is_multiple_of(1024);
        let pack_a = (transposed || rows_collide) && p.n >= 4 * p.nr && p.m >= p.mr;
        let pack_b = !p.b_is_packed && (!p.b_rows_contiguous || p.m > FEW || p.n >= WIDE);
        // For few rows packing is most of the work, and what was packed is read from L1.
        let (kc, nc) = match p.m {
            // Rows that are handed over are long if they can be.
            _ if p.is_consumed => {
                (p.k.next_multiple_of(4), (elements(caches.l2 / 2) / p.k.max(1)).min(KC))
            }
            0..=2 if pack_b => (64, 64),
            3..=FEW if pack_b => (256, p.nr),
            _ => (KC, elements(caches.l2 / 2) / KC),
        };
        let mc = if pack_a { even_share(p.m, PACKED_A / kc.max(KC), p.mr) } else { p.m.max(1) };
        Self { mc, kc: even_share(p.k, kc, 4), nc: even_share(p.n, nc, p.nr), pack_a, pack_b }
    }

    /// Elements of scratch that the packed blocks take.
    pub fn scratch(&self) -> usize {
        self.scratch_a() + self.scratch_b()
    }

    pub fn scratch_a(&self) -> usize {
        if self.pack_a { self.mc * self.kc } else { 0 }
    }

    pub fn scratch_b(&self) -> usize {
        if self.pack_b { self.nc * self.kc } else { 0 }
    }
}

/// Steps of k in the blocks of a B packed beforehand, which are those of a large product.
pub(super) fn block_of_k(k: usize) -> usize {
    even_share(k, KC, 4)
}

/// Whether a product of `m x k` and `k x n`, whose B has contiguous rows, is so small that both
/// operands are best read where they are: B is in or near L1, with rows of at most 1 kB.
#[inline(always)]
pub(super) fn is_one_block((m, n, k): (usize, usize, usize)) -> bool {
    n <= 256
        && k <= 256
        && m <= 4096
        && k * n <= 10 << 10
        && m * k <= 32 << 10
        && m * n * k <= 1 << 20
}

/// Whether the rows are so few that B is streamed through once (see [`stream`](super::stream)).
#[inline(always)]
pub(super) fn is_streamed((m, n, k): (usize, usize, usize), caches: Caches) -> bool {
    // Four rows keep the registers busy in tiles, as long as B comes from a near cache: it has at
    // most as many elements as L2 has bytes.
    m <= 3 || m == 4 && k.saturating_mul(n) > caches.l2
}

/// The size of the equal blocks, multiples of `unit`, into which `size` is cut so that none
/// exceeds `most` (or one unit, if that is more): no sliver is left at the end.
fn even_share(size: usize, most: usize, unit: usize) -> usize {
    let most = (most / unit * unit).max(unit);
    let blocks = size.div_ceil(most).max(1);
    size.div_ceil(blocks).div_ceil(unit).max(1) * unit
}

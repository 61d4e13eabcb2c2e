//! Block sizes, from the cache sizes and the register tile.
//!
//! | block | where it stays | rule |
//! |---|---|---|
//! | A micro-panel, `MR x kc` | L1 | `kc` = 256: 6 kB at MR = 6, 12 kB at MR = 12, of at least 32 kB |
//! | B block, `kc x nc` | L2 | half of L2, so that C and A pass through without evicting it |
//! | A block, `mc x kc` | L2, beside it | an eighth of L2; read from front to back once per B block |
//!
//! `kc` is the same for every level and machine. It could differ without changing a bit, because
//! sums rest in C between blocks of k, but fewer differences are fewer things to test.

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

const KC: usize = 512;

const PACKED_A: usize = 256 << 10;

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
}

impl Blocking {
    pub fn new(caches: Caches, p: Problem) -> Self {
        let elements = |bytes: usize| bytes / size_of::<f32>();
        // A is packed where reading it in place is slower, once enough panels of B read the copy:
        // transposed, each step of k is on a cache line of its own; and rows a multiple of 4 kB
        // apart share one set of L1.
        let transposed = p.a_row_step == 1;
        let rows_collide = p.mr > 8 && p.a_row_step.is_multiple_of(1024);
        let pack_a = (transposed || rows_collide) && p.n >= 4 * p.nr && p.m >= p.mr;
        let pack_b = !p.b_rows_contiguous || p.m > 4 * p.mr;
        if !pack_a && !pack_b && p.k <= KC && p.k.saturating_mul(p.n) <= elements(caches.l2 / 2) {
            return Self { mc: p.m, kc: p.k.max(1), nc: p.n, pack_a, pack_b };
        }
        let kc = even_share(p.k, KC, 4);
        let nc = even_share(p.n, elements(caches.l2 / 2) / KC, p.nr);
        let mc = if pack_a { even_share(p.m, PACKED_A / KC, p.mr) } else { p.m };
        Self { mc, kc, nc, pack_a, pack_b }
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

/// The size of the equal blocks, multiples of `unit`, into which `size` is cut so that none
/// exceeds `most` (or one unit, if that is more): no sliver is left at the end.
fn even_share(size: usize, most: usize, unit: usize) -> usize {
    let most = (most / unit * unit).max(unit);
    let blocks = size.div_ceil(most).max(1);
    size.div_ceil(blocks).div_ceil(unit).max(1) * unit
}

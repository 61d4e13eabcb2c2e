//! Block sizes: what is packed, and how much at a time.
//!
//! The data that one round of the five loops uses, and where it stays:
//!
//! | what | where it stays | rule |
//! |---|---|---|
//! | A micro-panel, `MR x kc` | L1 | `kc` = 512: 12 kB at MR = 6, 24 kB at MR = 12, of at least 32 kB; from an L2 of 2 MiB on `kc` = 1024, so that C is passed over half as often: it is read from L2 then, 4 bytes a cycle |
//! | B block, `kc x nc` | L2 | half of L2, so that C and A pass through without evicting it, and 512 columns at most, so that the epilogue finds a strip of C in L1; each tile reads a panel of it, 64 bytes in 6 cycles on AVX2, 128 in 12 on AVX-512 |
//! | A block, `mc x kc`, if packed | L3 | 1 MiB: B is packed once for each, which costs 1 % at mc = 512 |
//!
//! For products of many rows `kc` is the same for every level: it could differ without changing a bit,
//! because sums rest in C between blocks of k, but fewer differences are fewer things to test. All
//! numbers below were measured; `benches/RESULTS.md` has figures of most.

use super::fetch::Fetch;
use super::tile_shape::{even_strips, is_tall};
use crate::simd::{Caches, QUAD};

/// The block sizes of one product, and which operands it packs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Blocking {
    pub mc: usize,
    pub kc: usize,
    pub nc: usize,
    pub pack_a: bool,
    pub pack_b: PackB,
    pub fetch: Fetch,
}

/// Whether a product packs its B, and what does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PackB {
    /// It is read in place, or was packed beforehand.
    Never,
    /// It is copied, and read from there.
    Before,
    /// The first strip's tiles, which read it in place; in a part, if they are tall.
    Copying,
    /// The first strip's dot products, which turn its columns (see [`dots`](super::dots)); in a part, if it is
    /// tall enough, or the only one.
    Turning,
}

/// Steps of k in a block.
const KC: usize = 512;

/// The same where half of L2 holds so many steps of 256 columns.
const LONG_KC: usize = 1024;

/// Columns in a block of B at most.
const NC: usize = 512;

/// Steps of k up to which they may be one block, its micro-panels of A in L2 at worst.
pub(super) const MAX_CONSUMED_K: usize = 1024;

/// Elements of a packed block of A.
const PACKED_A: usize = 256 << 10;

/// Tiles of rows up to which B is read in place, or packed in pieces that stay in L1 (unless the first strip
/// turns it): packing costs as much as multiplying a few rows.
const FEW: usize = 3;

/// The same where rows far apart can be fetched: what they cost is hidden then.
const FEW_FAR: usize = 16;

/// Multiply-adds up to which those are few: with 48 rows and 4096 columns, or 128 and 3072 steps of k,
/// packing was faster, with 192 rows and a B of 4 MiB reading in place.
const FEW_FAR_MACS: usize = 1 << 28;

/// Elements of such a piece, which comes to L1 beside what it is made of: 64 steps of 64 columns for one
/// and two rows, the columns of a panel for more.
const PIECE: usize = 4096;

/// Elements of a block of B that the first strip turns where L2 holds A's beside it, or 128 columns, if
/// those are more.
const TURNED_B: usize = 64 << 10;

/// Steps of k in a block of a B in place whose rows lie far apart, each on a page of its own.
const FAR_KC: usize = 256;

/// Columns from which B in place is too slow for more than the rows of [`stream`](super::stream):
/// each row is on pages of its own, of which a tile reads but one cache line, unless panels are wider.
const WIDE: usize = 2048;

/// Elements of a B that threads pack together, for each of them: 1 MiB.
const SHARED: usize = 256 << 10;

/// Columns that they pack at least where A is packed too.
const FEWEST_SHARED: usize = 512;

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
    /// B's rows are contiguous, so that the micro-kernel could read it in place, and as far apart as
    /// this.
    pub b_row_step: Option<usize>,
    /// A's rows and B's columns are contiguous instead, and the columns as far apart as this.
    pub b_col_step: Option<usize>,
    /// The steps of k in the blocks of a B that was packed beforehand.
    pub packed_kc: Option<usize>,
    /// There is no C in which sums could rest between blocks of k.
    pub is_consumed: bool,
}

impl Problem {
    /// Whether the first strip turns B. What is packed of a small B is still in L1 when tiles read it, and in
    /// few steps the beginnings of the tiles, which load two blocks and turn one, are most of them: then
    /// packing takes less time.
    fn turns_b(&self, caches: Caches) -> bool {
        let Some(step) = self.b_col_step else { return false };
        let is_far = self.k.saturating_mul(self.n) > caches.l1 / 2 / size_of::<f32>();
        let fewest = if self.m <= FEW * self.mr { QUAD } else { 16 };
        // Columns a multiple of 4 kB apart share one set of L1, and are read four steps at a time.
        let collide = step.is_multiple_of(1024) && !Fetch::far(caches);
        self.m > self.mr && is_far && self.k >= fewest && !collide
    }
}

impl Blocking {
    pub fn new(caches: Caches, p: Problem) -> Self {
        let elements = |bytes: usize| bytes / size_of::<f32>();
        let (half, ways) = (elements(caches.l2 / 2), caches.l1 >> 12);
        let fetch_far = Fetch::far(caches);
        // A is packed where reading it in place is slower, once enough panels of B read the copy:
        // transposed, each step of k is on a cache line of its own; and rows a multiple of 4 kB
        // apart share one set of L1, where a tile has more rows than that has lines.
        let transposed = p.a_row_step == 1;
        let rows_collide = p.mr > ways && p.a_row_step.is_multiple_of(1024);
        let pack_a = (transposed || rows_collide) && p.n > 8 * p.nr && p.m >= p.mr;
        let macs = p.m.saturating_mul(p.n).saturating_mul(p.k);
        let few = p.mr * if fetch_far && macs <= FEW_FAR_MACS { FEW_FAR } else { FEW };
        let is_wide = p.n >= WIDE && p.nr < 32;
        let in_place = match p.b_row_step {
            // Half of L2 holds all columns of a block of k, on few pages.
            Some(step) => p.n <= half / p.k.clamp(1, KC) && step < 1024 || p.m <= few && !is_wide,
            None => false,
        };
        let packs_b = p.packed_kc.is_none() && !in_place;
        let kc_at_most = match p.packed_kc {
            Some(kc) => kc,
            // Rows that are handed over are long if they can be.
            None if p.is_consumed => p.k.next_multiple_of(4),
            None if in_place && fetch_far && p.n > half / KC => FAR_KC,
            // Half of L2 still holds all columns; and a second block of a packed A is a second time that B
            // is packed.
            None if in_place && p.n > half / long_kc(caches) || pack_a => KC,
            None => long_kc(caches),
        };
        let kc = even_share(p.k, kc_at_most, 4);
        // (A first strip reads A in place.)
        let turns_b = packs_b && !pack_a && p.turns_b(caches);
        // For few rows packing is most of the work, and what was packed is read from L1, unless the first
        // strip does it.
        let few_rows = p.m <= FEW * p.mr && packs_b && !turns_b && !p.is_consumed;
        let (kc, nc) = match p.m {
            // A is near: half of L2 has all of it.
            m if turns_b && m <= half / kc => (kc, (half / kc).min((TURNED_B / kc).clamp(128, NC))),
            _ if !few_rows => (kc, (half / kc).min(NC)),
            0..=2 => (even_share(p.k, 64, 4), PIECE / 64),
            _ => (even_share(p.k, (PIECE / p.nr).min(KC), 4), p.nr),
        };
        let nc = even_share(p.n, nc, p.nr);
        let mc = if pack_a { even_share(p.m, PACKED_A / kc.max(KC), p.mr) } else { p.m.max(1) };
        let fetch = Fetch::new(caches, p, p.b_row_step.filter(|_| !packs_b), kc);
        let has_tall_strips = pack_a || is_tall(even_strips(p.m, p.mr).0, p.mr);
        let is_fetched = p.b_row_step.is_some_and(|step| fetch.reaches(step));
        let pack_b = match packs_b {
            false => PackB::Never,
            true if turns_b => PackB::Turning,
            true if is_fetched && p.m > FEW * p.mr && has_tall_strips => PackB::Copying,
            true => PackB::Before,
        };
        Self { mc, kc, nc, pack_a, pack_b, fetch }
    }

    /// Columns of a block of k that so many threads can pack together. None if they are so few that a packed
    /// A, which is packed again for each of these blocks, would be most of the work.
    pub fn shared_columns(&self, threads: usize, n: usize, nr: usize) -> Option<usize> {
        let most = SHARED.saturating_mul(threads) / self.kc;
        let columns = even_share(n, most, nr);
        let fewest = if self.pack_a { FEWEST_SHARED.min(n) } else { nr };
        (fewest..=most).contains(&columns).then_some(columns)
    }

    pub fn packs_b(&self) -> bool {
        self.pack_b != PackB::Never
    }

    /// Elements of scratch that the packed blocks take.
    pub fn scratch(&self) -> usize {
        self.scratch_a() + self.scratch_b()
    }

    pub fn scratch_a(&self) -> usize {
        if self.pack_a { self.mc * self.kc } else { 0 }
    }

    pub fn scratch_b(&self) -> usize {
        if self.packs_b() { self.nc * self.kc } else { 0 }
    }
}

/// Steps of k in the blocks of a B packed beforehand, which are those of a large product.
pub(super) fn block_of_k(caches: Caches, k: usize) -> usize {
    even_share(k, long_kc(caches), 4)
}

fn long_kc(caches: Caches) -> usize {
    if caches.l2 / 2 >= LONG_KC * 256 * size_of::<f32>() { LONG_KC } else { KC }
}

/// The size of the equal blocks, multiples of `unit`, into which `size` is cut so that none
/// exceeds `most` (or one unit, if that is more): no sliver is left at the end.
fn even_share(size: usize, most: usize, unit: usize) -> usize {
    let most = (most / unit * unit).max(unit);
    let blocks = size.div_ceil(most).max(1);
    size.div_ceil(blocks).div_ceil(unit).max(1) * unit
}

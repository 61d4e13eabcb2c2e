//! The register tiles of each level, with the arithmetic behind them.
//!
//! A tile of `MR` rows and `NV` vectors keeps `MR * NV` accumulators in registers, and needs the
//! fewer of `MR` and `NV` registers more for one operand of a step of k and one for the other. At
//! least latency x throughput = 4 x 2 = 8 accumulators keep the multipliers busy, so a tile of few
//! rows has many vectors, and one of a single vector many rows. (One row on AVX-512 has no more than eight:
//! more, each fetched ahead, gained nothing, whether B was near or far.)
//!
//! | level | registers | rows: vectors | most registers | loads per FMA of the full tile |
//! |---|---|---|---|---|
//! | AVX2 | 16 | 1: 12, 2: 6, 3: 4, 4-6: 2, 7-12: 1 | 12 + 3 + 1 = 16 | 8 / 12 |
//! | AVX-512 | 32 | 1: 8, 2: 12, 3: 8, 4: 6, 5-6: 4, 7-12: 2, 13-16: 1 | 24 + 4 + 1 = 29 | 14 / 24 |
//!
//! Every number of rows is instantiated exactly. What is left of a row of C after its widest tiles
//! is covered by narrower ones; a last vector that is not full is a variant of its own (`TAIL`),
//! so that full tiles carry no masks.

use super::micro_kernel::{ALONE, COPY_B, FETCH_A, Kernel, PANEL_VECTORS, run};
use crate::simd::{Level, Simd};

/// A level that multiplies matrices with its own register tiles.
pub(super) trait TileShape: Simd {
    /// Rows of the tallest tile.
    const MR: usize;
    /// Rows of the tallest tile of one vector, for a C that is no wider.
    const NARROW: usize;
    /// Columns of a packed panel of B: the width of the tallest tile.
    const NR: usize = PANEL_VECTORS * Self::LANES;

    /// For each number of rows, and for each number of vectors that are left of a row of C, the
    /// tile to go on with; the last serves all greater numbers.
    const TILES: [&'static [Compiled<Self>]; MOST_ROWS];

    /// The tile of `rows <= MR` rows to begin with where `vectors` are left, more than none.
    #[inline(always)]
    fn tile(rows: usize, vectors: usize) -> &'static Compiled<Self> {
        let tiles = Self::TILES[rows - 1];
        &tiles[vectors.min(tiles.len()) - 1]
    }

    /// Whether a single row of so many columns, more than none, is one tile.
    #[inline(always)]
    fn is_one_tile(rows: usize, cols: usize) -> bool {
        let vectors = cols.div_ceil(Self::LANES);
        rows == 1 && Self::tile(1, vectors).vectors == vectors
    }
}

/// The rows of the tallest tile of all levels: an address reaches no more (see [`super::row_steps`]).
pub(super) const MOST_ROWS: usize = 16;

/// The rows of the strips, of at most `mr`, into which `m` rows are cut, and the row from which on they
/// have one less: 8 = 4 + 4, not 6 + 2.
#[inline(always)]
pub(super) fn even_strips(m: usize, mr: usize) -> (usize, usize) {
    if m <= mr {
        return (m, m);
    }
    let strips = m.div_ceil(mr);
    let tallest = m.div_ceil(strips);
    (tallest, (m - (tallest - 1) * strips) * tallest)
}

/// The same in tiles of the level, for a C of so many columns.
#[inline(always)]
pub(super) fn strips<S: TileShape>(m: usize, cols: usize) -> (usize, usize) {
    let most = if m > S::MR && cols <= S::LANES { S::NARROW } else { S::MR };
    even_strips(m, most)
}

/// Whether a tile is one of those that many rows are computed in, which have about as many each, at most
/// `most`. Only these are compiled to do something besides.
#[inline(always)]
pub(super) const fn is_tall(rows: usize, most: usize) -> bool {
    rows <= most && rows + 1 >= most
}

/// The micro-kernels of one tile.
pub(super) struct Compiled<S> {
    /// Vectors in a row of the tile: an even number, unless they are the last of a row of C.
    pub vectors: usize,
    /// By what they do besides, if the tile is tall; each for tiles of whole vectors, and for those whose
    /// last vector is partial.
    pub kernels: [[Kernel<S>; 2]; 3],
}

impl<S: TileShape> Compiled<S> {
    const fn new<const MR: usize, const NV: usize>() -> Self {
        let alone: [Kernel<S>; 2] = [run::<S, MR, NV, false, ALONE>, run::<S, MR, NV, true, ALONE>];
        let mut kernels = [alone; 3];
        if is_tall(MR, S::MR) || is_tall(MR, S::NARROW) {
            kernels[FETCH_A] = [run::<S, MR, NV, false, FETCH_A>, run::<S, MR, NV, true, FETCH_A>];
        }
        if is_tall(MR, S::MR) {
            kernels[COPY_B] = [run::<S, MR, NV, false, COPY_B>, run::<S, MR, NV, true, COPY_B>];
        }
        Compiled { vectors: NV, kernels }
    }
}

/// `rows: vectors of the tile where 1, 2, 3, ... are left`.
macro_rules! tiles {
    ($level:ty, $($mr:literal: $($nv:literal)*;)*) => {{
        let mut tiles: [&'static [Compiled<$level>]; MOST_ROWS] = [&[]; MOST_ROWS];
        $(tiles[$mr - 1] = &const { [$(Compiled::new::<$mr, $nv>()),*] };)*
        tiles
    }};
}

#[cfg(target_arch = "x86_64")]
impl TileShape for crate::simd::Avx2 {
    const MR: usize = 6;
    const NARROW: usize = 12;
    const TILES: [&'static [Compiled<Self>]; MOST_ROWS] = tiles!(Self,
        1: 1 2 2 4 4 4 4 8 8 8 8 12;
        2: 1 2 2 4 4 6;
        3: 1 2 2 4;
        4: 1 2;
        5: 1 2;
        6: 1 2;
        7: 1;
        8: 1;
        9: 1;
        10: 1;
        11: 1;
        12: 1;
    );
}

#[cfg(target_arch = "x86_64")]
impl TileShape for crate::simd::Avx512 {
    const MR: usize = 12;
    const NARROW: usize = 16;
    const TILES: [&'static [Compiled<Self>]; MOST_ROWS] = tiles!(Self,
        1: 1 2 2 4 4 4 4 8;
        2: 1 2 2 4 4 4 4 8 8 8 8 12;
        3: 1 2 2 4 4 4 4 8;
        4: 1 2 2 4 4 6;
        5: 1 2 2 4;
        6: 1 2 2 4;
        7: 1 2;
        8: 1 2;
        9: 1 2;
        10: 1 2;
        11: 1 2;
        12: 1 2;
        13: 1;
        14: 1;
        15: 1;
        16: 1;
    );
}

/// The rows of the tallest tile of a level, which has none at `Portable`.
#[inline(always)]
pub(super) fn tallest(level: Level) -> usize {
    match level {
        Level::Portable => 0,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(_) => crate::simd::Avx2::MR,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(_) => crate::simd::Avx512::MR,
    }
}

/// Runs `$body` compiled for the level, with its token as `$s`.
macro_rules! at_level {
    ($level:expr, $portable:expr, $s:ident => $body:expr) => {
        match $level {
            Level::Portable => $portable,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2($s) => $s.vectorize(
                #[inline(always)]
                || $body,
            ),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512($s) => $s.vectorize(
                #[inline(always)]
                || $body,
            ),
        }
    };
}
pub(super) use at_level;

/// For tests: shapes in which little is a power of two.
#[cfg(test)]
impl TileShape for crate::simd::Portable<3> {
    const MR: usize = 5;
    const NARROW: usize = 7;
    const TILES: [&'static [Compiled<Self>]; MOST_ROWS] = tiles!(Self,
        1: 1 2 2 4 4 6;
        2: 1 2 2 4;
        3: 1 2;
        4: 1 2;
        5: 1 2;
        6: 1;
        7: 1;
    );
}

//! The register tiles of each level, with the arithmetic behind them.
//!
//! A tile of `MR` rows and `NV` vectors keeps `MR * NV` accumulators in registers, and needs the
//! fewer of `MR` and `NV` registers more for one operand of a step of k and one for the other. At
//! least latency x throughput = 4 x 2 = 8 accumulators keep the multipliers busy, so a tile of few
//! rows has many vectors.
//!
//! | level | registers | rows: vectors | most registers | loads per FMA of the full tile |
//! |---|---|---|---|---|
//! | AVX2 | 16 | 1: 12, 2: 6, 3: 4, 4-6: 2 | 12 + 3 + 1 = 16 | 8 / 12 |
//! | AVX-512 | 32 | 1: 24, 2: 12, 3: 8, 4-5: 6, 6: 4, 7-12: 2 | 24 + 4 + 1 = 29 | 14 / 24 |
//!
//! Every number of rows is instantiated exactly. What is left of a row of C after its widest tiles
//! is covered by narrower ones; a last vector that is not full is a variant of its own (`TAIL`),
//! so that full tiles carry no masks.

use super::micro_kernel::{Kernel, PANEL_VECTORS, run};
use crate::simd::Simd;

/// A level that multiplies matrices with its own register tiles.
pub(super) trait TileShape: Simd {
    /// Rows of the tallest tile.
    const MR: usize;
    /// Columns of a packed panel of B: the width of the tallest tile.
    const NR: usize = PANEL_VECTORS * Self::LANES;

    /// The micro-kernel for `rows <= MR` rows that covers the most of `vectors` vectors, and how
    /// many it covers. The last of its vectors is partial if it covers them all and `tail` is set.
    fn kernel(rows: usize, vectors: usize, tail: bool) -> (Kernel<Self>, usize);
}

/// `rows: vectors` of the tiles, the vectors even and falling; one vector is always there. The
/// last line serves its number of rows.
macro_rules! kernels {
    ($rows:expr, $vectors:expr, $tail:expr, $($mr:literal: $($nv:literal)*;)* else $last:literal: $($nv_last:literal)*) => {
        match $rows {
            $($mr => kernels!(@row $mr, $vectors, $tail, $($nv)*),)*
            _ => kernels!(@row $last, $vectors, $tail, $($nv_last)*),
        }
    };
    (@row $mr:literal, $vectors:expr, $tail:expr, $($nv:literal)*) => {
        match ($vectors, $tail) {
            $(
                ($nv, true) => (run::<Self, $mr, $nv, true>, $nv),
                ($nv.., _) => (run::<Self, $mr, $nv, false>, $nv),
            )*
            (_, true) => (run::<Self, $mr, 1, true>, 1),
            (_, false) => (run::<Self, $mr, 1, false>, 1),
        }
    };
}

#[cfg(target_arch = "x86_64")]
impl TileShape for crate::simd::Avx2 {
    const MR: usize = 6;
    #[inline(always)]
    fn kernel(rows: usize, vectors: usize, tail: bool) -> (Kernel<Self>, usize) {
        kernels!(rows, vectors, tail,
            1: 12 8 4 2;
            2: 6 4 2;
            3: 4 2;
            4: 2;
            5: 2;
            else 6: 2
        )
    }
}

#[cfg(target_arch = "x86_64")]
impl TileShape for crate::simd::Avx512 {
    const MR: usize = 12;
    #[inline(always)]
    fn kernel(rows: usize, vectors: usize, tail: bool) -> (Kernel<Self>, usize) {
        kernels!(rows, vectors, tail,
            1: 24 12 8 4 2;
            2: 12 8 4 2;
            3: 8 4 2;
            4: 6 4 2;
            5: 4 2;
            6: 4 2;
            7: 2;
            8: 2;
            9: 2;
            10: 2;
            11: 2;
            else 12: 2
        )
    }
}

/// For tests: shapes in which little is a power of two.
#[cfg(test)]
impl TileShape for crate::simd::Portable<3> {
    const MR: usize = 5;
    #[inline(always)]
    fn kernel(rows: usize, vectors: usize, tail: bool) -> (Kernel<Self>, usize) {
        kernels!(rows, vectors, tail,
            1: 6 4 2;
            2: 4 2;
            3: 2;
            4: 2;
            else 5: 2
        )
    }
}

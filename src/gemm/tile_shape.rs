//! The register tile of each level, with the arithmetic behind it.
//!
//! A tile of `MR` rows and `NV` vectors keeps `MR * NV` accumulators in registers, and needs `NV`
//! more for a row of B and one for the broadcast element of A. At least
//! latency x throughput = 4 x 2 = 8 accumulators keep the multipliers busy.
//!
//! | level | registers | MR | NV | NR | accumulators + B + A | loads per FMA |
//! |---|---|---|---|---|---|---|
//! | AVX2 | 16 | 6 | 2 | 16 | 12 + 2 + 1 = 15 | 8 / 12 |
//! | AVX-512 | 32 | 12 | 2 | 32 | 24 + 2 + 1 = 27 | 14 / 24 |
//!
//! Fewer rows than MR, or fewer vectors than NV, are instantiated exactly; a last vector that
//! is not full is a variant of its own (`TAIL`), so that full tiles carry no masks.

use super::micro_kernel::{Kernel, run};
use crate::simd::Simd;

/// A level that multiplies matrices with its own register tile.
pub(super) trait TileShape: Simd {
    /// Rows of a full tile.
    const MR: usize;
    /// Vectors in a row of a full tile.
    const NV: usize;
    /// Columns of a full tile.
    const NR: usize = Self::NV * Self::LANES;

    /// The micro-kernel for `rows <= MR` rows and `vectors <= NV` vectors, the last of which is
    /// partial if `tail`.
    fn kernel(rows: usize, vectors: usize, tail: bool) -> Kernel<Self>;
}

/// A `match` over every number of rows, with two vectors or one, full or partial.
macro_rules! kernels {
    ($level:ty, $rows:expr, $vectors:expr, $tail:expr, [$($mr:literal)*], $last:literal) => {
        match ($rows, $vectors, $tail) {
            $(
                ($mr, 2, false) => run::<$level, $mr, 2, false>,
                ($mr, 2, true) => run::<$level, $mr, 2, true>,
                ($mr, 1, false) => run::<$level, $mr, 1, false>,
                ($mr, 1, true) => run::<$level, $mr, 1, true>,
            )*
            (_, 2, false) => run::<$level, $last, 2, false>,
            (_, 2, true) => run::<$level, $last, 2, true>,
            (_, _, false) => run::<$level, $last, 1, false>,
            (_, _, true) => run::<$level, $last, 1, true>,
        }
    };
}

#[cfg(target_arch = "x86_64")]
impl TileShape for crate::simd::Avx2 {
    const MR: usize = 6;
    const NV: usize = 2;
    fn kernel(rows: usize, vectors: usize, tail: bool) -> Kernel<Self> {
        kernels!(Self, rows, vectors, tail, [1 2 3 4 5], 6)
    }
}

#[cfg(target_arch = "x86_64")]
impl TileShape for crate::simd::Avx512 {
    const MR: usize = 12;
    const NV: usize = 2;
    fn kernel(rows: usize, vectors: usize, tail: bool) -> Kernel<Self> {
        kernels!(Self, rows, vectors, tail, [1 2 3 4 5 6 7 8 9 10 11], 12)
    }
}

/// For tests: shapes in which nothing is a power of two.
#[cfg(test)]
impl TileShape for crate::simd::Portable<3> {
    const MR: usize = 5;
    const NV: usize = 2;
    fn kernel(rows: usize, vectors: usize, tail: bool) -> Kernel<Self> {
        kernels!(Self, rows, vectors, tail, [1 2 3 4], 5)
    }
}

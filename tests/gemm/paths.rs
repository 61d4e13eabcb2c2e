//! Every path that a product may take, on both sides of each limit between them: in place, few
//! rows streamed, few rows packed, B packed, A packed in one block and in several.

use super::Case;
use super::common::{Check, Random, fma_levels, in_pool, levels, serial};
use densecore::gemm::Accum;
use densecore::simd::Caches;
use densecore::{Cpu, Scratch};

/// `(m, n, k)` at which a path begins or ends.
const LIMITS: [(usize, usize, usize); 124] = [
    // A transposed B is copied up to m n k = 128, and up to 512 elements for more rows than a tile has or in fewer
    // than four steps; element by element up to 48.
    (13, 8, 6),
    (13, 7, 7),
    (7, 32, 16),
    (13, 32, 16),
    (13, 27, 19),
    (40, 64, 8),
    (40, 57, 9),
    (5, 256, 2),
    (5, 171, 3),
    (100, 13, 4),
    (1, 128, 1),
    (1, 129, 1),
    (1, 1, 128),
    (1, 1, 129),
    (128, 1, 1),
    (129, 1, 1),
    (6, 7, 3),
    (7, 6, 3),
    (12, 5, 2),
    (13, 3, 3),
    // A transposed B is turned in registers: for 6 and for 12 rows, from 4 steps of k on, in tiles of 8 or 16
    // columns; without a plan up to 8 Ki multiply-adds with any number of rows, up to 64 Ki with these.
    (1, 16, 9),
    (1, 17, 3000),
    (3, 33, 700),
    (4, 23, 701),
    (6, 700, 3),
    (6, 700, 4),
    (6, 701, 5),
    (7, 701, 6),
    (12, 700, 3),
    (12, 700, 4),
    (12, 703, 31),
    (13, 703, 31),
    (16, 16, 32),
    (17, 16, 32),
    (13, 21, 30),
    (5, 100, 131),
    (5, 100, 132),
    (64, 10, 128),
    (70, 6, 131),
    (301, 5, 30),
    // Read in place as one block, or a few tiles: n, k <= 256, k n <= 10 Ki, m k <= 32 Ki, m n k <= 1 Mi.
    (5, 256, 40),
    (5, 257, 40),
    (5, 40, 256),
    (5, 40, 257),
    (4, 128, 80),
    (4, 128, 81),
    (819, 5, 40),
    (820, 5, 40),
    (4097, 3, 2),
    (128, 64, 128),
    (129, 64, 128),
    // A transposed B is turned by the first strip: more rows than a tile has, more than half of L1 (4 Ki or 6 Ki
    // elements), 16 steps with more than three tiles of rows; one strip in the last part; two blocks of k; half of
    // L2 holds A (128 or 256 rows).
    (13, 256, 16),
    (13, 257, 16),
    (13, 384, 16),
    (13, 385, 16),
    (19, 300, 15),
    (19, 300, 16),
    (37, 500, 15),
    (37, 500, 16),
    (25, 300, 1024),
    (30, 67, 1100),
    (128, 200, 512),
    (129, 200, 512),
    (256, 70, 1024),
    (257, 70, 1024),
    // One vector wide: strips of up to 12 rows of 8 columns, and 16 of 16.
    (25, 8, 300),
    (25, 9, 300),
    (33, 16, 300),
    (33, 17, 300),
    // Streamed: m <= 1, m <= 3 with a B that half of L2 does not hold, or 4 with one of more elements than
    // L2 has bytes.
    (1, 300, 301),
    (2, 512, 128),
    (2, 513, 128),
    (3, 512, 128),
    (3, 513, 128),
    (3, 1024, 256),
    (3, 1025, 256),
    (4, 1024, 512),
    (4, 1025, 512),
    (4, 270, 131),
    // Few rows: 3 tiles, or 8 where far rows are fetched, of 6 and of 12; on AVX2 n < 2048.
    (5, 2047, 9),
    (5, 2048, 9),
    (18, 300, 70),
    (19, 300, 70),
    (36, 300, 70),
    (37, 300, 70),
    (48, 1100, 20),
    (49, 1100, 20),
    (96, 1100, 20),
    (97, 1100, 20),
    // All columns of B are one block that half of L2 holds, read in place.
    (60, 128, 512),
    (60, 129, 512),
    (97, 513, 512),
    // A block of k is 512 or 1024 steps.
    (40, 130, 1025),
    // A transposed and packed: from n = 129 on AVX2, from n = 257 on AVX-512; in several blocks from
    // m = 511 and m = 505 on.
    (30, 128, 300),
    (30, 129, 300),
    (520, 129, 513),
    (520, 256, 300),
    (520, 257, 513),
    (1030, 129, 260),
    // B packed by the tiles that read it: rows less than 512 apart where L1 is small, strips of eleven.
    (60, 511, 600),
    (60, 512, 600),
    (44, 130, 600),
    (200, 600, 1025),
    // Computed as the transposition: few columns, or few rows with B transposed; up to 64 Ki elements.
    (520, 3, 70),
    (300, 5, 300),
    (300, 10, 300),
    (300, 16, 300),
    (24, 200, 90),
    (32, 130, 300),
    (33, 130, 300),
    (8192, 8, 40),
    (8193, 8, 40),
    // Summed along k: one and two columns, from 16 steps on; the chains of 1,024 elements together, and 4,096
    // elements before the epilogue.
    (40, 2, 15),
    (40, 2, 16),
    (40, 1, 15),
    (40, 1, 16),
    (4, 2, 18),
    (40, 3, 32),
    (1, 1, 32),
    (1024, 1, 33),
    (1025, 1, 33),
    (513, 2, 150),
    (4097, 1, 40),
    (2049, 2, 40),
];

/// The same on every machine, so that the limits are: rows far apart are fetched with the second.
const CACHES: [Caches; 2] = [
    Caches { l1: 32 << 10, l2: 512 << 10, l3: 8 << 20 },
    Caches { l1: 48 << 10, l2: 2 << 20, l3: 8 << 20 },
];

/// The same data on each of `cpus`: what takes long is the exact product.
fn check_exact(check: &mut Check, case: Case, cpus: &[Cpu], random: &mut Random) {
    let (m, n, k) = case.shape();
    let (a, b, c) = (random.integers(m * k), random.integers(k * n), random.integers(m * n));
    let expected = case.exact(&a, &b, &c);
    for &cpu in cpus {
        let found = case.run(cpu, &mut Scratch::new(), &a, &b, &c);
        check.equal(&found, &expected, &(cpu, case));
    }
}

#[test]
fn both_sides_of_every_limit_are_exact() {
    let mut check = Check::new("both_sides_of_every_limit_are_exact");
    let mut random = Random::new(41);
    let cpus: Vec<_> = levels()
        .into_iter()
        .flat_map(|level| CACHES.map(|caches| serial(level).with_caches(caches)))
        .collect();
    for shape in LIMITS {
        for stored in 0..4 {
            for accum in [Accum::Replace, Accum::Add] {
                let case = Case::new(shape).stored(stored).with(accum);
                check_exact(&mut check, case, &cpus, &mut random);
            }
        }
    }
    assert!(check.compared() > 1_000_000);
}

#[test]
fn what_the_first_strip_turns_is_exact_in_every_remainder() {
    let mut check = Check::new("what_the_first_strip_turns_is_exact_in_every_remainder");
    let mut random = Random::new(43);
    let cpus: Vec<_> = fma_levels()
        .into_iter()
        .flat_map(|level| CACHES.map(|caches| serial(level).with_caches(caches)))
        .collect();
    // Every height of the first strip, in a C too large for its transposition; every number of columns in
    // the last panel; every number of steps in the last block.
    let heights = (7..=36).map(|m| (m, 5111, 5));
    let columns = (400..=432).map(|n| (170, n, 17));
    let steps = (16..=31).map(|k| (40, 2001, k));
    for shape in heights.chain(columns).chain(steps) {
        let accum = random.pick(&[Accum::Replace, Accum::Add]);
        check_exact(&mut check, Case::new(shape).stored(1).with(accum), &cpus, &mut random);
    }
    assert!(check.compared() > 1_000_000 || cpus.is_empty());
}

#[test]
fn threads_take_the_same_paths() {
    let mut check = Check::new("threads_take_the_same_paths");
    let mut random = Random::new(42);
    // Enough work for several threads in each path; some layouts of (4000, 5, 300) and (32, 2000, 300)
    // are computed as their transposition; (5, 3001, 701) are dot products.
    let shapes = [
        (128, 80, 100),
        (1, 3000, 1100),
        (3, 2000, 700),
        (16, 900, 300),
        (600, 130, 80),
        (70, 10, 5000),
        (1100, 130, 40),
        (1100, 260, 40),
        (4000, 5, 300),
        (32, 2000, 300),
        (5, 3001, 701),
        (130, 300, 257),
    ];
    // In the last one B is packed by the tiles that read it, where L2 is small.
    let small = Caches { l1: 48 << 10, l2: 256 << 10, l3: 4 << 20 };
    let cpus: Vec<_> = fma_levels()
        .into_iter()
        .map(|level| Cpu::detect().with_level(level))
        .flat_map(|cpu| [cpu, cpu.with_caches(small)])
        .collect();
    for threads in [2, 3, 5] {
        for (shape, stored) in shapes.into_iter().flat_map(|s| (0..4).map(move |i| (s, i))) {
            let accum = random.pick(&[Accum::Replace, Accum::Add]);
            let case = Case::new(shape).stored(stored).with(accum);
            in_pool(threads, || check_exact(&mut check, case, &cpus, &mut random));
        }
    }
    assert!(check.compared() > 1_000_000);
}

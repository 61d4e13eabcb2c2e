//! Every path that a product may take, on both sides of each limit between them: in place, few
//! rows streamed, few rows packed, B packed, A packed in one block and in several.

use super::Case;
use super::common::{Check, Random, fma_levels, in_pool, levels, serial};
use densecore::gemm::Accum;
use densecore::simd::Caches;
use densecore::{Cpu, Scratch};

/// `(m, n, k)` at which a path begins or ends.
const LIMITS: [(usize, usize, usize); 37] = [
    // A transposed B of few elements is copied, up to m n k = 128, and read as a tile where C is one.
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
    // Read in place as one block: n, k <= 256, k n <= 10 Ki, m k <= 32 Ki, m n k <= 1 Mi.
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
    // Streamed: m <= 3, or 4 with a B of more elements than L2 has bytes.
    (1, 300, 301),
    (2, 1000, 45),
    (3, 270, 131),
    (4, 1024, 512),
    (4, 1025, 512),
    (4, 270, 131),
    // Few rows: m <= 18, n < 2048.
    (5, 2047, 9),
    (5, 2048, 9),
    (18, 300, 70),
    (19, 300, 70),
    // A transposed and packed: from n = 64 on AVX2, from n = 128 on AVX-512; in several blocks from
    // m = 511 and m = 505 on.
    (30, 63, 300),
    (30, 64, 300),
    (520, 70, 513),
    (520, 127, 300),
    (520, 128, 513),
    (1030, 65, 260),
];

/// The same on every machine, so that the limits are.
const L2: usize = 512 << 10;

fn check_exact(check: &mut Check, case: Case, cpu: Cpu, random: &mut Random) {
    let (m, n, k) = case.shape();
    let (a, b, c) = (random.integers(m * k), random.integers(k * n), random.integers(m * n));
    let found = case.run(cpu, &mut Scratch::new(), &a, &b, &c);
    check.equal(&found, &case.exact(&a, &b, &c), &(cpu, case));
}

#[test]
fn both_sides_of_every_limit_are_exact() {
    let mut check = Check::new("both_sides_of_every_limit_are_exact");
    let mut random = Random::new(41);
    for level in levels() {
        let cpu = serial(level);
        let cpu = cpu.with_caches(Caches { l2: L2, ..cpu.caches() });
        for shape in LIMITS {
            for stored in 0..4 {
                let accum = random.pick(&[Accum::Replace, Accum::Add]);
                let case = Case::new(shape).stored(stored).with(accum);
                check_exact(&mut check, case, cpu, &mut random);
            }
        }
    }
    assert!(check.compared() > 1_000_000);
}

#[test]
fn threads_take_the_same_paths() {
    let mut check = Check::new("threads_take_the_same_paths");
    let mut random = Random::new(42);
    // Enough work for several threads in each path; in the last, half of the rows are still two
    // blocks of a packed A.
    let shapes = [
        (128, 80, 100),
        (1, 3000, 1100),
        (3, 2000, 700),
        (16, 900, 300),
        (600, 130, 80),
        (70, 10, 5000),
        (1100, 130, 40),
    ];
    for threads in [2, 3, 5] {
        for (shape, stored) in shapes.into_iter().flat_map(|s| (0..4).map(move |i| (s, i))) {
            for level in fma_levels() {
                let cpu = Cpu::detect().with_level(level);
                let case = Case::new(shape).stored(stored);
                in_pool(threads, || check_exact(&mut check, case, cpu, &mut random));
            }
        }
    }
    assert!(check.compared() > 1_000_000);
}

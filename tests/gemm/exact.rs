//! Products of integers, without tolerance: every remainder of every tile, sizes around every
//! block, and sizes of zero and one.

use super::common::{Check, Random, levels, reference, serial};
use super::{Case, SMALL, TINY, corner};
use densecore::Scratch;
use densecore::gemm::Accum;

const BOTH: [Accum; 2] = [Accum::Replace, Accum::Add];

/// Three tiles of the largest shape, 12 x 32, which is more of every other.
const M: usize = 36;
const N: usize = 96;
const K: usize = 40;

/// One pair of matrices, its products for every k, and their corners, which are the products of
/// smaller shapes.
struct Corners {
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
    products: Vec<Vec<f32>>,
}

impl Corners {
    fn new() -> Self {
        let mut random = Random::new(2);
        let (a, b, c) = (random.integers(M * K), random.integers(K * N), random.integers(M * N));
        let product = |k| reference::exact((M, N, k), &corner(&a, K, M, k), &b[..k * N], None);
        let products = (0..=K).map(product).collect();
        Self { a, b, c, products }
    }

    /// Runs the case on the corners of its shape and compares with the corner of the product.
    fn check(&self, check: &mut Check, case: Case, cpu: densecore::Cpu, scratch: &mut Scratch) {
        let (m, n, k) = case.shape();
        let (a, b) = (corner(&self.a, K, m, k), corner(&self.b, N, k, n));
        let c = corner(&self.c, N, m, n);
        let mut expected = corner(&self.products[k], N, m, n);
        if case.accum == Accum::Add {
            expected.iter_mut().zip(&c).for_each(|(x, c)| *x += c);
        }
        let found = case.run(cpu, scratch, &a, &b, &c);
        check.equal(&found, &expected, &(cpu.level(), case));
        // A shape without elements is checked by not failing.
        check.count(usize::from(found.is_empty()));
    }
}

#[test]
fn every_remainder_of_rows_and_columns() {
    let mut check = Check::new("every_remainder_of_rows_and_columns");
    let (corners, mut random, mut scratch) = (Corners::new(), Random::new(3), Scratch::new());
    for level in levels() {
        for (m, n) in (0..=M).flat_map(|m| (0..=N).map(move |n| (m, n))) {
            for stored in 0..4 {
                for accum in BOTH {
                    let k = random.below(K + 1);
                    let case = Case::new((m, n, k)).stored(stored).with(accum);
                    corners.check(&mut check, case, serial(level), &mut scratch);
                }
            }
        }
    }
    assert!(check.compared() > 10_000_000);
}

#[test]
fn every_k_at_the_edges_of_the_tiles() {
    let mut check = Check::new("every_k_at_the_edges_of_the_tiles");
    let (corners, mut scratch) = (Corners::new(), Scratch::new());
    for level in levels() {
        for m in [1, 2, 5, 6, 7, 11, 12, 13] {
            for n in [1, 7, 8, 9, 15, 16, 17, 31, 32, 33] {
                for k in 0..=K {
                    let stored = (m + n + k) % 4;
                    for accum in BOTH {
                        let case = Case::new((m, n, k)).stored(stored).with(accum);
                        corners.check(&mut check, case, serial(level), &mut scratch);
                    }
                }
            }
        }
    }
}

#[test]
fn every_remainder_between_narrow_blocks_of_n() {
    // A transposed B takes the five loops, but for the tiniest products.
    let mut check = Check::new("every_remainder_between_narrow_blocks_of_n");
    let (corners, mut random, mut scratch) = (Corners::new(), Random::new(4), Scratch::new());
    for level in levels() {
        for (m, n) in (0..=M).flat_map(|m| (0..=N).map(move |n| (m, n))) {
            let case = Case::new((m, n, random.below(K + 1))).stored(1 + (m + n) % 2 * 2);
            let accum = random.pick(&BOTH);
            let caches = random.pick(&[TINY, SMALL]);
            let cpu = serial(level).with_caches(caches);
            corners.check(&mut check, case.with(accum), cpu, &mut scratch);
        }
    }
}

/// Random integers for the case, run and compared.
fn check_exact(check: &mut Check, case: Case, cpu: densecore::Cpu, random: &mut Random) {
    let (m, n, k) = case.shape();
    let (a, b, c) = (random.integers(m * k), random.integers(k * n), random.integers(m * n));
    let found = case.run(cpu, &mut Scratch::new(), &a, &b, &c);
    check.equal(&found, &case.exact(&a, &b, &c), &(cpu, case));
}

#[test]
fn sizes_around_the_block_of_k() {
    // kc is 64, 256 or 512 at most, and blocks of k are equal multiples of 4.
    let mut check = Check::new("sizes_around_the_block_of_k");
    let mut random = Random::new(5);
    for level in levels() {
        for k in [63, 64, 65, 255, 256, 257, 260, 511, 512, 513, 516, 1023, 1024, 1025] {
            for (m, n) in [(1, 1), (7, 17), (13, 33), (25, 70), (50, 40)] {
                for (stored, accum) in [(0, BOTH[0]), (1, BOTH[1]), (2, BOTH[0]), (3, BOTH[1])] {
                    let case = Case::new((m, n, k)).stored(stored).with(accum);
                    check_exact(&mut check, case, serial(level), &mut random);
                    let cpu = serial(level).with_caches(TINY);
                    check_exact(&mut check, case, cpu, &mut random);
                }
            }
        }
    }
}

#[test]
fn sizes_around_the_blocks_of_n() {
    // With the small caches nc is 64 at most.
    let mut check = Check::new("sizes_around_the_blocks_of_n");
    let mut random = Random::new(6);
    for level in levels() {
        let cpu = serial(level).with_caches(SMALL);
        for m in [11, 12, 13, 23, 24, 25, 48, 49, 61] {
            for n in [63, 64, 65, 96, 97, 127, 128, 129, 200] {
                let case = Case::new((m, n, random.pick(&[3, 37, 259]))).stored((m + n) % 4);
                for accum in BOTH {
                    check_exact(&mut check, case.with(accum), cpu, &mut random);
                }
            }
        }
    }
}

#[test]
fn rows_that_collide_in_the_cache() {
    // Rows of A a multiple of 1024 elements apart are packed on AVX-512, from m = 12 and n = 128 on.
    let mut check = Check::new("rows_that_collide_in_the_cache");
    let mut random = Random::new(7);
    for level in levels() {
        for (k, stride) in [(1, 1024), (9, 2048), (300, 1024), (1023, 1024), (1024, 1024)] {
            for m in [1, 6, 11, 12, 13, 25, 50] {
                for n in [64, 127, 128, 130] {
                    let mut case = Case::new((m, n, k)).stored(n % 2).with(BOTH[m % 2]);
                    case.a.gap = stride - k;
                    let caches = random.pick(&[TINY, SMALL, serial(level).caches()]);
                    check_exact(&mut check, case, serial(level).with_caches(caches), &mut random);
                }
            }
        }
    }
}

#[test]
fn sizes_of_zero_and_one() {
    let mut check = Check::new("sizes_of_zero_and_one");
    let mut random = Random::new(8);
    let sizes = [0, 1, 5, 300];
    for level in levels() {
        for m in sizes {
            for n in sizes {
                for k in sizes {
                    for stored in 0..4 {
                        for accum in BOTH {
                            let case = Case::new((m, n, k)).stored(stored).with(accum);
                            check_exact(&mut check, case, serial(level), &mut random);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn without_k_replace_writes_zeros_and_add_writes_nothing() {
    let mut check = Check::new("without_k_replace_writes_zeros_and_add_writes_nothing");
    for level in levels() {
        for stored in 0..4 {
            let case = Case::new((7, 35, 0)).stored(stored);
            let run =
                |case: Case, c: &[f32]| case.run(serial(level), &mut Scratch::new(), &[], &[], c);
            check.same_bits(&run(case, &[]), &[0.0; 245], &(level, case));
            let c = Random::new(9).normals(245);
            check.same_bits(&run(case.with(Accum::Add), &c), &c, &(level, case));
        }
    }
}

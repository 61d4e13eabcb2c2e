//! Boundaries between blocks that no size of a cache moves: those of k, and those of m where A is
//! packed; of what is a few tiles, and of an A whose next rows are fetched. Every remainder on both sides of
//! each, on integers and without tolerance.

use super::common::{Check, Layout, Random, levels, reference, serial};
use super::epilogues::{Curve, curve, fused};
use super::{Case, TINY};
use densecore::Scratch;
use densecore::gemm::{Accum, Map, Start};

/// Operands as they are, and stored transposed: variants of [`Case::stored`].
const ALL: [usize; 4] = [0, 1, 2, 3];
const B_TRANSPOSED: [usize; 2] = [1, 3];
const A_TRANSPOSED: [usize; 2] = [2, 3];

/// Checks a product of that shape: at every level, with blocks of one panel of B and with the
/// processor's own, alone, added to what there was, and between a bias and a function.
fn check_shape(check: &mut Check, shape: (usize, usize, usize), storages: &[usize], seed: u64) {
    let ((m, n, k), mut random) = (shape, Random::new(seed));
    let (a, b, c) = (random.integers(m * k), random.integers(k * n), random.integers(m * n));
    let bias = &c[..n];
    let product = reference::exact(shape, &a, &b, None);
    let sums: Vec<f32> = product.iter().zip(&c).map(|(x, c)| x + c).collect();
    let mapped: Vec<f32> = (0..m * n).map(|at| curve(product[at] + bias[at % n])).collect();
    let mut scratch = Scratch::new();
    for level in levels() {
        for caches in [TINY, serial(level).caches()] {
            let cpu = serial(level).with_caches(caches);
            for &stored in storages {
                let case = Case::new(shape).stored(stored);
                let found = case.run(cpu, &mut scratch, &a, &b, &[]);
                check.equal(&found, &product, &(cpu, case));
                let found = case.with(Accum::Add).run(cpu, &mut scratch, &a, &b, &c);
                check.equal(&found, &sums, &(cpu, case, "added"));
                let found = fused(case, cpu, (&a, &b, &[]), Start::Bias(bias), &Map(Curve));
                check.equal(&found, &mapped, &(cpu, case, "fused"));
            }
        }
    }
}

/// Sizes on both sides of `kc` and of `2 kc`: blocks of k are multiples of 4, so eight of each side
/// have every remainder twice.
fn around(kc: usize) -> impl Iterator<Item = usize> {
    (kc - 7..=kc + 8).chain(2 * kc - 7..=2 * kc + 8)
}

#[test]
fn every_remainder_around_the_block_of_k() {
    let mut check = Check::new("every_remainder_around_the_block_of_k");
    // B packed; and B in place, for which there must be more than the rows that are streamed.
    for (m, n) in [(19, 17), (5, 35)] {
        for k in around(512) {
            check_shape(&mut check, (m, n, k), &ALL, k as u64);
        }
    }
}

#[test]
fn every_remainder_around_the_block_of_k_of_few_rows() {
    let mut check = Check::new("every_remainder_around_the_block_of_k_of_few_rows");
    for (m, n, kc) in [(1, 67, 64), (2, 17, 64), (3, 35, 256), (18, 17, 256)] {
        for k in around(kc) {
            check_shape(&mut check, (m, n, k), &B_TRANSPOSED, k as u64);
        }
    }
}

#[test]
fn every_remainder_around_the_block_of_a_packed_a() {
    let mut check = Check::new("every_remainder_around_the_block_of_a_packed_a");
    // mc is 510 at most on AVX2, whose tiles have 6 rows, and 504 on AVX-512, with 12.
    for m in 493..=522 {
        check_shape(&mut check, (m, 129, 20), &A_TRANSPOSED, m as u64);
    }
}

#[test]
fn rows_of_the_output_begin_anywhere_in_a_cache_line() {
    let mut check = Check::new("rows_of_the_output_begin_anywhere_in_a_cache_line");
    // Rows 528 elements apart, which all begin at the same place in their lines: as many columns as make the
    // first few a product of their own, and one less; so few steps, and one more; each height of a strip.
    let shapes = [(13, 512, 1), (14, 512, 48), (15, 511, 5), (16, 512, 49), (31, 527, 10)];
    let strips = (17..=24).map(|m| (m, 515, 3));
    for (m, n, k) in shapes.into_iter().chain(strips) {
        let mut random = Random::new((m + n) as u64);
        let (a, b, c) = (random.integers(m * k), random.integers(k * n), random.integers(m * n));
        for (level, offset) in
            levels().into_iter().flat_map(|level| (0..16).map(move |at| (level, at)))
        {
            let layout = Layout { gap: 528 - n, offset, trailing: 17 };
            for stored in ALL {
                let case = Case { c: layout, ..Case::new((m, n, k)).stored(stored) };
                for case in [case, case.with(Accum::Add)] {
                    let found = case.run(serial(level), &mut Scratch::new(), &a, &b, &c);
                    check.equal(&found, &case.exact(&a, &b, &c), &(level, case));
                }
                let start = Start::Bias(&c[..n]);
                let found = fused(case, serial(level), (&a, &b, &[]), start, &Map(Curve));
                let sums = case.exact(&a, &b, &[]);
                let expected: Vec<f32> =
                    sums.iter().enumerate().map(|(at, sum)| curve(sum + c[at % n])).collect();
                check.equal(&found, &expected, &(level, case, "fused"));
            }
        }
    }
}

#[test]
fn every_remainder_of_rows_that_pass_by() {
    let mut check = Check::new("every_remainder_of_rows_that_pass_by");
    // As many elements of A as half of an L2 of 2 MiB holds, and some less; one tile in a row, and several.
    // The strips have 11 and 12 rows with AVX-512, 5 and 6 with AVX2.
    for (m, k) in [(511, 512), (512, 512), (515, 512), (517, 513), (1034, 255)] {
        for n in [8, 15, 16, 31, 48, 64, 70] {
            check_shape(&mut check, (m, n, k), &[0], (m + n) as u64);
        }
    }
}

#[test]
fn every_remainder_around_what_is_a_few_tiles() {
    let mut check = Check::new("every_remainder_around_what_is_a_few_tiles");
    // 2 Ki multiply-adds, 4 Ki elements of C, 256 Ki multiply-adds.
    for (n, k) in [(17, 10), (16, 16), (5, 80), (33, 2), (64, 64), (63, 63), (100, 41)] {
        for near in [2048 / (n * k), 4096 / n, (256 << 10) / (n * k)] {
            for m in near.max(2) - 1..=near + 1 {
                check_shape(&mut check, (m, n, k), &ALL, (m + n) as u64);
            }
        }
    }
    // Every number of rows of up to five tiles of them, three if C is no wider than a vector.
    for (m, n) in (1..=61).flat_map(|m| [37, 16, 7].map(|n| (m, n))) {
        check_shape(&mut check, (m, n, 6), &ALL, m as u64);
    }
}

//! Laws that need no reference, and the bound on the error of those products that round.

use super::common::{Check, Random, levels, reference, serial};
use super::{Case, SMALL};
use densecore::Scratch;
use densecore::gemm::Accum;

fn run(case: Case, level: densecore::simd::Level, a: &[f32], b: &[f32], c: &[f32]) -> Vec<f32> {
    case.run(serial(level), &mut Scratch::new(), a, b, c)
}

#[test]
fn the_error_is_within_k_eps_times_the_magnitudes() {
    let mut check = Check::new("the_error_is_within_k_eps_times_the_magnitudes");
    let mut random = Random::new(40);
    for (m, n, k) in [(1, 1, 1), (5, 7, 3), (13, 33, 40), (20, 50, 300), (9, 17, 3000)] {
        let (a, b, c) = (random.normals(m * k), random.normals(k * n), random.normals(m * n));
        let product = reference::matmul((m, n, k), &a, &b);
        let magnitudes = reference::magnitudes((m, n, k), &a, &b);
        let eps = f64::from(f32::EPSILON);
        for level in levels() {
            for stored in 0..4 {
                let case = Case::new((m, n, k)).stored(stored);
                let bound: Vec<f64> = magnitudes.iter().map(|x| k as f64 * eps * x).collect();
                check.close(&run(case, level, &a, &b, &[]), &product, &bound, &(level, case));
                // Adding to an output is one more term.
                let case = case.with(Accum::Add);
                let sum: Vec<f64> =
                    product.iter().zip(&c).map(|(x, &c)| x + f64::from(c)).collect();
                let bound: Vec<f64> = magnitudes
                    .iter()
                    .zip(&c)
                    .map(|(x, &c)| (k + 1) as f64 * eps * (x + f64::from(c.abs())))
                    .collect();
                check.close(&run(case, level, &a, &b, &c), &sum, &bound, &(level, case));
            }
        }
    }
}

#[test]
fn a_times_the_identity_is_a() {
    let mut check = Check::new("a_times_the_identity_is_a");
    for level in levels() {
        for (m, n) in [(1, 1), (7, 35), (50, 70), (300, 33), (33, 300)] {
            let a = Random::new(41).normals(m * n);
            for stored in 0..4 {
                let case = Case::new((m, n, n)).stored(stored);
                check.equal(&run(case, level, &a, &identity(n), &[]), &a, &(level, case));
                let case = Case::new((m, n, m)).stored(stored);
                check.equal(&run(case, level, &identity(m), &a, &[]), &a, &(level, case));
            }
        }
    }
}

fn identity(n: usize) -> Vec<f32> {
    (0..n * n).map(|at| if at / n == at % n { 1.0 } else { 0.0 }).collect()
}

#[test]
fn the_transposed_product_is_the_product_of_the_transposed() {
    // (A.B)^T = B^T.A^T; on random data too, where products commute and the order of k is the same.
    let mut check = Check::new("the_transposed_product_is_the_product_of_the_transposed");
    let mut random = Random::new(42);
    for (m, n, k) in [(7, 35, 40), (31, 17, 300), (64, 64, 64), (1, 90, 13)] {
        for (a, b) in [
            (random.integers(m * k), random.integers(k * n)),
            (random.normals(m * k), random.normals(k * n)),
        ] {
            let (a_t, b_t) = (reference::transposed(m, k, &a), reference::transposed(k, n, &b));
            for level in levels() {
                for stored in 0..4 {
                    let product = run(Case::new((m, n, k)).stored(stored), level, &a, &b, &[]);
                    let case = Case::new((n, m, k)).stored(stored);
                    let of_transposed = run(case, level, &b_t, &a_t, &[]);
                    let expected = reference::transposed(m, n, &product);
                    check.same_bits(&of_transposed, &expected, &(level, case));
                }
            }
        }
    }
}

#[test]
fn products_add_up_over_parts_of_k() {
    let mut check = Check::new("products_add_up_over_parts_of_k");
    let mut random = Random::new(43);
    let (m, n, k) = (27, 45, 290);
    let (a, b) = (random.integers(m * k), random.integers(k * n));
    for level in levels() {
        let whole = run(Case::new((m, n, k)), level, &a, &b, &[]);
        for first in [1, 4, 145, 256, 289] {
            let head: Vec<f32> = a.chunks(k).flat_map(|row| row[..first].to_vec()).collect();
            let tail: Vec<f32> = a.chunks(k).flat_map(|row| row[first..].to_vec()).collect();
            let (b_head, b_tail) = b.split_at(first * n);
            let partial = run(Case::new((m, n, first)), level, &head, b_head, &[]);
            let case = Case::new((m, n, k - first)).with(Accum::Add);
            check.equal(&run(case, level, &tail, b_tail, &partial), &whole, &(level, first));
        }
    }
}

#[test]
fn a_large_product_maps_a_vector_as_its_factors_do() {
    // (A.B).x = A.(B.x): checks a product whose reference would take long, in n^2 operations.
    let mut check = Check::new("a_large_product_maps_a_vector_as_its_factors_do");
    let (m, n, k) = (370, 410, 530);
    let mut random = Random::new(44);
    // Small integers, so that three factors stay exact.
    let mut small = |len| -> Vec<f32> { (0..len).map(|_| random.below(5) as f32 - 2.0).collect() };
    let (a, b, x) = (small(m * k), small(k * n), small(n));
    let b_x = reference::exact((k, 1, n), &b, &x, None);
    let expected = reference::exact((m, 1, k), &a, &b_x, None);
    for level in levels() {
        for stored in 0..4 {
            for caches in [SMALL, serial(level).caches()] {
                let case = Case::new((m, n, k)).stored(stored);
                let cpu = serial(level).with_caches(caches);
                let product = case.run(cpu, &mut Scratch::new(), &a, &b, &[]);
                let found = reference::exact((m, 1, n), &product, &x, None);
                check.equal(&found, &expected, &(level, case));
            }
        }
    }
}

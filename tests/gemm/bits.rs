//! Same bits: whatever the threads, the blocks, the level, the layout and the position. On random
//! data, where every other order of summation would round differently.

use super::common::{Check, POOLS, Random, fma_levels, in_pool, levels, reference, serial};
use super::{Case, SMALL, TINY};
use densecore::gemm::{Accum, Identity, Start, matmul, matmul_fused};
use densecore::simd::Caches;
use densecore::{Cpu, Scratch, View, ViewMut};

/// Operands with a normal distribution, and the product on one thread.
struct Data {
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
}

impl Data {
    fn new((m, n, k): (usize, usize, usize), seed: u64) -> Self {
        let mut random = Random::new(seed);
        let [a, b, c] = [m * k, k * n, m * n].map(|len| random.normals(len));
        Self { a, b, c }
    }

    fn run(&self, case: Case, cpu: Cpu) -> Vec<f32> {
        case.run(cpu, &mut Scratch::new(), &self.a, &self.b, &self.c)
    }
}

#[test]
fn an_element_is_one_chain_in_the_order_of_k() {
    let mut check = Check::new("an_element_is_one_chain_in_the_order_of_k");
    let shapes = [
        (1, 1, 1),
        (7, 19, 40),
        (14, 35, 257),
        (27, 66, 520),
        // On the other side of what is sixteen chains.
        (50, 1, 15),
        (50, 2, 15),
        (50, 3, 32),
        (50, 3, 700),
        (1, 40, 600),
        // One for each path of its own: in place, streamed, few rows packed, wide; with B transposed dot
        // products, also of the transposition.
        (6, 203, 131),
        (64, 5, 131),
        (50, 100, 90),
        (3, 270, 131),
        (4, 1100, 500),
        (18, 300, 70),
        (5, 2050, 20),
    ];
    for (m, n, k) in shapes {
        let data = Data::new((m, n, k), 20);
        let replaced = reference::chain((m, n, k), &data.a, &data.b, |_, _| 0.0);
        let added = reference::chain((m, n, k), &data.a, &data.b, |i, j| data.c[i * n + j]);
        for level in fma_levels() {
            for stored in 0..4 {
                let case = Case::new((m, n, k)).stored(stored);
                check.same_bits(&data.run(case, serial(level)), &replaced, &(level, case));
                let case = case.with(Accum::Add);
                check.same_bits(&data.run(case, serial(level)), &added, &(level, case));
            }
        }
    }
    count_if_no_level_is_compared(&mut check);
}

#[test]
fn an_element_of_few_columns_is_sixteen_chains() {
    let mut check = Check::new("an_element_of_few_columns_is_sixteen_chains");
    let shapes = [
        // From 16 steps of k on, with every remainder of 16; one row, and any number in a tile.
        (1, 1, 16),
        (1, 2, 16),
        (5, 2, 17),
        (4, 1, 31),
        (3, 2, 24),
        (1, 1, 32),
        (1, 2, 32),
        (2, 1, 33),
        (3, 2, 40),
        (7, 1, 47),
        (8, 2, 63),
        (9, 1, 64),
        (17, 2, 65),
        (20, 1, 1000),
        // With A transposed: whole vectors and not; eight steps of a chain at a time, and four, two and one; more
        // rows than have their chains in memory together.
        (16, 1, 128),
        (33, 2, 129),
        (31, 1, 16 * 15 + 9),
        (64, 2, 16 * 22),
        // Tiles of several vectors with a transposed A, and what is left of them.
        (81, 1, 50),
        (95, 1, 35),
        (47, 2, 40),
        // As few steps as have their chains in registers with vectors of eight, and one more.
        (17, 1, 79),
        (17, 1, 80),
        (23, 2, 39),
        (1024, 1, 24),
        (1025, 1, 24),
        // Larger than the near caches.
        (1025, 1, 50),
        (515, 2, 70),
        // More elements than are computed before the epilogue finds them.
        (4100, 1, 33),
        (2051, 2, 34),
    ];
    for (m, n, k) in shapes {
        let data = Data::new((m, n, k), 29);
        let replaced = reference::sixteen_chains((m, n, k), &data.a, &data.b, |_, _| None);
        let added =
            reference::sixteen_chains((m, n, k), &data.a, &data.b, |i, j| Some(data.c[i * n + j]));
        for level in fma_levels() {
            for stored in 0..4 {
                for gap in [0, 3] {
                    let mut case = Case::new((m, n, k)).stored(stored);
                    (case.a.gap, case.b.gap, case.c.gap) = (gap, gap, gap);
                    check.same_bits(&data.run(case, serial(level)), &replaced, &(level, case));
                    let case = case.with(Accum::Add);
                    check.same_bits(&data.run(case, serial(level)), &added, &(level, case));
                }
            }
        }
    }
    count_if_no_level_is_compared(&mut check);
}

#[test]
fn a_step_that_is_missing_changes_no_zero() {
    // Chains that round to -0 stay so, whatever the lanes beyond the last step of k do.
    let mut check = Check::new("a_step_that_is_missing_changes_no_zero");
    for n in [1, 2] {
        for k in 17..48 {
            let shape = (5, n, k);
            let (a, b) = (vec![1e-30; 5 * k], vec![-1e-30; k * n]);
            let expected = reference::sixteen_chains(shape, &a, &b, |_, _| None);
            assert!(expected.iter().all(|x| x.to_bits() == (-0.0f32).to_bits()));
            for level in fma_levels() {
                for stored in 0..4 {
                    let case = Case::new(shape).stored(stored);
                    let found = case.run(serial(level), &mut Scratch::new(), &a, &b, &[]);
                    check.same_bits(&found, &expected, &(level, case));
                }
            }
        }
    }
    count_if_no_level_is_compared(&mut check);
}

/// A processor without fused multiply-adds has no level to compare.
fn count_if_no_level_is_compared(check: &mut Check) {
    check.count(usize::from(fma_levels().is_empty()));
}

#[test]
fn fma_levels_agree_bit_for_bit() {
    let levels = fma_levels();
    if levels.len() < 2 {
        return; // Nothing to compare with; CI has machines with two such levels.
    }
    let mut check = Check::new("fma_levels_agree_bit_for_bit");
    for (m, n, k) in
        [(1, 1, 1), (7, 19, 40), (33, 100, 300), (61, 65, 513), (5, 1, 1000), (70, 2, 99)]
    {
        let data = Data::new((m, n, k), 21);
        for stored in 0..4 {
            let case = Case::new((m, n, k)).stored(stored);
            let expected = data.run(case, serial(levels[0]));
            for &level in &levels[1..] {
                check.same_bits(&data.run(case, serial(level)), &expected, &(level, case));
            }
        }
    }
}

#[test]
fn the_way_an_operand_is_stored_changes_no_bit() {
    let mut check = Check::new("the_way_an_operand_is_stored_changes_no_bit");
    for level in levels() {
        for (m, n, k) in [(5, 33, 40), (26, 130, 300), (64, 16, 513), (64, 1, 100), (40, 2, 513)] {
            let data = Data::new((m, n, k), 22);
            let expected = data.run(Case::new((m, n, k)), serial(level));
            for stored in 0..4 {
                for (gap, offset) in [(0, 0), (1, 3), (7, 1), (1024 - k, 0)] {
                    let mut case = Case::new((m, n, k)).stored(stored);
                    (case.a.gap, case.b.gap) = (gap, gap);
                    (case.a.offset, case.b.offset, case.c.offset) = (offset, offset + 2, offset);
                    check.same_bits(&data.run(case, serial(level)), &expected, &(level, case));
                }
            }
        }
    }
}

#[test]
fn the_sizes_of_caches_change_no_bit() {
    let mut check = Check::new("the_sizes_of_caches_change_no_bit");
    let huge = Caches { l1: usize::MAX, l2: usize::MAX, l3: usize::MAX };
    for level in levels() {
        for (m, n, k) in [(37, 97, 300), (50, 200, 257), (13, 33, 1025)] {
            let data = Data::new((m, n, k), 23);
            for stored in 0..4 {
                let case = Case::new((m, n, k)).stored(stored).with(Accum::Add);
                let expected = data.run(case, serial(level));
                for caches in [TINY, SMALL, Caches::FALLBACK, huge] {
                    let found = data.run(case, serial(level).with_caches(caches));
                    check.same_bits(&found, &expected, &(level, caches, case));
                }
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let mut check = Check::new("the_number_of_threads_changes_no_bit");
    // Tall, wide, square, large enough for 5 threads; then few rows, and few steps of k or none, which
    // are divided for what they move. Sizes that are no multiples of a piece.
    let computed = [(509, 37, 190), (13, 1030, 250), (157, 161, 129), (130, 90, 300)];
    let moved = [(1, 1030, 250), (3, 1030, 110), (700, 601, 1), (509, 401, 3), (400, 401, 0)];
    let narrow = [(9001, 1, 41), (4099, 2, 131), (700, 1, 1000)];
    for (m, n, k) in computed.into_iter().chain(moved).chain(narrow) {
        let data = Data::new((m, n, k), 24);
        for level in levels() {
            for stored in 0..4 {
                let case = Case::new((m, n, k)).stored(stored).with(if stored == 1 {
                    Accum::Add
                } else {
                    Accum::Replace
                });
                let expected = data.run(case, serial(level));
                for threads in POOLS {
                    let cpu = Cpu::detect().with_level(level);
                    let found = in_pool(threads, || data.run(case, cpu));
                    check.same_bits(&found, &expected, &(level, threads, case));
                }
            }
        }
    }
}

#[test]
fn repeated_runs_give_the_same_bits() {
    let mut check = Check::new("repeated_runs_give_the_same_bits");
    let case = Case::new((150, 170, 140));
    let data = Data::new(case.shape(), 25);
    for level in levels() {
        let cpu = Cpu::detect().with_level(level);
        let first = in_pool(3, || data.run(case, cpu));
        for _ in 0..10 {
            check.same_bits(&in_pool(3, || data.run(case, cpu)), &first, &level);
        }
    }
}

#[test]
fn row_of_a_batch_equals_the_row_alone() {
    let mut check = Check::new("row_of_a_batch_equals_the_row_alone");
    for (m, n, k) in
        [(37, 100, 300), (37, 1, 300), (37, 2, 90), (26, 17, 70), (61, 33, 513), (13, 129, 5)]
    {
        let data = Data::new((m, n, k), 26);
        let a = View::new(m, k, &data.a).expect("a");
        for level in levels() {
            for stored in 0..2 {
                let case = Case::new((m, n, k)).stored(stored);
                let batch = data.run(case, serial(level));
                for i in 0..m {
                    let row = a.row(i).expect("a row");
                    let case = Case { m: 1, ..case };
                    let alone = case.run(serial(level), &mut Scratch::new(), row, &data.b, &[]);
                    check.same_bits(&batch[i * n..][..n], &alone, &(level, i, case));
                }
            }
        }
    }
}

#[test]
fn row_of_a_batch_with_bias_equals_the_row_alone() {
    let mut check = Check::new("row_of_a_batch_with_bias_equals_the_row_alone");
    let (m, n, k) = (29, 70, 270);
    let data = Data::new((m, n, k), 27);
    let bias = &data.c[..n];
    for level in levels() {
        let run = |rows: View<'_>| {
            let b = View::new(k, n, &data.b).expect("b");
            let mut c = vec![f32::NAN; rows.rows() * n];
            let output = ViewMut::new(rows.rows(), n, &mut c).expect("c");
            let operands = (rows.into(), b.into());
            let (mut scratch, start) = (Scratch::new(), Start::Bias(bias));
            matmul_fused(serial(level), &mut scratch, operands, start, &Identity, output)
                .expect("a product");
            c
        };
        let a = View::new(m, k, &data.a).expect("a");
        let batch = run(a);
        for i in 0..m {
            check.same_bits(&batch[i * n..][..n], &run(a.rows_range(i, 1)), &(level, i));
        }
        for (first, count) in [(0, 6), (5, 13), (12, 17)] {
            let part = run(a.rows_range(first, count));
            check.same_bits(&batch[first * n..][..count * n], &part, &(level, first, count));
        }
    }
}

#[test]
fn a_product_goes_on_where_another_stopped() {
    // A chain of k1 steps, stored, then continued by k2 more: the chain of k1 + k2 steps.
    let mut check = Check::new("a_product_goes_on_where_another_stopped");
    let (m, n, k) = (19, 45, 300);
    let data = Data::new((m, n, k), 28);
    let (a, b) = (View::new(m, k, &data.a).expect("a"), View::new(k, n, &data.b).expect("b"));
    let whole = Case::new((m, n, k));
    for level in fma_levels() {
        let expected = data.run(whole, serial(level));
        for first in [0, 1, 7, 128, 256, 299, 300] {
            let mut c = vec![f32::NAN; m * n];
            for (from, count, accum) in [(0, first, Accum::Replace), (first, k - first, Accum::Add)]
            {
                let columns: Vec<f32> =
                    a.iter_rows().flat_map(|row| row[from..][..count].to_vec()).collect();
                let part = View::new(m, count, &columns).expect("part of a");
                let output = ViewMut::new(m, n, &mut c).expect("c");
                let rows = b.rows_range(from, count);
                matmul(serial(level), &mut Scratch::new(), part, rows, accum, output)
                    .expect("a product");
            }
            check.same_bits(&c, &expected, &(level, first));
        }
    }
    count_if_no_level_is_compared(&mut check);
}

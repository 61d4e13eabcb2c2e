//! An epilogue sees each element of the output exactly once, when it is finished, and is told where
//! it stands.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::Case;
use super::common::{Check, POOLS, Random, in_pool, levels, reference, serial};
use super::epilogues::{SHAPES, caches, fused};
use densecore::Cpu;
use densecore::gemm::{Epilogue, Finished, Start};
use densecore::simd::{Caches, Level};

/// Counts what it is given, compares each element with the finished product, and replaces it.
struct Counting<'a> {
    level: Level,
    shape: (usize, usize),
    product: &'a [f32],
    seen: Vec<AtomicUsize>,
    wrong: AtomicUsize,
    /// Calls, and those of them for less than whole rows.
    calls: AtomicUsize,
    narrow: AtomicUsize,
}

impl<'a> Counting<'a> {
    fn new(level: Level, shape: (usize, usize), product: &'a [f32]) -> Self {
        let seen = product.iter().map(|_| AtomicUsize::new(0)).collect();
        let [wrong, calls, narrow] = [const { AtomicUsize::new(0) }; 3];
        Self { level, shape, product, seen, wrong, calls, narrow }
    }

    /// What replaces the element at `at`.
    fn mark(at: usize) -> f32 {
        -1.0 - at as f32
    }
}

impl Epilogue for Counting<'_> {
    fn finish(&self, level: Level, Finished { mut block, row, col, .. }: Finished<'_>) {
        let cols = self.shape.1;
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.narrow.fetch_add(usize::from(block.cols() < cols), Ordering::Relaxed);
        self.wrong.fetch_add(usize::from(level != self.level), Ordering::Relaxed);
        for i in 0..block.rows() {
            for (j, x) in block.row_mut(i).expect("a row").iter_mut().enumerate() {
                let at = (row + i) * cols + col + j;
                self.seen[at].fetch_add(1, Ordering::Relaxed);
                self.wrong.fetch_add(usize::from(*x != self.product[at]), Ordering::Relaxed);
                *x = Self::mark(at);
            }
        }
    }
}

/// Runs the case with a counting epilogue, compares everything, and returns it.
fn count<'a>(
    check: &mut Check,
    case: Case,
    cpu: Cpu,
    operands: (&[f32], &[f32]),
    product: &'a [f32],
) -> Counting<'a> {
    let counting = Counting::new(cpu.level(), (case.m, case.n), product);
    let found = fused(case, cpu, (operands.0, operands.1, &[]), Start::Zero, &counting);
    let marks: Vec<f32> = (0..case.m * case.n).map(Counting::mark).collect();
    check.equal(&found, &marks, &(cpu, case));
    let seen: Vec<usize> = counting.seen.iter().map(|n| n.load(Ordering::Relaxed)).collect();
    assert!(seen.iter().all(|&times| times == 1), "not once each: {seen:?}, {cpu:?} {case:?}");
    assert_eq!(
        counting.wrong.load(Ordering::Relaxed),
        0,
        "unfinished or misplaced: {cpu:?} {case:?}"
    );
    counting
}

#[test]
fn an_epilogue_sees_each_element_once_and_finished() {
    let mut check = Check::new("an_epilogue_sees_each_element_once_and_finished");
    let mut random = Random::new(35);
    for shape in SHAPES.into_iter().chain([(25, 200, 600), (40, 33, 257)]) {
        let (m, n, k) = shape;
        let (a, b) = (random.integers(m * k), random.integers(k * n));
        let product = reference::exact(shape, &a, &b, None);
        for level in levels() {
            for stored in 0..4 {
                for caches in caches() {
                    let case = Case::new(shape).stored(stored);
                    let cpu = serial(level).with_caches(caches);
                    count(&mut check, case, cpu, (&a, &b), &product);
                }
            }
        }
    }
}

#[test]
fn an_epilogue_sees_each_element_once_on_many_threads() {
    let mut check = Check::new("an_epilogue_sees_each_element_once_on_many_threads");
    let mut random = Random::new(36);
    let huge = Caches { l1: 1 << 20, l2: 1 << 30, l3: 1 << 30 };
    for shape in [
        (6, 480, 1000),
        (48, 320, 200),
        (509, 37, 190),
        (157, 161, 129),
        (1, 3001, 1100),
        (3, 2003, 700),
    ] {
        let (m, n, k) = shape;
        let (a, b) = (random.integers(m * k), random.integers(k * n));
        let product = reference::exact(shape, &a, &b, None);
        for level in levels() {
            for threads in POOLS {
                let case = Case::new(shape);
                let cpu = Cpu::detect().with_level(level).with_caches(huge);
                let counting =
                    in_pool(threads, || count(&mut check, case, cpu, (&a, &b), &product));
                // The wide product is cut by columns, so the threads tests do test the cutting.
                let narrow = counting.narrow.load(Ordering::Relaxed);
                if shape.0 == 6 && cfg!(feature = "rayon") {
                    assert_eq!(narrow > 0, threads > 1, "{level} on {threads} threads");
                }
                // There each thread has one part.
                if level == Level::Portable && cfg!(feature = "rayon") {
                    assert_eq!(counting.calls.load(Ordering::Relaxed), threads);
                }
            }
        }
    }
}

#[test]
fn without_elements_an_epilogue_is_not_called() {
    let mut check = Check::new("without_elements_an_epilogue_is_not_called");
    for level in levels() {
        for shape in [(0, 5, 3), (5, 0, 3), (0, 0, 0)] {
            let (m, n, k) = shape;
            let counting = Counting::new(level, (m, n), &[]);
            let (a, b) = (vec![1.0; m * k], vec![1.0; k * n]);
            let case = Case::new(shape);
            fused(case, serial(level), (&a, &b, &[]), Start::Zero, &counting);
            assert_eq!(counting.calls.load(Ordering::Relaxed), 0);
            check.count(1);
        }
    }
}

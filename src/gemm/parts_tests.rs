//! Parts cover C once, and B packed by many threads gives the product.

use super::epilogue::{Beside, Map, MapBeside};
use super::operand::Operand;
use super::parallel::{divide, share};
use super::parts::{COPYING, Costs, Cut, IN_PLACE, MOST, PACKING, Parts};
use super::plan::{Form, Path, Plan};
use super::shared::panel_width;
use super::tests::{TwoMinus, integers};
use super::{Accum, Product, Start, matmul, matmul_consumed, matmul_fused, matmul_fused_beside};
use crate::cpu::{Cpu, Parallelism};
use crate::parallel::in_pool;
use crate::scratch::Scratch;
use crate::simd::{Caches, Level};
use crate::tensor::{View, ViewMut};

const SHAPES: [(usize, usize); 8] =
    [(1, 1), (1, 100), (100, 1), (7, 9), (64, 64), (50, 31), (13, 260), (300, 17)];

/// `x + 1`, applied to each element as often as it is in a part.
fn count(mut c: ViewMut<'_>) {
    for row in c.iter_rows_mut() {
        row.iter_mut().for_each(|x| *x += 1.0);
    }
}

#[test]
fn every_element_is_in_one_part_and_so_is_what_is_beside_it() {
    for (m, n) in SHAPES {
        for part in [(1, 1), (3, 4), (8, 32), (m, n), (m + 5, n + 5)] {
            // Rows that are further apart than C is wide: nothing between them is touched.
            let gap = n + 3;
            let (mut c, mut beside) = (vec![0.0; m * gap], vec![0.0; m * n]);
            let view = ViewMut::with_stride(m, n, gap, &mut c).expect("c");
            let other = Beside::one(ViewMut::new(m, n, &mut beside).expect("beside"));
            let parts = Parts::new(view, Some(other), Cut { shape: part, ns: 0.0 });
            let taken = std::sync::atomic::AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        while let Some(mut part) = parts.take() {
                            taken.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                            let first = (part.at.0 * n + part.at.1) as f32;
                            let beside = part.beside.take().expect("beside").split_first().0;
                            let mut beside = beside.expect("one matrix");
                            assert_eq!(beside.shape(), part.c.shape());
                            beside.row_mut(0).expect("a row")[0] += first;
                            count(part.c);
                            count(beside);
                        }
                    });
                }
            });
            let expected = m.div_ceil(part.0) * n.div_ceil(part.1);
            assert_eq!(taken.into_inner(), expected, "{m} x {n} in {part:?}");
            for i in 0..m {
                for j in 0..gap {
                    let once = if j < n { 1.0 } else { 0.0 };
                    assert_eq!(c[i * gap + j], once, "({i}, {j}) of {m} x {n} in {part:?}");
                    if j < n {
                        let begins = i % part.0 == 0 && j % part.1 == 0;
                        let place = if begins { (i * n + j) as f32 } else { 0.0 };
                        assert_eq!(beside[i * n + j], 1.0 + place, "({i}, {j}) beside");
                    }
                }
            }
        }
    }
}

#[test]
fn parts_are_taken_from_above_and_never_again() {
    let mut c = [0.0; 50];
    let c = ViewMut::new(5, 10, &mut c).expect("c");
    let parts = Parts::new(c, None, Cut { shape: (2, 4), ns: 0.0 });
    let expected = [(0, 0), (2, 0), (4, 0), (0, 4), (2, 4), (4, 4), (0, 8), (2, 8), (4, 8)];
    let taken: Vec<_> = core::iter::from_fn(|| parts.take().map(|part| part.at)).collect();
    assert_eq!(taken, expected);
    assert!((0..100).all(|_| parts.take().is_none()));
}

#[test]
fn a_cut_has_whole_units_and_no_thread_gets_much_more_than_its_share() {
    let costs = [(8, false, IN_PLACE), (16, true, COPYING), (8, true, PACKING)]
        .map(|(lanes, packs_a, b)| (packs_a, Costs::new(lanes, packs_a, b)));
    let shapes = [(1, 512, 512), (512, 512, 1), (64, 128, 784), (512, 512, 512), (4096, 8, 256)]
        .into_iter()
        .chain([(4096, 4096, 512), (2000, 2000, 17), (1, 1, 1), (12, 100_000, 9), (36, 32, 99)])
        .chain([(230, 75, 3023), (125, 60, 4003), (19, 9, 0)]);
    for (m, n, k) in shapes {
        for unit in [(6, 16), (12, 32), (32, 12), (8, 8)] {
            for threads in [2, 3, 4, 5, 7, 8, 64, 96] {
                for ((packs_a, costs), at_most) in
                    costs.into_iter().flat_map(|c| [(c, 1), (c, MOST)])
                {
                    let cut = Cut::new((threads, at_most), (m, n, k), unit, costs);
                    let what = format!("{m}x{n}x{k} in {unit:?} on {threads}, {at_most}: {cut:?}");
                    let (rows, cols) = cut.shape;
                    let are_few = !packs_a && rows < 8 * unit.0;
                    assert!(rows == m || are_few || rows.is_multiple_of(unit.0), "{what}");
                    assert!(cols == n || cols.is_multiple_of(unit.1), "{what}");
                    let units =
                        |rows: usize, cols: usize| rows.div_ceil(unit.0) * cols.div_ceil(unit.1);
                    let count = cut.count((m, n));
                    assert!((1..=at_most * threads).contains(&count), "{count} parts, {what}");
                    // In units: what the busiest thread computes, and twice what it would at best.
                    let busiest = count.div_ceil(threads) * units(rows, cols);
                    assert!(busiest < 2 * units(m, n).div_ceil(threads) + 1, "{busiest}, {what}");
                }
            }
        }
    }
    let cut = |threads, shape| {
        Cut::new((threads, MOST), shape, (6, 16), Costs::new(8, false, IN_PLACE)).shape
    };
    assert_eq!(cut(1, (500, 600, 700)), (500, 600), "one thread has one part");
    for threads in [2, 3, 8, 64] {
        let (rows, cols) = cut(threads, (4096, 4096, 4096));
        let count = 4096_usize.div_ceil(rows) * 4096_usize.div_ceil(cols);
        assert!(count >= 4 * threads, "{count} parts for {threads} threads");
    }
}

#[test]
fn a_cut_takes_longer_with_shorter_vectors_and_dearer_operands() {
    let ns = |costs| Cut::new((2, MOST), (500, 600, 700), (12, 32), costs).ns;
    let [in_place, copied, packed] =
        [IN_PLACE, COPYING, PACKING].map(|b| ns(Costs::new(16, false, b)));
    assert!(in_place < copied && copied < packed, "{in_place} {copied} {packed}");
    assert!(packed < ns(Costs::new(16, true, PACKING)));
    assert!(packed < ns(Costs::new(8, false, PACKING)));
}

#[test]
fn parts_of_few_tiles_are_even_unless_their_rows_are_packed_or_lanes() {
    for (m, packed, in_place) in [(32, 24, 16), (100, 60, 50), (180, 96, 90), (200, 108, 108)] {
        let costs = |packs_a| Costs::new(16, packs_a, IN_PLACE);
        let rows = |costs| Cut::new((2, 1), (m, 32, 1024), (12, 32), costs).shape.0;
        let found = [costs(true), costs(false).in_lanes(), costs(false)].map(rows);
        assert_eq!(found, [packed, packed, in_place], "{m}");
    }
}

#[test]
fn short_products_have_fewer_parts() {
    // One for each of two threads below 256 Mi multiply-adds, three for each from there on.
    let count = |k| {
        let cut = Cut::new((2, MOST), (128, 512, k), (12, 32), Costs::new(16, true, IN_PLACE));
        cut.count((128, 512))
    };
    assert_eq!([512, 4095, 4096].map(count), [2, 2, 6]);
}

/// Threads so many that each would pack much of B again.
const THREADS: usize = 8;

/// Shapes in which they pack it together: in one block, and in two of k.
const SHARED: [(usize, usize, usize); 2] = [(1000, 600, 600), (1200, 400, 1000)];

/// `beside += block`, of a product that is consumed.
struct AddTo;

impl super::Epilogue for AddTo {
    fn beside(&self) -> usize {
        1
    }
    fn finish(&self, _: Level, finished: super::Finished<'_>) {
        let super::Finished { mut block, beside: Beside([Some(mut to), ..]), .. } = finished else {
            panic!("a matrix beside it");
        };
        for (i, to) in to.iter_rows_mut().enumerate() {
            to.iter_mut().zip(block.row_mut(i).expect("a row")).for_each(|(to, x)| *to += *x);
        }
    }
}

/// How threads share a product whose B is transposed: they pack it together.
fn shared_plan(
    cpu: Cpu,
    shape: (usize, usize, usize),
    a_steps: (usize, usize),
    is_consumed: bool,
) -> Plan {
    let b_steps = (1, shape.2);
    let form = Form { shape, a_steps, b_steps, packed_kc: None, is_consumed };
    let plan = Plan::new(cpu, form).expect("no small product");
    assert_eq!(plan.threads, THREADS);
    assert!(plan.shared.is_some(), "{shape:?} at {}", cpu.level());
    plan
}

#[test]
fn what_many_threads_pack_together_is_multiplied_once() {
    for level in Level::available() {
        if level == Level::Portable {
            continue;
        }
        let small = Caches { l1: 32 << 10, l2: 256 << 10, l3: 4 << 20 };
        for caches in [small, Caches::FALLBACK] {
            for shape in SHARED {
                let cpu = Cpu::detect().with_level(level).with_caches(caches);
                for a_is_transposed in [false, true] {
                    in_pool(THREADS, || multiply_together(cpu, shape, a_is_transposed));
                }
            }
        }
    }
}

fn multiply_together(cpu: Cpu, (m, n, k): (usize, usize, usize), a_is_transposed: bool) {
    let (a, b_t) = (integers(m * k, 1), integers(n * k, 2));
    let (bias, before) = (integers(n, 3), integers(m * n, 4));
    // B is transposed, so that it has to be packed.
    let a = match a_is_transposed {
        true => Operand::from(View::new(k, m, &a).expect("a^T").t()),
        false => View::new(m, k, &a).expect("a").into(),
    };
    let a_steps = (a.row_step(), a.col_step());
    let b = Operand::from(View::new(n, k, &b_t).expect("b").t());
    let mut plan = shared_plan(cpu, (m, n, k), a_steps, false);
    let serial = cpu.with_parallelism(Parallelism::Serial);
    let mut product = vec![f32::NAN; m * n];
    let c = ViewMut::new(m, n, &mut product).expect("c");
    matmul(serial, &mut Scratch::new(), a, b, Accum::Replace, c).expect("the shapes fit");
    // Exact: integers, whose sums f32 holds.
    assert_eq!(product[n + 1], (0..k).map(|p| a.element(1, p) * b.element(p, 1)).sum::<f32>());

    let mut scratch = Scratch::new();
    let starts = [(Start::Zero, 0), (Start::Bias(&bias), 1), (Start::Output, 2)];
    for (start, which) in starts {
        let mut found = before.clone();
        scratch.poison();
        let c = ViewMut::new(m, n, &mut found).expect("c");
        matmul_fused(cpu, &mut scratch, (a, b), start, &Map(TwoMinus), c).expect("it fits");
        for (at, (&found, &product)) in found.iter().zip(&product).enumerate() {
            let start = [0.0, bias[at % n], before[at]][which];
            assert_eq!(found, 2.0 - (start + product), "{at} of {m}x{n}x{k}, start {which}");
        }
    }
    // The same in ranges of a few columns, as where B is larger than what threads share.
    let (kc, _) = plan.shared.expect("it is shared");
    let range = (kc, 3 * panel_width(cpu.level()));
    plan.shared = Some(range);
    let packed = None;
    let (start, epilogue, origin) = (Start::Bias(&bias[..]), &Map(TwoMinus), (0, 0));
    let whole = Product { a, b, packed, start, epilogue, origin, is_consumed: false };
    let mut found = vec![f32::NAN; m * n];
    let c = ViewMut::new(m, n, &mut found).expect("c");
    let mut memory = vec![f32::NAN; plan.scratch()];
    share(cpu, &plan, range, &mut memory, &whole, c, None);
    for (at, (&found, &product)) in found.iter().zip(&product).enumerate() {
        assert_eq!(found, 2.0 - (bias[at % n] + product), "{at} of {m}x{n}x{k} in ranges");
    }

    let (mut c, mut beside) = (vec![f32::NAN; m * n], vec![f32::NAN; m * n]);
    let view = ViewMut::new(m, n, &mut c).expect("c");
    let other = Beside::one(ViewMut::new(m, n, &mut beside).expect("beside"));
    let epilogue = MapBeside(TwoMinus);
    matmul_fused_beside(cpu, &mut scratch, (a, b), Start::Zero, &epilogue, view, other)
        .expect("it fits");
    assert_eq!(c, product);
    assert!(beside.iter().zip(&product).all(|(b, x)| *b == 2.0 - x));
    if super::can_consume(cpu.level(), k) {
        shared_plan(cpu, (m, n, k), a_steps, true);
        let mut to = before.clone();
        let beside = Beside::one(ViewMut::new(m, n, &mut to).expect("beside"));
        scratch.poison();
        matmul_consumed(cpu, &mut scratch, (a, b), &AddTo, beside).expect("it fits");
        assert!(to.iter().zip(&product).zip(&before).all(|((to, x), b)| *to == x + b));
    }
}

#[test]
fn a_part_of_several_blocks_of_a_packed_a_is_exact() {
    let (m, n, k) = (1100, 300, 40);
    let (a_t, b) = (integers(k * m, 1), integers(k * n, 2));
    let a = Operand::from(View::new(k, m, &a_t).expect("a^T").t());
    let b = Operand::from(View::new(k, n, &b).expect("b"));
    for level in Level::available() {
        if level == Level::Portable {
            continue;
        }
        let cpu = Cpu::detect().with_level(level).with_caches(Caches::FALLBACK);
        let (shape, is_consumed) = ((m, n, k), false);
        let (a_steps, b_steps) = ((a.row_step(), a.col_step()), (b.row_step(), b.col_step()));
        let form = Form { shape, a_steps, b_steps, packed_kc: None, is_consumed };
        let mut found = vec![f32::NAN; m * n];
        in_pool(2, || {
            let mut plan = Plan::new(cpu, form).expect("no small product");
            let Path::Blocks(blocking) = plan.path else { panic!("five loops") };
            plan.cut.shape = (m, 160);
            assert!(blocking.pack_a && blocking.mc < m, "{level}");
            assert_eq!((plan.threads, plan.shared), (2, None), "{level}");
            let packed = None;
            let (start, epilogue, origin) = (Start::Zero, &Map(TwoMinus), (0, 0));
            let whole = Product { a, b, packed, start, epilogue, origin, is_consumed };
            let mut memory = vec![f32::NAN; plan.scratch()];
            let c = ViewMut::new(m, n, &mut found).expect("c");
            divide(cpu, &plan, &mut memory, &whole, c, None);
        });
        for (at, &found) in found.iter().enumerate() {
            let product = |p| a.element(at / n, p) * b.element(p, at % n);
            assert_eq!(found, 2.0 - (0..k).map(product).sum::<f32>(), "{at} at {level}");
        }
    }
}

#[test]
fn two_threads_with_wide_parts_pack_apart() {
    let (shape, packed_kc, is_consumed) = ((300, 2100, 530), None, false);
    let form = Form { shape, a_steps: (530, 1), b_steps: (1, 530), packed_kc, is_consumed };
    for level in Level::available() {
        if level != Level::Portable {
            let cpu = Cpu::detect().with_level(level).with_caches(Caches::FALLBACK);
            let plan = in_pool(2, || Plan::new(cpu, form)).expect("no small product");
            assert_eq!((plan.threads, plan.shared), (2, None), "{level}");
        }
    }
}

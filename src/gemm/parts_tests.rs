//! Parts cover C once, and B packed by many threads gives the product.

use super::epilogue::{Beside, Map, MapBeside};
use super::operand::Operand;
use super::parallel::share;
use super::parts::{Cut, Parts, Reading};
use super::plan::{Form, Plan};
use super::shared::panel_width;
use super::{Accum, Product, Start, matmul, matmul_consumed, matmul_fused, matmul_fused_beside};
use crate::cpu::Cpu;
use crate::parallel::in_pool;
use crate::scratch::Scratch;
use crate::simd::slice::Unary;
use crate::simd::{Caches, Level, Simd};
use crate::tensor::{View, ViewMut};

const SHAPES: [(usize, usize); 8] =
    [(1, 1), (1, 100), (100, 1), (7, 9), (64, 64), (50, 31), (13, 260), (300, 17)];

/// `x + 1`, applied to each element as often as it is in a part.
fn count(mut c: ViewMut<'_>) {
    c.for_each_row(|_, row| row.iter_mut().for_each(|x| *x += 1.0));
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
fn a_cut_has_whole_units_and_enough_parts_for_all_threads() {
    for unit in [(6, 16), (12, 32), (32, 12), (8, 8)] {
        for threads in [2, 3, 4, 5, 7, 8, 64] {
            for (m, n, k) in
                [(1, 512, 512), (512, 512, 1), (64, 128, 784), (512, 512, 512), (4096, 8, 256)]
                    .into_iter()
                    .chain([(4096, 4096, 512), (2000, 2000, 17), (1, 1, 1), (12, 100_000, 9)])
            {
                for reading in [Reading::new(false, false), Reading::new(true, true)] {
                    let cut = Cut::new(threads, (m, n, k), unit, reading);
                    let what = format!("{m}x{n}x{k} in {unit:?} on {threads}: {cut:?}");
                    let (rows, cols) = cut.shape;
                    assert!(rows == m || rows.is_multiple_of(unit.0), "{what}");
                    assert!(cols == n || cols.is_multiple_of(unit.1), "{what}");
                    let units = m.div_ceil(unit.0) * n.div_ceil(unit.1);
                    let count = cut.count((m, n));
                    assert!((1..=8 * threads).contains(&count), "{count} parts, {what}");
                    // Sides that cannot be cut evenly may leave less than one for each, but not half.
                    assert!(2 * count >= threads.min(units), "{count} parts, {what}");
                }
            }
        }
    }
    let whole = Cut::new(1, (500, 600, 700), (6, 16), Reading::new(false, false));
    assert_eq!(whole.shape, (500, 600));
}

/// Threads so many that each would pack much of B again.
const THREADS: usize = 4;

/// Shapes in which they pack it together: in one block, and in two of k.
const SHARED: [(usize, usize, usize); 2] = [(1000, 500, 300), (700, 400, 600)];

fn integers(len: usize, seed: usize) -> Vec<f32> {
    let hash = |i: usize| (i + seed + 1).wrapping_mul(0x9e37_79b9) >> 7;
    (0..len).map(|i| (hash(i) % 5) as f32 - 2.0).collect()
}

/// `2 - x`: applied twice, or early, it shows.
struct TwoMinus;

impl Unary for TwoMinus {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        s.sub(s.splat(2.0), x)
    }
}

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
        to.for_each_row(|i, to| {
            to.iter_mut().zip(block.row_mut(i).expect("a row")).for_each(|(to, x)| *to += *x);
        });
    }
}

/// How threads share a product whose A is as it stands and whose B is transposed: they pack B together.
fn shared_plan(cpu: Cpu, shape: (usize, usize, usize), is_consumed: bool) -> Plan {
    let (a_steps, b_steps) = ((shape.2, 1), (1, shape.2));
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
                in_pool(THREADS, || shared(cpu, shape));
            }
        }
    }
}

fn shared(cpu: Cpu, (m, n, k): (usize, usize, usize)) {
    let (a, b_t) = (integers(m * k, 1), integers(n * k, 2));
    let (bias, before) = (integers(n, 3), integers(m * n, 4));
    // B is transposed, so that it has to be packed.
    let a = Operand::from(View::new(m, k, &a).expect("a"));
    let b = Operand::from(View::new(n, k, &b_t).expect("b").t());
    let mut plan = shared_plan(cpu, (m, n, k), false);
    let serial = cpu.with_parallelism(crate::Parallelism::Serial);
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
        shared_plan(cpu, (m, n, k), true);
        let mut to = before.clone();
        let beside = Beside::one(ViewMut::new(m, n, &mut to).expect("beside"));
        scratch.poison();
        matmul_consumed(cpu, &mut scratch, (a, b), &AddTo, beside).expect("it fits");
        assert!(to.iter().zip(&product).zip(&before).all(|((to, x), b)| *to == x + b));
    }
}

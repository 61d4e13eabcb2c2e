//! The five loops at `Portable<3>`, whose tile of 5 x 6 has no power of two in it, with blocks of
//! one tile or a few: what counts on powers of two, or crosses a loop wrongly, shows here.

use super::blocking::{Blocking, PackB};
use super::epilogue::{Epilogue, Identity, Map};
use super::fetch::Fetch;
use super::macro_kernel::five_loops;
use super::operand::Operand;
use super::pack::{pack_a, pack_b};
use super::stream::stream;
use super::tile_shape::{TileShape, even_strips, is_tall};
use super::{Product, Start};
use crate::simd::slice::Unary;
use crate::simd::{Level, Portable, QUAD, Simd};
use crate::tensor::{View, ViewMut};

type Odd = Portable<3>;
const S: Odd = Portable::<3>;
const MR: usize = <Odd as TileShape>::MR;
const NR: usize = <Odd as TileShape>::NR;

/// Some integers in `-8..=8`.
pub(super) fn integers(len: usize, seed: usize) -> Vec<f32> {
    let hash = |i: usize| (i + seed + 1).wrapping_mul(0x9e37_79b9) >> 7;
    (0..len).map(|i| (hash(i) % 17) as f32 - 8.0).collect()
}

fn transposed(rows: usize, cols: usize, x: &[f32]) -> Vec<f32> {
    (0..rows * cols).map(|at| x[at % rows * cols + at / rows]).collect()
}

/// `f(start + A.B)` in integers.
fn reference(
    (m, n, k): (usize, usize, usize),
    (a, b): (&[f32], &[f32]),
    start: impl Fn(usize, usize) -> f32,
    f: impl Fn(i64) -> i64,
) -> Vec<f32> {
    let term = |i, j, p| a[i * k + p] as i64 * b[p * n + j] as i64;
    let element = |i, j| f(start(i, j) as i64 + (0..k).map(|p| term(i, j, p)).sum::<i64>());
    (0..m * n).map(|at| element(at / n, at % n) as f32).collect()
}

/// `2 - x`, which changes zeros and is no projection: applied twice, or early, it shows.
pub(super) struct TwoMinus;

impl Unary for TwoMinus {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        s.sub(s.splat(2.0), x)
    }
}

const SHAPES: [(usize, usize, usize); 12] = [
    (1, 1, 1),
    (1, 13, 4),
    (11, 1, 5),
    (5, 6, 3),
    (4, 5, 7),
    (6, 7, 8),
    (9, 11, 0),
    (10, 12, 9),
    (11, 13, 10),
    (16, 19, 14),
    (23, 31, 17),
    (15, 18, 1),
];

/// Each kind of fetching, which no result depends on.
fn fetch(far: bool) -> Fetch {
    Fetch { first: (128, 32), far, panel: !far, a: far }
}

/// Every blocking of the shape that the loops must be able to run. A packed block is of whole
/// panels; without packing a block may be of any size.
fn blockings() -> Vec<Blocking> {
    let mut all = Vec::new();
    for kc in [1, 2, 3, 7, 100] {
        for (mc, nc) in [(MR, NR), (2 * MR, NR), (MR, 2 * NR), (2 * MR, 3 * NR), (100, 120)] {
            for pack_b in [PackB::Never, PackB::Before, PackB::Copying, PackB::Turning] {
                for pack_a in [false, true] {
                    let fetch = fetch(pack_a);
                    all.push(Blocking { mc, kc, nc, pack_a, pack_b, fetch });
                }
            }
        }
        for (mc, nc) in [(1, 1), (1, 7), (4, 5), (7, 1)] {
            let fetch = fetch(kc > 3);
            let (pack_a, pack_b) = (false, PackB::Never);
            all.push(Blocking { mc, kc, nc, pack_a, pack_b, fetch });
        }
    }
    all
}

/// A product that goes to C.
fn kept<'a>(
    a: Operand<'a>,
    b: Operand<'a>,
    start: Start<'a>,
    epilogue: &'a dyn Epilogue,
) -> Product<'a> {
    Product { a, b, packed: None, start, epilogue, origin: (0, 0), is_consumed: false }
}

/// Runs the five loops with scratch of exactly the size they ask for, filled with NaN.
fn run(
    blocking: Blocking,
    (a, b): (Operand<'_>, Operand<'_>),
    start: Start<'_>,
    epilogue: &dyn Epilogue,
    c: &mut [f32],
) {
    let (m, n) = (a.rows(), b.cols());
    let mut scratch = vec![f32::NAN; blocking.scratch()];
    let product = kept(a, b, start, epilogue);
    let c = ViewMut::new(m, n, c).expect("c");
    five_loops(S, Level::Portable, blocking, &mut scratch, &product, c, None);
}

#[test]
fn five_loops_of_odd_tiles_and_tiny_blocks_are_exact() {
    let mut compared = 0;
    for (m, n, k) in SHAPES {
        let (a, b) = (integers(m * k, 1), integers(k * n, 2));
        let (bias, before) = (integers(n, 3), integers(m * n, 4));
        let (a_t, b_t) = (transposed(m, k, &a), transposed(k, n, &b));
        let a_stored = [View::new(m, k, &a).expect("a"), View::new(k, m, &a_t).expect("a^T")];
        let b_stored = [View::new(k, n, &b).expect("b"), View::new(n, k, &b_t).expect("b^T")];
        let product = |start: &dyn Fn(usize, usize) -> f32| {
            [|x| x, |x| 2 - x].map(|f| reference((m, n, k), (&a, &b), start, f))
        };
        let expected = [
            (Start::Zero, product(&|_, _| 0.0)),
            (Start::Bias(&bias), product(&|_, j| bias[j])),
            (Start::Output, product(&|i, j| before[i * n + j])),
        ];
        for blocking in blockings() {
            for a in [Operand::from(a_stored[0]), a_stored[1].t().into()] {
                for b in [Operand::from(b_stored[0]), b_stored[1].t().into()] {
                    // A micro-kernel that reads B in place needs contiguous rows, dot products A's rows
                    // and B's columns.
                    let fits = match blocking.pack_b {
                        PackB::Never | PackB::Copying => b.col_step() == 1,
                        PackB::Turning => a.col_step() == 1 && b.row_step() == 1,
                        PackB::Before => true,
                    };
                    if !fits {
                        continue;
                    }
                    for (start, [plain, mapped]) in &expected {
                        let epilogues: [(&dyn Epilogue, _); 2] =
                            [(&Identity, plain), (&Map(TwoMinus), mapped)];
                        for (epilogue, expected) in epilogues {
                            let mut c = vec![f32::NAN; m * n];
                            if let Start::Output = start {
                                c.copy_from_slice(&before);
                            }
                            run(blocking, (a, b), *start, epilogue, &mut c);
                            assert_eq!(&c, expected, "{m} {n} {k} {blocking:?} {start:?}");
                            compared += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(compared > 10_000, "{compared} products");
}

#[test]
fn the_first_strip_packs_what_packing_would() {
    // Strips of five rows, of four, and of three, which only dot products pack in; the last panels lack columns.
    for (m, n, k) in [(10, 13, 9), (15, 12, 4), (8, 7, 11), (6, 8, 5), (4, 1, 3)] {
        let (a, b) = (integers(m * k, 1), integers(k * n, 2));
        let b_t = transposed(k, n, &b);
        let a = Operand::from(View::new(m, k, &a).expect("a"));
        let b = Operand::from(View::new(k, n, &b).expect("b"));
        let b_t = Operand::from(View::new(n, k, &b_t).expect("b^T").t());
        let (kc, nc) = (k, n.next_multiple_of(NR));
        let [packed, copied, turned] =
            [(b, PackB::Before), (b, PackB::Copying), (b_t, PackB::Turning)].map(|(b, pack_b)| {
                let (pack_a, fetch) = (false, fetch(true));
                let blocking = Blocking { mc: m, kc, nc, pack_a, pack_b, fetch };
                let mut scratch = vec![f32::NAN; blocking.scratch()];
                let mut c = vec![f32::NAN; m * n];
                let product = kept(a, b, Start::Zero, &Identity);
                let view = ViewMut::new(m, n, &mut c).expect("c");
                five_loops(S, Level::Portable, blocking, &mut scratch, &product, view, None);
                (scratch, c)
            });
        assert!(packed.1 == copied.1 && packed.1 == turned.1, "{m} {n} {k}");
        let is_column = |at: usize| at / (k * NR) * NR + at % NR < n;
        for at in (0..packed.0.len()).filter(|&at| is_column(at)) {
            let [expected, copied, turned] = [packed.0[at], copied.0[at], turned.0[at]];
            assert!(expected == copied, "{at} of {m} {n} {k}: {expected} copied as {copied}");
            assert!(expected == turned, "{at} of {m} {n} {k}: {expected} turned to {turned}");
        }
        // Tiles write whole vectors, packing no more than there is: so it was a tile. What they write beside
        // the columns are zeros, or the last column once more.
        let lacks = !n.is_multiple_of(<Odd as Simd>::LANES);
        let beside = |(x, _): &(Vec<f32>, Vec<f32>), is: &dyn Fn(f32) -> bool| {
            (0..x.len()).filter(|&at| !is_column(at) && is(x[at])).count()
        };
        let [zeros, packed_zeros] = [&copied, &packed].map(|x| beside(x, &|x| x == 0.0));
        let is_tall = is_tall(even_strips(m, MR).0, MR);
        assert!(!lacks || (zeros > packed_zeros) == is_tall, "{m} {n} {k} was not copied");
        let [numbers, packed_numbers] = [&turned, &packed].map(|x| beside(x, &|x| !x.is_nan()));
        assert!(!lacks || (numbers > packed_numbers) == (k >= QUAD), "{m} {n} {k} was not turned");
    }
}

#[test]
fn a_packed_block_is_a_row_of_micro_panels() {
    for (lanes, k) in [(1, 1), (4, 8), (5, 3), (6, 9), (7, 17), (11, 20)] {
        let x = integers(lanes * k, 5);
        let x_t = transposed(lanes, k, &x);
        let (rows, columns) =
            (View::new(lanes, k, &x).expect("x"), View::new(k, lanes, &x_t).expect("x^T"));
        for width in [1, 3, 5, 6, 16] {
            let panels = lanes.div_ceil(width);
            let expected: Vec<Option<f32>> = (0..panels * k * width)
                .map(|at| {
                    let (panel, p, lane) = (at / (k * width), at / width % k, at % width);
                    let lane = panel * width + lane;
                    (lane < lanes).then(|| x[lane * k + p])
                })
                .collect();
            // Lanes are the rows of A and the columns of B, stored either way; room for one more
            // panel, which stays as it was, like the lanes that the last panel lacks.
            let is_packed = |packed: &[f32]| {
                assert_eq!(packed.len(), (panels + 1) * k * width);
                packed.iter().enumerate().all(|(at, &x)| match expected.get(at) {
                    Some(&Some(value)) => x == value,
                    _ => x.is_nan(),
                })
            };
            for source in [Operand::from(rows), columns.t().into()] {
                let mut packed = vec![f32::NAN; (panels + 1) * k * width];
                pack_a(S, &mut packed, width, source);
                assert!(is_packed(&packed), "A {lanes} {k} {width}: {packed:?}");
            }
            for source in [Operand::from(columns), rows.t().into()] {
                let mut packed = vec![f32::NAN; (panels + 1) * k * width];
                pack_b(S, &mut packed, width, source);
                assert!(is_packed(&packed), "B {lanes} {k} {width}: {packed:?}");
            }
        }
    }
}

#[test]
fn a_block_of_an_operand_is_cut_off_at_its_edges() {
    let x = integers(3 * 4, 6);
    let view = View::new(3, 4, &x).expect("x");
    for (operand, rows, cols) in [(Operand::from(view), 3, 4), (view.t().into(), 4, 3)] {
        let indices = [0, 1, 2, 3, 4, 5, usize::MAX];
        for (row, col) in indices.iter().flat_map(|&r| indices.map(|c| (r, c))) {
            for (r, c) in indices.iter().flat_map(|&r| indices.map(|c| (r, c))) {
                let block = operand.block((row, col), (r, c));
                let expected = (r.min(rows - row.min(rows)), c.min(cols - col.min(cols)));
                assert_eq!(block.shape(), expected);
                if block.rows() > 0 && block.cols() > 0 {
                    let steps = (operand.row_step(), operand.col_step());
                    let at = row * steps.0 + col * steps.1;
                    assert_eq!(block.as_ptr(), x[at..].as_ptr());
                    assert_eq!((block.row_step(), block.col_step()), steps);
                }
            }
        }
    }
}

#[test]
fn streamed_rows_are_exact() {
    // Vectors of 16 are those of a level with 32 registers.
    streamed_rows(S);
    streamed_rows(Portable::<16>);
}

#[inline(always)]
fn streamed_rows<S: Simd>(s: S) {
    let sizes = [(1, 1), (7, 9), (12, 16), (20, 11), (33, 29), (9, 0)];
    for (m, (n, k)) in (1..=4).flat_map(|m| sizes.map(|size| (m, size))) {
        let (a, b) = (integers(m * k, 1), integers(k * n, 2));
        let (bias, before) = (integers(n, 3), integers(m * n, 4));
        let a_t = transposed(m, k, &a);
        let a_stored: [Operand<'_>; 2] = [
            View::new(m, k, &a).expect("a").into(),
            View::new(k, m, &a_t).expect("a^T").t().into(),
        ];
        let b_view = View::new(k, n, &b).expect("b").into();
        type First<'a> = &'a dyn Fn(usize, usize) -> f32;
        let starts: [(Start<'_>, First<'_>); 3] = [
            (Start::Zero, &|_, _| 0.0),
            (Start::Bias(&bias), &|_, j| bias[j]),
            (Start::Output, &|i, j| before[i * n + j]),
        ];
        for (a_view, (start, first)) in
            a_stored.into_iter().flat_map(|a| starts.map(|start| (a, start)))
        {
            let expected = reference((m, n, k), (&a, &b), first, |x| 2 - x);
            let mut c = vec![f32::NAN; m * n];
            if let Start::Output = start {
                c.copy_from_slice(&before);
            }
            let epilogue = &Map(TwoMinus);
            let product = kept(a_view, b_view, start, epilogue);
            stream(s, Level::Portable, &product, ViewMut::new(m, n, &mut c).expect("c"), None);
            assert_eq!(c, expected, "{m} {n} {k} {start:?}");
        }
    }
}

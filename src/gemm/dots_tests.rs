//! Dot products of rows: every kernel, and which products they are taken for.

use super::blocking::{Blocking, PackB};
use super::dots::{DotShape, can_pack, strip};
use super::epilogue::Identity;
use super::forecast::{Layout, scratch};
use super::operand::Operand;
use super::parallel::run;
use super::plan::{Form, Path, Plan};
use super::tests::integers;
use super::tile_shape::{at_level, tallest};
use super::{Accum, Product, Start, matmul};
use crate::cpu::Cpu;
use crate::scratch::{Buffer, Scratch};
use crate::simd::{Caches, Level, Simd};
use crate::tensor::{View, ViewMut};

/// `rows x cols` integers, in rows `step` apart with NaN between them.
fn spread(rows: usize, cols: usize, step: usize, seed: usize) -> Vec<f32> {
    let x = integers(rows * cols, seed);
    (0..(rows - 1) * step + cols)
        .map(|at| if at % step < cols { x[at / step * cols + at % step] } else { f32::NAN })
        .collect()
}

#[test]
fn kernels_of_every_height_are_exact_and_keep_to_their_rows() {
    for level in Level::available().filter(|&level| level != Level::Portable) {
        // One strip of each height, and two that differ.
        for m in 1..=tallest(level) + 2 {
            for (n, k) in (1..=33).flat_map(|n| (4..=13).map(move |k| (n, k))) {
                check(level, (m, n, k), k + 1);
            }
            // Whole cache lines and a rest, up to three of the widest tiles.
            for (n, k) in (1..=97).step_by(3).flat_map(|n| [16, 31, 48].map(|k| (n, k))) {
                check(level, (m, n, k), k + 1);
            }
        }
    }
}

#[test]
fn columns_that_share_sets_of_l1_give_the_same() {
    for level in Level::available().filter(|&level| level != Level::Portable) {
        for (m, n) in (1..=3).flat_map(|m| [1, 16, 17, 33, 40].map(|n| (m, n))) {
            check(level, (m, n, 21), 1024);
        }
    }
}

fn check(level: Level, (m, n, k): (usize, usize, usize), b_step: usize) {
    let (a_step, c_step) = (k + 3, n + 2);
    let (a, b) = (spread(m, k, a_step, 1), spread(n, k, b_step, 2));
    let (bias, before) = (integers(n, 3), spread(m, n, c_step, 4));
    let a_view = Operand::from(View::with_stride(m, k, a_step, &a).expect("a"));
    let b_view = Operand::from(View::with_stride(n, k, b_step, &b).expect("b^T").t());
    let sum =
        |i: usize, j: usize| -> f32 { (0..k).map(|p| a[i * a_step + p] * b[j * b_step + p]).sum() };
    type First<'a> = &'a dyn Fn(usize, usize) -> f32;
    let starts: [(Start<'_>, First<'_>); 3] = [
        (Start::Zero, &|_, _| 0.0),
        (Start::Bias(&bias), &|_, j| bias[j]),
        (Start::Output, &|i, j| before[i * c_step + j]),
    ];
    for (start, first) in starts {
        let mut c = match start {
            Start::Output => before.clone(),
            _ => vec![f32::NAN; before.len()],
        };
        let c_view = ViewMut::with_stride(m, n, c_step, &mut c).expect("c");
        let product = Product::new(a_view, b_view, start, &Identity);
        run(level, Path::Dots, &mut [], &product, c_view, None);
        for (at, &found) in c.iter().enumerate() {
            let (i, j) = (at / c_step, at % c_step);
            if j < n {
                assert_eq!(found, first(i, j) + sum(i, j), "{level} {m} {n} {k} {i} {j} {start:?}");
            } else {
                assert!(found.is_nan(), "{level} {m} {n} {k}: written between rows");
            }
        }
    }
}

#[test]
fn a_strip_that_packs_writes_the_panels_and_the_same_product() {
    for level in Level::available() {
        at_level!(level, (), s => packs(s, level));
    }
}

#[inline(always)]
fn packs<S: DotShape>(s: S, level: Level) {
    let mut packed = 0;
    for (m, n) in (1..=S::MR).flat_map(|m| (1..=2 * S::NR + 1).map(move |n| (m, n))) {
        for k in (4..=9).chain([18, 37]).filter(|&k| can_pack(m, S::MR, k)) {
            let (a, b) = (spread(m, k, k + 3, 1), spread(n, k, k + 1, 2));
            let a = Operand::from(View::with_stride(m, k, k + 3, &a).expect("a"));
            let b = Operand::from(View::with_stride(n, k, k + 1, &b).expect("b^T").t());
            let (bias, before) = (integers(n, 3), spread(m, n, n + 2, 4));
            for (start, which) in [(Start::Zero, 0), (Start::Bias(&bias), 1), (Start::Output, 2)] {
                // A guard behind the last panel, and between the rows of C.
                let size = n.next_multiple_of(S::NR) * k;
                let mut panels = vec![f32::NAN; size + S::NR];
                let mut found = before.clone();
                let to = (found.as_mut_ptr(), n + 2);
                // SAFETY: `found` has `m` rows of `n` elements.
                unsafe { strip(s, (&a, &b), start, to, Some(&mut panels)) };
                for (at, &found) in found.iter().enumerate() {
                    let (i, j) = (at / (n + 2), at % (n + 2));
                    if j >= n {
                        assert!(found.is_nan(), "{level} {m} {n} {k}: written between rows");
                        continue;
                    }
                    let sum: f32 = (0..k).map(|p| a.element(i, p) * b.element(p, j)).sum();
                    let first = [0.0, bias[j], before[at]][which];
                    assert_eq!(found, first + sum, "{level} {m} {n} {k} {i} {j} {start:?}");
                }
                for (p, j) in (0..k).flat_map(|p| (0..n).map(move |j| (p, j))) {
                    let at = j / S::NR * S::NR * k + p * S::NR + j % S::NR;
                    assert_eq!(panels[at], b.element(p, j), "{level} {m} {n} {k} {p} {j}");
                }
                assert!(panels[size..].iter().all(|x| x.is_nan()), "{level} {m} {n} {k}: too far");
            }
            packed += 1;
        }
    }
    assert!(packed > 0 && !can_pack(S::MR, S::MR, 3) && !can_pack(S::MR / 2, S::MR, 4));
}

#[test]
fn few_rows_with_a_transposed_b_are_dots() {
    for level in Level::available().filter(|&level| level != Level::Portable) {
        let cpu = Cpu::serial().with_level(level).with_caches(Caches::FALLBACK);
        let most = tallest(level);
        let form = |shape: (usize, usize, usize), a_steps| {
            let (b_steps, packed_kc, is_consumed) = ((1, shape.2), None, false);
            Form { shape, a_steps, b_steps, packed_kc, is_consumed }
        };
        let path = |form: Form| {
            assert!(!form.needs_no_plan(level), "{level} {form:?}");
            Plan::new(cpu, form).map(|plan| (plan.path, plan.scratch()))
        };
        let (n, k) = (1000, 300);
        for m in 1..=most {
            let path = path(form((m, n, k), (k, 1)));
            assert!(matches!(path, Some((Path::Dots, 0))), "{level} {m} {path:?}");
        }
        // More rows, a transposed A, or too few steps are for other paths.
        for (m, k, a_steps) in [(most + 1, k, (k, 1)), (most, k, (1, most)), (most, 3, (3, 1))] {
            let form = form((m, 16 * n, k), a_steps);
            let path = path(form);
            assert!(!matches!(path, Some((Path::Dots, _))), "{level} {form:?} {path:?}");
        }
        // Few columns: the dot products are those of the transposition, which has C's size.
        let (m, k) = (200, 300);
        let path = path(form((m, 3, k), (k, 1)));
        assert!(matches!(path, Some((Path::Turned(None), 600))), "{level} {path:?}");
    }
}

#[test]
fn the_first_strip_turns_a_transposed_b_of_more_rows() {
    for level in Level::available().filter(|&level| level != Level::Portable) {
        let cpu = Cpu::serial().with_level(level).with_caches(Caches::FALLBACK);
        let turns = |(m, n, k), a_steps| {
            let (shape, b_steps) = ((m, n, k), (1, k));
            let form = Form { shape, a_steps, b_steps, packed_kc: None, is_consumed: false };
            let path = Plan::new(cpu, form).map(|plan| plan.path);
            matches!(path, Some(Path::Blocks(Blocking { pack_b: PackB::Turning, .. })))
        };
        for (m, n, k) in [(13, 5111, 5), (18, 5111, 5), (170, 400, 17), (40, 2001, 16)] {
            assert!(turns((m, n, k), (k, 1)) && !turns((m, n, k), (1, m)), "{level} {m} {n} {k}");
        }
    }
}

#[test]
fn small_dots_need_no_plan() {
    let needs_none = |level, (m, n, k)| {
        let (a_steps, b_steps) = ((k, 1), (1, k));
        let shape = (m, n, k);
        let form = Form { shape, a_steps, b_steps, packed_kc: None, is_consumed: false };
        let [packed, consumed] =
            [Form { packed_kc: Some(k), ..form }, Form { is_consumed: true, ..form }];
        assert!(!packed.needs_no_plan(level) && !consumed.needs_no_plan(level));
        assert!(!Form { a_steps: (1, m + 1), ..form }.needs_no_plan(level));
        assert!(!Form { b_steps: (n + 1, 1), ..form }.needs_no_plan(level));
        form.needs_no_plan(level)
    };
    for level in Level::available() {
        let has_tiles = level != Level::Portable;
        // Any number of rows up to 8 Ki multiply-adds, those of a tile up to 64 Ki.
        for (shape, expected) in [
            ((32, 16, 16), true),
            ((33, 16, 16), false),
            ((4, 128, 128), true),
            ((4, 129, 128), false),
            ((16, 16, 3), false),
            // Cheaper as the transposition.
            ((6, 1, 4000), false),
            ((1000, 2, 4), false),
            ((60, 7, 16), false),
            ((60, 8, 16), true),
            ((200, 1, 20), false),
            ((1, 17, 4), true),
        ] {
            assert_eq!(needs_none(level, shape), expected && has_tiles, "{level} {shape:?}");
        }
    }
}

#[test]
fn what_dots_take_was_forecast() {
    // The fifth and sixth are on both sides of the fewest steps of a transposition.
    let shapes = [
        (64, 10, 128),
        (300, 5, 300),
        (12, 2, 784),
        (6, 1, 4000),
        (2000, 2, 15),
        (2000, 2, 16),
        (5, 90, 200),
        (30, 9, 31),
        // B is turned by the first strip.
        (30, 300, 300),
        (300, 257, 64),
    ];
    let mut taken = 0;
    for (level, (m, n, k)) in Level::available().flat_map(|level| shapes.map(|s| (level, s))) {
        let cpu = Cpu::serial().with_level(level);
        let (a, b) = (integers(m * k, 1), integers(n * k, 2));
        let (a, b) = (View::new(m, k, &a).expect("a"), View::new(n, k, &b).expect("b^T"));
        let mut c = vec![f32::NAN; m * n];
        let c = ViewMut::new(m, n, &mut c).expect("c");
        let mut memory = Scratch::new();
        matmul(cpu, &mut memory, a, b.t(), Accum::Replace, c).expect("shapes fit");
        let forecast = scratch(cpu, (m, n, k), Layout::Nt, false);
        let bytes = if forecast == 0 { 0 } else { Buffer::bytes_for(forecast).expect("small") };
        assert_eq!(memory.bytes(), bytes, "{level} {m} {n} {k}");
        taken += bytes;
    }
    // On a machine with tiles some have a buffer for the transposition.
    assert!(taken > 0 || Level::available().count() == 1);
}

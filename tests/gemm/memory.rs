//! Where matrices stand and what they hold: strides, offsets, garbage in outputs and scratch,
//! NaN and infinity.

use super::common::{Check, Layout, Random, Stored, levels, serial};
use super::{Case, SMALL};
use densecore::gemm::{Accum, matmul};
use densecore::{Scratch, View, ViewMut};

/// Runs the case on integers at every level and compares.
fn check_levels(check: &mut Check, case: Case, random: &mut Random) {
    let (m, n, k) = case.shape();
    let (a, b, c) = (random.integers(m * k), random.integers(k * n), random.integers(m * n));
    let expected = case.exact(&a, &b, &c);
    for level in levels() {
        let found = case.run(serial(level), &mut Scratch::new(), &a, &b, &c);
        check.equal(&found, &expected, &(level, case));
    }
}

#[test]
fn rows_stand_any_distance_apart() {
    let mut check = Check::new("rows_stand_any_distance_apart");
    let mut random = Random::new(10);
    for stride in [37, 41, 101, 257, 521] {
        for (m, n, k) in [(7, 35, 36), (30, 33, 9), (1, 17, 31), (14, 1, 23), (36, 36, 36)] {
            for stored in 0..4 {
                for apart in [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1)] {
                    let mut case = Case::new((m, n, k)).stored(stored);
                    case.accum = random.pick(&[Accum::Replace, Accum::Add]);
                    let (a_cols, b_cols) =
                        (if stored & 2 != 0 { m } else { k }, if stored & 1 != 0 { k } else { n });
                    case.a.gap = apart.0 * (stride - a_cols);
                    case.b.gap = apart.1 * (stride - b_cols);
                    case.c = Layout { gap: apart.2 * (stride - n), offset: 0, trailing: 0 };
                    check_levels(&mut check, case, &mut random);
                }
            }
        }
    }
}

#[test]
fn sub_slices_start_at_every_offset() {
    let mut check = Check::new("sub_slices_start_at_every_offset");
    let mut random = Random::new(11);
    for offset in 0..16 {
        for (a, b, c) in [(offset, 0, 0), (0, offset, 0), (0, 0, offset), (offset, 5, 11)] {
            for stored in 0..4 {
                let mut case = Case::new((13, 41, 19)).stored(stored);
                (case.a.offset, case.b.offset) = (a, b);
                case.c = Layout { gap: random.below(3), offset: c, trailing: 0 };
                check_levels(&mut check, case, &mut random);
            }
        }
    }
}

#[test]
fn outputs_end_where_their_memory_ends() {
    let mut check = Check::new("outputs_end_where_their_memory_ends");
    let mut random = Random::new(12);
    for n in 1..=66 {
        let mut case = Case::new((1 + n % 14, n, 11)).stored(n % 4);
        case.c = Layout::EXACT;
        check_levels(&mut check, case, &mut random);
    }
}

#[test]
fn replace_never_reads_output() {
    let mut check = Check::new("replace_never_reads_output");
    for level in levels() {
        for (m, n, k) in [(1, 1, 1), (13, 35, 7), (30, 70, 300), (5, 40, 0)] {
            let (a, b) = (vec![1.0; m * k], vec![1.0; k * n]);
            for garbage in [f32::NAN, f32::INFINITY, 1e38] {
                let mut c = vec![garbage; m * n];
                matmul(
                    serial(level).with_caches(SMALL),
                    &mut Scratch::new(),
                    View::new(m, k, &a).expect("a"),
                    View::new(k, n, &b).expect("b"),
                    Accum::Replace,
                    ViewMut::new(m, n, &mut c).expect("c"),
                )
                .expect("a product");
                check.equal(&c, &vec![k as f32; m * n], &(level, m, n, k, garbage));
            }
        }
    }
}

#[test]
fn garbage_in_scratch_changes_nothing() {
    let mut check = Check::new("garbage_in_scratch_changes_nothing");
    let mut random = Random::new(13);
    // `Case::run` fills the scratch with NaN before each product; here it holds enough for all.
    let mut scratch = Scratch::new();
    let (a, b) = (random.integers(200 * 512), random.integers(512 * 200));
    for level in levels() {
        // Transposed, they are packed.
        Case::new((200, 200, 512)).stored(3).run(serial(level), &mut scratch, &a, &b, &[]);
        assert!(level.name() == "portable" || scratch.bytes() >= 200 * 256 * 4, "{level}");
        for (m, n, k) in
            [(29, 67, 41), (13, 130, 256), (50, 31, 257), (1, 33, 5), (60, 1, 9), (90, 3, 90)]
        {
            for stored in 0..4 {
                let case = Case::new((m, n, k)).stored(stored);
                let (a, b) = (&a[..m * k], &b[..k * n]);
                let found = case.run(serial(level), &mut scratch, a, b, &[]);
                check.equal(&found, &case.exact(a, b, &[]), &(level, case));
            }
        }
    }
}

#[test]
fn nan_and_infinity_propagate() {
    // One special value in A at (i, p) reaches row i of C and no other; in B at (p, j), column j.
    let mut check = Check::new("nan_and_infinity_propagate");
    let (m, n, k) = (14, 35, 9);
    for level in levels() {
        for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for (i, p, j) in [(0, 0, 0), (13, 8, 34), (6, 4, 16), (11, 7, 31), (12, 1, 32)] {
                for stored in 0..4 {
                    let case = Case::new((m, n, k)).stored(stored);
                    let run = |a: &[f32], b: &[f32]| {
                        case.run(serial(level), &mut Scratch::new(), a, b, &[])
                    };
                    let in_a = Random::new(14).uniform_matrix(m * k, i * k + p, special);
                    let in_b = Random::new(15).uniform_matrix(k * n, p * n + j, special);
                    let (a, b) = (vec![1.0; m * k], vec![1.0; k * n]);
                    for (at, &x) in run(&in_a, &b).iter().enumerate() {
                        let expected = at / n == i;
                        assert_eq!(is_special(x, special), expected, "A, {at} {level} {case:?}");
                        assert!(expected || x.is_finite());
                    }
                    for (at, &x) in run(&a, &in_b).iter().enumerate() {
                        let expected = at % n == j;
                        assert_eq!(is_special(x, special), expected, "B, {at} {level} {case:?}");
                        assert!(expected || x.is_finite());
                    }
                    check.count(2 * m * n);
                }
            }
        }
    }
}

fn is_special(x: f32, special: f32) -> bool {
    x == special || (x.is_nan() && special.is_nan())
}

impl Random {
    /// Positive numbers with one special value among them.
    fn uniform_matrix(&mut self, len: usize, at: usize, special: f32) -> Vec<f32> {
        let mut x: Vec<f32> = (0..len).map(|_| self.uniform() + 0.1).collect();
        x[at] = special;
        x
    }
}

#[test]
fn a_zero_multiplier_is_never_skipped() {
    // Zero times NaN or infinity is NaN, whichever operand holds the zero.
    let mut check = Check::new("a_zero_multiplier_is_never_skipped");
    for level in levels() {
        for (m, n, k) in [(1, 1, 1), (1, 33, 8), (14, 1, 8), (14, 35, 300)] {
            for special in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for stored in 0..4 {
                    let case = Case::new((m, n, k)).stored(stored);
                    let (zeros_a, zeros_b) = (vec![0.0; m * k], vec![0.0; k * n]);
                    let (all_a, all_b) = (vec![special; m * k], vec![special; k * n]);
                    for (a, b) in [(&zeros_a, &all_b), (&all_a, &zeros_b)] {
                        let found = case.run(serial(level), &mut Scratch::new(), a, b, &[]);
                        check.same_or_both_nan(&found, &vec![f32::NAN; m * n], &(level, case));
                    }
                }
            }
        }
    }
}

#[test]
fn operands_may_be_the_same_memory() {
    // X^T . X, as in a Gram matrix: both operands are views of one slice.
    let mut check = Check::new("operands_may_be_the_same_memory");
    let (m, k) = (21, 34);
    let x = Random::new(16).integers(k * m);
    let x_t =
        Stored::new((m, k), true, Layout::EXACT, &super::common::reference::transposed(k, m, &x));
    let view = View::new(k, m, &x).expect("a view");
    for level in levels() {
        let mut found = vec![f32::NAN; m * m];
        let c = ViewMut::new(m, m, &mut found).expect("c");
        matmul(serial(level), &mut Scratch::new(), view.t(), view, Accum::Replace, c)
            .expect("a product");
        let mut separate = vec![f32::NAN; m * m];
        let c = ViewMut::new(m, m, &mut separate).expect("c");
        matmul(serial(level), &mut Scratch::new(), x_t.operand(), view, Accum::Replace, c)
            .expect("a product");
        check.equal(&found, &separate, &level);
    }
}

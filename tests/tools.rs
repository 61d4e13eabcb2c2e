//! The tests' own tools: that references are right and that comparisons fail when they should.

mod common;

use common::{Check, GUARD, Layout, Matrix, Random, is_close, missing, reference, ulps};

fn panics(f: impl FnOnce() + std::panic::UnwindSafe) -> bool {
    std::panic::catch_unwind(f).is_err()
}

#[test]
fn the_reference_product_agrees_with_a_product_by_hand() {
    // [1 2]   [5 6]   [1*5 + 2*7  1*6 + 2*8]
    // [3 4] . [7 8] = [3*5 + 4*7  3*6 + 4*8]
    let (a, b) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]);
    assert_eq!(reference::matmul((2, 2, 2), &a, &b), [19.0, 22.0, 43.0, 50.0]);
    // [1 2 3] . [4 5 6]^T, and the other way round.
    let (a, b) = ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]);
    assert_eq!(reference::matmul((1, 1, 3), &a, &b), [32.0]);
    assert_eq!(
        reference::matmul((3, 3, 1), &a, &b),
        [4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 12.0, 15.0, 18.0]
    );
    assert_eq!(reference::matmul((2, 1, 0), &[], &[]), [0.0, 0.0]);
    assert_eq!(reference::exact((1, 1, 3), &a, &b, Some(&[1.0])), [33.0]);
    assert_eq!(reference::chain((1, 1, 3), &a, &b, |_, _| 1.0), [33.0]);
    assert_eq!(reference::magnitudes((1, 1, 2), &[-1.0, 2.0], &[3.0, -4.0]), [11.0]);
}

#[test]
fn the_reference_transposition_exchanges_rows_and_columns() {
    let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    assert_eq!(reference::transposed(2, 3, &x), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
}

#[test]
fn the_reference_fma_rounds_once() {
    // (1 + e)(1 - e) = 1 - e^2: two roundings give 0, one gives -e^2.
    let e = f32::EPSILON;
    assert_eq!((1.0 + e) * (1.0 - e) - 1.0, 0.0);
    assert_eq!(reference::fused(1.0 + e, 1.0 - e, -1.0), -e * e);
    // A tie of the f64 sum that rounding twice would break the wrong way.
    let (a, b, c) = (1.0 + e, 1.0 + e, 2.0_f32.powi(-80));
    assert_eq!(reference::fused(a, b, c).to_bits(), fma(a, b, c).to_bits());
    let mut random = Random::new(1);
    let mut twice_differs = 0;
    for _ in 0..100_000 {
        let [a, b, c] = [(); 3].map(|()| {
            let scale = 2.0_f32.powi(random.below(60) as i32 - 30);
            random.normal() * scale
        });
        assert_eq!(
            reference::fused(a, b, c).to_bits(),
            fma(a, b, c).to_bits(),
            "{a:e} {b:e} {c:e}"
        );
        twice_differs += usize::from(a * b + c != fma(a, b, c));
    }
    assert!(twice_differs > 1000, "the data tells one rounding from two");
}

#[expect(clippy::disallowed_methods, reason = "the standard library's fma as a second opinion")]
fn fma(a: f32, b: f32, c: f32) -> f32 {
    a.mul_add(b, c)
}

#[test]
fn comparisons_fail_on_wrong_answers() {
    for (found, expected) in [(1.0, 2.0), (f32::NAN, 1.0), (1.0, f32::NAN), (f32::NAN, f32::NAN)] {
        assert!(panics(|| Check::new("equal").equal(&[found], &[expected], &())), "{found}");
    }
    Check::new("equal").equal(&[0.0, 1.0], &[-0.0, 1.0], &());
    for (found, expected) in [(0.0, -0.0), (1.0, 1.0 + f32::EPSILON), (f32::NAN, GUARD)] {
        assert!(panics(|| Check::new("bits").same_bits(&[found], &[expected], &())), "{found}");
    }
    Check::new("bits").same_bits(&[GUARD, -0.0], &[GUARD, -0.0], &());
    for (found, expected) in [(0.0, -0.0), (f32::NAN, 1.0), (f32::INFINITY, f32::NAN)] {
        let check = || Check::new("nan").same_or_both_nan(&[found], &[expected], &());
        assert!(panics(check), "{found}");
    }
    Check::new("nan").same_or_both_nan(&[GUARD], &[f32::NAN], &());
    assert!(panics(|| Check::new("lengths").equal(&[1.0, 2.0], &[1.0], &())));
}

#[test]
fn a_tolerance_lets_neither_nan_nor_infinity_through() {
    assert!(is_close(1.0, 1.5, 0.5) && is_close(-0.0, 0.0, 0.0));
    assert!(!is_close(1.0, 1.6, 0.5));
    assert!(!is_close(f32::NAN, 0.0, 1e30) && !is_close(0.0, f64::NAN, 1e30));
    assert!(!is_close(f32::INFINITY, 0.0, 1e30));
    assert!(!is_close(1.0, 1.0, f64::NAN) && !is_close(1.0, 1.0, f64::INFINITY));
    assert!(is_close(f32::NAN, f64::NAN, 0.0));
    assert!(is_close(f32::INFINITY, f64::INFINITY, 0.0));
    assert!(!is_close(f32::INFINITY, f64::NEG_INFINITY, 0.0));
    assert!(!is_close(f32::MAX, f64::INFINITY, 1.0));
    assert!(panics(|| Check::new("close").close(&[1.0], &[2.0], &[0.5], &())));
}

#[test]
fn ulps_count_representable_numbers_through_zero() {
    let tiny = f32::from_bits(1);
    for (a, b, expected) in [
        (0.0, 0.0, 0),
        (0.0, -0.0, 0),
        (0.0, tiny, 1),
        (-0.0, tiny, 1),
        (-tiny, tiny, 2),
        (1.0, 1.0 + f32::EPSILON, 1),
        (-1.0, -1.0 - f32::EPSILON, 1),
        (f32::MAX, f32::INFINITY, 1),
        (0.0, 1.0, 0x3f80_0000),
        (f32::NEG_INFINITY, f32::INFINITY, 2 * 0x7f80_0000),
        (f32::NAN, f32::NAN, u64::MAX),
        (f32::NAN, 0.0, u64::MAX),
        (0.0, f32::NAN, u64::MAX),
    ] {
        assert_eq!(ulps(a, b), expected, "{a:e} {b:e}");
        assert_eq!(ulps(b, a), expected, "{b:e} {a:e}");
    }
}

#[test]
fn a_check_that_compared_nothing_fails() {
    assert!(panics(|| drop(Check::new("nothing"))));
    assert!(panics(|| Check::new("empty").equal(&[], &[], &())));
    let mut check = Check::new("counted");
    check.count(1);
    assert_eq!(check.compared(), 1);
}

#[test]
fn guards_notice_every_foreign_write() {
    let (rows, cols) = (3, 4);
    let matrix = Matrix::new(rows, cols, Layout::GUARDED, &[1.0; 12]);
    assert!(matrix.is_intact());
    assert_eq!(matrix.values(), [1.0; 12]);
    assert_eq!((matrix.view().shape(), matrix.view().stride()), ((3, 4), 7));
    // All elements may be written, any value, and nothing else.
    let mut written = matrix.clone();
    for i in 0..rows {
        written.view_mut().row_mut(i).expect("a row").fill(f32::NAN);
    }
    assert!(written.is_intact());
    let memory = 5 + 2 * 7 + 4 + 21;
    let mut guards = 0;
    for at in 0..memory {
        let is_element = at >= 5 && (at - 5) / 7 < rows && (at - 5) % 7 < cols;
        let mut touched = matrix.clone();
        touched.poke(at, f32::NAN);
        assert_eq!(touched.is_intact(), is_element, "element {at}");
        guards += usize::from(!is_element);
    }
    assert_eq!(guards, memory - rows * cols);
    for (rows, cols) in [(0, 3), (3, 0), (0, 0)] {
        let empty = Matrix::filled(rows, cols, Layout::GUARDED, 0.0);
        assert!(empty.is_intact() && empty.values().is_empty());
        assert_eq!(empty.view().shape(), (rows, cols));
    }
}

#[test]
fn a_required_level_that_is_missing_is_named() {
    let available = ["portable", "avx2"];
    assert!(missing("", &available).is_empty());
    assert!(missing(" avx2, portable,", &available).is_empty());
    assert_eq!(missing("portable,avx512,avx2", &available), ["avx512"]);
    assert_eq!(missing("avx", &available), ["avx"]);
}

#[test]
fn random_numbers_have_the_range_and_spread_they_claim() {
    let mut random = Random::new(7);
    let integers = random.integers(10_000);
    for value in -8..=8_i8 {
        let count = integers.iter().filter(|&&x| x == f32::from(value)).count();
        assert!((400..800).contains(&count), "{value} came {count} times of 588 expected");
    }
    let normals = random.normals(10_000);
    let mean = normals.iter().sum::<f32>() / 1e4;
    let variance = normals.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / 1e4;
    assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.1, "{mean} {variance}");
    assert_eq!(Random::new(7).integers(100), integers[..100]);
    assert_ne!(Random::new(8).integers(100), integers[..100]);
}

//! The error of an `f32` in units in the last place.

/// The distance of `got` from `want`, in units of the last place of an `f32` of the size of
/// `want`. Where only one of them is NaN it is infinite, so that no bound admits it.
///
/// Infinity counts as 2¹²⁸, the number after `f32::MAX`, and is exact for every `want` beyond.
pub fn ulp_error(got: f32, want: f64) -> f64 {
    const AFTER_MAX: f64 = 2.0 * (1_u128 << 127) as f64;
    if got.is_nan() || want.is_nan() {
        return if got.is_nan() && want.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if f64::from(got) == want {
        return 0.0;
    }
    if got.is_finite() {
        return (f64::from(got) - want).abs() / ulp(want);
    }
    let got = AFTER_MAX.copysign(f64::from(got));
    if want / got >= 1.0 { 0.0 } else { (got - want).abs() / ulp(want) }
}

/// The distance between two neighbouring `f32` of the size of `x`; 2⁻¹⁴⁹ for subnormal ones.
fn ulp(x: f64) -> f64 {
    let exponent = (x.to_bits() >> 52 & 0x7ff).max(1023 - 126);
    f64::from_bits((exponent - 23) << 52)
}

#[test]
fn wrong_answers_measure_as_wrong() {
    let max = f64::from(f32::MAX);
    let wrong = [
        (f32::NAN, 1.0),
        (1.0, f64::NAN),
        (f32::NAN, f64::INFINITY),
        (f32::INFINITY, f64::NEG_INFINITY),
        (f32::NEG_INFINITY, max),
        (f32::INFINITY, 1.0),
        (f32::MAX, f64::INFINITY),
        (f32::MAX, 1e300),
        (0.0, 1e-40),
        (1.0, 1.0 + 1e-6),
        (-1.0, 1.0),
    ];
    for (got, want) in wrong {
        let error = ulp_error(got, want);
        assert!(error > 3.0, "{got:e} for {want:e} measures {error}");
    }
}

#[test]
fn right_answers_measure_as_right() {
    let (max, step) = (f64::from(f32::MAX), 2.0_f64.powi(104));
    let measured = [
        (f32::NAN, f64::NAN, 0.0),
        (f32::INFINITY, f64::INFINITY, 0.0),
        (f32::INFINITY, 1e300, 0.0),
        (f32::INFINITY, max + 0.75 * step, 0.25),
        (f32::MAX, max + 0.25 * step, 0.25),
        (0.0, 2.0_f64.powi(-151), 0.25),
        (1.0, 1.0 + 2.0_f64.powi(-24), 0.5),
        (1.0, 1.0 - 2.0_f64.powi(-25), 0.5),
        (-0.0, 0.0, 0.0),
    ];
    for (got, want, error) in measured {
        assert_eq!(ulp_error(got, want), error, "{got:e} for {want:e}");
    }
}

//! Comparisons. Each is written so that NaN fails it, and a [`Check`] that compared nothing fails.

use core::fmt::Debug;

/// A law under test: compares, counts what it compared, and fails at its end if that was nothing.
#[derive(Debug)]
pub struct Check {
    law: &'static str,
    compared: usize,
}

impl Check {
    /// A check that has compared nothing yet.
    pub fn new(law: &'static str) -> Self {
        Self { law, compared: 0 }
    }

    /// Elements compared so far.
    pub fn compared(&self) -> usize {
        self.compared
    }

    /// Equal as numbers: 0 equals -0, and NaN equals nothing.
    #[track_caller]
    pub fn equal(&mut self, found: &[f32], expected: &[f32], case: &dyn Debug) {
        self.each(found, expected, case, |f, e| f == e);
    }

    /// The same bits.
    #[track_caller]
    pub fn same_bits(&mut self, found: &[f32], expected: &[f32], case: &dyn Debug) {
        self.each(found, expected, case, |f, e| f.to_bits() == e.to_bits());
    }

    /// The same bits, or NaN in both: which NaN an operation returns is left open.
    #[track_caller]
    pub fn same_or_both_nan(&mut self, found: &[f32], expected: &[f32], case: &dyn Debug) {
        self.each(found, expected, case, same_or_both_nan);
    }

    /// Not further from `expected` than the element's own tolerance; see [`is_close`].
    #[track_caller]
    pub fn close(&mut self, found: &[f32], expected: &[f64], tol: &[f64], case: &dyn Debug) {
        assert_eq!(expected.len(), tol.len(), "{}: lengths, {case:?}", self.law);
        assert_eq!(found.len(), expected.len(), "{}: lengths, {case:?}", self.law);
        for i in 0..found.len() {
            let (f, e, tol) = (found[i], expected[i], tol[i]);
            assert!(
                is_close(f, e, tol),
                "{}: element {i} is {f:e}, expected {e:e} within {tol:e}; {case:?}",
                self.law
            );
        }
        self.compared += found.len();
    }

    /// Counts something that was asserted elsewhere.
    pub fn count(&mut self, compared: usize) {
        self.compared += compared;
    }

    #[track_caller]
    fn each(
        &mut self,
        found: &[f32],
        expected: &[f32],
        case: &dyn Debug,
        passes: impl Fn(f32, f32) -> bool,
    ) {
        assert_eq!(found.len(), expected.len(), "{}: lengths, {case:?}", self.law);
        for (i, (&f, &e)) in found.iter().zip(expected).enumerate() {
            assert!(
                passes(f, e),
                "{}: element {i} is {f:e} ({:#x}), expected {e:e} ({:#x}); {case:?}",
                self.law,
                f.to_bits(),
                e.to_bits()
            );
        }
        self.compared += found.len();
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.compared > 0, "{}: nothing was compared", self.law);
        }
    }
}

/// The same bits, or NaN in both.
pub fn same_or_both_nan(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// `|found - expected| <= tol`, for a finite `tol`. Where `expected` is NaN or infinite, `found`
/// must be the same.
pub fn is_close(found: f32, expected: f64, tol: f64) -> bool {
    if expected.is_nan() {
        return found.is_nan();
    }
    if expected.is_infinite() {
        return f64::from(found) == expected;
    }
    tol.is_finite() && (f64::from(found) - expected).abs() <= tol
}

/// Representable numbers from `a` to `b`: 0 and -0 are the same one, 0 and the smallest subnormal
/// are neighbours. From or to NaN it is `u64::MAX`, which is within no tolerance.
pub fn ulps(a: f32, b: f32) -> u64 {
    if a.is_nan() || b.is_nan() {
        return u64::MAX;
    }
    let place = |x: f32| {
        let magnitude = i64::from(x.to_bits() & 0x7fff_ffff);
        if x.is_sign_negative() { -magnitude } else { magnitude }
    };
    place(a).abs_diff(place(b))
}

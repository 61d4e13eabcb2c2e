//! Slopes from differences, and the comparison of gradients.

use crate::error::{Result, check_len};

/// The slope of `f` at `x` from two values around it,
/// `(f(x + step) - f(x - step)) / (2 step)`.
///
/// The error is about `step^2 |f'''| / 6` where `f` is smooth, plus the rounding of `f` divided by
/// `step`: a step of `1e-5` suits functions and arguments of the order of 1. At a kink the result
/// is the mean of the slopes on either side.
///
/// The squared error of `y = w x` on the inputs 0 to 4 with the targets `2 x` is `30 (w - 2)^2`:
///
/// ```
/// use densecore::gradcheck::central_difference;
/// let error = |w: f64| (0..5).map(f64::from).map(|x| (w * x - 2.0 * x).powi(2)).sum::<f64>();
///
/// assert_eq!(error(3.0), 30.0);
/// assert_eq!((error(3.0001) * 1e3).round() / 1e3, 30.006);
/// assert_eq!((error(2.9999) * 1e3).round() / 1e3, 29.994);
/// let slope = central_difference(error, 3.0, 0.0001);
/// assert!((slope - 60.0).abs() < 1e-9);
/// ```
pub fn central_difference(mut f: impl FnMut(f64) -> f64, x: f64, step: f64) -> f64 {
    // The arguments are rounded, so what lies between them is not exactly `2 step`.
    let (low, high) = (x - step, x + step);
    (f(high) - f(low)) / (high - low)
}

/// The gradient of `f` at `x`: the [`central_difference`] along each coordinate.
///
/// ```
/// use densecore::gradcheck::numeric_gradient;
/// let g = numeric_gradient(|x| x[0] * x[0] + 3.0 * x[0] * x[1], &[1.0, 2.0], 1e-5);
/// assert!((g[0] - 8.0).abs() < 1e-9 && (g[1] - 3.0).abs() < 1e-9);
/// ```
pub fn numeric_gradient(mut f: impl FnMut(&[f64]) -> f64, x: &[f64], step: f64) -> Vec<f64> {
    let mut point = x.to_vec();
    let slope =
        |i: usize| central_difference(|x_i| f_along(&mut f, &mut point, i, x_i), x[i], step);
    (0..x.len()).map(slope).collect()
}

/// `f(point)` with another coordinate `i`; the point is left as it was.
pub(super) fn f_along(
    f: &mut impl FnMut(&[f64]) -> f64,
    point: &mut [f64],
    i: usize,
    x_i: f64,
) -> f64 {
    let before = core::mem::replace(&mut point[i], x_i);
    let value = f(point);
    point[i] = before;
    value
}

/// A slope, and whether it is one: at a kink the slopes of the two sides differ.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slope {
    pub value: f64,
    pub kink: bool,
}

/// The central difference, if it is settled to within `tolerance max(|slope|, floor)`.
///
/// Where `f` is smooth, halving the step changes the central difference by a term in `step^2`, and
/// the second difference, here the slope on the right minus that on the left, is halved. A jump J
/// of the slope at the distance `r step` puts an error of `e = J (1 - r) / 2` into the first and
/// `2 e` into the second; half a step later these are `J (1 - 2r) / 2`, or 0 for `r > 1/2`, and
/// twice that. For every r one of the two laws is then broken by more than `e / 4`.
pub(super) fn slope(
    mut f: impl FnMut(f64) -> f64,
    x: f64,
    step: f64,
    (tolerance, floor): (f64, f64),
) -> Slope {
    let middle = f(x);
    let mut differences = |step: f64| {
        let (low, high) = (x - step, x + step);
        let (left, right) = (f(low), f(high));
        let second = (right - middle) / (high - x) - (middle - left) / (x - low);
        ((right - left) / (high - low), second)
    };
    let (first, second) = differences(step);
    let (first_of_half, second_of_half) = differences(step / 2.0);
    let settled = tolerance * first.abs().max(floor) / 4.0;
    // With NaN neither holds: it is no kink, but an error.
    let kink =
        (first - first_of_half).abs() > settled || (second - 2.0 * second_of_half).abs() > settled;
    Slope { value: first, kink }
}

/// The largest of many errors, and where it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The largest error; infinite if there was a NaN or an infinity in what was compared.
    pub error: f64,
    /// The entry with that error, the first one if there are several.
    pub index: usize,
    /// Number of entries compared.
    pub compared: usize,
}

impl Comparison {
    /// The largest of `errors`, each with its index. NaN counts as infinite.
    pub(super) fn largest(errors: impl Iterator<Item = (usize, f64)>) -> Self {
        let mut worst = Self { error: 0.0, index: 0, compared: 0 };
        for (index, error) in errors {
            let error = if error.is_nan() { f64::INFINITY } else { error };
            if worst.compared == 0 || error > worst.error {
                (worst.error, worst.index) = (error, index);
            }
            worst.compared += 1;
        }
        worst
    }

    /// Whether no error is above `tolerance`. Nothing compared is nothing passed.
    pub fn passes(&self, tolerance: f64) -> bool {
        self.compared > 0 && self.error <= tolerance
    }
}

/// Compares two gradients: the largest `|a - b| / max(|a|, |b|, floor)`.
///
/// `floor` is the size below which entries are compared absolutely; it keeps the rounding noise of
/// differences out of entries that are zero. Equal numbers have the error 0; NaN and infinity, even
/// in both at the same place, have an infinite one.
///
/// Error: [`Length`](crate::Error::Length) names `numeric`.
///
/// ```
/// use densecore::gradcheck::compare;
/// let found = compare(&[1.0, 4.0, 0.0], &[1.0, 5.0, 1e-9], 1e-3)?;
/// assert_eq!((found.index, found.error), (1, 0.2));
/// assert!(!compare(&[f64::NAN], &[f64::NAN], 1e-3)?.passes(1e9));
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn compare(analytic: &[f64], numeric: &[f64], floor: f64) -> Result<Comparison> {
    check_len("numeric", analytic.len(), numeric.len())?;
    let pairs = analytic.iter().zip(numeric);
    Ok(Comparison::largest(pairs.map(|(&a, &b)| relative_error(a, b, floor)).enumerate()))
}

/// `|a - b| / max(|a|, |b|, floor)`
pub(super) fn relative_error(a: f64, b: f64, floor: f64) -> f64 {
    match (a - b).abs() {
        0.0 => 0.0,
        distance => distance / a.abs().max(b.abs()).max(floor),
    }
}

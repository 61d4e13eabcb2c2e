//! The arithmetic of a network in f64, each number with a bound of what f32 may make of it.
//!
//! The bound of a sum of k products is `k eps sum |a b|`, plus what the errors of its operands
//! come to; it is zero where all are integers and the sum stays below 2^24, so that integers are
//! compared for equality. What rounding to a subnormal loses is absolute.

use densecore::Activation;

const EPS: f64 = f32::EPSILON as f64;
/// The smallest subnormal: twice what one rounding near zero can lose.
const TINY: f64 = 1.401_298_464_324_817e-45;
/// Beyond this a partial sum may overflow on one way through the sum and not on another.
const LARGE: f64 = f32::MAX as f64 / 4.0;
/// Relative error of an activation, four units in the last place, and what may be flushed to zero.
const ACTIVATION: (f64, f64) = (4.0 * EPS, f32::MIN_POSITIVE as f64);

/// A number, within `error` of `value`. NaN and infinity are certain; an infinite error says that
/// nothing is known.
#[derive(Clone, Copy, Debug)]
pub struct Approx {
    value: f64,
    error: f64,
}

impl Approx {
    pub const ZERO: Approx = Approx { value: 0.0, error: 0.0 };
    const NAN: Approx = Approx { value: f64::NAN, error: 0.0 };
    const UNKNOWN: Approx = Approx { value: 0.0, error: f64::INFINITY };

    pub fn exact(x: f32) -> Self {
        Approx { value: f64::from(x), error: 0.0 }
    }

    /// 1 if it could be compared, 0 if anything would do.
    pub fn compare(self, found: f32) -> Result<u64, String> {
        let Approx { value, error } = self;
        let x = f64::from(found);
        let right = if value.is_nan() {
            x.is_nan()
        } else if value.is_infinite() {
            x == value
        } else {
            // Not `>`: NaN must fail.
            error == f64::INFINITY || (x - value).abs() <= error
        };
        match right {
            true => Ok(u64::from(error != f64::INFINITY)),
            false => Err(format!("expected {value:e} within {error:e}, found {found:e}")),
        }
    }

    fn is_whole(self) -> bool {
        self.error == 0.0 && self.value.fract() == 0.0
    }

    /// The product before it is rounded.
    fn times(self, other: Approx) -> Approx {
        let (a, b) = (self, other);
        if a.value.is_nan() || b.value.is_nan() {
            return Self::NAN;
        }
        if a.error == f64::INFINITY || b.error == f64::INFINITY {
            return Self::UNKNOWN;
        }
        let value = a.value * b.value;
        let unsure = |x: Approx| x.error > 0.0 && x.value.abs() <= x.error;
        match (a.value.is_finite(), b.value.is_finite()) {
            (true, true) => {
                let error = a.value.abs() * b.error + a.error * (b.value.abs() + b.error);
                Approx { value, error }
            }
            (false, true) if unsure(b) => Self::UNKNOWN,
            (true, false) if unsure(a) => Self::UNKNOWN,
            _ => Approx { value, error: 0.0 },
        }
    }

    /// A result of few operations, `magnitude` the sum of the absolute values in them.
    fn rounded(self, magnitude: f64) -> Approx {
        if magnitude.is_finite() && magnitude > LARGE {
            return Self::UNKNOWN;
        }
        if self.is_whole() && magnitude <= f64::from(1 << 24) || !self.value.is_finite() {
            return self;
        }
        Approx { error: self.error + 2.0 * EPS * magnitude + TINY, ..self }
    }

    /// The sum, rounded once.
    pub fn plus(self, other: f32) -> Approx {
        let sum = Approx { value: self.value + f64::from(other), ..self };
        sum.rounded(self.value.abs() + f64::from(other).abs())
    }

    /// `f(self)`. All of these functions rise, so the bounds of z are mapped to those of y.
    fn activated(self, activation: Activation) -> Approx {
        let f = |z: f64| match activation {
            Activation::Relu if z.is_nan() => z,
            Activation::Relu => z.max(0.0),
            Activation::Sigmoid => 1.0 / (1.0 + (-z).exp()),
            Activation::Tanh => z.tanh(),
            _ => z,
        };
        if self.value.is_nan() || self.error == f64::INFINITY || activation == Activation::Identity
        {
            return self;
        }
        let (relative, absolute) = match activation {
            Activation::Relu => (0.0, 0.0),
            _ => ACTIVATION,
        };
        let value = f(self.value);
        let Approx { value: z, error } = self;
        let spread =
            if error == 0.0 { 0.0 } else { (f(z + error) - value).max(value - f(z - error)) };
        // Not `relative * infinity` where there is no relative error.
        let own = if relative == 0.0 { 0.0 } else { relative * value.abs() + absolute };
        Approx { value, error: spread + own }
    }

    /// `f'`, from `y = self`.
    fn slope(self, activation: Activation) -> Approx {
        let Approx { value: y, error } = self;
        match activation {
            // Within its error of the kink: 0 or 1.
            Activation::Relu if error > 0.0 && y.abs() <= error => {
                Approx { value: 0.5, error: 0.5 }
            }
            Activation::Relu if y <= 0.0 => Approx::ZERO,
            // At NaN too.
            Activation::Relu => Approx::exact(1.0),
            Activation::Sigmoid | Activation::Tanh if error == f64::INFINITY => Self::UNKNOWN,
            Activation::Sigmoid => {
                let error = error * ((1.0 - 2.0 * y).abs() + error);
                Approx { value: y * (1.0 - y), error }.rounded(y.abs() * (1.0 + y.abs()))
            }
            Activation::Tanh => {
                let error = error * (2.0 * y.abs() + error);
                Approx { value: 1.0 - y * y, error }.rounded(1.0 + y * y)
            }
            _ => Approx { value: 1.0, error: 0.0 },
        }
    }
}

/// A matrix of them, row after row.
#[derive(Clone, Debug)]
pub struct Matrix {
    pub rows: usize,
    pub cols: usize,
    pub data: Vec<Approx>,
}

impl Matrix {
    pub fn exact(rows: usize, cols: usize, values: impl Iterator<Item = f32>) -> Matrix {
        Matrix { rows, cols, data: values.map(Approx::exact).collect() }
    }

    pub fn t(&self) -> Matrix {
        let (rows, cols) = (self.cols, self.rows);
        let at = |i: usize| self.data[i % cols * rows + i / cols];
        Matrix { rows, cols, data: (0..self.data.len()).map(at).collect() }
    }

    /// `start` plus the sum of all rows.
    pub fn column_sums(&self, start: &[Approx]) -> Matrix {
        // A matrix without columns may have any number of rows.
        let cols = if self.cols == 0 { 0 } else { self.rows };
        let ones = Matrix { rows: 1, cols, data: vec![Approx::exact(1.0); cols] };
        ones.product(self, start)
    }

    /// `start + self.other`; the start is a matrix of the same shape, a row for all, or empty.
    pub fn product(&self, other: &Matrix, start: &[Approx]) -> Matrix {
        let (rows, cols, k) = (self.rows, other.cols, self.cols);
        let columns = other.t();
        let whole = |of: &[Approx]| of.iter().all(|x| x.is_whole());
        let whole = whole(&self.data) && whole(&columns.data) && whole(start);
        // A matrix without elements may have any number of rows.
        let count = if rows == 0 || cols == 0 { 0 } else { rows * cols };
        let element = |i: usize| {
            let (row, col) = (i / cols, i % cols);
            let a = &self.data[row * k..(row + 1) * k];
            let b = &columns.data[col * k..(col + 1) * k];
            let start = if start.is_empty() { Approx::ZERO } else { start[i % start.len()] };
            dot(start, a, b, whole)
        };
        Matrix { rows, cols, data: (0..count).map(element).collect() }
    }

    pub fn activated(mut self, activation: Activation) -> Matrix {
        self.data.iter_mut().for_each(|z| *z = z.activated(activation));
        self
    }

    /// `self * f'(output)`, element by element.
    pub fn times_slope(mut self, activation: Activation, output: &Matrix) -> Matrix {
        if activation != Activation::Identity {
            for (d, y) in self.data.iter_mut().zip(&output.data) {
                let product = d.times(y.slope(activation));
                *d = product.rounded(product.value.abs());
            }
        }
        self
    }
}

fn dot(start: Approx, a: &[Approx], b: &[Approx], whole: bool) -> Approx {
    let Approx { mut value, mut error } = start;
    let mut magnitude = value.abs();
    for (a, b) in a.iter().zip(b) {
        let product = a.value * b.value;
        value += product;
        magnitude += product.abs();
        error += a.value.abs() * b.error + a.error * (b.value.abs() + b.error);
    }
    if !(magnitude + error).is_finite() {
        return dot_of_specials(start, a, b);
    }
    if magnitude + error > LARGE {
        return Approx::UNKNOWN;
    }
    if !(whole && magnitude <= f64::from(1 << 24)) {
        let terms = a.len() as f64 + f64::from(u8::from(start.value != 0.0));
        error += terms * (EPS * (magnitude + error) + TINY);
    }
    Approx { value, error }
}

/// The same, where something is not finite.
fn dot_of_specials(start: Approx, a: &[Approx], b: &[Approx]) -> Approx {
    let (mut special, mut unknown, mut magnitude) = (0.0, false, 0.0);
    for term in a.iter().zip(b).map(|(a, b)| a.times(*b)).chain([start]) {
        if term.value.is_finite() {
            unknown |= term.error == f64::INFINITY;
            magnitude += term.value.abs() + term.error;
        } else {
            special += term.value;
        }
    }
    if f64::is_nan(special) {
        Approx::NAN
    } else if unknown || magnitude > LARGE {
        Approx::UNKNOWN
    } else {
        Approx { value: special, error: 0.0 }
    }
}

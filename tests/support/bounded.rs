//! [`Bounded`]: a number and how far an `f32` computation of it may be off.
//!
//! Running error analysis (Higham, "Accuracy and Stability of Numerical Algorithms", 3.3): `value`
//! is computed in f64, `error` bounds the distance of whatever a correct `f32` kernel may return.
//! Every operation passes on the errors of its operands to first and second order and adds its own
//! rounding, `U` of the result. A fused multiply-add rounds less often, so the bound covers it; a
//! sum of k terms may be formed in any order, so it is bounded by `k U sum |terms|`.

use core::ops::{Add, Div, Mul, Neg, Sub};

/// Unit roundoff of f32: half the distance from 1 to the next number.
pub const U: f64 = 1.0 / (1 << 24) as f64;

/// What every elementary function is granted, in units of [`U`] of its result: 4 ulp, which
/// is what PyTorch's own f32 kernels need (`SEMANTICS.md`, section 10).
const FUNCTION: f64 = 8.0 * U;

/// Smallest normal number: below it a result may be flushed to zero or clamped.
const TINY: f64 = f32::MIN_POSITIVE as f64;

/// The spacing of numbers below that, 2^-149.
const SUBNORMAL: f64 = TINY / (1 << 23) as f64;

#[derive(Clone, Copy, Debug, Default)]
pub struct Bounded {
    pub value: f64,
    pub error: f64,
}

/// A number that f32 represents, or a whole number such as 1 or 2: no error.
pub fn exact(value: f64) -> Bounded {
    Bounded { value, error: 0.0 }
}

/// A constant that is rounded to f32.
pub fn rounded(value: f64) -> Bounded {
    Bounded { value, error: U * value.abs() }
}

impl Bounded {
    /// With the rounding of one operation, `ulps` of [`U`].
    fn round(value: f64, error: f64, roundoff: f64) -> Self {
        // The kernel rounds its own result, which is up to `error` larger. An underflow costs
        // less than the spacing of subnormals, and nothing where the result is exactly zero.
        let underflow = if value == 0.0 && error == 0.0 { 0.0 } else { SUBNORMAL };
        Self { value, error: error + roundoff * (value.abs() + error) + underflow }
    }

    /// Without a rounding: the sign is a bit.
    pub fn abs(self) -> Self {
        Self { value: self.value.abs(), ..self }
    }

    /// Without a rounding; a limit that is nearer than the error makes no use as a test.
    pub fn clamp(self, low: f64, high: f64) -> Self {
        let is_clear = |limit: f64| (self.value - limit).abs() > self.error;
        assert!(is_clear(low) && is_clear(high), "{self:?} is at a limit");
        if self.value < low || self.value > high {
            exact(self.value.clamp(low, high))
        } else {
            self
        }
    }

    /// The largest magnitude.
    pub fn bound(self) -> f64 {
        self.value.abs() + self.error
    }

    /// A function that rises: the ends of the interval bound its image.
    fn function(self, f: impl Fn(f64) -> f64) -> Self {
        let value = f(self.value);
        let (low, high) = (f(self.value - self.error), f(self.value + self.error));
        let error = (value - low).abs().max((high - value).abs());
        let rounded = Self::round(value, error, FUNCTION);
        Self { error: rounded.error + TINY, ..rounded }
    }

    pub fn exp(self) -> Self {
        self.function(f64::exp)
    }

    pub fn ln(self) -> Self {
        self.function(f64::ln)
    }

    pub fn ln_1p(self) -> Self {
        self.function(f64::ln_1p)
    }

    pub fn sigmoid(self) -> Self {
        self.function(|x| 1.0 / (1.0 + (-x).exp()))
    }

    pub fn tanh(self) -> Self {
        self.function(f64::tanh)
    }

    pub fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        let error = value - (self.value - self.error).max(0.0).sqrt();
        Self::round(value, error, U)
    }

    /// The larger of both.
    pub fn max(self, b: Self) -> Self {
        Self { value: self.value.max(b.value), error: self.error.max(b.error) }
    }

    /// 1, 0 or -1. Panics where rounding decides.
    pub fn sign(self) -> Self {
        assert!(self.value.abs() > self.error || self.error == 0.0, "{self:?} has no sign");
        exact(if self.value == 0.0 { 0.0 } else { self.value.signum() })
    }

    /// `max(0, x)` and its derivative. Panics where rounding decides on which side of the kink x
    /// is: such a case is of no use as a test.
    pub fn relu(self) -> (Self, f64) {
        assert!(self.value.abs() > self.error || self.error == 0.0, "{self:?} is at the kink");
        if self.value > 0.0 { (self, 1.0) } else { (exact(0.0), 0.0) }
    }
}

impl Neg for Bounded {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

impl Add for Bounded {
    type Output = Self;
    fn add(self, b: Self) -> Self {
        let value = self.value + b.value;
        // Adding zero changes no bit.
        let roundoff = if self.bound() == 0.0 || b.bound() == 0.0 { 0.0 } else { U };
        Self::round(value, self.error + b.error, roundoff)
    }
}

impl Sub for Bounded {
    type Output = Self;
    fn sub(self, b: Self) -> Self {
        self + -b
    }
}

impl Mul for Bounded {
    type Output = Self;
    fn mul(self, b: Self) -> Self {
        Self::round(self.value * b.value, product_error(self, b), U)
    }
}

impl Div for Bounded {
    type Output = Self;
    fn div(self, b: Self) -> Self {
        let value = self.value / b.value;
        let smallest = b.value.abs() - b.error;
        assert!(smallest > 0.0, "division by {b:?}");
        Self::round(value, (self.error + value.abs() * b.error) / smallest, U)
    }
}

fn product_error(a: Bounded, b: Bounded) -> f64 {
    a.value.abs() * b.error + b.value.abs() * a.error + a.error * b.error
}

/// The sum of `a b` over pairs, in any order, fused or not.
///
/// Its own rounding is bounded in full, by `k U sum |a b|`. The errors that the operands bring
/// along are rounding errors of different elements and taken as independent, so that the root of
/// the sum of their squares remains (Higham and Mary, SIAM J. Sci. Comput. 41, 2019). Were all of
/// them to conspire, five steps of training would have no digits left.
pub fn dot(pairs: impl Iterator<Item = (Bounded, Bounded)>) -> Bounded {
    let (mut value, mut squares, mut magnitude, mut terms) = (0.0, 0.0, 0.0, 0.0);
    for (a, b) in pairs {
        value += a.value * b.value;
        squares += product_error(a, b).powi(2);
        magnitude += a.bound() * b.bound();
        // A term that is exactly zero is added without rounding.
        terms += if a.bound() * b.bound() == 0.0 { 0.0 } else { 1.0 };
    }
    let gamma = terms * U / (1.0 - terms * U);
    Bounded { value, error: squares.sqrt() + gamma * magnitude }
}

/// The sum of terms, in any order.
pub fn sum(terms: impl Iterator<Item = Bounded>) -> Bounded {
    dot(terms.map(|term| (term, exact(1.0))))
}

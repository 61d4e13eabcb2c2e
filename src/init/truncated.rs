//! A normal distribution cut to an interval, by the inverse of its distribution function.
//!
//! ```text
//! z = P^-1(P(a) + (P(b) - P(a)) u)        a = (low - mean) / std    b = (high - mean) / std
//! w = mean + std z                        P the normal distribution function, u uniform
//! ```
//!
//! One uniform number for each element, however little of the distribution is left, where rejection
//! would draw ever more.

use crate::error::Result;
use crate::rng::{Rng, normal_cdf};

use super::{finite, invalid, positive};

/// The interval in units of the deviation, turned so that it is left of the mean for the most
/// part: probabilities near 0 have digits that those near 1 lack.
#[derive(Clone, Copy)]
pub(super) struct Truncated {
    mean: f64,
    /// `std`, or `-std` if the interval is turned.
    scale: f64,
    low: f32,
    high: f32,
    /// Probabilities of the ends.
    from: f64,
    to: f64,
}

impl Truncated {
    pub fn new(mean: f32, std: f32, low: f32, high: f32) -> Result<Self> {
        let (mean, std) = (f64::from(finite("mean", mean)?), positive("std", std)?);
        let (low, high) = (finite("low", low)?, finite("high", high)?);
        if low >= high {
            return Err(invalid("low", "a value below high", low));
        }
        let (a, b) = ((f64::from(low) - mean) / std, (f64::from(high) - mean) / std);
        let (scale, a, b) = if a + b > 0.0 { (-std, -b, -a) } else { (std, a, b) };
        let (from, to) = (normal_cdf(a), normal_cdf(b));
        // Left of -38 even a subnormal probability is zero.
        if to == 0.0 {
            let (name, end) = if scale < 0.0 { ("low", low) } else { ("high", high) };
            return Err(invalid(name, "an interval within 38 standard deviations of mean", end));
        }
        Ok(Self { mean, scale, low, high, from, to })
    }

    pub fn fill(self, weights: &mut [f32], rng: &mut Rng) {
        for w in weights {
            let z = rng.normal_f64_between(self.from, self.to);
            *w = ((self.mean + self.scale * z) as f32).clamp(self.low, self.high);
        }
    }
}

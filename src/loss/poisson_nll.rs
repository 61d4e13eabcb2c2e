//! The negative log-likelihood of counts t under a Poisson distribution.
//!
//! ```text
//!                x = log of the rate      x = rate
//!   value        e^x - t x                x - t log(x + epsilon)
//!   slope        e^x - t                  1 - t / (x + epsilon)
//!
//!   full adds    t log t - t + log(2 pi t) / 2  where t > 1
//! ```
//!
//! What `full` adds is Stirling's formula for `log t!`, which the others leave out, as it does not
//! depend on x.

use core::f32::consts::TAU;

use super::ElementLoss;
use crate::error::{Error, Result};
use crate::math;
use crate::simd::Simd;

/// The negative log-likelihood of counts: PyTorch's `poisson_nll_loss`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoissonNll {
    /// Whether x is the logarithm of the rate or the rate.
    pub log_input: bool,
    /// Whether to add the terms that do not depend on x.
    pub full: bool,
    /// Added to a rate before its logarithm is taken.
    pub epsilon: f32,
}

impl Default for PoissonNll {
    /// `log_input`, not `full`, `epsilon` 1e-8.
    fn default() -> Self {
        Self { log_input: true, full: false, epsilon: 1e-8 }
    }
}

impl ElementLoss for PoissonNll {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        let one = s.splat(1.0);
        let (value, slope) = if self.log_input {
            let rate = math::exp(s, x);
            (s.neg_mul_add(t, x, rate), s.sub(rate, t))
        } else {
            let rate = s.add(x, s.splat(self.epsilon));
            (s.neg_mul_add(t, math::log(s, rate), x), s.sub(one, s.div(t, rate)))
        };
        if !self.full {
            return (value, slope);
        }
        let stirling = s.mul_add(s.splat(0.5), math::log(s, s.mul(s.splat(TAU), t)), s.neg(t));
        let stirling = s.mul_add(t, math::log(s, t), stirling);
        (s.add(value, s.zero_unless(s.gt(t, one), stirling)), slope)
    }

    fn check(&self, _: usize) -> Result<()> {
        let found = f64::from(self.epsilon);
        let error = Error::Value { argument: "epsilon", expected: "a finite number from 0", found };
        if self.epsilon >= 0.0 && self.epsilon.is_finite() { Ok(()) } else { Err(error) }
    }
}

//! `r (1 - min(e, T) / T)^p` (`torch.optim.lr_scheduler.PolynomialLR`).

use super::curve::power;
use super::{LearningRate, check_count, check_not_negative, check_positive};
use crate::error::Result;

/// A power of the share of steps that are left: down to zero, and there for ever.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Polynomial {
    /// r, not negative.
    pub learning_rate: f64,
    /// T, at least 1; PyTorch's default is 5.
    pub total_iters: u64,
    /// p, above 0; PyTorch's default is 1. One that is not whole goes through the system's `pow`,
    /// whose last place depends on the platform.
    pub power: f64,
}

impl Polynomial {
    /// From `learning_rate` to 0 in `total_iters` steps.
    pub fn new(learning_rate: f64, total_iters: u64, power: f64) -> Self {
        Self { learning_rate, total_iters, power }
    }
}

impl LearningRate for Polynomial {
    fn learning_rate(&self, step: u64) -> f64 {
        let total = self.total_iters.max(1);
        let left = (total - step.min(total)) as f64 / total as f64;
        let is_whole = self.power.trunc() == self.power;
        let curve = if is_whole { power(left, self.power as u64) } else { left.powf(self.power) };
        self.learning_rate * curve
    }

    fn check(&self) -> Result<()> {
        check_not_negative("learning_rate", self.learning_rate)?;
        check_count("total_iters", self.total_iters)?;
        check_positive("power", self.power)
    }
}

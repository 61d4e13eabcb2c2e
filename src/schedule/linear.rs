//! `r (s + (t - s) min(e, T) / T)` (`torch.optim.lr_scheduler.LinearLR`).

use super::{LearningRate, check_count, check_not_negative};
use crate::error::Result;

/// A line from one factor of the rate to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Linear {
    /// r, not negative.
    pub learning_rate: f64,
    /// s, the factor at step 0, not negative; PyTorch's default is 1/3.
    pub start_factor: f64,
    /// t, the factor from step T on, not negative; PyTorch's default is 1.
    pub end_factor: f64,
    /// T, at least 1; PyTorch's default is 5.
    pub total_iters: u64,
}

impl Linear {
    /// From `start_factor` to `end_factor` times `learning_rate`, in `total_iters` steps.
    pub fn new(learning_rate: f64, start_factor: f64, end_factor: f64, total_iters: u64) -> Self {
        Self { learning_rate, start_factor, end_factor, total_iters }
    }
}

impl LearningRate for Linear {
    fn learning_rate(&self, step: u64) -> f64 {
        let total = self.total_iters.max(1);
        let share = step.min(total) as f64 / total as f64;
        self.learning_rate * (self.start_factor + (self.end_factor - self.start_factor) * share)
    }

    fn check(&self) -> Result<()> {
        check_not_negative("learning_rate", self.learning_rate)?;
        check_not_negative("start_factor", self.start_factor)?;
        check_not_negative("end_factor", self.end_factor)?;
        check_count("total_iters", self.total_iters)
    }
}

//! `r f` for the first T steps, then `r` (`torch.optim.lr_scheduler.ConstantLR`).

use super::{LearningRate, check_not_negative};
use crate::error::Result;

/// One rate, or for the first steps a factor of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constant {
    /// r, not negative.
    pub learning_rate: f64,
    /// f, not negative.
    pub factor: f64,
    /// T
    pub total_iters: u64,
}

impl Constant {
    /// `learning_rate` at every step.
    pub fn new(learning_rate: f64) -> Self {
        Self { learning_rate, factor: 1.0, total_iters: 0 }
    }

    /// The same times `factor` for the first `total_iters` steps; PyTorch's defaults are 1/3 and 5.
    pub fn factor(self, factor: f64, total_iters: u64) -> Self {
        Self { factor, total_iters, ..self }
    }
}

impl LearningRate for Constant {
    fn learning_rate(&self, step: u64) -> f64 {
        if step < self.total_iters { self.learning_rate * self.factor } else { self.learning_rate }
    }

    fn check(&self) -> Result<()> {
        check_not_negative("learning_rate", self.learning_rate)?;
        check_not_negative("factor", self.factor)
    }
}

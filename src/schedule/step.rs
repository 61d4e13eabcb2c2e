//! `r g^floor(e / S)` (`torch.optim.lr_scheduler.StepLR`).

use super::curve::power;
use super::{LearningRate, check_count, check_not_negative};
use crate::error::Result;

/// A rate that falls by a factor every so many steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// r, not negative.
    pub learning_rate: f64,
    /// S, at least 1.
    pub step_size: u64,
    /// g, not negative; PyTorch's default is 0.1.
    pub gamma: f64,
}

impl Step {
    /// `learning_rate`, times `gamma` after every `step_size` steps.
    pub fn new(learning_rate: f64, step_size: u64, gamma: f64) -> Self {
        Self { learning_rate, step_size, gamma }
    }
}

impl LearningRate for Step {
    fn learning_rate(&self, step: u64) -> f64 {
        self.learning_rate * power(self.gamma, step / self.step_size.max(1))
    }

    fn check(&self) -> Result<()> {
        check_not_negative("learning_rate", self.learning_rate)?;
        check_count("step_size", self.step_size)?;
        check_not_negative("gamma", self.gamma)
    }
}

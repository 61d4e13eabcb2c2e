//! `r g^e` (`torch.optim.lr_scheduler.ExponentialLR`).

use super::curve::power;
use super::{LearningRate, check_not_negative};
use crate::error::Result;

/// A rate that falls by a factor with every step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential {
    /// r, not negative.
    pub learning_rate: f64,
    /// g, not negative.
    pub gamma: f64,
}

impl Exponential {
    /// `learning_rate`, times `gamma` with every step.
    pub fn new(learning_rate: f64, gamma: f64) -> Self {
        Self { learning_rate, gamma }
    }
}

impl LearningRate for Exponential {
    fn learning_rate(&self, step: u64) -> f64 {
        self.learning_rate * power(self.gamma, step)
    }

    fn check(&self) -> Result<()> {
        check_not_negative("learning_rate", self.learning_rate)?;
        check_not_negative("gamma", self.gamma)
    }
}

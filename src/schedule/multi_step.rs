//! `r g^(number of milestones <= e)` (`torch.optim.lr_scheduler.MultiStepLR`).

use super::curve::power;
use super::{LearningRate, check_not_negative};
use crate::error::Result;

/// A rate that falls by a factor at each of some steps.
#[derive(Clone, Debug, PartialEq)]
pub struct MultiStep {
    /// r, not negative.
    pub learning_rate: f64,
    /// The steps from which on the rate is lower, in any order.
    pub milestones: Vec<u64>,
    /// g, not negative; PyTorch's default is 0.1.
    pub gamma: f64,
}

impl MultiStep {
    /// `learning_rate`, times `gamma` from each of `milestones` on.
    pub fn new(learning_rate: f64, milestones: &[u64], gamma: f64) -> Self {
        Self { learning_rate, milestones: milestones.to_vec(), gamma }
    }
}

impl LearningRate for MultiStep {
    fn learning_rate(&self, step: u64) -> f64 {
        let passed = self.milestones.iter().filter(|&&milestone| milestone <= step).count();
        self.learning_rate * power(self.gamma, passed as u64)
    }

    fn check(&self) -> Result<()> {
        check_not_negative("learning_rate", self.learning_rate)?;
        check_not_negative("gamma", self.gamma)
    }
}

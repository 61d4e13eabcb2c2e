//! Half cosines of T0, T0 k, T0 k^2, ... steps, each from the initial rate (I. Loshchilov, F.
//! Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017;
//! `torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`).

use super::curve::half_cosine;
use super::{LearningRate, check_count, check_not_negative};
use crate::error::Result;

/// Half a cosine down, and again from the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmRestarts {
    /// r, not negative.
    pub learning_rate: f64,
    /// T0, the steps before the first restart, at least 1.
    pub t_0: u64,
    /// k, at least 1: each run is so many times as long as the one before.
    pub t_mult: u64,
    /// The lowest rate, not negative.
    pub eta_min: f64,
}

impl WarmRestarts {
    /// From `learning_rate` towards 0 every `t_0` steps.
    pub fn new(learning_rate: f64, t_0: u64) -> Self {
        Self { learning_rate, t_0, t_mult: 1, eta_min: 0.0 }
    }

    /// The same with each run `t_mult` times as long as the one before.
    pub fn t_mult(self, t_mult: u64) -> Self {
        Self { t_mult, ..self }
    }

    /// The same towards `eta_min`.
    pub fn eta_min(self, eta_min: f64) -> Self {
        Self { eta_min, ..self }
    }
}

impl LearningRate for WarmRestarts {
    fn learning_rate(&self, step: u64) -> f64 {
        let (mut step, mut run) = (step, self.t_0.max(1));
        if self.t_mult <= 1 {
            step %= run;
        }
        while step >= run {
            step -= run;
            run = run.saturating_mul(self.t_mult);
        }
        half_cosine(self.learning_rate, self.eta_min, step as f64 / run as f64)
    }

    fn check(&self) -> Result<()> {
        check_not_negative("learning_rate", self.learning_rate)?;
        check_count("t_0", self.t_0)?;
        check_count("t_mult", self.t_mult)?;
        check_not_negative("eta_min", self.eta_min)
    }
}

//! `m + (r - m) (1 + cos(pi e / T)) / 2` (I. Loshchilov, F. Hutter, "SGDR: stochastic gradient
//! descent with warm restarts", ICLR 2017; `torch.optim.lr_scheduler.CosineAnnealingLR`).

use super::curve::half_cosine;
use super::{LearningRate, check_count, check_not_negative};
use crate::error::Result;

/// Half a cosine down to the lowest rate at step T; then, as in PyTorch, up again, and so on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cosine {
    /// r, not negative.
    pub learning_rate: f64,
    /// T, at least 1.
    pub t_max: u64,
    /// m, not negative.
    pub eta_min: f64,
}

impl Cosine {
    /// From `learning_rate` to 0 in `t_max` steps.
    pub fn new(learning_rate: f64, t_max: u64) -> Self {
        Self { learning_rate, t_max, eta_min: 0.0 }
    }

    /// The same down to `eta_min`.
    pub fn eta_min(self, eta_min: f64) -> Self {
        Self { eta_min, ..self }
    }
}

impl LearningRate for Cosine {
    fn learning_rate(&self, step: u64) -> f64 {
        let half = self.t_max.max(1);
        let period = half.saturating_mul(2);
        let within = step % period;
        let within = within.min(period - within);
        half_cosine(self.learning_rate, self.eta_min, within as f64 / half as f64)
    }

    fn check(&self) -> Result<()> {
        check_not_negative("learning_rate", self.learning_rate)?;
        check_count("t_max", self.t_max)?;
        check_not_negative("eta_min", self.eta_min)
    }
}

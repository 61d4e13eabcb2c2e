//! A line up to the first rate of another schedule, which follows (P. Goyal et al., "Accurate, large
//! minibatch SGD", 2017; `torch.optim.lr_scheduler.SequentialLR` of a `LinearLR` and another).
//!
//! ```text
//!   then(0) (s + (1 - s) e / T)   while e < T
//!   then(e - T)                   from there on
//! ```

use super::{LearningRate, Schedule, check_not_negative};
use crate::error::Result;

/// A warm-up before any other schedule, made by [`Schedule::warm_up`].
#[derive(Clone, Debug, PartialEq)]
pub struct WarmUp {
    /// s, the factor at step 0, not negative.
    pub start_factor: f64,
    /// T; without steps there is no warm-up.
    pub total_iters: u64,
    /// What follows; it counts its steps from the end of the warm-up.
    pub then: Box<Schedule>,
}

impl LearningRate for WarmUp {
    fn learning_rate(&self, step: u64) -> f64 {
        if step >= self.total_iters {
            return self.then.learning_rate(step - self.total_iters);
        }
        let share = step as f64 / self.total_iters as f64;
        self.then.learning_rate(0) * (self.start_factor + (1.0 - self.start_factor) * share)
    }

    fn check(&self) -> Result<()> {
        check_not_negative("start_factor", self.start_factor)?;
        self.then.check()
    }
}

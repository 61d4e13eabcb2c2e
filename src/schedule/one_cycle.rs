//! Up to the largest rate and down to a tiny one, in half cosines (L. Smith, N. Topin,
//! "Super-convergence", 2018; `torch.optim.lr_scheduler.OneCycleLR` with its two phases).
//!
//! ```text
//!   step 0          M / d           d the division factor, N the number of steps, p a share of them
//!   step p N - 1    M
//!   step N - 1      M / d / D       and there for ever
//! ```
//!
//! PyTorch moves the momentum the opposite way; here it stays as it is.

use super::curve::half_cosine;
use super::{LearningRate, check_count, check_not_negative, check_positive};
use crate::error::{Error, Result};

/// One rise and one fall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneCycle {
    /// M, the largest rate, not negative.
    pub max_lr: f64,
    /// N, at least 1.
    pub total_steps: u64,
    /// p, the share of steps that rise, from 0 to below 1.
    pub pct_start: f64,
    /// d, above 0: the first rate is `M / d`.
    pub div_factor: f64,
    /// D, above 0: the last rate is `M / d / D`.
    pub final_div_factor: f64,
}

impl OneCycle {
    /// `total_steps` steps with PyTorch's defaults: 30 % of them rise, from `max_lr / 25`; the last
    /// rate is 10,000 times smaller than the first.
    pub fn new(max_lr: f64, total_steps: u64) -> Self {
        Self { max_lr, total_steps, pct_start: 0.3, div_factor: 25.0, final_div_factor: 1e4 }
    }
}

impl LearningRate for OneCycle {
    fn learning_rate(&self, step: u64) -> f64 {
        let first = self.max_lr / self.div_factor;
        let last = self.total_steps.max(1) - 1;
        let (step, end) = (step.min(last) as f64, last as f64);
        // Often between two steps, and before the first of very few.
        let top = self.pct_start * (end + 1.0) - 1.0;
        if step < top {
            half_cosine(first, self.max_lr, step / top)
        } else {
            half_cosine(self.max_lr, first / self.final_div_factor, (step - top) / (end - top))
        }
    }

    fn check(&self) -> Result<()> {
        check_not_negative("max_lr", self.max_lr)?;
        check_count("total_steps", self.total_steps)?;
        if !(0.0..1.0).contains(&self.pct_start) {
            let (expected, found) = ("a number from 0 to below 1", self.pct_start);
            return Err(Error::Value { argument: "pct_start", expected, found });
        }
        check_positive("div_factor", self.div_factor)?;
        check_positive("final_div_factor", self.final_div_factor)?;
        check_not_negative("div_factor", self.max_lr / self.div_factor)?;
        check_not_negative(
            "final_div_factor",
            self.max_lr / self.div_factor / self.final_div_factor,
        )
    }
}

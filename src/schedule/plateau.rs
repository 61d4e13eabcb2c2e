//! A rate that falls when a metric has stopped to improve
//! (`torch.optim.lr_scheduler.ReduceLROnPlateau`).
//!
//! ```text
//!   better:  metric < best (1 - t)       relative threshold, for a loss
//!            metric < best - t           absolute
//!            metric > best (1 + t),  metric > best + t      for an accuracy
//!   after more than `patience` metrics in a row that are not better:
//!            r <- max(r factor, min_lr)   if that changes r by more than eps
//!            the next `cooldown` metrics do not count as worse
//! ```

use super::{check_not_negative, check_share};
use crate::error::{Error, Result};

/// Which metrics are better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Better {
    /// Smaller ones, such as of a loss.
    #[default]
    Smaller,
    /// Larger ones, such as of an accuracy.
    Larger,
}

/// By how much a metric must improve to be better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// By this share of the best.
    Relative(f64),
    /// By this.
    Absolute(f64),
}

/// Reduces the rate on a plateau: it is shown a metric, usually after each epoch, and returns the
/// rate to go on with. NaN is never better.
///
/// ```
/// use densecore::schedule::ReduceOnPlateau;
/// let mut plateau = ReduceOnPlateau::new(0.1);
/// plateau.patience = 1;
/// plateau.check()?;
/// let rates = [2.0, 1.0, 1.5, 1.25].map(|loss| plateau.observe(loss));
/// assert_eq!(rates, [0.1, 0.1, 0.1, 0.1 * 0.1]);
/// # Ok::<(), densecore::Error>(())
/// ```
///
/// A [`Fit`](crate::train::Fit) goes on where it has stopped, so it may be run for an epoch at a
/// time:
///
/// ```
/// # use densecore::{Activation, Loss, Network, data, optim::Sgd, train::Fit};
/// # use densecore::schedule::ReduceOnPlateau;
/// # use std::ops::ControlFlow::Continue;
/// # let (train, test) = data::digits().split(0.8, 1)?;
/// # let mut network = Network::mlp(&[64, 16, 10], Activation::Relu, 1)?;
/// let mut plateau = ReduceOnPlateau::new(0.1);
/// let mut sgd = network.optimizer(Sgd::new(plateau.learning_rate))?;
/// let mut fit = Fit::new(Loss::CROSS_ENTROPY).epochs(1);
/// for _ in 0..3 {
///     let history = fit.run(&mut network, &mut sgd, &train, Some(&test), |_, _| Continue(()))?;
///     let loss = history[0].validation.map_or(f64::NAN, |validation| validation.loss);
///     sgd.set_learning_rate(plateau.observe(loss))?;
/// }
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReduceOnPlateau {
    /// The rate to begin with, and the one in use; not negative.
    pub learning_rate: f64,
    /// Which metrics are better.
    pub better: Better,
    /// What the rate is multiplied by, from 0 to below 1.
    pub factor: f64,
    /// Metrics in a row that may fail to be better.
    pub patience: u64,
    /// By how much a metric must improve.
    pub threshold: Threshold,
    /// Metrics after a reduction that do not count.
    pub cooldown: u64,
    /// The lowest rate, not negative.
    pub min_lr: f64,
    /// A change of the rate of at most this is not made.
    pub eps: f64,
    /// The best metric so far.
    best: Option<f64>,
    /// Metrics in a row that were not better.
    worse: u64,
    /// Metrics that will not count.
    cooling: u64,
}

impl ReduceOnPlateau {
    /// PyTorch's defaults: smaller is better, by a share of 1e-4; a tenth of the rate after more
    /// than 10 metrics that were not; no cooldown, no lowest rate, `eps` 1e-8.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            better: Better::Smaller,
            factor: 0.1,
            patience: 10,
            threshold: Threshold::Relative(1e-4),
            cooldown: 0,
            min_lr: 0.0,
            eps: 1e-8,
            best: None,
            worse: 0,
            cooling: 0,
        }
    }

    /// [`Value`](Error::Value) names a setting without a meaning.
    pub fn check(&self) -> Result<()> {
        check_not_negative("learning_rate", self.learning_rate)?;
        check_share("factor", self.factor)?;
        if self.factor == 1.0 {
            let expected = "a number below 1";
            return Err(Error::Value { argument: "factor", expected, found: self.factor });
        }
        let (Threshold::Relative(threshold) | Threshold::Absolute(threshold)) = self.threshold;
        check_not_negative("threshold", threshold)?;
        check_not_negative("min_lr", self.min_lr)?;
        check_not_negative("eps", self.eps)
    }

    /// Takes note of a metric; returns the rate to go on with.
    pub fn observe(&mut self, metric: f64) -> f64 {
        if self.is_better(metric) {
            self.best = Some(metric);
            self.worse = 0;
        } else {
            self.worse += 1;
        }
        if self.cooling > 0 {
            self.cooling -= 1;
            self.worse = 0;
        }
        if self.worse > self.patience {
            self.worse = 0;
            self.cooling = self.cooldown;
            let lower = (self.learning_rate * self.factor).max(self.min_lr);
            if self.learning_rate - lower > self.eps {
                self.learning_rate = lower;
            }
        }
        self.learning_rate
    }

    fn is_better(&self, metric: f64) -> bool {
        let Some(best) = self.best else {
            return match self.better {
                Better::Smaller => metric < f64::INFINITY,
                Better::Larger => metric > f64::NEG_INFINITY,
            };
        };
        match (self.better, self.threshold) {
            (Better::Smaller, Threshold::Relative(t)) => metric < best * (1.0 - t),
            (Better::Smaller, Threshold::Absolute(t)) => metric < best - t,
            (Better::Larger, Threshold::Relative(t)) => metric > best * (1.0 + t),
            (Better::Larger, Threshold::Absolute(t)) => metric > best + t,
        }
    }
}

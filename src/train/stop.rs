//! When to stop before the last epoch: nothing gets better any more, or nothing changes.

use super::observe::Epoch;
use super::state::{Best, State};
use crate::error::{Error, Result};

/// Stops when what is watched has not become better for some epochs, and keeps the best weights.
///
/// ```
/// use densecore::{Activation, Loss, Network, data, optim::Adam};
/// use densecore::train::{EarlyStopping, Fit, Stopped};
/// use std::ops::ControlFlow::Continue;
/// let (train, test) = data::digits().split(0.8, 1)?;
/// let (train, validation) = train.split(0.8, 1)?;
/// let mut network = Network::mlp(&[64, 32, 10], Activation::Relu, 1)?;
/// let mut adam = network.optimizer(Adam::new(1e-2))?;
/// let mut fit = Fit::new(Loss::CROSS_ENTROPY).epochs(200).early_stopping(EarlyStopping::new(5));
/// let history =
///     fit.run(&mut network, &mut adam, &train, Some(&validation), |_, _| Continue(()))?;
/// assert_eq!(fit.stopped(), Some(Stopped::NotBetter));
/// let best = fit.state().best.as_ref().map(|best| best.epoch);
/// assert_eq!(best, Some(history.len() - 5)); // whose weights the network has now
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyStopping {
    /// Epochs in a row that may fail to be better; after so many, and after one in any case, the
    /// training ends.
    pub patience: usize,
    /// By how much more than this a value must be better than the best one; not negative.
    pub min_delta: f64,
    /// What is to become better.
    pub watch: Watch,
    /// Whether the network gets the weights of the best epoch at the end of a run, however it ends.
    pub restore_best: bool,
}

/// What tells a better epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// A smaller loss on the validation set, or on the training set if there is no other.
    #[default]
    Loss,
    /// A greater share of right classes on the validation set, or on the training set if there is
    /// no other.
    Accuracy,
    /// A smaller loss on the training set.
    TrainLoss,
}

/// Stops when the loss on the training set has settled: `|L' - L| <= tolerance |L|`, with L' that of
/// the epoch after, for some epochs in a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Convergence {
    /// The change that counts as none, as a share of the loss; not negative.
    pub tolerance: f64,
    /// Epochs in a row; 0 is 1.
    pub epochs: usize,
}

/// Why a run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// All epochs were done.
    Done,
    /// The caller wanted it.
    Asked,
    /// [`EarlyStopping`].
    NotBetter,
    /// [`Fit::until_converged`](super::Fit::until_converged).
    Settled,
    /// The loss on the training set is NaN, and will stay so.
    NotANumber,
}

impl Watch {
    /// The number of what is watched in files and messages; 0 is nothing.
    pub(crate) fn number(watch: Option<Watch>) -> u64 {
        match watch {
            None => 0,
            Some(Watch::Loss) => 1,
            Some(Watch::Accuracy) => 2,
            Some(Watch::TrainLoss) => 3,
        }
    }

    /// What has that number.
    #[cfg(feature = "safetensors")]
    pub(crate) fn of_number(number: u64) -> Option<Option<Watch>> {
        let all = [None, Some(Watch::Loss), Some(Watch::Accuracy), Some(Watch::TrainLoss)];
        all.into_iter().find(|&watch| Watch::number(watch) == number)
    }
}

impl EarlyStopping {
    /// Stops after `patience` epochs without a smaller loss, and restores the best weights.
    pub fn new(patience: usize) -> Self {
        Self { patience, min_delta: 0.0, watch: Watch::default(), restore_best: true }
    }

    /// The same with something else to watch.
    pub fn watch(self, watch: Watch) -> Self {
        Self { watch, ..self }
    }

    pub(super) fn check(&self) -> Result<()> {
        not_negative("min_delta", self.min_delta)
    }

    /// Whether the training is over.
    pub(super) fn is_over(&self, state: &State) -> bool {
        state.waited >= self.patience.max(1)
    }

    /// Takes notice of an epoch, which left these parameters.
    pub(super) fn observe(&self, epoch: &Epoch, parameters: &[f32], state: &mut State) {
        let value = self.value(epoch);
        let is_better = |best: &Best| match self.watch {
            Watch::Accuracy => value > best.value + self.min_delta,
            Watch::Loss | Watch::TrainLoss => value < best.value - self.min_delta,
        };
        let number = epoch.number;
        match &mut state.best {
            // NaN is never better.
            Some(best) if is_better(best) => {
                (best.epoch, best.value) = (number, value);
                best.parameters.clear();
                best.parameters.extend_from_slice(parameters);
                state.waited = 0;
            }
            None if !value.is_nan() => {
                state.best = Some(Best { epoch: number, value, parameters: parameters.to_vec() });
                state.waited = 0;
            }
            _ => state.waited = state.waited.saturating_add(1),
        }
    }

    fn value(&self, epoch: &Epoch) -> f64 {
        let result = epoch.validation.unwrap_or(epoch.train);
        match self.watch {
            Watch::Loss => result.loss,
            Watch::TrainLoss => epoch.train.loss,
            Watch::Accuracy => result.accuracy.unwrap_or(f64::NAN),
        }
    }
}

impl Convergence {
    pub(super) fn check(&self) -> Result<()> {
        not_negative("tolerance", self.tolerance)
    }

    /// Whether the training is over.
    pub(super) fn is_over(&self, state: &State) -> bool {
        state.settled >= self.epochs.max(1)
    }

    /// Takes notice of an epoch.
    pub(super) fn observe(&self, epoch: &Epoch, state: &mut State) {
        let loss = epoch.train.loss;
        let is_settled =
            |last: f64| (loss - last).abs() <= self.tolerance * last.abs() && last.is_finite();
        let settled = state.last_loss.is_some_and(is_settled);
        state.settled = if settled { state.settled.saturating_add(1) } else { 0 };
    }
}

pub(super) fn not_negative(argument: &'static str, found: f64) -> Result<()> {
    let error = Error::Value { argument, expected: "a finite number, not negative", found };
    if found.is_finite() && found >= 0.0 { Ok(()) } else { Err(error) }
}

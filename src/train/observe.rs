//! What a training shows to its caller: steps, epochs, and their history as a table.

use core::fmt::{self, Write};
use core::ops::ControlFlow;
use std::time::Duration;

use super::evaluate::Evaluation;
use super::state::State;
use crate::network::{Network, Workspace};
use crate::optim::{Optimizer, Rule, UpdateRule};

/// What is reported after each training step.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// The epoch that it belongs to, from 1 on.
    pub epoch: usize,
    /// Its number within the epoch, from 1 on.
    pub number: usize,
    /// Steps of the epoch.
    pub steps: usize,
    /// Samples trained on.
    pub samples: usize,
    /// The loss on them, before the step.
    pub loss: f32,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// The norm of all gradients before they were clipped, if they are clipped by their norm.
    pub gradient_norm: Option<f64>,
}

/// What is reported after each epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Epoch {
    /// From 1 on, over all runs.
    pub number: usize,
    /// On the training set, after the epoch.
    pub train: Evaluation,
    /// On the validation set, if there is one.
    pub validation: Option<Evaluation>,
    /// Samples trained on.
    pub samples: usize,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// Time spent in training steps, without evaluation.
    pub time: Duration,
}

/// All that a later run needs to go on from here with the same bits: what to save in a checkpoint.
#[derive(Debug)]
#[non_exhaustive]
pub struct Snapshot<'a, R: UpdateRule = Rule> {
    /// As it is after the epoch.
    pub network: &'a Network,
    /// With its state.
    pub optimizer: &'a Optimizer<R>,
    /// With the epochs done, and the best one.
    pub state: &'a State,
}

/// Sees a training while it runs, and may stop it; see [`Fit::run_observed`](super::Fit::run_observed).
///
/// It is called on a thread of the pool, so it is `Send`.
pub trait Observer<R: UpdateRule = Rule>: Send {
    /// After each step. A training that is stopped here ends before the epoch is complete, which is
    /// not counted then.
    ///
    /// The workspace holds what the step has left, for
    /// [`activation_statistics`](Network::activation_statistics) and their like: gradients are gone
    /// where the update was applied at once, as it is to networks beyond the caches.
    fn on_step(
        &mut self,
        step: &Step,
        network: &Network,
        workspace: &Workspace,
    ) -> ControlFlow<()> {
        let _ = (step, network, workspace);
        ControlFlow::Continue(())
    }

    /// After each epoch.
    fn on_epoch(&mut self, epoch: &Epoch, snapshot: Snapshot<'_, R>) -> ControlFlow<()> {
        let _ = (epoch, snapshot);
        ControlFlow::Continue(())
    }
}

/// A function that is called after each epoch.
pub(super) struct OnEpoch<F>(pub F);

impl<R: UpdateRule, F> Observer<R> for OnEpoch<F>
where
    F: FnMut(&Epoch, &Network) -> ControlFlow<()> + Send,
{
    fn on_epoch(&mut self, epoch: &Epoch, snapshot: Snapshot<'_, R>) -> ControlFlow<()> {
        (self.0)(epoch, snapshot.network)
    }
}

impl Epoch {
    /// Samples trained on per second.
    pub fn samples_per_second(&self) -> f64 {
        self.samples as f64 / self.time.as_secs_f64()
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {:>3}  train {}", self.number, self.train)?;
        if let Some(validation) = &self.validation {
            write!(f, "  validation {validation}")?;
        }
        write!(f, "  {:>9.0} samples/s", self.samples_per_second())
    }
}

/// A history as comma-separated values, a line for each epoch under a line of names. What there is
/// not is left empty; numbers are written such that reading them gives the same ones.
///
/// ```text
/// epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,samples,seconds
/// 1,0.25,0.9375,0.5,0.875,0.001,1438,0.0125
/// ```
pub fn csv(history: &[Epoch]) -> String {
    let mut text = String::from(
        "epoch,train_loss,train_accuracy,validation_loss,validation_accuracy,learning_rate,samples,seconds\n",
    );
    let number = |x: Option<f64>| x.map_or(String::new(), |x| x.to_string());
    for epoch in history {
        let validation = epoch.validation;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{}",
            epoch.number,
            epoch.train.loss,
            number(epoch.train.accuracy),
            number(validation.map(|v| v.loss)),
            number(validation.and_then(|v| v.accuracy)),
            epoch.learning_rate,
            epoch.samples,
            epoch.time.as_secs_f64(),
        );
    }
    text
}

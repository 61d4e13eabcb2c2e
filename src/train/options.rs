//! How a [`Fit`] trains: what it does unless it is told otherwise, and how it is told.

use super::{Clip, Convergence, EarlyStopping, Fit, State};
use crate::cpu::Cpu;
use crate::loss::Loss;
use crate::schedule::Schedule;

#[cfg(doc)]
use super::{Observer, Origin};
#[cfg(doc)]
use crate::optim::Optimizer;

impl Fit {
    /// Ten epochs of batches of 32 in an order drawn with seed 0, on all threads of the pool.
    pub fn new(loss: Loss) -> Self {
        Self {
            cpu: Cpu::detect(),
            loss,
            class_weights: None,
            epochs: 10,
            batch_size: 32,
            accumulate: 1,
            clip: None,
            shuffle: true,
            evaluate_train: true,
            schedule: None,
            early_stopping: None,
            convergence: None,
            seed: 0,
            state: State::default(),
            resumed: None,
            stopped: None,
        }
    }

    /// How to run.
    pub fn cpu(self, cpu: Cpu) -> Self {
        Self { cpu, ..self }
    }

    /// Passes over the training set in each run, if nothing ends it before.
    pub fn epochs(self, epochs: usize) -> Self {
        Self { epochs, ..self }
    }

    /// Samples per pass through the network, and so per step if nothing is
    /// [accumulated](Fit::accumulate). 1 is online learning; more than the set has is the whole set.
    pub fn batch_size(self, batch_size: usize) -> Self {
        Self { batch_size, ..self }
    }

    /// One step per epoch, on the whole training set.
    pub fn full_batch(self) -> Self {
        self.batch_size(usize::MAX)
    }

    /// Adds the gradients of so many batches before each step, as of one batch of all their samples
    /// that would be too large for the memory. (With class weights or ignored classes each batch
    /// counts by its samples, whatever they weigh.)
    pub fn accumulate(self, batches: usize) -> Self {
        Self { accumulate: batches, ..self }
    }

    /// Scales the gradients of each step so that their norm is at most this; see
    /// [`by_global_norm`](crate::optim::clip::by_global_norm).
    pub fn clip_norm(self, max_norm: f64) -> Self {
        Self { clip: Some(Clip::Norm(max_norm)), ..self }
    }

    /// Clamps the gradients of each step; see [`by_value`](crate::optim::clip::by_value).
    pub fn clip_value(self, limit: f64) -> Self {
        Self { clip: Some(Clip::Value(limit)), ..self }
    }

    /// A weight for each class, in training and in evaluation: the loss of a sample is multiplied by
    /// that of its class, and a mean divided by the sum of the weights. They are positive: a batch
    /// that weighs nothing has no mean.
    pub fn class_weights(self, weights: impl Into<Vec<f32>>) -> Self {
        Self { class_weights: Some(weights.into()), ..self }
    }

    /// Whether the samples come in another order in each epoch, as they do unless this says
    /// otherwise.
    pub fn shuffle(self, shuffle: bool) -> Self {
        Self { shuffle, ..self }
    }

    /// Sets the optimizer's learning rate before each training step, as a function of the
    /// [steps](Optimizer::steps) it has taken. For a schedule of epochs give its settings in steps,
    /// `train.len().div_ceil(batch_size)` for each epoch. Without one the rate stays.
    pub fn schedule(self, schedule: impl Into<Schedule>) -> Self {
        Self { schedule: Some(schedule.into()), ..self }
    }

    /// Ends a run when nothing becomes better any more.
    pub fn early_stopping(self, rule: EarlyStopping) -> Self {
        Self { early_stopping: Some(rule), ..self }
    }

    /// Ends a run when the loss on the training set has changed by at most `tolerance` of itself in
    /// each of so many `epochs` in a row.
    pub fn until_converged(self, tolerance: f64, epochs: usize) -> Self {
        Self { convergence: Some(Convergence { tolerance, epochs }), ..self }
    }

    /// Whether the training set is evaluated after each epoch, as it is unless this says otherwise.
    /// It is a third of the products of training on it. Without, an epoch reports the mean of the
    /// losses that its steps met, and no accuracy.
    pub fn evaluate_train(self, evaluate: bool) -> Self {
        Self { evaluate_train: evaluate, ..self }
    }

    /// The seed of the order of samples, and of what dropout drops.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Goes on as if so many epochs had been: for a network and an optimizer that were trained
    /// before, by another `Fit`.
    pub fn after(self, epochs: usize) -> Self {
        let state = State { epochs, ..self.state };
        Self { state, ..self }
    }

    /// Goes on from the state of another `Fit`, with the network and the optimizer as they were
    /// then: the same bits as if it had not been interrupted, with the same settings. The most important
    /// of them are compared ([`Origin`]), and the next run is an error if they differ; to change them on
    /// purpose take the origin out.
    ///
    /// As they were then: after an epoch, as an [`Observer`] sees them. After a run that has given the
    /// best weights back, the network is no longer that of the state.
    pub fn resume(self, state: State) -> Self {
        Self { resumed: state.origin, state, ..self }
    }
}

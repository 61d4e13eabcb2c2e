//! Training: the loop over epochs and mini-batches, and the evaluation of a network on a data set.
//!
//! ```text
//!   for each epoch
//!     shuffle the samples                      stream SHUFFLE + epoch of the seed
//!     for each batch of them                   the last one may be smaller
//!       set the rate, if there is a schedule
//!       gather its rows, train_step
//!     evaluate, call back
//! ```
//!
//! Everything follows from the seed: the same run gives the same bits on any number of threads, and
//! training in several runs the same as in one of as many epochs.
//! A batch size of 1 is online learning, one of the whole set is full-batch gradient descent.

mod batch;
mod metrics;
mod state;

use core::fmt;
use core::ops::ControlFlow;
use std::time::{Duration, Instant};

pub use metrics::{accuracy, confusion_matrix, correct, predicted_class, r2, rmse, top_k_accuracy};
pub use state::{Best, State};

use batch::{Batch, first_rows};

use crate::cpu::Cpu;
use crate::data::{Dataset, Targets};
use crate::error::{Error, Result, check_shape};
use crate::loss::{Loss, Target, Total};
use crate::network::{Network, Workspace};
use crate::optim::{Optimizer, UpdateRule};
use crate::rng::{Rng, stream};
use crate::schedule::Schedule;
use crate::tensor::Tensor;

/// How to train, and how many epochs have been; made by [`Fit::new`] and changed by its methods.
///
/// A [`run`](Fit::run) goes on where the last one of the same `Fit` has stopped: epochs are counted
/// on, and samples shuffled anew. To train another network from the start, use another one, or a
/// clone of one that has not run.
///
/// ```
/// use densecore::{Activation, Loss, Network, data, optim::Adam, train::Fit};
/// use std::ops::ControlFlow::{Break, Continue};
/// let (train, test) = data::digits().split(0.8, 1)?;
/// let mut network = Network::mlp(&[64, 32, 10], Activation::Relu, 1)?;
/// let mut adam = network.optimizer(Adam::new(1e-2))?;
/// let mut fit = Fit::new(Loss::CROSS_ENTROPY).epochs(8);
/// // The weights that were best on samples not trained on, and a stop when they are good enough.
/// let mut best = (f64::INFINITY, Vec::new());
/// fit.run(&mut network, &mut adam, &train, Some(&test), |epoch, network| {
///     let loss = epoch.validation.map_or(f64::NAN, |validation| validation.loss);
///     if loss < best.0 {
///         best = (loss, network.parameters().to_vec());
///     }
///     if loss < 0.1 { Break(()) } else { Continue(()) }
/// })?;
/// network.parameters_mut().copy_from_slice(&best.1);
/// # assert!(best.0 < 0.3, "{}", best.0);
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fit {
    cpu: Cpu,
    loss: Loss,
    epochs: usize,
    batch_size: usize,
    schedule: Option<Schedule>,
    seed: u64,
    done: usize,
}

/// How good a network is on a data set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// The loss over the whole set, reduced as the loss says.
    pub loss: f64,
    /// The share of samples whose class is predicted, from 0 to 1; `None` without classes.
    pub accuracy: Option<f64>,
}

/// What is reported after each epoch.
#[derive(Clone, Copy, Debug)]
pub struct Epoch {
    /// From 1 on, over all runs.
    pub number: usize,
    /// On the training set, after the epoch.
    pub train: Evaluation,
    /// On the validation set, if there is one.
    pub validation: Option<Evaluation>,
    /// Samples trained on.
    pub samples: usize,
    /// Time spent in training steps, without evaluation.
    pub time: Duration,
}

impl Fit {
    /// Ten epochs of batches of 32 with seed 0, on all threads of the pool.
    pub fn new(loss: Loss) -> Self {
        let (cpu, schedule) = (Cpu::detect(), None);
        Self { cpu, loss, epochs: 10, batch_size: 32, schedule, seed: 0, done: 0 }
    }

    /// How to run.
    pub fn cpu(self, cpu: Cpu) -> Self {
        Self { cpu, ..self }
    }

    /// Passes over the training set in each run.
    pub fn epochs(self, epochs: usize) -> Self {
        Self { epochs, ..self }
    }

    /// Samples per training step; more than the set has is the whole set.
    pub fn batch_size(self, batch_size: usize) -> Self {
        Self { batch_size, ..self }
    }

    /// Sets the optimizer's learning rate before each training step, as a function of the
    /// [steps](Optimizer::steps) it has taken. For a schedule of epochs give its settings in steps,
    /// `train.len().div_ceil(batch_size)` for each epoch. Without one the rate stays.
    pub fn schedule(self, schedule: impl Into<Schedule>) -> Self {
        Self { schedule: Some(schedule.into()), ..self }
    }

    /// The seed of the order of samples.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Goes on as if so many epochs had been: for a network and an optimizer that were trained
    /// before, by another `Fit`.
    pub fn after(self, epochs: usize) -> Self {
        Self { done: epochs, ..self }
    }

    /// Trains `network` on `train`, and calls `on_epoch` after each epoch with the report and the
    /// network as it is then; it may stop the training. Returns the reports.
    ///
    /// Errors, all before anything is trained: [`Value`](Error::Value) names `batch_size` if it is
    /// 0, `train` or `validation` if it has no samples, or a setting of the schedule;
    /// [`Shape`](Error::Shape) names `input` or `target`, [`Class`](Error::Class) the row or
    /// [`Mismatch`](Error::Mismatch) the kind of target, if a set does not fit the network and the
    /// loss.
    pub fn run<R: UpdateRule>(
        &mut self,
        network: &mut Network,
        optimizer: &mut Optimizer<R>,
        train: &Dataset,
        validation: Option<&Dataset>,
        mut on_epoch: impl FnMut(&Epoch, &Network) -> ControlFlow<()>,
    ) -> Result<Vec<Epoch>> {
        let positive = |argument, n: usize| {
            let error = Error::Value { argument, expected: "at least 1", found: n as f64 };
            if n == 0 { Err(error) } else { Ok(()) }
        };
        positive("batch_size", self.batch_size)?;
        positive("train", train.len())?;
        positive("validation", validation.map_or(1, Dataset::len))?;
        self.schedule.as_ref().map_or(Ok(()), Schedule::check)?;
        for set in [Some(train), validation].into_iter().flatten() {
            check_fits(network, set, self.loss)?;
        }
        let batch_size = self.batch_size.min(train.len());
        let mut workspace = Workspace::new();
        let mut batch = Batch::new(train, batch_size)?;
        let mut order = vec![0; train.len()];
        let mut history = Vec::new();
        for _ in 0..self.epochs {
            let number = self.done.saturating_add(1);
            let stream = stream::SHUFFLE.wrapping_add(number as u64);
            Rng::new(self.seed, stream).permutation(&mut order);
            let start = Instant::now();
            for rows in order.chunks(batch_size) {
                if let Some(schedule) = &self.schedule {
                    optimizer.set_learning_rate(schedule.learning_rate(optimizer.steps()))?;
                }
                let sample = batch.gather(train, rows)?;
                network.train_step(self.cpu, &mut workspace, sample, self.loss, optimizer)?;
            }
            let time = start.elapsed();
            let validation = validation
                .map(|set| evaluate(self.cpu, network, &mut workspace, set, self.loss))
                .transpose()?;
            let train_result = evaluate(self.cpu, network, &mut workspace, train, self.loss)?;
            let samples = train.len();
            let epoch = Epoch { number, train: train_result, validation, samples, time };
            history.push(epoch);
            self.done = number;
            if on_epoch(&epoch, network).is_break() {
                break;
            }
        }
        Ok(history)
    }
}

/// Rows that are evaluated at once, which bounds the memory that a large set needs.
const EVALUATED_ROWS: usize = 1024;

/// The loss and accuracy of `network` on a data set.
///
/// Errors: [`Value`](Error::Value) names `data` if it has no samples; [`Shape`](Error::Shape) names
/// `input` or `target`, [`Class`](Error::Class) the row or [`Mismatch`](Error::Mismatch) the kind
/// of target, if the set does not fit the network and the loss.
pub fn evaluate(
    cpu: Cpu,
    network: &Network,
    workspace: &mut Workspace,
    data: &Dataset,
    loss: Loss,
) -> Result<Evaluation> {
    let (rows, width) = (data.len(), network.outputs());
    if rows == 0 {
        return Err(Error::Value { argument: "data", expected: "at least 1 sample", found: 0.0 });
    }
    check_fits(network, data, loss)?;
    let mut output = Tensor::zeros(rows.min(EVALUATED_ROWS), width)?;
    let (mut total, mut right) = (Total::default(), 0);
    for first in (0..rows).step_by(EVALUATED_ROWS) {
        let count = EVALUATED_ROWS.min(rows - first);
        let input = data.inputs().view().rows_range(first, count);
        network.predict(cpu, workspace, input, first_rows(&mut output, count))?;
        let scores = output.view().rows_range(0, count);
        let target = targets(data, first, count);
        total += loss.sum(cpu, scores, target)?;
        if let Target::Classes(ids) = target {
            right += correct(scores, ids)?;
        }
    }
    let accuracy = match data.targets() {
        Targets::Classes { .. } => Some(right as f64 / rows as f64),
        Targets::Values(_) => None,
    };
    Ok(Evaluation { loss: f64::from(loss.reduce(total)), accuracy })
}

/// Ok if the set has what the network and the loss take.
fn check_fits(network: &Network, data: &Dataset, loss: Loss) -> Result<()> {
    let rows = data.len();
    check_shape("input", (rows, network.inputs()), data.inputs().shape())?;
    loss.check((rows, network.outputs()), targets(data, 0, rows))
}

/// The targets of `count` samples from `first` on, borrowed.
fn targets(data: &Dataset, first: usize, count: usize) -> Target<'_> {
    match data.targets() {
        Targets::Classes { ids, .. } => Target::Classes(&ids[first..first + count]),
        Targets::Values(values) => Target::Values(values.view().rows_range(first, count)),
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

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {:.3e}", self.loss)?;
        match self.accuracy {
            Some(accuracy) => write!(f, " accuracy {:.2} %", 100.0 * accuracy),
            None => Ok(()),
        }
    }
}

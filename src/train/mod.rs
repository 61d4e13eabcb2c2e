//! Training: the loop over epochs and mini-batches, and the evaluation of a network on a data set.
//!
//! ```text
//!   for each epoch
//!     shuffle the samples                      stream SHUFFLE + epoch of the seed
//!     for each batch of them                   the last one may be smaller
//!       set the rate, if there is a schedule
//!       gather its rows, train_step            or gradients, clipped or of several batches, and update
//!     evaluate, call back, maybe stop
//! ```
//!
//! Everything follows from the seed: the same run gives the same bits on any number of threads, and
//! training in several runs the same as in one of as many epochs.
//! A batch size of 1 is online learning, one of the whole set is full-batch gradient descent.
//!
//! | file | what |
//! |---|---|
//! | `run` | the loop |
//! | `batch` | the rows of one batch |
//! | `observe` | what is shown to the caller after steps and epochs; the history |
//! | `stop`, `state` | early stopping and convergence; what is known of the epochs that have been |
//! | `evaluate`, `metrics` | losses of data sets; accuracy and its kin |

mod batch;
mod evaluate;
mod metrics;
mod observe;
mod run;
mod state;
mod stop;

use core::ops::ControlFlow;

pub use evaluate::{Evaluation, evaluate};
pub use metrics::{accuracy, confusion_matrix, correct, predicted_class, r2, rmse, top_k_accuracy};
pub use observe::{Epoch, Observer, Snapshot, Step, csv};
pub use state::{Best, State};
pub use stop::{Convergence, EarlyStopping, Stopped, Watch};

use crate::cpu::Cpu;
use crate::data::Dataset;
use crate::error::Result;
use crate::loss::Loss;
use crate::network::Network;
use crate::optim::{Optimizer, UpdateRule};
use crate::parallel;
use crate::schedule::Schedule;
use observe::OnEpoch;
use run::Subject;

#[cfg(doc)]
use crate::error::Error;

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
    class_weights: Option<Vec<f32>>,
    epochs: usize,
    batch_size: usize,
    accumulate: usize,
    clip: Option<Clip>,
    shuffle: bool,
    evaluate_train: bool,
    schedule: Option<Schedule>,
    early_stopping: Option<EarlyStopping>,
    convergence: Option<Convergence>,
    seed: u64,
    state: State,
    stopped: Option<Stopped>,
}

/// How gradients are clipped before each step.
#[derive(Clone, Copy, Debug)]
enum Clip {
    Norm(f64),
    Value(f64),
}

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
    /// that of its class, and a mean divided by the sum of the weights.
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
    /// It takes about a third of the time of training on it. Without, an epoch reports the mean of the losses that its steps
    /// met, and no accuracy.
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
    /// then: the same bits as if it had not been interrupted.
    pub fn resume(self, state: State) -> Self {
        Self { state, ..self }
    }

    /// What it knows of the epochs that have been.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Why the last run ended; none if there was none, or it ended with an error.
    pub fn stopped(&self) -> Option<Stopped> {
        self.stopped
    }

    /// Trains `network` on `train`, and calls `on_epoch` after each epoch with the report and the
    /// network as it is then; it may stop the training. Returns the reports.
    ///
    /// The pool that the caller is in, or the global one, is entered once, around everything.
    ///
    /// Errors, all before anything is trained: [`Value`](Error::Value) names `batch_size` or
    /// `accumulate` if it is 0, `train` or `validation` if it has no samples, or a setting of
    /// clipping, of the schedule or of a rule that stops; [`Length`](Error::Length) names `outputs` if the network has
    /// several, `parameters` if the optimizer is of another length, or `best`;
    /// [`Shape`](Error::Shape) names `input` or `target`, [`Class`](Error::Class) the row or
    /// [`Mismatch`](Error::Mismatch) the kind of target, if a set does not fit the network and the
    /// loss.
    pub fn run<R: UpdateRule>(
        &mut self,
        network: &mut Network,
        optimizer: &mut Optimizer<R>,
        train: &Dataset,
        validation: Option<&Dataset>,
        on_epoch: impl FnMut(&Epoch, &Network) -> ControlFlow<()> + Send,
    ) -> Result<Vec<Epoch>> {
        self.run_observed(network, optimizer, train, validation, &mut OnEpoch(on_epoch))
    }

    /// The same with an observer, which also sees each step, and what a checkpoint needs.
    ///
    /// ```
    /// use densecore::optim::Sgd;
    /// use densecore::train::{Epoch, Fit, Observer, Snapshot, State, Step};
    /// use densecore::{Activation, Loss, Network, data};
    /// use std::ops::ControlFlow::{self, Break, Continue};
    ///
    /// #[derive(Default)]
    /// struct Log {
    ///     losses: Vec<f32>,
    ///     checkpoint: Option<(Vec<f32>, State)>, // or io::save_training
    /// }
    ///
    /// impl Observer for Log {
    ///     fn on_step(&mut self, step: &Step, _: &Network) -> ControlFlow<()> {
    ///         self.losses.push(step.loss);
    ///         if step.loss.is_finite() { Continue(()) } else { Break(()) }
    ///     }
    ///     fn on_epoch(&mut self, _: &Epoch, snapshot: Snapshot<'_>) -> ControlFlow<()> {
    ///         let parameters = snapshot.network.parameters().to_vec();
    ///         self.checkpoint = Some((parameters, snapshot.state.clone()));
    ///         Continue(())
    ///     }
    /// }
    ///
    /// let (set, mut log) = (data::digits(), Log::default());
    /// let mut network = Network::mlp(&[64, 10], Activation::Relu, 1)?;
    /// let mut sgd = network.optimizer(Sgd::new(0.1))?;
    /// let mut fit = Fit::new(Loss::CROSS_ENTROPY).epochs(2).batch_size(100).clip_norm(1.0);
    /// fit.run_observed(&mut network, &mut sgd, &set, None, &mut log)?;
    /// assert_eq!(log.losses.len(), 2 * 18);
    /// # assert!(log.checkpoint.is_some_and(|(_, state)| state.epochs == 2));
    /// # Ok::<(), densecore::Error>(())
    /// ```
    ///
    /// Errors as for [`run`](Fit::run).
    pub fn run_observed<R: UpdateRule>(
        &mut self,
        network: &mut Network,
        optimizer: &mut Optimizer<R>,
        train: &Dataset,
        validation: Option<&Dataset>,
        observer: &mut impl Observer<R>,
    ) -> Result<Vec<Epoch>> {
        self.stopped = None;
        let mut subject = Subject { network, optimizer, train, validation };
        self.check(&subject)?;
        let result = parallel::enter(self.cpu, || self.train(&mut subject, observer));
        if result.is_err() {
            self.stopped = None;
        }
        result
    }
}

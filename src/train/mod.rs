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
//! training in several runs the same as in one of as many epochs (unless early stopping gives the best
//! weights back between them).
//! A batch size of 1 is online learning, one of the whole set is full-batch gradient descent.
//!
//! | file | what |
//! |---|---|
//! | `options` | how to train |
//! | `run` | the loop |
//! | `batch` | the rows of one batch |
//! | `observe` | what is shown to the caller after steps and epochs; the history |
//! | `stop`, `state` | early stopping and convergence; what is known of the epochs that have been |
//! | `evaluate`, `metrics` | losses of data sets; accuracy and its kin |

mod batch;
mod evaluate;
mod metrics;
mod observe;
mod options;
mod run;
mod state;
mod stop;

use core::ops::ControlFlow;

pub use evaluate::{Evaluation, evaluate};
pub use metrics::{accuracy, confusion_matrix, correct, predicted_class, r2, rmse, top_k_accuracy};
pub use observe::{Epoch, Observer, Snapshot, Step, csv};
pub use state::{Best, Origin, State};
pub use stop::{EarlyStopping, Stopped, Watch};

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
use stop::Convergence;

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
    /// What the next run must be like.
    resumed: Option<Origin>,
    stopped: Option<Stopped>,
}

/// How gradients are clipped before each step.
#[derive(Clone, Copy, Debug)]
enum Clip {
    Norm(f64),
    Value(f64),
}

impl Fit {
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
    /// The pool that the caller is in, or the global one, is entered once, around everything. So
    /// `on_epoch` runs on another thread than the caller's, which waits meanwhile: hold no lock that it
    /// needs, not that of the standard output either. For several trainings at a time in one pool give
    /// each [`Cpu::serial`], which enters none: a thread that waits for a part of one would begin with
    /// another.
    ///
    /// Errors, all before anything is trained: [`Value`](Error::Value) names `batch_size` or
    /// `accumulate` if it is 0, `train` or `validation` if it has no samples, or a setting of
    /// clipping, of the schedule, of a rule that stops or a weight of a class, or what is not as it was in
    /// the training that is [resumed](Fit::resume); [`Mismatch`](Error::Mismatch) names `watch` if there
    /// is no accuracy to watch; [`Length`](Error::Length) names `outputs` if the network has
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
    /// use densecore::{Activation, Loss, Network, Workspace, data};
    /// use std::ops::ControlFlow::{self, Break, Continue};
    ///
    /// #[derive(Default)]
    /// struct Log {
    ///     losses: Vec<f32>,
    ///     checkpoint: Option<(Vec<f32>, State)>, // or io::save_training
    /// }
    ///
    /// impl Observer for Log {
    ///     fn on_step(&mut self, step: &Step, _: &Network, _: &Workspace) -> ControlFlow<()> {
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
        self.resumed = None;
        let result = parallel::enter(self.cpu, || self.train(&mut subject, observer));
        if result.is_err() {
            self.stopped = None;
        }
        result
    }
}

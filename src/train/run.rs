//! The loop over epochs and batches.

use std::time::{Duration, Instant};

use super::batch::Batch;
use super::evaluate::{Evaluation, check_fits, evaluate_weighted};
use super::observe::{Epoch, Observer, Snapshot, Step};
use super::state::Origin;
use super::stop::{Stopped, Watch, not_negative};
use super::{Clip, Fit};
use crate::data::{Dataset, Targets};
use crate::error::{Error, Result, check_len};
use crate::gemm::Accum;
use crate::loss::Reduction;
use crate::network::{Network, Workspace};
use crate::optim::{Optimizer, UpdateRule, clip};
use crate::rng::{Rng, stream};
use crate::schedule::Schedule;

/// What is trained, and on what.
pub(super) struct Subject<'a, R: UpdateRule> {
    pub network: &'a mut Network,
    pub optimizer: &'a mut Optimizer<R>,
    pub train: &'a Dataset,
    pub validation: Option<&'a Dataset>,
}

/// What the steps of an epoch share.
struct Memory {
    workspace: Workspace,
    batch: Batch,
    order: Vec<usize>,
    batch_size: usize,
}

/// What the steps of an epoch add up to.
struct Steps {
    /// The mean of the losses before each step, weighted by samples.
    loss: f64,
    learning_rate: f64,
    time: Duration,
    is_stopped: bool,
}

impl Fit {
    pub(super) fn check<R: UpdateRule>(&self, subject: &Subject<'_, R>) -> Result<()> {
        let Subject { network, optimizer, train, validation } = subject;
        let positive = |argument, n: usize| {
            let error = Error::Value { argument, expected: "at least 1", found: n as f64 };
            if n == 0 { Err(error) } else { Ok(()) }
        };
        positive("batch_size", self.batch_size)?;
        positive("accumulate", self.accumulate)?;
        positive("train", train.len())?;
        positive("validation", validation.map_or(1, Dataset::len))?;
        match self.clip {
            Some(Clip::Norm(most)) => not_negative("max_norm", most)?,
            Some(Clip::Value(limit)) => not_negative("limit", limit)?,
            None => {}
        }
        self.schedule.as_ref().map_or(Ok(()), Schedule::check)?;
        self.early_stopping.map_or(Ok(()), |rule| rule.check())?;
        self.convergence.map_or(Ok(()), |rule| rule.check())?;
        check_len("outputs", 1, network.heads())?;
        self.check_weights()?;
        self.check_watch(train, *validation)?;
        if let Some(resumed) = &self.resumed {
            self.origin(train).check(resumed)?;
        }
        let len = network.parameters().len();
        check_len("parameters", optimizer.parameters(), len)?;
        if let Some(best) = &self.state.best {
            check_len("best", len, best.parameters.len())?;
        }
        for set in [Some(*train), *validation].into_iter().flatten() {
            check_fits(network, set, (self.loss, self.class_weights.as_deref()))?;
        }
        Ok(())
    }

    fn check_weights(&self) -> Result<()> {
        let weights = self.class_weights.iter().flatten();
        match weights.copied().find(|&weight| !(weight > 0.0 && weight.is_finite())) {
            Some(found) => Err(Error::Value {
                argument: "class_weights",
                expected: "finite numbers above 0",
                found: f64::from(found),
            }),
            None => Ok(()),
        }
    }

    /// Ok if there is what is watched.
    fn check_watch(&self, train: &Dataset, validation: Option<&Dataset>) -> Result<()> {
        if self.early_stopping.is_none_or(|rule| rule.watch != Watch::Accuracy) {
            return Ok(());
        }
        let has_classes = |set: &Dataset| matches!(set.targets(), Targets::Classes { .. });
        let evaluated = validation.or(self.evaluate_train.then_some(train));
        if evaluated.is_some_and(has_classes) {
            return Ok(());
        }
        let (expected, found) = ("classes that are evaluated", "an accuracy");
        Err(Error::Mismatch { argument: "watch", expected, found })
    }

    /// What the bits of this training depend on.
    fn origin(&self, train: &Dataset) -> Origin {
        Origin {
            seed: self.seed,
            samples: train.len(),
            batch_size: self.batch_size.min(train.len()),
            accumulate: self.accumulate,
            watch: self.early_stopping.map(|rule| rule.watch),
        }
    }

    /// The epochs of a run, all checks being made.
    pub(super) fn train<R: UpdateRule>(
        &mut self,
        subject: &mut Subject<'_, R>,
        observer: &mut impl Observer<R>,
    ) -> Result<Vec<Epoch>> {
        let len = subject.train.len();
        let batch_size = self.batch_size.min(len);
        let mut memory = Memory {
            workspace: Workspace::new(),
            batch: Batch::new(subject.train, batch_size)?,
            order: (0..len).collect(),
            batch_size,
        };
        let mut history = Vec::new();
        self.stopped = Some(Stopped::Done);
        for _ in 0..self.epochs {
            // A training that is resumed where it had ended does not go on.
            if let Some(reason) = self.reason() {
                self.stopped = Some(reason);
                break;
            }
            let number = self.state.epochs.saturating_add(1);
            let steps = self.steps(number, subject, &mut memory, observer)?;
            if steps.is_stopped {
                self.stopped = Some(Stopped::Asked);
                break;
            }
            let epoch = self.evaluate(number, &steps, subject, &mut memory.workspace)?;
            history.push(epoch);
            self.state.epochs = number;
            self.state.origin = Some(self.origin(subject.train));
            if let Some(rule) = &self.early_stopping {
                rule.observe(&epoch, subject.network.parameters(), &mut self.state);
            }
            if let Some(rule) = &self.convergence {
                rule.observe(&epoch, &mut self.state);
            }
            self.state.last_loss = Some(epoch.train.loss);
            let Subject { network, optimizer, .. } = &*subject;
            let snapshot = Snapshot { network, optimizer, state: &self.state };
            if observer.on_epoch(&epoch, snapshot).is_break() {
                self.stopped = Some(Stopped::Asked);
                break;
            }
        }
        if self.stopped == Some(Stopped::Done)
            && let Some(reason) = self.reason()
        {
            self.stopped = Some(reason);
        }
        if self.early_stopping.is_some_and(|rule| rule.restore_best)
            && let Some(best) = &self.state.best
        {
            subject.network.parameters_mut().copy_from_slice(&best.parameters);
        }
        Ok(history)
    }

    /// Why there is to be no further epoch, by what is known of those that have been.
    fn reason(&self) -> Option<Stopped> {
        let is_late = self.early_stopping.is_some_and(|rule| rule.is_over(&self.state));
        let is_settled = self.convergence.is_some_and(|rule| rule.is_over(&self.state));
        let is_nan = self.state.last_loss.is_some_and(f64::is_nan);
        let reasons = [
            (is_nan, Stopped::NotANumber),
            (is_late, Stopped::NotBetter),
            (is_settled, Stopped::Settled),
        ];
        reasons.into_iter().find(|(is_it, _)| *is_it).map(|(_, reason)| reason)
    }

    /// The steps of one epoch.
    fn steps<R: UpdateRule>(
        &self,
        epoch: usize,
        subject: &mut Subject<'_, R>,
        memory: &mut Memory,
        observer: &mut impl Observer<R>,
    ) -> Result<Steps> {
        let Memory { workspace, batch, order, batch_size } = memory;
        if self.shuffle {
            let stream = stream::SHUFFLE.wrapping_add(epoch as u64);
            Rng::new(self.seed, stream).permutation(order);
        }
        // Every pass of every epoch has a number of its own.
        let passes = order.len().div_ceil(*batch_size) as u64;
        let before = (epoch as u64).wrapping_sub(1).wrapping_mul(passes);
        workspace.set_dropout(self.seed, before);
        let together = batch_size.saturating_mul(self.accumulate);
        let mut steps = Steps {
            loss: 0.0,
            learning_rate: subject.optimizer.learning_rate(),
            time: Duration::ZERO,
            is_stopped: false,
        };
        for (i, rows) in order.chunks(together).enumerate() {
            let start = Instant::now();
            if let Some(schedule) = &self.schedule {
                let rate = schedule.learning_rate(subject.optimizer.steps());
                subject.optimizer.set_learning_rate(rate)?;
            }
            let learning_rate = subject.optimizer.learning_rate();
            let (loss, gradient_norm) =
                self.step(subject, workspace, batch, rows.chunks(*batch_size))?;
            steps.loss += f64::from(loss) * rows.len() as f64 / order.len() as f64;
            steps.learning_rate = learning_rate;
            steps.time += start.elapsed();
            let (number, samples) = (i + 1, rows.len());
            let of = order.len().div_ceil(together);
            let step =
                Step { epoch, number, steps: of, samples, loss, learning_rate, gradient_norm };
            if observer.on_step(&step, subject.network, workspace).is_break() {
                steps.is_stopped = true;
                break;
            }
        }
        Ok(steps)
    }

    /// One step on one batch, or on several whose gradients are added: the loss, and the norm of
    /// the gradients if they are clipped by it.
    fn step<'r, R: UpdateRule>(
        &self,
        subject: &mut Subject<'_, R>,
        workspace: &mut Workspace,
        batch: &mut Batch,
        batches: impl ExactSizeIterator<Item = &'r [usize]> + Clone,
    ) -> Result<(f32, Option<f64>)> {
        let Subject { network, optimizer, train, .. } = subject;
        let (cpu, loss, weights) = (self.cpu, self.loss, self.class_weights.as_deref());
        if let (1, None, Some(rows)) = (batches.len(), self.clip, batches.clone().next()) {
            let sample = batch.gather(train, rows, weights)?;
            return Ok((network.train_step(cpu, workspace, sample, loss, optimizer)?, None));
        }
        let samples: usize = batches.clone().map(<[usize]>::len).sum();
        let (mut accum, mut sum) = (Accum::Replace, 0.0);
        for rows in batches {
            let scale = match loss.reduction() {
                Reduction::Sum => 1.0,
                _ => rows.len() as f32 / samples as f32,
            };
            let sample = batch.gather(train, rows, weights)?;
            sum += network.accumulate(cpu, workspace, sample, loss, (accum, scale))?;
            accum = Accum::Add;
        }
        let gradients = network.gradients_mut(workspace);
        let norm = match self.clip {
            Some(Clip::Norm(most)) => Some(clip::by_global_norm(cpu, gradients, most)?),
            Some(Clip::Value(limit)) => {
                clip::by_value(cpu, gradients, limit)?;
                None
            }
            None => None,
        };
        network.update(cpu, workspace, optimizer)?;
        Ok((sum, norm))
    }

    fn evaluate<R: UpdateRule>(
        &self,
        number: usize,
        steps: &Steps,
        subject: &Subject<'_, R>,
        workspace: &mut Workspace,
    ) -> Result<Epoch> {
        let Subject { network, train, validation, .. } = subject;
        let loss = (self.loss, self.class_weights.as_deref());
        let mut on = |set| evaluate_weighted(self.cpu, network, workspace, set, loss);
        Ok(Epoch {
            number,
            train: match self.evaluate_train {
                true => on(train)?,
                false => Evaluation { loss: steps.loss, accuracy: None },
            },
            validation: validation.map(on).transpose()?,
            samples: train.len(),
            learning_rate: steps.learning_rate,
            time: steps.time,
        })
    }
}

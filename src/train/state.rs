//! [`State`]: what a fit carries from one epoch to the next, and from one run to another.

use super::stop::Watch;
use crate::error::{Error, Result};

/// What a fit knows of the epochs that have been: with the network and the optimizer, all that a
/// later run needs to go on with the same bits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Epochs done, over all runs.
    pub epochs: usize,
    /// Epochs in a row that were not better than the best one.
    pub waited: usize,
    /// The best epoch so far, if one is looked for.
    pub best: Option<Best>,
    /// Epochs in a row in which the training loss hardly changed.
    pub settled: usize,
    /// The training loss of the last epoch.
    pub last_loss: Option<f64>,
    /// What the training was like; a [`Fit`](super::Fit) that goes on from here must be the same.
    pub origin: Option<Origin>,
}

/// Of what the bits of a training depend on, the settings that a program is likely to be started with
/// anew. They are compared; that the network's layers, the rule of the optimizer, the samples, the loss,
/// the schedule, clipping, weights of classes and whether samples are shuffled are as they were is the
/// caller's to see to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The seed.
    pub seed: u64,
    /// Samples of the training set.
    pub samples: usize,
    /// Samples of a batch.
    pub batch_size: usize,
    /// Batches of a step.
    pub accumulate: usize,
    /// What the best epoch is the best of, if one is looked for.
    pub watch: Option<Watch>,
}

impl Origin {
    /// Ok if this is what the training was like that is resumed.
    pub(super) fn check(&self, resumed: &Origin) -> Result<()> {
        for (argument, was, is) in [
            ("seed", resumed.seed, self.seed),
            ("train", resumed.samples as u64, self.samples as u64),
            ("batch_size", resumed.batch_size as u64, self.batch_size as u64),
            ("accumulate", resumed.accumulate as u64, self.accumulate as u64),
            ("watch", Watch::number(resumed.watch), Watch::number(self.watch)),
        ] {
            if was != is {
                let expected = "that of the training that is resumed";
                return Err(Error::Value { argument, expected, found: is as f64 });
            }
        }
        Ok(())
    }
}

/// The best epoch so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// Its number, from 1 on.
    pub epoch: usize,
    /// What is watched, after it.
    pub value: f64,
    /// The network's [`parameters`](crate::Network::parameters) after it.
    pub parameters: Vec<f32>,
}

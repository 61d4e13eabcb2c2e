//! [`State`]: what a fit carries from one epoch to the next, and from one run to another.

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

//! [`State`]: what a training knows beside its network and its optimizer.

/// What a fit knows of the epochs that have been; with the network and the optimizer all that a later
/// run needs to go on with the same bits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Epochs done.
    pub epochs: usize,
    /// Epochs since the best one.
    pub waited: usize,
    /// The best epoch, if one has been watched.
    pub best: Option<Best>,
}

/// The best epoch so far and the network's parameters after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// Its number, from 1 on.
    pub epoch: usize,
    /// What is watched, such as the loss on the validation set.
    pub value: f64,
    /// The arena [`Network::parameters`](crate::network::Network::parameters) after it.
    pub parameters: Vec<f32>,
}

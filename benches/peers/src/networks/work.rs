//! What is timed, and what a peer is.

use densecore::{Network, Tensor};

use super::rows::Row;
use crate::measure::random;
use crate::ready::Ready;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// A training step: forward, loss, backward, update.
    Sgd,
    Adam,
    /// A forward pass.
    Predict,
}

impl Task {
    /// Rates are small: a hundred thousand steps on one batch must not run away.
    pub fn rate(self) -> f64 {
        match self {
            Task::Sgd => 1e-4,
            Task::Adam => 1e-6,
            Task::Predict => 0.0,
        }
    }
}

/// A task with all that it takes, the same for everyone. The loss is softmax cross entropy with
/// class ids where the network has several outputs, mean squared error where it has one.
pub struct Work {
    pub task: Task,
    /// `[in, out]` weights and biases, and the activations.
    pub network: Network,
    /// `[batch, in]`
    pub input: Tensor,
    /// `[batch]`, for cross entropy.
    pub classes: Vec<u32>,
    /// `[batch, 1]`, for squared error.
    pub values: Tensor,
}

impl Work {
    pub fn new(row: &Row, task: Task, batch: usize) -> Self {
        let mut network = Network::mlp(row.widths, row.hidden, 1).expect("the widths are positive");
        for i in 0..network.layers() {
            // Biases start at zero; a peer that forgot them would not be noticed.
            let layer = network.layer_mut(i).expect("there are so many layers");
            let values = random(layer.bias.len(), 100 + i as u64);
            layer.bias.iter_mut().zip(values).for_each(|(bias, value)| *bias = 0.1 * value);
        }
        let matrix = |rows, cols, stream| {
            Tensor::from_vec(rows, cols, random(rows * cols, stream)).expect("the length fits")
        };
        let classes = (0..batch).map(|i| (i % network.outputs()) as u32).collect();
        let (input, values) = (matrix(batch, network.inputs(), 1), matrix(batch, 1, 2));
        Self { task, network, input, classes, values }
    }

    pub fn batch(&self) -> usize {
        self.input.rows()
    }

    /// Whether the loss is cross entropy.
    pub fn has_classes(&self) -> bool {
        self.network.outputs() > 1
    }

    /// Each layer's weight `[in, out]` and bias.
    pub fn layers(&self) -> impl Iterator<Item = (&[f32], &[f32])> {
        (0..self.network.layers())
            .map_while(|i| self.network.layer(i))
            .map(|layer| (layer.weight.as_contiguous().expect("weights have no gaps"), layer.bias))
    }

    /// Compares a peer's results with densecore's. `Err` says what differs.
    ///
    /// Predictions are sums of up to 4096 terms in another order; rounding moves such a sum by
    /// about `sqrt(4096) eps`, 8e-6, of its usual size, and ten times that is allowed. Losses
    /// are means of these; the mistakes even out, and 1e-5 is allowed. A step makes the loss
    /// smaller by more than that at these rates, and what it gains may be 5 % off: another rate
    /// is noticed.
    pub fn compare(&self, ours: &[f32], theirs: &[f32]) -> Result<(), String> {
        if ours.len() != theirs.len() {
            return Err(format!("{} results, expected {}", theirs.len(), ours.len()));
        }
        let largest = ours.iter().fold(0.0, |largest: f32, x| largest.max(x.abs()));
        for (i, (&our, &their)) in ours.iter().zip(theirs).enumerate() {
            let allowed = match self.task {
                Task::Predict => 1e-4 * largest,
                _ => 1e-5 * our.abs() + 0.05 * (ours[0] - our).abs(),
            };
            // NaN is not close.
            let close = (our - their).abs() <= allowed;
            if !close {
                return Err(format!("result {i} is {their}, expected {our}"));
            }
        }
        Ok(())
    }
}

/// A library that runs networks.
pub trait Peer {
    fn name(&self) -> &'static str;
    /// Makes it ready for that work; `None` if it cannot do it. Its results are the losses of the first
    /// three steps, or the predictions.
    fn prepare<'a>(&'a mut self, work: &'a Work) -> Option<Box<dyn Ready + 'a>>;
}

/// How many losses are compared.
pub const STEPS: usize = 3;

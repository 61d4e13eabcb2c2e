//! A network of dense layers: one flat arena of parameters, and the plan of its passes.
//!
//! | file | what |
//! |---|---|
//! | `builder` | the layers of a chain; nodes checked and initialised |
//! | `graph`, `order` | nodes that name what they read, and the order in which they run |
//! | `node`, `plan`, `slots` | the graph in topological order, and which buffer each step reads and writes |
//! | `workspace` | the memory that passes work in |
//! | `walk`, `backward` | node after node, forward and backward |
//! | `small` | the same for a chain of a few small layers, without anything to decide |
//! | `join`, `masks` | sums and concatenations; what dropout drops |
//! | `sink` | the gradients of parameters: kept, or applied at once |
//! | `by_samples` | predictions of many samples, divided among threads |
//! | `forward`, `objective`, `step` | forward and predict; losses of outputs; backward, train |
//! | `update` | gradients accumulated, and the optimizer's update by them |
//! | `packed` | predictions with weights packed once |
//! | `nodes` | what a network is made of, to look at |
//! | `summary`, `table` | what its nodes cost; text in columns |
//! | `statistics`, `dead` | what parameters, gradients and activations are like; units that are dead |
//! | `memory` | what a workspace will take |
//!
//! All parameters stand in one arena, a layer's weight `[in, out]` and then its bias `[out]`,
//! each starting on a cache line; the gradients and the optimizer's state have the same layout.
//! So an update is one loop, and averaging over machines or saving is one array. The gaps between
//! tensors are zero, and every rule leaves a zero without a gradient at zero.

mod backward;
mod builder;
mod by_samples;
mod dead;
mod forward;
mod graph;
mod join;
mod masks;
mod memory;
mod node;
mod nodes;
mod objective;
mod order;
mod packed;
mod plan;
mod sink;
mod slots;
mod small;
mod statistics;
mod step;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod update;
mod walk;
mod workspace;

use core::ops::Range;

pub use builder::Builder;
pub use dead::DeadUnits;
pub use graph::Graph;
pub use memory::WorkspaceBytes;
pub use nodes::{Node, NodeKind};
pub use objective::Objective;
pub use packed::PackedNetwork;
pub use statistics::{Statistics, StatisticsTable};
pub use summary::{Summary, SummaryNode};
pub use workspace::Workspace;

use crate::activation::Activation;
use crate::error::Result;
use crate::optim::{Group, Optimizer, Rule};
use crate::scratch::Buffer;
use crate::tensor::{View, ViewMut};
use plan::Plan;

/// A feed-forward network.
///
/// Passes take `&self` and a [`Workspace`], so that several threads can run one network at the
/// same time; only [`train_step`](Network::train_step) and the accessors with `mut` change it.
///
/// ```
/// use densecore::{Activation, Cpu, Network, View, ViewMut, Workspace};
/// let network = Network::mlp(&[4, 8, 3], Activation::Tanh, 42)?;
/// let mut workspace = Workspace::new();
/// let mut output = [f32::NAN; 6];
/// let input = View::new(2, 4, &[0.1; 8])?;
/// network.predict(Cpu::detect(), &mut workspace, input, ViewMut::new(2, 3, &mut output)?)?;
/// assert_eq!(output[..3], output[3..]); // the same sample twice
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone)]
pub struct Network {
    plan: Plan,
    /// Of each node.
    names: Vec<String>,
    parameters: Buffer,
}

/// A layer of a network.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    /// `[in, out]`
    pub weight: View<'a>,
    /// `[out]`; empty if the layer has no bias.
    pub bias: &'a [f32],
    /// What is applied to the sums.
    pub activation: Activation,
}

/// The parameters of a layer of a network, or a gradient of their shape.
#[derive(Debug)]
pub struct LayerMut<'a> {
    /// `[in, out]`
    pub weight: ViewMut<'a>,
    /// `[out]`; empty if the layer has no bias.
    pub bias: &'a mut [f32],
}

impl Network {
    /// A network that starts with `inputs` numbers per sample; see [`Builder`].
    pub fn builder(inputs: usize) -> Builder {
        Builder::new(inputs)
    }

    /// A network of nodes that read one or several others, with one or several outputs; see
    /// [`Graph`].
    pub fn graph(inputs: usize) -> Graph {
        Graph::new(inputs)
    }

    /// A multi-layer perceptron: `widths` are those of the input, of each hidden layer with the
    /// activation `hidden`, and of the output, which is linear (logits).
    ///
    /// Errors as for [`Builder::build`].
    pub fn mlp(widths: &[usize], hidden: Activation, seed: u64) -> Result<Network> {
        let (&inputs, layers) = widths.split_first().unwrap_or((&0, &[]));
        let mut builder = Network::builder(inputs).seed(seed);
        for (i, &width) in layers.iter().enumerate() {
            let last = i + 1 == layers.len();
            builder = builder.dense(width, if last { Activation::Identity } else { hidden });
        }
        builder.build()
    }

    /// Numbers per sample that the network takes.
    pub fn inputs(&self) -> usize {
        self.plan.nodes[0].width
    }

    /// Numbers per sample that the network returns; of several outputs, the first.
    pub fn outputs(&self) -> usize {
        self.output_width(0).unwrap_or(0)
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.plan.layers().count()
    }

    /// Layer `i`, if there is one.
    pub fn layer(&self, i: usize) -> Option<Layer<'_>> {
        self.layer_of(self.parameters.as_slice(), i)
    }

    /// The parameters of layer `i` for writing, if there is one.
    pub fn layer_mut(&mut self, i: usize) -> Option<LayerMut<'_>> {
        let layer = self.plan.layers().nth(i)?;
        let (rows, cols) = layer.shape;
        let (head, tail) = self.parameters.as_mut_slice().split_at_mut(layer.bias.start);
        Some(LayerMut {
            weight: ViewMut::contiguous(rows, cols, &mut head[layer.weight.clone()]),
            bias: &mut tail[..layer.bias.len()],
        })
    }

    /// The gradients of layer `i` after a backward pass with this workspace, if there are any.
    pub fn layer_gradients<'w>(&self, workspace: &'w Workspace, i: usize) -> Option<Layer<'w>> {
        self.layer_of(self.gradients(workspace), i)
    }

    /// Layer `i` with its part of an arena in the layout of [`parameters`](Network::parameters).
    pub(crate) fn layer_of<'a>(&self, arena: &'a [f32], i: usize) -> Option<Layer<'a>> {
        let layer = self.plan.layers().nth(i)?;
        let (rows, cols) = layer.shape;
        Some(Layer {
            weight: View::contiguous(rows, cols, arena.get(layer.weight.clone())?),
            bias: arena.get(layer.bias.clone())?,
            activation: layer.activation,
        })
    }

    /// The arena of all parameters, with zeros between the tensors. Its length is what gradients and
    /// an optimizer of this network have: the sum of the tensors' lengths, each rounded up to a
    /// multiple of 16, and so not the [`parameter_count`](Network::parameter_count).
    pub fn parameters(&self) -> &[f32] {
        self.parameters.as_slice()
    }

    /// The arena of all parameters, for writing. What is written between the tensors is never
    /// read by a pass.
    pub fn parameters_mut(&mut self) -> &mut [f32] {
        self.parameters.as_mut_slice()
    }

    /// Number of parameters, without the gaps of the arena.
    pub fn parameter_count(&self) -> usize {
        self.plan.layers().map(|layer| layer.weight.len() + layer.bias.len()).sum()
    }

    /// An optimizer for this network: [`Optimizer::new`] with the length of
    /// [`parameters`](Network::parameters), as every optimizer that is given to
    /// [`train_step`](Network::train_step) must have. Error: [`Value`](crate::Error::Value) names
    /// a setting of the rule that has no meaning.
    pub fn optimizer(&self, rule: impl Into<Rule>) -> Result<Optimizer> {
        Optimizer::new(rule, self.parameters.as_slice().len())
    }

    /// The same, but without weight decay of biases, as they usually are trained: decay would only
    /// keep them from where they belong.
    ///
    /// ```
    /// use densecore::{Activation, Network, optim::{Adam, Group, Optimizer, Rule}};
    /// let network = Network::mlp(&[2, 8, 1], Activation::Tanh, 1)?;
    /// let optimizer = network.optimizer_without_bias_decay(Adam::adamw(1e-3))?;
    ///
    /// // Another choice: the first layer learns at a tenth of the rate.
    /// let slow = Group::ranges(network.layer_ranges(0).into_iter().flatten()).learning_rate(0.1);
    /// let (rule, len) = (Rule::from(Adam::new(1e-3)), network.parameters().len());
    /// let optimizer = Optimizer::with_groups(rule, len, &[slow])?;
    /// # Ok::<(), densecore::Error>(())
    /// ```
    pub fn optimizer_without_bias_decay(&self, rule: impl Into<Rule>) -> Result<Optimizer> {
        let biases = self.plan.layers().map(|layer| layer.bias.clone());
        let biases = Group::ranges(biases).weight_decay(0.0);
        Optimizer::with_groups(rule.into(), self.parameters.as_slice().len(), &[biases])
    }

    /// Where the weight and the bias of layer `i` stand in [`parameters`](Network::parameters), if
    /// there is such a layer; the range of a bias that it has not is empty.
    pub fn layer_ranges(&self, i: usize) -> Option<[Range<usize>; 2]> {
        self.plan.layers().nth(i).map(|layer| [layer.weight.clone(), layer.bias.clone()])
    }

    /// The width of the input and of each layer; in a chain the last is that of the output.
    pub fn widths(&self) -> impl Iterator<Item = usize> {
        let layers = self.plan.layers().map(|layer| layer.shape.1);
        [self.inputs()].into_iter().chain(layers)
    }
}

//! [`Graph`]: a network of nodes that name what they read.

use super::Network;
use super::builder::{Start, assemble};
use super::order::{INPUT, in_order};
use super::plan::Kind;
use crate::activation::Activation;
use crate::error::Result;
use crate::init::Init;

/// Collects the nodes of a [`Network`] that is no chain; made by [`Network::graph`].
///
/// Each node has a name, by which others read it; `input` is that of the input. They may be given
/// in any order. A node may be read by several others, whose gradients are added in the backward
/// pass, and every node that is an [`output`](Graph::output) may have a loss of its own. A network of
/// one output is trained by `train::Fit`, one of several in a loop of yours around
/// [`train_step_all`](Network::train_step_all).
///
/// ```
/// use densecore::{Activation, Cpu, Loss, Network, Objective, Target, View, Workspace, optim::Adam};
/// // A trunk with a connection that skips a layer, and two heads on it.
/// let mut network = Network::graph(4)
///     .dense("first", "input", 16, Activation::Relu)
///     .dense("second", "first", 16, Activation::Relu)
///     .add("trunk", &["first", "second"])
///     .dense("class", "trunk", 3, Activation::Identity)
///     .dense("size", "trunk", 1, Activation::Identity)
///     .output("class")
///     .output("size")
///     .seed(42)
///     .build()?;
///
/// let x = View::new(2, 4, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])?;
/// let class = Objective::new(Target::Classes(&[2, 0]), Loss::CROSS_ENTROPY);
/// let size = Objective::new(Target::Values(View::new(2, 1, &[0.5, 2.0])?), Loss::MSE);
/// let objectives = [class, size.weight(0.1)]; // in the order of the outputs
/// let mut adam = network.optimizer(Adam::new(0.01))?;
/// let (cpu, mut workspace) = (Cpu::detect(), Workspace::new());
/// let first = network.train_step_all(cpu, &mut workspace, x, &objectives, &mut adam)?;
/// let second = network.train_step_all(cpu, &mut workspace, x, &objectives, &mut adam)?;
/// assert!(second < first);
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Graph {
    inputs: usize,
    nodes: Vec<Declared>,
    outputs: Vec<String>,
    start: Start,
}

/// A node as it was given.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub name: String,
    pub from: Vec<String>,
    pub kind: Kind,
}

impl Graph {
    pub(super) fn new(inputs: usize) -> Self {
        Self { inputs, nodes: Vec::new(), outputs: Vec::new(), start: Start::default() }
    }

    /// A dense layer with a bias: `width` outputs of what the node `from` returns.
    pub fn dense(self, name: &str, from: &str, width: usize, activation: Activation) -> Self {
        self.node(name, &[from], Kind::Dense { width, activation, bias: true })
    }

    /// A dense layer without a bias.
    pub fn dense_without_bias(
        self,
        name: &str,
        from: &str,
        width: usize,
        activation: Activation,
    ) -> Self {
        self.node(name, &[from], Kind::Dense { width, activation, bias: false })
    }

    /// The sum of nodes of the same width.
    pub fn add(self, name: &str, from: &[&str]) -> Self {
        self.node(name, from, Kind::Add)
    }

    /// The elements of nodes one after the other.
    pub fn concat(self, name: &str, from: &[&str]) -> Self {
        self.node(name, from, Kind::Concat)
    }

    /// Dropout with probability `p`; see [`Builder::dropout`](super::Builder::dropout).
    pub fn dropout(self, name: &str, from: &str, p: f32) -> Self {
        self.node(name, &[from], Kind::Dropout { p })
    }

    fn node(mut self, name: &str, from: &[&str], kind: Kind) -> Self {
        let from = from.iter().map(ToString::to_string).collect();
        self.nodes.push(Declared { name: name.to_string(), from, kind });
        self
    }

    /// Makes the node an output, the next one in order; it may still be read by others.
    pub fn output(mut self, name: &str) -> Self {
        self.outputs.push(name.to_string());
        self
    }

    /// How weights start, in all layers; see [`Builder::init`](super::Builder::init).
    pub fn init(mut self, init: Init) -> Self {
        self.start.init = Some(init);
        self
    }

    /// The seed of the initial weights; 0 if it is not set.
    pub fn seed(mut self, seed: u64) -> Self {
        self.start.seed = seed;
        self
    }

    /// The network. Its layers are numbered as they were given, unless one reads another that was
    /// given after it.
    ///
    /// Errors: [`Node`](crate::Error::Node) names a node that has no name of its own, that reads or is
    /// read by what there is not, that depends on itself, whose inputs have widths that do not fit,
    /// whose settings have no meaning, or that leads to no output; [`Value`](crate::Error::Value) names
    /// `outputs` if there are none, `inputs` if it is 0, or a setting of the initialiser;
    /// [`Overflow`](crate::Error::Overflow) or [`OutOfMemory`](crate::Error::OutOfMemory) if the
    /// parameters do not fit into memory.
    pub fn build(self) -> Result<Network> {
        let ordered = in_order(&self.nodes, &self.outputs)?;
        let names = [INPUT.to_string()].into_iter().chain(ordered.names).collect();
        assemble(self.inputs, names, &ordered.specs, &ordered.outputs, self.start)
    }
}

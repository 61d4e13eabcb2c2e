//! [`Builder`]: the layers of a chain; and how nodes, of a chain or a graph, become a network.

use super::Network;
use super::order::INPUT;
use super::plan::{Kind, Plan, Spec};
use crate::activation::Activation;
use crate::dropout::Dropout;
use crate::error::{Error, Result, checked_size, wrong_node};
use crate::init::{Fan, Init, gain};
use crate::rng::stream;
use crate::scratch::Buffer;

/// Collects the layers of a [`Network`]; made by [`Network::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    inputs: usize,
    nodes: Vec<Kind>,
    start: Start,
}

/// How weights start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Start {
    pub init: Option<Init>,
    pub seed: u64,
}

impl Builder {
    pub(super) fn new(inputs: usize) -> Self {
        Self { inputs, nodes: Vec::new(), start: Start::default() }
    }

    /// A dense layer of `width` outputs with a bias, on top of the last one.
    pub fn dense(self, width: usize, activation: Activation) -> Self {
        self.node(Kind::Dense { width, activation, bias: true })
    }

    /// A dense layer of `width` outputs without a bias, on top of the last one.
    pub fn dense_without_bias(self, width: usize, activation: Activation) -> Self {
        self.node(Kind::Dense { width, activation, bias: false })
    }

    /// Dropout on top of the last layer, or on the input: in training each element is 0 with
    /// probability `p`, and the others are divided by `1 - p`. A prediction drops nothing, and pays
    /// nothing for it.
    /// [`Workspace::set_dropout`](super::Workspace::set_dropout) says what the masks are drawn from.
    pub fn dropout(self, p: f32) -> Self {
        self.node(Kind::Dropout { p })
    }

    fn node(mut self, kind: Kind) -> Self {
        self.nodes.push(kind);
        self
    }

    /// How weights start, in all layers. Without this, layers with ReLU or one of its kin, which pass
    /// about half of what they get, start as [`Init::HeNormal`] (a leaky ReLU with its own gain), SELU
    /// as [`Init::LecunNormal`], and others as [`Init::XavierUniform`] with gain 1. Biases start at
    /// zero, except under an initialiser that says otherwise ([`Init::TorchLinear`]).
    pub fn init(mut self, init: Init) -> Self {
        self.start.init = Some(init);
        self
    }

    /// The seed of the initial weights; 0 if it is not set.
    pub fn seed(mut self, seed: u64) -> Self {
        self.start.seed = seed;
        self
    }

    /// The network.
    ///
    /// Errors: [`Value`](Error::Value) names `layers` if there are none, `inputs` or `width` if it
    /// is 0, or a setting of an activation, of dropout or of the initialiser;
    /// [`Overflow`](Error::Overflow) or [`OutOfMemory`](Error::OutOfMemory) if the parameters do not
    /// fit into memory.
    pub fn build(self) -> Result<Network> {
        let is_layer = |kind: &&Kind| matches!(kind, Kind::Dense { .. });
        positive("layers", self.nodes.iter().filter(is_layer).count())?;
        let mut names = vec![INPUT.to_string()];
        let mut counts = [0, 0];
        let mut specs = Vec::new();
        for (below, &kind) in self.nodes.iter().enumerate() {
            let (name, count) = match kind {
                Kind::Dropout { .. } => ("dropout", &mut counts[1]),
                _ => ("layers", &mut counts[0]),
            };
            names.push(format!("{name}.{count}"));
            *count += 1;
            specs.push(Spec { from: vec![below], kind });
        }
        assemble(self.inputs, names, &specs, &[specs.len()], self.start)
    }
}

fn positive(argument: &'static str, found: usize) -> Result<()> {
    let error = Error::Value { argument, expected: "at least 1", found: found as f64 };
    if found == 0 { Err(error) } else { Ok(()) }
}

/// The network of nodes in topological order, the first of them being node 1, all of which lead to
/// an output. `names` has the input's, too.
pub(super) fn assemble(
    inputs: usize,
    names: Vec<String>,
    specs: &[Spec],
    outputs: &[usize],
    start: Start,
) -> Result<Network> {
    positive("inputs", inputs)?;
    let (mut widths, mut total) = (vec![inputs], 0_usize);
    for Spec { from, kind } in specs {
        let mut read = from.iter().map(|&from| widths[from]);
        widths.push(match *kind {
            Kind::Dense { width, activation, .. } => {
                positive("width", width)?;
                activation.check()?;
                let weight = checked_size("weight", read.sum(), width)?;
                // Gaps between tensors are below 32 elements a layer.
                let more = weight.saturating_add(width).saturating_add(32);
                total = checked_size("parameters", total.saturating_add(more), 1)?;
                width
            }
            Kind::Dropout { p } => {
                Dropout::new(p, 0, 0)?;
                read.sum()
            }
            Kind::Add => {
                let first = read.next().unwrap_or(0);
                if let Some(other) = read.find(|&other| other != first) {
                    let found = format!("{first} and {other}");
                    return Err(wrong_node(&names[widths.len()], "inputs of one width", found));
                }
                first
            }
            Kind::Concat => checked_size("width", read.fold(0, usize::saturating_add), 1)?,
        });
    }
    let plan = Plan::new(inputs, specs, outputs);
    let parameters = Buffer::zeros(plan.arena)?;
    let mut network = Network { plan, names, parameters };
    network.initialise(start)?;
    Ok(network)
}

/// How the weights of a layer start with that activation.
fn default_init(activation: Activation) -> Init {
    match activation {
        Activation::Relu
        | Activation::Relu6
        | Activation::Hardswish
        | Activation::Silu
        | Activation::Mish
        | Activation::Gelu
        | Activation::GeluTanh
        | Activation::Elu(_)
        | Activation::Celu(_) => Init::HeNormal,
        Activation::Selu => Init::LecunNormal,
        Activation::LeakyRelu(f) => {
            Init::KaimingNormal { gain: gain::leaky_relu(f.slope), fan: Fan::In }
        }
        _ => Init::XavierUniform { gain: 1.0 },
    }
}

impl Network {
    fn initialise(&mut self, Start { init, seed }: Start) -> Result<()> {
        let parameters = self.parameters.as_mut_slice();
        for (i, layer) in self.plan.layers().enumerate() {
            let (fan_in, fan_out) = layer.shape;
            let init = init.unwrap_or(default_init(layer.activation));
            let streams = stream::INIT + 2 * i as u64;
            init.fill(&mut parameters[layer.weight.clone()], fan_in, fan_out, seed, streams)?;
            let bias = &mut parameters[layer.bias.clone()];
            init.bias().fill(bias, fan_in, fan_out, seed, streams + 1)?;
        }
        Ok(())
    }
}

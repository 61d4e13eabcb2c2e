//! [`Builder`]: the layers of a network, checked and initialised.

use super::Network;
use super::plan::{LayerSpec, Plan, Spec};
use crate::activation::Activation;
use crate::error::{Error, Result, checked_size};
use crate::init::{Fan, Init, gain};
use crate::rng::stream;
use crate::scratch::Buffer;

/// Collects the layers of a [`Network`]; made by [`Network::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    inputs: usize,
    layers: Vec<LayerSpec>,
    init: Option<Init>,
    seed: u64,
}

impl Builder {
    pub(super) fn new(inputs: usize) -> Self {
        Self { inputs, layers: Vec::new(), init: None, seed: 0 }
    }

    /// A dense layer of `width` outputs with a bias, on top of the last one.
    pub fn dense(self, width: usize, activation: Activation) -> Self {
        self.layer(width, activation, true)
    }

    /// A dense layer of `width` outputs without a bias, on top of the last one.
    pub fn dense_without_bias(self, width: usize, activation: Activation) -> Self {
        self.layer(width, activation, false)
    }

    fn layer(mut self, width: usize, activation: Activation, bias: bool) -> Self {
        self.layers.push(LayerSpec { width, activation, bias });
        self
    }

    /// How weights start, in all layers. Without this, layers with ReLU or one of its kin, which pass
    /// about half of what they get, start as
    /// [`Init::HeNormal`] (a leaky ReLU with its own gain), SELU as [`Init::LecunNormal`], and others as [`Init::XavierUniform`] with gain 1. Biases start at zero,
    /// except under an initialiser that says otherwise ([`Init::TorchLinear`]).
    pub fn init(self, init: Init) -> Self {
        Self { init: Some(init), ..self }
    }

    /// The seed of the initial weights; 0 if it is not set.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The network.
    ///
    /// Errors: [`Value`](Error::Value) names `layers` if there are none, `inputs` or `width` if it
    /// is 0, or a setting of an activation or of the initialiser; [`Overflow`](Error::Overflow) or
    /// [`OutOfMemory`](Error::OutOfMemory) if the parameters do not fit into memory.
    pub fn build(self) -> Result<Network> {
        let positive = |argument, found: usize| {
            let error = Error::Value { argument, expected: "at least 1", found: found as f64 };
            if found == 0 { Err(error) } else { Ok(()) }
        };
        positive("layers", self.layers.len())?;
        positive("inputs", self.inputs)?;
        let (mut fan_in, mut total) = (self.inputs, 0_usize);
        for layer in &self.layers {
            positive("width", layer.width)?;
            layer.activation.check()?;
            let weight = checked_size("weight", fan_in, layer.width)?;
            // Gaps between tensors are below 32 elements a layer.
            let more = weight.saturating_add(layer.width).saturating_add(32);
            total = checked_size("parameters", total.saturating_add(more), 1)?;
            fan_in = layer.width;
        }
        let layers = self.layers.iter().enumerate();
        let chain: Vec<_> = layers.map(|(from, &layer)| Spec::Dense { from, layer }).collect();
        let plan = Plan::new(self.inputs, &chain, &[chain.len()])?;
        let parameters = Buffer::zeros(plan.arena)?;
        let mut network = Network { plan, parameters };
        network.initialise(self.init, self.seed)?;
        Ok(network)
    }
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
    fn initialise(&mut self, init: Option<Init>, seed: u64) -> Result<()> {
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

//! What a network is made of: nodes, most of them layers.

use core::ops::Range;

use crate::activation::Activation;
use crate::dense::Dense;
use crate::tensor::View;

/// A parameter tensor starts on a cache line: at a multiple of 16 elements of the arena.
pub(super) const ALIGN: usize = 16;

/// One node: how many elements per sample, and how they are made of which other nodes.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub width: usize,
    pub op: Op,
    /// The nodes that are read: none by the input, one by a layer or dropout; a node may be read
    /// twice.
    pub from: Vec<usize>,
}

/// What a node computes.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Input,
    Dense(Layer),
    /// The sum of nodes of the same width.
    Add,
    /// The elements of nodes one after the other.
    Concat,
    /// Elements set to zero with that probability in training, the others divided by what is left.
    Dropout {
        p: f32,
    },
}

/// A dense layer: its settings, and where its parameters are in the arena.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// `(in, out)`
    pub shape: (usize, usize),
    pub activation: Activation,
    pub weight: Range<usize>,
    pub bias: Range<usize>,
}

impl Layer {
    /// The layer with its part of the arena of parameters.
    pub fn dense<'p>(&self, parameters: &'p [f32]) -> Dense<'p> {
        let bias = &parameters[self.bias.clone()];
        let (rows, cols) = self.shape;
        Dense {
            weight: View::contiguous(rows, cols, &parameters[self.weight.clone()]),
            bias: (!bias.is_empty()).then_some(bias),
            activation: self.activation,
        }
    }
}

impl Node {
    /// The layer, if the node is one.
    pub fn layer(&self) -> Option<&Layer> {
        if let Op::Dense(layer) = &self.op { Some(layer) } else { None }
    }

    /// What a delta of the node is multiplied by the derivative of.
    pub fn activation(&self) -> Activation {
        self.layer().map_or(Activation::Identity, |layer| layer.activation)
    }
}

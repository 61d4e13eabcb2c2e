//! A network in f64, written to be read: the mathematics that the f32 kernels compute.
//!
//! ```text
//!   forward     node after node, each of what it reads            see `node`
//!   loss        L = sum over the outputs of  w L_k(Y)             w: its weight
//!   backward    dY = w dL_k/dY  of an output  +  the dX of all that read the node
//!               last node to first, so that the sum is complete when it is needed
//! ```

use super::loss;
use super::matrix::Matrix;
use super::node::{Layer, Node, Op};
use crate::error::Result;
use crate::loss::Loss;
use crate::network::{self, Network, NodeKind, Objective};
use crate::tensor::View;

/// Seed and number of the pass whose masks dropout has: the first one of a new workspace.
const PASS: (u64, u64) = (0, 0);

/// The loss of a network on one batch, as a function of the parameters.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// In topological order; the first is the input.
    pub nodes: Vec<Node>,
    pub goals: Vec<Goal>,
}

/// What an output is to be.
#[derive(Clone, Debug)]
pub(super) struct Goal {
    pub node: usize,
    /// `[batch, out]`; for classes 1 at the right one and 0 elsewhere, or smoothed.
    pub target: Matrix,
    pub loss: Loss,
    /// What the sum of all losses is divided by.
    pub divisor: f64,
    pub weight: f64,
}

/// What a forward pass computes, of each node.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    pub z: Vec<Matrix>,
    pub y: Vec<Matrix>,
}

/// What a backward pass computes: of each node, and the gradients of all parameters, in their
/// order.
#[derive(Clone, Debug)]
pub(super) struct Backward {
    pub d_y: Vec<Matrix>,
    pub d_z: Vec<Matrix>,
    pub gradient: Vec<f64>,
}

impl Model {
    /// The model of a network, and its parameters: layer after layer, the weight and then the
    /// bias. Shapes were checked.
    pub fn new(
        network: &Network,
        input: View<'_>,
        objectives: &[Objective<'_>],
    ) -> Result<(Self, Vec<f64>)> {
        let (mut nodes, mut parameters) = (Vec::new(), Vec::new());
        let widths: Vec<usize> = network.nodes().map(|node| node.width).collect();
        for (i, node) in network.nodes().enumerate() {
            let op = match node.kind {
                NodeKind::Input => Op::Input(Matrix::from_view(input)),
                NodeKind::Dense { layer } => {
                    let Some(layer) = network.layer(layer) else { continue };
                    Op::Dense(dense(node.name, layer, &mut parameters))
                }
                NodeKind::Add => Op::Add,
                NodeKind::Concat => Op::Concat(node.from.iter().map(|&x| widths[x]).collect()),
                NodeKind::Dropout { .. } => {
                    let factors = network.dropout_factors(PASS, i, input.rows())?;
                    Op::Dropout(Matrix::from_view(factors.view()))
                }
            };
            nodes.push(Node { op, from: node.from.to_vec() });
        }
        let goal = |(node, &Objective { target, loss, weight }): (usize, &Objective<'_>)| {
            let (target, divisor) = loss::targets(loss, target, widths[node]);
            Goal { node, target, loss, divisor, weight: f64::from(weight) }
        };
        let goals = network.output_nodes().zip(objectives).map(goal).collect();
        Ok((Self { nodes, goals }, parameters))
    }

    /// The loss.
    pub fn value(&self, parameters: &[f64]) -> f64 {
        let pass = self.forward(parameters);
        self.goals.iter().map(|goal| goal.weight * goal.value(&pass.y[goal.node])).sum()
    }

    pub fn forward(&self, parameters: &[f64]) -> Forward {
        let mut pass = Forward { z: Vec::new(), y: Vec::new() };
        for node in &self.nodes {
            let x: Vec<&Matrix> = node.from.iter().map(|&x| &pass.y[x]).collect();
            let z = node.forward(&x, parameters);
            pass.y.push(z.map(|z| node.activation().exact(z).0));
            pass.z.push(z);
        }
        pass
    }

    pub fn backward(&self, parameters: &[f64], pass: &Forward) -> Backward {
        let mut d_y: Vec<Matrix> = pass.y.iter().map(Matrix::zeros_like).collect();
        for goal in &self.goals {
            d_y[goal.node] = goal.gradient(&pass.y[goal.node]);
        }
        let mut d_z = d_y.clone();
        let mut gradient = vec![0.0; parameters.len()];
        for (i, node) in self.nodes.iter().enumerate().rev() {
            d_z[i] = d_y[i].zip(&pass.z[i], |d, z| d * node.activation().exact(z).1);
            if let Op::Dense(layer) = &node.op {
                layer.gradients(&pass.y[node.from[0]], &d_z[i], &mut gradient);
            }
            for (&x, d_x) in node.from.iter().zip(node.backward(&d_z[i], parameters)) {
                d_y[x] = d_y[x].plus(&d_x);
            }
        }
        Backward { d_y, d_z, gradient }
    }
}

impl Goal {
    /// `L_k(y)`
    pub fn value(&self, y: &Matrix) -> f64 {
        let rows = y.rows().zip(self.target.rows());
        let sum: f64 = rows.map(|(y, t)| loss::row(self.loss, y, t).0).sum();
        sum / self.divisor
    }

    /// `w dL_k/dy`
    pub fn gradient(&self, y: &Matrix) -> Matrix {
        let rows = y.rows().zip(self.target.rows());
        let data = rows.flat_map(|(y, t)| loss::row(self.loss, y, t).1).collect();
        Matrix { data, ..*y }.map(|d| self.weight * (d / self.divisor))
    }
}

/// A layer, whose parameters are appended to those of the layers before it.
fn dense(name: &str, layer: network::Layer<'_>, parameters: &mut Vec<f64>) -> Layer {
    let (inputs, outputs) = layer.weight.shape();
    let start = parameters.len();
    let weight = start..start + inputs * outputs;
    let bias = weight.end..weight.end + layer.bias.len();
    parameters.extend(layer.weight.iter_rows().flatten().map(|&w| f64::from(w)));
    parameters.extend(layer.bias.iter().map(|&b| f64::from(b)));
    let (name, activation) = (name.to_string(), layer.activation);
    Layer { name, inputs, outputs, activation, weight, bias }
}

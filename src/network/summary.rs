//! [`Summary`]: the nodes of a network with what they cost, to print or to compute with.
//!
//! ```text
//!   dense   parameters  in * out + out, or in * out without a bias      bytes  4 each
//!           forward     Y = X.W + b      2 * in * out
//!           backward    dW = X^T.dZ      2 * in * out
//!                       dX = dZ.W^T      2 * in * out, or nothing where the input is read
//!   add     forward     (nodes - 1) * width
//! ```
//!
//! FLOPs are those of one sample; a multiplication and an addition count as two. A bias adds none: the
//! sums start at it. Left out is what grows with the width alone: activations and their
//! derivatives, dropout, losses, the sums of gradients; and the optimizer's update, which no sample has
//! a part of.

use core::fmt;

use super::Network;
use super::node::Op;
use super::table::{Table, thousands};

/// The nodes of a network, and what they cost; see [`Network::summary`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// One for each of [`Network::nodes`], the first of them the input.
    pub nodes: Vec<SummaryNode>,
    /// The places of the outputs among them, in their order.
    pub outputs: Vec<usize>,
    /// [`Network::is_chain`]; then nothing is said about who reads whom.
    pub is_chain: bool,
}

/// A line of a [`Summary`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SummaryNode {
    /// Its name.
    pub name: String,
    /// What it is, such as `dense relu`.
    pub kind: String,
    /// The names of the nodes that it reads.
    pub reads: Vec<String>,
    /// Numbers per sample that it returns.
    pub width: usize,
    /// Numbers that are learned.
    pub parameters: usize,
    /// Operations for one sample of a forward pass.
    pub flops: u64,
    /// Operations for one sample of a training step: forward and backward.
    pub training_flops: u64,
}

impl SummaryNode {
    /// Bytes of the parameters.
    pub fn bytes(&self) -> usize {
        self.parameters * size_of::<f32>()
    }
}

impl Summary {
    /// Numbers that are learned, as [`Network::parameter_count`] says.
    pub fn parameters(&self) -> usize {
        self.nodes.iter().map(|node| node.parameters).sum()
    }

    /// Bytes of the parameters. The network's arena is larger by the gaps between tensors.
    pub fn bytes(&self) -> usize {
        self.nodes.iter().map(SummaryNode::bytes).sum()
    }

    /// Operations for one sample of a forward pass; `u64::MAX` if they are more.
    pub fn flops(&self) -> u64 {
        self.nodes.iter().map(|node| node.flops).fold(0, u64::saturating_add)
    }

    /// Operations for one sample of a training step; `u64::MAX` if they are more.
    pub fn training_flops(&self) -> u64 {
        self.nodes.iter().map(|node| node.training_flops).fold(0, u64::saturating_add)
    }
}

impl Network {
    /// A table of the nodes: what they are, the shape of what they return, their parameters, and the
    /// operations that they take. A multiplication and an addition are two; activations, dropout,
    /// losses and the optimizer are left out, as they grow with the widths alone.
    ///
    /// ```
    /// use densecore::{Activation, Network};
    /// let network = Network::mlp(&[784, 256, 10], Activation::Relu, 42)?;
    /// let summary = network.summary();
    /// let expected = "\
    /// node      kind            shape         parameters  FLOPs/sample    bytes
    /// input     input           [batch, 784]           0             0        0
    /// layers.0  dense relu      [batch, 256]     200,960       401,408  803,840
    /// layers.1  dense identity  [batch, 10]        2,570         5,120   10,280
    /// total                                      203,530       406,528  814,120
    /// A training step takes 818,176 FLOPs per sample.";
    /// assert_eq!(summary.to_string(), expected); // what println!("{summary}") writes
    /// assert_eq!(summary.training_flops(), 2 * 401_408 + 3 * 5_120);
    /// # Ok::<(), densecore::Error>(())
    /// ```
    pub fn summary(&self) -> Summary {
        let mut nodes: Vec<_> = (0..self.plan.nodes.len()).map(|i| self.line(i)).collect();
        for step in &self.plan.backward {
            if self.plan.nodes[step.node].layer().is_some() {
                // dW, and dX if there is a place for it.
                let below = step.below.iter().filter(|write| write.slot.is_some()).count();
                let line = &mut nodes[step.node];
                let backward = line.flops.saturating_mul(1 + below as u64);
                line.training_flops = line.flops.saturating_add(backward);
            }
        }
        Summary { nodes, outputs: self.output_nodes().collect(), is_chain: self.is_chain() }
    }

    /// The line of a node, without what its place in the network says.
    fn line(&self, i: usize) -> SummaryNode {
        let node = &self.plan.nodes[i];
        let (kind, parameters, flops) = match &node.op {
            Op::Input => ("input".to_string(), 0, 0),
            Op::Dense(layer) => {
                let bias = if layer.bias.is_empty() { ", no bias" } else { "" };
                let weights = layer.weight.len();
                let kind = format!("dense {}{bias}", layer.activation);
                (kind, weights + layer.bias.len(), (weights as u64).saturating_mul(2))
            }
            Op::Add => {
                let others = node.from.len().saturating_sub(1) as u64;
                ("add".to_string(), 0, others.saturating_mul(node.width as u64))
            }
            Op::Concat => ("concat".to_string(), 0, 0),
            Op::Dropout { p } => (format!("dropout {p}"), 0, 0),
        };
        SummaryNode {
            name: self.names[i].clone(),
            kind,
            reads: node.from.iter().map(|&from| self.names[from].clone()).collect(),
            width: node.width,
            parameters,
            flops,
            training_flops: flops,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |[name, kind, reads, shape]: [&str; 4], numbers: [String; 3]| {
            let reads = (!self.is_chain).then_some(reads);
            let texts = [Some(name), Some(kind), reads, Some(shape)].into_iter().flatten();
            texts.map(str::to_string).chain(numbers).collect()
        };
        let numbers = |parameters: usize, flops: u64, bytes: usize| {
            [parameters as u64, flops, bytes as u64].map(thousands)
        };
        let heading = ["parameters", "FLOPs/sample", "bytes"].map(str::to_string);
        let mut rows = vec![row(["node", "kind", "reads", "shape"], heading)];
        for node in &self.nodes {
            let (reads, shape) = (node.reads.join(", "), format!("[batch, {}]", node.width));
            let numbers = numbers(node.parameters, node.flops, node.bytes());
            rows.push(row([&node.name, &node.kind, &reads, &shape], numbers));
        }
        let total = numbers(self.parameters(), self.flops(), self.bytes());
        rows.push(row(["total", "", "", ""], total));
        writeln!(f, "{}", Table { rows, left: if self.is_chain { 3 } else { 4 } })?;
        if !self.is_chain {
            let outputs = self.outputs.iter().filter_map(|&output| self.nodes.get(output));
            let names: Vec<_> = outputs.map(|node| node.name.as_str()).collect();
            writeln!(f, "outputs: {}", names.join(", "))?;
        }
        let training = thousands(self.training_flops());
        write!(f, "A training step takes {training} FLOPs per sample.")
    }
}

//! What a network is made of, for those who look at it: its nodes by name.

use core::fmt;

use super::Network;
use super::node::Op;

/// A node of a network; see [`Network::nodes`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Node<'n> {
    /// `input`, the name given in a [`Graph`](super::Graph), or in a chain `layers.0`, `dropout.0` and
    /// so on.
    pub name: &'n str,
    /// Numbers per sample that it returns.
    pub width: usize,
    /// What it computes.
    pub kind: NodeKind,
    /// The places of the nodes that it reads in [`Network::nodes`], all before its own.
    pub from: &'n [usize],
}

/// What a node computes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum NodeKind {
    /// Nothing: it is the input.
    Input,
    /// A dense layer.
    Dense {
        /// Its number, as in [`Network::layer`].
        layer: usize,
    },
    /// The sum of what it reads.
    Add,
    /// What it reads, one after the other.
    Concat,
    /// Dropout.
    Dropout {
        /// The probability with which an element is dropped.
        p: f32,
    },
}

impl Network {
    /// The nodes, each after those it reads; the first is the input.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = Node<'_>> {
        let mut layer = 0;
        self.plan.nodes.iter().zip(&self.names).map(move |(node, name)| {
            let kind = match node.op {
                Op::Input => NodeKind::Input,
                Op::Dense(_) => {
                    layer += 1;
                    NodeKind::Dense { layer: layer - 1 }
                }
                Op::Add => NodeKind::Add,
                Op::Concat => NodeKind::Concat,
                Op::Dropout { p } => NodeKind::Dropout { p },
            };
            Node { name, width: node.width, kind, from: &node.from }
        })
    }

    /// The places of the outputs in [`nodes`](Network::nodes), in their order.
    pub fn output_nodes(&self) -> impl ExactSizeIterator<Item = usize> {
        self.plan.outputs.iter().map(|output| output.node)
    }

    /// Whether each node reads the one before it alone, and the last one is the output.
    pub fn is_chain(&self) -> bool {
        let mut nodes = self.plan.nodes.iter().enumerate().skip(1);
        nodes.all(|(i, node)| node.from == [i - 1]) && self.heads() == 1
    }
}

/// Shapes, not numbers: parameters come in millions.
impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        let names: Vec<_> = self.nodes().map(|node| node.name).collect();
        let is_chain = self.is_chain();
        for node in self.nodes() {
            let from: Vec<_> = node.from.iter().map(|&from| names[from]).collect();
            let from = if is_chain { String::new() } else { format!(" of {}", from.join(", ")) };
            let (name, width) = (node.name, node.width);
            match node.kind {
                NodeKind::Input => list.entry(&format_args!("{width} inputs")),
                NodeKind::Dense { layer } => {
                    let layer = self.layer(layer);
                    let activation = layer.map_or(String::new(), |l| l.activation.to_string());
                    let has_bias = layer.is_some_and(|layer| !layer.bias.is_empty());
                    let bias = if has_bias { "" } else { " without bias" };
                    list.entry(&format_args!("{name}: dense {width} {activation}{bias}{from}"))
                }
                NodeKind::Add => list.entry(&format_args!("{name}: add {width}{from}")),
                NodeKind::Concat => list.entry(&format_args!("{name}: concat {width}{from}")),
                NodeKind::Dropout { p } => list.entry(&format_args!("{name}: dropout {p}{from}")),
            };
        }
        list.finish()
    }
}

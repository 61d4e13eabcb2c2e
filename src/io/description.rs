//! The text in a file: what its tensors do not say of a network, and of the training it is in.
//!
//! ```text
//!   version 1; inputs 4; dense 8 tanh; dense_without_bias 3 identity
//!   training 1; rule adam
//! ```
//!
//! The first line is the network: the version of this format, the width of the input, and the
//! nodes, each after those it reads. In version 1, a chain of dense layers, a node is its kind, its
//! width and its activation. In version 2 it has a name, and the names of what it reads, before that:
//!
//! ```text
//!   version 2; inputs 4; dense a input 8 tanh; dropout b a 0.5; concat c input b; output c
//! ```
//!
//! The second line is there if the file holds a training: the version of that part, and the name of
//! the optimizer's rule.

use std::collections::HashMap;

use super::FileError;
use crate::init::Init;
use crate::network::{Graph, Network, NodeKind};

/// The name of the node that is the input.
const INPUT: &str = "input";
const CHAIN: &str = "version 1";
const GRAPH: &str = "version 2";
const TRAINING: &str = "training 1; rule ";

/// The line of a network.
pub(super) fn describe(network: &Network) -> String {
    let is_plain = is_plain(network);
    let version = if is_plain { CHAIN } else { GRAPH };
    format!("{version}; {}", clauses(network, is_plain).join("; "))
}

/// Whether a network is a chain of dense layers that have the names of a chain.
fn is_plain(network: &Network) -> bool {
    let mut nodes = network.nodes().skip(1);
    network.is_chain()
        && nodes.all(|node| match node.kind {
            NodeKind::Dense { layer } => node.name == name_in_chain(layer),
            _ => false,
        })
}

fn name_in_chain(layer: usize) -> String {
    format!("layers.{layer}")
}

/// The input, the nodes and the outputs; of a plain network without names.
fn clauses(network: &Network, is_plain: bool) -> Vec<String> {
    let nodes: Vec<_> = network.nodes().collect();
    let mut clauses = Vec::new();
    for node in &nodes {
        let from: Vec<_> = node.from.iter().map(|&from| nodes[from].name).collect();
        let names =
            if is_plain { String::new() } else { format!(" {} {}", node.name, from.join(" ")) };
        let width = node.width;
        clauses.push(match node.kind {
            NodeKind::Input => format!("inputs {width}"),
            NodeKind::Dense { layer } => {
                let Some(layer) = network.layer(layer) else { continue };
                let kind = if layer.bias.is_empty() { "dense_without_bias" } else { "dense" };
                format!("{kind}{names} {width} {}", layer.activation)
            }
            NodeKind::Add => format!("add{names}"),
            NodeKind::Concat => format!("concat{names}"),
            NodeKind::Dropout { p } => format!("dropout{names} {p}"),
        });
    }
    if !is_plain {
        clauses.extend(network.output_nodes().map(|node| format!("output {}", nodes[node].name)));
    }
    clauses
}

/// The lines of a network and of a training with this rule.
pub(super) fn describe_training(network: &Network, rule: &str) -> String {
    format!("{}\n{TRAINING}{rule}", describe(network))
}

/// The lines of the network and of the training.
fn lines(text: &str) -> (&str, Option<&str>) {
    text.split_once('\n').map_or((text, None), |(network, training)| (network, Some(training)))
}

/// Whether the text says that the file holds a training, of whatever version.
pub(super) fn has_training(text: &str) -> bool {
    lines(text).1.is_some_and(|line| line.starts_with("training "))
}

/// The name of the optimizer's rule, if the file holds a training.
pub(super) fn rule(text: &str) -> Result<Option<&str>, FileError> {
    match lines(text).1 {
        Some(line) => line.strip_prefix(TRAINING).ok_or_else(|| not_understood(line)).map(Some),
        None => Ok(None),
    }
}

/// Ok if the networks have the same line. Error: [`Mismatch`](FileError::Mismatch) with the first
/// clause that differs.
pub(super) fn check_same(network: &Network, found: &Network) -> Result<(), FileError> {
    let is_plain = is_plain(network) && is_plain(found);
    let (expected, found) = (clauses(network, is_plain), clauses(found, is_plain));
    let (mut expected, mut found) = (expected.iter(), found.iter());
    loop {
        match (expected.next(), found.next()) {
            (None, None) => return Ok(()),
            (expected, found) if expected == found => {}
            (expected, found) => {
                let clause = |clause: Option<&String>| clause.map_or("nothing", |c| c).to_string();
                let (expected, found) = (clause(expected), clause(found));
                return Err(FileError::Mismatch { what: "network", expected, found });
            }
        }
    }
}

/// A network, as its line describes it.
pub(super) struct Description {
    /// Makes the network, with zeros.
    pub graph: Graph,
    /// In their order.
    pub layers: Vec<Layer>,
    /// What each node returns.
    widths: HashMap<String, usize>,
}

/// What a layer asks of the tensors.
pub(super) struct Layer {
    /// That of its node.
    pub name: String,
    /// `[in, out]`
    pub shape: [usize; 2],
    pub has_bias: bool,
}

impl Description {
    /// Error: [`Description`](FileError::Description) with the clause that is not understood.
    pub(super) fn parse(text: &str) -> Result<Self, FileError> {
        let mut clauses = lines(text).0.split("; ");
        let version = clauses.next().unwrap_or("");
        if ![CHAIN, GRAPH].contains(&version) {
            return Err(not_understood(version));
        }
        let clause = clauses.next().unwrap_or("");
        let inputs = clause.strip_prefix("inputs ").and_then(|width| width.parse().ok());
        let inputs = inputs.ok_or_else(|| not_understood(clause))?;
        let mut description = Self {
            graph: Network::graph(inputs).init(Init::Zeros),
            layers: Vec::new(),
            widths: HashMap::from([(INPUT.to_string(), inputs)]),
        };
        let mut below = INPUT.to_string();
        for clause in clauses {
            let name = name_in_chain(description.layers.len());
            let node = match version {
                CHAIN => description.layer(&name, &below, clause),
                _ => description.node(clause),
            };
            description = node.ok_or_else(|| not_understood(clause))?;
            below = name;
        }
        if version == CHAIN && !description.layers.is_empty() {
            description.graph = description.graph.output(&below);
        }
        Ok(description)
    }

    /// Takes a layer of a chain, such as `dense 8 tanh`.
    fn layer(self, name: &str, below: &str, clause: &str) -> Option<Self> {
        let (kind, rest) = clause.split_once(' ').filter(|(kind, _)| kind.starts_with("dense"))?;
        self.node(&format!("{kind} {name} {below} {rest}"))
    }

    /// Takes a clause with names.
    fn node(mut self, clause: &str) -> Option<Self> {
        let (kind, rest) = clause.split_once(' ')?;
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let (graph, width) = match kind {
            "dense" | "dense_without_bias" => {
                let (from, rest) = rest.split_once(' ')?;
                let (width, activation) = rest.split_once(' ')?;
                let (width, activation) = (width.parse().ok()?, activation.parse().ok()?);
                let (shape, has_bias) = ([*self.widths.get(from)?, width], kind == "dense");
                self.layers.push(Layer { name: name.to_string(), shape, has_bias });
                let graph = match has_bias {
                    true => self.graph.dense(name, from, width, activation),
                    false => self.graph.dense_without_bias(name, from, width, activation),
                };
                (graph, width)
            }
            "dropout" => {
                let (from, p) = rest.split_once(' ')?;
                (self.graph.dropout(name, from, p.parse().ok()?), *self.widths.get(from)?)
            }
            "add" | "concat" => {
                let from: Vec<_> = rest.split(' ').collect();
                let widths = from.iter().map(|&from| self.widths.get(from).copied());
                let widths = widths.collect::<Option<Vec<usize>>>()?;
                match kind {
                    "add" => (self.graph.add(name, &from), *widths.first()?),
                    _ => (
                        self.graph.concat(name, &from),
                        widths.into_iter().fold(0, usize::saturating_add),
                    ),
                }
            }
            "output" if rest.is_empty() => {
                return Some(Self { graph: self.graph.output(name), ..self });
            }
            _ => return None,
        };
        self.widths.insert(name.to_string(), width);
        Some(Self { graph, ..self })
    }
}

fn not_understood(clause: &str) -> FileError {
    FileError::Description { found: clause.to_string() }
}

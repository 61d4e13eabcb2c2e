//! The text in a file: what its tensors do not say of a network, and of the training it is in.
//!
//! ```text
//!   version 1; inputs 4; dense 8 tanh; dense_without_bias 3 identity
//!   training 1; rule adam
//! ```
//!
//! The first line is the network: the version of this format, the width of the input, and the width
//! and the activation of each layer. The second one is there if the file holds a training: the
//! version of that part, and the name of the optimizer's rule.

use super::FileError;
use crate::activation::Activation;
use crate::init::Init;
use crate::network::{Builder, Network};

const VERSION: &str = "1";
const TRAINING: &str = "training 1; rule ";

/// The line of a network.
pub(super) fn describe(network: &Network) -> String {
    let mut line = format!("version {VERSION}; inputs {}", network.inputs());
    for layer in (0..network.layers()).map_while(|i| network.layer(i)) {
        let kind = if layer.bias.is_empty() { "dense_without_bias" } else { "dense" };
        line += &format!("; {kind} {} {}", layer.weight.cols(), layer.activation);
    }
    line
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
    let (expected, found) = (describe(network), describe(found));
    let (mut expected, mut found) = (expected.split("; "), found.split("; "));
    loop {
        match (expected.next(), found.next()) {
            (None, None) => return Ok(()),
            (expected, found) if expected == found => {}
            (expected, found) => {
                let clause = |clause: Option<&str>| clause.unwrap_or("nothing").to_string();
                let (expected, found) = (clause(expected), clause(found));
                return Err(FileError::Mismatch { what: "network", expected, found });
            }
        }
    }
}

/// A network, as its line describes it.
pub(super) struct Description {
    inputs: usize,
    pub layers: Vec<Dense>,
}

/// A layer.
pub(super) struct Dense {
    /// `[in, out]`
    pub shape: [usize; 2],
    pub activation: Activation,
    pub bias: bool,
}

impl Description {
    /// Error: [`Description`](FileError::Description) with the clause that is not understood.
    pub(super) fn parse(text: &str) -> Result<Self, FileError> {
        let mut clauses = lines(text).0.split("; ");
        let version = clauses.next().unwrap_or("");
        if version.strip_prefix("version ") != Some(VERSION) {
            return Err(not_understood(version));
        }
        let clause = clauses.next().unwrap_or("");
        let inputs = clause.strip_prefix("inputs ").and_then(|width| width.parse().ok());
        let inputs = inputs.ok_or_else(|| not_understood(clause))?;
        let (mut layers, mut width) = (Vec::new(), inputs);
        for clause in clauses {
            let layer = Dense::parse(width, clause).ok_or_else(|| not_understood(clause))?;
            width = layer.shape[1];
            layers.push(layer);
        }
        Ok(Self { inputs, layers })
    }

    /// Makes the network, with zeros.
    pub(super) fn builder(&self) -> Builder {
        let start = Network::builder(self.inputs).init(Init::Zeros);
        self.layers.iter().fold(start, |builder, layer| match layer.bias {
            true => builder.dense(layer.shape[1], layer.activation),
            false => builder.dense_without_bias(layer.shape[1], layer.activation),
        })
    }
}

impl Dense {
    /// From `dense 8 tanh` or `dense_without_bias 8 tanh`.
    fn parse(inputs: usize, clause: &str) -> Option<Self> {
        let (kind, rest) = clause.split_once(' ')?;
        let (width, activation) = rest.split_once(' ')?;
        let bias = match kind {
            "dense" => true,
            "dense_without_bias" => false,
            _ => return None,
        };
        let shape = [inputs, width.parse().ok()?];
        Some(Self { shape, activation: activation.parse().ok()?, bias })
    }
}

fn not_understood(clause: &str) -> FileError {
    FileError::Description { found: clause.to_string() }
}

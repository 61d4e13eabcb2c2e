//! The plan of a network: what runs in which order, and which buffer each step reads and writes.
//!
//! A network is a directed acyclic graph of nodes, each with one row of `width` numbers per
//! sample, that reads one node (a dense layer) or several (a sum, a concatenation). The plan lists
//! the nodes in topological order, the input first, so that a forward pass walks it from front to
//! back and a backward pass from back to front. It is made once, and knows nothing of the batch: a
//! buffer's size is its width times the number of samples.
//!
//! A node that is read several times gets the sum of the gradients: the first reader to run
//! backward overwrites the node's delta, the others add to it, and the last one also multiplies by
//! the derivative of the node's activation, which turns dY into dZ. An output's own gradient is
//! there before all of them. A node that no output depends on would never be trained, and is
//! refused.
//!
//! Deltas live only from the first reader's backward step to the node's own, so they share
//! *slots*: a chain of any length needs two. In the same way `predict` keeps an activation only
//! until its last reader has run.

use super::node::{ALIGN, Layer, Node, Op};
use super::slots::Slots;
use super::small;
use crate::activation::{Activation, Reads};
use crate::gemm::Accum;
use crate::optim::{Optimizer, UpdateRule};

/// What a node is made from, as the builders know it.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// One node for a layer or dropout, at least one for a sum or a concatenation.
    pub from: Vec<usize>,
    pub kind: Kind,
}

/// What a node computes, as the builders know it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Dense { width: usize, activation: Activation, bias: bool },
    Add,
    Concat,
    Dropout { p: f32 },
}

/// An output of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Output {
    pub node: usize,
    /// The slot of its delta.
    pub delta: usize,
    /// Other nodes add to its gradient, and the last of them makes dZ of it.
    pub is_read: bool,
}

/// One step of the backward pass: the gradients of one node's parameters and of what it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BackwardStep {
    pub node: usize,
    /// The slot that holds this node's dZ.
    pub delta: usize,
    /// Where the gradients of the nodes that it reads go, in their order.
    pub below: Vec<DeltaWrite>,
}

/// A write of a gradient that goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeltaWrite {
    /// `None` is the gradient of the input: the caller's, if it is wanted at all.
    pub slot: Option<usize>,
    pub accum: Accum,
    /// This is the last one to that node: the sum is complete and becomes dZ.
    pub completes: bool,
}

/// Where the values of a node are in a forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// With the caller.
    Input,
    /// With the caller: the output of that number, which nobody reads.
    Output(usize),
    /// In that matrix of the pass's arena.
    Slot(usize),
}

/// The memory of a forward pass.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    /// Of each node.
    pub places: Vec<Place>,
    /// Elements per sample of each slot.
    pub widths: Vec<usize>,
}

/// What runs in which order; see the module's documentation.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// In topological order; node 0 is the input.
    pub nodes: Vec<Node>,
    pub outputs: Vec<Output>,
    pub backward: Vec<BackwardStep>,
    /// Elements per sample of each delta slot.
    pub delta_slots: Vec<usize>,
    /// Every activation kept, for a backward pass.
    pub training: Layout,
    /// Elements per sample of the Z that are kept beside them, and for each node which of those is
    /// its own: where the derivative of its activation reads Z.
    pub z_widths: Vec<usize>,
    pub z_of: Vec<Option<usize>>,
    /// Activations kept until they have been read.
    pub prediction: Layout,
    /// Elements of the parameter arena, with the gaps between tensors.
    pub arena: usize,
    /// Elements of the longest bias.
    pub widest_bias: usize,
    /// Rows up to which passes are small.
    pub small_rows: usize,
    /// Rows from which on one of their products may be one of few columns.
    pub small_narrow_from: usize,
}

impl Plan {
    /// The plan of the nodes that `specs` describe in topological order, the first of them being
    /// node 1, and whose `outputs` are different ones of them. Sizes fit, and every node leads to an
    /// output: the builders have checked it.
    pub fn new(inputs: usize, specs: &[Spec], outputs: &[usize]) -> Plan {
        let mut nodes = vec![Node { width: inputs, op: Op::Input, from: Vec::new() }];
        let mut arena = 0;
        for spec in specs {
            let node = node(spec, &nodes, &mut arena);
            nodes.push(node);
        }
        let (backward, with_slots, delta_slots) = plan_backward(&nodes, outputs);
        let prediction = plan_predict(&nodes, outputs);
        let kept = (1..nodes.len()).map(|node| Place::Slot(node - 1));
        let training = Layout {
            places: [Place::Input].into_iter().chain(kept).collect(),
            widths: nodes[1..].iter().map(|node| node.width).collect(),
        };
        let mut z_widths = Vec::new();
        let mut z_of = Vec::new();
        for node in &nodes {
            let is_kept = node.activation().reads() == Reads::Input;
            z_of.push(is_kept.then_some(z_widths.len()));
            z_widths.extend(is_kept.then_some(node.width));
        }
        let small_rows = small::most_rows(&nodes, outputs);
        let small_narrow_from = small::narrow_from(&nodes);
        let outputs = with_slots;
        let biases = nodes.iter().filter_map(Node::layer).map(|layer| layer.bias.len());
        let widest_bias = biases.max().unwrap_or(0);
        Plan {
            nodes,
            outputs,
            backward,
            delta_slots,
            training,
            z_widths,
            z_of,
            prediction,
            arena,
            widest_bias,
            small_rows,
            small_narrow_from,
        }
    }

    /// Whether a tensor belongs to several groups of the optimizer.
    pub fn cuts_tensors<R: UpdateRule>(&self, optimizer: &Optimizer<R>) -> bool {
        let mut tensors = self.layers().flat_map(|layer| [&layer.weight, &layer.bias]);
        tensors.any(|tensor| optimizer.is_cut(tensor))
    }

    /// The layers, first to last.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.nodes.iter().filter_map(Node::layer)
    }
}

/// The next node, with its parameters at the end of the arena.
fn node(spec: &Spec, nodes: &[Node], arena: &mut usize) -> Node {
    let mut tensor = |len: usize| {
        let start = *arena;
        *arena = (start + len).next_multiple_of(ALIGN);
        start..start + len
    };
    let from = spec.from.clone();
    let widths = from.iter().map(|&i| nodes[i].width);
    match spec.kind {
        Kind::Dense { width, activation, bias } => {
            let shape = (widths.sum(), width);
            let weight = tensor(shape.0 * width);
            let bias = tensor(if bias { width } else { 0 });
            Node { width, op: Op::Dense(Layer { shape, activation, weight, bias }), from }
        }
        Kind::Add => Node { width: widths.max().unwrap_or(0), op: Op::Add, from },
        Kind::Concat => Node { width: widths.sum(), op: Op::Concat, from },
        Kind::Dropout { p } => Node { width: widths.sum(), op: Op::Dropout { p }, from },
    }
}

/// How many times each node is read.
fn count_readers(nodes: &[Node]) -> Vec<usize> {
    let mut readers = vec![0; nodes.len()];
    nodes.iter().flat_map(|node| &node.from).for_each(|&from| readers[from] += 1);
    readers
}

/// The backward pass, last node to first. An output's own gradient is there before it starts.
fn plan_backward(
    nodes: &[Node],
    outputs: &[usize],
) -> (Vec<BackwardStep>, Vec<Output>, Vec<usize>) {
    let mut slots = Slots::default();
    let mut waiting = count_readers(nodes);
    let mut slot_of = vec![None; nodes.len()];
    let mut with_slots = Vec::new();
    for &node in outputs {
        let delta = slots.acquire(nodes[node].width);
        slot_of[node] = Some(delta);
        with_slots.push(Output { node, delta, is_read: waiting[node] > 0 });
    }
    let mut steps = Vec::new();
    let mut is_input_written = false;
    for (node, Node { from, .. }) in nodes.iter().enumerate().rev() {
        let Some(delta) = slot_of[node] else { continue };
        let mut below = Vec::new();
        for &from in from {
            waiting[from] -= 1;
            let is_written = if from == 0 {
                core::mem::replace(&mut is_input_written, true)
            } else {
                slot_of[from].is_some()
            };
            if from > 0 && !is_written {
                slot_of[from] = Some(slots.acquire(nodes[from].width));
            }
            let accum = if is_written { Accum::Add } else { Accum::Replace };
            below.push(DeltaWrite { slot: slot_of[from], accum, completes: waiting[from] == 0 });
        }
        steps.push(BackwardStep { node, delta, below });
        slots.release(delta);
    }
    (steps, with_slots, slots.widths)
}

/// The memory of a prediction. An output that nobody reads is written to the caller; dropout does
/// nothing, so what it would write is where it would read it, unless it is an output.
fn plan_predict(nodes: &[Node], outputs: &[usize]) -> Layout {
    let mut source: Vec<usize> = (0..nodes.len()).collect();
    for (i, node) in nodes.iter().enumerate() {
        if matches!(node.op, Op::Dropout { .. }) && !outputs.contains(&i) {
            source[i] = source[node.from[0]];
        }
    }
    let is_computed = |i: usize| source[i] == i;
    let mut waiting = vec![0; nodes.len()];
    for (_, node) in nodes.iter().enumerate().filter(|&(i, _)| is_computed(i)) {
        node.from.iter().for_each(|&from| waiting[source[from]] += 1);
    }
    let mut slots = Slots::default();
    let mut places = vec![Place::Input];
    for (i, node) in nodes.iter().enumerate().skip(1) {
        if !is_computed(i) {
            places.push(places[source[i]]);
            continue;
        }
        places.push(match outputs.iter().position(|&output| output == i) {
            Some(output) if waiting[i] == 0 => Place::Output(output),
            _ => Place::Slot(slots.acquire(node.width)),
        });
        for from in node.from.iter().map(|&from| source[from]) {
            waiting[from] -= 1;
            if let Place::Slot(slot) = places[from]
                && waiting[from] == 0
                && !outputs.contains(&from)
            {
                slots.release(slot);
            }
        }
    }
    Layout { places, widths: slots.widths }
}

//! The plan of a network: what runs in which order, and which buffer each step reads and writes.
//!
//! A network is a directed acyclic graph of nodes, each with one row of `width` numbers per
//! sample. The plan lists the nodes in topological order, the input first, so that a forward pass
//! walks it from front to back and a backward pass from back to front. It is made once, and knows
//! nothing of the batch: a buffer's size is its width times the number of samples.
//!
//! A node that several others read gets the sum of their gradients: the first one to run backward
//! overwrites the node's delta, the others add to it, and the last one also multiplies by the
//! derivative of the node's activation, which turns dY into dZ while it is in the cache. A layer
//! that no output depends on has no part in this, and its gradients are zero.
//!
//! Deltas live only from the first reader's backward step to the node's own, so they share
//! *slots*: a chain of any length needs two. In the same way `predict` keeps an activation only
//! until its last reader has run.

use core::ops::Range;

use crate::activation::Activation;
use crate::gemm::Accum;

/// A parameter tensor starts on a cache line: at a multiple of 16 elements of the arena.
pub(super) const ALIGN: usize = 16;

/// One node: the input, or what a layer makes of another node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Elements per sample.
    pub width: usize,
    /// The layer that computes it; `None` is the input.
    pub layer: Option<Layer>,
}

/// A dense layer: which node it reads, and where its parameters are in the arena.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub from: usize,
    pub activation: Activation,
    pub weight: Range<usize>,
    pub bias: Range<usize>,
}

/// One step of the backward pass: the gradients of one layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BackwardStep {
    pub node: usize,
    /// The slot that holds this node's dZ.
    pub delta: usize,
    /// Where the gradient of the node below goes.
    pub below: DeltaWrite,
}

/// The write of `dX = dZ.W^T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeltaWrite {
    /// To the caller, if the gradient of the input is wanted at all.
    Input(Accum),
    /// To the slot of the node below.
    Slot {
        slot: usize,
        accum: Accum,
        /// This is the last reader of the node: the sum is complete and becomes dZ.
        completes: bool,
    },
}

/// What runs in which order; see the module's documentation.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// In topological order; node 0 is the input.
    pub nodes: Vec<Node>,
    /// The nodes that the network returns, and the slots of their deltas.
    pub outputs: Vec<Output>,
    pub backward: Vec<BackwardStep>,
    /// Where the gradients of the layers are that no output depends on.
    pub idle: Vec<Range<usize>>,
    /// Elements per sample of each delta slot.
    pub delta_slots: Vec<usize>,
    /// For each node the slot of its activation in `predict`; not used for the input and the
    /// last node.
    pub predict_slots: Vec<usize>,
    /// Elements per sample of each slot of `predict`.
    pub predict_widths: Vec<usize>,
    /// Elements of the parameter arena, with the gaps between tensors.
    pub arena: usize,
}

/// An output of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Output {
    pub node: usize,
    pub delta: usize,
    /// Other layers add to its gradient, and the last of them makes dZ of it.
    pub is_read: bool,
}

/// What the builder knows of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerSpec {
    pub from: usize,
    pub width: usize,
    pub activation: Activation,
    pub bias: bool,
}

impl Plan {
    /// The plan of `layers`, which are in topological order: layer `i` computes node `i + 1`.
    /// Sizes were checked by the builder.
    pub fn new(inputs: usize, layers: &[LayerSpec], outputs: &[usize]) -> Plan {
        let mut nodes = vec![Node { width: inputs, layer: None }];
        let mut arena = 0;
        for spec in layers {
            let mut tensor = |len: usize| {
                let start = arena;
                arena = (start + len).next_multiple_of(ALIGN);
                start..start + len
            };
            let weight = tensor(nodes[spec.from].width * spec.width);
            let bias = tensor(if spec.bias { spec.width } else { 0 });
            let layer = Layer { from: spec.from, activation: spec.activation, weight, bias };
            nodes.push(Node { width: spec.width, layer: Some(layer) });
        }
        let live = live(&nodes, outputs);
        let (backward, outputs, delta_slots) = plan_backward(&nodes, outputs, &live);
        let dead = nodes.iter().zip(&live).filter(|(_, live)| !**live);
        let dead = dead.filter_map(|(node, _)| node.layer.as_ref());
        let idle = dead.map(|l| l.weight.start..l.bias.end.next_multiple_of(ALIGN)).collect();
        let (predict_slots, predict_widths) = plan_predict(&nodes);
        Plan { nodes, outputs, backward, idle, delta_slots, predict_slots, predict_widths, arena }
    }

    /// The layers with the nodes that they compute, first to last.
    pub fn layers(&self) -> impl Iterator<Item = (usize, &Node, &Layer)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.filter_map(|(i, node)| node.layer.as_ref().map(|layer| (i, node, layer)))
    }

    /// Elements per sample of all activations but the input.
    pub fn activations(&self) -> impl Iterator<Item = usize> {
        self.nodes.iter().skip(1).map(|node| node.width)
    }
}

/// For each node, whether an output depends on it.
fn live(nodes: &[Node], outputs: &[usize]) -> Vec<bool> {
    let mut live: Vec<_> = (0..nodes.len()).map(|node| outputs.contains(&node)).collect();
    for (i, node) in nodes.iter().enumerate().rev() {
        if let Some(layer) = node.layer.as_ref().filter(|_| live[i]) {
            live[layer.from] = true;
        }
    }
    live
}

/// For each node, how many layers read it, of those that compute nodes for which `counts` is true.
fn readers(nodes: &[Node], counts: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut readers = vec![0; nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        if let Some(layer) = node.layer.as_ref().filter(|_| counts(i)) {
            readers[layer.from] += 1;
        }
    }
    readers
}

/// The backward pass, last node to first. An output's own gradient is there before it starts.
fn plan_backward(
    nodes: &[Node],
    outputs: &[usize],
    live: &[bool],
) -> (Vec<BackwardStep>, Vec<Output>, Vec<usize>) {
    let mut slots = Slots::default();
    let mut waiting = readers(nodes, |node| live[node]);
    let mut slot_of = vec![None; nodes.len()];
    let mut with_slot = Vec::new();
    for &node in outputs {
        let delta = slots.acquire(nodes[node].width);
        slot_of[node] = Some(delta);
        with_slot.push(Output { node, delta, is_read: waiting[node] > 0 });
    }
    let mut steps = Vec::new();
    let mut input_accum = Accum::Replace;
    for (node, layer) in nodes.iter().enumerate().rev() {
        let (Some(layer), Some(delta)) = (&layer.layer, slot_of[node]) else { continue };
        let from = layer.from;
        waiting[from] -= 1;
        let below = if from == 0 {
            DeltaWrite::Input(core::mem::replace(&mut input_accum, Accum::Add))
        } else {
            let accum = if slot_of[from].is_none() { Accum::Replace } else { Accum::Add };
            let slot = *slot_of[from].get_or_insert_with(|| slots.acquire(nodes[from].width));
            DeltaWrite::Slot { slot, accum, completes: waiting[from] == 0 }
        };
        steps.push(BackwardStep { node, delta, below });
        slots.release(delta);
    }
    (steps, with_slot, slots.widths)
}

/// The slots of the activations while predicting. The last node is written to the caller.
fn plan_predict(nodes: &[Node]) -> (Vec<usize>, Vec<usize>) {
    let mut slots = Slots::default();
    let mut waiting = readers(nodes, |_| true);
    let mut slot_of = vec![0; nodes.len()];
    for (i, node) in nodes.iter().enumerate() {
        let Some(layer) = &node.layer else { continue };
        if i + 1 < nodes.len() {
            slot_of[i] = slots.acquire(node.width);
        }
        waiting[layer.from] -= 1;
        if layer.from > 0 && waiting[layer.from] == 0 {
            slots.release(slot_of[layer.from]);
        }
    }
    (slot_of, slots.widths)
}

/// Buffers that are shared by things which do not live at the same time.
#[derive(Default)]
struct Slots {
    widths: Vec<usize>,
    free: Vec<usize>,
}

impl Slots {
    /// A free slot, the one that fits best, made wider if need be.
    fn acquire(&mut self, width: usize) -> usize {
        let growth = |&slot: &usize| {
            let have = self.widths[slot];
            (width.saturating_sub(have), have.saturating_sub(width))
        };
        match (0..self.free.len()).min_by_key(|&i| growth(&self.free[i])) {
            Some(i) => {
                let slot = self.free.swap_remove(i);
                self.widths[slot] = self.widths[slot].max(width);
                slot
            }
            None => {
                self.widths.push(width);
                self.widths.len() - 1
            }
        }
    }

    fn release(&mut self, slot: usize) {
        self.free.push(slot);
    }
}

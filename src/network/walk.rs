//! The walks over the nodes of a plan: forward in any layout of memory, and backward.

use super::Network;
use super::join::transfer;
use super::plan::{ALIGN, Layer, Layout, Node, Op, Place};
use super::workspace::{Arena, Workspace};
use crate::cpu::Cpu;
use crate::dense::{self, Below, Dense};
use crate::error::Result;
use crate::gemm::Accum;
use crate::scratch::Scratch;
use crate::tensor::{View, ViewMut};

impl Network {
    /// The values of all nodes, each where `layout` says: in `arena`, which has room for them, or
    /// in one of `outputs`. These are not read, and if there are any, then there are all. With
    /// `kept`, the Z that derivatives read go there.
    pub(super) fn walk_forward(
        &self,
        cpu: Cpu,
        scratch: &mut Scratch,
        (layout, arena): (&Layout, &mut Arena),
        mut kept: Option<&mut Arena>,
        input: View<'_>,
        outputs: &mut [ViewMut<'_>],
    ) -> Result<()> {
        let batch = input.rows();
        for (node, Node { op, from, .. }) in self.plan.nodes.iter().enumerate() {
            let mut col = 0;
            for (i, &from) in from.iter().enumerate() {
                let (x, y) = match (layout.places[from], layout.places[node]) {
                    (Place::Caller(_), Place::Caller(to)) => (input, outputs[to].reborrow()),
                    (Place::Caller(_), Place::Slot(to)) => {
                        (input, self.matrix_mut(node, batch, arena.get_mut(to)))
                    }
                    (Place::Slot(slot), Place::Caller(to)) => {
                        (self.matrix(from, batch, arena.get(slot)), outputs[to].reborrow())
                    }
                    (Place::Slot(slot), Place::Slot(to)) => {
                        let (x, y) = arena.pair(slot, to);
                        (self.matrix(from, batch, x), self.matrix_mut(node, batch, y))
                    }
                };
                match op {
                    Op::Input => {}
                    Op::Dense(layer) => {
                        let layer = self.dense(layer);
                        match (self.plan.z_of[node], kept.as_deref_mut()) {
                            (Some(slot), Some(kept)) => {
                                let z = self.matrix_mut(node, batch, kept.get_mut(slot));
                                dense::forward_saving(cpu, scratch, layer, x, (z, y))?;
                            }
                            _ => dense::forward(cpu, scratch, layer, x, y)?,
                        }
                    }
                    Op::Add => {
                        let accum = if i == 0 { Accum::Replace } else { Accum::Add };
                        transfer(cpu, (x, 0), (accum, y));
                    }
                    Op::Concat => {
                        let y = y.split_cols_at(col).1.split_cols_at(x.cols()).0;
                        transfer(cpu, (x, 0), (Accum::Replace, y));
                    }
                }
                col += x.cols();
            }
        }
        // An output that other nodes read had a place among them.
        for (output, to) in self.plan.outputs.iter().zip(outputs) {
            if let Place::Slot(slot) = layout.places[output.node] {
                let from = self.matrix(output.node, batch, arena.get(slot));
                transfer(cpu, (from, 0), (Accum::Replace, to.reborrow()));
            }
        }
        Ok(())
    }

    /// The backward pass, once the slots of the outputs hold dY; the gradients of parameters replace
    /// those in the workspace, or are added to them.
    pub(super) fn walk_backward(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        (accum, mut d_input): (Accum, Option<ViewMut<'_>>),
    ) -> Result<()> {
        let batch = input.rows();
        let Workspace { scratch, activations, pre_activations, deltas, gradients, .. } = workspace;
        let value = |node: usize| match self.plan.training.places[node] {
            Place::Caller(_) => input,
            Place::Slot(slot) => self.matrix(node, batch, activations.get(slot)),
        };
        let slope_from = |node: usize| match self.plan.z_of[node] {
            Some(slot) => self.matrix(node, batch, pre_activations.get(slot)),
            None => value(node),
        };
        for output in self.plan.outputs.iter().filter(|output| !output.is_read) {
            let delta = self.matrix_mut(output.node, batch, deltas.get_mut(output.delta));
            let activation = self.plan.nodes[output.node].activation();
            dense::output_gradient(cpu, activation, slope_from(output.node), delta)?;
        }
        for step in &self.plan.backward {
            let Node { op, from, .. } = &self.plan.nodes[step.node];
            let mut col = 0;
            for (&from, write) in from.iter().zip(&step.below) {
                let x = value(from);
                let (d_y, to) = match write.slot {
                    None => (deltas.get(step.delta), d_input.as_mut().map(|d| d.reborrow())),
                    Some(slot) => {
                        let (d_y, to) = deltas.pair(step.delta, slot);
                        (d_y, Some(self.matrix_mut(from, batch, to)))
                    }
                };
                let d_y = self.matrix(step.node, batch, d_y);
                let activation = self.plan.nodes[from].activation();
                let slope_from = slope_from(from);
                let below = write.completes.then_some(Below { activation, slope_from });
                if let Some(to) = to {
                    let to = (write.accum, to);
                    match op {
                        Op::Input => {}
                        Op::Dense(layer) => {
                            let weight = self.dense(layer).weight;
                            dense::input_gradient(cpu, scratch, d_y, weight, below, to)?;
                        }
                        Op::Add => hand_down(cpu, (d_y, 0), to, below)?,
                        Op::Concat => hand_down(cpu, (d_y, col), to, below)?,
                    }
                }
                if let Op::Dense(layer) = op {
                    let gradients = gradients.as_mut_slice();
                    parameter_gradients(cpu, scratch, layer, (x, d_y), (accum, gradients))?;
                }
                col += x.cols();
            }
        }
        Ok(())
    }

    /// A layer with its parameters.
    fn dense(&self, layer: &Layer) -> Dense<'_> {
        let parameters = self.parameters.as_slice();
        let bias = &parameters[layer.bias.clone()];
        let (rows, cols) = layer.shape;
        Dense {
            weight: View::contiguous(rows, cols, &parameters[layer.weight.clone()]),
            bias: (!bias.is_empty()).then_some(bias),
            activation: layer.activation,
        }
    }

    /// The values of a node at the start of a buffer that may be longer.
    pub(super) fn matrix<'d>(&self, node: usize, batch: usize, data: &'d [f32]) -> View<'d> {
        let width = self.plan.nodes[node].width;
        View::contiguous(batch, width, &data[..batch * width])
    }

    /// The same for writing.
    pub(super) fn matrix_mut<'d>(
        &self,
        node: usize,
        batch: usize,
        data: &'d mut [f32],
    ) -> ViewMut<'d> {
        let width = self.plan.nodes[node].width;
        ViewMut::contiguous(batch, width, &mut data[..batch * width])
    }
}

/// The gradient of what a sum or a concatenation has read: the columns of its own.
fn hand_down(
    cpu: Cpu,
    from: (View<'_>, usize),
    (accum, mut to): (Accum, ViewMut<'_>),
    below: Option<Below<'_>>,
) -> Result<()> {
    transfer(cpu, from, (accum, to.reborrow()));
    below
        .map_or(Ok(()), |below| dense::output_gradient(cpu, below.activation, below.slope_from, to))
}

/// dW and db of a layer, to their places in the arena.
fn parameter_gradients(
    cpu: Cpu,
    scratch: &mut Scratch,
    layer: &Layer,
    (x, d_z): (View<'_>, View<'_>),
    (accum, gradients): (Accum, &mut [f32]),
) -> Result<()> {
    let (rows, cols) = layer.shape;
    let (head, tail) = gradients.split_at_mut(layer.bias.start);
    let d_weight = ViewMut::contiguous(rows, cols, &mut head[layer.weight.clone()]);
    dense::weight_gradient(cpu, scratch, x, d_z, accum, d_weight)?;
    // The gaps behind both: the workspace may have served another network.
    head[layer.weight.end..].fill(0.0);
    let bias = layer.bias.len();
    tail[bias..bias.next_multiple_of(ALIGN)].fill(0.0);
    if layer.bias.is_empty() {
        return Ok(());
    }
    dense::bias_gradient(cpu, d_z, accum, &mut tail[..bias])
}

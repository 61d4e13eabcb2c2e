//! The walk over the nodes of a plan, last to first: deltas go down, and the gradients of parameters
//! to where they are wanted.

use super::join::transfer;
use super::masks::Masks;
use super::node::{Node, Op};
use super::plan::{Place, Plan};
use super::sink::Sink;
use super::workspace::Arena;
use crate::cpu::Cpu;
use crate::dense::{self, Below};
use crate::error::Result;
use crate::gemm::Accum;
use crate::scratch::Scratch;
use crate::tensor::{View, ViewMut};

/// The memory of a backward pass: what a forward pass has left, and the deltas.
pub(super) struct Pass<'w> {
    pub scratch: &'w mut Scratch,
    pub activations: &'w Arena,
    pub pre_activations: &'w Arena,
    pub deltas: &'w mut Arena,
    /// Those of the forward pass.
    pub masks: Masks,
}

impl Plan {
    /// The backward pass, once the slots of the outputs hold dY. What the gradients of parameters
    /// are for, `sink` knows.
    pub fn walk_backward(
        &self,
        cpu: Cpu,
        pass: Pass<'_>,
        input: View<'_>,
        mut d_input: Option<ViewMut<'_>>,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        let batch = input.rows();
        let Pass { scratch, activations, pre_activations, deltas, masks } = pass;
        let value = |node: usize| match self.training.places[node] {
            Place::Slot(slot) => self.matrix(node, batch, activations.get(slot)),
            Place::Input | Place::Output(_) => input,
        };
        let slope_from = |node: usize| match self.z_of[node] {
            Some(slot) => self.matrix(node, batch, pre_activations.get(slot)),
            None => value(node),
        };
        for output in self.outputs.iter().filter(|output| !output.is_read) {
            let delta = self.matrix_mut(output.node, batch, deltas.get_mut(output.delta));
            let activation = self.nodes[output.node].activation();
            dense::output_gradient(cpu, activation, slope_from(output.node), delta)?;
        }
        for step in &self.backward {
            let Node { op, from, .. } = &self.nodes[step.node];
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
                let activation = self.nodes[from].activation();
                let slope_from = slope_from(from);
                let below = write.completes.then_some(Below { activation, slope_from });
                if let Some(to) = to {
                    let to = (write.accum, to);
                    match op {
                        Op::Input => {}
                        Op::Dense(layer) => {
                            // The weight as it was: its update comes after this.
                            let weight = layer.dense(sink.parameters()).weight;
                            dense::input_gradient(cpu, scratch, d_y, weight, below, to)?;
                        }
                        Op::Add => hand_down(cpu, below, to, |to| transfer(cpu, (d_y, 0), to))?,
                        Op::Concat => {
                            hand_down(cpu, below, to, |to| transfer(cpu, (d_y, col), to))?;
                        }
                        Op::Dropout { p } => {
                            let mask = masks.of(step.node, *p)?;
                            hand_down(cpu, below, to, |to| mask.multiplied(cpu, d_y, to))?;
                        }
                    }
                }
                match op {
                    Op::Dense(layer) => sink.layer(cpu, scratch, layer, (x, d_y))?,
                    // The widths of a concatenation have a sum.
                    Op::Concat => col += x.cols(),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The values of a node at the start of a buffer that may be longer.
    pub fn matrix<'d>(&self, node: usize, batch: usize, data: &'d [f32]) -> View<'d> {
        let width = self.nodes[node].width;
        View::contiguous(batch, width, &data[..batch * width])
    }

    /// The same for writing.
    pub fn matrix_mut<'d>(&self, node: usize, batch: usize, data: &'d mut [f32]) -> ViewMut<'d> {
        let width = self.nodes[node].width;
        ViewMut::contiguous(batch, width, &mut data[..batch * width])
    }
}

/// Writes the gradient of what a node without parameters has read, and makes dZ of it if it is
/// complete.
fn hand_down(
    cpu: Cpu,
    below: Option<Below<'_>>,
    (accum, mut to): (Accum, ViewMut<'_>),
    write: impl FnOnce((Accum, ViewMut<'_>)),
) -> Result<()> {
    write((accum, to.reborrow()));
    match below {
        Some(below) => dense::output_gradient(cpu, below.activation, below.slope_from, to),
        None => Ok(()),
    }
}

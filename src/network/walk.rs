//! The walk over the nodes of a plan, first to last, in any layout of memory.

use super::Network;
use super::join::transfer;
use super::masks::Masks;
use super::node::{Node, Op};
use super::plan::{Layout, Place};
use super::workspace::Arena;
use crate::cpu::Cpu;
use crate::dense::{self, Dense, PackedDense};
use crate::error::Result;
use crate::gemm::{Accum, PackedWeight};
use crate::scratch::Scratch;
use crate::tensor::{View, ViewMut};

/// Packed weights, of the nodes that have some; none if no weights are packed.
pub(super) type Weights<'a> = Option<&'a [Option<PackedWeight>]>;

/// What a walk is for.
pub(super) enum For<'a> {
    /// The outputs.
    Prediction(Weights<'a>),
    /// A backward pass: dropout drops by the masks, and the Z that derivatives read are kept.
    Training(Masks, &'a mut Arena),
}

impl Network {
    /// The values of all nodes, each where `layout` says: in `arena`, which has room for them, or
    /// in one of `outputs`. These are not read, and if there are any, then there are all.
    pub(super) fn walk_forward(
        &self,
        cpu: Cpu,
        scratch: &mut Scratch,
        (layout, arena): (&Layout, &mut Arena),
        mut what_for: For<'_>,
        input: View<'_>,
        outputs: &mut [ViewMut<'_>],
    ) -> Result<()> {
        let batch = input.rows();
        for (node, Node { op, from, .. }) in self.plan.nodes.iter().enumerate() {
            let mut col = 0;
            // What a prediction does not drop is where it was.
            let is_there = |from: &usize| layout.places[*from] == layout.places[node];
            if matches!(op, Op::Dropout { .. }) && from.iter().all(is_there) {
                continue;
            }
            for (i, &from) in from.iter().enumerate() {
                let (x, y) = match (layout.places[from], layout.places[node]) {
                    (Place::Slot(slot), Place::Slot(to)) => {
                        let (x, y) = arena.pair(slot, to);
                        (self.plan.matrix(from, batch, x), self.plan.matrix_mut(node, batch, y))
                    }
                    (Place::Slot(slot), Place::Output(to)) => {
                        (self.plan.matrix(from, batch, arena.get(slot)), outputs[to].reborrow())
                    }
                    (_, Place::Slot(to)) => {
                        (input, self.plan.matrix_mut(node, batch, arena.get_mut(to)))
                    }
                    (_, Place::Output(to)) => (input, outputs[to].reborrow()),
                    // The input has no input.
                    (_, Place::Input) => continue,
                };
                match op {
                    Op::Input => {}
                    Op::Dense(layer) => {
                        let layer = layer.dense(self.parameters.as_slice());
                        let packed = match what_for {
                            For::Prediction(Some(all)) => all.get(node),
                            _ => None,
                        };
                        match (&mut what_for, self.plan.z_of[node], packed) {
                            (For::Training(_, kept), Some(slot), _) => {
                                let z = self.plan.matrix_mut(node, batch, kept.get_mut(slot));
                                dense::forward_saving(cpu, scratch, layer, x, (z, y))?;
                            }
                            (_, _, Some(Some(weight))) => {
                                let Dense { bias, activation, .. } = layer;
                                let layer = PackedDense { weight, bias, activation };
                                dense::forward_packed(cpu, scratch, layer, x, y)?;
                            }
                            _ => dense::forward(cpu, scratch, layer, x, y)?,
                        }
                    }
                    Op::Dropout { p } => match &what_for {
                        For::Training(masks, _) => {
                            masks.of(node, *p)?.multiplied(cpu, x, (Accum::Replace, y));
                        }
                        _ => transfer(cpu, (x, 0), (Accum::Replace, y)),
                    },
                    Op::Add => {
                        let accum = if i == 0 { Accum::Replace } else { Accum::Add };
                        transfer(cpu, (x, 0), (accum, y));
                    }
                    Op::Concat => {
                        let y = y.split_cols_at(col).1.split_cols_at(x.cols()).0;
                        transfer(cpu, (x, 0), (Accum::Replace, y));
                        col += x.cols();
                    }
                }
            }
        }
        // An output that other nodes read had a place among them.
        for (output, to) in self.plan.outputs.iter().zip(outputs) {
            if let Place::Slot(slot) = layout.places[output.node] {
                let from = self.plan.matrix(output.node, batch, arena.get(slot));
                transfer(cpu, (from, 0), (Accum::Replace, to.reborrow()));
            }
        }
        Ok(())
    }
}

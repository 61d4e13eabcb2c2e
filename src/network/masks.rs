//! [`Masks`]: which elements the dropout nodes of a training pass drop.

use super::Network;
use super::node::{Node, Op};
use crate::cpu::Cpu;
use crate::dropout::Dropout;
use crate::error::Result;
use crate::rng::stream;
use crate::tensor::Tensor;

/// What the masks of one training pass are drawn from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Masks {
    pub seed: u64,
    pub pass: u64,
    /// Nodes of the network: so many streams belong to each pass.
    pub nodes: usize,
}

impl Masks {
    /// The mask of a node.
    pub fn of(&self, node: usize, p: f32) -> Result<Dropout> {
        let number = self.pass.wrapping_mul(self.nodes as u64).wrapping_add(node as u64);
        // As many streams as dropout owns.
        Dropout::new(p, self.seed, stream::DROPOUT + number % (1 << 56))
    }
}

impl Network {
    /// What a dropout node multiplies a batch of `rows` samples by in that pass of that seed,
    /// `[rows, width]`: 0 or `1 / (1 - p)`. For any other node they are ones.
    pub(crate) fn dropout_factors(
        &self,
        (seed, pass): (u64, u64),
        node: usize,
        rows: usize,
    ) -> Result<Tensor> {
        let masks = Masks { seed, pass, nodes: self.plan.nodes.len() };
        let Node { width, op, .. } = &self.plan.nodes[node];
        let mask = masks.of(node, if let Op::Dropout { p } = op { *p } else { 0.0 })?;
        let mut factors = Tensor::zeros(rows, *width)?;
        for (i, row) in factors.view_mut().iter_rows_mut().enumerate() {
            mask.factors(Cpu::detect(), i, 0, row);
        }
        Ok(factors)
    }
}

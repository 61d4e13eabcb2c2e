//! [`Masks`]: which elements the dropout nodes of a training pass drop.

use crate::dropout::Dropout;
use crate::error::Result;
use crate::rng::stream;

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

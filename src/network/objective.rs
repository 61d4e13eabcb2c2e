//! [`Objective`]: what an output of a network is to be.

use crate::loss::{Loss, Target};

/// The loss of one output of a network, and its weight among those of the others.
///
/// ```text
///   L = sum over the outputs of  weight * loss(output, target)
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Objective<'a> {
    /// What the output is compared with.
    pub target: Target<'a>,
    /// How.
    pub loss: Loss,
    /// What the loss is multiplied by in the sum.
    pub weight: f32,
}

impl<'a> Objective<'a> {
    /// A loss of weight 1.
    pub fn new(target: Target<'a>, loss: Loss) -> Self {
        Self { target, loss, weight: 1.0 }
    }

    /// The same with another weight.
    pub fn weight(self, weight: f32) -> Self {
        Self { weight, ..self }
    }
}

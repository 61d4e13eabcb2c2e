//! [`WorkspaceBytes`]: what a pass will take of a workspace, before it is allocated.
//!
//! Every part of a [`Workspace`](super::Workspace) grows to the most that was asked of it, so what
//! several passes take together is the greatest of each part ([`WorkspaceBytes::and`]).

use core::fmt;

use super::Network;
use super::by_samples::samples_of_others;
use super::node::Op;
use super::table::{Table, thousands};
use super::workspace::Arena;
use crate::cpu::{Cpu, Parallelism};
use crate::error::{Error, Result, check_len, checked_size};
use crate::gemm::{self, Layout};
use crate::optim::{Optimizer, UpdateRule};
use crate::scratch::Buffer;

/// Bytes of each part of a [`Workspace`](super::Workspace).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkspaceBytes {
    /// What the nodes return, kept for a backward pass.
    pub activations: usize,
    /// Z of the layers whose derivative reads it.
    pub pre_activations: usize,
    /// Gradients of what nodes return.
    pub deltas: usize,
    /// Gradients of the parameters.
    pub gradients: usize,
    /// What nodes return in a prediction; where its samples are divided among threads, those of the
    /// first.
    pub predictions: usize,
    /// Packed blocks of the matrix product, for all threads; where samples are divided, for the first.
    pub scratch: usize,
    /// What nodes return for the samples of the other threads, where samples are divided.
    pub other_predictions: usize,
    /// Packed blocks of the other threads, where samples are divided.
    pub other_scratch: usize,
}

impl WorkspaceBytes {
    /// All together: what [`Workspace::bytes`](super::Workspace::bytes) will say.
    pub fn total(&self) -> usize {
        self.parts().iter().fold(0, |sum, part| sum.saturating_add(part.1))
    }

    /// What a workspace takes that is used for both, with the same number of threads. (Of two different
    /// networks whose samples are divided among three or more it may take a little more.)
    pub fn and(self, other: Self) -> Self {
        Self {
            activations: self.activations.max(other.activations),
            pre_activations: self.pre_activations.max(other.pre_activations),
            deltas: self.deltas.max(other.deltas),
            gradients: self.gradients.max(other.gradients),
            predictions: self.predictions.max(other.predictions),
            scratch: self.scratch.max(other.scratch),
            other_predictions: self.other_predictions.max(other.other_predictions),
            other_scratch: self.other_scratch.max(other.other_scratch),
        }
    }

    fn parts(&self) -> [(&'static str, usize); 8] {
        [
            ("activations", self.activations),
            ("pre-activations", self.pre_activations),
            ("deltas", self.deltas),
            ("gradients", self.gradients),
            ("predictions", self.predictions),
            ("scratch", self.scratch),
            ("predictions of others", self.other_predictions),
            ("scratch of others", self.other_scratch),
        ]
    }
}

impl fmt::Display for WorkspaceBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = ("part", "bytes".to_string());
        let parts = self.parts().map(|(part, bytes)| (part, thousands(bytes as u64)));
        let total = ("total", thousands(self.total() as u64));
        let rows = [heading].into_iter().chain(parts).chain([total]);
        let rows = rows.map(|(part, bytes)| vec![part.to_string(), bytes]).collect();
        Table { rows, left: 1 }.fmt(f)
    }
}

/// What becomes of the gradients of parameters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backward {
    None,
    Kept,
    Applied,
}

impl Network {
    /// What a workspace takes in which `batch` samples are [predicted](Network::predict) with this
    /// `cpu`. Nothing of that size is allocated to find out.
    ///
    /// It is exact for an input without gaps between its rows (with gaps the products may pack more, or
    /// less), and asked from where the pass will run: inside the same rayon pool, or outside of any. At
    /// [`Level::Portable`](crate::simd::Level::Portable) products allocate memory of their own, which
    /// is not counted.
    ///
    /// Error: [`Overflow`](crate::Error::Overflow) names a size beyond the address space.
    ///
    /// ```
    /// use densecore::{Activation, Cpu, Network, View, ViewMut, Workspace};
    /// let (cpu, mut workspace) = (Cpu::detect(), Workspace::new());
    /// let network = Network::mlp(&[64, 200, 100, 10], Activation::Relu, 42)?;
    /// let bytes = network.predict_bytes(cpu, 32)?;
    /// assert_eq!(bytes.predictions, 32 * (200 + 100) * 4);
    ///
    /// let (input, mut output) = ([0.5; 32 * 64], [0.0; 32 * 10]);
    /// let (x, y) = (View::new(32, 64, &input)?, ViewMut::new(32, 10, &mut output)?);
    /// network.predict(cpu, &mut workspace, x, y)?;
    /// assert_eq!(workspace.bytes(), bytes.total());
    /// # Ok::<(), densecore::Error>(())
    /// ```
    pub fn predict_bytes(&self, cpu: Cpu, batch: usize) -> Result<WorkspaceBytes> {
        self.check_batch(batch)?;
        let widths = &self.plan.prediction.widths;
        let Some(each) = self.samples_of_each(cpu, batch, None) else {
            return Ok(WorkspaceBytes {
                predictions: matrices(batch, widths)?,
                scratch: self.scratch_bytes(cpu, batch, Backward::None)?,
                ..WorkspaceBytes::default()
            });
        };
        let cpu_of_each = cpu.with_parallelism(Parallelism::Serial);
        let scratch = |samples: usize| self.scratch_bytes(cpu_of_each, samples, Backward::None);
        let (predictions, others) = (matrices(each, widths)?, samples_of_others(each, batch));
        let other_scratch = others.clone().try_fold(0_usize, |sum, samples| {
            Ok::<_, Error>(sum.saturating_add(scratch(samples)?))
        })?;
        Ok(WorkspaceBytes {
            predictions,
            scratch: scratch(each)?,
            other_predictions: predictions.saturating_mul(others.count()),
            other_scratch,
            ..WorkspaceBytes::default()
        })
    }

    /// The same for [`loss_and_gradients`](Network::loss_and_gradients), and whatever else leaves
    /// gradients in the workspace. (A [`backward`](Network::backward) that also computes the gradient of
    /// the input, and gradients that are added to others, may take more scratch.)
    pub fn gradient_bytes(&self, cpu: Cpu, batch: usize) -> Result<WorkspaceBytes> {
        self.training_bytes(cpu, batch, Backward::Kept)
    }

    /// The same for a [`train_step`](Network::train_step) with that optimizer, which may apply gradients
    /// without keeping them. (One whose learning rate is 0 for some tensors may then take less
    /// scratch.) Error: also [`Length`](crate::Error::Length), as for the step.
    pub fn train_step_bytes<R: UpdateRule>(
        &self,
        cpu: Cpu,
        batch: usize,
        optimizer: &Optimizer<R>,
    ) -> Result<WorkspaceBytes> {
        check_len("parameters", optimizer.parameters(), self.plan.arena)?;
        let is_fused = self.is_fused(cpu, batch, optimizer);
        self.training_bytes(cpu, batch, if is_fused { Backward::Applied } else { Backward::Kept })
    }

    fn training_bytes(&self, cpu: Cpu, batch: usize, pass: Backward) -> Result<WorkspaceBytes> {
        self.check_batch(batch)?;
        let is_applied = pass == Backward::Applied;
        let gradients = if is_applied { self.plan.widest_bias } else { self.plan.arena };
        Ok(WorkspaceBytes {
            activations: matrices(batch, &self.plan.training.widths)?,
            pre_activations: matrices(batch, &self.plan.z_widths)?,
            deltas: matrices(batch, &self.plan.delta_slots)?,
            gradients: Buffer::bytes_for(gradients)?,
            predictions: 0,
            scratch: self.scratch_bytes(cpu, batch, pass)?,
            other_predictions: 0,
            other_scratch: 0,
        })
    }

    /// Ok if the matrices that a batch makes of the nodes can be, those with the caller too.
    fn check_batch(&self, batch: usize) -> Result<()> {
        self.plan.nodes.iter().try_for_each(|n| checked_size("batch", batch, n.width).map(|_| ()))
    }

    /// The most that any product of a pass takes.
    fn scratch_bytes(&self, cpu: Cpu, batch: usize, pass: Backward) -> Result<usize> {
        let mut most = 0;
        let mut take = |shape: (usize, usize, usize), layout: Layout, is_consumed: bool| {
            most = most.max(gemm::scratch(cpu, shape, layout, is_consumed));
        };
        let is_small = self.is_small(cpu, batch);
        for layer in self.plan.layers().filter(|_| !is_small) {
            take((batch, layer.shape.1, layer.shape.0), Layout::Nn, false);
        }
        let has_products = match pass {
            Backward::None => false,
            Backward::Kept => !is_small,
            Backward::Applied => true,
        };
        for step in self.plan.backward.iter().filter(|_| has_products) {
            let Op::Dense(layer) = &self.plan.nodes[step.node].op else { continue };
            let (rows, cols) = layer.shape;
            take((rows, cols, batch), Layout::Tn, pass == Backward::Applied);
            if step.below.iter().any(|write| write.slot.is_some()) {
                take((batch, rows, cols), Layout::Nt, false);
            }
        }
        Buffer::bytes_for(most)
    }
}

/// Bytes of an arena with a `[batch, width]` matrix for each width.
fn matrices(batch: usize, widths: &[usize]) -> Result<usize> {
    Buffer::bytes_for(Arena::place(batch, widths.iter().copied(), |_| ())?)
}

//! What the gradients of a layer's parameters are for: kept in an arena, or applied at once.
//!
//! ```text
//!   Kept       dW = X^T.dZ               to its place in the arena, or added to what is there
//!              db = column sums of dZ    the update is another pass over all of it
//!
//!   Applied    W, state <- rule(X^T.dZ)  a strip of dW goes from the registers into the update
//!              b, state <- rule(db)      and is gone: nothing of the size of W is written but W
//! ```
//!
//! An update sees one element at a time, and a sum has one order, so both give the same bits.

use super::node::{ALIGN, Layer};
use crate::cpu::Cpu;
use crate::dense;
use crate::error::Result;
use crate::gemm::{self, Accum, Beside, Epilogue, Finished};
use crate::optim::{Prepared, Step, Strip, UpdateRule};
use crate::scratch::Scratch;
use crate::simd::Level;
use crate::tensor::{View, ViewMut};

pub(super) trait Sink {
    /// All parameters, in which those of a layer are as they were until its gradients are here.
    fn parameters(&self) -> &[f32];

    /// Takes the gradients of a layer, from its X and dZ.
    fn layer(
        &mut self,
        cpu: Cpu,
        scratch: &mut Scratch,
        layer: &Layer,
        from: (View<'_>, View<'_>),
    ) -> Result<()>;
}

/// Keeps them.
pub(super) struct Kept<'a> {
    pub parameters: &'a [f32],
    pub gradients: &'a mut [f32],
    pub accum: Accum,
}

impl Sink for Kept<'_> {
    fn parameters(&self) -> &[f32] {
        self.parameters
    }

    fn layer(
        &mut self,
        cpu: Cpu,
        scratch: &mut Scratch,
        layer: &Layer,
        (x, d_z): (View<'_>, View<'_>),
    ) -> Result<()> {
        let (rows, cols) = layer.shape;
        let (head, tail) = self.gradients.split_at_mut(layer.bias.start);
        let d_weight = ViewMut::contiguous(rows, cols, &mut head[layer.weight.clone()]);
        dense::weight_gradient(cpu, scratch, x, d_z, self.accum, d_weight)?;
        // The gaps behind both: the workspace may have served another network.
        head[layer.weight.end..].fill(0.0);
        let bias = layer.bias.len();
        tail[bias..bias.next_multiple_of(ALIGN)].fill(0.0);
        if layer.bias.is_empty() {
            return Ok(());
        }
        dense::bias_gradient(cpu, d_z, self.accum, &mut tail[..bias])
    }
}

/// Applies them.
pub(super) struct Applied<'a, R: UpdateRule> {
    pub parameters: &'a mut [f32],
    pub step: Step<'a, R>,
    /// For the gradient of a bias.
    pub d_bias: &'a mut [f32],
}

impl<R: UpdateRule> Sink for Applied<'_, R> {
    fn parameters(&self) -> &[f32] {
        self.parameters
    }

    fn layer(
        &mut self,
        cpu: Cpu,
        scratch: &mut Scratch,
        layer: &Layer,
        (x, d_z): (View<'_>, View<'_>),
    ) -> Result<()> {
        if let Some((kernel, arrays, state)) = self.step.tensor(layer.weight.clone()) {
            let (rows, cols) = layer.shape;
            let mut beside = Beside::one(ViewMut::contiguous(
                rows,
                cols,
                &mut self.parameters[layer.weight.clone()],
            ));
            for (matrix, state) in beside.0[1..].iter_mut().zip(state).take(arrays) {
                *matrix = Some(ViewMut::contiguous(rows, cols, state));
            }
            let update = Update { kernel, matrices: 1 + arrays };
            let factors = (x.t().into(), d_z.into());
            gemm::matmul_consumed(cpu, scratch, factors, &update, beside)?;
        }
        if layer.bias.is_empty() {
            return Ok(());
        }
        if let Some((kernel, _, state)) = self.step.tensor(layer.bias.clone()) {
            let gradients = &mut self.d_bias[..layer.bias.len()];
            dense::bias_gradient(cpu, d_z, Accum::Replace, gradients)?;
            let parameters = &mut self.parameters[layer.bias.clone()];
            Strip { gradients, parameters, state }.run_pieces(cpu, kernel);
        }
        Ok(())
    }
}

/// `W, state <- rule(dW)`, for the matrices W and state beside dW.
struct Update<'k, K> {
    kernel: &'k K,
    matrices: usize,
}

impl<K: Prepared> Epilogue for Update<'_, K> {
    fn beside(&self) -> usize {
        self.matrices
    }

    fn finish(&self, level: Level, Finished { mut block, beside, .. }: Finished<'_>) {
        let [Some(mut parameters), a, b, c] = beside.0 else { return };
        let mut state = [a, b, c];
        // All are cut out of contiguous matrices of one shape: whole rows of one are whole in all.
        let both = (block.as_contiguous_mut(), parameters.as_contiguous_mut());
        if let (Some(gradients), Some(parameters)) = both {
            let state = state.each_mut().map(all_of);
            return self.kernel.update(level, Strip { gradients, parameters, state });
        }
        for (i, gradients) in block.iter_rows_mut().enumerate() {
            let state = state.each_mut().map(|matrix| row_of(matrix, i));
            let parameters = parameters.row_mut(i).unwrap_or_default();
            self.kernel.update(level, Strip { gradients, parameters, state });
        }
    }
}

fn all_of<'m>(matrix: &'m mut Option<ViewMut<'_>>) -> &'m mut [f32] {
    matrix.as_mut().and_then(|matrix| matrix.as_contiguous_mut()).unwrap_or_default()
}

fn row_of<'m>(matrix: &'m mut Option<ViewMut<'_>>, i: usize) -> &'m mut [f32] {
    matrix.as_mut().and_then(|matrix| matrix.row_mut(i)).unwrap_or_default()
}

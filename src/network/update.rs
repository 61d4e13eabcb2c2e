//! Gradients in the workspace, and the optimizer's update by them: micro-batches are accumulated,
//! gradients clipped, penalties added in between.

use super::Network;
use super::objective::Objective;
use super::workspace::Workspace;
use crate::cpu::Cpu;
use crate::error::{Error, Result};
use crate::gemm::Accum;
use crate::loss::{Loss, Target};
use crate::optim::{Optimizer, UpdateRule};
use crate::tensor::View;

impl Network {
    /// `scale` times the loss of a micro-batch; its gradients, multiplied by `scale` too, are added
    /// to those in the workspace, or with [`Accum::Replace`] take their place. For a batch that is
    /// too large for the memory:
    ///
    /// ```
    /// use densecore::gemm::Accum;
    /// use densecore::{Activation, Cpu, Loss, Network, Target, View, Workspace, optim::Adam};
    /// let mut network = Network::mlp(&[1, 8, 1], Activation::Tanh, 1)?;
    /// let mut adam = network.optimizer(Adam::new(0.01))?;
    /// let (cpu, mut workspace) = (Cpu::detect(), Workspace::new());
    /// let (x, y) = (View::new(64, 1, &[0.5; 64])?, View::new(64, 1, &[1.0; 64])?);
    /// let (mut accum, mut loss) = (Accum::Replace, 0.0);
    /// for first in [0, 16, 32, 48] {
    ///     let (x, y) = (x.rows_range(first, 16), Target::Values(y.rows_range(first, 16)));
    ///     // Means over a quarter of the samples each, so a quarter of each.
    ///     let scaled = (accum, 0.25);
    ///     loss += network.accumulate(cpu, &mut workspace, (x, y), Loss::MSE, scaled)?;
    ///     accum = Accum::Add;
    /// }
    /// network.update(cpu, &workspace, &mut adam)?; // as one step on all 64
    /// # assert!(loss.is_finite());
    /// # Ok::<(), densecore::Error>(())
    /// ```
    ///
    /// Errors: those of [`loss_and_gradients`](Network::loss_and_gradients), and
    /// [`Mismatch`](Error::Mismatch) if there is nothing to add to, because the last pass with this
    /// workspace was of a network of another size.
    pub fn accumulate(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        (input, target): (View<'_>, Target<'_>),
        loss: Loss,
        (accum, scale): (Accum, f32),
    ) -> Result<f32> {
        let objective = Objective::new(target, loss).weight(scale);
        self.loss_and_gradients_all(cpu, workspace, input, &[objective], accum)
    }

    /// The optimizer's update by the [`gradients`](Network::gradients) in the workspace: the last
    /// part of a [`train_step`](Network::train_step), for gradients that have been accumulated,
    /// clipped or penalised.
    ///
    /// Errors: [`Length`](Error::Length) names `parameters` if the optimizer was made for another
    /// length; [`Mismatch`](Error::Mismatch) if the last pass with this workspace was of a network
    /// of another size, or there was none.
    pub fn update<R: UpdateRule>(
        &mut self,
        cpu: Cpu,
        workspace: &Workspace,
        optimizer: &mut Optimizer<R>,
    ) -> Result<()> {
        self.check_gradients(workspace)?;
        let gradients = &workspace.gradients.as_slice()[..self.plan.arena];
        optimizer.step(cpu, self.parameters.as_mut_slice(), gradients)
    }

    /// The gradients of all parameters after a backward pass, in the order of
    /// [`parameters`](Network::parameters). Empty if the last backward pass with this workspace left none
    /// of this network's size: there was none, or a [`train_step`](Network::train_step) has applied them.
    pub fn gradients<'w>(&self, workspace: &'w Workspace) -> &'w [f32] {
        let held = if self.check_gradients(workspace).is_ok() { self.plan.arena } else { 0 };
        workspace.gradients.as_slice().get(..held).unwrap_or(&[])
    }

    /// The same for writing, to clip them or to add a penalty's.
    pub fn gradients_mut<'w>(&self, workspace: &'w mut Workspace) -> &'w mut [f32] {
        let held = if self.check_gradients(workspace).is_ok() { self.plan.arena } else { 0 };
        workspace.gradients.as_mut_slice().get_mut(..held).unwrap_or_default()
    }

    /// Ok if the gradients may be of this network.
    pub(super) fn check_gradients(&self, workspace: &Workspace) -> Result<()> {
        if workspace.gradients_of == Some(self.plan.arena) {
            return Ok(());
        }
        Err(Error::Mismatch {
            argument: "workspace",
            expected: "gradients of this network",
            found: "those of another one, or none",
        })
    }
}

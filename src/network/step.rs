//! The backward pass of a network, losses and gradients, and the training step made of them.
//!
//! Each is written for any number of outputs; for the usual one there is a function that hands it a
//! list of one.

use super::Network;
use super::objective::Objective;
use super::sink::{Applied, Kept};
use super::workspace::Workspace;
use crate::cpu::Cpu;
use crate::error::{Error, Result, check_len, check_shape};
use crate::gemm::{self, Accum};
use crate::loss::{Loss, Target};
use crate::optim::{Optimizer, UpdateRule};
use crate::simd::Caches;
use crate::tensor::{View, ViewMut};

impl Network {
    /// The gradients of all parameters, from the gradient `d_output [batch, out]` of the last
    /// forward pass with this workspace and the same `input`; they are left in
    /// [`gradients`](Network::gradients). With `d_input [batch, in]` the gradient of the input is
    /// computed too.
    ///
    /// Errors: [`Mismatch`](Error::Mismatch) if the workspace holds no forward pass of a network of
    /// these shapes on a batch of that size; [`Shape`](Error::Shape) names `input`, `d_output` or
    /// `d_input`. That the pass was of *this* network, with the same parameters and input, is the
    /// caller's duty: what else it may have been is not noticed, and the gradients are wrong then.
    pub fn backward(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        d_output: View<'_>,
        d_input: Option<ViewMut<'_>>,
    ) -> Result<()> {
        self.backward_all(cpu, workspace, input, &[d_output], d_input)
    }

    /// The same with the gradient of each of several outputs, in their order. Error:
    /// [`Length`](Error::Length) names `d_output` if there are more or fewer than the network has.
    pub fn backward_all(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        d_outputs: &[View<'_>],
        d_input: Option<ViewMut<'_>>,
    ) -> Result<()> {
        self.check_input(input)?;
        let batch = input.rows();
        check_len("d_output", self.plan.outputs.len(), d_outputs.len())?;
        for (k, d_output) in d_outputs.iter().enumerate() {
            check_shape("d_output", (batch, self.output_width(k).unwrap_or(0)), d_output.shape())?;
        }
        self.check_held(workspace, batch)?;
        if let Some(d_input) = &d_input {
            check_shape("d_input", input.shape(), d_input.shape())?;
        }
        for (k, d_output) in d_outputs.iter().enumerate() {
            let mut delta = self.output_delta(workspace, k, batch);
            for (i, row) in delta.iter_rows_mut().enumerate() {
                row.copy_from_slice(d_output.row(i).unwrap_or(&[]));
            }
        }
        self.keep_gradients(cpu, workspace, input, (Accum::Replace, d_input))
    }

    /// The loss of a batch, and the gradients of all parameters, which are left in
    /// [`gradients`](Network::gradients).
    ///
    /// Errors: those of [`forward`](Network::forward) and of [`Loss::value`].
    pub fn loss_and_gradients(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        target: Target<'_>,
        loss: Loss,
    ) -> Result<f32> {
        let objective = Objective::new(target, loss);
        self.loss_and_gradients_all(cpu, workspace, input, &[objective], Accum::Replace)
    }

    /// The same for each of several outputs, in their order: the weighted sum of the losses is
    /// returned, [`Workspace::losses`] has each without its weight. The gradients are added to those in
    /// the workspace, or with [`Accum::Replace`] take their place.
    ///
    /// Errors: those of [`loss_and_gradients`](Network::loss_and_gradients);
    /// [`Length`](Error::Length) names `objectives` if there are more or fewer than outputs;
    /// [`Value`](Error::Value) a `weight` that is not finite; [`Mismatch`](Error::Mismatch) if there is
    /// nothing to add to.
    pub fn loss_and_gradients_all(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        objectives: &[Objective<'_>],
        accum: Accum,
    ) -> Result<f32> {
        if accum == Accum::Add {
            self.check_gradients(workspace)?;
        }
        let value = self.losses(cpu, workspace, input, objectives)?;
        self.keep_gradients(cpu, workspace, input, (accum, None))?;
        Ok(value)
    }

    /// The forward pass, with the gradients of the outputs left in their deltas: the weighted sum of
    /// the losses is returned.
    fn losses(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        objectives: &[Objective<'_>],
    ) -> Result<f32> {
        check_len("objectives", self.plan.outputs.len(), objectives.len())?;
        for &Objective { weight, .. } in objectives {
            let error = Error::Value {
                argument: "weight",
                expected: "a finite number",
                found: f64::from(weight),
            };
            if !weight.is_finite() {
                return Err(error);
            }
        }
        self.forward(cpu, workspace, input)?;
        let batch = input.rows();
        workspace.losses.clear();
        let mut sum = 0.0;
        for (output, &Objective { target, loss, weight }) in
            self.plan.outputs.iter().zip(objectives)
        {
            let Workspace { activations, deltas, losses, .. } = &mut *workspace;
            let y = activations.get(output.node - 1);
            let mut delta = self.plan.matrix_mut(output.node, batch, deltas.get_mut(output.delta));
            delta.as_contiguous_mut().unwrap_or_default().copy_from_slice(y);
            let value = match loss.in_place(cpu, delta.reborrow(), target) {
                Ok(value) => value,
                Err(error) => {
                    workspace.losses.clear();
                    workspace.take_back_pass();
                    return Err(error);
                }
            };
            if weight != 1.0 {
                for row in delta.iter_rows_mut() {
                    row.iter_mut().for_each(|d| *d *= weight);
                }
            }
            losses.push(value);
            sum += weight * value;
        }
        Ok(sum)
    }

    /// The backward pass that leaves the gradients in the workspace.
    fn keep_gradients(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        (accum, d_input): (Accum, Option<ViewMut<'_>>),
    ) -> Result<()> {
        let batch = input.rows();
        workspace.gradients_of = None;
        workspace.gradients.grow(self.plan.arena)?;
        let parameters = self.parameters.as_slice();
        let (pass, gradients) = workspace.pass();
        match self.small(cpu, input) {
            Some(input) if accum == Accum::Replace && d_input.is_none() => {
                let to = (parameters, gradients);
                self.plan.backward_small(cpu.level(), pass, (input, batch), to);
            }
            _ => {
                let mut kept = Kept { parameters, gradients, accum };
                self.plan.walk_backward(cpu, pass, input, d_input, &mut kept)?;
            }
        }
        workspace.gradients_of = Some(self.plan.arena);
        Ok(())
    }

    /// One step of training on a batch of inputs and targets: forward, loss, backward, and the
    /// optimizer's update. Returns the loss before the update; an empty batch has none, NaN.
    ///
    /// ```
    /// use densecore::{Activation, Cpu, Loss, Network, Target, View, Workspace, optim::Adam};
    /// let x: Vec<f32> = (0..64).map(|i| i as f32 / 10.0 - 3.2).collect();
    /// let y: Vec<f32> = x.iter().map(|x| x.sin()).collect();
    /// let (x, y) = (View::new(64, 1, &x)?, View::new(64, 1, &y)?); // 64 samples of one number
    /// let mut network = Network::mlp(&[1, 32, 1], Activation::Tanh, 1)?;
    /// let mut adam = network.optimizer(Adam::new(0.01))?;
    /// let (cpu, mut workspace) = (Cpu::detect(), Workspace::new());
    /// let mut loss = f32::NAN;
    /// for _ in 0..500 {
    ///     let batch = (x, Target::Values(y));
    ///     loss = network.train_step(cpu, &mut workspace, batch, Loss::MSE, &mut adam)?;
    /// }
    /// assert!(loss < 0.01);
    /// # Ok::<(), densecore::Error>(())
    /// ```
    ///
    /// Large weights are updated as their gradients come out of the product, which are not kept then.
    /// Call [`loss_and_gradients`](Network::loss_and_gradients) and [`update`](Network::update) to have
    /// them; the results are the same bits.
    ///
    /// Errors: those of [`forward`](Network::forward) and of [`Loss::value`];
    /// [`Length`](Error::Length) names `parameters` if the optimizer was made for another length than
    /// that of [`parameters`](Network::parameters). After one of these the parameters are as before;
    /// after [`OutOfMemory`](Error::OutOfMemory), which only a first step can meet, some layers may have
    /// been updated.
    pub fn train_step<R: UpdateRule>(
        &mut self,
        cpu: Cpu,
        workspace: &mut Workspace,
        (input, target): (View<'_>, Target<'_>),
        loss: Loss,
        optimizer: &mut Optimizer<R>,
    ) -> Result<f32> {
        self.train_step_all(cpu, workspace, input, &[Objective::new(target, loss)], optimizer)
    }

    /// The same with an objective for each of several outputs, in their order; see
    /// [`Graph`](super::Graph) for an example. Errors also as for
    /// [`loss_and_gradients_all`](Network::loss_and_gradients_all).
    pub fn train_step_all<R: UpdateRule>(
        &mut self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        objectives: &[Objective<'_>],
        optimizer: &mut Optimizer<R>,
    ) -> Result<f32> {
        check_len("parameters", optimizer.parameters(), self.plan.arena)?;
        if !self.is_fused(cpu, input.rows(), optimizer) {
            let replace = Accum::Replace;
            let value = self.loss_and_gradients_all(cpu, workspace, input, objectives, replace)?;
            self.update(cpu, workspace, optimizer)?;
            return Ok(value);
        }
        let value = self.losses(cpu, workspace, input, objectives)?;
        // What the workspace holds belongs to the parameters as they were.
        (workspace.held, workspace.gradients_of) = (None, None);
        workspace.gradients.grow(self.plan.widest_bias)?;
        let (pass, d_bias) = workspace.pass();
        let parameters = self.parameters.as_mut_slice();
        let mut applied = Applied { parameters, step: optimizer.begin(), d_bias };
        self.plan.walk_backward(cpu, pass, input, None, &mut applied)?;
        applied.step.finish();
        Ok(value)
    }

    /// Whether a training step applies the gradients of weights as they come out of the product. It
    /// saves writing and reading them, but a rule with several arrays of state pays for being called
    /// for short runs: it gains only where all of that is far away.
    pub(super) fn is_fused<R: UpdateRule>(
        &self,
        cpu: Cpu,
        batch: usize,
        optimizer: &Optimizer<R>,
    ) -> bool {
        let Caches { l2, l3, .. } = cpu.caches();
        let near = if optimizer.rule().state_arrays() <= 1 { l2 } else { l3 };
        self.plan.arena > near / size_of::<f32>()
            && gemm::can_consume(cpu.level(), batch)
            && !self.plan.cuts_tensors(optimizer)
    }

    /// Where the gradient of output `k` goes before a backward pass.
    fn output_delta<'w>(
        &self,
        workspace: &'w mut Workspace,
        k: usize,
        batch: usize,
    ) -> ViewMut<'w> {
        let output = self.plan.outputs[k];
        self.plan.matrix_mut(output.node, batch, workspace.deltas.get_mut(output.delta))
    }

    /// Ok if the workspace holds a forward pass of a network of these shapes.
    pub(super) fn check_held(&self, workspace: &Workspace, batch: usize) -> Result<()> {
        let Workspace { held, activations, pre_activations, deltas, .. } = workspace;
        if *held == Some((batch, self.plan.arena))
            && activations.has_layout(batch, &self.plan.training.widths)
            && pre_activations.has_layout(batch, &self.plan.z_widths)
            && deltas.has_layout(batch, &self.plan.delta_slots)
        {
            return Ok(());
        }
        Err(Error::Mismatch {
            argument: "workspace",
            expected: "a forward pass of this network on this batch",
            found: "another one, or none",
        })
    }
}

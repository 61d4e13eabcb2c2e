//! The passes of a network: forward, backward, and the training step made of them.

use super::plan::{ALIGN, BackwardStep, DeltaWrite, Layer};
use super::workspace::Workspace;
use super::{Network, plan::Plan};
use crate::cpu::Cpu;
use crate::dense::{self, Below, Dense};
use crate::error::{Error, Result, check_shape};
use crate::gemm::Accum;
use crate::loss::{Loss, Target};
use crate::optim::Optimizer;
use crate::tensor::{View, ViewMut};

impl Network {
    /// The outputs `[batch, out]` for `input [batch, in]`, with all that a backward pass needs
    /// kept in the workspace. Error: [`Shape`](Error::Shape) names `input`.
    pub fn forward<'w>(
        &self,
        cpu: Cpu,
        workspace: &'w mut Workspace,
        input: View<'_>,
    ) -> Result<View<'w>> {
        self.check_input(input)?;
        let batch = input.rows();
        workspace.held = None;
        workspace.prepare_training(&self.plan, batch)?;
        let Workspace { scratch, activations, .. } = &mut *workspace;
        for (node, layer) in self.plan.layers().map(|(node, _, layer)| (node, layer)) {
            // Node `n` has matrix `n - 1`: the input is the caller's.
            let (below, output) = match layer.from {
                0 => (input, activations.get_mut(node - 1)),
                from => {
                    let (below, output) = activations.pair(from - 1, node - 1);
                    (self.matrix(from, batch, below), output)
                }
            };
            let output = ViewMut::contiguous(batch, self.plan.nodes[node].width, output);
            dense::forward(cpu, scratch, self.dense(node, layer), below, output)?;
        }
        workspace.held = Some((batch, self.plan.arena));
        Ok(self.held_output(workspace, batch))
    }

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
        self.check_input(input)?;
        let batch = input.rows();
        check_shape("d_output", (batch, self.outputs()), d_output.shape())?;
        self.check_held(workspace, batch)?;
        if let Some(d_input) = &d_input {
            check_shape("d_input", input.shape(), d_input.shape())?;
        }
        let mut delta = self.output_delta(workspace, batch);
        delta.for_each_row(|i, row| row.copy_from_slice(d_output.row(i).unwrap_or(&[])));
        self.backward_from_output(cpu, workspace, input, d_input)
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
        self.forward(cpu, workspace, input)?;
        let batch = input.rows();
        let output = self.plan.outputs[0];
        let Workspace { activations, deltas, .. } = &mut *workspace;
        let delta = &mut deltas.get_mut(output.delta)[..batch * self.outputs()];
        delta.copy_from_slice(activations.get(output.node - 1));
        let delta = ViewMut::contiguous(batch, self.outputs(), delta);
        let value = loss.in_place(cpu, delta, target)?;
        self.backward_from_output(cpu, workspace, input, None)?;
        Ok(value)
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
    /// Errors: those of [`forward`](Network::forward) and of [`Loss::value`];
    /// [`Length`](Error::Length) names `parameters` if the optimizer was made for another network.
    /// After an error the parameters are as before.
    pub fn train_step(
        &mut self,
        cpu: Cpu,
        workspace: &mut Workspace,
        (input, target): (View<'_>, Target<'_>),
        loss: Loss,
        optimizer: &mut Optimizer,
    ) -> Result<f32> {
        let value = self.loss_and_gradients(cpu, workspace, input, target, loss)?;
        let gradients = &workspace.gradients.as_slice()[..self.plan.arena];
        optimizer.step(cpu, self.parameters.as_mut_slice(), gradients)?;
        Ok(value)
    }

    /// The outputs `[batch, out]` for `input [batch, in]`, written to `output`; nothing else is
    /// kept, and `output` is not read. Error: [`Shape`](Error::Shape) names `input` or `output`.
    pub fn predict(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        mut output: ViewMut<'_>,
    ) -> Result<()> {
        self.check_input(input)?;
        let batch = input.rows();
        check_shape("output", (batch, self.outputs()), output.shape())?;
        let Plan { predict_slots, predict_widths, nodes, .. } = &self.plan;
        let Workspace { scratch, predictions, .. } = workspace;
        predictions.lay_out(batch, predict_widths.iter().copied())?;
        for (node, shape, layer) in self.plan.layers() {
            let dense = self.dense(node, layer);
            let (from, to) = (predict_slots[layer.from], predict_slots[node]);
            if node + 1 == nodes.len() {
                let below = match layer.from {
                    0 => input,
                    from_node => self.matrix(from_node, batch, predictions.get(from)),
                };
                dense::forward(cpu, scratch, dense, below, output.reborrow())?;
            } else if layer.from == 0 {
                let to = &mut predictions.get_mut(to)[..batch * shape.width];
                dense::forward(
                    cpu,
                    scratch,
                    dense,
                    input,
                    ViewMut::contiguous(batch, shape.width, to),
                )?;
            } else {
                let (below, to) = predictions.pair(from, to);
                let below = self.matrix(layer.from, batch, below);
                let to = ViewMut::contiguous(batch, shape.width, &mut to[..batch * shape.width]);
                dense::forward(cpu, scratch, dense, below, to)?;
            }
        }
        Ok(())
    }

    /// The gradients of all parameters after a backward pass, in the order of
    /// [`parameters`](Network::parameters). Without one of this network they mean nothing, and they
    /// are empty if the workspace is new.
    pub fn gradients<'w>(&self, workspace: &'w Workspace) -> &'w [f32] {
        workspace.gradients.as_slice().get(..self.plan.arena).unwrap_or(&[])
    }

    /// The backward pass, once the slots of the outputs hold dY.
    pub(super) fn backward_from_output(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        mut d_input: Option<ViewMut<'_>>,
    ) -> Result<()> {
        let batch = input.rows();
        let Workspace { scratch, activations, deltas, gradients, .. } = workspace;
        for idle in &self.plan.idle {
            gradients.as_mut_slice()[idle.clone()].fill(0.0);
        }
        for output in self.plan.outputs.iter().filter(|output| !output.is_read) {
            let Some(layer) = &self.plan.nodes[output.node].layer else { continue };
            let y = self.matrix(output.node, batch, activations.get(output.node - 1));
            let width = self.plan.nodes[output.node].width;
            let delta = &mut deltas.get_mut(output.delta)[..batch * width];
            let delta = ViewMut::contiguous(batch, width, delta);
            dense::output_gradient(cpu, layer.activation, y, delta)?;
        }
        for &BackwardStep { node, delta, below } in &self.plan.backward {
            let Some(layer) = &self.plan.nodes[node].layer else { continue };
            let weight = self.dense(node, layer).weight;
            let x = match layer.from {
                0 => input,
                from => self.matrix(from, batch, activations.get(from - 1)),
            };
            let d_z = match below {
                DeltaWrite::Input(accum) => {
                    let d_z = self.matrix(node, batch, deltas.get(delta));
                    if let Some(d_input) = &mut d_input {
                        let to = (accum, d_input.reborrow());
                        dense::input_gradient(cpu, scratch, d_z, weight, Below::Nothing, to)?;
                    }
                    d_z
                }
                DeltaWrite::Slot { slot, accum, completes } => {
                    let (d_z, d_x) = deltas.pair(delta, slot);
                    let d_z = self.matrix(node, batch, d_z);
                    let width = self.plan.nodes[layer.from].width;
                    let d_x = ViewMut::contiguous(batch, width, &mut d_x[..batch * width]);
                    let below = match &self.plan.nodes[layer.from].layer {
                        Some(l) if completes => Below::Output(l.activation, x),
                        _ => Below::Nothing,
                    };
                    dense::input_gradient(cpu, scratch, d_z, weight, below, (accum, d_x))?;
                    d_z
                }
            };
            let (rows, cols) = weight.shape();
            let (head, tail) = gradients.as_mut_slice().split_at_mut(layer.bias.start);
            let d_weight = ViewMut::contiguous(rows, cols, &mut head[layer.weight.clone()]);
            dense::weight_gradient(cpu, scratch, x, d_z, Accum::Replace, d_weight)?;
            // The gaps behind both: the workspace may have served another network.
            head[layer.weight.end..].fill(0.0);
            let bias = layer.bias.len();
            tail[bias..bias.next_multiple_of(ALIGN)].fill(0.0);
            if !layer.bias.is_empty() {
                let d_bias = &mut tail[..layer.bias.len()];
                dense::bias_gradient(cpu, d_z, Accum::Replace, d_bias)?;
            }
        }
        Ok(())
    }

    /// A layer with its parameters.
    fn dense(&self, node: usize, layer: &Layer) -> Dense<'_> {
        let parameters = self.parameters.as_slice();
        let rows = self.plan.nodes[layer.from].width;
        let cols = self.plan.nodes[node].width;
        let bias = &parameters[layer.bias.clone()];
        Dense {
            weight: View::contiguous(rows, cols, &parameters[layer.weight.clone()]),
            bias: (!bias.is_empty()).then_some(bias),
            activation: layer.activation,
        }
    }

    /// The values of a node at the start of a buffer that may be longer.
    fn matrix<'d>(&self, node: usize, batch: usize, data: &'d [f32]) -> View<'d> {
        let width = self.plan.nodes[node].width;
        View::contiguous(batch, width, &data[..batch * width])
    }

    fn held_output<'w>(&self, workspace: &'w Workspace, batch: usize) -> View<'w> {
        let node = self.plan.outputs[0].node;
        self.matrix(node, batch, workspace.activations.get(node - 1))
    }

    /// Where the gradient of the output goes before a backward pass.
    fn output_delta<'w>(&self, workspace: &'w mut Workspace, batch: usize) -> ViewMut<'w> {
        let delta = workspace.deltas.get_mut(self.plan.outputs[0].delta);
        ViewMut::contiguous(batch, self.outputs(), &mut delta[..batch * self.outputs()])
    }

    fn check_input(&self, input: View<'_>) -> Result<()> {
        check_shape("input", (input.rows(), self.inputs()), input.shape())
    }

    fn check_held(&self, workspace: &Workspace, batch: usize) -> Result<()> {
        let Workspace { held, activations, deltas, .. } = workspace;
        if *held == Some((batch, self.plan.arena))
            && activations.has_layout(batch, self.plan.activations())
            && deltas.has_layout(batch, self.plan.delta_slots.iter().copied())
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

//! The forward passes of a network: one that keeps what a backward pass needs, and the prediction.

use super::Network;
use super::walk::{For, Weights};
use super::workspace::Workspace;
use crate::cpu::Cpu;
use crate::error::{Result, check_len, check_shape};
use crate::tensor::{View, ViewMut};

impl Network {
    /// The outputs `[batch, out]` for `input [batch, in]`, with all that a backward pass needs
    /// kept in the workspace, and with what dropout drops; of several outputs the first, see
    /// [`output`](Network::output) for the others. Error: [`Shape`](crate::Error::Shape) names `input`.
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
        let masks = workspace.next_masks(self.plan.nodes.len());
        let Workspace { scratch, activations, pre_activations, .. } = &mut *workspace;
        if let Some(input) = self.small(cpu, input) {
            self.forward_small(cpu.level(), (activations, pre_activations), input, batch);
        } else {
            let to = (&self.plan.training, activations);
            let what_for = For::Training(masks, pre_activations);
            self.walk_forward(cpu, scratch, to, what_for, input, &mut [])?;
        }
        workspace.held = Some((batch, self.plan.arena));
        let node = self.plan.outputs[0].node;
        Ok(self.plan.matrix(node, batch, workspace.activations.get(node - 1)))
    }

    /// The outputs `[batch, out]` for `input [batch, in]`, written to `output`; nothing else is
    /// kept, and `output` is not read. Where weights no longer change a
    /// [`PackedNetwork`](super::PackedNetwork) is faster.
    ///
    /// Errors: [`Shape`](crate::Error::Shape) names `input` or `output`;
    /// [`Length`](crate::Error::Length) names `output` if the network has several.
    pub fn predict(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        output: ViewMut<'_>,
    ) -> Result<()> {
        self.predict_all(cpu, workspace, input, &mut [output])
    }

    /// The same for each of several outputs, in their order. Error: [`Length`](crate::Error::Length) names
    /// `output` if there are more or fewer than the network has.
    pub fn predict_all(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        input: View<'_>,
        outputs: &mut [ViewMut<'_>],
    ) -> Result<()> {
        self.predict_with(cpu, workspace, None, input, outputs)
    }

    /// A prediction with weights that may be packed.
    pub(super) fn predict_with(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        weights: Weights<'_>,
        input: View<'_>,
        outputs: &mut [ViewMut<'_>],
    ) -> Result<()> {
        self.check_input(input)?;
        let batch = input.rows();
        check_len("output", self.plan.outputs.len(), outputs.len())?;
        for (k, output) in outputs.iter().enumerate() {
            check_shape("output", (batch, self.output_width(k).unwrap_or(0)), output.shape())?;
        }
        if let (Some(each), [output]) = (self.samples_of_each(cpu, batch, weights), &mut *outputs) {
            let matrices = (input, output.reborrow());
            return self.predict_by_samples(cpu, workspace, weights, each, matrices);
        }
        let Workspace { scratch, predictions, .. } = workspace;
        predictions.lay_out(batch, &self.plan.prediction.widths)?;
        if let Some(input) = self.small(cpu, input)
            && let Some(output) = outputs.first_mut().and_then(ViewMut::as_contiguous_mut)
        {
            self.predict_small(cpu.level(), predictions, input, output, batch);
            return Ok(());
        }
        let to = (&self.plan.prediction, predictions);
        self.walk_forward(cpu, scratch, to, For::Prediction(weights), input, outputs)
    }

    /// Output `k` of the last forward pass with this workspace, `[batch, out]`; none if there is no
    /// such output, or the pass was of another network.
    pub fn output<'w>(&self, workspace: &'w Workspace, k: usize) -> Option<View<'w>> {
        let (batch, _) = workspace.held?;
        let output = self.plan.outputs.get(k)?;
        self.check_held(workspace, batch).ok()?;
        Some(self.plan.matrix(output.node, batch, workspace.activations.get(output.node - 1)))
    }

    /// Number of outputs: one, unless a [`Graph`](super::Graph) has more.
    pub fn heads(&self) -> usize {
        self.plan.outputs.len()
    }

    /// Numbers per sample of output `k`, if there is one.
    pub fn output_width(&self, k: usize) -> Option<usize> {
        self.plan.outputs.get(k).map(|output| self.plan.nodes[output.node].width)
    }

    pub(super) fn check_input(&self, input: View<'_>) -> Result<()> {
        check_shape("input", (input.rows(), self.inputs()), input.shape())
    }
}

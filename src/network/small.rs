//! Passes of a chain of a few small layers. They compute what `walk` and `backward` do, to the bit,
//! but there is nothing to look up, to check or to choose: with three neurons that is most of the
//! work.
//!
//! ```text
//!   forward    Y = f(X.W + b)         the rows of a layer are one slice, so f runs over all at once
//!   backward   dW = X^T.dZ   db = sums of dZ   dX = dZ.W^T   dZ of the layer below = dX f'
//! ```

use super::Network;
use super::backward::Pass;
use super::node::{Layer, Node};
use super::plan::{Place, Plan};
use super::workspace::Arena;
use crate::activation::{Activation, Derivative, Forward, with_activation};
use crate::cpu::Cpu;
use crate::gemm::small;
use crate::simd::{Level, apply};
use crate::tensor::View;

/// Rows up to which a network of these nodes is small: none unless they are a chain of layers.
pub(super) fn most_rows(nodes: &[Node], outputs: &[usize]) -> usize {
    let is_next = |(i, node): (usize, &Node)| node.layer().is_some() && node.from == [i - 1];
    if outputs != [nodes.len() - 1] || !nodes.iter().enumerate().skip(1).all(is_next) {
        return 0;
    }
    let layers = nodes.iter().filter_map(Node::layer).map(|layer| layer.shape);
    let largest = layers.map(|(rows, cols)| rows.saturating_mul(cols)).max();
    largest.map_or(0, |largest| small::SMALL / largest.max(1))
}

/// Rows from which on a product of one of these layers may be one of few columns; those of the forward pass do not
/// depend on rows, and are none unless it is 0.
pub(super) fn narrow_from(nodes: &[Node]) -> usize {
    let may_be = |rows| {
        let mut layers = nodes.iter().filter_map(Node::layer);
        layers.any(|layer| small::may_be_narrow(rows, layer.shape))
    };
    (0..=small::SMALL).find(|&rows| may_be(rows)).unwrap_or(usize::MAX)
}

impl Network {
    /// Whether passes of so many rows without gaps are small. They take no scratch.
    #[inline]
    pub(super) fn is_small(&self, cpu: Cpu, rows: usize) -> bool {
        (1..=self.plan.small_rows).contains(&rows) && small::is_possible(cpu.level())
    }

    /// The elements of the input, if passes with it are small.
    #[inline]
    pub(super) fn small<'x>(&self, cpu: Cpu, input: View<'x>) -> Option<&'x [f32]> {
        if self.is_small(cpu, input.rows()) { input.as_contiguous() } else { None }
    }

    /// All activations, and the Z that derivatives read.
    pub(super) fn forward_small(
        &self,
        level: Level,
        arenas: (&mut Arena, &mut Arena),
        input: &[f32],
        rows: usize,
    ) {
        match self.plan.small_narrow_from == 0 {
            true => self.forward_layers::<true>(level, arenas, input, rows),
            false => self.forward_layers::<false>(level, arenas, input, rows),
        }
    }

    fn forward_layers<const NARROW: bool>(
        &self,
        level: Level,
        (activations, pre_activations): (&mut Arena, &mut Arena),
        input: &[f32],
        rows: usize,
    ) {
        for (i, layer) in self.plan.layers().enumerate() {
            let (x, y) = match i {
                0 => (input, activations.get_mut(0)),
                _ => activations.pair(i - 1, i),
            };
            match self.plan.z_of[i + 1] {
                Some(slot) => {
                    let z = pre_activations.get_mut(slot);
                    self.product::<NARROW>(level, layer, x, z, rows);
                    with_activation!(layer.activation, f => apply::map(level, &Forward(f), z, y));
                }
                None => self.layer_small::<NARROW>(level, layer, x, y, rows),
            }
        }
    }

    /// The output alone.
    pub(super) fn predict_small(
        &self,
        level: Level,
        predictions: &mut Arena,
        input: &[f32],
        output: &mut [f32],
        rows: usize,
    ) {
        match self.plan.small_narrow_from == 0 {
            true => self.predict_layers::<true>(level, predictions, input, output, rows),
            false => self.predict_layers::<false>(level, predictions, input, output, rows),
        }
    }

    fn predict_layers<const NARROW: bool>(
        &self,
        level: Level,
        predictions: &mut Arena,
        input: &[f32],
        output: &mut [f32],
        rows: usize,
    ) {
        let places = &self.plan.prediction.places;
        for (layer, places) in self.plan.layers().zip(places.windows(2)) {
            let (x, y) = match (places[0], places[1]) {
                (Place::Slot(from), Place::Slot(to)) => predictions.pair(from, to),
                (Place::Slot(from), _) => (predictions.get(from), &mut *output),
                (_, Place::Slot(to)) => (input, predictions.get_mut(to)),
                _ => (input, &mut *output),
            };
            let y = &mut y[..rows * layer.shape.1];
            self.layer_small::<NARROW>(level, layer, x, y, rows);
        }
    }

    fn layer_small<const NARROW: bool>(
        &self,
        level: Level,
        layer: &Layer,
        x: &[f32],
        y: &mut [f32],
        rows: usize,
    ) {
        self.product::<NARROW>(level, layer, x, y, rows);
        if layer.activation != Activation::Identity {
            with_activation!(layer.activation, f => apply::map_in_place(level, &Forward(f), y));
        }
    }

    fn product<const NARROW: bool>(
        &self,
        level: Level,
        layer: &Layer,
        x: &[f32],
        z: &mut [f32],
        rows: usize,
    ) {
        let parameters = self.parameters.as_slice();
        let (inputs, outputs) = layer.shape;
        let (weight, bias) = (&parameters[layer.weight.clone()], &parameters[layer.bias.clone()]);
        small::nn::<NARROW>(level, (rows, outputs, inputs), x, weight, bias, z);
    }
}

impl Plan {
    /// The gradients of all parameters, once the slot of the output holds dY.
    pub fn backward_small(
        &self,
        level: Level,
        pass: Pass<'_>,
        (input, rows): (&[f32], usize),
        arenas: (&[f32], &mut [f32]),
    ) {
        match rows >= self.small_narrow_from {
            true => self.backward_layers::<true>(level, pass, (input, rows), arenas),
            false => self.backward_layers::<false>(level, pass, (input, rows), arenas),
        }
    }

    fn backward_layers<const NARROW: bool>(
        &self,
        level: Level,
        pass: Pass<'_>,
        (input, rows): (&[f32], usize),
        (parameters, gradients): (&[f32], &mut [f32]),
    ) {
        let Pass { activations, pre_activations, deltas, .. } = pass;
        let slope_from = |node: usize| match self.z_of[node] {
            Some(slot) => pre_activations.get(slot),
            None => activations.get(node - 1),
        };
        let derive = |node: usize, delta: &mut [f32]| {
            let activation = self.nodes[node].activation();
            if activation != Activation::Identity {
                let from = slope_from(node);
                with_activation!(activation, f => {
                    apply::multiply_in_place(level, &Derivative(f), from, delta)
                });
            }
        };
        let output = self.outputs[0];
        derive(output.node, deltas.get_mut(output.delta));
        // The gaps, too: the workspace may have served another network.
        gradients[..self.arena].fill(0.0);
        for step in &self.backward {
            let Some(layer) = self.nodes[step.node].layer() else { continue };
            let (inputs, outputs) = layer.shape;
            let x = if step.node == 1 { input } else { activations.get(step.node - 2) };
            let d_z = deltas.get(step.delta);
            small::tn::<NARROW>(
                level,
                (inputs, outputs, rows),
                x,
                d_z,
                &mut gradients[layer.weight.clone()],
            );
            let bias = layer.bias.clone();
            if !bias.is_empty() {
                small::sums(level, (outputs, rows), d_z, &mut gradients[bias]);
            }
            if let Some(slot) = step.below.first().and_then(|below| below.slot) {
                let (d_z, d_x) = deltas.pair(step.delta, slot);
                let d_x = &mut d_x[..rows * inputs];
                let weight = &parameters[layer.weight.clone()];
                small::nt::<NARROW>(level, (rows, inputs, outputs), d_z, weight, d_x);
                derive(step.node - 1, d_x);
            }
        }
    }
}

//! Laws of plans, and of networks that are no chains: several heads, sums, concatenations, dropout.

#[cfg(feature = "rayon")]
mod by_samples;
mod dropout_nodes;
mod gradients;
mod heads;
mod join;
mod plan;

use super::plan::{Kind, Plan, Spec};
use super::workspace::Workspace;
use super::{Layer, Network};
use crate::activation::Activation;
use crate::cpu::Cpu;
use crate::error::Result;
use crate::scratch::Buffer;
use crate::simd::Level;
use crate::tensor::{Tensor, View};

const BATCH: usize = 5;
const INPUTS: usize = 3;

fn dense(from: usize, width: usize, activation: Activation) -> Spec {
    Spec { from: vec![from], kind: Kind::Dense { width, activation, bias: true } }
}

fn add(from: &[usize]) -> Spec {
    Spec { from: from.to_vec(), kind: Kind::Add }
}

fn concat(from: &[usize]) -> Spec {
    Spec { from: from.to_vec(), kind: Kind::Concat }
}

fn dropout(from: usize, p: f32) -> Spec {
    Spec { from: vec![from], kind: Kind::Dropout { p } }
}

/// Numbers from -3 to 3: with so few, every sum in these networks is exact.
fn integers(len: usize, first: usize) -> Vec<f32> {
    (0..len).map(|i| ((first + 5 * i + i * i) % 7) as f32 - 3.0).collect()
}

/// A network of that plan, with the parameters of layer `i` those of number `numbers[i]`.
fn network(specs: &[Spec], numbers: &[usize], outputs: &[usize]) -> Result<Network> {
    let plan = Plan::new(INPUTS, specs, outputs);
    let parameters = Buffer::zeros(plan.arena)?;
    let names = (0..plan.nodes.len()).map(|node| node.to_string()).collect();
    let mut network = Network { plan, names, parameters };
    assert_eq!(network.layers(), numbers.len());
    for (i, &number) in numbers.iter().enumerate() {
        let Some(mut layer) = network.layer_mut(i) else { panic!("no layer {i}") };
        let (rows, cols) = layer.weight.shape();
        let weight = integers(rows * cols, number);
        for (r, row) in layer.weight.iter_rows_mut().enumerate() {
            row.copy_from_slice(&weight[r * cols..][..cols]);
        }
        layer.bias.copy_from_slice(&integers(cols, number + 3));
    }
    Ok(network)
}

/// The widths of the outputs.
fn widths(network: &Network) -> Vec<usize> {
    network.plan.outputs.iter().map(|output| network.plan.nodes[output.node].width).collect()
}

/// The gradient that arrives at a head of that number and width.
fn d_output(number: usize, width: usize) -> Vec<f32> {
    integers(BATCH * width, 11 * number)
}

/// A matrix of `BATCH` rows.
fn tensor(width: usize, data: Vec<f32>) -> Result<Tensor> {
    Tensor::from_vec(BATCH, width, data)
}

fn input() -> Result<Tensor> {
    tensor(INPUTS, integers(BATCH * INPUTS, 2))
}

/// What [`Network::predict_all`] writes into NaN, from a workspace of NaN.
fn predict(cpu: Cpu, network: &Network, input: View<'_>) -> Result<Vec<Vec<f32>>> {
    let nan = |width: usize| tensor(width, vec![f32::NAN; BATCH * width]);
    let mut found = widths(network).into_iter().map(nan).collect::<Result<Vec<_>>>()?;
    let mut workspace = Workspace::new();
    for _ in 0..2 {
        let mut outputs: Vec<_> = found.iter_mut().map(Tensor::view_mut).collect();
        network.predict_all(cpu, &mut workspace, input, &mut outputs)?;
        workspace.poison();
    }
    Ok(found.into_iter().map(Tensor::into_vec).collect())
}

/// What both passes leave behind: the outputs, each layer's gradients, and the input's.
struct Passes {
    outputs: Vec<Vec<f32>>,
    layers: Vec<Vec<f32>>,
    d_input: Vec<f32>,
}

/// Forward and backward. `heads` are the numbers of the outputs. Everything that is held is NaN
/// before.
fn passes(cpu: Cpu, network: &Network, heads: &[usize]) -> Result<Passes> {
    let input = input()?;
    let mut workspace = Workspace::new();
    network.forward(cpu, &mut workspace, input.view())?;
    workspace.poison();
    network.forward(cpu, &mut workspace, input.view())?;
    let outputs = (0..heads.len())
        .map(|k| network.output(&workspace, k).into_iter().flat_map(|y| y.iter_rows().flatten()))
        .map(|output| output.copied().collect())
        .collect();
    let d_outputs = widths(network).into_iter().zip(heads);
    let d_outputs = d_outputs.map(|(width, &head)| tensor(width, d_output(head, width)));
    let d_outputs = d_outputs.collect::<Result<Vec<_>>>()?;
    let d_outputs: Vec<_> = d_outputs.iter().map(Tensor::view).collect();
    let mut d_input = tensor(INPUTS, vec![f32::NAN; BATCH * INPUTS])?;
    let to = Some(d_input.view_mut());
    network.backward_all(cpu, &mut workspace, input.view(), &d_outputs, to)?;
    let of = |layer: Layer<'_>| {
        let weight: Vec<_> = layer.weight.iter_rows().collect();
        [&weight.concat(), layer.bias].concat()
    };
    let layers = (0..network.layers())
        .filter_map(|i| network.layer_gradients(&workspace, i).map(of))
        .collect();
    Ok(Passes { outputs, layers, d_input: d_input.into_vec() })
}

/// A gradient that would show a mistake: finite, and not all zero.
fn telling(gradient: &[f32]) {
    assert!(gradient.iter().all(|g| g.is_finite()) && gradient.iter().any(|&g| g != 0.0));
}

fn cpus() -> impl Iterator<Item = Cpu> {
    Level::available().map(|level| Cpu::detect().with_level(level))
}

//! Laws of plans, and of networks that the builder cannot make yet: graphs with several heads.

use super::plan::{DeltaWrite, LayerSpec, Plan};
use super::workspace::Workspace;
use super::{Layer, Network};
use crate::activation::Activation::{self, Identity, Relu, Sigmoid};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::gemm::Accum;
use crate::scratch::Buffer;
use crate::simd::Level;
use crate::tensor::{Tensor, View};

const BATCH: usize = 5;
const INPUTS: usize = 3;

fn spec(from: usize, width: usize, activation: Activation) -> LayerSpec {
    LayerSpec { from, width, activation, bias: true }
}

#[test]
fn a_chain_of_any_length_needs_two_delta_slots() {
    let layers: Vec<_> = (0..9).map(|i| spec(i, 10 + i, Relu)).collect();
    let plan = Plan::new(5, &layers, &[9]);
    assert_eq!(plan.delta_slots.len(), 2);
    assert_eq!(plan.predict_widths.len(), 2);
    assert_eq!(plan.backward.len(), 9);
    let nodes: Vec<_> = plan.backward.iter().map(|step| step.node).collect();
    assert_eq!(nodes, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    for step in &plan.backward[..8] {
        let DeltaWrite::Slot { slot, accum, completes } = step.below else { panic!() };
        assert_ne!(slot, step.delta);
        assert_eq!((accum, completes), (Accum::Replace, true));
    }
    assert_eq!(plan.backward[8].below, DeltaWrite::Input(Accum::Replace));
}

#[test]
fn deltas_are_added_where_a_node_has_several_readers() {
    // Node 1 is read by nodes 2, 3 and 4, all of them outputs.
    let layers = [spec(0, 7, Relu), spec(1, 2, Relu), spec(1, 3, Relu), spec(1, 4, Relu)];
    let plan = Plan::new(5, &layers, &[2, 3, 4]);
    let writes: Vec<_> = plan.backward.iter().map(|step| step.below).collect();
    let [DeltaWrite::Slot { slot, .. }, ..] = writes[..] else { panic!() };
    let to = |accum, completes| DeltaWrite::Slot { slot, accum, completes };
    assert_eq!(
        writes,
        [
            to(Accum::Replace, false),
            to(Accum::Add, false),
            to(Accum::Add, true),
            DeltaWrite::Input(Accum::Replace),
        ]
    );
}

#[test]
fn an_activation_is_kept_until_its_last_reader_has_run() {
    // Node 1 is read by nodes 2 and 4, node 2 by 3: nodes 1, 2 and 3 never share a slot.
    let layers = [spec(0, 7, Relu), spec(1, 7, Relu), spec(2, 7, Relu), spec(1, 7, Relu)];
    let plan = Plan::new(5, &layers, &[3, 4]);
    assert_ne!(plan.predict_slots[1], plan.predict_slots[2]);
    assert_ne!(plan.predict_slots[1], plan.predict_slots[3]);
}

#[test]
fn tensors_start_on_cache_lines_and_do_not_overlap() {
    let plan = Plan::new(3, &[spec(0, 5, Relu), spec(1, 7, Relu)], &[2]);
    let tensors: Vec<_> =
        plan.layers().flat_map(|(_, _, l)| [l.weight.clone(), l.bias.clone()]).collect();
    assert_eq!(tensors, [0..15, 16..21, 32..67, 80..87]);
    assert_eq!(plan.arena, 96);
}

/// Numbers from -3 to 3: with so few, every sum in these networks is exact.
fn integers(len: usize, first: usize) -> Vec<f32> {
    (0..len).map(|i| ((first + 5 * i + i * i) % 7) as f32 - 3.0).collect()
}

/// A network of that plan, with the parameters of layer `i` those of number `numbers[i]`.
fn network(layers: &[LayerSpec], numbers: &[usize], outputs: &[usize]) -> Result<Network> {
    let plan = Plan::new(INPUTS, layers, outputs);
    let parameters = Buffer::zeros(plan.arena)?;
    let mut network = Network { plan, parameters };
    for (i, &number) in numbers.iter().enumerate() {
        let Some(mut layer) = network.layer_mut(i) else { panic!("no layer {i}") };
        let (rows, cols) = layer.weight.shape();
        let weight = integers(rows * cols, number);
        layer.weight.for_each_row(|r, row| row.copy_from_slice(&weight[r * cols..][..cols]));
        layer.bias.copy_from_slice(&integers(cols, number + 3));
    }
    Ok(network)
}

/// The gradient that arrives at a head of that number and width.
fn d_output(number: usize, width: usize) -> Vec<f32> {
    integers(BATCH * width, 11 * number)
}

/// What a backward pass leaves behind: each layer's gradients, and the input's.
struct Gradients {
    layers: Vec<Vec<f32>>,
    d_input: Vec<f32>,
}

/// Forward, the heads' gradients into their slots, and backward. `heads` are the numbers of the
/// outputs. Everything that is held is NaN before.
fn gradients(cpu: Cpu, network: &Network, heads: &[usize]) -> Result<Gradients> {
    let input = integers(BATCH * INPUTS, 2);
    let input = View::new(BATCH, INPUTS, &input)?;
    let mut workspace = Workspace::new();
    network.forward(cpu, &mut workspace, input)?;
    workspace.poison();
    network.forward(cpu, &mut workspace, input)?;
    for (output, &number) in network.plan.outputs.iter().zip(heads) {
        let width = network.plan.nodes[output.node].width;
        let slot = workspace.deltas.get_mut(output.delta);
        slot[..BATCH * width].copy_from_slice(&d_output(number, width));
    }
    let mut d_input = Tensor::from_vec(BATCH, INPUTS, vec![f32::NAN; BATCH * INPUTS])?;
    network.backward_from_output(cpu, &mut workspace, input, Some(d_input.view_mut()))?;
    let of = |layer: Layer<'_>| {
        let weight: Vec<_> = layer.weight.iter_rows().collect();
        [&weight.concat(), layer.bias].concat()
    };
    let layers = (0..network.plan.layers().count())
        .filter_map(|i| network.layer_gradients(&workspace, i).map(of))
        .collect();
    Ok(Gradients { layers, d_input: d_input.into_vec() })
}

fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

/// A gradient that would show a mistake: finite, and not all zero.
fn telling(gradient: &[f32]) {
    assert!(gradient.iter().all(|g| g.is_finite()) && gradient.iter().any(|&g| g != 0.0));
}

fn cpus() -> impl Iterator<Item = Cpu> {
    Level::available().map(|level| Cpu::detect().with_level(level))
}

#[test]
fn two_heads_on_a_trunk_give_it_the_sum_of_their_gradients() -> Result<()> {
    // input - trunk - trunk - head of width 2
    //                       `- hidden - head of width 3
    let [trunk, first] = [spec(0, 6, Relu), spec(1, 4, Relu)];
    let layers = [trunk, first, spec(2, 2, Identity), spec(2, 5, Relu), spec(4, 3, Identity)];
    let chain_a = [trunk, first, spec(2, 2, Identity)];
    let chain_b = [trunk, first, spec(2, 5, Relu), spec(3, 3, Identity)];
    for cpu in cpus() {
        let both = network(&layers, &[1, 2, 3, 4, 5], &[3, 5])?;
        let a = network(&chain_a, &[1, 2, 3], &[3])?;
        let b = network(&chain_b, &[1, 2, 4, 5], &[4])?;
        let both = gradients(cpu, &both, &[1, 2])?;
        let (a, b) = (gradients(cpu, &a, &[1])?, gradients(cpu, &b, &[2])?);
        for layer in 0..2 {
            telling(&a.layers[layer]);
            telling(&b.layers[layer]);
            assert_eq!(
                both.layers[layer],
                sum(&a.layers[layer], &b.layers[layer]),
                "layer {layer}"
            );
        }
        assert_eq!(both.layers[2], a.layers[2]);
        assert_eq!(both.layers[3..], b.layers[2..]);
        telling(&a.d_input);
        telling(&b.d_input);
        assert_eq!(both.d_input, sum(&a.d_input, &b.d_input));
    }
    Ok(())
}

#[test]
fn two_layers_on_the_input_give_it_the_sum_of_their_gradients() -> Result<()> {
    let layers = [spec(0, 4, Relu), spec(0, 5, Relu), spec(1, 2, Identity), spec(2, 3, Identity)];
    for cpu in cpus() {
        let both = network(&layers, &[1, 2, 3, 4], &[3, 4])?;
        let a = network(&[spec(0, 4, Relu), spec(1, 2, Identity)], &[1, 3], &[2])?;
        let b = network(&[spec(0, 5, Relu), spec(1, 3, Identity)], &[2, 4], &[2])?;
        let both = gradients(cpu, &both, &[1, 2])?;
        let (a, b) = (gradients(cpu, &a, &[1])?, gradients(cpu, &b, &[2])?);
        telling(&a.d_input);
        telling(&b.d_input);
        assert_eq!(both.d_input, sum(&a.d_input, &b.d_input));
        assert_eq!([&both.layers[0], &both.layers[2]], [&a.layers[0], &a.layers[1]]);
        assert_eq!([&both.layers[1], &both.layers[3]], [&b.layers[0], &b.layers[1]]);
    }
    Ok(())
}

/// `d s'(z)` with `y = s(z)`, as the sigmoid's derivative is computed.
fn times_slope(d: f32, y: f32) -> f32 {
    d * (y * (1.0 - y))
}

#[test]
fn an_output_that_is_read_too_is_derived_once() -> Result<()> {
    // Node 1 is an output and feeds node 2, another: dZ1 = (dY1 + dZ2.W2^T) s'(z1).
    for cpu in cpus() {
        let layers = [spec(0, 4, Sigmoid), spec(1, 2, Identity)];
        let network = network(&layers, &[1, 2], &[1, 2])?;
        let found = gradients(cpu, &network, &[1, 2])?;
        let input = integers(BATCH * INPUTS, 2);
        let mut workspace = Workspace::new();
        network.forward(cpu, &mut workspace, View::new(BATCH, INPUTS, &input)?)?;
        let y1 = workspace.activations.get(0);
        let (own, above) = (d_output(1, 4), d_output(2, 2));
        let weight = network.layer(1).map(|layer| layer.weight);
        let d_y1 = |i: usize, j: usize| {
            let row = weight.and_then(|w| w.row(j)).unwrap_or(&[]);
            own[4 * i + j] + above[2 * i..][..2].iter().zip(row).map(|(d, w)| d * w).sum::<f32>()
        };
        let d_bias: Vec<f32> = (0..4)
            .map(|j| (0..BATCH).map(|i| times_slope(d_y1(i, j), y1[4 * i + j])).sum())
            .collect();
        // dY1 is exact, and below 64; the slope is at most 1/4. Each of five terms is rounded three
        // times, and the sum four times at a size of up to 5 * 16.
        let bias = &found.layers[0][INPUTS * 4..];
        telling(bias);
        for (found, expected) in bias.iter().zip(&d_bias) {
            let error = (found - expected).abs();
            assert!(
                error <= (5.0 * 3.0 * 16.0 + 4.0 * 80.0) * f32::EPSILON / 2.0,
                "{found} for {expected}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_head_without_a_gradient_takes_no_part() -> Result<()> {
    // Node 3 is read by nobody and is no output.
    for cpu in cpus() {
        let layers = [spec(0, 4, Relu), spec(1, 2, Identity), spec(1, 3, Relu)];
        let with = network(&layers, &[1, 2, 3], &[2])?;
        assert_eq!(with.layers(), 3);
        let without = network(&layers[..2], &[1, 2], &[2])?;
        let (with, without) = (gradients(cpu, &with, &[1])?, gradients(cpu, &without, &[1])?);
        telling(&without.d_input);
        without.layers.iter().for_each(|gradient| telling(gradient));
        assert_eq!(with.layers[..2], without.layers);
        assert_eq!(with.d_input, without.d_input);
        assert!(with.layers[2].iter().all(|&g| g == 0.0), "{:?}", with.layers[2]);
    }
    Ok(())
}

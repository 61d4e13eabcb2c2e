//! Several outputs: what each contributes, and where each is written.

use super::{BATCH, INPUTS, Workspace, cpus, d_output, dense, input, network, passes, predict};
use super::{telling, tensor};
use crate::activation::Activation::{Identity, Relu, Sigmoid};
use crate::error::{Error, Result};
use crate::gemm::Accum;
use crate::loss::{ElementLoss, Loss, Reduction, SquaredError, Target};
use crate::network::Objective;
use crate::tensor::Tensor;

fn sum(a: &[f32], b: &[f32]) -> Vec<f32> {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

#[test]
fn two_heads_on_a_trunk_give_it_the_sum_of_their_gradients() -> Result<()> {
    // input - trunk - trunk - head of width 2
    //                       `- hidden - head of width 3
    let [trunk, first] = [dense(0, 6, Relu), dense(1, 4, Relu)];
    let [left, hidden, right] = [dense(2, 2, Identity), dense(2, 5, Relu), dense(4, 3, Identity)];
    let layers = [trunk.clone(), first.clone(), left.clone(), hidden.clone(), right];
    let chain_a = [trunk.clone(), first.clone(), left];
    let chain_b = [trunk, first, hidden, dense(3, 3, Identity)];
    for cpu in cpus() {
        let a = network(&chain_a, &[1, 2, 3], &[3])?;
        let b = network(&chain_b, &[1, 2, 4, 5], &[4])?;
        let (a, b) = (passes(cpu, &a, &[1])?, passes(cpu, &b, &[2])?);
        // The outputs in both orders, the last node second and first.
        for order in [[3, 5], [5, 3]] {
            let both = network(&layers, &[1, 2, 3, 4, 5], &order)?;
            let heads = if order == [3, 5] { [1, 2] } else { [2, 1] };
            let both = passes(cpu, &both, &heads)?;
            for layer in 0..2 {
                telling(&a.layers[layer]);
                telling(&b.layers[layer]);
                let expected = sum(&a.layers[layer], &b.layers[layer]);
                assert_eq!(both.layers[layer], expected, "layer {layer}");
            }
            assert_eq!(both.layers[2], a.layers[2]);
            assert_eq!(both.layers[3..], b.layers[2..]);
            telling(&a.d_input);
            telling(&b.d_input);
            assert_eq!(both.d_input, sum(&a.d_input, &b.d_input));
        }
    }
    Ok(())
}

#[test]
fn every_output_is_predicted_in_its_own_place() -> Result<()> {
    // As above, with the trunk and the hidden layer as outputs that are read.
    let layers =
        [dense(0, 6, Relu), dense(1, 2, Identity), dense(1, 5, Relu), dense(3, 3, Identity)];
    for cpu in cpus() {
        let mut chains = vec![];
        for (specs, numbers) in [
            (&layers[..1], &[1][..]),
            (&layers[..2], &[1, 2]),
            (&[layers[0].clone(), dense(1, 5, Relu)], &[1, 3]),
            (&[layers[0].clone(), dense(1, 5, Relu), dense(2, 3, Identity)], &[1, 3, 4]),
        ] {
            let chain = network(specs, numbers, &[specs.len()])?;
            let [output] = &predict(cpu, &chain, input()?.view())?[..] else { panic!() };
            telling(output);
            chains.push(output.clone());
        }
        for order in [&[2, 4][..], &[4, 2], &[3, 4, 2], &[4, 3, 2, 1], &[1, 2, 3, 4]] {
            let all = network(&layers, &[1, 2, 3, 4], order)?;
            let expected: Vec<_> = order.iter().map(|&node| chains[node - 1].clone()).collect();
            assert_eq!(predict(cpu, &all, input()?.view())?, expected, "{order:?}");
            assert_eq!(passes(cpu, &all, order)?.outputs, expected, "{order:?}");
        }
    }
    Ok(())
}

#[test]
fn an_output_far_above_which_others_are_computed_is_not_overwritten() -> Result<()> {
    let chain: Vec<_> = (0..6).map(|from| dense(from, [4, 2][from % 2], Relu)).collect();
    for cpu in cpus() {
        let all = network(&chain, &[1, 2, 3, 4, 5, 6], &[6, 1])?;
        let alone = network(&chain[..1], &[1], &[1])?;
        let [alone] = &predict(cpu, &alone, input()?.view())?[..] else { panic!() };
        telling(alone);
        assert_eq!(predict(cpu, &all, input()?.view())?[1], *alone);
    }
    Ok(())
}

#[test]
fn two_layers_on_the_input_give_it_the_sum_of_their_gradients() -> Result<()> {
    let layers =
        [dense(0, 4, Relu), dense(0, 5, Relu), dense(1, 2, Identity), dense(2, 3, Identity)];
    for cpu in cpus() {
        let both = network(&layers, &[1, 2, 3, 4], &[3, 4])?;
        let a = network(&[dense(0, 4, Relu), dense(1, 2, Identity)], &[1, 3], &[2])?;
        let b = network(&[dense(0, 5, Relu), dense(1, 3, Identity)], &[2, 4], &[2])?;
        let both = passes(cpu, &both, &[1, 2])?;
        let (a, b) = (passes(cpu, &a, &[1])?, passes(cpu, &b, &[2])?);
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
        let layers = [dense(0, 4, Sigmoid), dense(1, 2, Identity)];
        let network = network(&layers, &[1, 2], &[1, 2])?;
        let found = passes(cpu, &network, &[1, 2])?;
        let y1 = &found.outputs[0];
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
            let bound = (5.0 * 3.0 * 16.0 + 4.0 * 80.0) * f32::EPSILON / 2.0;
            assert!(error <= bound, "{found} for {expected}");
        }
    }
    Ok(())
}

#[test]
fn each_output_has_a_loss_and_their_sum_is_returned() -> Result<()> {
    let layers = [dense(0, 4, Relu), dense(1, 2, Identity), dense(1, 3, Identity)];
    let network = network(&layers, &[1, 2, 3], &[3, 2])?;
    let (input, reduction) = (input()?, Reduction::Sum);
    let targets = [tensor(3, d_output(3, 3))?, tensor(2, d_output(4, 2))?];
    for cpu in cpus() {
        let mut workspace = Workspace::new();
        network.forward(cpu, &mut workspace, input.view())?;
        let mut d_outputs = [tensor(3, vec![0.0; 3 * BATCH])?, tensor(2, vec![0.0; 2 * BATCH])?];
        let mut sum = 0.0;
        for (k, target) in targets.iter().enumerate() {
            let Some(y) = network.output(&workspace, k) else { panic!("no output {k}") };
            let d = d_outputs[k].view_mut();
            let value = SquaredError.value_and_gradient(cpu, y, target.view(), reduction, d)?;
            assert!(value > 0.0);
            sum += value;
        }
        let views = d_outputs.each_ref().map(Tensor::view);
        network.backward_all(cpu, &mut workspace, input.view(), &views, None)?;
        let expected = network.gradients(&workspace).to_vec();
        telling(&expected);
        workspace.poison();
        let loss = Loss::SquaredError(reduction);
        let objectives = targets.each_ref();
        let objectives =
            objectives.map(|target| Objective::new(Target::Values(target.view()), loss));
        let found = network.loss_and_gradients_all(
            cpu,
            &mut workspace,
            input.view(),
            &objectives,
            Accum::Replace,
        )?;
        assert_eq!(found, sum);
        assert_eq!(network.gradients(&workspace), expected);
    }
    Ok(())
}

#[test]
fn a_call_for_one_output_of_several_is_refused() -> Result<()> {
    let layers = [dense(0, 4, Relu), dense(1, 2, Identity), dense(1, 3, Identity)];
    let network = network(&layers, &[1, 2, 3], &[2, 3])?;
    let (input, mut y, mut workspace) = (input()?, tensor(2, d_output(1, 2))?, Workspace::new());
    for cpu in cpus() {
        network.forward(cpu, &mut workspace, input.view())?;
        let refused = |argument| Err(Error::Length { argument, expected: 2, found: 1 });
        let found = network.backward(cpu, &mut workspace, input.view(), y.view(), None);
        assert_eq!(found, refused("d_output"));
        let target = Target::Values(y.view());
        let found =
            network.loss_and_gradients(cpu, &mut workspace, input.view(), target, Loss::MSE);
        assert_eq!(found.map(|_| ()), refused("objectives"));
        let found = network.predict(cpu, &mut workspace, input.view(), y.view_mut());
        assert_eq!(found, refused("output"));
    }
    Ok(())
}

//! Networks of a few small layers have passes of their own, which give the bits of any other.
//!
//! An input with gaps between its rows takes the way of large networks: what comes of it is what must
//! come of the same rows without gaps.

mod support;

use densecore::gemm::Accum;
use densecore::loss::Reduction;
use densecore::optim::{Adam, Sgd};
use densecore::simd::Level;
use densecore::{Activation, Cpu, Error, Loss, Network, Target, Tensor, View, ViewMut, Workspace};
use support::bits;

type Tested = Result<(), Error>;

fn cpus() -> impl Iterator<Item = Cpu> {
    Level::available().map(|level| Cpu::serial().with_level(level))
}

/// Numbers that are no integers, of both signs.
fn numbers(len: usize, first: usize) -> Vec<f32> {
    (0..len).map(|i| ((first + i * 7919) % 1009) as f32 / 300.0 - 1.7).collect()
}

/// The rows with NaN between them.
fn with_gaps(rows: usize, cols: usize, x: &[f32]) -> Vec<f32> {
    let mut gaps = vec![f32::NAN; rows * (cols + 3)];
    for (to, from) in gaps.chunks_mut(cols + 3).zip(x.chunks(cols)) {
        to[..cols].copy_from_slice(from);
    }
    gaps
}

/// Widths around the sizes of vectors and tiles, and around the size up to which a layer is small.
const WIDTHS: [&[usize]; 17] = [
    &[2, 3, 1],
    &[1, 1],
    &[3, 7, 8, 9],
    &[4, 16, 17, 2],
    &[6, 64, 8, 4],
    &[33, 5, 31],
    &[5, 1, 1, 5],
    &[15, 16],
    &[40, 50, 1],
    &[33, 2],
    &[32, 1, 32],
    &[3, 2, 40],
    // Few columns from 16 steps of k on.
    &[3, 16, 2],
    &[2, 17, 1],
    // A transposed B of 2, 3, 4 and more steps of k; of more elements than are copied.
    &[6, 15, 3],
    &[7, 12, 6, 4],
    &[3, 60, 9],
];

const ROWS: [usize; 9] = [0, 1, 2, 3, 4, 5, 8, 19, 64];

fn networks() -> Result<Vec<Network>, Error> {
    let mut networks = Vec::new();
    for (i, widths) in WIDTHS.iter().enumerate() {
        for (j, &activation) in Activation::ALL.iter().enumerate() {
            // Each of them with some of the shapes, and every shape with some of them.
            if (i + j) % 3 > 0 && i > 0 {
                continue;
            }
            let mut builder = Network::builder(widths[0]).seed((i + j) as u64);
            for (k, &width) in widths[1..].iter().enumerate() {
                builder = match k % 2 {
                    1 => builder.dense_without_bias(width, activation),
                    _ => builder.dense(width, activation),
                };
            }
            let mut network = builder.build()?;
            for k in 0..network.layers() {
                let Some(layer) = network.layer_mut(k) else { continue };
                let bias = numbers(layer.bias.len(), i + j + k);
                layer.bias.copy_from_slice(&bias);
            }
            networks.push(network);
        }
    }
    Ok(networks)
}

#[test]
fn a_prediction_has_the_bits_of_one_from_rows_with_gaps() -> Tested {
    for network in networks()? {
        let (inputs, outputs) = (network.inputs(), network.outputs());
        for cpu in cpus() {
            let mut workspace = Workspace::new();
            for rows in ROWS {
                let x = numbers(rows * inputs, rows);
                let gaps = with_gaps(rows, inputs, &x);
                let [mut found, mut expected] = [(); 2].map(|()| vec![f32::NAN; rows * outputs]);
                let to = ViewMut::new(rows, outputs, &mut found)?;
                network.predict(cpu, &mut workspace, View::new(rows, inputs, &x)?, to)?;
                workspace.poison();
                let from = View::with_stride(rows, inputs, inputs + 3, &gaps)?;
                let to = ViewMut::new(rows, outputs, &mut expected)?;
                network.predict(cpu, &mut workspace, from, to)?;
                assert_eq!(bits(&found), bits(&expected), "{network:?} {rows} {cpu:?}");

                // And to rows with gaps, between which nothing is written.
                let mut wide = vec![7.0; rows * (outputs + 1)];
                let to = ViewMut::with_stride(rows, outputs, outputs + 1, &mut wide)?;
                network.predict(cpu, &mut workspace, View::new(rows, inputs, &x)?, to)?;
                for (row, expected) in wide.chunks(outputs + 1).zip(expected.chunks(outputs)) {
                    assert_eq!(bits(&row[..outputs]), bits(expected));
                    assert_eq!(row[outputs], 7.0);
                }
            }
        }
    }
    Ok(())
}

#[test]
fn gradients_have_the_bits_of_those_from_rows_with_gaps() -> Tested {
    for network in networks()? {
        let (inputs, outputs) = (network.inputs(), network.outputs());
        for cpu in cpus() {
            let (mut a, mut b) = (Workspace::new(), Workspace::new());
            for rows in &ROWS[1..] {
                let x = numbers(rows * inputs, *rows);
                let gaps = with_gaps(*rows, inputs, &x);
                let target = numbers(rows * outputs, 3);
                let target = Target::Values(View::new(*rows, outputs, &target)?);
                let x = View::new(*rows, inputs, &x)?;
                let gaps = View::with_stride(*rows, inputs, inputs + 3, &gaps)?;
                let found = network.loss_and_gradients(cpu, &mut a, x, target, Loss::MSE)?;
                let expected = network.loss_and_gradients(cpu, &mut b, gaps, target, Loss::MSE)?;
                assert_eq!(found.to_bits(), expected.to_bits(), "{network:?} {rows}");
                let (found, expected) = (network.gradients(&a), network.gradients(&b));
                assert!(found.iter().any(|&g| g != 0.0) || expected.iter().all(|&g| g == 0.0));
                assert_eq!(bits(found), bits(expected), "{network:?} {rows} {cpu:?}");
                // What is held is NaN before the next ones.
                a.poison();
                b.poison();
            }
        }
    }
    Ok(())
}

#[test]
fn the_two_ways_may_be_mixed() -> Tested {
    let network = Network::mlp(&[4, 9, 3], Activation::Gelu, 2)?;
    let x = numbers(20, 1);
    let gaps = with_gaps(5, 4, &x);
    let (x, gaps) = (View::new(5, 4, &x)?, View::with_stride(5, 4, 7, &gaps)?);
    let d_output = numbers(15, 4);
    let d_output = View::new(5, 3, &d_output)?;
    for cpu in cpus() {
        let mut all = Vec::new();
        for (forward, backward, wants_input) in
            [(x, x, false), (x, gaps, false), (gaps, x, false), (gaps, gaps, true), (x, x, true)]
        {
            let (mut workspace, mut d_input) = (Workspace::new(), Tensor::zeros(5, 4)?);
            network.forward(cpu, &mut workspace, forward)?;
            let to = wants_input.then(|| d_input.view_mut());
            network.backward(cpu, &mut workspace, backward, d_output, to)?;
            all.push(bits(network.gradients(&workspace)));
        }
        assert!(all.iter().all(|gradients| *gradients == all[0]));
    }
    Ok(())
}

#[test]
fn added_gradients_are_added() -> Tested {
    // Of integers, whose sums are exact in whatever order.
    let integers = |len: usize| (0..len).map(|i| (i * i % 5) as f32 - 2.0).collect::<Vec<_>>();
    let mut network = Network::mlp(&[2, 3, 1], Activation::Identity, 1)?;
    let numbers = integers(network.parameters().len());
    network.parameters_mut().copy_from_slice(&numbers);
    let (x, t) = (integers(8), integers(4));
    let batch = (View::new(4, 2, &x)?, Target::Values(View::new(4, 1, &t)?));
    let loss = Loss::SquaredError(Reduction::Sum);
    for cpu in cpus() {
        let mut workspace = Workspace::new();
        network.accumulate(cpu, &mut workspace, batch, loss, (Accum::Replace, 1.0))?;
        let once = network.gradients(&workspace).to_vec();
        assert!(once.iter().any(|&g| g != 0.0));
        network.accumulate(cpu, &mut workspace, batch, loss, (Accum::Add, 1.0))?;
        let twice: Vec<f32> = once.iter().map(|g| 2.0 * g).collect();
        assert_eq!(network.gradients(&workspace), twice);
    }
    Ok(())
}

#[test]
fn a_workspace_serves_small_and_large_networks_in_turn() -> Tested {
    let (mut small, mut large) = (
        Network::mlp(&[2, 3, 1], Activation::Sigmoid, 1)?,
        Network::mlp(&[2, 70, 1], Activation::Sigmoid, 1)?,
    );
    let (x, t) = (numbers(64, 1), numbers(32, 2));
    let batch = (View::new(32, 2, &x)?, Target::Values(View::new(32, 1, &t)?));
    for cpu in cpus() {
        let mut shared = Workspace::new();
        let train = |network: &mut Network, workspace: &mut Workspace| -> Result<_, Error> {
            let mut adam = network.optimizer(Adam::new(0.01))?;
            let mut sgd = network.optimizer(Sgd::new(0.01))?;
            network.train_step(cpu, workspace, batch, Loss::MSE, &mut adam)?;
            network.train_step(cpu, workspace, batch, Loss::MSE, &mut sgd)?;
            Ok(bits(network.parameters()))
        };
        let (mut s, mut l) = (small.clone(), large.clone());
        for _ in 0..3 {
            let found = [train(&mut l, &mut shared)?, train(&mut s, &mut shared)?];
            let expected = [
                train(&mut large, &mut Workspace::new())?,
                train(&mut small, &mut Workspace::new())?,
            ];
            assert_eq!(found, expected);
        }
    }
    Ok(())
}

//! Dropout as a node: its masks, in both directions.

use super::{BATCH, Workspace, add, concat, cpus, dense, dropout, input, network, predict};
use super::{Network, telling, tensor};
use crate::activation::Activation::{Identity, Relu};
use crate::cpu::Cpu;
use crate::dropout::Dropout;
use crate::error::Result;
use crate::loss::{Loss, Target};
use crate::rng::stream;

const P: f32 = 0.5;

/// The factors of a node in a pass, as they are documented.
fn factors(nodes: u64, (seed, pass): (u64, u64), node: u64, width: usize) -> Result<Vec<f32>> {
    let mask = Dropout::new(P, seed, stream::DROPOUT + pass * nodes + node)?;
    let mut factors = vec![f32::NAN; BATCH * width];
    for (i, row) in factors.chunks_mut(width).enumerate() {
        mask.factors(Cpu::detect(), i, 0, row);
    }
    Ok(factors)
}

fn output(cpu: Cpu, network: &Network, workspace: &mut Workspace) -> Result<Vec<f32>> {
    let input = input()?;
    Ok(network.forward(cpu, workspace, input.view())?.iter_rows().flatten().copied().collect())
}

#[test]
fn a_training_pass_multiplies_by_the_factors_of_its_number() -> Result<()> {
    let dropped = network(&[dense(0, 6, Relu), dropout(1, P)], &[1], &[2])?;
    let plain = network(&[dense(0, 6, Relu)], &[1], &[1])?;
    for cpu in cpus() {
        let mut workspace = Workspace::new();
        let y = output(cpu, &plain, &mut workspace)?;
        workspace.set_dropout(7, 3);
        let mut seen = Vec::new();
        for pass in 3..6 {
            workspace.poison();
            let found = output(cpu, &dropped, &mut workspace)?;
            let factors = factors(3, (7, pass), 2, 6)?;
            assert_eq!(dropped.dropout_factors((7, pass), 2, BATCH)?.as_slice(), factors);
            assert!(factors.contains(&0.0) && factors.contains(&2.0));
            let expected: Vec<f32> = y.iter().zip(&factors).map(|(y, m)| y * m).collect();
            telling(&expected);
            assert_eq!(found, expected);
            seen.push(found);
        }
        assert!(seen[0] != seen[1] && seen[1] != seen[2]);
        workspace.set_dropout(7, 4);
        assert_eq!(output(cpu, &dropped, &mut workspace)?, seen[1]);
    }
    Ok(())
}

#[test]
fn a_prediction_drops_nothing() -> Result<()> {
    // Dropout of the input, between layers, of a sum, and as two outputs.
    let specs = [
        dropout(0, P),
        dense(1, 6, Relu),
        dropout(2, P),
        dense(3, 6, Relu),
        add(&[3, 4]),
        dropout(5, P),
        dropout(5, P),
    ];
    let plain = [dense(0, 6, Relu), dense(1, 6, Relu), add(&[1, 2]), concat(&[3, 3])];
    for cpu in cpus() {
        let dropped = network(&specs, &[1, 2], &[6, 7])?;
        let plain = network(&plain, &[1, 2], &[4])?;
        let found = predict(cpu, &dropped, input()?.view())?;
        let both = &predict(cpu, &plain, input()?.view())?[0];
        telling(both);
        for (i, row) in both.chunks(12).enumerate() {
            assert_eq!(found[0][6 * i..][..6], row[..6]);
            assert_eq!(found[1][6 * i..][..6], row[6..]);
        }
    }
    Ok(())
}

/// With a fixed mask, and without activations, the outputs are linear in each parameter: a difference
/// over 1 is the slope, and of integers it is exact.
#[test]
fn gradients_meet_the_same_factors_as_values() -> Result<()> {
    // The dropped node is read by two, and what it drops of by another, so that its gradient is
    // added to what is there.
    let specs = [
        dense(0, 4, Identity),
        dropout(1, P),
        dense(2, 3, Identity),
        concat(&[3, 2, 1]),
        dense(4, 2, Identity),
    ];
    let network = network(&specs, &[1, 2, 3], &[5])?;
    let (input, d_output) = (input()?, tensor(2, super::d_output(4, 2))?);
    for cpu in cpus() {
        let mut workspace = Workspace::new();
        let mut value = |network: &Network| -> Result<f64> {
            workspace.set_dropout(5, 1);
            let y = output(cpu, network, &mut workspace)?;
            let terms = y.iter().zip(d_output.as_slice());
            Ok(terms.map(|(&y, &d)| f64::from(y) * f64::from(d)).sum())
        };
        let before = value(&network)?;
        let mut slopes = Vec::new();
        for at in 0..network.parameters().len() {
            let mut moved = network.clone();
            moved.parameters_mut()[at] += 1.0;
            slopes.push((value(&moved)? - before) as f32);
        }
        workspace.set_dropout(5, 1);
        network.forward(cpu, &mut workspace, input.view())?;
        network.backward(cpu, &mut workspace, input.view(), d_output.view(), None)?;
        telling(&slopes);
        assert_eq!(network.gradients(&workspace), slopes);
    }
    Ok(())
}

#[test]
fn a_probability_of_zero_is_no_dropout_and_of_one_is_silence() -> Result<()> {
    let dropped = |p| network(&[dense(0, 6, Relu), dropout(1, p)], &[1], &[2]);
    let plain = network(&[dense(0, 6, Relu)], &[1], &[1])?;
    for cpu in cpus() {
        let mut workspace = Workspace::new();
        let y = output(cpu, &plain, &mut workspace)?;
        assert_eq!(output(cpu, &dropped(0.0)?, &mut workspace)?, y);
        let silent: Vec<f32> = output(cpu, &dropped(1.0)?, &mut workspace)?;
        assert_eq!(silent, vec![0.0; y.len()]);
    }
    Ok(())
}

#[test]
fn what_is_set_between_the_passes_is_for_the_next_ones() -> Result<()> {
    let network =
        network(&[dense(0, 6, Relu), dropout(1, P), dense(2, 2, Identity)], &[1, 2], &[3])?;
    let (input, d_output) = (input()?, tensor(2, vec![1.0; 2 * BATCH])?);
    for cpu in cpus() {
        let mut gradients = Vec::new();
        for meddles in [false, true] {
            let mut workspace = Workspace::new();
            workspace.set_dropout(7, 3);
            network.forward(cpu, &mut workspace, input.view())?;
            if meddles {
                workspace.set_dropout(8, 9);
            }
            network.backward(cpu, &mut workspace, input.view(), d_output.view(), None)?;
            gradients.push(network.gradients(&workspace).to_vec());
        }
        telling(&gradients[0]);
        assert_eq!(gradients[0], gradients[1]);
    }
    Ok(())
}

#[test]
fn a_pass_without_a_loss_is_not_counted() -> Result<()> {
    let network = network(&[dense(0, 6, Relu), dropout(1, P)], &[1], &[2])?;
    let (input, target) = (input()?, tensor(6, vec![0.0; 6 * BATCH])?);
    for cpu in cpus() {
        let mut values = Vec::new();
        for fails in [false, true] {
            let mut workspace = Workspace::new();
            if fails {
                let wrong = Target::Classes(&[0; BATCH]);
                let (ws, input) = (&mut workspace, input.view());
                let found = network.loss_and_gradients(cpu, ws, input, wrong, Loss::MSE);
                assert!(found.is_err() && workspace.losses().is_empty());
            }
            let target = Target::Values(target.view());
            let (ws, input) = (&mut workspace, input.view());
            values.push(network.loss_and_gradients(cpu, ws, input, target, Loss::MSE)?);
        }
        assert_eq!(values[0], values[1]);
    }
    Ok(())
}

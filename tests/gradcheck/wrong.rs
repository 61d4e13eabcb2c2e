//! Gradients and losses that are wrong on purpose: none passes.

use densecore::gradcheck::check_gradients;
use densecore::loss::Reduction;
use densecore::{Activation, Cpu, Loss, Result, Workspace};

use super::{Batch, LOSSES, network};

#[test]
fn a_single_wrong_gradient_fails_and_is_named() -> Result<()> {
    let (network, batch) = (network(Activation::Tanh, true, 5)?, Batch::new(6, 3, 4, 5)?);
    let loss = Loss::CROSS_ENTROPY;
    let (input, target) = (batch.input.view(), batch.target(loss));
    let mut workspace = Workspace::new();
    let cpu = Cpu::detect();
    let value = network.loss_and_gradients(cpu, &mut workspace, input, target, loss)?;
    let right = network.gradients(&workspace).to_vec();
    let size = right.iter().fold(0.0_f32, |size, g| size.max(g.abs()));

    // The arena: [3, 7] in 32, [7] in 16, [7, 5] in 48, [5] in 16, [5, 4] in 32, [4].
    let places = [
        (0, "layers.0.weight[0, 0]"),
        (20, "layers.0.weight[2, 6]"),
        (32 + 6, "layers.0.bias[6]"),
        (48 + 5 * 2 + 3, "layers.1.weight[2, 3]"),
        (96 + 4, "layers.1.bias[4]"),
        (112 + 4 * 3, "layers.2.weight[3, 0]"),
        (144 + 1, "layers.2.bias[1]"),
    ];
    for (i, place) in places {
        for wrong in [right[i] + 1e-4 * size, right[i] - 1e-4 * size, f32::NAN, f32::INFINITY] {
            let mut gradients = right.clone();
            gradients[i] = wrong;
            let report = check_gradients(&network, input, target, loss, (value, &gradients))?;
            assert!(!report.passes(), "{place} {wrong}: {report}");
            assert_eq!(report.place(report.kernels.index).as_deref(), Some(place), "{report}");
            assert!(report.to_string().contains(place), "{report}");
        }
    }
    let none = check_gradients(&network, input, target, loss, (value, &right))?;
    assert!(none.passes(), "{none}");
    assert_eq!(none.place(network.parameter_count()), None);

    // What lies between the tensors is nobody's.
    let mut gaps = right.clone();
    gaps[21] = 7.0;
    assert!(check_gradients(&network, input, target, loss, (value, &gaps))?.passes());
    Ok(())
}

#[test]
fn a_wrong_loss_fails() -> Result<()> {
    let (network, batch) = (network(Activation::Sigmoid, true, 5)?, Batch::new(6, 3, 4, 5)?);
    for loss in LOSSES {
        let (input, target) = (batch.input.view(), batch.target(loss));
        let mut workspace = Workspace::new();
        let cpu = Cpu::detect();
        let value = network.loss_and_gradients(cpu, &mut workspace, input, target, loss)?;
        for (factor, passes) in [(1.0, true), (1.0001, false), (0.9999, false), (f32::NAN, false)] {
            let found = (value * factor, network.gradients(&workspace));
            let report = check_gradients(&network, input, target, loss, found)?;
            assert_eq!(report.passes(), passes, "{loss:?} {factor}: {report}");
        }
    }
    Ok(())
}

#[test]
fn mistakes_of_whole_tensors_fail() -> Result<()> {
    let (network, batch) = (network(Activation::Tanh, true, 2)?, Batch::new(6, 3, 4, 2)?);
    let mean = Loss::SquaredError(Reduction::Mean);
    let (input, target) = (batch.input.view(), batch.target(mean));
    let mut workspace = Workspace::new();
    let cpu = Cpu::detect();
    let value = network.loss_and_gradients(cpu, &mut workspace, input, target, mean)?;
    let right = network.gradients(&workspace).to_vec();
    let fails = |wrong: &[f32]| -> Result<bool> {
        Ok(!check_gradients(&network, input, target, mean, (value, wrong))?.passes())
    };
    assert!(!fails(&right)?);
    assert!(fails(&right.iter().map(|g| -g).collect::<Vec<_>>())?, "sign");
    assert!(fails(&right.iter().map(|g| g * 4.0).collect::<Vec<_>>())?, "mean over rows only");
    assert!(fails(&right.iter().map(|g| g * 2.0).collect::<Vec<_>>())?, "added twice");
    assert!(fails(&vec![0.0; right.len()])?, "not written");
    let mut transposed = right.clone();
    for (i, j) in (0..3).flat_map(|i| (0..7).map(move |j| (i, j))) {
        transposed[j * 3 + i] = right[i * 7 + j];
    }
    assert!(fails(&transposed)?, "transposed");
    Ok(())
}

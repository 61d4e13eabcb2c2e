//! Laws of `train::evaluate`: what it says of a set is what the whole set's outputs say.

mod support;

use densecore::Workspace;
use densecore::train::{Evaluation, correct, evaluate};
use densecore::{Activation, Dataset, Error, Loss, Network, Result, Target, Targets, Tensor};
use support::{classes, cpus, numbers};

const INPUTS: usize = 5;
const OUTPUTS: usize = 3;

/// A set of samples with class ids, and one with values.
fn sets(rows: usize) -> Result<[Dataset; 2]> {
    let inputs = || Tensor::from_vec(rows, INPUTS, numbers(rows * INPUTS, 1));
    let values = Tensor::from_vec(rows, OUTPUTS, numbers(rows * OUTPUTS, 2))?;
    let ids = classes(rows, OUTPUTS as u32, 3);
    Ok([
        Dataset::new(inputs()?, Targets::Classes { ids, classes: OUTPUTS })?,
        Dataset::new(inputs()?, Targets::Values(values))?,
    ])
}

#[test]
fn an_evaluation_is_that_of_all_outputs_at_once() -> Result<()> {
    let network = Network::mlp(&[INPUTS, 7, OUTPUTS], Activation::Tanh, 1)?;
    // Blocks of 1,024 samples: less than one, one, a remainder of one, several.
    for rows in [1, 1000, 1024, 1025, 2500] {
        for (set, loss) in sets(rows)?.iter().zip([Loss::CROSS_ENTROPY, Loss::MSE]) {
            for cpu in cpus() {
                let mut output = Tensor::from_vec(rows, OUTPUTS, vec![f32::NAN; rows * OUTPUTS])?;
                let mut workspace = Workspace::new();
                network.predict(cpu, &mut workspace, set.inputs().view(), output.view_mut())?;
                let (target, accuracy) = match set.targets() {
                    Targets::Classes { ids, .. } => {
                        let right = correct(output.view(), ids)?;
                        assert!(rows == 1 || (1..rows).contains(&right), "{right} of {rows}");
                        (Target::Classes(ids), Some(right as f64 / rows as f64))
                    }
                    Targets::Values(values) => (Target::Values(values.view()), None),
                    other => panic!("{other:?}"),
                };
                let expected = loss.value(cpu, output.view(), target)?;
                let found = evaluate(cpu, &network, &mut workspace, set, loss)?;
                assert_eq!(found.accuracy, accuracy, "{rows} rows");
                // Blocks are added in f64 in another order, which f32 may round the other way.
                let neighbours = [expected.next_down(), expected, expected.next_up()];
                let possible = if rows <= 1024 { &neighbours[1..2] } else { &neighbours[..] };
                assert!(possible.contains(&(found.loss as f32)), "{found:?}, {expected}");
            }
        }
    }
    Ok(())
}

#[test]
fn an_empty_set_cannot_be_evaluated() -> Result<()> {
    let network = Network::mlp(&[INPUTS, OUTPUTS], Activation::Tanh, 1)?;
    for (set, loss) in sets(0)?.iter().zip([Loss::CROSS_ENTROPY, Loss::MSE]) {
        for cpu in cpus() {
            let found = evaluate(cpu, &network, &mut Workspace::new(), set, loss);
            let expected = "at least 1 sample";
            assert_eq!(found, Err(Error::Value { argument: "data", expected, found: 0.0 }));
        }
    }
    Ok(())
}

#[test]
fn a_wrong_class_is_named_by_its_row_in_the_set() -> Result<()> {
    let network = Network::mlp(&[INPUTS, OUTPUTS], Activation::Tanh, 1)?;
    let mut ids = vec![0; 2000];
    ids[1500] = 3;
    let inputs = Tensor::zeros(ids.len(), INPUTS)?;
    let set = Dataset::new(inputs, Targets::Classes { ids, classes: OUTPUTS + 1 })?;
    for cpu in cpus() {
        let found = evaluate(cpu, &network, &mut Workspace::new(), &set, Loss::CROSS_ENTROPY);
        assert_eq!(found, Err(Error::Class { row: 1500, found: 3, classes: OUTPUTS }));
    }
    Ok(())
}

#[test]
fn a_small_loss_is_told_from_none() {
    let evaluation = |loss, accuracy| Evaluation { loss, accuracy }.to_string();
    assert_eq!(evaluation(1.5e-7, None), "loss 1.500e-7");
    assert_eq!(evaluation(0.0, None), "loss 0.000e0");
    assert_eq!(evaluation(2.5, Some(0.125)), "loss 2.500e0 accuracy 12.50 %");
}

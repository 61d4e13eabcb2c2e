//! The fit loop: what a run goes on from, and what it shows to its caller.

mod support;

use std::ops::ControlFlow::{self, Break, Continue};

use densecore::optim::{Adam, Optimizer};
use densecore::train::{Epoch, Fit, evaluate};
use densecore::{Activation, Cpu, Dataset, Error, Loss, Network, Result, Workspace, data};
use support::bits;

const LOSS: Loss = Loss::CROSS_ENTROPY;

/// A network and its optimizer, and a set that its batches do not divide.
fn start() -> Result<(Network, Optimizer, Dataset)> {
    let network = Network::mlp(&[64, 12, 10], Activation::Tanh, 1)?;
    let adam = network.optimizer(Adam::new(1e-2))?;
    Ok((network, adam, data::digits().split(0.1, 1)?.0))
}

fn fit() -> Fit {
    Fit::new(LOSS).cpu(Cpu::serial()).seed(3)
}

/// What an epoch reports, without its time.
fn report(epoch: &Epoch) -> (usize, u64) {
    (epoch.number, epoch.train.loss.to_bits())
}

fn go_on(_: &Epoch, _: &Network) -> ControlFlow<()> {
    Continue(())
}

#[test]
fn several_runs_are_one_of_as_many_epochs() -> Result<()> {
    let (mut network, mut adam, set) = start()?;
    let history = fit().epochs(6).run(&mut network, &mut adam, &set, None, go_on)?;
    let expected: Vec<_> = history.iter().map(report).collect();
    assert_eq!(expected.iter().map(|epoch| epoch.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);

    // Two epochs, one more that the caller stops after, and the rest.
    let (mut parts, mut adam, set) = start()?;
    let mut fit_parts = fit().epochs(2);
    let mut found = fit_parts.run(&mut parts, &mut adam, &set, None, go_on)?;
    found.extend(fit_parts.run(&mut parts, &mut adam, &set, None, |_, _| Break(()))?);
    let mut fit_parts = fit_parts.epochs(3);
    found.extend(fit_parts.run(&mut parts, &mut adam, &set, None, go_on)?);
    assert_eq!(found.iter().map(report).collect::<Vec<_>>(), expected);
    assert_eq!(bits(parts.parameters()), bits(network.parameters()));

    // Others go on where one has stopped if they are told.
    let (mut parts, mut adam, set) = start()?;
    let mut found = fit().epochs(4).run(&mut parts, &mut adam, &set, None, go_on)?;
    found.extend(fit().after(4).epochs(2).run(&mut parts, &mut adam, &set, None, go_on)?);
    assert_eq!(found.iter().map(report).collect::<Vec<_>>(), expected);
    assert_eq!(bits(parts.parameters()), bits(network.parameters()));

    // And a shuffle that was replayed would show.
    let (mut parts, mut adam, set) = start()?;
    fit().epochs(4).run(&mut parts, &mut adam, &set, None, go_on)?;
    fit().epochs(2).run(&mut parts, &mut adam, &set, None, go_on)?;
    assert_ne!(bits(parts.parameters()), bits(network.parameters()));
    Ok(())
}

#[test]
fn a_run_that_is_refused_is_not_counted() -> Result<()> {
    let (mut network, mut adam, set) = start()?;
    let mut fit = fit().epochs(1).batch_size(0);
    assert!(fit.run(&mut network, &mut adam, &set, None, go_on).is_err());
    let history = fit.batch_size(32).run(&mut network, &mut adam, &set, None, go_on)?;
    assert_eq!(history[0].number, 1);
    Ok(())
}

#[test]
fn any_number_of_epochs_may_have_been() -> Result<()> {
    let (mut network, mut adam, set) = start()?;
    let mut fit = fit().after(usize::MAX).epochs(2);
    let history = fit.run(&mut network, &mut adam, &set, None, go_on)?;
    assert_eq!(history.iter().map(|epoch| epoch.number).collect::<Vec<_>>(), [usize::MAX; 2]);
    Ok(())
}

#[test]
fn the_network_of_each_epoch_is_shown_as_it_is_then() -> Result<()> {
    let (mut network, mut adam, set) = start()?;
    let (validation, mut shown) = (data::digits().split(0.9, 1)?.1, Vec::new());
    let history = fit().epochs(3).run(
        &mut network,
        &mut adam,
        &set,
        Some(&validation),
        |epoch, network| {
            let mut workspace = Workspace::new();
            let result = evaluate(Cpu::serial(), network, &mut workspace, &validation, LOSS);
            assert_eq!(result, Ok(epoch.validation.expect("a validation set")));
            shown.push(network.parameters().to_vec());
            Continue(())
        },
    )?;
    assert_eq!((history.len(), shown.len()), (3, 3));
    assert!(shown[0] != shown[1] && shown[1] != shown[2]);
    assert_eq!(shown[2], network.parameters());
    Ok(())
}

#[test]
fn an_optimizer_by_hand_has_the_length_of_the_arena() -> Result<()> {
    let (mut network, mut adam, set) = start()?;
    // Weights [64, 12] and [12, 10], biases of 12 and 10.
    let (count, len) = (768 + 12 + 120 + 10, 768 + 16 + 128 + 16);
    assert_eq!((network.parameter_count(), network.parameters().len()), (count, len));
    let mut by_count = Optimizer::new(Adam::new(1e-2), count)?;
    let refused = fit().run(&mut network, &mut by_count, &set, None, go_on);
    let expected = Error::Length { argument: "parameters", expected: count, found: len };
    assert_eq!(refused.map(|_| ()), Err(expected));
    let (mut other, mut by_hand) = (network.clone(), Optimizer::new(Adam::new(1e-2), len)?);
    fit().epochs(1).run(&mut network, &mut adam, &set, None, go_on)?;
    fit().epochs(1).run(&mut other, &mut by_hand, &set, None, go_on)?;
    assert_eq!(bits(network.parameters()), bits(other.parameters()));
    Ok(())
}

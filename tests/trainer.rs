//! Laws of the fit loop's options: what stops it, what it goes on from, and what a step is made of.

mod support;

use std::ops::ControlFlow::{self, Break, Continue};

use densecore::gemm::Accum;
use densecore::loss::Reduction;
use densecore::optim::{Adam, Optimizer, Sgd, clip};
use densecore::rng::stream;
use densecore::schedule::Cosine;
use densecore::train::{Best, csv, evaluate};
use densecore::train::{
    EarlyStopping, Epoch, Fit, Observer, Snapshot, State, Step, Stopped, Watch,
};
use densecore::{Activation, Cpu, Dataset, Error, Loss, Network, Result, Rng, Target, Targets};
use densecore::{Tensor, View, Workspace, data};
use support::bits;

const LOSS: Loss = Loss::CROSS_ENTROPY;

/// 150 samples to train on and 30 to validate with.
fn sets() -> Result<(Dataset, Dataset)> {
    let all = data::digits();
    let rows = |first: usize, n: usize| (first..first + n).collect::<Vec<_>>();
    Ok((all.select(&rows(0, 150))?, all.select(&rows(500, 30))?))
}

/// A network with dropout, so that a mask that came twice or not at all would show.
fn network() -> Result<Network> {
    Network::builder(64)
        .dense(12, Activation::Tanh)
        .dropout(0.25)
        .dense(10, Activation::Identity)
        .seed(1)
        .build()
}

fn fit() -> Fit {
    Fit::new(LOSS).cpu(Cpu::serial()).seed(3)
}

fn go_on(_: &Epoch, _: &Network) -> ControlFlow<()> {
    Continue(())
}

/// What was seen of a training.
#[derive(Default)]
struct Seen {
    steps: Vec<Step>,
    /// After each epoch.
    parameters: Vec<Vec<f32>>,
    /// After the last one: the optimizer's progress and state, and the fit's.
    checkpoint: Option<(densecore::optim::Progress, Vec<f32>, f64, State)>,
    /// Stop after so many epochs, or steps.
    epochs: Option<usize>,
    most_steps: Option<usize>,
}

impl Observer for Seen {
    fn on_step(&mut self, step: &Step, _: &Network, _: &Workspace) -> ControlFlow<()> {
        self.steps.push(*step);
        if Some(self.steps.len()) == self.most_steps { Break(()) } else { Continue(()) }
    }

    fn on_epoch(&mut self, _: &Epoch, at: Snapshot<'_>) -> ControlFlow<()> {
        self.parameters.push(at.network.parameters().to_vec());
        let (progress, state) = (at.optimizer.progress(), at.optimizer.state().to_vec());
        self.checkpoint = Some((progress, state, at.optimizer.learning_rate(), at.state.clone()));
        if Some(self.parameters.len()) == self.epochs { Break(()) } else { Continue(()) }
    }
}

/// What an epoch reports, without its time.
fn report(epoch: &Epoch) -> (usize, u64, Option<u64>, u64) {
    let validation = epoch.validation.map(|v| v.loss.to_bits());
    (epoch.number, epoch.train.loss.to_bits(), validation, epoch.learning_rate.to_bits())
}

/// A way to train, by name.
type Kind = (&'static str, fn() -> Fit);

#[test]
fn a_run_that_is_resumed_has_the_bits_of_one_that_was_not_interrupted() -> Result<()> {
    let (train, validation) = sets()?;
    let kinds: [Kind; 4] = [
        ("plain", || fit().epochs(7)),
        ("schedule, clipping, accumulation", || {
            fit().epochs(7).schedule(Cosine::new(1e-2, 7 * 3)).clip_norm(0.5).accumulate(2)
        }),
        ("stopping", || {
            let rule = EarlyStopping { patience: 3, min_delta: 0.05, ..EarlyStopping::new(3) };
            fit().epochs(30).early_stopping(rule)
        }),
        ("settling", || fit().epochs(30).until_converged(0.2, 2)),
    ];
    for (name, fit) in kinds {
        let start = |network: &Network| network.optimizer(Adam::new(2e-2));
        let (mut whole, mut whole_fit) = (network()?, fit());
        let mut adam = start(&whole)?;
        let expected = whole_fit.run(&mut whole, &mut adam, &train, Some(&validation), go_on)?;
        assert!(expected.len() > 4, "{name}: {}", expected.len());

        for cut in 1..4 {
            let (mut first, mut seen) = (network()?, Seen { epochs: Some(cut), ..Seen::default() });
            let mut adam = start(&first)?;
            let sets = (&train, Some(&validation));
            let mut found = fit().run_observed(&mut first, &mut adam, sets.0, sets.1, &mut seen)?;
            assert_eq!(found.len(), cut);
            let (progress, arrays, rate, state) = seen.checkpoint.expect("an epoch");

            // Nothing but what was saved: another network, other objects.
            let mut second = Network::clone(&network()?);
            second.parameters_mut().copy_from_slice(&seen.parameters[cut - 1]);
            let mut adam = start(&second)?;
            adam.restore(progress, &arrays)?;
            adam.set_learning_rate(rate)?;
            let mut rest = fit().epochs(expected.len() - cut).resume(state);
            found.extend(rest.run(&mut second, &mut adam, &train, Some(&validation), go_on)?);
            let (found, expected): (Vec<_>, Vec<_>) =
                (found.iter().map(report).collect(), expected.iter().map(report).collect());
            assert_eq!(found, expected, "{name}, cut after {cut}");
            assert_eq!(bits(second.parameters()), bits(whole.parameters()), "{name}");
            assert_eq!(rest.state(), whole_fit.state(), "{name}");
        }
    }
    Ok(())
}

#[test]
fn early_stopping_gives_back_the_best_weights() -> Result<()> {
    let (train, validation) = sets()?;
    for watch in [Watch::Loss, Watch::Accuracy, Watch::TrainLoss] {
        let (mut network, mut seen) = (network()?, Seen::default());
        let mut adam = network.optimizer(Adam::new(5e-2))?;
        let mut fit = fit().epochs(200).early_stopping(EarlyStopping::new(4).watch(watch));
        let history =
            fit.run_observed(&mut network, &mut adam, &train, Some(&validation), &mut seen)?;
        assert_eq!(fit.stopped(), Some(Stopped::NotBetter));
        let value = |epoch: &Epoch| match watch {
            Watch::Loss => epoch.validation.map_or(f64::NAN, |v| v.loss),
            Watch::TrainLoss => epoch.train.loss,
            Watch::Accuracy => -epoch.validation.and_then(|v| v.accuracy).unwrap_or(f64::NAN),
        };
        let values: Vec<f64> = history.iter().map(value).collect();
        // The first of the best ones, four epochs before the end; none before stood so long.
        let best = (0..values.len()).rfind(|&i| values[..i].iter().all(|&v| v > values[i]));
        let best = best.expect("an epoch");
        assert_eq!(history.len(), best + 1 + 4, "{watch:?}");
        assert_eq!(bits(network.parameters()), bits(&seen.parameters[best]));
        assert_ne!(seen.parameters[best], seen.parameters[best + 4]);
        let kept = fit.state().best.as_ref().expect("a best epoch");
        assert_eq!((kept.epoch, kept.value.abs()), (best + 1, values[best].abs()));
    }
    Ok(())
}

#[test]
fn the_best_weights_are_given_back_however_a_run_ends() -> Result<()> {
    let (train, validation) = sets()?;
    for restore_best in [true, false] {
        let rule = EarlyStopping { restore_best, ..EarlyStopping::new(usize::MAX) };
        // A rate that makes it worse, so that the first epoch is the best one; asked to stop.
        let (mut network, mut seen) = (network()?, Seen::default());
        seen.most_steps = Some(5 * 5 + 2);
        let mut sgd = network.optimizer(Sgd::new(30.0))?;
        let mut fit = fit().epochs(50).early_stopping(rule);
        let history =
            fit.run_observed(&mut network, &mut sgd, &train, Some(&validation), &mut seen)?;
        assert_eq!((history.len(), fit.stopped()), (5, Some(Stopped::Asked)));
        let best = fit.state().best.as_ref().map_or(0, |best| best.epoch);
        assert!((1..5).contains(&best), "{best}");
        let is_best = bits(network.parameters()) == bits(&seen.parameters[best - 1]);
        assert_eq!(is_best, restore_best);
    }
    Ok(())
}

#[test]
fn not_a_number_is_never_better() -> Result<()> {
    let (train, _) = sets()?;
    let mut network = network()?;
    network.parameters_mut()[0] = f32::NAN;
    let mut sgd = network.optimizer(Sgd::new(0.1))?;
    let mut fit = fit().epochs(20).early_stopping(EarlyStopping::new(3)).until_converged(1.0, 1);
    let history = fit.run(&mut network, &mut sgd, &train, None, go_on)?;
    // Nor does it get any better: there is one such epoch, and no other after it.
    assert_eq!((history.len(), fit.stopped()), (1, Some(Stopped::NotANumber)));
    assert_eq!((&fit.state().best, fit.state().settled), (&None, 0));
    let mut again = Fit::new(LOSS).seed(3).early_stopping(EarlyStopping::new(3));
    again = again.resume(fit.state().clone());
    let history = again.run(&mut network, &mut sgd, &train, None, go_on)?;
    assert_eq!((history.len(), again.stopped()), (0, Some(Stopped::NotANumber)));
    Ok(())
}

#[test]
fn a_training_that_has_ended_does_not_go_on() -> Result<()> {
    let (train, validation) = sets()?;
    let early = |fit: Fit| fit.early_stopping(EarlyStopping::new(3));
    let settled = |fit: Fit| fit.until_converged(0.2, 2);
    for (rule, reason) in [
        (early as fn(Fit) -> Fit, Stopped::NotBetter),
        (settled as fn(Fit) -> Fit, Stopped::Settled),
    ] {
        let (mut network, mut seen) = (network()?, Seen::default());
        let mut adam = network.optimizer(Adam::new(5e-2))?;
        let mut first = rule(fit().epochs(200));
        first.run_observed(&mut network, &mut adam, &train, Some(&validation), &mut seen)?;
        assert_eq!(first.stopped(), Some(reason));
        let ended = bits(network.parameters());

        // From its last checkpoint, as after a crash, and the same fit once more.
        let (progress, arrays, _, state) = seen.checkpoint.expect("an epoch");
        network.parameters_mut().copy_from_slice(seen.parameters.last().expect("an epoch"));
        adam.restore(progress, &arrays)?;
        let mut again = rule(fit().epochs(200)).resume(state);
        for fit in [&mut again, &mut first] {
            let history = fit.run(&mut network, &mut adam, &train, Some(&validation), go_on)?;
            assert_eq!((history.len(), fit.stopped()), (0, Some(reason)));
            assert_eq!(bits(network.parameters()), ended);
        }
    }
    Ok(())
}

#[test]
fn a_loss_that_does_not_change_has_settled() -> Result<()> {
    let (train, _) = sets()?;
    let mut network = network()?;
    let mut sgd = network.optimizer(Sgd::new(0.0))?;
    let mut fit = fit().epochs(20).until_converged(0.0, 4);
    let history = fit.run(&mut network, &mut sgd, &train, None, go_on)?;
    assert_eq!((history.len(), fit.stopped()), (5, Some(Stopped::Settled)));
    Ok(())
}

#[test]
fn a_change_of_a_small_share_has_settled_only_in_a_row() -> Result<()> {
    let (train, _) = sets()?;
    let mut network = network()?;
    let mut adam = network.optimizer(Adam::new(2e-2))?;
    let (tolerance, epochs) = (0.1, 3);
    let mut fit = fit().epochs(200).until_converged(tolerance, epochs);
    let history = fit.run(&mut network, &mut adam, &train, None, go_on)?;
    assert_eq!(fit.stopped(), Some(Stopped::Settled));
    let losses: Vec<f64> = history.iter().map(|epoch| epoch.train.loss).collect();
    let small: Vec<bool> =
        losses.windows(2).map(|l| (l[1] - l[0]).abs() <= tolerance * l[0].abs()).collect();
    let first = small.windows(epochs).position(|row| row.iter().all(|&is| is));
    assert_eq!(first.map(|first| first + epochs + 1), Some(history.len()));
    Ok(())
}

/// The fit loop by hand: `step` gets the rows of each step.
fn by_hand(
    epochs: usize,
    shuffle: bool,
    rows: (usize, usize),
    mut step: impl FnMut(&[usize]) -> Result<()>,
) -> Result<()> {
    let (samples, batch) = rows;
    let mut order: Vec<usize> = (0..samples).collect();
    for epoch in 1..=epochs {
        if shuffle {
            Rng::new(3, stream::SHUFFLE + epoch as u64).permutation(&mut order);
        }
        order.chunks(batch).try_for_each(&mut step)?;
    }
    Ok(())
}

fn ids(set: &Dataset) -> &[u32] {
    match set.targets() {
        Targets::Classes { ids, .. } => ids,
        _ => panic!("no classes"),
    }
}

#[test]
fn samples_come_shuffled_or_as_they_are_one_at_a_time_or_all_at_once() -> Result<()> {
    let (train, _) = sets()?;
    for (shuffle, batch) in [(true, 1), (true, 32), (true, 150), (false, 1), (false, 40)] {
        let (mut expected, cpu, mut workspace) = (network()?, Cpu::serial(), Workspace::new());
        let mut sgd = expected.optimizer(Sgd::new(0.1))?;
        workspace.set_dropout(3, 0);
        by_hand(2, shuffle, (150, batch), |rows| {
            let set = train.select(rows)?;
            let batch = (set.inputs().view(), Target::Classes(ids(&set)));
            expected.train_step(cpu, &mut workspace, batch, LOSS, &mut sgd).map(|_| ())
        })?;
        let mut found = network()?;
        let mut sgd = found.optimizer(Sgd::new(0.1))?;
        let fit = fit().shuffle(shuffle).epochs(2);
        let mut fit = if batch == 150 { fit.full_batch() } else { fit.batch_size(batch) };
        fit.run(&mut found, &mut sgd, &train, None, go_on)?;
        assert_eq!(bits(found.parameters()), bits(expected.parameters()), "{shuffle} {batch}");
        assert_eq!(fit.stopped(), Some(Stopped::Done));
    }
    Ok(())
}

#[test]
fn gradients_are_clipped_before_the_step() -> Result<()> {
    let (train, _) = sets()?;
    for by_norm in [true, false] {
        let (mut expected, cpu, mut workspace) = (network()?, Cpu::serial(), Workspace::new());
        let mut sgd = expected.optimizer(Sgd::new(0.1))?;
        workspace.set_dropout(3, 0);
        let mut norms = Vec::new();
        by_hand(2, true, (150, 32), |rows| {
            let set = train.select(rows)?;
            let (x, t) = (set.inputs().view(), Target::Classes(ids(&set)));
            expected.loss_and_gradients(cpu, &mut workspace, x, t, LOSS)?;
            let gradients = expected.gradients_mut(&mut workspace);
            if by_norm {
                norms.push(Some(clip::by_global_norm(cpu, gradients, 0.5)?));
            } else {
                clip::by_value(cpu, gradients, 0.01)?;
                norms.push(None);
            }
            expected.update(cpu, &workspace, &mut sgd)
        })?;
        let (mut found, mut seen) = (network()?, Seen::default());
        let mut sgd = found.optimizer(Sgd::new(0.1))?;
        let fit = fit().epochs(2);
        let mut fit = if by_norm { fit.clip_norm(0.5) } else { fit.clip_value(0.01) };
        fit.run_observed(&mut found, &mut sgd, &train, None, &mut seen)?;
        assert_eq!(bits(found.parameters()), bits(expected.parameters()), "{by_norm}");
        assert_eq!(seen.steps.iter().map(|step| step.gradient_norm).collect::<Vec<_>>(), norms);
    }
    Ok(())
}

/// Integers, weights of them and a rate of 1/4: sums have no rounding in whatever order.
#[test]
fn accumulated_batches_are_one_large_batch() -> Result<()> {
    let inputs: Vec<f32> = (0..24 * 3).map(|i| ((i * i + i) % 5) as f32 - 2.0).collect();
    let values: Vec<f32> = (0..24 * 2).map(|i| ((i * i) % 7) as f32 - 3.0).collect();
    let values = Targets::Values(Tensor::from_vec(24, 2, values)?);
    let set = Dataset::new(Tensor::from_vec(24, 3, inputs)?, values)?;
    let start = || -> Result<Network> {
        let mut network = Network::builder(3).dense(2, Activation::Identity).build()?;
        for (i, w) in network.parameters_mut()[..6].iter_mut().enumerate() {
            *w = i as f32 - 2.0;
        }
        Ok(network)
    };
    for (reduction, lr) in [(Reduction::Sum, 0.25), (Reduction::BatchMean, 2.0)] {
        let loss = Loss::SquaredError(reduction);
        let train = |batch: usize, accumulate: usize| -> Result<(Vec<u32>, usize)> {
            let (mut network, mut seen) = (start()?, Seen::default());
            let mut sgd = network.optimizer(Sgd::new(lr / 16.0))?;
            let mut fit = Fit::new(loss).cpu(Cpu::serial()).epochs(1).batch_size(batch);
            fit = fit.accumulate(accumulate).evaluate_train(false);
            fit.run_observed(&mut network, &mut sgd, &set, None, &mut seen)?;
            assert!(seen.steps.iter().all(|step| step.samples <= batch * accumulate));
            Ok((bits(network.parameters()), seen.steps.len()))
        };
        let (expected, steps) = train(16, 1)?;
        assert_eq!(steps, 2);
        assert_ne!(expected, bits(start()?.parameters()));
        for (batch, accumulate) in [(8, 2), (4, 4), (2, 8)] {
            assert_eq!(train(batch, accumulate)?, (expected.clone(), 2), "{batch} {reduction:?}");
        }
    }
    Ok(())
}

#[test]
fn classes_weigh_what_they_are_given() -> Result<()> {
    let (train, validation) = sets()?;
    let weights: Vec<f32> = (0..10).map(|class| 0.5 + class as f32).collect();
    let (mut expected, cpu, mut workspace) = (network()?, Cpu::serial(), Workspace::new());
    let mut sgd = expected.optimizer(Sgd::new(0.1))?;
    workspace.set_dropout(3, 0);
    by_hand(2, true, (150, 32), |rows| {
        let set = train.select(rows)?;
        let target = Target::WeightedClasses { ids: ids(&set), weights: &weights };
        let batch = (set.inputs().view(), target);
        expected.train_step(cpu, &mut workspace, batch, LOSS, &mut sgd).map(|_| ())
    })?;
    let mut found = network()?;
    let mut sgd = found.optimizer(Sgd::new(0.1))?;
    let mut fit = fit().epochs(2).class_weights(&weights[..]);
    let history = fit.run(&mut found, &mut sgd, &train, Some(&validation), go_on)?;
    assert_eq!(bits(found.parameters()), bits(expected.parameters()));

    // The losses that are reported are weighted, too; the accuracy is not.
    let plain = evaluate(cpu, &found, &mut workspace, &validation, LOSS)?;
    let reported = history[1].validation.expect("a validation set");
    assert_eq!(reported.accuracy, plain.accuracy);
    let mut scores = Tensor::zeros(validation.len(), 10)?;
    let inputs = validation.inputs().view();
    found.predict(cpu, &mut workspace, inputs, scores.view_mut())?;
    let target = Target::WeightedClasses { ids: ids(&validation), weights: &weights };
    let weighted = f64::from(LOSS.value(cpu, scores.view(), target)?);
    assert_eq!(reported.loss, weighted);
    assert_ne!(plain.loss, weighted);
    Ok(())
}

#[test]
fn every_step_is_shown_once_and_one_that_stops_ends_the_run() -> Result<()> {
    let (train, _) = sets()?;
    let (mut network, mut seen) = (network()?, Seen::default());
    let mut sgd = network.optimizer(Sgd::new(0.1))?;
    let mut whole = fit().epochs(2).batch_size(20).accumulate(2);
    let history = whole.run_observed(&mut network, &mut sgd, &train, None, &mut seen)?;
    let shown: Vec<_> =
        seen.steps.iter().map(|s| (s.epoch, s.number, s.steps, s.samples)).collect();
    let epoch = |e| [(e, 1, 4, 40), (e, 2, 4, 40), (e, 3, 4, 40), (e, 4, 4, 30)];
    assert_eq!(shown, [epoch(1), epoch(2)].concat());
    assert!(seen.steps.iter().all(|s| s.loss.is_finite() && s.learning_rate == 0.1));
    assert_eq!(history.iter().map(|epoch| epoch.samples).collect::<Vec<_>>(), [150, 150]);

    let mut seen = Seen { most_steps: Some(6), ..Seen::default() };
    let mut cut = fit().epochs(3).batch_size(40);
    let history = cut.run_observed(&mut network, &mut sgd, &train, None, &mut seen)?;
    assert_eq!((history.len(), seen.steps.len(), cut.state().epochs), (1, 6, 1));
    assert_eq!(cut.stopped(), Some(Stopped::Asked));
    Ok(())
}

#[test]
fn without_its_evaluation_an_epoch_reports_the_mean_of_its_steps() -> Result<()> {
    let (train, _) = sets()?;
    let (mut network, mut seen) = (network()?, Seen::default());
    let mut sgd = network.optimizer(Sgd::new(0.1))?;
    let mut fit = fit().epochs(1).evaluate_train(false);
    let history = fit.run_observed(&mut network, &mut sgd, &train, None, &mut seen)?;
    // The same terms in the same order.
    let terms = seen.steps.iter().map(|s| f64::from(s.loss) * s.samples as f64 / 150.0);
    assert_eq!(history[0].train.loss, terms.fold(0.0, |sum, term| sum + term));
    assert_eq!(history[0].train.accuracy, None);
    Ok(())
}

#[test]
fn what_has_no_meaning_is_refused_before_anything_is_trained() -> Result<()> {
    let (train, _) = sets()?;
    let start = network()?;
    let refused = |mut fit: Fit| -> Error {
        let mut network = start.clone();
        let mut sgd = network.optimizer(Sgd::new(0.1)).expect("an optimizer");
        let error = fit.run(&mut network, &mut sgd, &train, None, go_on).expect_err("an error");
        assert_eq!((network.parameters(), sgd.steps()), (start.parameters(), 0));
        assert_eq!((fit.stopped(), fit.state().epochs), (None, 0));
        error
    };
    let stopping = |min_delta| EarlyStopping { min_delta, ..EarlyStopping::new(1) };
    for (fit, name) in [
        (fit().accumulate(0), "accumulate"),
        (fit().clip_norm(-1.0), "max_norm"),
        (fit().clip_value(f64::NAN), "limit"),
        (fit().early_stopping(stopping(-1.0)), "min_delta"),
        (fit().until_converged(f64::INFINITY, 1), "tolerance"),
        (fit().class_weights([0.0; 10]), "class_weights"),
        (fit().class_weights([f32::NAN; 10]), "class_weights"),
        (fit().class_weights([f32::INFINITY; 10]), "class_weights"),
    ] {
        let error = refused(fit);
        assert!(matches!(error, Error::Value { argument, .. } if argument == name), "{error}");
    }
    let error = refused(fit().class_weights([1.0; 9]));
    assert_eq!(error, Error::Length { argument: "weights", expected: 10, found: 9 });
    let best = Best { epoch: 1, value: 1.0, parameters: vec![0.0; 3] };
    let state = State { best: Some(best), ..State::default() };
    let error = refused(fit().resume(state));
    assert!(matches!(error, Error::Length { argument: "best", found: 3, .. }), "{error}");

    let values = Targets::Values(Tensor::zeros(1, 1)?);
    let set = Dataset::new(Tensor::zeros(1, 1)?, values)?;
    let mut network = Network::mlp(&[1, 1], Activation::Relu, 1)?;
    let mut sgd = network.optimizer(Sgd::new(0.1))?;
    let mut fit = Fit::new(Loss::MSE).class_weights([1.0]);
    let error = fit.run(&mut network, &mut sgd, &set, None, go_on).expect_err("an error");
    assert!(matches!(error, Error::Mismatch { argument: "class_weights", .. }), "{error}");
    Ok(())
}

#[test]
fn what_a_resumed_training_was_like_is_kept() -> Result<()> {
    let (train, validation) = sets()?;
    let (mut network, mut seen) = (network()?, Seen::default());
    let mut adam = network.optimizer(Adam::new(1e-2))?;
    let rule = EarlyStopping::new(9);
    let mut first = fit().epochs(2).early_stopping(rule);
    first.run_observed(&mut network, &mut adam, &train, Some(&validation), &mut seen)?;
    let (_, _, _, state) = seen.checkpoint.expect("an epoch");

    let again = || fit().epochs(1).early_stopping(rule).resume(state.clone());
    let run = |mut fit: Fit, set: &Dataset| {
        let (mut network, mut adam) = (network.clone(), adam.clone());
        fit.run(&mut network, &mut adam, set, Some(&validation), go_on).map(|history| history.len())
    };
    assert_eq!(run(again(), &train)?, 1);
    let fewer = train.select(&[0, 1, 2])?;
    for (fit, set, name) in [
        (again().seed(4), &train, "seed"),
        (again().batch_size(31), &train, "batch_size"),
        (again().accumulate(2), &train, "accumulate"),
        (again().early_stopping(rule.watch(Watch::TrainLoss)), &train, "watch"),
        (again(), &fewer, "train"),
    ] {
        let error = run(fit, set).expect_err("an error");
        assert!(matches!(error, Error::Value { argument, .. } if argument == name), "{error}");
    }
    // On purpose: without the origin, or by the same fit.
    let free = State { origin: None, ..state.clone() };
    assert_eq!(run(again().resume(free).seed(4).batch_size(31), &train)?, 1);
    first = first.batch_size(64);
    assert_eq!(run(first, &train)?, 2);
    Ok(())
}

#[test]
fn an_accuracy_that_there_is_not_cannot_be_watched() -> Result<()> {
    let (train, validation) = sets()?;
    let rule = EarlyStopping::new(1).watch(Watch::Accuracy);
    let run = |fit: Fit, validation: Option<&Dataset>| {
        let mut network = network()?;
        let mut sgd = network.optimizer(Sgd::new(0.1))?;
        let mut fit = fit.epochs(1).early_stopping(rule);
        fit.run(&mut network, &mut sgd, &train, validation, go_on).map(|_| ())
    };
    assert_eq!(run(fit(), None), Ok(()));
    assert_eq!(run(fit().evaluate_train(false), Some(&validation)), Ok(()));
    let error = run(fit().evaluate_train(false), None);
    assert!(matches!(error, Err(Error::Mismatch { argument: "watch", .. })), "{error:?}");

    let values = Targets::Values(Tensor::zeros(2, 1)?);
    let set = Dataset::new(Tensor::zeros(2, 1)?, values)?;
    let mut network = Network::mlp(&[1, 1], Activation::Relu, 1)?;
    let mut sgd = network.optimizer(Sgd::new(0.1))?;
    let mut fit = Fit::new(Loss::MSE).early_stopping(rule);
    let error = fit.run(&mut network, &mut sgd, &set, Some(&set), go_on).map(|_| ());
    assert!(matches!(error, Err(Error::Mismatch { argument: "watch", .. })), "{error:?}");
    Ok(())
}

#[test]
fn an_observer_sees_inside_the_network() -> Result<()> {
    struct Inside(usize);
    impl Observer for Inside {
        fn on_step(&mut self, _: &Step, network: &Network, at: &Workspace) -> ControlFlow<()> {
            assert!(network.activation_statistics(at).is_some());
            assert_eq!(network.gradients(at).len(), network.parameters().len());
            self.0 += 1;
            Continue(())
        }
    }
    let (train, _) = sets()?;
    let (mut network, mut inside) = (network()?, Inside(0));
    let mut sgd = network.optimizer(Sgd::new(0.1))?;
    fit().epochs(1).run_observed(&mut network, &mut sgd, &train, None, &mut inside)?;
    assert_eq!(inside.0, 5);
    Ok(())
}

#[test]
fn a_network_with_two_outputs_is_refused() -> Result<()> {
    let (train, _) = sets()?;
    let mut network = Network::graph(64)
        .dense("a", "input", 10, Activation::Identity)
        .dense("b", "input", 10, Activation::Identity)
        .output("a")
        .output("b")
        .build()?;
    let mut sgd = network.optimizer(Sgd::new(0.1))?;
    let found = fit().run(&mut network, &mut sgd, &train, None, go_on).map(|_| ());
    assert_eq!(found, Err(Error::Length { argument: "outputs", expected: 1, found: 2 }));
    Ok(())
}

#[test]
fn a_history_is_a_table() -> Result<()> {
    let (train, validation) = sets()?;
    let mut network = network()?;
    let mut sgd = network.optimizer(Sgd::new(0.1))?;
    let history = fit().epochs(2).run(&mut network, &mut sgd, &train, Some(&validation), go_on)?;
    let text = csv(&history);
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 3);
    let names = [
        "epoch",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "learning_rate",
        "samples",
        "seconds",
    ];
    assert_eq!(lines[0], names);
    for (epoch, line) in history.iter().zip(&lines[1..]) {
        let validation = epoch.validation.expect("a validation set");
        let expected = [
            epoch.number as f64,
            epoch.train.loss,
            epoch.train.accuracy.expect("classes"),
            validation.loss,
            validation.accuracy.expect("classes"),
            epoch.learning_rate,
            epoch.samples as f64,
            epoch.time.as_secs_f64(),
        ];
        let found: Vec<f64> = line.iter().map(|n| n.parse().expect("a number")).collect();
        assert_eq!(found, expected);
    }

    // What there is not is empty.
    let (x, t) = (Tensor::zeros(2, 1)?, Targets::Values(Tensor::zeros(2, 1)?));
    let mut network = Network::mlp(&[1, 1], Activation::Relu, 1)?;
    let mut sgd = network.optimizer(Sgd::new(0.1))?;
    let mut fit = Fit::new(Loss::MSE).epochs(1);
    let history = fit.run(&mut network, &mut sgd, &Dataset::new(x, t)?, None, go_on)?;
    let text = csv(&history);
    let line = text.lines().nth(1).expect("an epoch");
    assert!(line.starts_with("1,0,,,,0.1,2,"), "{line}");
    Ok(())
}

#[test]
fn any_number_of_threads_trains_to_the_same_bits() -> Result<()> {
    let (train, validation) = sets()?;
    let run = |cpu: Cpu| -> Result<(Vec<u32>, Vec<u64>)> {
        // Wide enough that a step is worth several threads.
        let mut network = Network::builder(64)
            .dense(700, Activation::Relu)
            .dropout(0.5)
            .dense(700, Activation::Relu)
            .dense(10, Activation::Identity)
            .build()?;
        let mut adam: Optimizer = network.optimizer(Adam::new(1e-3))?;
        let mut fit = fit().cpu(cpu).epochs(2).batch_size(150).clip_norm(1.0);
        let history = fit.run(&mut network, &mut adam, &train, Some(&validation), go_on)?;
        let losses = history.iter().map(|epoch| epoch.train.loss.to_bits()).collect();
        Ok((bits(network.parameters()), losses))
    };
    let expected = run(Cpu::serial())?;
    assert_eq!(run(Cpu::detect())?, expected);
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        assert_eq!(pool.install(|| run(Cpu::detect()))?, expected);
    }
    Ok(())
}

/// Where a run's observer is called.
#[derive(Default)]
struct Threads(Vec<Option<usize>>);

impl Observer for Threads {
    fn on_step(&mut self, _: &Step, _: &Network, _: &Workspace) -> ControlFlow<()> {
        self.0.push(rayon::current_thread_index());
        Continue(())
    }
}

#[test]
fn the_pool_is_entered_once_and_not_at_all_by_one_thread() -> Result<()> {
    let (train, _) = sets()?;
    let run = |cpu: Cpu| -> Result<Vec<Option<usize>>> {
        let (mut network, mut threads) = (network()?, Threads::default());
        let mut sgd = network.optimizer(Sgd::new(0.1))?;
        fit().cpu(cpu).epochs(3).run_observed(
            &mut network,
            &mut sgd,
            &train,
            None,
            &mut threads,
        )?;
        Ok(threads.0)
    };
    assert_eq!(run(Cpu::serial())?, [None; 15]);
    let entered = run(Cpu::detect())?;
    assert!(entered.iter().all(|thread| thread.is_some() == cfg!(feature = "rayon")));
    assert!(entered.iter().all(|thread| *thread == entered[0]), "{entered:?}");
    Ok(())
}

#[test]
fn gradients_and_an_update_are_a_step() -> Result<()> {
    let (train, _) = sets()?;
    let (mut a, mut b, cpu) = (network()?, network()?, Cpu::serial());
    let mut sgd = [a.optimizer(Sgd::new(0.1))?, b.optimizer(Sgd::new(0.1))?];
    let mut workspaces = [Workspace::new(), Workspace::new()];
    let x: View<'_> = train.inputs().view();
    for _ in 0..2 {
        let batch = (x, Target::Classes(ids(&train)));
        a.train_step(cpu, &mut workspaces[0], batch, LOSS, &mut sgd[0])?;
        b.accumulate(cpu, &mut workspaces[1], batch, LOSS, (Accum::Replace, 1.0))?;
        b.update(cpu, &workspaces[1], &mut sgd[1])?;
    }
    assert_eq!(bits(a.parameters()), bits(b.parameters()));
    Ok(())
}

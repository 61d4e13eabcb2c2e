//! Networks, initialisers, data sets and training with shapes and settings that have
//! no meaning: an error names the culprit, and nothing changes. Nothing panics.

mod support;

use std::ops::ControlFlow;

use densecore::init::Init;
use densecore::loss::Reduction;
use densecore::optim::{Adam, Optimizer, Sgd};
use densecore::train::{Fit, evaluate};
use densecore::{
    Activation, Dataset, Error, Loss, Network, Result, Target, Targets, Tensor, Workspace,
};
use support::cpus;
use support::errors::{bad_value, filled, length, refused, shape, untouched};

const HUGE: usize = usize::MAX;

#[test]
fn passes_of_a_network_on_shapes_that_do_not_fit() -> Result<()> {
    let loss = Loss::CrossEntropy(Reduction::Mean);
    for cpu in cpus() {
        let mut network = Network::mlp(&[3, 5, 2], Activation::Relu, 1)?;
        let (x, narrow, mut workspace) = (filled(4, 3), filled(4, 2), Workspace::new());
        let input = shape("input", (4, 3), (4, 2));
        let mut y = filled(4, 2);
        refused(network.predict(cpu, &mut workspace, narrow.view(), y.view_mut()), input);
        refused(network.forward(cpu, &mut workspace, narrow.view()), input);
        for (rows, cols) in [(3, 2), (4, 3), (2, 4)] {
            let mut y = filled(rows, cols);
            let error = shape("output", (4, 2), (rows, cols));
            refused(network.predict(cpu, &mut workspace, x.view(), y.view_mut()), error);
            untouched(&y);
        }

        // A backward pass needs a forward pass of the same batch and network.
        let mut d_x = filled(4, 3);
        let no_pass = Error::Mismatch {
            argument: "workspace",
            expected: "a forward pass of this network on this batch",
            found: "another one, or none",
        };
        let mut backward = |workspace: &mut Workspace, x: &Tensor, d_y: &Tensor| {
            let d_x = Some(d_x.view_mut());
            network.backward(cpu, workspace, x.view(), d_y.view(), d_x)
        };
        refused(backward(&mut workspace, &x, &y), no_pass);
        network.forward(cpu, &mut workspace, x.view().rows_range(0, 3))?;
        refused(backward(&mut workspace, &x, &y), no_pass);
        Network::mlp(&[3, 9, 9, 2], Activation::Relu, 1)?.forward(cpu, &mut workspace, x.view())?;
        refused(backward(&mut workspace, &x, &y), no_pass);
        network.forward(cpu, &mut workspace, x.view())?;
        refused(backward(&mut workspace, &narrow, &y), input);
        refused(backward(&mut workspace, &x, &filled(4, 3)), shape("d_output", (4, 2), (4, 3)));
        refused(backward(&mut workspace, &x, &filled(3, 2)), shape("d_output", (4, 2), (3, 2)));
        untouched(&d_x);
        let (mut wide, d_x) = (filled(4, 4), shape("d_input", (4, 3), (4, 4)));
        let to = Some(wide.view_mut());
        refused(network.backward(cpu, &mut workspace, x.view(), y.view(), to), d_x);
        untouched(&wide);

        let mut optimizer = network.optimizer(Adam::new(0.1))?;
        let mut other = Optimizer::new(Adam::new(0.1), 3)?;
        let before = network.parameters().to_vec();
        let ids = [0, 1, 0, 1];
        let mut train = |x: &Tensor, ids: &[u32], optimizer: &mut Optimizer| {
            let sample = (x.view(), Target::Classes(ids));
            network.train_step(cpu, &mut workspace, sample, loss, optimizer)
        };
        refused(train(&narrow, &ids, &mut optimizer), input);
        refused(train(&x, &ids[..3], &mut optimizer), length("classes", 4, 3));
        let class = Error::Class { row: 3, found: 2, classes: 2 };
        refused(train(&x, &[0, 1, 0, 2], &mut optimizer), class);
        let parameters = length("parameters", 3, before.len());
        refused(train(&x, &ids, &mut other), parameters);
        assert_eq!((optimizer.steps(), other.steps()), (0, 0));
        assert_eq!(network.parameters(), before);
    }
    Ok(())
}

#[test]
fn networks_that_cannot_be_built() {
    let relu = Activation::Relu;
    bad_value(Network::builder(3).build(), "layers", 0.0);
    bad_value(Network::builder(0).dense(2, relu).build(), "inputs", 0.0);
    bad_value(Network::builder(3).dense(0, relu).build(), "width", 0.0);
    bad_value(Network::builder(3).dense(2, relu).dense_without_bias(0, relu).build(), "width", 0.0);
    bad_value(Network::mlp(&[], relu, 1), "layers", 0.0);
    bad_value(Network::mlp(&[3], relu, 1), "layers", 0.0);
    bad_value(Network::mlp(&[0, 3], relu, 1), "inputs", 0.0);
    bad_value(Network::mlp(&[3, 0, 3], relu, 1), "width", 0.0);
    let init = Init::Normal { mean: 0.0, std: -1.0 };
    bad_value(Network::builder(3).dense(2, relu).init(init).build(), "std", -1.0);

    let overflow = |argument, found| Error::Overflow { argument, found };
    let build = |widths: &[usize]| Network::mlp(widths, relu, 1).map(|_| ());
    refused(build(&[HUGE, HUGE]), overflow("weight", (HUGE, HUGE)));
    refused(build(&[2, HUGE]), overflow("weight", (2, HUGE)));
    refused(build(&[1, 2, HUGE / 2]), overflow("weight", (2, HUGE / 2)));
    // Each weight fits, their sum does not.
    match build(&[1, 1 << 60, 1, 1 << 60]) {
        Err(error @ Error::Overflow { argument: "parameters", .. }) => {
            refused::<()>(Err(error), error)
        }
        other => panic!("{other:?}"),
    }
    // 2^61 bytes: a number, but more than any address space has.
    match build(&[1 << 29, 1 << 30]) {
        Err(Error::OutOfMemory { bytes }) => assert!(bytes >= 1 << 61, "{bytes}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn settings_of_initialisers_without_a_meaning() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    for (init, name, value) in [
        (Init::Constant(nan), "constant", nan),
        (Init::Uniform { low: 1.0, high: 0.0 }, "low", 1.0),
        (Init::Uniform { low: -inf, high: 0.0 }, "low", -inf),
        (Init::Uniform { low: 0.0, high: inf }, "high", inf),
        (Init::Normal { mean: inf, std: 1.0 }, "mean", inf),
        (Init::Normal { mean: 0.0, std: nan }, "std", nan),
        (Init::XavierUniform { gain: -1.0 }, "gain", -1.0),
        (Init::XavierNormal { gain: inf }, "gain", inf),
    ] {
        let mut weights = [7.0; 6];
        bad_value(init.fill(&mut weights, 2, 3, 1, 0), name, f64::from(value));
        assert_eq!(weights, [7.0; 6]);
    }
    // Sizes are only numbers here.
    let mut weights = [7.0; 6];
    assert_eq!(
        Init::XavierUniform { gain: 1.0 }.fill(&mut weights, HUGE, HUGE, HUGE as u64, 0),
        Ok(())
    );
}

fn set(inputs: Tensor, classes: usize) -> Dataset {
    let ids = (0..inputs.rows()).map(|i| (i % classes) as u32).collect();
    Dataset::new(inputs, Targets::Classes { ids, classes }).expect("a data set")
}

#[test]
fn training_on_sets_that_do_not_fit_changes_nothing() -> Result<()> {
    for cpu in cpus() {
        let mut network = Network::mlp(&[3, 4, 2], Activation::Relu, 1)?;
        let before = network.parameters().to_vec();
        let mut optimizer = network.optimizer(Sgd::new(0.1))?;
        let loss = Loss::CrossEntropy(Reduction::Mean);
        let good = set(filled(6, 3), 2);
        let mut fit = |mut fit: Fit, train: &Dataset, validation: Option<&Dataset>| {
            let go_on = |_: &_, _: &_| ControlFlow::Continue(());
            let result = fit.run(&mut network, &mut optimizer, train, validation, go_on);
            assert_eq!(network.parameters(), before, "{result:?}");
            assert_eq!(optimizer.steps(), 0);
            result
        };
        let fit_all = Fit::new(loss).cpu(cpu).epochs(1).batch_size(6);
        bad_value(fit(fit_all.clone().batch_size(0), &good, None), "batch_size", 0.0);
        bad_value(fit(fit_all.clone(), &set(Tensor::zeros(0, 3)?, 2), None), "train", 0.0);
        refused(fit(fit_all.clone(), &set(filled(6, 4), 2), None), shape("input", (6, 3), (6, 4)));
        let class = Error::Class { row: 2, found: 2, classes: 2 };
        refused(fit(fit_all.clone(), &set(filled(6, 3), 3), None), class);
        // Found before the first epoch, not after it.
        let validation = set(filled(5, 4), 2);
        refused(fit(fit_all.clone(), &good, Some(&validation)), shape("input", (5, 3), (5, 4)));
        let values = Dataset::new(filled(6, 3), Targets::Values(filled(6, 2)))?;
        for sets in [(&values, None), (&good, Some(&values))] {
            let error = Error::Mismatch {
                argument: "target",
                expected: "class ids, for a likelihood",
                found: "values",
            };
            let fit_all = Fit::new(Loss::Nll(Reduction::Mean)).cpu(cpu).epochs(1);
            refused(fit(fit_all, sets.0, sets.1), error);
        }
        // As many samples as can be counted, without inputs: no memory is asked for them first.
        let endless =
            Dataset::new(Tensor::zeros(HUGE, 0)?, Targets::Values(Tensor::zeros(HUGE, 0)?))?;
        let error = fit(fit_all.clone(), &endless, None).expect_err("it does not fit");
        assert!(matches!(error, Error::Shape { argument: "input", .. }), "{error:?}");

        let mut workspace = Workspace::new();
        let (wide, more) = (set(filled(6, 4), 2), set(filled(6, 3), 3));
        let mut evaluated = |set: &Dataset| evaluate(cpu, &network, &mut workspace, set, loss);
        refused(evaluated(&wide), shape("input", (6, 3), (6, 4)));
        refused(evaluated(&more), class);
        assert!(evaluated(&endless).is_err());
    }
    Ok(())
}

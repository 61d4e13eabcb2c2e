//! Predicts a number: the quality of red wines, given by tasters, from eleven measurements.
//!
//! ```text
//! cargo run --release --example wine
//! ```
//!
//! Among what it prints:
//!
//! ```text
//! $ cargo run --release --example wine | tail -13
//!                          RMSE       R2
//! always the mean, test   0.793   -0.000
//! linear, test set        0.658    0.311
//! network, training set   0.572    0.502
//! network, test set       0.632    0.364
//!
//! quality   wines   mean prediction   RMSE
//!       4      14              5.22   1.29
//!       5     134              5.34   0.53
//!       6     124              5.76   0.51
//!       7      47              6.26   0.84
//!       8       1              6.93   1.07
//! ```

mod common;

use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Parser;
use common::plot::Curve;
use common::training::Training;
use common::{Outcome, start};
use densecore::data::Standardize;
use densecore::optim::Adam;
use densecore::train::{Epoch, Fit, r2, rmse};
use densecore::{Activation, Cpu, Dataset, Loss, Network, Targets, Tensor, Workspace};
use flate2::read::GzDecoder;

/// Eleven measurements of a wine, then its quality, below a line of their names;
/// `data/README.md` tells where from.
static WINES: &[u8] = include_bytes!("../data/winequality-red.csv.gz");
const COLUMNS: usize = 12;

/// Predict the quality of 1,599 red wines from eleven measurements.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    training: Training,
}

impl common::Options for Options {
    fn training(&self) -> &Training {
        &self.training
    }
}

fn main() -> ExitCode {
    let defaults =
        [("epochs", "60"), ("batch", "32"), ("lr", "2e-3"), ("hidden", "64,64"), ("decay", "1")];
    start(&defaults, run)
}

fn run(options: &Options) -> Outcome {
    let options = &options.training;
    let plots = options.plots()?;
    let (train, test) = wines()?.split(0.8, options.seed)?;

    // Both, inputs and targets, by the samples that are trained on.
    let scale = Standardize::fit(train.inputs().view())?;
    let quality = Standardize::fit(values(&train)?.view())?;
    let standardized = |set: &Dataset| -> Outcome<Dataset> {
        let (inputs, mut targets) = set.clone().into_parts();
        if let Targets::Values(values) = &mut targets {
            quality.apply(values.view_mut())?;
        }
        Ok(scale.dataset(Dataset::new(inputs, targets)?)?)
    };
    let (train_set, test_set) = (standardized(&train)?, standardized(&test)?);
    // The loss is the mean of squares of standardised qualities; its root in points of quality:
    let points = |loss: f64| loss.sqrt() * quality.scale()[0];
    let report = |epoch: &Epoch, beside: &str| {
        let other = epoch.validation.map_or(f64::NAN, |other| other.loss);
        format!("RMSE  train {:.3}   {beside} {:.3}", points(epoch.train.loss), points(other))
    };
    let trained = options.run((&train_set, &test_set), 1, Loss::MSE, report)?;

    let mut out = io::stdout();
    writeln!(out, "\n                     {:>8} {:>8}", "RMSE", "R2")?;
    let mean = Tensor::from_vec(test.len(), 1, vec![quality.mean()[0] as f32; test.len()])?;
    let linear = linear(options, &train_set)?;
    for (name, set, predicted) in [
        ("always the mean, test", &test, mean),
        ("linear, test set", &test, predict(&linear, &test_set, &quality)?),
        ("network, training set", &train, predict(&trained.network, &train_set, &quality)?),
        ("network, test set", &test, predict(&trained.network, &test_set, &quality)?),
    ] {
        let (found, target) = (predicted.view(), values(set)?.view());
        writeln!(out, "{name:<22}{:>7.3} {:>8.3}", rmse(found, target)?, r2(found, target)?)?;
    }
    let predicted = predict(&trained.network, &test_set, &quality)?;
    let dots = pairs(values(&test)?, &predicted);
    by_quality(&mut out, &dots)?;
    if let Some(plots) = plots {
        let curve = Curve {
            title: "Root mean squared error",
            axis: "points of quality",
            log: false,
            value: &|evaluation| points(evaluation.loss),
        };
        plots.curves(&trained.history, trained.beside, &[curve])?;
        plots.predictions("Red wines of the test set", "quality", &dots, 0.3)?;
        if let Some(layer) = trained.network.layer(0) {
            plots.first_layer_table(layer.weight, &names()?)?;
        }
        writeln!(out, "pictures are in {}", plots.folder().display())?;
    }
    Ok(())
}

fn values(set: &Dataset) -> Outcome<&Tensor> {
    match set.targets() {
        Targets::Values(values) => Ok(values),
        _ => Err("wines have values".into()),
    }
}

/// What can be done without a hidden layer, to compare with.
fn linear(options: &Training, train: &Dataset) -> Outcome<Network> {
    let mut network = Network::mlp(&[COLUMNS - 1, 1], Activation::Identity, options.seed)?;
    let mut optimizer = network.optimizer(Adam::new(options.lr))?;
    let mut fit = Fit::new(Loss::MSE).epochs(options.epochs as usize);
    fit.run(&mut network, &mut optimizer, train, None, |_, _| ControlFlow::Continue(()))?;
    Ok(network)
}

/// Predicted qualities, in points.
fn predict(network: &Network, set: &Dataset, quality: &Standardize) -> Outcome<Tensor> {
    let mut output = Tensor::zeros(set.len(), 1)?;
    let inputs = set.inputs().view();
    network.predict(Cpu::detect(), &mut Workspace::new(), inputs, output.view_mut())?;
    quality.undo(output.view_mut())?;
    Ok(output)
}

fn pairs(given: &Tensor, predicted: &Tensor) -> Vec<(f64, f64)> {
    let pairs = given.as_slice().iter().zip(predicted.as_slice());
    pairs.map(|(&given, &predicted)| (given.into(), predicted.into())).collect()
}

/// What is predicted for the wines of each quality.
fn by_quality(out: &mut impl Write, dots: &[(f64, f64)]) -> Outcome {
    writeln!(out, "\nquality   wines   mean prediction   RMSE")?;
    for quality in 0..=10 {
        let of = || dots.iter().filter(|dot| dot.0 == f64::from(quality));
        let n = of().count();
        if n > 0 {
            let mean = of().map(|dot| dot.1).sum::<f64>() / n as f64;
            let square = of().map(|dot| (dot.1 - dot.0).powi(2)).sum::<f64>() / n as f64;
            writeln!(out, "{quality:>7}   {n:>5}   {mean:>15.2}   {:.2}", square.sqrt())?;
        }
    }
    writeln!(out)?;
    Ok(())
}

fn table() -> Outcome<String> {
    let mut text = String::new();
    GzDecoder::new(WINES).read_to_string(&mut text)?;
    Ok(text)
}

/// The names of the measurements.
fn names() -> Outcome<Vec<String>> {
    let text = table()?;
    let header = text.lines().next().unwrap_or_default();
    let names = header.split(',').take(COLUMNS - 1);
    Ok(names.map(|name| name.trim_matches('"').to_string()).collect())
}

/// `inputs [1599, 11]`, `values [1599, 1]`.
fn wines() -> Outcome<Dataset> {
    let (mut inputs, mut qualities) = (Vec::new(), Vec::new());
    for line in table()?.lines().skip(1) {
        let row: Vec<f32> = line.split(',').map(str::parse).collect::<Result<_, _>>()?;
        let [measured @ .., quality] = row.as_slice() else { continue };
        inputs.extend(measured);
        qualities.push(*quality);
    }
    let rows = qualities.len();
    let inputs = Tensor::from_vec(rows, COLUMNS - 1, inputs)?;
    Ok(Dataset::new(inputs, Targets::Values(Tensor::from_vec(rows, 1, qualities)?))?)
}

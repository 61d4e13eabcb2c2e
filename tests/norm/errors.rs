//! Calls of the normalisers that must fail, and write nothing.

use densecore::gemm::Accum;
use densecore::norm::batch::{BatchNorm, Running, evaluate, train};
use densecore::norm::layer::{self, LayerNorm};
use densecore::norm::rms::{self, RmsNorm};
use densecore::norm::{Gradients, Saved, SavedMut};
use densecore::{Cpu, Error, Result, Scratch};

use crate::support::errors::{filled, length, refused, shape, untouched};

fn value(argument: &'static str, expected: &'static str, found: f64) -> Error {
    Error::Value { argument, expected, found }
}

/// Lengths and shapes of everything, all right but for what a case changes; 4 rows of 3.
#[derive(Clone)]
struct Sizes {
    eps: f64,
    momentum: f64,
    gamma: usize,
    beta: usize,
    running_mean: usize,
    running_var: usize,
    input: (usize, usize),
    output: (usize, usize),
    mean: usize,
    rstd: usize,
    d_output: (usize, usize),
    d_gamma: usize,
    d_beta: usize,
}

/// By rows there are 4 statistics, by columns 3.
fn sizes(statistics: usize) -> Sizes {
    Sizes {
        eps: 1e-5,
        momentum: 0.1,
        gamma: 3,
        beta: 3,
        running_mean: 3,
        running_var: 3,
        input: (4, 3),
        output: (4, 3),
        mean: statistics,
        rstd: statistics,
        d_output: (4, 3),
        d_gamma: 3,
        d_beta: 3,
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Layer,
    Rms,
    Train,
    Evaluate,
}

/// A forward and a backward pass, neither of which may write if it fails.
fn call(call: Call, sizes: &Sizes) -> [Result<()>; 2] {
    let (cpu, Sizes { eps, momentum, .. }) = (Cpu::detect(), sizes.clone());
    let ones = |len: usize| vec![7.0; len];
    let (gamma, beta) = (&ones(sizes.gamma)[..], &ones(sizes.beta)[..]);
    let (mut running_mean, mut running_var) = (ones(sizes.running_mean), ones(sizes.running_var));
    let (mut mean, mut rstd) = (ones(sizes.mean), ones(sizes.rstd));
    let (mut d_gamma, mut d_beta) = (ones(sizes.d_gamma), ones(sizes.d_beta));
    let input = filled(sizes.input.0, sizes.input.1);
    let d_output = filled(sizes.d_output.0, sizes.d_output.1);
    let mut output = filled(sizes.output.0, sizes.output.1);
    let mut d_input = filled(sizes.output.0, sizes.output.1);
    let (layer_norm, rms_norm) = (LayerNorm { gamma, beta, eps }, RmsNorm { gamma, eps });
    let batch_norm = BatchNorm { gamma, beta, eps };

    let (x, y) = (input.view(), output.view_mut());
    let saved = SavedMut { mean: &mut mean, rstd: &mut rstd };
    let forward = match call {
        Call::Layer => layer::forward(cpu, layer_norm, x, y, saved),
        Call::Rms => rms::forward(cpu, rms_norm, x, y, saved.rstd),
        Call::Train => {
            let (mean, var) = (&mut running_mean[..], &mut running_var[..]);
            train::forward(cpu, batch_norm, train::RunningMut { mean, var, momentum }, x, y, saved)
        }
        Call::Evaluate => {
            let running = Running { mean: &running_mean, var: &running_var };
            evaluate::forward(cpu, batch_norm, running, x, y, saved)
        }
    };
    if forward.is_err() {
        untouched(&output);
        for written in [&running_mean, &running_var, &mean, &rstd] {
            assert!(written.iter().all(|&x| x == 7.0), "{call:?}");
        }
    }
    let (d_y, accum) = (d_output.view(), Accum::Replace);
    let saved = Saved { input: x, mean: &mean, rstd: &rstd };
    let (d_gamma_to, d_beta_to) = (&mut d_gamma[..], &mut d_beta[..]);
    let to =
        Gradients { d_input: d_input.view_mut(), d_gamma: d_gamma_to, d_beta: d_beta_to, accum };
    let mut scratch = Scratch::new();
    let backward = match call {
        Call::Layer => layer::backward(cpu, layer_norm, saved, d_y, to),
        Call::Rms => {
            let saved = rms::Saved { input: x, rstd: saved.rstd };
            let Gradients { d_input, d_gamma, .. } = to;
            rms::backward(cpu, rms_norm, saved, d_y, rms::Gradients { d_input, d_gamma, accum })
        }
        Call::Train => train::backward(cpu, &mut scratch, batch_norm, saved, d_y, to),
        Call::Evaluate => evaluate::backward(cpu, batch_norm, saved, d_y, to),
    };
    if backward.is_err() {
        untouched(&d_input);
        assert!(d_gamma.iter().chain(&d_beta).all(|&x| x == 7.0), "{call:?}");
    }
    [forward, backward]
}

#[test]
fn what_does_not_fit_is_named_and_nothing_is_written() {
    for kind in [Call::Layer, Call::Rms, Call::Train, Call::Evaluate] {
        let is_batch = matches!(kind, Call::Train | Call::Evaluate);
        let statistics = if is_batch { 3 } else { 4 };
        let good = sizes(statistics);
        assert_eq!(call(kind, &good), [Ok(()); 2], "{kind:?}");
        let both = |sizes: Sizes, error: Error| {
            for result in call(kind, &sizes) {
                refused(result, error);
            }
        };
        let forward = |sizes: Sizes, error: Error| refused(call(kind, &sizes)[0], error);
        let backward = |sizes: Sizes, error: Error| refused(call(kind, &sizes)[1], error);
        for eps in [-1.0, f64::NAN, f64::INFINITY] {
            let error = value("eps", "a finite number not below 0", eps);
            both(Sizes { eps, ..good.clone() }, error);
        }
        both(Sizes { gamma: 4, ..good.clone() }, length("gamma", 3, 4));
        both(Sizes { rstd: 5, ..good.clone() }, length("rstd", statistics, 5));
        forward(Sizes { output: (4, 2), ..good.clone() }, shape("output", (4, 3), (4, 2)));
        forward(Sizes { output: (5, 3), ..good.clone() }, shape("output", (4, 3), (5, 3)));
        backward(Sizes { output: (5, 3), ..good.clone() }, shape("d_input", (4, 3), (5, 3)));
        backward(Sizes { d_output: (3, 4), ..good.clone() }, shape("d_output", (4, 3), (3, 4)));
        backward(Sizes { d_gamma: 2, ..good.clone() }, length("d_gamma", 3, 2));
        if kind != Call::Rms {
            both(Sizes { beta: 2, ..good.clone() }, length("beta", 3, 2));
            both(Sizes { mean: 2, ..good.clone() }, length("mean", statistics, 2));
            backward(Sizes { d_beta: 4, ..good.clone() }, length("d_beta", 3, 4));
        }
        if is_batch {
            forward(Sizes { running_mean: 4, ..good.clone() }, length("running_mean", 3, 4));
            forward(Sizes { running_var: 2, ..good.clone() }, length("running_var", 3, 2));
        }
    }
}

#[test]
fn training_needs_a_variance_and_a_share() {
    let good = sizes(3);
    let one = Sizes { input: (1, 3), output: (1, 3), d_output: (1, 3), ..good.clone() };
    let expected = "at least 2 rows, for their variance";
    refused(call(Call::Train, &one)[0], value("input", expected, 1.0));
    for momentum in [-0.1, 1.1, f64::NAN] {
        let error = value("momentum", "a number from 0 to 1", momentum);
        refused(call(Call::Train, &Sizes { momentum, ..good.clone() })[0], error);
    }
}

//! How the cost of densecore grows with the width of a network and the samples of a batch. No result is
//! compared here: `steps` and `inference` do it.

use std::process::ExitCode;

use densecore::optim::Sgd;
use densecore::{Activation, Cpu, Loss, Network, PackedNetwork, Target, Tensor, Workspace};

use crate::machine::Limit;
use crate::measure::{Batch, batch, micros, random, take_turns};
use crate::options::Run;

const WIDTHS: [usize; 6] = [8, 32, 128, 512, 2048, 4096];
const BATCHES: [usize; 7] = [1, 4, 16, 64, 256, 1024, 4096];

/// The speed of the machine.
struct Machine {
    threads: usize,
    /// Operations a second of all cores.
    peak: f64,
    /// Bytes a second read of the weights of a network of each width.
    rates: [f64; WIDTHS.len()],
}

/// Weights of a network of two layers, without biases.
fn weights(width: usize) -> usize {
    2 * width * width
}

/// Prints a table for predictions, and one for steps.
pub fn growth(options: &Run) -> ExitCode {
    options.start_pinned();
    rayon::scope(|_| {
        let threads = options.threads();
        let machine = Machine {
            threads,
            peak: Limit::operations().rate_alone(),
            rates: WIDTHS.map(|width| Limit::bytes(weights(width)).rate_alone()),
        };
        println!(
            "{threads} threads; two layers with ReLU between; microseconds, and in percent what \
             the larger of two floors is of them: operations over the peak, and weights (read once \
             by a prediction, three times by a step) over the rate at which so many bytes are read"
        );
        let cpu = if threads > 1 { Cpu::detect() } else { Cpu::serial() };
        let operations = |width, rows| (2 * rows * weights(width)) as f64;
        table("prediction, weights packed", &machine, (options, 1.0, operations), |width, rows| {
            prediction(cpu, width, rows)
        });
        // Three products for each layer, but no gradient of the input.
        let operations = |width, rows| (5 * rows * weights(width)) as f64;
        table("training step, SGD", &machine, (options, 3.0, operations), |width, rows| {
            step(cpu, width, rows)
        });
    });
    ExitCode::SUCCESS
}

fn table(
    name: &str,
    machine: &Machine,
    (options, reads, operations): (&Run, f64, impl Fn(usize, usize) -> f64),
    prepare: impl Fn(usize, usize) -> Box<dyn FnMut()>,
) {
    print!("\n| {name}, batch |");
    WIDTHS.iter().for_each(|width| print!(" width {width} |"));
    println!("\n|---|{}", "---|".repeat(WIDTHS.len()));
    for rows in BATCHES {
        print!("| {rows} |");
        for (width, rate) in WIDTHS.into_iter().zip(machine.rates) {
            let mut call = prepare(width, rows);
            let run: Box<dyn FnMut(f64) -> Batch> = Box::new(|seconds| batch(seconds, &mut call));
            let seconds = take_turns(&mut [run], machine.threads, options.seconds)[0];
            let read = reads * (4 * weights(width)) as f64 / rate;
            let floor = f64::max(operations(width, rows) / machine.peak, read);
            print!(" {} ({:.0} %) |", micros(seconds), 100.0 * floor / seconds);
        }
        println!();
    }
}

fn matrix(rows: usize, width: usize, stream: u64) -> Tensor {
    Tensor::from_vec(rows, width, random(rows * width, stream)).expect("the length fits")
}

fn network(width: usize) -> Network {
    Network::mlp(&[width; 3], Activation::Relu, 1).expect("the widths are positive")
}

fn prediction(cpu: Cpu, width: usize, rows: usize) -> Box<dyn FnMut()> {
    let packed = PackedNetwork::new(cpu, network(width)).expect("there is memory for both");
    let (mut workspace, input) = (Workspace::new(), matrix(rows, width, 2));
    let mut output = matrix(rows, width, 3);
    Box::new(move || {
        let done = packed.predict(cpu, &mut workspace, input.view(), output.view_mut());
        done.expect("the shapes fit");
    })
}

fn step(cpu: Cpu, width: usize, rows: usize) -> Box<dyn FnMut()> {
    let (mut network, mut workspace) = (network(width), Workspace::new());
    let mut optimizer = network.optimizer(Sgd::new(1e-4)).expect("the settings are sound");
    let (input, values) = (matrix(rows, width, 2), matrix(rows, width, 3));
    Box::new(move || {
        let sample = (input.view(), Target::Values(values.view()));
        let done = network.train_step(cpu, &mut workspace, sample, Loss::MSE, &mut optimizer);
        done.expect("the shapes fit");
    })
}

//! Trains a network on 1,797 handwritten digits that come with the crate, and shows what it has
//! learned.
//!
//! ```text
//! cargo run --release --example digits
//! cargo run --release --example digits -- --help
//! ```

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use densecore::optim::Adam;
use densecore::simd::Level;
use densecore::train::{Epoch, Fit, evaluate, predicted_class};
use densecore::{Activation, Cpu, Dataset, Loss, Network, Targets, Tensor, Workspace, data};
use indicatif::{ProgressBar, ProgressStyle};

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Train a network on the 8x8 digits embedded in densecore.
#[derive(Parser)]
struct Options {
    /// Passes over the training set
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Samples per training step
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    batch: u32,
    /// Learning rate of Adam
    #[arg(long, default_value_t = 2e-3, allow_negative_numbers = true)]
    lr: f64,
    /// Width of each hidden layer, separated by commas
    #[arg(long, default_value = "128", value_delimiter = ',')]
    hidden: Vec<usize>,
    /// Seed of the split, the initial weights and the order of samples
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Threads, up to 256; 0 is one for each core
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=256))]
    threads: u16,
}

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        // Help and version go to standard output and are no failure; anything else is one line.
        Err(help) if !help.use_stderr() => {
            let _ = help.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let text = error.to_string();
            return fail(text.lines().next().unwrap_or_default().trim_start_matches("error: "));
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output, such as `head`, has seen enough.
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

fn fail(message: impl Display) -> ExitCode {
    eprintln!("error: {message} (--help lists the options)");
    ExitCode::FAILURE
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

fn run(options: &Options) -> Outcome {
    Level::check_environment()?;
    // Entered once, around everything: work handed to the pool from outside costs more.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.into()).build()?;
    pool.install(|| train(options))
}

fn train(options: &Options) -> Outcome {
    let mut out = io::stdout();
    let cpu = Cpu::detect();
    let (train, test) = data::digits().split(0.8, options.seed)?;
    let mut widths = vec![train.inputs().cols()];
    widths.extend(&options.hidden);
    widths.push(10);
    let mut network = Network::mlp(&widths, Activation::Relu, options.seed)?;
    let mut optimizer = network.optimizer(Adam::new(options.lr))?;
    writeln!(
        out,
        "network {}, {} parameters, ReLU, softmax cross entropy, Adam",
        widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-"),
        network.parameter_count(),
    )?;
    writeln!(out, "running on {} with {} thread(s)", cpu.level(), cpu.threads())?;
    writeln!(out, "digits: {} to train on, {} to test\n", train.len(), test.len())?;

    let start = Instant::now();
    let progress = ProgressBar::new(options.epochs.into());
    progress.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} epochs, {eta} left")?);
    let mut written = Ok(());
    Fit::new(Loss::CROSS_ENTROPY)
        .cpu(cpu)
        .epochs(options.epochs as usize)
        .batch_size(options.batch as usize)
        .seed(options.seed)
        .run(&mut network, &mut optimizer, &train, Some(&test), |epoch, _| {
            written = progress.suspend(|| writeln!(out, "{}", line(epoch)));
            progress.inc(1);
            if written.is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
    progress.finish_and_clear();
    written?;
    let seconds = start.elapsed().as_secs_f64();

    let mut workspace = Workspace::new();
    show_predictions(cpu, &network, &mut workspace, &test)?;
    let loss = Loss::CROSS_ENTROPY;
    let result = evaluate(cpu, &network, &mut workspace, &test, loss)?;
    if !result.loss.is_finite() {
        return Err("the loss is not finite any more: try a smaller --lr".into());
    }
    writeln!(out, "trained and tested in {seconds:.2} s")?;
    writeln!(out, "test accuracy {:.2} %", 100.0 * result.accuracy.unwrap_or(0.0))?;
    Ok(())
}

/// One line for an epoch.
fn line(epoch: &Epoch) -> String {
    let percent = |accuracy: Option<f64>| 100.0 * accuracy.unwrap_or(0.0);
    format!(
        "epoch {:>3}   loss {:.3e}   train {:6.2} %   test {:6.2} %   {:>8.0} samples/s",
        epoch.number,
        epoch.train.loss,
        percent(epoch.train.accuracy),
        percent(epoch.validation.and_then(|v| v.accuracy)),
        epoch.samples_per_second(),
    )
}

/// Draws digits with what the network makes of them: those it gets wrong first, then others.
fn show_predictions(
    cpu: Cpu,
    network: &Network,
    workspace: &mut Workspace,
    test: &Dataset,
) -> Outcome {
    let mut out = io::stdout();
    let Targets::Classes { ids, .. } = test.targets() else { return Ok(()) };
    let mut scores = Tensor::zeros(test.len(), network.outputs())?;
    network.predict(cpu, workspace, test.inputs().view(), scores.view_mut())?;
    let guess = |i: usize| scores.row(i).and_then(predicted_class);
    let is_wrong = |i: &usize| guess(*i) != Some(ids[*i] as usize);
    let wrong = (0..test.len()).filter(is_wrong).count();
    // Up to three mistakes, and digits of different classes that are read rightly.
    let mut shown: Vec<usize> = (0..test.len()).filter(is_wrong).take(3).collect();
    for class in 0..10 {
        let right = (0..test.len()).find(|i| !is_wrong(i) && guess(*i) == Some(class));
        shown.extend(right.filter(|_| shown.len() < 6));
    }

    writeln!(out, "\n{wrong} of {} test digits are read wrongly. Some digits:\n", test.len())?;
    for y in 0..8 {
        let rows = shown.iter().filter_map(|&i| test.inputs().row(i));
        let drawn: Vec<String> =
            rows.map(|digit| digit[8 * y..][..8].iter().map(ink).collect()).collect();
        writeln!(out, "  {}", drawn.join("   "))?;
    }
    let captions: Vec<String> = shown
        .iter()
        .map(|&i| match guess(i) {
            Some(class) if class == ids[i] as usize => format!("{:<16}", format!("reads {class}")),
            Some(class) => format!("{:<16}", format!("reads {class}, is {}", ids[i])),
            None => format!("{:<16}", "reads nothing"),
        })
        .collect();
    writeln!(out, "  {}\n", captions.join("   "))?;
    Ok(())
}

/// A pixel as two characters, which are about as wide as a line is high.
fn ink(value: &f32) -> &'static str {
    ["  ", "..", "::", "oo", "##"][(value * 4.0).round().clamp(0.0, 4.0) as usize]
}

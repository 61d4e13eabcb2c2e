//! The training itself, the same in all examples: Adam, the learning rate falling to 0 along half
//! a cosine, a line for each epoch.

use std::fmt;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use densecore::optim::Adam;
use densecore::schedule::Cosine;
use densecore::train::{Epoch, Fit};
use densecore::{Activation, Cpu, Dataset, Loss, Network};

use super::Outcome;
use super::peak::peak;
use super::plot::Plots;
use super::progress::Progress;

/// Options of every example.
#[derive(clap::Args)]
pub struct Training {
    /// Passes over the training set
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: u32,
    /// Samples per training step
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub batch: u32,
    /// Learning rate of Adam at the start
    #[arg(long, allow_negative_numbers = true)]
    pub lr: f64,
    /// Weight decay of AdamW; with 0 it is Adam
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    pub decay: f64,
    /// Width of each hidden layer, separated by commas
    #[arg(long, value_delimiter = ',')]
    pub hidden: Vec<usize>,
    /// Seed of the split, the initial weights and the order of samples
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Threads, up to 256; 0 is one for each core
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=256))]
    pub threads: u16,
    /// Folder for pictures of what was learned; there are none without it
    #[arg(long, value_name = "DIR")]
    pub plot: Option<PathBuf>,
}

/// What came of a training.
pub struct Trained {
    pub network: Network,
    pub history: Vec<Epoch>,
}

impl Training {
    /// Where pictures go, if they are wanted. Made before the training: an hour later is a bad
    /// time to hear that the folder cannot be written.
    pub fn plots(&self) -> Outcome<Option<Plots>> {
        self.plot.as_deref().map(Plots::new).transpose()
    }

    /// Trains a network from `train.inputs` to `outputs`, and prints a line for each epoch, which
    /// `report` says except for the times.
    pub fn run(
        &self,
        (train, test): (&Dataset, &Dataset),
        outputs: usize,
        loss: Loss,
        report: impl Fn(&Epoch) -> String + Send + Sync,
    ) -> Outcome<Trained> {
        let mut out = io::stdout();
        let widths = [&[train.inputs().cols()], &self.hidden[..], &[outputs]].concat();
        let mut network = Network::mlp(&widths, Activation::Relu, self.seed)?;
        let rule = Adam::adamw(self.lr).weight_decay(self.decay);
        let mut optimizer = network.optimizer_without_bias_decay(rule)?;
        let machine = Machine::new(Cpu::detect(), &widths);
        let names: Vec<String> = widths.iter().map(ToString::to_string).collect();
        let (names, parameters) = (names.join("-"), network.parameter_count());
        let rule = if self.decay == 0.0 { "Adam" } else { "AdamW" };
        writeln!(out, "network {names}, {parameters} parameters, ReLU, {rule}, cosine schedule")?;
        writeln!(out, "{machine}; {} samples to train on, {} to test\n", train.len(), test.len())?;

        let progress = Progress::new(self.epochs.into())?;
        let mut written = Ok(());
        let on_epoch = |epoch: &Epoch, _: &Network| {
            let speed = machine.speed(epoch.samples, epoch.time);
            let line = format!(
                "epoch {:>3}   {}   {:>8.1?} {speed}",
                epoch.number,
                report(epoch),
                epoch.time
            );
            written = progress.aside(|| writeln!(out, "{line}"));
            progress.advance(epoch.samples_per_second());
            let goes_on = written.is_ok() && epoch.train.loss.is_finite();
            if goes_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let mut fit = self.fit(loss, train.len());
        let history = fit.run(&mut network, &mut optimizer, train, Some(test), on_epoch)?;
        progress.finish();
        written?;
        if !history.iter().all(|epoch| epoch.train.loss.is_finite()) {
            return Err("the loss is not finite any more: try a smaller --lr".into());
        }
        let time: Duration = history.iter().map(|epoch| epoch.time).sum();
        let speed = machine.speed(history.len() * train.len(), time);
        let each = time / history.len() as u32;
        writeln!(out, "\ntrained in {time:.2?}, {each:.1?} an epoch, {}", speed.trim_start())?;
        Ok(Trained { network, history })
    }

    fn fit(&self, loss: Loss, samples: usize) -> Fit {
        let steps = u64::from(self.epochs) * samples.div_ceil(self.batch as usize) as u64;
        Fit::new(loss)
            .epochs(self.epochs as usize)
            .batch_size(self.batch as usize)
            .schedule(Cosine::new(self.lr, steps))
            .seed(self.seed)
    }
}

/// What the network runs on, and the operations that training it takes.
struct Machine {
    cpu: Cpu,
    /// Operations a second of all threads, if each had a core for itself.
    peak: f64,
    operations: f64,
}

impl Machine {
    fn new(cpu: Cpu, widths: &[usize]) -> Self {
        Self { cpu, peak: peak() * cpu.threads() as f64, operations: operations(widths) }
    }

    /// The rate at which so many samples were trained on.
    fn speed(&self, samples: usize, time: Duration) -> String {
        let rate = samples as f64 / time.as_secs_f64();
        let percent = 100.0 * rate * self.operations / self.peak;
        format!("{rate:>8.0} samples/s {percent:>3.0} % of peak")
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (level, threads, peak) = (self.cpu.level(), self.cpu.threads(), self.peak / 1e9);
        write!(f, "running on {level} with {threads} thread(s), peak {peak:.0} GF/s")
    }
}

/// Operations of the products that a sample takes part in: forward, the gradient of the weights
/// and, but for the first layer, that of the input; each a multiplication and an addition.
fn operations(widths: &[usize]) -> f64 {
    let products: Vec<f64> = widths.windows(2).map(|pair| (pair[0] * pair[1]) as f64).collect();
    6.0 * products.iter().sum::<f64>() - 2.0 * products.first().unwrap_or(&0.0)
}

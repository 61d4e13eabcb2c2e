//! The training itself, the same in all examples: Adam, the learning rate falling to 0 along half
//! a cosine, a line for each epoch.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use densecore::optim::Adam;
use densecore::schedule::Cosine;
use densecore::train::{EarlyStopping, Epoch, Fit, State, Watch, csv};
use densecore::{Activation, Cpu, Dataset, Loss, Network};

use super::machine::Machine;
use super::plot::Plots;
use super::progress::Progress;
use super::watch::{Watcher, expect_interrupts, is_interrupted};
use super::{Outcome, files};

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
    /// Share of the outputs of each hidden layer that training drops
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    pub dropout: f32,
    /// Stop after so many epochs without a smaller loss on a tenth of the training set, which is
    /// kept for that, and take the weights of the best one
    #[arg(long, value_name = "EPOCHS")]
    pub patience: Option<usize>,
    /// Seed of the split, the initial weights, the order of samples and of what is dropped
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
    /// Threads, up to 256; 0 is one for each core
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=256))]
    pub threads: u16,
    /// Folder for pictures of what was learned; there are none without it
    #[arg(long, value_name = "DIR")]
    pub plot: Option<PathBuf>,
    /// File for the losses of each epoch, as comma-separated values
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// File for the trained network; after Ctrl-C with the best weights so far
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// File written after each epoch; if it is there, the training goes on from it
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
}

/// What came of a training.
pub struct Trained {
    pub network: Network,
    pub history: Vec<Epoch>,
    /// What the losses beside those of the training set are of: `test` or `validation`.
    pub beside: &'static str,
}

impl Training {
    /// Where pictures go, if they are wanted; made before the training, like all that may fail.
    pub fn plots(&self) -> Outcome<Option<Plots>> {
        self.plot.as_deref().map(Plots::new).transpose()
    }

    /// Trains a network from `train.inputs` to `outputs`, and prints a line for each epoch, which
    /// `report` says of it and of the name of the other set, except for the times.
    pub fn run(
        &self,
        (train, test): (&Dataset, &Dataset),
        outputs: usize,
        loss: Loss,
        report: impl Fn(&Epoch, &str) -> String + Send + Sync,
    ) -> Outcome<Trained> {
        let mut out = io::stdout();
        self.check_files()?;
        let kept = self.patience.map(|_| train.split(0.9, self.seed)).transpose()?;
        let (train, other, beside) = match &kept {
            Some((train, validation)) => (train, validation, "validation"),
            None => (train, test, "test"),
        };
        let widths = [&[train.inputs().cols()], &self.hidden[..], &[outputs]].concat();
        let mut network = self.network(&widths)?;
        let rule = Adam::adamw(self.lr).weight_decay(self.decay);
        let mut optimizer = network.optimizer_without_bias_decay(rule)?;
        let state = match self.checkpoint.as_deref().filter(|path| path.exists()) {
            Some(path) => files::load_checkpoint(&mut network, &mut optimizer, path)?,
            None => State::default(),
        };
        let machine = Machine::new(Cpu::detect(), &widths);
        self.say_what(&mut out, &network, &widths)?;
        writeln!(out, "\n{}\n", network.summary())?;
        let (samples, before) = (train.len(), state.epochs);
        writeln!(out, "{machine}; {samples} samples to train on, {} to test\n", test.len())?;
        if before > 0 {
            writeln!(out, "going on after epoch {before}")?;
        }

        expect_interrupts()?;
        let in_all = u64::from(self.epochs) * samples as u64;
        let mut watcher = Watcher {
            machine: &machine,
            progress: Progress::new(in_all, (before * samples) as u64)?,
            report: move |epoch: &Epoch| report(epoch, beside),
            checkpoint: self.checkpoint.as_deref(),
            result: Ok(()),
        };
        let mut fit = self.fit(loss, samples, state);
        let sets = (train, Some(other));
        let history =
            fit.run_observed(&mut network, &mut optimizer, sets.0, sets.1, &mut watcher)?;
        watcher.progress.finish();
        watcher.result?;
        if !history.is_empty() {
            let time: Duration = history.iter().map(|epoch| epoch.time).sum();
            let speed = machine.speed(history.len() * samples, time);
            let each = time / history.len() as u32;
            writeln!(out, "\ntrained in {time:.2?}, {each:.1?} an epoch, {}", speed.trim_start())?;
        }
        self.end(&mut out, &fit, &mut network)?;
        if let Some(path) = &self.history {
            write_history(path, before, &history)
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
        if let Some(path) = &self.save {
            files::save(&network, path)?;
            writeln!(out, "the network is in {}", path.display())?;
        }
        Ok(Trained { network, history, beside })
    }

    /// Ok if what is to be written may be: an hour later is a bad time to hear of it.
    fn check_files(&self) -> Outcome {
        if self.save.is_some() || self.checkpoint.is_some() {
            files::is_possible()?;
        }
        for path in [&self.save, &self.checkpoint, &self.history].into_iter().flatten() {
            if path.exists() && !path.is_file() {
                return Err(format!("{}: not a regular file", path.display()).into());
            }
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
                return Err(format!("{}: there is no such folder", folder.display()).into());
            }
        }
        Ok(())
    }

    fn network(&self, widths: &[usize]) -> Outcome<Network> {
        let mut builder = Network::builder(widths[0]).seed(self.seed);
        for &width in &self.hidden {
            builder = builder.dense(width, Activation::Relu);
            if self.dropout != 0.0 {
                builder = builder.dropout(self.dropout);
            }
        }
        Ok(builder.dense(widths[widths.len() - 1], Activation::Identity).build()?)
    }

    fn say_what(&self, out: &mut impl Write, network: &Network, widths: &[usize]) -> Outcome {
        let names: Vec<String> = widths.iter().map(ToString::to_string).collect();
        let (names, parameters) = (names.join("-"), network.parameter_count());
        let rule = if self.decay == 0.0 { "Adam" } else { "AdamW" };
        let dropout = match self.dropout {
            0.0 => String::new(),
            p => format!(" with dropout {p}"),
        };
        writeln!(
            out,
            "network {names}, {parameters} parameters, ReLU{dropout}, {rule}, cosine schedule"
        )?;
        Ok(())
    }

    fn fit(&self, loss: Loss, samples: usize, state: State) -> Fit {
        let steps = u64::from(self.epochs) * samples.div_ceil(self.batch as usize) as u64;
        let best = EarlyStopping {
            restore_best: self.patience.is_some(),
            watch: if self.patience.is_some() { Watch::Loss } else { Watch::TrainLoss },
            ..EarlyStopping::new(self.patience.unwrap_or(usize::MAX))
        };
        Fit::new(loss)
            .epochs((self.epochs as usize).saturating_sub(state.epochs))
            .batch_size(self.batch as usize)
            .schedule(Cosine::new(self.lr, steps))
            .early_stopping(best)
            .seed(self.seed)
            .resume(state)
    }

    /// Says which weights the network ends with, if they are not the last ones.
    fn end(&self, out: &mut impl Write, fit: &Fit, network: &mut Network) -> Outcome {
        let best = fit.state().best.as_ref();
        if is_interrupted() {
            writeln!(out, "interrupted")?;
            if let Some(best) = best {
                network.parameters_mut().copy_from_slice(&best.parameters);
            }
        }
        if let Some(best) = best.filter(|_| is_interrupted() || self.patience.is_some()) {
            let set = if self.patience.is_some() { "validation" } else { "training" };
            let epoch = best.epoch;
            writeln!(out, "the weights are those of epoch {epoch}, the best on the {set} set")?;
        }
        Ok(())
    }
}

/// Writes the history, after what the file says of the epochs before those.
fn write_history(path: &Path, before: usize, history: &[Epoch]) -> io::Result<()> {
    let text = csv(history);
    let (names, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let old = if before > 0 { fs::read_to_string(path).unwrap_or_default() } else { String::new() };
    let is_before = |line: &&str| {
        let epoch = line.split(',').next().and_then(|epoch| epoch.parse::<usize>().ok());
        epoch.is_some_and(|epoch| epoch <= before)
    };
    let old: String = old.lines().filter(is_before).map(|line| format!("{line}\n")).collect();
    fs::write(path, format!("{names}\n{old}{rest}"))
}

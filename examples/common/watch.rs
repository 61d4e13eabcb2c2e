//! What happens while an example trains: a line for each epoch, a bar, a checkpoint, and an end as
//! soon as Ctrl-C is pressed.

use std::io::{self, Write};
use std::ops::ControlFlow::{self, Break, Continue};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use densecore::train::{Epoch, Observer, Snapshot, Step};
use densecore::{Network, Workspace};

use super::machine::Machine;
use super::progress::Progress;
use super::{Outcome, files};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C ends the training, and a second one the program.
pub fn expect_interrupts() -> Outcome {
    let handler = || {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    Ok(ctrlc::set_handler(handler)?)
}

pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Watches a training.
pub struct Watcher<'a, F> {
    pub machine: &'a Machine,
    pub progress: Progress,
    /// What to say of an epoch.
    pub report: F,
    pub checkpoint: Option<&'a Path>,
    /// What has gone wrong.
    pub result: Outcome,
}

impl<F: Fn(&Epoch) -> String + Send> Watcher<'_, F> {
    fn epoch(&self, epoch: &Epoch, snapshot: &Snapshot<'_>) -> Outcome {
        let speed = self.machine.speed(epoch.samples, epoch.time);
        let (number, time, report) = (epoch.number, epoch.time, (self.report)(epoch));
        let line = format!("epoch {number:>3}   {report}   {time:>8.1?} {speed}");
        self.progress.aside(|| writeln!(io::stdout(), "{line}"))?;
        if !epoch.train.loss.is_finite() {
            return Err("the loss is not finite any more: try a smaller --lr".into());
        }
        self.checkpoint.map_or(Ok(()), |path| files::save_checkpoint(snapshot, path))
    }
}

impl<F: Fn(&Epoch) -> String + Send> Observer for Watcher<'_, F> {
    fn on_step(&mut self, step: &Step, _: &Network, _: &Workspace) -> ControlFlow<()> {
        self.progress.advance(step);
        if is_interrupted() { Break(()) } else { Continue(()) }
    }

    fn on_epoch(&mut self, epoch: &Epoch, snapshot: Snapshot<'_>) -> ControlFlow<()> {
        self.result = self.epoch(epoch, &snapshot);
        if self.result.is_ok() { Continue(()) } else { Break(()) }
    }
}

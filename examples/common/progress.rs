//! A bar for what takes seconds, with the rate and the time left; nothing where the output is not
//! a terminal.

use std::time::Duration;

use densecore::train::Step;
use indicatif::{ProgressBar, ProgressStyle};

use super::Outcome;

/// Progress through a number of samples.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// So many samples in all, of which some were before.
    pub fn new(samples: u64, before: u64) -> Outcome<Self> {
        let bar = ProgressBar::new(samples);
        let template = "{spinner} {bar:30} epoch {msg}   {per_sec} samples   {eta} left";
        bar.set_style(ProgressStyle::with_template(template)?);
        bar.set_position(before);
        // Rate and time left by what is done from now on.
        bar.reset_eta();
        if !bar.is_hidden() {
            // A step may take long: something moves meanwhile.
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Ok(Self { bar })
    }

    /// One more step is done.
    pub fn advance(&self, step: &Step) {
        if step.number == 1 {
            self.bar.set_message(step.epoch.to_string());
        }
        self.bar.inc(step.samples as u64);
    }

    /// Calls `f` while the bar is not on the screen.
    pub fn aside<R>(&self, f: impl FnOnce() -> R) -> R {
        self.bar.suspend(f)
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

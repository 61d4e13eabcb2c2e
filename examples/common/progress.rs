//! A bar for what takes seconds, with the rate and the time left; nothing where the output is not
//! a terminal.

use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

use super::Outcome;

/// Progress through a number of epochs.
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
}

impl Progress {
    pub fn new(epochs: u64) -> Outcome<Self> {
        let bar = ProgressBar::new(epochs);
        let template = "{spinner} {bar:30} {pos} of {len} epochs   {msg}{elapsed} gone";
        bar.set_style(ProgressStyle::with_template(template)?);
        if !bar.is_hidden() {
            // An epoch may take long: something moves meanwhile.
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Ok(Self { bar, start: Instant::now() })
    }

    /// One more epoch is done, at this rate.
    pub fn advance(&self, samples_per_second: f64) {
        self.bar.inc(1);
        let done = self.bar.position().max(1) as f64;
        let left = self.bar.length().unwrap_or(0).saturating_sub(self.bar.position());
        let left = self.start.elapsed().mul_f64(left as f64 / done);
        let left = HumanDuration(left);
        self.bar.set_message(format!("{samples_per_second:.0} samples/s   {left} left, "));
    }

    /// Calls `f` while the bar is not on the screen.
    pub fn aside<R>(&self, f: impl FnOnce() -> R) -> R {
        self.bar.suspend(f)
    }

    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

//! The networks that are compared, and how fast densecore is to be.

use core::fmt;

use densecore::Activation;

/// A network, the samples of a batch, and the targets there.
pub struct Row {
    name: &'static str,
    pub widths: &'static [usize],
    pub batch: usize,
    /// Of the hidden layers; the output is linear.
    pub hidden: Activation,
    /// Of a step with SGD and with Adam, and of a prediction for one sample and for the batch.
    pub targets: [Target; 4],
}

#[derive(Clone, Copy)]
pub enum Target {
    /// Microseconds of a call at most.
    Within(f64),
    /// The best peer's time over densecore's at least.
    Ratio(f64),
    /// The same, with one thread and with more.
    Ratios(f64, f64),
}
use Target::{Ratio, Ratios, Within};

const EQUAL: [Target; 4] = [Ratio(1.0); 4];

const RELU: Activation = Activation::Relu;

pub const ROWS: [Row; 13] = [
    Row {
        targets: [Within(0.25), Within(0.35), Within(0.06), Within(0.08)],
        ..row("2-3-1", &[2, 3, 1], 4, RELU)
    },
    Row {
        targets: [Ratio(4.0), Ratio(6.0), Ratio(1.6), Ratio(1.4)],
        ..row("784-30-10", &[784, 30, 10], 10, RELU)
    },
    Row {
        targets: [Ratios(1.2, 1.6), Ratios(1.4, 1.9), Ratio(1.25), Ratio(1.05)],
        ..row("784-128-10", &[784, 128, 10], 64, RELU)
    },
    Row {
        targets: [Ratio(1.25), Ratio(1.35), Ratio(1.0), Ratio(1.03)],
        ..row("784-512-512-10", &[784, 512, 512, 10], 128, RELU)
    },
    Row {
        targets: [Ratio(1.12), Ratio(1.2), Ratio(1.0), Ratio(1.03)],
        ..row("1024x4", &[1024; 5], 256, RELU)
    },
    Row {
        targets: [Ratio(1.1), Ratio(1.15), Ratio(1.0), Ratio(1.03)],
        ..row("4096x2", &[4096; 3], 512, RELU)
    },
    row("10-45-46-10", &[10, 45, 46, 10], 128, RELU),
    row("6-64-8-4", &[6, 64, 8, 4], 1, RELU),
    row("6-64-8-4", &[6, 64, 8, 4], 32, RELU),
    row("4-120-84-2", &[4, 120, 84, 2], 64, RELU),
    row("3072-1000-100", &[3072, 1000, 100], 200, RELU),
    row("tanh 100-100-100-100-1", &[100, 100, 100, 100, 1], 32, Activation::Tanh),
    row("gelu 64-64-64", &[64, 64, 64], 1, Activation::Gelu),
];

const fn row(
    name: &'static str,
    widths: &'static [usize],
    batch: usize,
    hidden: Activation,
) -> Row {
    Row { name, widths, batch, hidden, targets: EQUAL }
}

impl Row {
    /// The row's name at a batch.
    pub fn at(&self, batch: usize) -> String {
        format!("{}/{batch}", self.name)
    }

    /// Weights, without biases.
    pub fn weights(&self) -> usize {
        self.widths.windows(2).map(|w| w[0] * w[1]).sum()
    }

    /// Operations of a step: three products for each layer, but no gradient of the input.
    pub fn step_flops(&self) -> f64 {
        let first = self.widths[0] * self.widths[1];
        (self.batch * (6 * self.weights() - 2 * first)) as f64
    }
}

impl Target {
    /// Whether a call of so many seconds, `ratio` times faster than the best peer, is on target.
    /// Without a peer the ratio is NaN, which is on no target.
    pub fn is_met(self, threads: usize, seconds: f64, ratio: f64) -> bool {
        match self.with(threads) {
            Within(most) => seconds <= 1e-6 * most,
            Ratio(least) | Ratios(least, _) => ratio >= least,
        }
    }

    /// The target with that number of threads.
    pub fn with(self, threads: usize) -> Target {
        match self {
            Ratios(one, more) => Ratio(if threads > 1 { more } else { one }),
            other => other,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Within(most) => format!("{most} us"),
            Ratio(least) => format!("{least}x"),
            Ratios(one, more) => format!("{one}x, {more}x"),
        };
        f.pad(&text)
    }
}

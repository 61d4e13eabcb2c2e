//! The functions that are compared, and how fast densecore is to be.

use core::fmt;

use densecore::Activation;
use densecore::optim::{
    Adadelta, Adagrad, Adam, Adamax, NAdam, RAdam, RmsProp, Rprop, Rule, Sgd, UpdateRule,
};

use super::traffic::Traffic;

/// What is timed.
#[derive(Clone, Copy)]
pub enum Call {
    Forward(Activation),
    /// The logarithm, which is no activation.
    Log,
    Backward(Activation),
    /// Of each row.
    Softmax,
    /// The mean over the rows, and its gradient.
    CrossEntropy,
    /// A step of an optimizer.
    Step(Rule),
}
use Call::{Backward, CrossEntropy, Forward, Log, Softmax, Step};

/// A call on a matrix.
pub struct Row {
    pub call: Call,
    /// The function or the rule, as `functions.py` knows it.
    pub name: &'static str,
    pub rows: usize,
    pub cols: usize,
    pub target: Target,
}

/// What is wanted.
#[derive(Clone, Copy)]
pub struct Target {
    /// The peer's time over densecore's at least.
    pub ratio: f64,
    /// The time of the traffic over densecore's at least.
    pub share: f64,
}

/// What counts as equal to a peer: the rest is noise.
const EQUAL: f64 = 0.97;

/// At this share of the traffic's rate the bound is reached: then [`ALLOWED`] of a ratio is enough.
const BOUND: f64 = 0.95;
const ALLOWED: f64 = 0.9;

/// Elements of an activation.
const LEN: usize = 1 << 18;

/// Of softmax and cross entropy, with the ratios that are wanted.
const SHAPES: [(usize, usize, f64, f64); 3] =
    [(128, 10, EQUAL, 20.0), (256, 1000, 1.7, 3.0), (512, 4096, EQUAL, 2.5)];

/// Small enough for thousands of steps.
const RATE: f64 = 0.01;

impl Row {
    /// Every function that PyTorch has too, if only as a composition, and the derivatives for which it has a
    /// kernel.
    pub fn all() -> Vec<Row> {
        let mut all = Vec::new();
        let target = |ratio| Target { ratio, share: 0.0 };
        let mut add =
            |call, name, (rows, cols), target| all.push(Row { call, name, rows, cols, target });
        for &f in Activation::ALL {
            if !matches!(f, Activation::Identity | Activation::Sqnl) {
                add(Forward(f), f.name(), (1, LEN), forward(f));
            }
        }
        add(Log, "log", (1, LEN), target(10.0));
        for &f in Activation::ALL {
            if let Some(ratio) = backward(f) {
                add(Backward(f), f.name(), (1, LEN), target(ratio));
            }
        }
        for (rows, cols, softmax, cross_entropy) in SHAPES {
            add(Softmax, "softmax", (rows, cols), target(softmax));
            add(CrossEntropy, "cross_entropy", (rows, cols), target(cross_entropy));
        }
        for (name, rule, ratios) in rules() {
            for (len, ratio) in [100_000, 1_000_000, 16_000_000].into_iter().zip(ratios) {
                add(Step(rule), name, (1, len), target(ratio));
            }
        }
        all
    }
}

fn forward(f: Activation) -> Target {
    use Activation as A;
    let ratio = match f {
        A::Exp => 2.5,
        A::Sigmoid | A::Silu => 1.3,
        A::Tanh | A::Arctan => 5.0,
        A::Gelu => 1.2,
        A::GeluTanh => 4.0,
        A::Softplus(_) => 3.0,
        _ => EQUAL,
    };
    // Those that are made of a few comparisons are to be within 15 % of a copy.
    let near_copy = matches!(
        f,
        A::Relu
            | A::Relu6
            | A::LeakyRelu(_)
            | A::Hardtanh(_)
            | A::Hardshrink(_)
            | A::Softshrink(_)
            | A::Hardsigmoid
            | A::Hardswish
    );
    Target { ratio, share: if near_copy { 1.0 / 1.15 } else { 0.0 } }
}

/// The ratio that is wanted, if PyTorch has a kernel.
fn backward(f: Activation) -> Option<f64> {
    use Activation as A;
    match f {
        A::Identity | A::Sqnl | A::Exp | A::Arctan | A::Softsign | A::Tanhshrink => None,
        // These need an exponential or more.
        A::Silu | A::Mish | A::Gelu | A::GeluTanh | A::Softplus(_) | A::LogSigmoid => Some(2.0),
        _ => Some(EQUAL),
    }
}

/// Rules with the ratios that are wanted, for each number of parameters.
fn rules() -> [(&'static str, Rule, [f64; 3]); 11] {
    let (fused, adam, foreach) = ([1.3, EQUAL, EQUAL], [1.3, 1.4, 1.0], [3.0; 3]);
    [
        ("sgd", Sgd::new(RATE).into(), fused),
        ("momentum", Sgd::new(RATE).momentum(0.9).into(), fused),
        ("adagrad", Adagrad::new(RATE).into(), fused),
        ("adam", Adam::new(RATE).into(), adam),
        ("adamw", Adam::adamw(RATE).into(), adam),
        ("rmsprop", RmsProp::new(RATE).into(), foreach),
        ("adamax", Adamax::new(RATE).into(), foreach),
        ("nadam", NAdam::new(RATE).into(), foreach),
        ("radam", RAdam::new(RATE).into(), foreach),
        ("adadelta", Adadelta::new(RATE).into(), foreach),
        ("rprop", Rprop::new(RATE).into(), foreach),
    ]
}

impl Call {
    /// The question for `functions.py`.
    pub fn kind(self) -> &'static str {
        match self {
            Forward(_) | Log => "forward",
            Backward(_) => "backward",
            Softmax => "rows",
            CrossEntropy => "loss",
            Step(_) => "step",
        }
    }

    /// What it does with arrays as long as the matrix.
    pub fn traffic(self) -> Traffic {
        match self {
            Forward(_) | Log | Softmax | CrossEntropy => {
                Traffic { read: 1, updated: 0, written: 1 }
            }
            Backward(_) => Traffic { read: 2, updated: 0, written: 1 },
            Step(rule) => Traffic { read: 1, updated: 1 + rule.state_arrays(), written: 0 },
        }
    }
}

impl Target {
    /// Whether densecore is on target with that ratio and that share. Without a peer the ratio is NaN,
    /// which is on no target.
    pub fn is_met(self, ratio: f64, share: f64) -> bool {
        let allowed = if share >= BOUND { ALLOWED } else { 1.0 };
        ratio >= allowed * self.ratio && share >= self.share
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x", self.ratio)?;
        if self.share > 0.0 { write!(f, " and {:.0} %", 100.0 * self.share) } else { Ok(()) }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { name, rows, cols, .. } = self;
        match self.call {
            Forward(_) | Log => write!(f, "{name}"),
            Backward(_) => write!(f, "{name} backward"),
            Softmax | CrossEntropy => write!(f, "{name} {rows}x{cols}"),
            Step(_) => write!(f, "{name} {cols}"),
        }
    }
}

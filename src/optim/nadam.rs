//! NAdam (Dozat 2016): Adam with Nesterov's look-ahead, in PyTorch's form.
//!
//! ```text
//!   g <- g + wd p, or decoupled: p <- (1 - lr wd) p
//!   m <- m + (1 - b1) (g - m)
//!   v <- b2 v + (1 - b2) g^2
//!   u_t = b1 (1 - 0.96^(t q) / 2)        the momentum of step t
//!   P <- P u_t                           the product of all so far, 1 before the first
//!   p <- p - lr ((1 - u_t) / (1 - P) g + u_(t+1) / (1 - P u_(t+1)) m) / (sqrt(v / (1 - b2^t)) + eps)
//! ```
//!
//! As in Adam, `c = sqrt(1 - b2^t)` moves from under the root into the factors of g and m, and
//! into eps. P is the [`scalar`](super::Progress::scalar) of the progress, in f64.

use super::average::{Mean, MeanSquare, Slope, correction, kept, positive, power};
use super::check;
use super::rule::{Prepared, Progress, Strip, UpdateRule};
use crate::error::Result;
use crate::simd::slice::Update;
use crate::simd::{Level, Simd};

/// The natural logarithm of 0.96.
const LN_0_96: f64 = -4.082_199_452_025_517e-2;

/// `e^x` for x up to 0, to twelve digits: the same bits on every platform, which `exp` does not
/// promise. Seventeen terms of the series at `x / 1024`, and what is below `e^-700` is that.
fn exp(x: f64) -> f64 {
    let x = x.max(-700.0) / 1024.0;
    let mut sum = 1.0;
    for n in (1..=16).rev() {
        sum = 1.0 + sum * x / f64::from(n);
    }
    power(sum, 1024)
}

/// NAdam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NAdam {
    /// lr, not negative; usually 2e-3.
    pub learning_rate: f64,
    /// b1, the decay of the mean of gradients: 0.9.
    pub beta1: f64,
    /// b2, the decay of the mean of squared gradients: 0.999.
    pub beta2: f64,
    /// eps, added to the root after bias correction: 1e-8.
    pub epsilon: f64,
    /// wd, not negative: 0.
    pub weight_decay: f64,
    /// q, how fast the momentum grows to b1, not negative: 4e-3.
    pub momentum_decay: f64,
    /// Shrink the parameters by `1 - lr wd` instead of adding to the gradient: false.
    pub decoupled: bool,
    /// Climb instead of descend: false.
    pub maximize: bool,
}

impl NAdam {
    /// PyTorch's defaults for all but the learning rate.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            momentum_decay: 4e-3,
            decoupled: false,
            maximize: false,
        }
    }

    /// u of a step.
    fn momentum(&self, step: f64) -> f64 {
        self.beta1 * (1.0 - 0.5 * exp(step * self.momentum_decay * LN_0_96))
    }
}

/// State: `[m, v]`.
impl UpdateRule for NAdam {
    type Kernel = Kernel;

    fn state_arrays(&self) -> usize {
        2
    }

    fn check(&self) -> Result<()> {
        check::not_negative("learning_rate", self.learning_rate)?;
        check::below_one("beta1", self.beta1)?;
        check::below_one("beta2", self.beta2)?;
        check::not_negative("epsilon", self.epsilon)?;
        check::not_negative("weight_decay", self.weight_decay)?;
        check::not_negative("momentum_decay", self.momentum_decay)
    }

    fn learning_rate_mut(&mut self) -> &mut f64 {
        &mut self.learning_rate
    }

    fn weight_decay_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.weight_decay)
    }

    fn advance(&self, progress: Progress) -> Progress {
        let steps = progress.steps.saturating_add(1);
        Progress { steps, scalar: progress.scalar * self.momentum(steps as f64) }
    }

    fn prepare(&self, progress: Progress) -> Kernel {
        // A step 0, which does not exist, is taken for the first.
        let progress = if progress.steps == 0 { self.advance(progress) } else { progress };
        let c = correction(self.beta2, progress.steps).sqrt();
        let epsilon = self.epsilon * c;
        let step = progress.steps as f64;
        let (now, next) = (self.momentum(step), self.momentum(step + 1.0));
        let product = progress.scalar;
        let rate = self.learning_rate * c;
        Kernel {
            slope: Slope::new(self.maximize, if self.decoupled { 0.0 } else { self.weight_decay }),
            keep: kept(self.decoupled, self.learning_rate, self.weight_decay),
            mean: Mean::new(self.beta1),
            square: MeanSquare::beside_root(self.beta2, epsilon),
            of_gradient: (rate * (1.0 - now) / (1.0 - product)) as f32,
            of_mean: (rate * next / (1.0 - product * next)) as f32,
            epsilon: positive(epsilon),
        }
    }
}

/// The scalars of one step.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    slope: Slope,
    keep: f32,
    mean: Mean,
    square: MeanSquare,
    /// `lr c (1 - u_t) / (1 - P)`
    of_gradient: f32,
    /// `lr c u_(t+1) / (1 - P u_(t+1))`
    of_mean: f32,
    /// `eps c`, and not 0
    epsilon: f32,
}

impl Prepared for Kernel {
    fn update(&self, level: Level, strip: Strip<'_>) {
        self.slope.run::<3>(level, self, strip);
    }
}

impl Update<1, 3> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, m, v]: [S::F32; 3]) -> [S::F32; 3] {
        let p = s.mul(s.splat(self.keep), p);
        let m = self.mean.eval(s, g, m);
        let v = self.square.eval(s, g, v);
        let root = s.add(s.sqrt(v), s.splat(self.epsilon));
        let ahead = s.mul_add(s.splat(self.of_mean), m, s.mul(s.splat(self.of_gradient), g));
        [s.sub(p, s.div(ahead, root)), m, v]
    }
}

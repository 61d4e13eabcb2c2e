//! RAdam (Liu et al. 2020): Adam that waits with its division until the variance of v is known well
//! enough; in PyTorch's form.
//!
//! ```text
//!   g <- g + wd p, or decoupled: p <- (1 - lr wd) p
//!   m <- m + (1 - b1) (g - m)
//!   v <- b2 v + (1 - b2) g^2
//!   n = 2 / (1 - b2) - 1,  r = n - 2 t b2^t / (1 - b2^t)
//!   r > 5:  f = sqrt((r - 4) (r - 2) n / ((n - 4) (n - 2) r))
//!           p <- p - lr / (1 - b1^t)  f sqrt(1 - b2^t)  m / (sqrt(v) + eps)
//!   else:   p <- p - lr / (1 - b1^t)  m
//! ```
//!
//! Unlike Adam's, eps is added to the root before bias correction.

use super::average::{Mean, MeanSquare, Slope, correction, kept, positive, power};
use super::check;
use super::rule::{Prepared, Progress, Strip, UpdateRule};
use crate::error::Result;
use crate::simd::slice::Update;
use crate::simd::{Level, Simd};

/// RAdam.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RAdam {
    /// lr, not negative; usually 1e-3.
    pub learning_rate: f64,
    /// b1, the decay of the mean of gradients: 0.9.
    pub beta1: f64,
    /// b2, the decay of the mean of squared gradients: 0.999.
    pub beta2: f64,
    /// eps, added to the root: 1e-8.
    pub epsilon: f64,
    /// wd, not negative: 0.
    pub weight_decay: f64,
    /// Shrink the parameters by `1 - lr wd` instead of adding to the gradient: false.
    pub decoupled: bool,
    /// Climb instead of descend: false.
    pub maximize: bool,
}

impl RAdam {
    /// PyTorch's defaults for all but the learning rate.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            maximize: false,
        }
    }

    /// `f sqrt(1 - b2^t)`, if there is an f.
    fn rectification(&self, step: u64) -> Option<f64> {
        let weights = correction(self.beta2, step);
        let most = 2.0 / (1.0 - self.beta2) - 1.0;
        let now = most - 2.0 * step as f64 * power(self.beta2, step) / weights;
        let squared = (now - 4.0) * (now - 2.0) * most / ((most - 4.0) * (most - 2.0) * now);
        (now > 5.0).then(|| (squared * weights).sqrt())
    }
}

/// State: `[m, v]`.
impl UpdateRule for RAdam {
    type Kernel = Kernel;

    fn state_arrays(&self) -> usize {
        2
    }

    fn check(&self) -> Result<()> {
        check::not_negative("learning_rate", self.learning_rate)?;
        check::below_one("beta1", self.beta1)?;
        check::below_one("beta2", self.beta2)?;
        check::not_negative("epsilon", self.epsilon)?;
        check::not_negative("weight_decay", self.weight_decay)
    }

    fn learning_rate_mut(&mut self) -> &mut f64 {
        &mut self.learning_rate
    }

    fn weight_decay_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.weight_decay)
    }

    fn prepare(&self, progress: Progress) -> Kernel {
        let step = progress.steps.max(1);
        let rectification = self.rectification(step);
        let rate = self.learning_rate / correction(self.beta1, step);
        Kernel {
            slope: Slope::new(self.maximize, if self.decoupled { 0.0 } else { self.weight_decay }),
            keep: kept(self.decoupled, self.learning_rate, self.weight_decay),
            mean: Mean::new(self.beta1),
            square: MeanSquare::beside_root(self.beta2, self.epsilon),
            is_rectified: rectification.is_some(),
            rate: (rate * rectification.unwrap_or(1.0)) as f32,
            epsilon: positive(self.epsilon),
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
    is_rectified: bool,
    rate: f32,
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
        let along =
            if self.is_rectified { s.div(m, s.add(s.sqrt(v), s.splat(self.epsilon))) } else { m };
        [s.neg_mul_add(s.splat(self.rate), along, p), m, v]
    }
}

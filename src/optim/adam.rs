//! Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019) and AMSGrad (Reddi, Kale and Kumar
//! 2018), in PyTorch's form.
//!
//! ```text
//!   Adam    g <- g + wd p                         AdamW   p <- (1 - lr wd) p
//!   m <- m + (1 - b1) (g - m)
//!   v <- b2 v + (1 - b2) g^2
//!   w <- max(w, v) if amsgrad, else v             of the uncorrected v
//!   p <- p - lr / (1 - b1^t)  m / (sqrt(w / (1 - b2^t)) + eps)
//! ```
//!
//! With `c = sqrt(1 - b2^t)` the last line equals `p - (lr c / (1 - b1^t)) m / (sqrt(w) + eps c)`,
//! one division less for each parameter; both factors are computed in f64 once a step.

use super::average::{Mean, MeanSquare, Slope, correction, kept, positive};
use super::check;
use super::rule::{Prepared, Progress, Strip, UpdateRule};
use crate::error::Result;
use crate::simd::slice::Update;
use crate::simd::{Level, Simd};

/// Adam, or AdamW: the two differ in what weight decay does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// lr, not negative; usually 1e-3.
    pub learning_rate: f64,
    /// b1, the decay of the mean of gradients: 0.9.
    pub beta1: f64,
    /// b2, the decay of the mean of squared gradients: 0.999.
    pub beta2: f64,
    /// eps, added to the root after bias correction: 1e-8.
    pub epsilon: f64,
    /// wd, not negative: 0 for Adam, 0.01 for AdamW.
    pub weight_decay: f64,
    /// False for Adam: wd is part of the gradient. True for AdamW: the parameters shrink by
    /// `1 - lr wd` before each step.
    pub decoupled: bool,
    /// Divide by the largest v so far, which takes one more array of state: false.
    pub amsgrad: bool,
    /// Climb instead of descend: false.
    pub maximize: bool,
}

impl Adam {
    /// Adam with PyTorch's defaults for all but the learning rate.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            amsgrad: false,
            maximize: false,
        }
    }

    /// AdamW with PyTorch's defaults for all but the learning rate.
    pub fn adamw(learning_rate: f64) -> Self {
        Self { weight_decay: 1e-2, decoupled: true, ..Self::new(learning_rate) }
    }

    /// The same with weight decay wd.
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay, ..self }
    }

    /// The same with AMSGrad.
    pub fn amsgrad(self) -> Self {
        Self { amsgrad: true, ..self }
    }
}

/// State: `[m, v]`, and w for AMSGrad.
impl UpdateRule for Adam {
    type Kernel = Kernel;

    fn state_arrays(&self) -> usize {
        if self.amsgrad { 3 } else { 2 }
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
        let c = correction(self.beta2, progress.steps).sqrt();
        let epsilon = self.epsilon * c;
        Kernel {
            slope: Slope::new(self.maximize, if self.decoupled { 0.0 } else { self.weight_decay }),
            keep: kept(self.decoupled, self.learning_rate, self.weight_decay),
            mean: Mean::new(self.beta1),
            square: MeanSquare::beside_root(self.beta2, epsilon),
            rate: (self.learning_rate * c / correction(self.beta1, progress.steps)) as f32,
            epsilon: positive(epsilon),
            amsgrad: self.amsgrad,
        }
    }
}

/// The scalars of one step.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    slope: Slope,
    /// What is left of a parameter after decoupled decay.
    keep: f32,
    mean: Mean,
    square: MeanSquare,
    /// `lr c / (1 - b1^t)`
    rate: f32,
    /// `eps c`, and not 0
    epsilon: f32,
    amsgrad: bool,
}

impl Prepared for Kernel {
    fn update(&self, level: Level, strip: Strip<'_>) {
        if self.amsgrad {
            self.slope.run::<4>(level, self, strip);
        } else {
            self.slope.run::<3>(level, self, strip);
        }
    }
}

impl Kernel {
    #[inline(always)]
    fn moments<S: Simd>(&self, s: S, g: S::F32, [m, v]: [S::F32; 2]) -> [S::F32; 2] {
        [self.mean.eval(s, g, m), self.square.eval(s, g, v)]
    }

    #[inline(always)]
    fn descend<S: Simd>(&self, s: S, p: S::F32, m: S::F32, v: S::F32) -> S::F32 {
        let p = s.mul(s.splat(self.keep), p);
        let root = s.add(s.sqrt(v), s.splat(self.epsilon));
        s.neg_mul_add(s.splat(self.rate), s.div(m, root), p)
    }
}

impl Update<1, 3> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, m, v]: [S::F32; 3]) -> [S::F32; 3] {
        let [m, v] = self.moments(s, g, [m, v]);
        [self.descend(s, p, m, v), m, v]
    }
}

/// AMSGrad.
impl Update<1, 4> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, m, v, w]: [S::F32; 4]) -> [S::F32; 4] {
        let [m, v] = self.moments(s, g, [m, v]);
        let w = s.max(w, v);
        [self.descend(s, p, m, w), m, v, w]
    }
}

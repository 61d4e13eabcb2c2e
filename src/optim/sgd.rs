//! Stochastic gradient descent with momentum (Robbins and Monro 1951; Polyak 1964; Sutskever et
//! al. 2013), in PyTorch's form: the learning rate multiplies at the end.
//!
//! ```text
//!   g <- -g if maximize, then g + wd p
//!   b <- u b + (1 - d) g         b <- g on the first step: dampening is not applied to it
//!   g <- g + u b  if nesterov, else b          (without momentum g stays)
//!   p <- p - lr g
//! ```

use super::average::{Slope, flush};
use super::check;
use super::rule::{Prepared, Progress, Strip, UpdateRule};
use crate::error::Result;
use crate::simd::slice::Update;
use crate::simd::{Level, Simd};

/// Stochastic gradient descent. [`Sgd::new`] has no momentum and no weight decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// lr, not negative.
    pub learning_rate: f64,
    /// u, not negative; 0 keeps no state.
    pub momentum: f64,
    /// d, the share of the gradient that does not enter the momentum.
    pub dampening: f64,
    /// Look ahead along the momentum; needs momentum, and no dampening.
    pub nesterov: bool,
    /// wd, not negative: adds `wd p` to the gradient, the slope of `wd / 2 |p|^2`.
    pub weight_decay: f64,
    /// Climb instead of descend.
    pub maximize: bool,
}

impl Sgd {
    /// Plain gradient descent: `p <- p - lr g`.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            momentum: 0.0,
            dampening: 0.0,
            nesterov: false,
            weight_decay: 0.0,
            maximize: false,
        }
    }

    /// The same with momentum u.
    pub fn momentum(self, momentum: f64) -> Self {
        Self { momentum, ..self }
    }

    /// The same with dampening d of the momentum.
    pub fn dampening(self, dampening: f64) -> Self {
        Self { dampening, ..self }
    }

    /// The same with weight decay wd.
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay, ..self }
    }

    /// The same with Nesterov's look-ahead.
    pub fn nesterov(self) -> Self {
        Self { nesterov: true, ..self }
    }
}

/// State: `[b]` with momentum.
impl UpdateRule for Sgd {
    type Kernel = Kernel;

    fn state_arrays(&self) -> usize {
        usize::from(self.momentum != 0.0)
    }

    fn check(&self) -> Result<()> {
        check::not_negative("learning_rate", self.learning_rate)?;
        check::not_negative("momentum", self.momentum)?;
        check::not_negative("weight_decay", self.weight_decay)?;
        let dampening = self.dampening;
        check::within("dampening", "a finite f32", dampening, (dampening as f32).is_finite())?;
        let expected = "a momentum above 0, for nesterov";
        let is_moving = !self.nesterov || self.momentum != 0.0;
        check::within("momentum", expected, self.momentum, is_moving)?;
        let is_undamped = !self.nesterov || dampening == 0.0;
        check::within("dampening", "0, for nesterov", dampening, is_undamped)
    }

    fn learning_rate_mut(&mut self) -> &mut f64 {
        &mut self.learning_rate
    }

    fn weight_decay_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.weight_decay)
    }

    fn prepare(&self, progress: Progress) -> Kernel {
        Kernel {
            slope: Slope::new(self.maximize, self.weight_decay),
            learning_rate: self.learning_rate as f32,
            momentum: self.momentum as f32,
            share: if progress.steps <= 1 { 1.0 } else { (1.0 - self.dampening) as f32 },
            nesterov: self.nesterov,
        }
    }
}

/// The scalars of one step.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    slope: Slope,
    learning_rate: f32,
    momentum: f32,
    /// `1 - dampening`, or 1 on the first step.
    share: f32,
    nesterov: bool,
}

impl Prepared for Kernel {
    fn update(&self, level: Level, strip: Strip<'_>) {
        if self.momentum == 0.0 {
            self.slope.run::<1>(level, self, strip);
        } else {
            self.slope.run::<2>(level, self, strip);
        }
    }
}

impl Kernel {
    /// `p - lr g`
    #[inline(always)]
    fn descend<S: Simd>(&self, s: S, p: S::F32, g: S::F32) -> S::F32 {
        s.neg_mul_add(s.splat(self.learning_rate), g, p)
    }
}

/// Without momentum: `[p]`.
impl Update<1, 1> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p]: [S::F32; 1]) -> [S::F32; 1] {
        [self.descend(s, p, g)]
    }
}

/// With momentum: `[p, b]`.
impl Update<1, 2> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, b]: [S::F32; 2]) -> [S::F32; 2] {
        let u = s.splat(self.momentum);
        let b = s.mul_add(u, b, s.mul(s.splat(self.share), g));
        let b = flush(s, b, f32::MIN_POSITIVE);
        let along = if self.nesterov { s.mul_add(u, b, g) } else { b };
        [self.descend(s, p, along), b]
    }
}

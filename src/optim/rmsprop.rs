//! RMSprop (Tieleman and Hinton 2012), centred (Graves 2013), in PyTorch's form.
//!
//! ```text
//!   g <- g + wd p
//!   V <- a V + (1 - a) g^2
//!   A <- A + (1 - a) (g - A),  r = sqrt(max(V - A^2, 0))     if centred, else r = sqrt(V)
//!   d  = g / (r + eps)
//!   b <- u b + d,  p <- p - lr b       with momentum, else p <- p - lr d
//! ```
//!
//! `V - A^2` is not negative but for rounding, which must not make it NaN.

use super::average::{Mean, MeanSquare, Slope, flush, positive};
use super::check;
use super::rule::{Prepared, Progress, Strip, UpdateRule};
use crate::error::Result;
use crate::simd::slice::Update;
use crate::simd::{Level, Simd};

/// RMSprop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// lr, not negative; usually 1e-2.
    pub learning_rate: f64,
    /// a, the decay of the averages: 0.99.
    pub alpha: f64,
    /// eps, added to the root: 1e-8.
    pub epsilon: f64,
    /// wd, not negative, part of the gradient: 0.
    pub weight_decay: f64,
    /// u, not negative: 0, which keeps no b.
    pub momentum: f64,
    /// Divide by the deviation from the mean gradient: false, which keeps no A.
    pub centered: bool,
    /// Climb instead of descend: false.
    pub maximize: bool,
}

impl RmsProp {
    /// PyTorch's defaults for all but the learning rate.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            alpha: 0.99,
            epsilon: 1e-8,
            weight_decay: 0.0,
            momentum: 0.0,
            centered: false,
            maximize: false,
        }
    }

    /// The same with momentum u.
    pub fn momentum(self, momentum: f64) -> Self {
        Self { momentum, ..self }
    }

    /// The same, centred.
    pub fn centered(self) -> Self {
        Self { centered: true, ..self }
    }
}

/// State: `[V]`, then b with momentum, then A if centred.
impl UpdateRule for RmsProp {
    type Kernel = Kernel;

    fn state_arrays(&self) -> usize {
        1 + usize::from(self.momentum != 0.0) + usize::from(self.centered)
    }

    fn check(&self) -> Result<()> {
        check::not_negative("learning_rate", self.learning_rate)?;
        check::below_one("alpha", self.alpha)?;
        check::not_negative("epsilon", self.epsilon)?;
        check::not_negative("weight_decay", self.weight_decay)?;
        check::not_negative("momentum", self.momentum)
    }

    fn learning_rate_mut(&mut self) -> &mut f64 {
        &mut self.learning_rate
    }

    fn weight_decay_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.weight_decay)
    }

    fn prepare(&self, _: Progress) -> Kernel {
        Kernel {
            slope: Slope::new(self.maximize, self.weight_decay),
            mean: Mean::new(self.alpha),
            square: MeanSquare::beside_root(self.alpha, self.epsilon),
            rate: self.learning_rate as f32,
            epsilon: positive(self.epsilon),
            momentum: self.momentum as f32,
            centered: self.centered,
        }
    }
}

/// The scalars of one step.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    slope: Slope,
    mean: Mean,
    square: MeanSquare,
    rate: f32,
    epsilon: f32,
    momentum: f32,
    centered: bool,
}

impl Prepared for Kernel {
    fn update(&self, level: Level, strip: Strip<'_>) {
        match (self.momentum != 0.0, self.centered) {
            (false, false) => self.slope.run::<2>(level, self, strip),
            (true, false) => self.slope.run::<3>(level, &WithMomentum(*self), strip),
            (false, true) => self.slope.run::<3>(level, &Centered(*self), strip),
            (true, true) => self.slope.run::<4>(level, self, strip),
        }
    }
}

impl Kernel {
    /// `d`, from the variance under the root.
    #[inline(always)]
    fn direction<S: Simd>(&self, s: S, g: S::F32, variance: S::F32) -> S::F32 {
        s.div(g, s.add(s.sqrt(variance), s.splat(self.epsilon)))
    }

    /// `max(V - A^2, 0)`
    #[inline(always)]
    fn variance<S: Simd>(&self, s: S, v: S::F32, a: S::F32) -> S::F32 {
        s.max(s.splat(0.0), s.neg_mul_add(a, a, v))
    }

    #[inline(always)]
    fn gather<S: Simd>(&self, s: S, d: S::F32, b: S::F32) -> S::F32 {
        flush(s, s.mul_add(s.splat(self.momentum), b, d), f32::MIN_POSITIVE)
    }

    #[inline(always)]
    fn descend<S: Simd>(&self, s: S, p: S::F32, along: S::F32) -> S::F32 {
        s.neg_mul_add(s.splat(self.rate), along, p)
    }
}

impl Update<1, 2> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, v]: [S::F32; 2]) -> [S::F32; 2] {
        let v = self.square.eval(s, g, v);
        [self.descend(s, p, self.direction(s, g, v)), v]
    }
}

#[derive(Clone, Copy)]
struct WithMomentum(Kernel);

impl Update<1, 3> for WithMomentum {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, v, b]: [S::F32; 3]) -> [S::F32; 3] {
        let v = self.0.square.eval(s, g, v);
        let b = self.0.gather(s, self.0.direction(s, g, v), b);
        [self.0.descend(s, p, b), v, b]
    }
}

#[derive(Clone, Copy)]
struct Centered(Kernel);

impl Update<1, 3> for Centered {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, v, a]: [S::F32; 3]) -> [S::F32; 3] {
        let v = self.0.square.eval(s, g, v);
        let a = self.0.mean.eval(s, g, a);
        let d = self.0.direction(s, g, self.0.variance(s, v, a));
        [self.0.descend(s, p, d), v, a]
    }
}

/// Centred, with momentum.
impl Update<1, 4> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, v, b, a]: [S::F32; 4]) -> [S::F32; 4] {
        let v = self.square.eval(s, g, v);
        let a = self.mean.eval(s, g, a);
        let b = self.gather(s, self.direction(s, g, self.variance(s, v, a)), b);
        [self.descend(s, p, b), v, b, a]
    }
}

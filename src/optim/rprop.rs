//! Rprop (Riedmiller and Braun 1993): a step size for each parameter, and of the gradient only its
//! sign; in PyTorch's form, for full batches.
//!
//! ```text
//!   c  = sign(g) sign(h)                          h: the gradient before
//!   d <- d eta+ if c > 0,  d eta- if c < 0        clamped to the least and the largest step
//!   g <- 0 where c < 0
//!   p <- p - sign(g) d,  h <- g
//! ```
//!
//! The signs are multiplied, not the gradients, whose product may vanish.

use super::average::{Slope, sign};
use super::check;
use super::rule::{MAX_STATE, Prepared, Progress, Strip, UpdateRule};
use crate::error::Result;
use crate::simd::slice::Update;
use crate::simd::{Level, Simd};

/// Rprop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rprop {
    /// d before the first step, not negative; usually 1e-2. It plays no part later.
    pub learning_rate: f64,
    /// eta-, above 0 and below 1: 0.5.
    pub eta_minus: f64,
    /// eta+, above 1: 1.2.
    pub eta_plus: f64,
    /// The least d, not negative: 1e-6.
    pub step_min: f64,
    /// The largest d, not below the least: 50.
    pub step_max: f64,
    /// Climb instead of descend: false.
    pub maximize: bool,
}

impl Rprop {
    /// PyTorch's defaults for all but the initial step.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            eta_minus: 0.5,
            eta_plus: 1.2,
            step_min: 1e-6,
            step_max: 50.0,
            maximize: false,
        }
    }
}

/// State: `[h, d]`.
impl UpdateRule for Rprop {
    type Kernel = Kernel;

    fn state_arrays(&self) -> usize {
        2
    }

    fn initial_state(&self) -> [f32; MAX_STATE] {
        [0.0, self.learning_rate as f32, 0.0]
    }

    fn check(&self) -> Result<()> {
        check::not_negative("learning_rate", self.learning_rate)?;
        let (minus, plus, max) = (self.eta_minus, self.eta_plus, self.step_max);
        let is_shrinking = minus > 0.0 && minus < 1.0;
        check::within("eta_minus", "a number between 0 and 1", minus, is_shrinking)?;
        let is_growing = plus > 1.0 && (plus as f32).is_finite();
        check::within("eta_plus", "a finite f32 above 1", plus, is_growing)?;
        check::not_negative("step_min", self.step_min)?;
        check::not_negative("step_max", max)?;
        check::within("step_max", "a number not below step_min", max, max >= self.step_min)
    }

    fn learning_rate_mut(&mut self) -> &mut f64 {
        &mut self.learning_rate
    }

    fn prepare(&self, _: Progress) -> Kernel {
        Kernel {
            slope: Slope::new(self.maximize, 0.0),
            eta_minus: self.eta_minus as f32,
            eta_plus: self.eta_plus as f32,
            step_min: self.step_min as f32,
            step_max: self.step_max as f32,
        }
    }
}

/// The scalars of one step.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    slope: Slope,
    eta_minus: f32,
    eta_plus: f32,
    step_min: f32,
    step_max: f32,
}

impl Prepared for Kernel {
    fn update(&self, level: Level, strip: Strip<'_>) {
        self.slope.run::<3>(level, self, strip);
    }
}

impl Update<1, 3> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, h, d]: [S::F32; 3]) -> [S::F32; 3] {
        let (zero, one) = (s.splat(0.0), s.splat(1.0));
        let c = s.mul(sign(s, g), sign(s, h));
        let (agree, turned) = (s.lt(zero, c), s.lt(c, zero));
        let shrink_or_stay = s.select(turned, s.splat(self.eta_minus), one);
        let d = s.mul(d, s.select(agree, s.splat(self.eta_plus), shrink_or_stay));
        let d = s.min(s.splat(self.step_max), s.max(s.splat(self.step_min), d));
        let g = s.select(turned, zero, g);
        [s.neg_mul_add(sign(s, g), d, p), g, d]
    }
}

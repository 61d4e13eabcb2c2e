//! Adagrad (Duchi, Hazan and Singer 2011), in PyTorch's form.
//!
//! ```text
//!   g <- g + wd p
//!   G <- G + g^2
//!   p <- p - lr / (1 + (t - 1) lr_decay)  g / (sqrt(G) + eps)
//! ```
//!
//! G only grows, so it is not flushed: it is subnormal only while all gradients are below 1e-19.

use super::average::{Slope, positive};
use super::check;
use super::rule::{MAX_STATE, Prepared, Progress, Strip, UpdateRule};
use crate::error::Result;
use crate::simd::slice::Update;
use crate::simd::{Level, Simd};

/// Adagrad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// lr, not negative; usually 1e-2.
    pub learning_rate: f64,
    /// How fast the rate falls with the steps, not negative: 0.
    pub learning_rate_decay: f64,
    /// wd, not negative, part of the gradient: 0.
    pub weight_decay: f64,
    /// G before the first step, not negative: 0.
    pub initial_accumulator: f64,
    /// eps, added to the root: 1e-10.
    pub epsilon: f64,
    /// Climb instead of descend: false.
    pub maximize: bool,
}

impl Adagrad {
    /// PyTorch's defaults for all but the learning rate.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            learning_rate_decay: 0.0,
            weight_decay: 0.0,
            initial_accumulator: 0.0,
            epsilon: 1e-10,
            maximize: false,
        }
    }
}

/// State: `[G]`.
impl UpdateRule for Adagrad {
    type Kernel = Kernel;

    fn state_arrays(&self) -> usize {
        1
    }

    fn initial_state(&self) -> [f32; MAX_STATE] {
        [self.initial_accumulator as f32, 0.0, 0.0]
    }

    fn check(&self) -> Result<()> {
        check::not_negative("learning_rate", self.learning_rate)?;
        check::not_negative("learning_rate_decay", self.learning_rate_decay)?;
        check::not_negative("weight_decay", self.weight_decay)?;
        check::not_negative("initial_accumulator", self.initial_accumulator)?;
        check::not_negative("epsilon", self.epsilon)
    }

    fn learning_rate_mut(&mut self) -> &mut f64 {
        &mut self.learning_rate
    }

    fn weight_decay_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.weight_decay)
    }

    fn prepare(&self, progress: Progress) -> Kernel {
        let before = progress.steps.saturating_sub(1) as f64;
        Kernel {
            slope: Slope::new(self.maximize, self.weight_decay),
            rate: (self.learning_rate / (1.0 + before * self.learning_rate_decay)) as f32,
            epsilon: positive(self.epsilon),
        }
    }
}

/// The scalars of one step.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    slope: Slope,
    rate: f32,
    epsilon: f32,
}

impl Prepared for Kernel {
    fn update(&self, level: Level, strip: Strip<'_>) {
        self.slope.run::<2>(level, self, strip);
    }
}

impl Update<1, 2> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, sum]: [S::F32; 2]) -> [S::F32; 2] {
        let sum = s.mul_add(g, g, sum);
        let root = s.add(s.sqrt(sum), s.splat(self.epsilon));
        [s.neg_mul_add(s.splat(self.rate), s.div(g, root), p), sum]
    }
}

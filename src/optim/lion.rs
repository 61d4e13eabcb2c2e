//! Lion (Chen et al. 2023): the sign of an average.
//!
//! ```text
//!   p <- (1 - lr wd) p
//!   p <- p - lr sign(b1 m + (1 - b1) g)
//!   m <- m + (1 - b2) (g - m)
//! ```
//!
//! A sign shows an average of any size, so here the flush of m can be seen: a parameter that has
//! had no gradient for so long that m has become subnormal stops. Without it the parameter would
//! move on for ever, for rounding keeps m from reaching zero.

use super::average::{Mean, Slope, kept, sign};
use super::check;
use super::rule::{Prepared, Progress, Strip, UpdateRule};
use crate::error::Result;
use crate::simd::slice::Update;
use crate::simd::{Level, Simd};

/// Lion. Its learning rate is usually a third to a tenth of Adam's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion {
    /// lr, not negative; usually 1e-4.
    pub learning_rate: f64,
    /// b1, the share of the average in the direction: 0.9.
    pub beta1: f64,
    /// b2, the decay of the average: 0.99.
    pub beta2: f64,
    /// wd, not negative, decoupled: 0.
    pub weight_decay: f64,
    /// Climb instead of descend: false.
    pub maximize: bool,
}

impl Lion {
    /// The paper's defaults for all but the learning rate, and no weight decay.
    pub fn new(learning_rate: f64) -> Self {
        Self { learning_rate, beta1: 0.9, beta2: 0.99, weight_decay: 0.0, maximize: false }
    }
}

/// State: `[m]`.
impl UpdateRule for Lion {
    type Kernel = Kernel;

    fn state_arrays(&self) -> usize {
        1
    }

    fn check(&self) -> Result<()> {
        check::not_negative("learning_rate", self.learning_rate)?;
        check::below_one("beta1", self.beta1)?;
        check::below_one("beta2", self.beta2)?;
        check::not_negative("weight_decay", self.weight_decay)
    }

    fn learning_rate_mut(&mut self) -> &mut f64 {
        &mut self.learning_rate
    }

    fn weight_decay_mut(&mut self) -> Option<&mut f64> {
        Some(&mut self.weight_decay)
    }

    fn prepare(&self, _: Progress) -> Kernel {
        Kernel {
            slope: Slope::new(self.maximize, 0.0),
            keep: kept(true, self.learning_rate, self.weight_decay),
            beta1: self.beta1 as f32,
            beta1_rest: (1.0 - self.beta1) as f32,
            mean: Mean::new(self.beta2),
            rate: self.learning_rate as f32,
        }
    }
}

/// The scalars of one step.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    slope: Slope,
    keep: f32,
    beta1: f32,
    /// `1 - b1`
    beta1_rest: f32,
    mean: Mean,
    rate: f32,
}

impl Prepared for Kernel {
    fn update(&self, level: Level, strip: Strip<'_>) {
        self.slope.run::<2>(level, self, strip);
    }
}

impl Update<1, 2> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, m]: [S::F32; 2]) -> [S::F32; 2] {
        let average = s.mul_add(s.splat(self.beta1), m, s.mul(s.splat(self.beta1_rest), g));
        let p = s.mul(s.splat(self.keep), p);
        let p = s.neg_mul_add(s.splat(self.rate), sign(s, average), p);
        [p, self.mean.eval(s, g, m)]
    }
}

//! Adamax (Kingma and Ba 2015): Adam with the largest gradient, which decays, in place of the root
//! of the mean square; in PyTorch's form.
//!
//! ```text
//!   g <- g + wd p
//!   m <- m + (1 - b1) (g - m)
//!   u <- max(b2 u, |g| + eps)
//!   p <- p - lr / (1 - b1^t)  m / u
//! ```

use super::average::{Mean, Slope, correction, positive};
use super::check;
use super::rule::{Prepared, Progress, Strip, UpdateRule};
use crate::error::Result;
use crate::simd::slice::Update;
use crate::simd::{Level, Simd};

/// Adamax.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adamax {
    /// lr, not negative; usually 2e-3.
    pub learning_rate: f64,
    /// b1, the decay of the mean of gradients: 0.9.
    pub beta1: f64,
    /// b2, the decay of the largest gradient: 0.999.
    pub beta2: f64,
    /// eps, added to the size of each gradient: 1e-8.
    pub epsilon: f64,
    /// wd, not negative, part of the gradient: 0.
    pub weight_decay: f64,
    /// Climb instead of descend: false.
    pub maximize: bool,
}

impl Adamax {
    /// PyTorch's defaults for all but the learning rate.
    pub fn new(learning_rate: f64) -> Self {
        let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
        Self { learning_rate, beta1, beta2, epsilon, weight_decay: 0.0, maximize: false }
    }
}

/// State: `[m, u]`.
impl UpdateRule for Adamax {
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
        Kernel {
            slope: Slope::new(self.maximize, self.weight_decay),
            mean: Mean::new(self.beta1),
            beta2: self.beta2 as f32,
            // So u is never subnormal either.
            epsilon: positive(self.epsilon),
            rate: (self.learning_rate / correction(self.beta1, progress.steps)) as f32,
        }
    }
}

/// The scalars of one step.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    slope: Slope,
    mean: Mean,
    beta2: f32,
    epsilon: f32,
    /// `lr / (1 - b1^t)`
    rate: f32,
}

impl Prepared for Kernel {
    fn update(&self, level: Level, strip: Strip<'_>) {
        self.slope.run::<3>(level, self, strip);
    }
}

impl Update<1, 3> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, m, u]: [S::F32; 3]) -> [S::F32; 3] {
        let m = self.mean.eval(s, g, m);
        let size = s.add(s.abs(g), s.splat(self.epsilon));
        let u = s.max(s.mul(s.splat(self.beta2), u), size);
        [s.neg_mul_add(s.splat(self.rate), s.div(m, u), p), m, u]
    }
}

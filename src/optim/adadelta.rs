//! Adadelta (Zeiler 2012), in PyTorch's form.
//!
//! ```text
//!   g <- g + wd p
//!   V <- rho V + (1 - rho) g^2
//!   D  = sqrt((U + eps) / (V + eps)) g           one root of the quotient instead of two
//!   U <- rho U + (1 - rho) D^2
//!   p <- p - lr D
//! ```

use super::average::{MeanSquare, Slope, positive};
use super::check;
use super::rule::{Prepared, Progress, Strip, UpdateRule};
use crate::error::Result;
use crate::simd::slice::Update;
use crate::simd::{Level, Simd};

/// Adadelta.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adadelta {
    /// lr, not negative; usually 1.
    pub learning_rate: f64,
    /// The decay of both averages of squares: 0.9.
    pub rho: f64,
    /// eps, added under the roots: 1e-6.
    pub epsilon: f64,
    /// wd, not negative, part of the gradient: 0.
    pub weight_decay: f64,
    /// Climb instead of descend: false.
    pub maximize: bool,
}

impl Adadelta {
    /// PyTorch's defaults for all but the learning rate.
    pub fn new(learning_rate: f64) -> Self {
        Self { learning_rate, rho: 0.9, epsilon: 1e-6, weight_decay: 0.0, maximize: false }
    }
}

/// State: `[V, U]`.
impl UpdateRule for Adadelta {
    type Kernel = Kernel;

    fn state_arrays(&self) -> usize {
        2
    }

    fn check(&self) -> Result<()> {
        check::not_negative("learning_rate", self.learning_rate)?;
        check::below_one("rho", self.rho)?;
        check::not_negative("epsilon", self.epsilon)?;
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
            slope: Slope::new(self.maximize, self.weight_decay),
            square: MeanSquare::beside(self.rho, self.epsilon),
            rate: self.learning_rate as f32,
            epsilon: positive(self.epsilon),
        }
    }
}

/// The scalars of one step.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    slope: Slope,
    square: MeanSquare,
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
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, v, u]: [S::F32; 3]) -> [S::F32; 3] {
        let epsilon = s.splat(self.epsilon);
        let v = self.square.eval(s, g, v);
        let ratio = s.div(s.add(u, epsilon), s.add(v, epsilon));
        let d = s.mul(s.sqrt(ratio), g);
        let u = self.square.eval(s, d, u);
        [s.neg_mul_add(s.splat(self.rate), d, p), v, u]
    }
}

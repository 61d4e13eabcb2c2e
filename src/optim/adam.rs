//! Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019), in PyTorch's form.
//!
//! ```text
//!   Adam    g <- g + wd p                         AdamW   p <- (1 - lr wd) p
//!   m <- m + (1 - b1) (g - m)
//!   v <- b2 v + (1 - b2) g^2
//!   p <- p - lr / (1 - b1^t)  m / (sqrt(v / (1 - b2^t)) + eps)
//! ```
//!
//! With `c = sqrt(1 - b2^t)` the last line equals `p - (lr c / (1 - b1^t)) m / (sqrt(v) + eps c)`,
//! one division less for each parameter; both factors are computed in f64 once a step.
//!
//! A subnormal v becomes zero only where eps is so large that no bit of `sqrt(v) + eps` depends on
//! it, as the default is. With a tiny eps, `m / (sqrt(v) + eps)` with such a v is a step like any
//! other, and without it an infinite one.

use super::{Rule, check_below_one, check_not_negative, decayed, flush};
use crate::cpu::Cpu;
use crate::error::{Result, check_len};
use crate::parallel::for_each_piece;
use crate::simd::slice::{self, Update};
use crate::simd::{Simd, dispatch};

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
}

impl From<Adam> for Rule {
    fn from(adam: Adam) -> Self {
        Rule::Adam(adam)
    }
}

impl Adam {
    /// Adam with PyTorch's defaults for all but the learning rate.
    pub fn new(learning_rate: f64) -> Self {
        let (beta1, beta2, epsilon) = (0.9, 0.999, 1e-8);
        Self { learning_rate, beta1, beta2, epsilon, weight_decay: 0.0, decoupled: false }
    }

    /// AdamW with PyTorch's defaults for all but the learning rate.
    pub fn adamw(learning_rate: f64) -> Self {
        Self { weight_decay: 1e-2, decoupled: true, ..Self::new(learning_rate) }
    }

    /// The same with weight decay wd.
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay, ..self }
    }

    /// Updates `parameters` in place, and the moments `(m, v)` with them. `step` counts from 1;
    /// before step 1 both moments are zero.
    ///
    /// Errors: [`Length`](crate::Error::Length) names `gradients`, `m` or `v`;
    /// [`Value`](crate::Error::Value) names a setting without a meaning.
    pub fn update(
        &self,
        cpu: Cpu,
        step: u64,
        parameters: &mut [f32],
        gradients: &[f32],
        moments: (&mut [f32], &mut [f32]),
    ) -> Result<()> {
        self.check()?;
        let (m, v) = moments;
        check_len("gradients", parameters.len(), gradients.len())?;
        check_len("m", parameters.len(), m.len())?;
        check_len("v", parameters.len(), v.len())?;
        let kernel = Kernel::new(self, step);
        for_each_piece(cpu, [gradients], [parameters, m, v], &|g, pmv| {
            dispatch!(cpu.level(), s => slice::update(s, &kernel, g, pmv));
        });
        Ok(())
    }

    pub(super) fn check(&self) -> Result<()> {
        check_not_negative("learning_rate", self.learning_rate)?;
        check_below_one("beta1", self.beta1)?;
        check_below_one("beta2", self.beta2)?;
        check_not_negative("epsilon", self.epsilon)?;
        check_not_negative("weight_decay", self.weight_decay)
    }
}

/// The scalars of one step.
struct Kernel {
    /// `lr c / (1 - b1^t)`
    rate: f32,
    /// `1 - b1`
    beta1_rest: f32,
    beta2: f32,
    /// `1 - b2`
    beta2_rest: f32,
    /// `eps c`, and not 0
    epsilon: f32,
    /// v becomes zero below this.
    least_v: f32,
    coupled_decay: f32,
    /// What is left of a parameter after decoupled decay.
    keep: f32,
}

impl Kernel {
    /// A step 0, which does not exist, is taken for the first.
    fn new(adam: &Adam, step: u64) -> Self {
        let step = step.max(1);
        let c = (1.0 - power(adam.beta2, step)).sqrt();
        let keep = 1.0 - adam.learning_rate * adam.weight_decay;
        let epsilon = adam.epsilon * c;
        // What v lacks after flushing in all steps, `sum of b2^i 2^-126`, under the root. It is
        // rounded away where it is below a quarter of the spacing of numbers beside eps c.
        let lost = (f64::from(f32::MIN_POSITIVE) / (1.0 - adam.beta2)).sqrt();
        let is_lost = lost <= 0.25 * f64::from(f32::EPSILON) * epsilon;
        Self {
            rate: (adam.learning_rate * c / (1.0 - power(adam.beta1, step))) as f32,
            beta1_rest: (1.0 - adam.beta1) as f32,
            beta2: adam.beta2 as f32,
            beta2_rest: (1.0 - adam.beta2) as f32,
            // Zero beside a positive v, and no division by zero beside none: what has had no
            // gradient yet, such as the gaps of an arena, stays where it is.
            epsilon: (epsilon as f32).max(f32::MIN_POSITIVE),
            least_v: if is_lost { f32::MIN_POSITIVE } else { 0.0 },
            coupled_decay: if adam.decoupled { 0.0 } else { adam.weight_decay as f32 },
            keep: if adam.decoupled { keep as f32 } else { 1.0 },
        }
    }
}

impl Update<1, 3> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, m, v]: [S::F32; 3]) -> [S::F32; 3] {
        let g = decayed(s, self.coupled_decay, p, g);
        let p = s.mul(s.splat(self.keep), p);
        let m = s.mul_add(s.splat(self.beta1_rest), s.sub(g, m), m);
        let m = flush(s, m, f32::MIN_POSITIVE);
        let square = s.mul(s.mul(s.splat(self.beta2_rest), g), g);
        let v = flush(s, s.mul_add(s.splat(self.beta2), v, square), self.least_v);
        let root = s.add(s.sqrt(v), s.splat(self.epsilon));
        let p = s.neg_mul_add(s.splat(self.rate), s.div(m, root), p);
        [p, m, v]
    }
}

/// `x^n` by repeated squaring: the same bits on every platform, which `powi` does not promise.
fn power(mut x: f64, mut n: u64) -> f64 {
    let mut result = 1.0;
    while n > 0 {
        if n & 1 == 1 {
            result *= x;
        }
        x *= x;
        n >>= 1;
    }
    result
}

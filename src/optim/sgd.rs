//! Stochastic gradient descent with momentum (Robbins and Monro 1951; Polyak 1964; Sutskever et
//! al. 2013), in PyTorch's form: the learning rate multiplies at the end.
//!
//! ```text
//!   g <- g + wd p
//!   b <- u b + (1 - d) g         b <- g on the first step: dampening is not applied to it
//!   g <- g + u b  if nesterov, else b          (without momentum g stays)
//!   p <- p - lr g
//! ```

use super::{Rule, check_not_negative, decayed, flush};
use crate::cpu::Cpu;
use crate::error::{Error, Result, check_len};
use crate::parallel::for_each_piece;
use crate::simd::slice::{self, Update};
use crate::simd::{Simd, dispatch};

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
}

impl From<Sgd> for Rule {
    fn from(sgd: Sgd) -> Self {
        Rule::Sgd(sgd)
    }
}

impl Sgd {
    /// Plain gradient descent: `p <- p - lr g`.
    pub fn new(learning_rate: f64) -> Self {
        Self { learning_rate, momentum: 0.0, dampening: 0.0, nesterov: false, weight_decay: 0.0 }
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

    /// Updates `parameters` in place, and `velocity` (b) with them. `step` counts from 1.
    ///
    /// `velocity` is as long as the parameters, or empty if there is no momentum; what it holds
    /// before step 1 does not matter.
    ///
    /// Errors: [`Length`](Error::Length) names `gradients` or `velocity`; [`Value`](Error::Value)
    /// names a setting without a meaning.
    pub fn update(
        &self,
        cpu: Cpu,
        step: u64,
        parameters: &mut [f32],
        gradients: &[f32],
        velocity: &mut [f32],
    ) -> Result<()> {
        self.check()?;
        check_len("gradients", parameters.len(), gradients.len())?;
        check_len("velocity", parameters.len() * self.state_arrays(), velocity.len())?;
        let kernel = Kernel {
            learning_rate: self.learning_rate as f32,
            momentum: self.momentum as f32,
            share: if step <= 1 { 1.0 } else { (1.0 - self.dampening) as f32 },
            weight_decay: self.weight_decay as f32,
            nesterov: self.nesterov,
        };
        if self.momentum == 0.0 {
            for_each_piece(cpu, [gradients], [parameters], &|g, p| {
                dispatch!(cpu.level(), s => slice::update(s, &kernel, g, p));
            });
            return Ok(());
        }
        if step <= 1 {
            velocity.fill(0.0);
        }
        for_each_piece(cpu, [gradients], [parameters, velocity], &|g, pb| {
            dispatch!(cpu.level(), s => slice::update(s, &kernel, g, pb));
        });
        Ok(())
    }

    pub(super) fn state_arrays(&self) -> usize {
        usize::from(self.momentum != 0.0)
    }

    pub(super) fn check(&self) -> Result<()> {
        check_not_negative("learning_rate", self.learning_rate)?;
        check_not_negative("momentum", self.momentum)?;
        check_not_negative("weight_decay", self.weight_decay)?;
        if !(self.dampening as f32).is_finite() {
            let expected = "a finite f32";
            return Err(Error::Value { argument: "dampening", expected, found: self.dampening });
        }
        if self.nesterov && self.momentum == 0.0 {
            let expected = "a momentum above 0, for nesterov";
            return Err(Error::Value { argument: "momentum", expected, found: self.momentum });
        }
        if self.nesterov && self.dampening != 0.0 {
            let expected = "0, for nesterov";
            return Err(Error::Value { argument: "dampening", expected, found: self.dampening });
        }
        Ok(())
    }
}

struct Kernel {
    learning_rate: f32,
    momentum: f32,
    /// `1 - dampening`, or 1 on the first step.
    share: f32,
    weight_decay: f32,
    nesterov: bool,
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
        [self.descend(s, p, decayed(s, self.weight_decay, p, g))]
    }
}

/// With momentum: `[p, b]`.
impl Update<1, 2> for Kernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, b]: [S::F32; 2]) -> [S::F32; 2] {
        let u = s.splat(self.momentum);
        let g = decayed(s, self.weight_decay, p, g);
        let b = s.mul_add(u, b, s.mul(s.splat(self.share), g));
        let b = flush(s, b, f32::MIN_POSITIVE);
        let along = if self.nesterov { s.mul_add(u, b, g) } else { b };
        [self.descend(s, p, along), b]
    }
}

//! Optimizers: parameters updated in place from their gradients.
//!
//! | rule | update | source |
//! |---|---|---|
//! | [`Sgd`] | momentum, dampening, Nesterov, weight decay | Robbins and Monro 1951; Sutskever et al. 2013 |
//! | [`Adam`] | bias-corrected first and second moment, coupled weight decay | Kingma and Ba 2015 |
//! | [`Adam::adamw`] | the same with decoupled weight decay | Loshchilov and Hutter 2019 |
//!
//! Names, defaults and the order of operations are PyTorch's. Settings are kept in f64 and enter
//! a step as f32 scalars computed in f64. Moments that have become subnormal are set to zero where
//! they change nothing visible: arithmetic on them can be a hundred times slower.
//!
//! Two ways to use a rule: [`Optimizer`] owns the state of all parameters of a network; or call
//! the rule's own `update` with flat slices that you own.

mod adam;
mod sgd;

pub use adam::Adam;
pub use sgd::Sgd;

use crate::cpu::Cpu;
use crate::error::{Error, Result, check_len};
use crate::scratch::Buffer;
use crate::simd::Simd;

/// A rule chosen at run time.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Rule {
    /// [`Sgd`].
    Sgd(Sgd),
    /// [`Adam`].
    Adam(Adam),
}

impl Rule {
    /// Arrays of state that the rule keeps, each as long as the parameters.
    fn state_arrays(&self) -> usize {
        match self {
            Rule::Sgd(sgd) => sgd.state_arrays(),
            Rule::Adam(_) => 2,
        }
    }

    fn check(&self) -> Result<()> {
        match self {
            Rule::Sgd(sgd) => sgd.check(),
            Rule::Adam(adam) => adam.check(),
        }
    }

    fn learning_rate_mut(&mut self) -> &mut f64 {
        match self {
            Rule::Sgd(sgd) => &mut sgd.learning_rate,
            Rule::Adam(adam) => &mut adam.learning_rate,
        }
    }
}

/// A rule with the state it keeps between steps.
///
/// ```
/// use densecore::{Cpu, optim::{Optimizer, Sgd}};
/// let mut weights = [1.0, 2.0];
/// let mut optimizer = Optimizer::new(Sgd::new(0.5), weights.len())?;
/// optimizer.step(Cpu::detect(), &mut weights, &[1.0, -1.0])?;
/// assert_eq!(weights, [0.5, 2.5]);
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Optimizer {
    rule: Rule,
    state: Buffer,
    len: usize,
    steps: u64,
}

impl Optimizer {
    /// An optimizer of `len` parameters.
    ///
    /// Errors: [`Value`](Error::Value) names a setting without a meaning, such as a negative
    /// learning rate; [`Overflow`](Error::Overflow) or [`OutOfMemory`](Error::OutOfMemory) if the
    /// state does not fit into memory.
    pub fn new(rule: impl Into<Rule>, len: usize) -> Result<Self> {
        let rule = rule.into();
        rule.check()?;
        let state = Buffer::zeros(rule.state_arrays().saturating_mul(len))?;
        Ok(Self { rule, state, len, steps: 0 })
    }

    /// One step: `parameters` move against `gradients`.
    ///
    /// Error: [`Length`](Error::Length) names `parameters` or `gradients`.
    pub fn step(&mut self, cpu: Cpu, parameters: &mut [f32], gradients: &[f32]) -> Result<()> {
        check_len("parameters", self.len, parameters.len())?;
        check_len("gradients", self.len, gradients.len())?;
        let step = self.steps + 1;
        let (first, second) = self.state.as_mut_slice().split_at_mut(match self.rule {
            Rule::Sgd(_) => 0,
            _ => self.len,
        });
        match &self.rule {
            Rule::Sgd(sgd) => sgd.update(cpu, step, parameters, gradients, second)?,
            Rule::Adam(adam) => adam.update(cpu, step, parameters, gradients, (first, second))?,
        }
        self.steps = step;
        Ok(())
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The rule and its settings.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Sets the learning rate of the steps to come. Error: [`Value`](Error::Value) names it if it
    /// is negative or not finite; then the old one stays.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        check_not_negative("learning_rate", learning_rate)?;
        *self.rule.learning_rate_mut() = learning_rate;
        Ok(())
    }
}

fn check_not_negative(argument: &'static str, value: f64) -> Result<()> {
    // Steps are taken in f32: a number that is infinite there is one here.
    if value >= 0.0 && (value as f32).is_finite() {
        return Ok(());
    }
    Err(Error::Value { argument, expected: "a finite f32 not below 0", found: value })
}

fn check_below_one(argument: &'static str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::Value { argument, expected: "a number from 0 to below 1", found: value })
}

/// `g + wd p`, the gradient with weight decay. Without decay it is g, also where p is infinite.
#[inline(always)]
fn decayed<S: Simd>(s: S, weight_decay: f32, p: S::F32, g: S::F32) -> S::F32 {
    // The same for all elements, so the compiler moves it out of the loop.
    if weight_decay == 0.0 { g } else { s.mul_add(s.splat(weight_decay), p, g) }
}

/// Zero where `|x|` is below `least`.
#[inline(always)]
fn flush<S: Simd>(s: S, x: S::F32, least: f32) -> S::F32 {
    let tiny = s.lt(s.abs(x), s.splat(least));
    s.select(tiny, s.splat(0.0), x)
}

//! [`Optimizer`]: a rule with the state of all parameters in one arena, and groups of parameters.

use core::ops::Range;

use super::check;
use super::group::{Group, Part, parts};
use super::list::Rule;
use super::rule::{MAX_STATE, Progress, Strip, UpdateRule};
use crate::cpu::Cpu;
use crate::error::{Result, check_len};
use crate::scratch::Buffer;

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
///
/// What it knows is [`progress`](Optimizer::progress) and [`state`](Optimizer::state); an optimizer
/// of the same rule that is given them goes on with the same bits:
///
/// ```
/// use densecore::{Cpu, optim::{Adam, Optimizer}};
/// let (cpu, mut p, g) = (Cpu::detect(), [1.0; 3], [0.1; 3]);
/// let mut first = Optimizer::new(Adam::new(0.1), 3)?;
/// first.step(cpu, &mut p, &g)?;
///
/// let mut second = Optimizer::new(Adam::new(0.1), 3)?;
/// second.restore(first.progress(), first.state())?;
/// let mut q = p;
/// first.step(cpu, &mut p, &g)?;
/// second.step(cpu, &mut q, &g)?;
/// assert_eq!(p, q);
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Optimizer<R = Rule> {
    pub(super) rule: R,
    pub(super) groups: Vec<Group>,
    /// Neighbours that cover all parameters, each with its group.
    pub(super) parts: Vec<Part>,
    pub(super) state: Buffer,
    pub(super) len: usize,
    pub(super) progress: Progress,
}

impl Optimizer {
    /// An optimizer of `len` parameters.
    ///
    /// Errors: [`Value`](crate::Error::Value) names a setting without a meaning, such as a negative
    /// learning rate; [`Overflow`](crate::Error::Overflow) or [`OutOfMemory`](crate::Error::OutOfMemory) if the
    /// state does not fit into memory.
    pub fn new(rule: impl Into<Rule>, len: usize) -> Result<Self> {
        Self::custom(rule.into(), len)
    }
}

impl<R: UpdateRule> Optimizer<R> {
    /// The same for a rule of your own; see [`UpdateRule`].
    pub fn custom(rule: R, len: usize) -> Result<Self> {
        Self::with_groups(rule, len, &[])
    }

    /// An optimizer of `len` parameters, some of which have settings of their own.
    ///
    /// Errors: those of [`new`](Optimizer::new); [`Value`](crate::Error::Value) also names `ranges` with a
    /// place that is beyond the parameters, or in several groups.
    pub fn with_groups(rule: R, len: usize, groups: &[Group]) -> Result<Self> {
        rule.check()?;
        let arrays = rule.state_arrays();
        let expected = "at most MAX_STATE";
        check::within("state_arrays", expected, arrays as f64, arrays <= MAX_STATE)?;
        groups.iter().try_for_each(|group| group.rule(rule)?.check())?;
        let (groups, parts) = (groups.to_vec(), parts(groups, len)?);
        let state = Buffer::zeros(arrays.saturating_mul(len))?;
        let mut optimizer = Self { rule, groups, parts, state, len, progress: Progress::START };
        optimizer.fill_state();
        Ok(optimizer)
    }

    fn fill_state(&mut self) {
        for part in &self.parts {
            let values = rule_of(self.rule, &self.groups, part).initial_state();
            let state = part_of(&mut self.state, self.len, part.range.clone());
            state.into_iter().zip(values).for_each(|(array, value)| array.fill(value));
        }
    }

    /// One step: `parameters` move against `gradients`.
    ///
    /// Error: [`Length`](crate::Error::Length) names `parameters` or `gradients`.
    pub fn step(&mut self, cpu: Cpu, parameters: &mut [f32], gradients: &[f32]) -> Result<()> {
        check_len("parameters", self.len, parameters.len())?;
        check_len("gradients", self.len, gradients.len())?;
        let next = self.rule.advance(self.progress);
        for part in &self.parts {
            let group = part.group.and_then(|group| self.groups.get(group));
            if group.is_some_and(Group::is_frozen) {
                continue;
            }
            let range = part.range.clone();
            let strip = Strip {
                gradients: &gradients[range.clone()],
                parameters: &mut parameters[range.clone()],
                state: part_of(&mut self.state, self.len, range),
            };
            strip.run_pieces(cpu, &rule_of(self.rule, &self.groups, part).prepare(next));
        }
        self.progress = next;
        Ok(())
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.progress.steps
    }

    /// The rule and its settings.
    pub fn rule(&self) -> R {
        self.rule
    }

    /// Parameters that it updates.
    pub fn parameters(&self) -> usize {
        self.len
    }

    /// The learning rate of the steps to come.
    pub fn learning_rate(&self) -> f64 {
        let mut rule = self.rule;
        *rule.learning_rate_mut()
    }

    /// Sets the learning rate of the steps to come; that of a group is its factor times this. Error:
    /// [`Value`](crate::Error::Value) names it if it is negative or not finite; then the old one stays.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        check::not_negative("learning_rate", learning_rate)?;
        let mut rule = self.rule;
        *rule.learning_rate_mut() = learning_rate;
        rule.check()?;
        self.groups.iter().try_for_each(|group| group.rule(rule)?.check())?;
        self.rule = rule;
        Ok(())
    }

    /// Steps taken, and what else the rule knows beside its arrays of state.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The arrays of state, one after the other, each in the order of the parameters.
    pub fn state(&self) -> &[f32] {
        self.state.as_slice()
    }

    /// Goes on where an optimizer of the same rule and as many parameters was.
    ///
    /// Errors: [`Length`](crate::Error::Length) names `state`, [`Value`](crate::Error::Value) a `scalar` that is
    /// not finite; then nothing changes.
    pub fn restore(&mut self, progress: Progress, state: &[f32]) -> Result<()> {
        check_len("state", self.state.as_slice().len(), state.len())?;
        let scalar = progress.scalar;
        check::within("scalar", "a finite number", scalar, scalar.is_finite())?;
        self.state.as_mut_slice().copy_from_slice(state);
        self.progress = progress;
        Ok(())
    }

    /// Forgets all steps.
    pub fn reset(&mut self) {
        self.progress = Progress::START;
        self.fill_state();
    }
}

/// The rule with the settings of a part's group.
pub(super) fn rule_of<R: UpdateRule>(rule: R, groups: &[Group], part: &Part) -> R {
    // The settings were checked when they were given.
    let group = part.group.and_then(|group| groups.get(group));
    group.and_then(|group| group.rule(rule).ok()).unwrap_or(rule)
}

/// The same part of each array of state; of those that are not kept, nothing.
pub(super) fn part_of(
    state: &mut Buffer,
    len: usize,
    range: Range<usize>,
) -> [&mut [f32]; MAX_STATE] {
    let mut arrays = state.as_mut_slice().chunks_exact_mut(len.max(1));
    core::array::from_fn(|_| {
        arrays.next().and_then(|array| array.get_mut(range.clone())).unwrap_or_default()
    })
}

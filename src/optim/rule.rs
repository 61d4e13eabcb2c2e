//! What a rule is, built in or a user's own: settings, scalars made of them once a step, and an
//! update of a vector that runs on any part of the arrays.
//!
//! ```text
//!   UpdateRule  --advance, prepare-->  Prepared  --update-->  Strip of [g | p, state...]
//!   settings                           f32 scalars            any part, any thread, any order
//! ```

use core::fmt::Debug;

use crate::cpu::Cpu;
use crate::error::{Result, check_len};
use crate::parallel::for_each_piece;
use crate::simd::slice::Update;
use crate::simd::{Level, apply};

/// Arrays of state that a rule may keep.
pub const MAX_STATE: usize = 3;

/// A rule that moves parameters against their gradients.
///
/// A rule of your own runs in the same single pass over the arrays as those of this crate. Its
/// kernel is an [`Update`] of `[p, state...]` that reads `[g]`:
///
/// ```
/// use densecore::optim::{Optimizer, Prepared, Progress, Strip, UpdateRule};
/// use densecore::simd::{Level, Simd, slice::Update};
/// use densecore::Cpu;
///
/// /// `m <- m / 2 + g`, `p <- p - lr m`
/// #[derive(Clone, Copy, Debug)]
/// struct Halving {
///     learning_rate: f64,
/// }
///
/// #[derive(Clone, Copy)]
/// struct Kernel(f32);
///
/// impl Update<1, 2> for Kernel {
///     #[inline(always)]
///     fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, m]: [S::F32; 2]) -> [S::F32; 2] {
///         let m = s.mul_add(s.splat(0.5), m, g);
///         [s.neg_mul_add(s.splat(self.0), m, p), m]
///     }
/// }
///
/// impl Prepared for Kernel {
///     fn update(&self, level: Level, strip: Strip<'_>) {
///         strip.run::<2>(level, self); // the parameters and one array of state
///     }
/// }
///
/// impl UpdateRule for Halving {
///     type Kernel = Kernel;
///     fn state_arrays(&self) -> usize {
///         1
///     }
///     fn learning_rate_mut(&mut self) -> &mut f64 {
///         &mut self.learning_rate
///     }
///     fn prepare(&self, _: Progress) -> Kernel {
///         Kernel(self.learning_rate as f32)
///     }
/// }
///
/// let mut weights = [1.0; 100];
/// let mut optimizer = Optimizer::custom(Halving { learning_rate: 0.25 }, weights.len())?;
/// optimizer.step(Cpu::detect(), &mut weights, &[1.0; 100])?; // m = 1
/// optimizer.step(Cpu::detect(), &mut weights, &[1.0; 100])?; // m = 1.5
/// assert_eq!(weights, [0.375; 100]);
/// # Ok::<(), densecore::Error>(())
/// ```
pub trait UpdateRule: Copy + Debug + Send + Sync {
    /// The scalars of one step.
    type Kernel: Prepared;

    /// What a file calls the rule, so that its state is not given to another one. A
    /// [`Rule`](super::Rule) says which it is.
    fn name(&self) -> &'static str {
        "custom"
    }

    /// Arrays of state that the rule keeps, each as long as the parameters: at most [`MAX_STATE`].
    fn state_arrays(&self) -> usize;

    /// What each array of state is filled with before the first step.
    fn initial_state(&self) -> [f32; MAX_STATE] {
        [0.0; MAX_STATE]
    }

    /// An error if a setting has no meaning: [`Value`](crate::Error::Value) names it.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// The learning rate, for schedules and [`Group`](super::Group)s.
    fn learning_rate_mut(&mut self) -> &mut f64;

    /// The weight decay, for [`Group`](super::Group)s; none if the rule has no such setting.
    fn weight_decay_mut(&mut self) -> Option<&mut f64> {
        None
    }

    /// The progress after one more step.
    fn advance(&self, progress: Progress) -> Progress {
        Progress { steps: progress.steps.saturating_add(1), ..progress }
    }

    /// The scalars of the step that [`advance`](UpdateRule::advance) has led to, computed in f64.
    fn prepare(&self, progress: Progress) -> Self::Kernel;

    /// One step on memory of your own. `progress` is [`Progress::START`] before the first step, as
    /// the state is [`initial_state`](UpdateRule::initial_state), and moves on with each.
    ///
    /// ```
    /// use densecore::{Cpu, optim::{Progress, Sgd, Strip, UpdateRule}};
    /// let (mut p, g, mut velocity) = ([1.0, 2.0], [1.0, -1.0], [0.0; 2]);
    /// let mut progress = Progress::START;
    /// let sgd = Sgd::new(0.5).momentum(0.9);
    /// let strip = Strip { gradients: &g, parameters: &mut p, state: [&mut velocity, &mut [], &mut []] };
    /// sgd.update(Cpu::detect(), &mut progress, strip)?;
    /// assert_eq!((p, progress.steps), ([0.5, 2.5], 1));
    /// # Ok::<(), densecore::Error>(())
    /// ```
    ///
    /// Errors: [`Length`](crate::Error::Length) names `gradients` or `state`: each array that the
    /// rule keeps is as long as the parameters, and the others are empty;
    /// [`Value`](crate::Error::Value) names a setting without a meaning.
    fn update(&self, cpu: Cpu, progress: &mut Progress, strip: Strip<'_>) -> Result<()> {
        self.check()?;
        let len = strip.parameters.len();
        check_len("gradients", len, strip.gradients.len())?;
        for (i, array) in strip.state.iter().enumerate() {
            check_len("state", if i < self.state_arrays() { len } else { 0 }, array.len())?;
        }
        let next = self.advance(*progress);
        strip.run_pieces(cpu, &self.prepare(next));
        *progress = next;
        Ok(())
    }
}

/// The scalars of one step of a rule, ready to be applied to any part of the arrays.
///
/// What an element becomes depends on that element alone, so the arrays may be cut anywhere and
/// their parts updated in any order, by any thread, as soon as their gradients are there.
pub trait Prepared: Send + Sync {
    /// Updates `parameters` and `state` in place, up to the shortest array in use.
    fn update(&self, level: Level, strip: Strip<'_>);
}

/// A part of the gradients with the same part of the parameters and of the rule's state.
#[derive(Debug)]
pub struct Strip<'a> {
    /// Only read.
    pub gradients: &'a [f32],
    /// Updated in place.
    pub parameters: &'a mut [f32],
    /// Updated in place; arrays that the rule does not keep are empty.
    pub state: [&'a mut [f32]; MAX_STATE],
}

impl Strip<'_> {
    /// Runs a kernel over the gradients, the parameters and the first `U - 1` arrays of state, in
    /// one pass, with a copy of the kernel in registers. A `U` of 0, or above `1 + MAX_STATE`, does not compile.
    pub fn run<const U: usize>(self, level: Level, kernel: &(impl Update<1, U> + Copy)) {
        const { assert!(0 < U && U <= 1 + MAX_STATE) };
        let [a, b, c] = self.state;
        let mut arrays = [self.parameters, a, b, c].into_iter();
        let updated = core::array::from_fn(|_| arrays.next().unwrap_or_default());
        apply::update(level, kernel, [self.gradients], updated);
    }

    /// Runs a step on as many threads as it is worth.
    pub(crate) fn run_pieces(self, cpu: Cpu, kernel: &impl Prepared) {
        let [a, b, c] = self.state;
        for_each_piece(cpu, [self.gradients], [self.parameters, a, b, c], &|[g], [p, a, b, c]| {
            kernel.update(cpu.level(), Strip { gradients: g, parameters: p, state: [a, b, c] });
        });
    }
}

/// How far a training is: what a rule knows besides its settings and its arrays of state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps taken.
    pub steps: u64,
    /// A number that goes from step to step, 1 at the start: NAdam's product of momenta. Most rules
    /// leave it at 1.
    pub scalar: f64,
}

impl Progress {
    /// Before the first step.
    pub const START: Self = Self { steps: 0, scalar: 1.0 };
}

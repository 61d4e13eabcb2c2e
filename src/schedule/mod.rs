//! Learning-rate schedules: the rate as a function of the number of steps taken, from 0 on.
//!
//! | schedule | rate at step e, from the initial rate r | PyTorch |
//! |---|---|---|
//! | [`Constant`] | `r`; `r f` while `e < T` | `ConstantLR` |
//! | [`Step`] | `r g^floor(e / S)` | `StepLR` |
//! | [`MultiStep`] | `r g^(number of milestones <= e)` | `MultiStepLR` |
//! | [`Exponential`] | `r g^e` | `ExponentialLR` |
//! | [`Linear`] | `r (s + (t - s) min(e, T) / T)` | `LinearLR` |
//! | [`Polynomial`] | `r (1 - min(e, T) / T)^p` | `PolynomialLR` |
//! | [`Cosine`] | `m + (r - m) (1 + cos(pi e / T)) / 2` | `CosineAnnealingLR` |
//! | [`WarmRestarts`] | the same, and again from r | `CosineAnnealingWarmRestarts` |
//! | [`OneCycle`] | up and down in half cosines | `OneCycleLR` |
//! | [`WarmUp`] | a line up to any of these, which follows | `SequentialLR` after `LinearLR` |
//!
//! Names and formulas are PyTorch's. The functions have no state: training that is resumed asks
//! for the next step, and nothing has to be saved. A step is what the caller counts; who wants a
//! rate for each epoch passes its number. [`ReduceOnPlateau`] is no function of the step, but of the
//! metrics that it is shown.
//!
//! All is computed in f64 by plain arithmetic, the same bits on every platform (but for a
//! fractional [`power`](Polynomial::power)).
//!
//! ```
//! use densecore::optim::{Adam, Optimizer};
//! use densecore::schedule::{Cosine, Schedule};
//! use densecore::Cpu;
//!
//! let mut weights = [1.0, 2.0];
//! let mut optimizer = Optimizer::new(Adam::new(0.1), weights.len())?;
//! // Ten steps up to a rate of 0.1, then 90 steps down to 0.
//! let schedule = Schedule::from(Cosine::new(0.1, 90)).warm_up(0.01, 10);
//! schedule.check()?;
//! for _ in 0..100 {
//!     optimizer.set_learning_rate(schedule.learning_rate(optimizer.steps()))?;
//!     let gradients = weights; // of half the sum of squares
//!     optimizer.step(Cpu::detect(), &mut weights, &gradients)?;
//! }
//! # assert!(weights[0].abs() < 0.1 && weights[1].abs() < 0.1, "{weights:?}");
//! # Ok::<(), densecore::Error>(())
//! ```

mod constant;
mod cosine;
mod curve;
mod exponential;
mod linear;
mod multi_step;
mod one_cycle;
mod plateau;
mod polynomial;
mod step;
mod warm_restarts;
mod warm_up;

pub use plateau::{Better, ReduceOnPlateau, Threshold};

use crate::error::{Error, Result};

/// A rate for each step.
pub trait LearningRate {
    /// The rate at `step`, which counts from 0. Whatever the settings are, this does not panic;
    /// with settings that [`check`](LearningRate::check) refuses the rate means nothing.
    fn learning_rate(&self, step: u64) -> f64;

    /// [`Value`](Error::Value) names a setting without a meaning, such as a negative rate.
    fn check(&self) -> Result<()>;
}

/// The enum, and what it hands on, from the list of schedules.
macro_rules! schedules {
    ($($module:ident::$name:ident),* $(,)?) => {
        $(pub use $module::$name;)*

        /// A schedule chosen at run time; see the [module](self).
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Schedule {
            $(#[doc = concat!("[`", stringify!($name), "`].")] $name($name),)*
        }

        impl Schedule {
            /// The rate at `step`, which counts from 0.
            pub fn learning_rate(&self, step: u64) -> f64 {
                match self {
                    $(Schedule::$name(schedule) => schedule.learning_rate(step),)*
                }
            }

            /// [`Value`](Error::Value) names a setting without a meaning.
            pub fn check(&self) -> Result<()> {
                match self {
                    $(Schedule::$name(schedule) => schedule.check(),)*
                }
            }
        }

        $(impl From<$name> for Schedule {
            fn from(schedule: $name) -> Self {
                Schedule::$name(schedule)
            }
        })*
    };
}

schedules! {
    constant::Constant,
    step::Step,
    multi_step::MultiStep,
    exponential::Exponential,
    linear::Linear,
    polynomial::Polynomial,
    cosine::Cosine,
    warm_restarts::WarmRestarts,
    one_cycle::OneCycle,
    warm_up::WarmUp,
}

impl Schedule {
    /// This schedule after `total_iters` steps on a line from `start_factor` times its first rate
    /// to that rate; see [`WarmUp`].
    pub fn warm_up(self, start_factor: f64, total_iters: u64) -> Self {
        WarmUp { start_factor, total_iters, then: Box::new(self) }.into()
    }
}

fn check_not_negative(argument: &'static str, value: f64) -> Result<()> {
    // Steps are taken in f32: a number that is infinite there is one here.
    if value >= 0.0 && (value as f32).is_finite() {
        return Ok(());
    }
    Err(Error::Value { argument, expected: "a finite f32 not below 0", found: value })
}

fn check_share(argument: &'static str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::Value { argument, expected: "a number from 0 to 1", found: value })
}

fn check_positive(argument: &'static str, value: f64) -> Result<()> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(Error::Value { argument, expected: "a finite number above 0", found: value })
}

fn check_count(argument: &'static str, value: u64) -> Result<()> {
    if value > 0 {
        return Ok(());
    }
    Err(Error::Value { argument, expected: "at least 1", found: 0.0 })
}

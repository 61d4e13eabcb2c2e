//! The list of all rules: [`Rule`], its names and its dispatch are made from it.
//!
//! A new one is a file beside this one, its `mod` line, and a line here.

use super::rule::{MAX_STATE, Prepared, Progress, Strip, UpdateRule};
use crate::error::Result;
use crate::simd::Level;

macro_rules! rules {
    ($($Rule:ident = $file:ident $name:literal,)*) => {
        $(pub use super::$file::$Rule;)*

        /// A rule chosen at run time.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = concat!("[`", stringify!($Rule), "`].")] $Rule($Rule),)*
        }

        /// The scalars of one step of a [`Rule`].
        #[derive(Clone, Debug)]
        pub struct RuleKernel(Kernel);

        #[derive(Clone, Debug)]
        enum Kernel {
            $($Rule(super::$file::Kernel),)*
        }

        $(
            impl From<$Rule> for Rule {
                fn from(rule: $Rule) -> Self {
                    Rule::$Rule(rule)
                }
            }
        )*

        /// Runs `$body` with `$of` bound to the rule that `$rule` holds.
        macro_rules! with_rule {
            ($rule:expr, $of:ident => $body:expr) => {
                match $rule {
                    $(Rule::$Rule($of) => $body,)*
                }
            };
        }

        impl Rule {
            /// The rule's name in lower case, such as `sgd`.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Rule::$Rule(_) => $name,)*
                }
            }
        }

        impl UpdateRule for Rule {
            type Kernel = RuleKernel;

            fn name(&self) -> &'static str {
                Rule::name(self)
            }

            fn state_arrays(&self) -> usize {
                with_rule!(self, rule => rule.state_arrays())
            }

            fn initial_state(&self) -> [f32; MAX_STATE] {
                with_rule!(self, rule => rule.initial_state())
            }

            fn check(&self) -> Result<()> {
                with_rule!(self, rule => rule.check())
            }

            fn learning_rate_mut(&mut self) -> &mut f64 {
                with_rule!(self, rule => rule.learning_rate_mut())
            }

            fn weight_decay_mut(&mut self) -> Option<&mut f64> {
                with_rule!(self, rule => rule.weight_decay_mut())
            }

            fn advance(&self, progress: Progress) -> Progress {
                with_rule!(self, rule => rule.advance(progress))
            }

            fn prepare(&self, progress: Progress) -> RuleKernel {
                RuleKernel(match self {
                    $(Rule::$Rule(rule) => Kernel::$Rule(rule.prepare(progress)),)*
                })
            }
        }

        impl Prepared for RuleKernel {
            fn update(&self, level: Level, strip: Strip<'_>) {
                match &self.0 {
                    $(Kernel::$Rule(kernel) => kernel.update(level, strip),)*
                }
            }
        }
    };
}

rules! {
    Sgd = sgd "sgd",
    Adam = adam "adam",
    Adamax = adamax "adamax",
    NAdam = nadam "nadam",
    RAdam = radam "radam",
    Adagrad = adagrad "adagrad",
    Adadelta = adadelta "adadelta",
    RmsProp = rmsprop "rmsprop",
    Rprop = rprop "rprop",
    Lion = lion "lion",
}

//! Optimizers: parameters updated in place from their gradients.
//!
//! | rule | update | source |
//! |---|---|---|
//! | [`Sgd`] | momentum, dampening, Nesterov, weight decay | Robbins and Monro 1951; Sutskever et al. 2013 |
//! | [`Adam`] | bias-corrected first and second moment, coupled weight decay; AMSGrad | Kingma and Ba 2015; Reddi et al. 2018 |
//! | [`Adam::adamw`] | the same with decoupled weight decay | Loshchilov and Hutter 2019 |
//! | [`Adamax`] | Adam with the largest gradient instead of the mean square | Kingma and Ba 2015 |
//! | [`NAdam`] | Adam with Nesterov's look-ahead | Dozat 2016 |
//! | [`RAdam`] | Adam with a rectified start | Liu et al. 2020 |
//! | [`Adagrad`] | divides by the root of the sum of squares | Duchi et al. 2011 |
//! | [`Adadelta`] | steps as large as those before | Zeiler 2012 |
//! | [`RmsProp`] | divides by the root of the mean square; centred, momentum | Tieleman and Hinton 2012 |
//! | [`Rprop`] | a step size for each parameter, and signs | Riedmiller and Braun 1993 |
//! | [`Lion`] | the sign of an average | Chen et al. 2023 |
//!
//! Names, defaults and the order of operations are PyTorch's. Settings are kept in f64 and enter
//! a step as f32 scalars computed in f64. Averages that have become subnormal are set to zero where
//! they change nothing visible: arithmetic on them can be a hundred times slower.
//!
//! Three ways to use a rule: [`Optimizer`] owns the state of all parameters of a network, and knows
//! groups of them; [`UpdateRule::update`] makes a step on flat slices that you own; and
//! [`UpdateRule::prepare`] gives the step's scalars, which update any part of the arrays.
//!
//! A step is one pass, in which each array is read once and written once. Around it:
//! [`clip`], [`penalty`], [`max_norm`](max_norm()) and [`Ema`].
//!
//! | file | what |
//! |---|---|
//! | `rule` | what a rule is; a user's own is no different |
//! | `list` | [`Rule`], made from one line for each file of a rule |
//! | `average` | the parts that rules share |
//! | `optimizer`, `group` | state in one arena, groups of parameters |

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod average;
mod check;
pub mod clip;
mod ema;
mod group;
mod lion;
mod list;
mod max_norm;
mod nadam;
mod optimizer;
pub mod penalty;
mod radam;
mod rmsprop;
mod rprop;
mod rule;
mod sgd;
mod step;
mod sum;

pub use ema::Ema;
pub use group::Group;
pub use list::*;
pub use max_norm::max_norm;
pub use optimizer::Optimizer;
pub use rule::{MAX_STATE, Prepared, Progress, Strip, UpdateRule};
pub(crate) use step::Step;

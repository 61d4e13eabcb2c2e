//! [`Loss`]: all losses, to choose from at run time.
//!
//! The lists at the end of this file are the only place that names them all.

use super::{ElementLoss, Reduction, RowLoss, SoftCrossEntropy, Target, element, row};
use crate::cpu::Cpu;
use crate::error::{Error, Result};
use crate::tensor::{View, ViewMut};

/// The sum of the losses of some rows, and what their mean would divide it by: sums of parts of a
/// batch can be added.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Total {
    sum: f64,
    count: f64,
}

impl core::ops::AddAssign for Total {
    fn add_assign(&mut self, other: Total) {
        self.sum += other.sum;
        self.count += other.count;
    }
}

/// What can be done with any loss.
trait Job {
    type Out;
    fn element(self, f: &impl ElementLoss, target: View<'_>, r: Reduction) -> Result<Self::Out>;
    fn row(self, f: &impl RowLoss, r: Reduction) -> Result<Self::Out>;
}

/// The total over the rows of an output.
struct Sum<'a>(Cpu, View<'a>);

impl Job for Sum<'_> {
    type Out = Total;
    fn element(self, f: &impl ElementLoss, target: View<'_>, r: Reduction) -> Result<Total> {
        let (rows, cols) = self.1.shape();
        let count = r.count(rows, rows.saturating_mul(cols) as f64);
        Ok(Total { sum: element::sum(self.0, f, self.1, target, None)?, count })
    }
    fn row(self, f: &impl RowLoss, r: Reduction) -> Result<Total> {
        let sum = row::sum(self.0, f, self.1, None)?;
        Ok(Total { sum, count: r.count(self.1.rows(), f.divisor(self.1.rows())) })
    }
}

/// The loss of an output, which becomes the gradient.
struct InPlace<'a>(Cpu, ViewMut<'a>);

impl Job for InPlace<'_> {
    type Out = f32;
    fn element(self, f: &impl ElementLoss, target: View<'_>, r: Reduction) -> Result<f32> {
        f.in_place(self.0, self.1, target, r)
    }
    fn row(self, f: &impl RowLoss, r: Reduction) -> Result<f32> {
        f.in_place(self.0, self.1, r)
    }
}

/// Whether an output of that shape has a loss.
struct Check((usize, usize));

impl Job for Check {
    type Out = ();
    fn element(self, f: &impl ElementLoss, target: View<'_>, _: Reduction) -> Result<()> {
        element::check(f, self.0, target, None)
    }
    fn row(self, f: &impl RowLoss, _: Reduction) -> Result<()> {
        f.check(self.0)
    }
}

impl Loss {
    /// The mean squared error over all elements.
    pub const MSE: Loss = Loss::SquaredError(Reduction::Mean);
    /// The mean cross entropy over the rows.
    pub const CROSS_ENTROPY: Loss = Loss::CrossEntropy(Reduction::Mean);

    /// The loss of `output [batch, n]`.
    ///
    /// Errors: [`Mismatch`](Error::Mismatch) if the loss does not take this kind of target,
    /// [`Shape`](Error::Shape) that names `target` or [`Length`](Error::Length) that names
    /// `classes`, [`Class`](Error::Class) with the row, or [`Value`](Error::Value) that names a
    /// setting.
    pub fn value(self, cpu: Cpu, output: View<'_>, target: Target<'_>) -> Result<f32> {
        Ok(self.reduce(self.sum(cpu, output, target)?))
    }

    /// The loss of `output [batch, n]`, which is replaced by the gradient. Errors as for
    /// [`value`](Loss::value); then the output is unchanged.
    pub fn in_place(self, cpu: Cpu, output: ViewMut<'_>, target: Target<'_>) -> Result<f32> {
        self.run(target, InPlace(cpu, output))
    }

    /// What [`value`](Loss::value) reduces, so that a batch can be taken in blocks of rows.
    pub(crate) fn sum(self, cpu: Cpu, output: View<'_>, target: Target<'_>) -> Result<Total> {
        self.run(target, Sum(cpu, output))
    }

    /// Ok if an output of that shape has a loss.
    pub(crate) fn check(self, shape: (usize, usize), target: Target<'_>) -> Result<()> {
        self.run(target, Check(shape))
    }

    /// The loss of a batch, from the totals of its rows.
    pub(crate) fn reduce(self, Total { sum, count }: Total) -> f32 {
        match self.reduction() {
            Reduction::Sum => sum as f32,
            reduction => reduction.reduce(sum, count),
        }
    }

    fn run<J: Job>(self, target: Target<'_>, job: J) -> Result<J::Out> {
        // Cross entropy is the one loss that takes both kinds of targets.
        match (self, target) {
            (Loss::CrossEntropy(r), Target::Values(q)) => job.row(&SoftCrossEntropy::new(q), r),
            (Loss::CrossEntropyWith(is, r), Target::Values(q)) => job.row(&is.with_soft(q), r),
            (_, Target::Values(t)) => self.run_element(t, job),
            (_, Target::Classes(ids)) => self.run_row(ids, None, job),
            (_, Target::WeightedClasses { ids, weights }) => self.run_row(ids, Some(weights), job),
        }
    }
}

/// Makes [`Loss`] from the lists of losses. A line has the variant; the file; the settings that it holds
/// besides its reduction; the loss, made of them; and its name in messages.
macro_rules! losses {
    (
        elements { $( $(#[$e_doc:meta])* $e:ident = $e_file:ident($($e_is:ident: $e_settings:ty)?) => $e_loss:expr, $e_name:literal; )* }
        rows { $( $(#[$r_doc:meta])* $r:ident = $r_file:ident($($r_is:ident: $r_settings:ty)?) $ids:ident $weights:ident => $r_loss:expr, $r_name:literal; )* }
    ) => {
        $( pub use super::$e_file::*; )*
        $(
            #[allow(unused_imports, reason = "a file may have two losses")]
            pub use super::$r_file::*;
        )*

        /// A loss chosen at run time, with its reduction.
        ///
        /// Class weights come with the [target](Target::WeightedClasses). Weights of samples and
        /// weights by column are borrowed, and not part of this: use the losses themselves.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Loss {
            $( $(#[$e_doc])* $e($($e_settings,)? Reduction), )*
            $( $(#[$r_doc])* $r($($r_settings,)? Reduction), )*
        }

        impl Loss {
            /// How losses become one number.
            pub fn reduction(self) -> Reduction {
                #[allow(unused_variables, reason = "the settings that a loss may have")]
                match self {
                    $( Loss::$e($($e_is,)? reduction) => reduction, )*
                    $( Loss::$r($($r_is,)? reduction) => reduction, )*
                }
            }

            fn run_element<J: Job>(self, target: View<'_>, job: J) -> Result<J::Out> {
                match self {
                    $( Loss::$e($($e_is,)? reduction) => job.element(&$e_loss, target, reduction), )*
                    $( Loss::$r(..) => Err(mismatch(concat!("class ids, for ", $r_name), "values")), )*
                }
            }

            fn run_row<J: Job>(
                self,
                ids: &[u32],
                weights: Option<&[f32]>,
                job: J,
            ) -> Result<J::Out> {
                match self {
                    $( Loss::$e(..) => Err(mismatch(concat!("values, for ", $e_name), "class ids")), )*
                    $( Loss::$r($($r_is,)? reduction) => {
                        let ($ids, $weights) = (ids, weights);
                        job.row(&$r_loss, reduction)
                    } )*
                }
            }
        }
    };
}

fn mismatch(expected: &'static str, found: &'static str) -> Error {
    Error::Mismatch { argument: "target", expected, found }
}

losses! {
    elements {
        /// [`SquaredError`](super::SquaredError).
        SquaredError = squared_error() => SquaredError, "a squared error";
        /// [`AbsoluteError`](super::AbsoluteError).
        AbsoluteError = absolute_error() => AbsoluteError, "an absolute error";
        /// [`Huber`](super::Huber).
        Huber = huber(is: Huber) => is, "a Huber loss";
        /// [`SmoothL1`](super::SmoothL1).
        SmoothL1 = smooth_l1(is: SmoothL1) => is, "a smooth L1 loss";
        /// [`LogCosh`](super::LogCosh).
        LogCosh = log_cosh() => LogCosh, "log-cosh";
        /// [`BinaryCrossEntropy`](super::BinaryCrossEntropy), of probabilities.
        BinaryCrossEntropy = binary_cross_entropy() => BinaryCrossEntropy, "a binary cross entropy";
        /// [`BinaryCrossEntropyWithLogits`](super::BinaryCrossEntropyWithLogits).
        BinaryCrossEntropyWithLogits = binary_cross_entropy_with_logits(is: BinaryCrossEntropyWithLogits) => is, "a binary cross entropy";
        /// [`Hinge`](super::Hinge).
        Hinge = hinge(is: Hinge) => is, "a hinge loss";
        /// [`SquaredHinge`](super::SquaredHinge).
        SquaredHinge = squared_hinge(is: SquaredHinge) => is, "a squared hinge loss";
        /// [`SoftMargin`](super::SoftMargin).
        SoftMargin = soft_margin() => SoftMargin, "a soft margin loss";
        /// [`PoissonNll`](super::PoissonNll).
        PoissonNll = poisson_nll(is: PoissonNll) => is, "a Poisson likelihood";
        /// [`KlDivergence`](super::KlDivergence).
        KlDivergence = kl_divergence(is: KlDivergence) => is, "a KL divergence";
    }
    rows {
        /// [`CrossEntropy`](super::CrossEntropy) on logits, with class ids;
        /// [`SoftCrossEntropy`](super::SoftCrossEntropy) with values, which are probabilities.
        CrossEntropy = cross_entropy() classes weights => CrossEntropy { weights, ..CrossEntropy::new(classes) }, "a cross entropy";
        /// The same with label smoothing and ignored rows.
        CrossEntropyWith = cross_entropy(is: CrossEntropyOptions) classes weights => CrossEntropy { weights, ..is.with(classes) }, "a cross entropy";
        /// [`Nll`](super::Nll), of log-probabilities.
        Nll = nll() classes weights => Nll { weights, ..Nll::new(classes) }, "a likelihood";
        /// [`MultiMargin`](super::MultiMargin).
        MultiMargin = multi_margin(margin: Margin) classes weights => MultiMargin { weights, margin, ..MultiMargin::new(classes) }, "a margin loss";
    }
}

//! Losses: the value and the gradient with respect to the prediction, in one pass.
//!
//! Of single elements, for predictions x and targets t of the same shape; `d = x - t`, `s` is the
//! logistic function:
//!
//! | loss | value | slope | at the kink |
//! |---|---|---|---|
//! | [`SquaredError`] | d^2 | 2 d | |
//! | [`AbsoluteError`] | \|d\| | sign d | 0 |
//! | [`Huber`] | d^2 / 2, from delta on delta (\|d\| - delta / 2) | d, cut at delta | |
//! | [`SmoothL1`] | d^2 / (2 beta), from beta on \|d\| - beta / 2 | d / beta, cut at 1 | |
//! | [`LogCosh`] | log cosh d | tanh d | |
//! | [`BinaryCrossEntropy`] | -(t log x + (1 - t) log(1 - x)) | (x - t) / (x (1 - x)) | |
//! | [`BinaryCrossEntropyWithLogits`] | the same of s(x), with weight for t = 1 | s(x) - t | |
//! | [`Hinge`] | max(0, margin - t x), t = 1 or -1 | -t | 0 |
//! | [`SquaredHinge`] | max(0, margin - t x)^2 | -2 t max(0, margin - t x) | |
//! | [`SoftMargin`] | log(1 + e^(-t x)) | -t s(-t x) | |
//! | [`PoissonNll`] | e^x - t x, or x - t log x | e^x - t, or 1 - t / x | |
//! | [`KlDivergence`] | t (log t - x), x a log-probability | -t | |
//!
//! Of whole rows:
//!
//! | loss | value of a row x | target | divisor of the mean |
//! |---|---|---|---|
//! | [`CrossEntropy`] | log(sum_j e^x_j) - x_y | class id y | weights of the targets |
//! | [`SoftCrossEntropy`] | log(sum_j e^x_j) - sum_j q_j x_j | probabilities q | rows |
//! | [`Nll`] | -x_y, x a log-probability | class id y | weights of the targets |
//! | [`MultiMargin`] | sum of max(0, margin - x_y + x_j)^p over j != y, / n | class id y | rows |
//!
//! A loss is a value that holds its settings. The traits [`ElementLoss`] and [`RowLoss`] give each
//! the same four functions: `value`; `value_and_gradient`; `in_place`, in which the gradient
//! takes the prediction's place, as the training step wants it; and `elements`, without reduction. A
//! loss of your own implements one of the traits. [`Loss`] chooses one at run time.
//!
//! Values are `f32`; rows, and runs of elements, are summed in f64, in an order that depends on the
//! shape, and on whether there are weights. The mean over nothing is NaN, as in PyTorch. A NaN
//! prediction gives a NaN loss. Formulas and defaults are those of PyTorch; Huber is after P. J.
//! Huber, "Robust estimation of a location parameter" (1964), smooth L1 after R. Girshick, "Fast
//! R-CNN" (2015), the multi-class hinge after K. Crammer and Y. Singer (2001), label smoothing after
//! C. Szegedy and others, "Rethinking the Inception architecture" (2016).

mod absolute_error;
mod binary_cross_entropy;
mod binary_cross_entropy_with_logits;
mod classes;
mod cross_entropy;
mod element;
mod hinge;
mod huber;
mod kl_divergence;
mod list;
mod log_cosh;
mod multi_margin;
mod narrow;
mod nll;
mod poisson_nll;
mod row;
mod smooth_l1;
mod soft_cross_entropy;
mod soft_margin;
mod softplus;
mod squared_error;
mod squared_hinge;
mod strip;
mod sweep;

pub use element::ElementLoss;
pub use list::*;
pub use row::RowLoss;
pub use soft_cross_entropy::SoftCrossEntropy;

use crate::error::{Error, Result, check_len};
use crate::parallel::Rows;
use crate::tensor::{View, ViewMut};

/// How the losses of single elements or rows become one number. Without reduction they are written
/// by the functions called `elements`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reduction {
    /// Their mean: over elements, or over rows as the loss says.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// Their sum, divided by the number of rows; what makes a [`KlDivergence`] that of
    /// distributions.
    BatchMean,
}

impl Reduction {
    /// What the sum over `rows` rows is divided by, where the mean is over `all`.
    fn count(self, rows: usize, all: f64) -> f64 {
        match self {
            Reduction::Mean => all,
            Reduction::Sum => 1.0,
            Reduction::BatchMean => rows as f64,
        }
    }

    /// What a single loss, and its gradient, is multiplied by.
    fn factor(self, count: f64) -> f64 {
        1.0 / count
    }

    /// The reduced value of losses whose sum is `sum`.
    fn reduce(self, sum: f64, count: f64) -> f32 {
        (sum / count) as f32
    }
}

/// How a loss becomes one number; a [`Reduction`] alone will do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// How the losses of elements or rows become one.
    pub reduction: Reduction,
    /// A factor for the loss of each row. They do not change what a mean divides by, as in
    /// PyTorch: for a weighted mean use the sum and divide by the sum of weights.
    pub sample_weights: Option<&'a [f32]>,
}

impl From<Reduction> for Options<'_> {
    fn from(reduction: Reduction) -> Self {
        Self { reduction, sample_weights: None }
    }
}

/// What a batch of outputs is compared with, borrowed; a data set owns
/// [`Targets`](crate::Targets).
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The id of the right class of each row.
    Classes(&'a [u32]),
    /// The same with a weight for each class, by which its rows count more or less.
    WeightedClasses {
        /// The id of the right class of each row.
        ids: &'a [u32],
        /// A weight for each class: as many as the output has columns.
        weights: &'a [f32],
    },
    /// A matrix in the shape of the output.
    Values(View<'a>),
}

/// Where losses without reduction go, and their gradient.
struct Outputs<'a> {
    values: ViewMut<'a>,
    gradient: Option<ViewMut<'a>>,
}

impl Rows for Outputs<'_> {
    fn shape(&self) -> (usize, usize) {
        self.gradient.as_ref().map_or(self.values.shape(), ViewMut::shape)
    }
    fn split_rows_at(self, row: usize) -> (Self, Self) {
        let (values, rest) = self.values.split_rows_at(row);
        let (gradient, gradient_rest) = self.gradient.map(|d| d.split_rows_at(row)).unzip();
        (Self { values, gradient }, Self { values: rest, gradient: gradient_rest })
    }
}

/// Ok if there is a weight for each row, or none at all.
fn check_weights(rows: usize, weights: Option<&[f32]>) -> Result<()> {
    weights.map_or(Ok(()), |weights| check_len("sample_weights", rows, weights.len()))
}

/// Ok if these settings of that name are finite.
fn check_finite(argument: &'static str, settings: &[f32]) -> Result<()> {
    match settings.iter().find(|setting| !setting.is_finite()) {
        Some(&found) => {
            Err(Error::Value { argument, expected: "a finite number", found: found.into() })
        }
        None => Ok(()),
    }
}

/// The weight of a row.
fn weight(weights: Option<&[f32]>, row: usize) -> f64 {
    weights.and_then(|weights| weights.get(row)).map_or(1.0, |&weight| f64::from(weight))
}

/// Copies a matrix into one of the same shape.
fn copy(from: View<'_>, to: &mut ViewMut<'_>) {
    match (from.as_contiguous(), to.as_contiguous_mut()) {
        (Some(from), Some(to)) => to.copy_from_slice(from),
        _ => {
            for (i, row) in to.iter_rows_mut().enumerate() {
                row.copy_from_slice(from.row(i).unwrap_or(&[]));
            }
        }
    }
}

//! Losses: the value and the gradient with respect to the prediction, in one pass.
//!
//! | loss | value of the batch | gradient | divisor of the mean |
//! |---|---|---|---|
//! | [`mse`] | `(x - t)^2`, summed or averaged | `2 (x - t)` | all elements, as in PyTorch |
//! | [`cross_entropy`] | `log(sum_j e^z_j) - z_t` of each row | `softmax(z) - onehot(t)` | rows |
//!
//! Each module has three functions: `value`, `value_and_gradient`, and `in_place`, in which the
//! gradient takes the prediction's place, as the training step wants it. Values are `f32`; rows, and
//! runs of elements within a row, are summed in f64, in an order that depends on the shape only.
//! The mean over nothing is NaN, as in PyTorch.

pub mod cross_entropy;
pub mod mse;

use crate::cpu::Cpu;
use crate::error::{Error, Result};
use crate::tensor::{View, ViewMut};

/// How the losses of single elements or rows become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reduction {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

impl Reduction {
    /// What a single loss, and its gradient, is multiplied by, for `count` of them.
    fn factor(self, count: usize) -> f64 {
        match self {
            Reduction::Mean => 1.0 / count as f64,
            Reduction::Sum => 1.0,
        }
    }

    /// The reduced value of `count` losses whose sum is `sum`.
    fn reduce(self, sum: f64, count: usize) -> f32 {
        match self {
            Reduction::Mean => (sum / count as f64) as f32,
            Reduction::Sum => sum as f32,
        }
    }
}

/// What a batch of outputs is compared with, borrowed; a data set owns
/// [`Targets`](crate::Targets).
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The id of the right class of each row.
    Classes(&'a [u32]),
    /// A matrix in the shape of the output.
    Values(View<'a>),
}

/// A loss chosen at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// [`mse`]: squared error, for [`Target::Values`].
    SquaredError(Reduction),
    /// [`cross_entropy`]: softmax and cross entropy on logits, for [`Target::Classes`].
    CrossEntropy(Reduction),
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
    /// `classes`, or [`Class`](Error::Class) with the row.
    pub fn value(self, cpu: Cpu, output: View<'_>, target: Target<'_>) -> Result<f32> {
        Ok(self.reduce(self.sum(cpu, output, target)?, output.shape()))
    }

    /// The sum that [`value`](Loss::value) reduces, so that a batch can be taken in blocks of rows.
    pub(crate) fn sum(self, cpu: Cpu, output: View<'_>, target: Target<'_>) -> Result<f64> {
        match (self, target) {
            (Loss::SquaredError(_), Target::Values(t)) => mse::sum(cpu, output, t),
            (Loss::CrossEntropy(_), Target::Classes(t)) => cross_entropy::sum(cpu, output, t),
            _ => Err(self.mismatch(target)),
        }
    }

    /// The loss of a batch of `rows` outputs of `cols` elements, from its sum.
    pub(crate) fn reduce(self, sum: f64, (rows, cols): (usize, usize)) -> f32 {
        match self {
            Loss::SquaredError(reduction) => reduction.reduce(sum, rows * cols),
            Loss::CrossEntropy(reduction) => reduction.reduce(sum, rows),
        }
    }

    /// The loss of `output [batch, n]`, which is replaced by the gradient. Errors as for
    /// [`value`](Loss::value); then the output is unchanged.
    pub fn in_place(self, cpu: Cpu, output: ViewMut<'_>, target: Target<'_>) -> Result<f32> {
        match (self, target) {
            (Loss::SquaredError(r), Target::Values(t)) => mse::in_place(cpu, output, t, r),
            (Loss::CrossEntropy(r), Target::Classes(t)) => {
                cross_entropy::in_place(cpu, output, t, r)
            }
            _ => Err(self.mismatch(target)),
        }
    }

    fn mismatch(self, target: Target<'_>) -> Error {
        Error::Mismatch {
            argument: "target",
            expected: match self {
                Loss::SquaredError(_) => "values, for a squared error",
                Loss::CrossEntropy(_) => "class ids, for a cross entropy",
            },
            found: match target {
                Target::Classes(_) => "class ids",
                Target::Values(_) => "values",
            },
        }
    }
}

/// Copies a matrix into one of the same shape.
fn copy_rows(from: View<'_>, to: &mut ViewMut<'_>) {
    to.for_each_row(|i, row| row.copy_from_slice(from.row(i).unwrap_or(&[])));
}

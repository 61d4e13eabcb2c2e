//! Columns of mean 0 and variance 1, which gradient descent takes to best.
//!
//! ```text
//!   mean  = sum x / n      scale = sqrt(sum (x - mean)^2 / n)      over the n samples fitted to
//!   apply   z = (x - mean) / scale                                 a constant column: scale = 1
//!   undo    x = z * scale + mean
//! ```
//!
//! Y. LeCun, L. Bottou, G. Orr, K.-R. Mueller, "Efficient BackProp", 1998, section 4.3;
//! scikit-learn's `StandardScaler`.

use super::{Dataset, buffer};
use crate::error::{Error, Result, check_shape};
use crate::tensor::{View, ViewMut};

/// A mean and a scale for each column. Fit it to the samples that are trained on, apply the same
/// to all others: whoever fits it to the test set too has looked at the test set.
///
/// ```
/// use densecore::{Tensor, data::Standardize};
/// let train = Tensor::from_vec(3, 2, vec![1.0, 5.0, 2.0, 5.0, 3.0, 5.0])?;
/// let mut test = Tensor::from_vec(1, 2, vec![2.0, 6.0])?;
/// let scale = Standardize::fit(train.view())?;
/// scale.apply(test.view_mut())?;
/// assert_eq!(test.as_slice(), [0.0, 1.0]);
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Standardize {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl Standardize {
    /// Each column of `samples [n, cols]` by its own mean and scale.
    ///
    /// A NaN or infinity makes its column NaN. Errors: [`Error::Value`] of `samples` if there are
    /// none, [`Error::OutOfMemory`].
    pub fn fit(samples: View<'_>) -> Result<Self> {
        let (rows, cols) = check_some(samples)?;
        let (mut mean, mut scale) = (buffer(cols)?, buffer(cols)?);
        for row in samples.iter_rows() {
            for (sum, &x) in mean.iter_mut().zip(row) {
                *sum += f64::from(x);
            }
        }
        mean.iter_mut().for_each(|mean: &mut f64| *mean /= rows as f64);
        for row in samples.iter_rows() {
            for ((sum, &x), mean) in scale.iter_mut().zip(row).zip(&mean) {
                *sum += (f64::from(x) - mean).powi(2);
            }
        }
        scale.iter_mut().for_each(|scale| *scale = root(*scale / rows as f64));
        Ok(Self { mean, scale })
    }

    /// All columns of `samples [n, cols]` by one mean and one scale, that of all elements: for
    /// pixels, which are one quantity, and where a column of the border that is hardly ever used
    /// would be blown up on its own.
    ///
    /// A NaN or infinity makes everything NaN. Errors: [`Error::Value`] of `samples` if there are
    /// none, [`Error::OutOfMemory`].
    pub fn fit_whole(samples: View<'_>) -> Result<Self> {
        let (rows, cols) = check_some(samples)?;
        let elements = || samples.iter_rows().flatten().map(|&x| f64::from(x));
        let n = rows as f64 * cols as f64;
        let mean = elements().sum::<f64>() / n;
        let variance = elements().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let scale = root(variance);
        let (mut means, mut scales) = (buffer(cols)?, buffer(cols)?);
        means.fill(mean);
        scales.fill(scale);
        Ok(Self { mean: means, scale: scales })
    }

    /// The mean of each column.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// What each column is divided by: its standard deviation, or 1.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// `z = (x - mean) / scale` in the place of each x of `samples [any, cols]`.
    ///
    /// Error: [`Error::Shape`] of `samples`; then nothing is changed.
    pub fn apply(&self, samples: ViewMut<'_>) -> Result<()> {
        self.replace(samples, |x, mean, scale| (x - mean) / scale)
    }

    /// `x = z * scale + mean` in the place of each z of `samples [any, cols]`: back to the units
    /// that predictions are wanted in.
    ///
    /// Error: [`Error::Shape`] of `samples`; then nothing is changed.
    pub fn undo(&self, samples: ViewMut<'_>) -> Result<()> {
        self.replace(samples, |z, mean, scale| z * scale + mean)
    }

    /// The data set with [`apply`](Standardize::apply) done to its inputs.
    ///
    /// Error: [`Error::Shape`] of `samples`.
    pub fn dataset(&self, set: Dataset) -> Result<Dataset> {
        let (mut inputs, targets) = set.into_parts();
        self.apply(inputs.view_mut())?;
        Ok(Dataset { inputs, targets })
    }

    fn replace(&self, mut samples: ViewMut<'_>, f: impl Fn(f64, f64, f64) -> f64) -> Result<()> {
        let rows = samples.rows();
        check_shape("samples", (rows, self.mean.len()), samples.shape())?;
        for i in 0..rows {
            let row = samples.row_mut(i).unwrap_or_default();
            for ((x, &mean), &scale) in row.iter_mut().zip(&self.mean).zip(&self.scale) {
                *x = f(f64::from(*x), mean, scale) as f32;
            }
        }
        Ok(())
    }
}

/// The shape, or the error that there is no sample.
fn check_some(samples: View<'_>) -> Result<(usize, usize)> {
    match samples.rows() {
        0 => Err(Error::Value { argument: "samples", expected: "at least 1", found: 0.0 }),
        _ => Ok(samples.shape()),
    }
}

/// The standard deviation, or 1 where nothing varies. The variance of a constant is 0, and not a
/// little more: in f64 the sum of up to 2^29 equal numbers of 24 bits is exact.
fn root(variance: f64) -> f64 {
    if variance == 0.0 { 1.0 } else { variance.sqrt() }
}

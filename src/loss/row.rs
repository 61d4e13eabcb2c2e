//! Losses of whole rows: what one is, and the functions that run any of them.
//!
//! ```text
//!   value      L = sum_i w_i l_i(x_i) / D            w_i = 1 without sample weights
//!   gradient   dL/dx_i = w_i grad l_i(x_i) / D
//!   D          the loss's own divisor, rows unless it says otherwise (mean); rows (batch mean);
//!              1 (sum); never the sum of the w_i
//! ```

use super::{Options, Outputs, check_weights, copy, weight};
use crate::cpu::Cpu;
use crate::error::{Result, check_shape};
use crate::parallel::{for_each_block, sum_rows};
use crate::simd::{Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// The loss of each row of a prediction; the targets and settings are part of it.
///
/// Methods that are generic over the vector type must be `#[inline(always)]`; see
/// [`simd`](crate::simd).
pub trait RowLoss: Sync {
    /// Ok if targets and settings fit a prediction of `(rows, cols)`. No other method is called
    /// before.
    fn check(&self, shape: (usize, usize)) -> Result<()>;

    /// The loss of row `row`, which is `x`.
    fn row_value<S: Simd>(&self, s: S, row: usize, x: &[f32]) -> f64;

    /// The same; `x` becomes the gradient, times the factor.
    fn row_gradient<S: Simd>(&self, s: S, row: usize, x: &mut [f32], factor: f32) -> f64;

    /// What the mean over `rows` rows divides by.
    fn divisor(&self, rows: usize) -> f64 {
        rows as f64
    }

    /// The sum of the losses of the rows of `block`, the first of which is row `first`: to be
    /// written where a loss has something better than row after row.
    #[inline(always)]
    fn block_value<S: Simd>(&self, s: S, first: usize, block: View<'_>) -> f64 {
        let mut sum = 0.0;
        for (i, x) in block.iter_rows().enumerate() {
            sum += self.row_value(s, first + i, x);
        }
        sum
    }

    /// The same; the block becomes the gradient, times the factor.
    #[inline(always)]
    fn block_gradient<S: Simd>(
        &self,
        s: S,
        first: usize,
        mut block: ViewMut<'_>,
        factor: f32,
    ) -> f64 {
        let mut sum = 0.0;
        for i in 0..block.rows() {
            let x = block.row_mut(i).unwrap_or_default();
            sum += self.row_gradient(s, first + i, x, factor);
        }
        sum
    }

    /// The loss of `prediction [batch, n]`.
    ///
    /// Errors: those of [`check`](RowLoss::check), and [`Length`](crate::Error::Length) names
    /// `sample_weights`.
    fn value<'a>(
        &self,
        cpu: Cpu,
        prediction: View<'_>,
        options: impl Into<Options<'a>>,
    ) -> Result<f32> {
        let Options { reduction, sample_weights } = options.into();
        let sum = sum(cpu, self, prediction, sample_weights)?;
        let rows = prediction.rows();
        Ok(reduction.reduce(sum, reduction.count(rows, self.divisor(rows))))
    }

    /// The loss, and its gradient in `d_prediction [batch, n]`.
    ///
    /// Errors as for [`value`](RowLoss::value), and [`Shape`](crate::Error::Shape) names
    /// `d_prediction`.
    ///
    /// ```
    /// use densecore::loss::{CrossEntropy, Reduction, RowLoss};
    /// use densecore::{Cpu, View, ViewMut};
    /// let mut d = [f32::NAN; 2];
    /// let (logits, to) = (View::new(1, 2, &[0.0, 0.0])?, ViewMut::new(1, 2, &mut d)?);
    /// let loss = CrossEntropy::new(&[1]);
    /// let loss = loss.value_and_gradient(Cpu::detect(), logits, Reduction::Mean, to)?;
    /// assert_eq!((loss, d), (std::f32::consts::LN_2, [0.5, -0.5]));
    /// # Ok::<(), densecore::Error>(())
    /// ```
    fn value_and_gradient<'a>(
        &self,
        cpu: Cpu,
        prediction: View<'_>,
        options: impl Into<Options<'a>>,
        d_prediction: ViewMut<'_>,
    ) -> Result<f32> {
        self.check(prediction.shape())?;
        check_shape("d_prediction", prediction.shape(), d_prediction.shape())?;
        gradient(cpu, self, Some(prediction), d_prediction, options.into())
    }

    /// The loss of `prediction`, which is replaced by the gradient. Errors as for
    /// [`value`](RowLoss::value); then the prediction is unchanged.
    fn in_place<'a>(
        &self,
        cpu: Cpu,
        prediction: ViewMut<'_>,
        options: impl Into<Options<'a>>,
    ) -> Result<f32> {
        gradient(cpu, self, None, prediction, options.into())
    }

    /// The loss of each row in `values [batch, 1]`, not reduced, and with `d_prediction [batch, n]`
    /// its gradient; both times the sample weight of the row, if there are any.
    ///
    /// Errors as for [`value`](RowLoss::value), and [`Shape`](crate::Error::Shape) names `values`
    /// or `d_prediction`.
    fn elements(
        &self,
        cpu: Cpu,
        prediction: View<'_>,
        sample_weights: Option<&[f32]>,
        values: ViewMut<'_>,
        d_prediction: Option<ViewMut<'_>>,
    ) -> Result<()> {
        self.check(prediction.shape())?;
        check_weights(prediction.rows(), sample_weights)?;
        check_shape("values", (prediction.rows(), 1), values.shape())?;
        if let Some(d) = &d_prediction {
            check_shape("d_prediction", prediction.shape(), d.shape())?;
        }
        let outputs = Outputs { values, gradient: d_prediction };
        for_each_block(cpu, outputs, &|first, mut block| {
            dispatch!(cpu.level(), s => for (i, value) in block.values.iter_rows_mut().enumerate() {
                let (row, x) = (first + i, prediction.row(first + i).unwrap_or(&[]));
                let weight = weight(sample_weights, row);
                let loss = match block.gradient.as_mut().and_then(|d| d.row_mut(i)) {
                    None => self.row_value(s, row, x),
                    Some(d) => {
                        d.copy_from_slice(x);
                        self.row_gradient(s, row, d, weight as f32)
                    }
                };
                value.fill((weight * loss) as f32);
            });
        });
        Ok(())
    }
}

/// The sum that [`RowLoss::value`] reduces.
pub(super) fn sum<F: RowLoss + ?Sized>(
    cpu: Cpu,
    f: &F,
    prediction: View<'_>,
    weights: Option<&[f32]>,
) -> Result<f64> {
    f.check(prediction.shape())?;
    check_weights(prediction.rows(), weights)?;
    Ok(sum_rows(cpu, prediction, &|first, block| {
        let mut sum = 0.0;
        dispatch!(cpu.level(), s => match weights {
            None => for i in pieces(block.shape()) {
                let piece = block.rows_range(i, piece_rows(block.cols()));
                sum += f.block_value(s, first + i, piece);
            },
            Some(_) => for (i, x) in block.iter_rows().enumerate() {
                sum += weight(weights, first + i) * f.row_value(s, first + i, x);
            },
        });
        sum
    }))
}

/// The loss, and the gradient in `x`, which holds the prediction if there is no `source`.
fn gradient<F: RowLoss + ?Sized>(
    cpu: Cpu,
    f: &F,
    source: Option<View<'_>>,
    x: ViewMut<'_>,
    Options { reduction, sample_weights }: Options<'_>,
) -> Result<f32> {
    let (rows, cols) = x.shape();
    f.check((rows, cols))?;
    check_weights(rows, sample_weights)?;
    let count = reduction.count(rows, f.divisor(rows));
    let factor = reduction.factor(count);
    let sum = sum_rows(cpu, x, &|first, mut block| {
        let mut sum = 0.0;
        dispatch!(cpu.level(), s => for i in pieces(block.shape()) {
            let rows = piece_rows(cols);
            let mut piece = block.reborrow().split_rows_at(i).1.split_rows_at(rows).0;
            if let Some(source) = source {
                copy(source.rows_range(first + i, piece.rows()), &mut piece);
            }
            match sample_weights {
                None => sum += f.block_gradient(s, first + i, piece, factor as f32),
                Some(_) => for (k, x) in piece.iter_rows_mut().enumerate() {
                    let weight = weight(sample_weights, first + i + k);
                    let factor = (factor * weight) as f32;
                    sum += weight * f.row_gradient(s, first + i + k, x, factor);
                },
            }
        });
        sum
    });
    Ok(reduction.reduce(sum, count))
}

/// Elements that stay in the first-level cache between the passes over them.
const PIECE: usize = 4096;

/// How many rows are handed to a loss at once.
fn piece_rows(cols: usize) -> usize {
    (PIECE / cols.max(1)).max(1)
}

/// The first rows of the pieces of a block.
fn pieces((rows, cols): (usize, usize)) -> impl Iterator<Item = usize> {
    let visited = if cols == 0 { 0 } else { rows };
    (0..visited).step_by(piece_rows(cols))
}

//! Losses of single elements: what one is, and the loops that run any of them.
//!
//! ```text
//!   value      L = sum_ij w_i l(x_ij, t_ij) / D          w_i = 1 without sample weights
//!   gradient   dL/dx_ij = w_i l'(x_ij, t_ij) / D         l' = dl/dx
//!   D          rows * cols (mean), rows (batch mean), 1 (sum); never the sum of the w_i
//! ```

use super::{Options, Outputs, check_weights, sweep};
use crate::cpu::Cpu;
use crate::error::{Result, check_len, check_shape};
use crate::simd::Simd;
use crate::tensor::{View, ViewMut};

/// The loss of an element and its slope, as a function of the prediction x and the target t.
///
/// That is all a loss of one's own needs; it is run by the same loops as those of this crate. The
/// method is generic over the vector type and must be `#[inline(always)]`; see
/// [`simd`](crate::simd).
///
/// ```
/// use densecore::loss::{ElementLoss, Reduction};
/// use densecore::{Cpu, View, simd::Simd};
///
/// /// `(x - t)^4`
/// struct Fourth;
///
/// impl ElementLoss for Fourth {
///     #[inline(always)]
///     fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
///         let d = s.sub(x, t);
///         let d2 = s.mul(d, d);
///         (s.mul(d2, d2), s.mul(s.splat(4.0), s.mul(d2, d)))
///     }
/// }
///
/// let (x, t) = (View::new(1, 2, &[3.0, 0.0])?, View::new(1, 2, &[1.0, 1.0])?);
/// assert_eq!(Fourth.value(Cpu::detect(), x, t, Reduction::Sum)?, 17.0);
/// # Ok::<(), densecore::Error>(())
/// ```
pub trait ElementLoss: Sync {
    /// `l(x, t)` and `dl/dx`.
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32);

    /// A parameter for each column of the prediction, for a loss that has one.
    #[inline(always)]
    fn columns(&self) -> Option<&[f32]> {
        None
    }

    /// `l(x, t)` and `dl/dx` with the parameter of the column; used where [`columns`] gives some.
    ///
    /// [`columns`]: ElementLoss::columns
    #[inline(always)]
    fn value_and_slope_in_column<S: Simd>(
        &self,
        s: S,
        x: S::F32,
        t: S::F32,
        _column: S::F32,
    ) -> (S::F32, S::F32) {
        self.value_and_slope(s, x, t)
    }

    /// Ok if the settings have a meaning for a prediction of `cols` columns.
    fn check(&self, cols: usize) -> Result<()> {
        let _ = cols;
        Ok(())
    }

    /// The loss of `prediction` against `target`, both `[batch, n]`.
    ///
    /// Errors: [`Shape`](crate::Error::Shape) names `target`, [`Length`](crate::Error::Length)
    /// names `sample_weights` or a parameter by column, [`Value`](crate::Error::Value) a setting.
    fn value<'a>(
        &self,
        cpu: Cpu,
        prediction: View<'_>,
        target: View<'_>,
        options: impl Into<Options<'a>>,
    ) -> Result<f32> {
        let Options { reduction, sample_weights } = options.into();
        let sum = sum(cpu, self, prediction, target, sample_weights)?;
        let (rows, cols) = prediction.shape();
        Ok(reduction.reduce(sum, reduction.count(rows, rows.saturating_mul(cols) as f64)))
    }

    /// The loss, and its gradient in `d_prediction [batch, n]`.
    ///
    /// Errors as for [`value`](ElementLoss::value), and [`Shape`](crate::Error::Shape) names
    /// `d_prediction`.
    ///
    /// ```
    /// use densecore::loss::{ElementLoss, Reduction, SquaredError};
    /// use densecore::{Cpu, View, ViewMut};
    /// let (x, t) = (View::new(1, 2, &[1.0, 5.0])?, View::new(1, 2, &[1.0, 2.0])?);
    /// let mut d = [f32::NAN; 2];
    /// let to = ViewMut::new(1, 2, &mut d)?;
    /// let loss = SquaredError.value_and_gradient(Cpu::detect(), x, t, Reduction::Sum, to)?;
    /// assert_eq!((loss, d), (9.0, [0.0, 6.0]));
    /// # Ok::<(), densecore::Error>(())
    /// ```
    fn value_and_gradient<'a>(
        &self,
        cpu: Cpu,
        prediction: View<'_>,
        target: View<'_>,
        options: impl Into<Options<'a>>,
        d_prediction: ViewMut<'_>,
    ) -> Result<f32> {
        check_shape("target", prediction.shape(), target.shape())?;
        check_shape("d_prediction", prediction.shape(), d_prediction.shape())?;
        gradient(cpu, self, Some(prediction), d_prediction, target, options.into())
    }

    /// The loss of `prediction`, which is replaced by the gradient. Errors as for
    /// [`value`](ElementLoss::value); then the prediction is unchanged.
    fn in_place<'a>(
        &self,
        cpu: Cpu,
        prediction: ViewMut<'_>,
        target: View<'_>,
        options: impl Into<Options<'a>>,
    ) -> Result<f32> {
        gradient(cpu, self, None, prediction, target, options.into())
    }

    /// The loss of each element in `values [batch, n]`, not reduced, and with `d_prediction` its
    /// slope; both times the sample weight of its row, if there are any.
    ///
    /// Errors as for [`value`](ElementLoss::value), and [`Shape`](crate::Error::Shape) names
    /// `values` or `d_prediction`.
    fn elements(
        &self,
        cpu: Cpu,
        prediction: View<'_>,
        target: View<'_>,
        sample_weights: Option<&[f32]>,
        values: ViewMut<'_>,
        d_prediction: Option<ViewMut<'_>>,
    ) -> Result<()> {
        check(self, prediction.shape(), target, sample_weights)?;
        check_shape("values", prediction.shape(), values.shape())?;
        if let Some(d) = &d_prediction {
            check_shape("d_prediction", prediction.shape(), d.shape())?;
        }
        let outputs = Outputs { values, gradient: d_prediction };
        sweep::elements(cpu, self, (prediction, target), sample_weights, outputs);
        Ok(())
    }
}

/// The sum that [`ElementLoss::value`] reduces.
pub(super) fn sum<F: ElementLoss + ?Sized>(
    cpu: Cpu,
    f: &F,
    prediction: View<'_>,
    target: View<'_>,
    weights: Option<&[f32]>,
) -> Result<f64> {
    check(f, prediction.shape(), target, weights)?;
    Ok(sweep::sum(cpu, f, (prediction, target), weights))
}

/// The loss, and the gradient in `x`, which holds the prediction if there is no `source`.
fn gradient<F: ElementLoss + ?Sized>(
    cpu: Cpu,
    f: &F,
    source: Option<View<'_>>,
    x: ViewMut<'_>,
    target: View<'_>,
    Options { reduction, sample_weights }: Options<'_>,
) -> Result<f32> {
    let (rows, cols) = x.shape();
    check(f, (rows, cols), target, sample_weights)?;
    let count = reduction.count(rows, rows.saturating_mul(cols) as f64);
    let factor = reduction.factor(count);
    let sum = sweep::gradient(cpu, f, (source, x, target), sample_weights, factor);
    Ok(reduction.reduce(sum, count))
}

/// Ok if a loss can be computed.
pub(super) fn check<F: ElementLoss + ?Sized>(
    f: &F,
    shape: (usize, usize),
    target: View<'_>,
    weights: Option<&[f32]>,
) -> Result<()> {
    check_shape("target", shape, target.shape())?;
    check_weights(shape.0, weights)?;
    f.check(shape.1)?;
    f.columns().map_or(Ok(()), |columns| check_len("columns", shape.1, columns.len()))
}

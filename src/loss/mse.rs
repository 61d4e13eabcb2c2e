//! Squared error.
//!
//! ```text
//!   value      L = sum (x - t)^2 / D        D = number of elements (mean) or 1 (sum)
//!   gradient   dL/dx = 2 (x - t) / D
//! ```

use super::{Reduction, copy_rows};
use crate::cpu::Cpu;
use crate::error::{Result, check_shape};
use crate::parallel::sum_rows;
use crate::simd::slice::{self, UpdateSum};
use crate::simd::{Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// Elements of a row whose squares are summed in f32; the sums of such runs are added in f64.
const RUN: usize = 1024;

/// The squared error of `prediction` against `target`, both `[batch, n]`. Error:
/// [`Shape`](crate::Error::Shape) names `target`.
pub fn value(
    cpu: Cpu,
    prediction: View<'_>,
    target: View<'_>,
    reduction: Reduction,
) -> Result<f32> {
    let sum = sum(cpu, prediction, target)?;
    Ok(reduction.reduce(sum, prediction.rows() * prediction.cols()))
}

/// The sum of squares that [`value`] reduces.
pub(super) fn sum(cpu: Cpu, prediction: View<'_>, target: View<'_>) -> Result<f64> {
    check_shape("target", prediction.shape(), target.shape())?;
    Ok(sum_rows(cpu, prediction, &|first, block| {
        let mut sum = 0.0;
        dispatch!(cpu.level(), s => for (i, x) in block.iter_rows().enumerate() {
            let t = target.row(first + i).unwrap_or(&[]);
            for (x, t) in x.chunks(RUN).zip(t.chunks(RUN)) {
                sum += f64::from(slice::update_sum(s, &Square, [x, t], []));
            }
        });
        sum
    }))
}

/// The squared error, and its gradient in `d_prediction [batch, n]`.
///
/// Errors: [`Shape`](crate::Error::Shape) names `target` or `d_prediction`.
///
/// ```
/// use densecore::{Cpu, View, ViewMut, loss::{Reduction, mse}};
/// let (x, t) = ([1.0, 5.0], [1.0, 2.0]);
/// let mut d = [f32::NAN; 2];
/// let (x, t) = (View::new(1, 2, &x)?, View::new(1, 2, &t)?);
/// let loss = mse::value_and_gradient(
///     Cpu::detect(), x, t, Reduction::Sum, ViewMut::new(1, 2, &mut d)?)?;
/// assert_eq!((loss, d), (9.0, [0.0, 6.0]));
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn value_and_gradient(
    cpu: Cpu,
    prediction: View<'_>,
    target: View<'_>,
    reduction: Reduction,
    mut d_prediction: ViewMut<'_>,
) -> Result<f32> {
    check_shape("target", prediction.shape(), target.shape())?;
    check_shape("d_prediction", prediction.shape(), d_prediction.shape())?;
    copy_rows(prediction, &mut d_prediction);
    in_place(cpu, d_prediction, target, reduction)
}

/// The squared error of `prediction`, which is replaced by the gradient. Error:
/// [`Shape`](crate::Error::Shape) names `target`.
pub fn in_place(
    cpu: Cpu,
    prediction: ViewMut<'_>,
    target: View<'_>,
    reduction: Reduction,
) -> Result<f32> {
    check_shape("target", prediction.shape(), target.shape())?;
    let count = prediction.rows() * prediction.cols();
    let kernel = SquareAndSlope((2.0 * reduction.factor(count)) as f32);
    let sum = sum_rows(cpu, prediction, &|first, mut block| {
        let mut sum = 0.0;
        dispatch!(cpu.level(), s => block.for_each_row(|i, x| {
            let t = target.row(first + i).unwrap_or(&[]);
            for (x, t) in x.chunks_mut(RUN).zip(t.chunks(RUN)) {
                sum += f64::from(slice::update_sum(s, &kernel, [t], [x]));
            }
        }));
        sum
    });
    Ok(reduction.reduce(sum, count))
}

/// `(x - t)^2`
struct Square;

impl UpdateSum<2, 0> for Square {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, t]: [S::F32; 2], _: [S::F32; 0]) -> ([S::F32; 0], S::F32) {
        let d = s.sub(x, t);
        ([], s.mul(d, d))
    }
}

/// `(x - t)^2`, and x becomes `(x - t)` times the factor.
struct SquareAndSlope(f32);

impl UpdateSum<1, 1> for SquareAndSlope {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [t]: [S::F32; 1], [x]: [S::F32; 1]) -> ([S::F32; 1], S::F32) {
        let d = s.sub(x, t);
        ([s.mul(d, s.splat(self.0))], s.mul(d, d))
    }
}

//! Softmax and cross entropy on logits, with class ids as targets.
//!
//! ```text
//!   m = max_j z_j     e_j = exp(z_j - m)     Z = sum_j e_j           for each row
//!   value      L = sum over rows of (log Z - (z_t - m)) / D           D = rows (mean) or 1 (sum)
//!   gradient   dL/dz_j = (e_j / Z - [j = t]) / D
//! ```
//!
//! `log softmax` is never formed by itself: `log Z` is at least 0 and the rest exact, so nothing
//! cancels and nothing overflows. A row with NaN or +infinity gives NaN, as in PyTorch.

use super::{Reduction, copy_rows};
use crate::activation::softmax::{Scale, exponentials, sum_of_exponentials};
use crate::cpu::Cpu;
use crate::error::{Error, Result, check_len, check_shape};
use crate::math;
use crate::parallel::sum_rows;
use crate::simd::{Portable, dispatch, slice};
use crate::tensor::{View, ViewMut};

/// The cross entropy of `logits [batch, classes]` against the ids of the right `classes [batch]`.
///
/// Errors: [`Length`](Error::Length) names `classes`; [`Class`](Error::Class) names the first row
/// whose id is not below the number of classes.
pub fn value(cpu: Cpu, logits: View<'_>, classes: &[u32], reduction: Reduction) -> Result<f32> {
    let sum = sum(cpu, logits, classes)?;
    Ok(reduction.reduce(sum, logits.rows()))
}

/// The sum over rows that [`value`] reduces.
pub(super) fn sum(cpu: Cpu, logits: View<'_>, classes: &[u32]) -> Result<f64> {
    check_classes(logits.shape(), classes)?;
    Ok(sum_rows(cpu, logits, &|first, block| {
        let mut loss = 0.0;
        dispatch!(cpu.level(), s => for (i, z) in block.iter_rows().enumerate() {
            let (max, sum) = sum_of_exponentials(s, z);
            loss += row_loss(sum, z[classes[first + i] as usize] - max);
        });
        loss
    }))
}

/// The cross entropy, and its gradient in `d_logits [batch, classes]`.
///
/// Errors as for [`value`], and [`Shape`](Error::Shape) names `d_logits`.
///
/// ```
/// use densecore::{Cpu, View, ViewMut, loss::{Reduction, cross_entropy}};
/// let mut d = [f32::NAN; 2];
/// let logits = View::new(1, 2, &[0.0, 0.0])?;
/// let loss = cross_entropy::value_and_gradient(
///     Cpu::detect(), logits, &[1], Reduction::Mean, ViewMut::new(1, 2, &mut d)?)?;
/// assert_eq!((loss, d), (std::f32::consts::LN_2, [0.5, -0.5]));
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn value_and_gradient(
    cpu: Cpu,
    logits: View<'_>,
    classes: &[u32],
    reduction: Reduction,
    mut d_logits: ViewMut<'_>,
) -> Result<f32> {
    check_classes(logits.shape(), classes)?;
    check_shape("d_logits", logits.shape(), d_logits.shape())?;
    copy_rows(logits, &mut d_logits);
    in_place(cpu, d_logits, classes, reduction)
}

/// The cross entropy of `logits`, which are replaced by the gradient. Errors as for [`value`];
/// then the logits are unchanged.
pub fn in_place(
    cpu: Cpu,
    logits: ViewMut<'_>,
    classes: &[u32],
    reduction: Reduction,
) -> Result<f32> {
    check_classes(logits.shape(), classes)?;
    let rows = logits.rows();
    let factor = reduction.factor(rows) as f32;
    let sum = sum_rows(cpu, logits, &|first, mut block| {
        let mut loss = 0.0;
        dispatch!(cpu.level(), s => block.for_each_row(|i, z| {
            let class = classes[first + i] as usize;
            let logit = z[class];
            let (max, sum) = exponentials(s, z);
            loss += row_loss(sum, logit - max);
            slice::update(s, &Scale(1.0 / sum * factor), [], [&mut *z]);
            z[class] -= factor;
        }));
        loss
    });
    Ok(reduction.reduce(sum, rows))
}

/// `log Z - (z_t - m)`, for one row.
fn row_loss(sum: f32, logit_below_max: f32) -> f64 {
    // The same code at every level, one element wide.
    let [log] = math::log(Portable::<1>, [sum]);
    f64::from(log) - f64::from(logit_below_max)
}

fn check_classes((rows, classes): (usize, usize), ids: &[u32]) -> Result<()> {
    check_len("classes", rows, ids.len())?;
    match ids.iter().position(|&id| id as usize >= classes) {
        Some(row) => Err(Error::Class { row, found: ids[row] as usize, classes }),
        None => Ok(()),
    }
}

//! Numbers that say how good predictions are; losses are in [`loss`](crate::loss).
//!
//! | metric | formula |
//! |---|---|
//! | [`accuracy`] | rows whose largest score is that of the right class / rows |
//! | [`top_k_accuracy`] | rows with fewer than k scores as large as that of the right class, or larger / rows |
//! | [`confusion_matrix`] | how often each class was taken for each |
//! | [`rmse`] | sqrt(sum (x - t)^2 / elements) |
//! | [`r2`] | mean over columns of 1 - sum (t - x)^2 / sum (t - mean t)^2 |
//!
//! A row of scores with a NaN is no prediction: it counts as wrong, and the confusion matrix leaves
//! it out. A NaN among values makes `rmse` and `r2` NaN. Over nothing all are NaN. Everything is
//! summed in f64, one row after the other.

use crate::error::{Error, Result, check_len, check_shape};
use crate::tensor::View;

/// The class that a row of scores speaks for: the index of the largest, the first of equals.
/// `None` if the row is empty or holds a NaN, which is no prediction at all.
///
/// ```
/// use densecore::train::predicted_class;
/// assert_eq!(predicted_class(&[0.1, 0.7, 0.2]), Some(1));
/// assert_eq!(predicted_class(&[f32::NAN, 0.7]), None);
/// ```
pub fn predicted_class(scores: &[f32]) -> Option<usize> {
    if scores.iter().any(|score| score.is_nan()) {
        return None;
    }
    let best = |best: usize, i: usize| if scores[i] > scores[best] { i } else { best };
    (0..scores.len()).reduce(best)
}

/// How many rows of `scores [batch, classes]` speak for the class that `classes [batch]` gives
/// them. Error: [`Length`](crate::Error::Length) names `classes`.
pub fn correct(scores: View<'_>, classes: &[u32]) -> Result<usize> {
    check_len("classes", scores.rows(), classes.len())?;
    let rows = scores.iter_rows().zip(classes);
    Ok(rows.filter(|(row, class)| predicted_class(row) == Some(**class as usize)).count())
}

/// The share of rows of `scores [batch, classes]` that speak for the class that `classes [batch]`
/// gives them, from 0 to 1. Error: [`Length`](crate::Error::Length) names `classes`.
///
/// ```
/// use densecore::{View, train::accuracy};
/// let scores = View::new(2, 2, &[0.9, 0.1, 0.8, 0.2])?;
/// assert_eq!(accuracy(scores, &[0, 1])?, 0.5);
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn accuracy(scores: View<'_>, classes: &[u32]) -> Result<f64> {
    Ok(correct(scores, classes)? as f64 / scores.rows() as f64)
}

/// The share of rows of `scores [batch, classes]` in which the score of the right class is among
/// the k largest, from 0 to 1. Of equal scores the first is taken first, so that k = 1 is
/// [`accuracy`].
///
/// Errors: [`Length`](crate::Error::Length) names `classes`, [`Class`](crate::Error::Class) the
/// first row whose id is not below the number of classes, and [`Value`](crate::Error::Value) names
/// `k` if it is 0.
pub fn top_k_accuracy(scores: View<'_>, classes: &[u32], k: usize) -> Result<f64> {
    if k == 0 {
        return Err(Error::Value { argument: "k", expected: "at least 1", found: 0.0 });
    }
    check_classes(scores.shape(), classes)?;
    let is_among_them = |(row, class): &(&[f32], &u32)| {
        let right = **class as usize;
        let is_before = |&j: &usize| row[j] > row[right] || row[j] == row[right] && j < right;
        let before = (0..row.len()).filter(is_before).count();
        before < k && !row.iter().any(|score| score.is_nan())
    };
    let hits = scores.iter_rows().zip(classes).filter(is_among_them).count();
    Ok(hits as f64 / scores.rows() as f64)
}

/// How often each class was taken for each: element `[right * n + predicted]` of the `n * n` that
/// are returned, n being the number of columns of `scores [batch, n]`.
///
/// Errors: [`Length`](crate::Error::Length) names `classes`, [`Class`](crate::Error::Class) the
/// first row whose id is not below n, [`Overflow`](crate::Error::Overflow) names `scores` if n is
/// too large to be squared.
///
/// ```
/// use densecore::{View, train::confusion_matrix};
/// let scores = View::new(3, 2, &[0.9, 0.1, 0.8, 0.2, 0.3, 0.7])?;
/// assert_eq!(confusion_matrix(scores, &[0, 1, 1])?, [1, 0, 1, 1]);
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn confusion_matrix(scores: View<'_>, classes: &[u32]) -> Result<Vec<usize>> {
    check_classes(scores.shape(), classes)?;
    let n = scores.cols();
    let size = n.checked_mul(n).filter(|size| *size <= isize::MAX as usize / size_of::<usize>());
    let size = size.ok_or(Error::Overflow { argument: "scores", found: (n, n) })?;
    let mut counts = vec![0; size];
    for (row, &class) in scores.iter_rows().zip(classes) {
        if let Some(predicted) = predicted_class(row) {
            counts[class as usize * n + predicted] += 1;
        }
    }
    Ok(counts)
}

/// The root of the mean squared error over all elements of `prediction` and `target`, both
/// `[batch, n]`. Error: [`Shape`](crate::Error::Shape) names `target`.
pub fn rmse(prediction: View<'_>, target: View<'_>) -> Result<f64> {
    check_shape("target", prediction.shape(), target.shape())?;
    let rows = prediction.iter_rows().zip(target.iter_rows());
    let squares = rows.flat_map(|(x, t)| x.iter().zip(t)).map(|(&x, &t)| square(x, t));
    let sum: f64 = squares.sum();
    Ok((sum / (prediction.rows() as f64 * prediction.cols() as f64)).sqrt())
}

/// The coefficient of determination: for each column of `prediction` and `target`, both
/// `[batch, n]`, the share of the target's variance that is explained, and of all columns the mean.
/// 1 is perfect, 0 as good as the mean of the target, and there is no limit below. A column whose
/// targets are all the same has 1 if it is predicted exactly, and 0 otherwise, as in scikit-learn.
///
/// Error: [`Shape`](crate::Error::Shape) names `target`.
///
/// ```
/// use densecore::{View, train::r2};
/// let (x, t) = (View::new(4, 1, &[1.0, 2.0, 2.0, 3.0])?, View::new(4, 1, &[0.0, 2.0, 2.0, 4.0])?);
/// assert_eq!(r2(x, t)?, 0.75);
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn r2(prediction: View<'_>, target: View<'_>) -> Result<f64> {
    check_shape("target", prediction.shape(), target.shape())?;
    let (rows, cols) = target.shape();
    if rows == 0 || cols == 0 {
        return Ok(f64::NAN);
    }
    let of_column = |j: usize| {
        let (mut mean, mut residual, mut total) = (0.0, 0.0, 0.0);
        target.iter_rows().for_each(|t| mean += f64::from(t[j]) / rows as f64);
        for (x, t) in prediction.iter_rows().zip(target.iter_rows()) {
            residual += square(x[j], t[j]);
            total += (f64::from(t[j]) - mean).powi(2);
        }
        match (residual == 0.0, total == 0.0) {
            (true, true) => 1.0,
            (false, true) if !residual.is_nan() => 0.0,
            _ => 1.0 - residual / total,
        }
    };
    Ok((0..cols).map(of_column).sum::<f64>() / cols as f64)
}

/// `(x - t)^2`
fn square(x: f32, t: f32) -> f64 {
    (f64::from(x) - f64::from(t)).powi(2)
}

/// Ok if there is an id below the number of classes for each row.
fn check_classes((rows, classes): (usize, usize), ids: &[u32]) -> Result<()> {
    check_len("classes", rows, ids.len())?;
    match ids.iter().position(|&id| id as usize >= classes) {
        Some(row) => Err(Error::Class { row, found: ids[row] as usize, classes }),
        None => Ok(()),
    }
}

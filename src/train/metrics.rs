//! Numbers that say how good predictions are; losses are in [`loss`](crate::loss).

use crate::error::{Result, check_len};
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

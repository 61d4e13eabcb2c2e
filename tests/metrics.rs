//! Laws of the metrics.

use densecore::train::{
    accuracy, confusion_matrix, correct, predicted_class, r2, rmse, top_k_accuracy,
};
use densecore::{Error, Result, View};

const NAN: f32 = f32::NAN;

/// Four rows of three scores: clear, equal scores, a NaN, and wrong.
const SCORES: [f32; 12] = [5.0, 1.0, 3.0, 2.0, 2.0, 1.0, 9.0, NAN, 0.0, 0.0, 1.0, 2.0];

#[test]
fn the_first_of_equal_scores_is_the_prediction_and_a_nan_is_none() -> Result<()> {
    let scores = View::new(4, 3, &SCORES)?;
    assert_eq!(
        scores.iter_rows().map(predicted_class).collect::<Vec<_>>(),
        [Some(0), Some(0), None, Some(2)]
    );
    assert_eq!(correct(scores, &[0, 0, 0, 0])?, 2);
    assert_eq!(accuracy(scores, &[0, 1, 0, 2])?, 0.5);
    assert!(accuracy(View::new(0, 3, &[])?, &[])?.is_nan());
    Ok(())
}

#[test]
fn the_right_class_is_among_the_k_largest() -> Result<()> {
    let scores = View::new(4, 3, &SCORES)?;
    let ids = [2, 1, 0, 0];
    assert_eq!(top_k_accuracy(scores, &ids, 1)?, accuracy(scores, &ids)?);
    assert_eq!(top_k_accuracy(scores, &[0, 0, 0, 2], 1)?, 0.75);
    assert_eq!(top_k_accuracy(scores, &ids, 2)?, 0.5);
    // The row with a NaN is wrong for every k.
    assert_eq!(top_k_accuracy(scores, &ids, 3)?, 0.75);
    assert_eq!(top_k_accuracy(scores, &ids, usize::MAX)?, 0.75);
    let error = Error::Value { argument: "k", expected: "at least 1", found: 0.0 };
    assert_eq!(top_k_accuracy(scores, &ids, 0), Err(error));
    Ok(())
}

#[test]
fn confusions_are_counted_by_right_class_and_prediction() -> Result<()> {
    let scores = View::new(4, 3, &SCORES)?;
    // Rows: right class 2 taken for 0, 1 for 0, none, 2 for 2.
    assert_eq!(confusion_matrix(scores, &[2, 1, 0, 2])?, [0, 0, 0, 1, 0, 0, 1, 0, 1]);
    Ok(())
}

#[test]
fn the_root_of_the_mean_square() -> Result<()> {
    let (x, t) =
        (View::new(2, 2, &[1.0, 2.0, 3.0, 4.0])?, View::new(2, 2, &[1.0, 2.0, 3.0, 10.0])?);
    assert_eq!(rmse(x, t)?, 3.0);
    assert_eq!(rmse(x, x)?, 0.0);
    assert!(rmse(x, View::new(2, 2, &[1.0, NAN, 3.0, 4.0])?)?.is_nan());
    assert!(rmse(View::new(0, 2, &[])?, View::new(0, 2, &[])?)?.is_nan());
    Ok(())
}

#[test]
fn the_share_of_variance_is_the_mean_over_columns() -> Result<()> {
    let t = View::new(4, 2, &[0.0, 1.0, 2.0, 1.0, 2.0, 1.0, 4.0, 1.0])?;
    // The first column is predicted by its mean: 0. The second is constant: 1 if exact, else 0.
    let mean = View::new(4, 2, &[2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0])?;
    assert_eq!(r2(mean, t)?, 0.5);
    let wrong = View::new(4, 2, &[0.0, 1.0, 2.0, 1.0, 2.0, 1.0, 4.0, 2.0])?;
    assert_eq!(r2(wrong, t)?, 0.5);
    assert_eq!(r2(t, t)?, 1.0);
    // Worse than the mean: 1 - 16 / 8 in the first column.
    let bad = View::new(4, 2, &[4.0, 1.0, 2.0, 1.0, 2.0, 1.0, 4.0, 1.0])?;
    assert_eq!(r2(bad, t)?, 0.0);
    let nan = View::new(4, 2, &[0.0, NAN, 2.0, 1.0, 2.0, 1.0, 4.0, 1.0])?;
    assert!(r2(nan, t)?.is_nan() && r2(t, nan)?.is_nan());
    Ok(())
}

#[test]
fn arguments_that_do_not_fit_are_named() -> Result<()> {
    let scores = View::new(4, 3, &SCORES)?;
    let length = Error::Length { argument: "classes", expected: 4, found: 1 };
    assert_eq!(accuracy(scores, &[0]), Err(length));
    assert_eq!(top_k_accuracy(scores, &[0], 1), Err(length));
    assert_eq!(confusion_matrix(scores, &[0]), Err(length));
    let class = Error::Class { row: 1, found: 3, classes: 3 };
    assert_eq!(top_k_accuracy(scores, &[0, 3, 0, 0], 1), Err(class));
    assert_eq!(confusion_matrix(scores, &[0, 3, 0, 0]), Err(class));
    let shape = Error::Shape { argument: "target", expected: (4, 3), found: (3, 4) };
    let other = View::new(3, 4, &SCORES)?;
    assert_eq!(rmse(scores, other), Err(shape));
    assert_eq!(r2(scores, other), Err(shape));
    Ok(())
}

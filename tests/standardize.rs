//! Laws of `data::Standardize`.

use densecore::data::Standardize;
use densecore::{Dataset, Error, Result, Rng, Targets, Tensor, View, ViewMut};

/// Columns of very different means and scales.
fn samples(rows: usize) -> Result<Tensor> {
    let mut rng = Rng::new(3, 0);
    let row = |_| [(100.0, 0.01), (-3.0, 2.0), (0.0, 1e4), (1e-3, 1e-5)];
    let draw = |(mean, scale): (f32, f32)| mean + scale * rng.normal();
    Tensor::from_vec(rows, 4, (0..rows).flat_map(row).map(draw).collect())
}

#[test]
fn a_small_case_by_hand() -> Result<()> {
    // Column 0: mean 5, variance (9 + 1 + 1 + 9) / 4 = 5; column 1: mean 4, variance 16.
    let data = [2.0, 0.0, 4.0, 8.0, 6.0, 8.0, 8.0, 0.0];
    let scale = Standardize::fit(View::new(4, 2, &data)?)?;
    assert_eq!((scale.mean(), scale.scale()), (&[5.0, 4.0][..], &[5.0_f64.sqrt(), 4.0][..]));
    let mut other = [5.0, 6.0, 10.0, 4.0];
    scale.apply(ViewMut::new(2, 2, &mut other)?)?;
    assert_eq!(other, [0.0, 0.5, 5.0_f64.sqrt() as f32, 0.0]);

    // All eight: mean 4.5, squares 6.25 20.25 0.25 12.25 2.25 12.25 12.25 20.25, of mean 10.75.
    let whole = Standardize::fit_whole(View::new(4, 2, &data)?)?;
    assert_eq!((whole.mean(), whole.scale()), (&[4.5; 2][..], &[10.75_f64.sqrt(); 2][..]));
    Ok(())
}

#[test]
fn what_was_fitted_has_mean_0_and_variance_1() -> Result<()> {
    let rows = 500;
    let mut data = samples(rows)?;
    Standardize::fit(data.view())?.apply(data.view_mut())?;
    for j in 0..4 {
        let column = || data.view().iter_rows().map(|row| f64::from(row[j]));
        let mean = column().sum::<f64>() / rows as f64;
        let variance = column().map(|x| x * x).sum::<f64>() / rows as f64;
        // Each element is rounded once, |z| < 8: by 2^-22 at most. In f64, the mean of column 0
        // is off by some 500 * 2^-53 * 100 / 0.01, far less.
        assert!(mean.abs() <= 2.0_f64.powi(-22), "column {j}: mean {mean}");
        assert!((variance - 1.0).abs() <= 2.0 * 8.0 * 2.0_f64.powi(-22), "column {j}: {variance}");
    }
    Ok(())
}

#[test]
fn a_constant_column_keeps_scale_1() -> Result<()> {
    // 0.1 is no binary fraction: in f32 the mean of 1,000 of them is not quite 0.1.
    let data: Vec<f32> = (0..1000).flat_map(|i| [0.1, i as f32, -7.0]).collect();
    let scale = Standardize::fit(View::new(1000, 3, &data)?)?;
    assert_eq!([scale.scale()[0], scale.scale()[2]], [1.0; 2]);
    assert!(scale.scale()[1] > 200.0);
    let mut row = [0.1, 0.0, -6.0];
    scale.apply(ViewMut::new(1, 3, &mut row)?)?;
    assert!(row[0].abs() < 1e-12, "{}", row[0]);
    assert_eq!(row[2], 1.0);

    let one = Standardize::fit(View::new(1, 2, &[3.0, 4.0])?)?;
    assert_eq!((one.mean(), one.scale()), (&[3.0, 4.0][..], &[1.0; 2][..]));
    let whole = Standardize::fit_whole(View::new(2, 2, &[0.1; 4])?)?;
    assert_eq!(whole.scale(), [1.0; 2]);
    // The smallest difference there is does count.
    let tiny = Standardize::fit(View::new(2, 1, &[1.0, 1.0_f32.next_up()])?)?;
    assert_eq!(tiny.scale(), [2.0_f64.powi(-24)]);
    let tiny = Standardize::fit(View::new(2, 1, &[0.0, f32::from_bits(1)])?)?;
    assert!(tiny.scale()[0] > 0.0 && tiny.scale()[0] < 1e-44);
    Ok(())
}

#[test]
fn undo_gives_back_what_was_applied() -> Result<()> {
    let data = samples(100)?;
    let scale = Standardize::fit(data.view())?;
    let mut back = data.clone();
    scale.apply(back.view_mut())?;
    assert_ne!(back, data);
    scale.undo(back.view_mut())?;
    for (row, found) in data.view().iter_rows().zip(back.view().iter_rows()) {
        for j in 0..4 {
            // z is rounded once, |z| < 8, which is multiplied by the scale; x once more.
            let bound =
                scale.scale()[j] * 2.0_f64.powi(-22) + f64::from(row[j]).abs() * 2.0_f64.powi(-23);
            let error = (f64::from(found[j]) - f64::from(row[j])).abs();
            assert!(error <= bound, "column {j}: {error} of {bound}");
        }
    }
    Ok(())
}

#[test]
fn a_data_set_keeps_its_targets_and_rows_with_gaps_their_gaps() -> Result<()> {
    let scale = Standardize::fit(View::new(2, 2, &[0.0, 1.0, 2.0, 5.0])?)?;
    let targets = || Targets::Classes { ids: vec![1, 0], classes: 2 };
    let set = Dataset::new(Tensor::from_vec(2, 2, vec![1.0, 3.0, 2.0, 7.0])?, targets())?;
    let (inputs, found) = scale.dataset(set)?.into_parts();
    assert_eq!((inputs.as_slice(), found), (&[0.0, 0.0, 1.0, 2.0][..], targets()));

    let mut data = [1.0, 3.0, 9.0, 2.0, 7.0];
    scale.apply(ViewMut::with_stride(2, 2, 3, &mut data)?)?;
    assert_eq!(data, [0.0, 0.0, 9.0, 1.0, 2.0]);
    Ok(())
}

#[test]
fn a_nan_stays_in_its_column() -> Result<()> {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let data = [bad, 1.0, 2.0, 3.0];
        let scale = Standardize::fit(View::new(2, 2, &data)?)?;
        let mut row = [0.0, 3.0];
        scale.apply(ViewMut::new(1, 2, &mut row)?)?;
        assert!(row[0].is_nan(), "{bad}: {}", row[0]);
        assert_eq!(row[1], 1.0);
        let whole = Standardize::fit_whole(View::new(2, 2, &data)?)?;
        assert!(whole.scale()[1].is_nan());
        // Alone it is constant, and still no number.
        let one = Standardize::fit(View::new(1, 1, &[bad])?)?;
        let mut row = [0.0];
        one.apply(ViewMut::new(1, 1, &mut row)?)?;
        assert!(!row[0].is_finite());
    }
    Ok(())
}

#[test]
fn what_does_not_fit_is_named_and_changes_nothing() -> Result<()> {
    let none = Err(Error::Value { argument: "samples", expected: "at least 1", found: 0.0 });
    assert_eq!(Standardize::fit(View::new(0, 3, &[])?), none);
    assert_eq!(Standardize::fit_whole(View::new(0, 3, &[])?), none);

    let scale = Standardize::fit(samples(5)?.view())?;
    let mut data = [7.0; 6];
    let shape = Err(Error::Shape { argument: "samples", expected: (2, 4), found: (2, 3) });
    assert_eq!(scale.apply(ViewMut::new(2, 3, &mut data)?), shape);
    assert_eq!(scale.undo(ViewMut::new(2, 3, &mut data)?), shape);
    assert_eq!(data, [7.0; 6]);
    scale.apply(ViewMut::new(0, 4, &mut [])?)?;
    Ok(())
}

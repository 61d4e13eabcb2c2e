//! Slopes from differences, comparisons, and the worked case of one weight.

use densecore::gradcheck::{central_difference, check_network, compare, numeric_gradient};
use densecore::loss::Reduction;
use densecore::{Activation, Cpu, Error, Loss, Network, Result, Target, View, Workspace};

#[test]
fn the_slope_of_30_w_minus_2_squared_at_3_is_60() {
    let error = |w: f64| (0..5).map(f64::from).map(|x| (w * x - 2.0 * x).powi(2)).sum::<f64>();
    let near = |value: f64, expected: f64| (value - expected).abs() < 1e-6;
    assert_eq!(error(3.0), 30.0);
    assert!(near(error(3.0001), 30.006) && near(error(2.9999), 29.994));
    assert!(near(central_difference(error, 3.0, 0.0001), 60.0));
}

#[test]
fn the_network_of_one_weight_has_that_value_and_slope() -> Result<()> {
    let mut network = Network::builder(1).dense_without_bias(1, Activation::Identity).build()?;
    network.parameters_mut()[0] = 3.0;
    let (x, t) = ([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 4.0, 6.0, 8.0]);
    let (x, t) = (View::new(5, 1, &x)?, Target::Values(View::new(5, 1, &t)?));
    let loss = Loss::SquaredError(Reduction::Sum);
    let mut workspace = Workspace::new();
    assert_eq!(network.loss_and_gradients(Cpu::detect(), &mut workspace, x, t, loss)?, 30.0);
    assert_eq!(network.gradients(&workspace)[0], 60.0);
    let report = check_network(&network, x, t, loss)?;
    assert!(report.passes(), "{report}");
    Ok(())
}

#[test]
fn central_differences_are_exact_for_parabolas_and_second_order_for_others() {
    let parabola = |x: f64| 3.0 * x * x - x + 5.0;
    assert!((central_difference(parabola, 2.0, 0.5) - 11.0).abs() < 1e-13);
    let error = |step| (central_difference(f64::exp, 0.0, step) - 1.0).abs();
    let ratio = error(1e-2) / error(1e-3);
    assert!((ratio - 100.0).abs() < 0.1, "{ratio}");
}

#[test]
fn the_numeric_gradient_is_the_slope_along_each_coordinate() -> Result<()> {
    let f = |x: &[f64]| x[0] * x[1] * x[1] + (x[2] - x[0]).exp();
    let x = [0.5, -1.5, 1.0];
    let e = 0.5_f64.exp();
    let found = compare(&[2.25 - e, -1.5, e], &numeric_gradient(f, &x, 1e-5), 1e-3)?;
    assert!(found.passes(1e-9), "{found:?}");
    assert_eq!(found.compared, 3);
    assert!(numeric_gradient(|_| 1.0, &[], 1e-5).is_empty());
    Ok(())
}

#[test]
fn nan_and_infinity_never_pass_a_comparison() -> Result<()> {
    let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, 1.0, 1e300];
    for a in numbers {
        for b in numbers {
            let found = compare(&[1.0, a, 2.0], &[1.0, b, 2.0], 0.0)?;
            assert_eq!(
                (found.index, found.compared),
                if a == b && a.is_finite() { (0, 3) } else { (1, 3) }
            );
            assert_eq!(found.passes(f64::MAX), a.is_finite() && b.is_finite(), "{a} {b}");
        }
    }
    assert!(!compare(&[], &[], 0.0)?.passes(1.0), "nothing compared");
    let length = Error::Length { argument: "numeric", expected: 2, found: 1 };
    assert_eq!(compare(&[1.0, 2.0], &[1.0], 0.0), Err(length));
    Ok(())
}

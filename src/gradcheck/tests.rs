//! Laws of what cannot be reached from outside: the mathematics is made wrong here.

use super::difference::slope;
use super::*;
use crate::activation::Activation;
use crate::loss::Reduction;

fn model() -> Result<(Model, Vec<f64>)> {
    let network = Network::builder(3)
        .dense(5, Activation::Tanh)
        .dense(4, Activation::Relu)
        .dense(2, Activation::Sigmoid)
        .seed(7)
        .build()?;
    let input: Vec<f32> = (0..12).map(|i| (i * 5 % 11) as f32 / 4.0 - 1.0).collect();
    let target: Vec<f32> = (0..8).map(|i| i as f32 / 8.0).collect();
    let (input, target) = (View::new(4, 3, &input)?, View::new(4, 2, &target)?);
    let loss = Loss::SquaredError(Reduction::Sum);
    Ok(Model::new(&network, input, Target::Values(target), loss))
}

#[test]
fn a_wrong_entry_of_the_analytic_gradient_is_found() -> Result<()> {
    let (model, parameters) = model()?;
    let backward = model.backward(&parameters, &model.forward(&parameters));
    let noise = 1e-14;
    let check = |gradient: &[f64]| check_mathematics(&model, &parameters, gradient, noise);
    let (right, skipped) = check(&backward.gradient);
    assert!(right.passes(Report::TOLERANCE), "{right:?}");
    assert_eq!((right.compared, skipped), (parameters.len(), 0));

    let size = backward.gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
    for i in 0..parameters.len() {
        let mut wrong = backward.gradient.clone();
        wrong[i] += 1e-4 * size;
        let (found, _) = check(&wrong);
        assert!(!found.passes(Report::TOLERANCE), "{i}: {found:?}");
        assert_eq!(found.index, i);
    }
    Ok(())
}

#[test]
fn the_bound_is_far_below_the_gradients() -> Result<()> {
    let (model, parameters) = model()?;
    let forward = model.forward(&parameters);
    let backward = model.backward(&parameters, &forward);
    let bounds = Rounding::F32.bounds(&model, &parameters, &forward, &backward);
    let size = backward.gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
    for (i, bound) in bounds.gradient.iter().enumerate() {
        assert!(*bound < 1e-4 * size, "{i}: {bound}, {size}");
    }
    Ok(())
}

#[test]
fn a_kink_is_seen_wherever_it_lies_within_the_step() {
    let step = 1e-3;
    for i in -40..=40 {
        let at = step * f64::from(i) / 40.5;
        let bent = |x: f64| x.sin() + 3.0 * (x - 0.5 - at).abs();
        assert!(slope(bent, 0.5, step, (1e-5, 1.0)).kink, "{i}");
    }
    for f in [f64::exp, f64::tanh, f64::sin, |x| x * x * x] {
        assert!(!slope(f, 0.5, step, (1e-5, 1.0)).kink);
    }
    assert!(!slope(|_| f64::NAN, 0.5, step, (1e-5, 1.0)).kink); // an error, not a kink
}

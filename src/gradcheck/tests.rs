//! Laws of what cannot be reached from outside: the mathematics is made wrong here.

use super::bound::Sum;
use super::difference::slope;
use super::matrix::Matrix;
use super::node::Op;
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
    Model::new(&network, input, &[Objective::new(Target::Values(target), loss)])
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

/// Every kind of node, nodes with several readers, and two outputs.
fn graph() -> Result<(Model, Vec<f64>)> {
    let network = Network::graph(5)
        .dense("first", "input", 5, Activation::Tanh)
        .dense("second", "first", 5, Activation::Gelu)
        .add("trunk", &["first", "second"])
        .dropout("quiet", "trunk", 0.5)
        .dense("class", "quiet", 3, Activation::Identity)
        .concat("wide", &["trunk", "input"])
        .dense("size", "wide", 2, Activation::Identity)
        .output("class")
        .output("size")
        .seed(3)
        .build()?;
    let input: Vec<f32> = (0..20).map(|i| (i * 7 % 13) as f32 / 4.0 - 1.5).collect();
    let class = Objective::new(Target::Classes(&[2, 0, 1, 0]), Loss::CROSS_ENTROPY);
    let target = Target::Values(View::new(4, 2, &[0.5; 8])?);
    let size = Objective::new(target, Loss::MSE).weight(0.25);
    Model::new(&network, View::new(4, 5, &input)?, &[class, size])
}

/// What makes a model wrong.
type Plant = fn(&mut Model);

#[test]
fn mistakes_of_a_backward_pass_through_a_graph_are_found() -> Result<()> {
    let mistakes: [(&str, Plant); 6] = [
        ("none", |_| {}),
        // The places: input, first, second, trunk, quiet, class, wide, size.
        ("a sum does not hand down to one of its nodes", |model| model.nodes[3].from[0] = 0),
        ("a node of two readers gets the gradient of one", |model| model.nodes[4].from[0] = 0),
        ("the mask is missing", |model| {
            let Op::Dropout(m) = &mut model.nodes[4].op else { panic!("no dropout") };
            *m = Matrix::from_fn(m.rows, m.cols, |_, _| 1.0);
        }),
        ("the columns are those of another node", |model| model.nodes[6].from.reverse()),
        ("the weight of a loss is forgotten", |model| model.goals[1].weight = 1.0),
    ];
    let (model, parameters) = graph()?;
    let pass = model.forward(&parameters);
    let value = model.value(&parameters);
    for (what, plant) in mistakes {
        let mut wrong = model.clone();
        plant(&mut wrong);
        let gradient = wrong.backward(&parameters, &pass).gradient;
        let is_right = what == "none";
        let (mathematics, skipped) = check_mathematics(&model, &parameters, &gradient, 1e-14);
        assert_eq!(mathematics.passes(Report::TOLERANCE), is_right, "{what}: {mathematics:?}");
        assert_eq!((mathematics.compared, skipped), (parameters.len(), 0), "{what}");
        let report = check(model.clone(), &parameters, (value, &gradient));
        assert_eq!(report.kernels.passes(1.0), is_right, "{what}: {report}");
        assert!(report.mathematics.passes(Report::TOLERANCE), "{what}: {report}");
    }
    Ok(())
}

#[test]
fn the_bound_stays_small_through_a_graph() -> Result<()> {
    let (model, parameters) = graph()?;
    let forward = model.forward(&parameters);
    let backward = model.backward(&parameters, &forward);
    let bounds = Rounding::F32.bounds(&model, &parameters, &forward, &backward);
    let size = backward.gradient.iter().fold(0.0_f64, |m, g| m.max(g.abs()));
    assert!(
        bounds.gradient.iter().all(|bound| *bound < 1e-4 * size),
        "{:?}, {size}",
        bounds.gradient
    );
    assert!(bounds.loss < 1e-4 * model.value(&parameters), "{}", bounds.loss);
    Ok(())
}

#[test]
fn what_stands_beside_one_another_is_cut_apart_again() {
    let numbers =
        |rows, cols, first: f64| Matrix::from_fn(rows, cols, |i, j| first + (i * cols + j) as f64);
    let parts = [numbers(2, 3, 0.0), numbers(2, 1, 6.0), numbers(2, 2, 8.0)];
    let all = Matrix::beside(&parts.each_ref());
    assert_eq!((all.rows, all.cols), (2, 6));
    assert_eq!(all.row(1), [3.0, 4.0, 5.0, 7.0, 10.0, 11.0]);
    for (part, cut) in parts.iter().zip(all.cut(&[3, 1, 2])) {
        assert_eq!((cut.rows, cut.cols, cut.data), (part.rows, part.cols, part.data.clone()));
    }
}

#[test]
fn the_bound_of_a_sum_allows_for_its_roundings_and_little_more() {
    // In f32 each of the small parts is lost: half a unit in the last place of 1, to even.
    let (one, small) =
        (Matrix::from_fn(1, 1, |_, _| 1.0), Matrix::from_fn(1, 1, |_, _| 0.5_f64.powi(24)));
    let none = Matrix::zeros(1, 1);
    let mut sum = Sum::new(&one);
    sum.add((&one, &none), 1);
    assert_eq!(sum.bound(Rounding::F32).data, [0.0], "one part is no sum");
    let mut rounded = 1.0_f32;
    for _ in 0..1000 {
        sum.add((&small, &none), 1);
        rounded += small.data[0] as f32;
    }
    let error = (1.0 + 1000.0 * small.data[0] - f64::from(rounded)).abs();
    let bound = sum.bound(Rounding::F32).data[0];
    assert!(error > 0.0 && error <= bound && bound < 1.1 * error, "{error} of {bound}");
}

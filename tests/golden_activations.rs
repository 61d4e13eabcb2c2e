//! Activations and softmax as PyTorch computes them in f64, compared with `tests/golden/`.
//!
//! An elementwise function is granted 4 ulp of its result, and where it is small because terms
//! cancel, such as GELU far below 0, 4 ulp of the smaller of 1 and its argument; its derivative 4 ulp
//! of the terms that it is the sum of, which are no larger than 1, than itself, than f'(0), or (in
//! f' from y) than y. In f64 the crate's own formulas agree with PyTorch's to 1e-12.

mod support;

use densecore::activation::{Reads, softmax};
use densecore::{Activation, Cpu, Result, Tensor};
use serde_json::Value;
use support::bounded::{Bounded, U, dot};
use support::golden::{Compared, Golden};
use support::reference::{self, Matrix, flat, matrix};
use support::{cpus, levels};

/// Half a unit in the last place is [`U`] of the result; so is this 4 of them.
const FOUR_ULP: f64 = 8.0 * U;

/// The activation of a golden case, if it is an elementwise one without parameters to learn.
fn activation(case: &Value) -> Option<Activation> {
    let number = |key: &str| case[key].as_f64().map(|x| (x as f32).to_string());
    let name = case["name"].as_str()?;
    let settings =
        [number("slope"), number("alpha"), number("lambda"), number("beta"), number("threshold")];
    let settings: Vec<String> = settings.into_iter().flatten().collect();
    if name.starts_with("prelu") || name.ends_with("softmax") {
        return None;
    }
    if settings.is_empty() {
        return Some(name.parse().unwrap_or_else(|error| panic!("{error}")));
    }
    // `elu_1.5` is `elu(1.5)`.
    let name = match name.rsplit_once('_') {
        Some((head, tail)) if tail.parse::<f64>().is_ok() => head,
        _ => name,
    };
    let text = format!("{name}({})", settings.join(", "));
    Some(text.parse().unwrap_or_else(|error| panic!("{error}")))
}

/// f and f' over `x` at a level.
fn run(f: Activation, cpu: Cpu, x: &[f32]) -> Result<(Vec<f32>, Vec<f32>)> {
    let (mut y, mut slope) = (vec![f32::NAN; x.len()], vec![1.0; x.len()]);
    f.forward(cpu, x, &mut y)?;
    let saved = if f.reads() == Reads::Input { x } else { &y };
    f.backward_in_place(cpu, saved, &mut slope)?;
    Ok((y, slope))
}

#[test]
fn golden_activations_and_their_derivatives() -> Result<()> {
    let golden = Golden::read("activations");
    let cases = golden.cases();
    let known: Vec<_> = cases.iter().filter_map(|case| Some((activation(case)?, case))).collect();
    assert_eq!(known.len(), cases.len() - 4, "all but PReLU and softmax");
    let mut compared = Compared::default();
    let mut expected_count = 0;
    for (f, case) in known {
        let name = case["name"].as_str().unwrap_or_default();
        // The exponential has a grid of its own.
        let x = golden.tensor(if name == "exp" { "exp/x" } else { "x" });
        let (y, dydx) =
            (golden.tensor(&format!("{name}/y")), golden.tensor(&format!("{name}/dydx")));
        let at_zero = f.exact(0.0).1.abs();
        // A setting such as 0.01 is rounded to f32 first.
        let settings = ["slope", "alpha", "lambda", "beta", "threshold"];
        let is_rounded = |key: &str| case[key].as_f64().is_some_and(|x| f64::from(x as f32) != x);
        // So is PyTorch's own 1/6 in the derivative of the hard sigmoid.
        let is_rounded = settings.into_iter().any(is_rounded) || name == "hardsigmoid";
        let of_settings = if is_rounded { U } else { 1e-12 };
        let golden_values = x.data.iter().zip(y.data.iter().zip(&dydx.data));
        let bounds = golden_values.map(|(&x, (&value, &slope))| {
            let exact = f.exact(x);
            let near = |exact: f64, golden: f64| {
                (exact - golden).abs() <= of_settings * golden.abs() + 1e-15
            };
            assert!(near(exact.0, value) && near(exact.1, slope), "{name} at {x}: {exact:?}");
            let error = FOUR_ULP * value.abs().max(x.abs().min(1.0)) + f64::from(f32::MIN_POSITIVE);
            let of_terms =
                slope.abs().max(at_zero).max(1.0).max(if name == "exp" { value } else { 0.0 });
            (Bounded { value, error }, Bounded { value: slope, error: FOUR_ULP * of_terms })
        });
        let (y_bound, slope_bound): (Vec<_>, Vec<_>) = bounds.unzip();
        for cpu in cpus() {
            let (found, slope) = run(f, cpu, &x.to_f32())?;
            compared.close(name, &found, &y.data, &y_bound);
            compared.close(name, &slope, &dydx.data, &slope_bound);
            expected_count += 2 * x.data.len();
        }
    }
    assert!(compared.loosest < 4e-5, "a bound without teeth: {compared:?}");
    assert_eq!(compared.count, expected_count);
    assert!(expected_count >= levels().len() * 2 * 27 * 200, "{expected_count}");
    Ok(())
}

#[test]
fn golden_softmax_forward_and_backward() -> Result<()> {
    let golden = Golden::read("activations");
    let [x, y, d_y, d_x] = ["x", "y", "d_y", "d_x"].map(|n| golden.tensor(&format!("softmax/{n}")));
    let (rows, cols) = (x.shape[0], x.shape[1]);
    let p: Matrix = matrix(rows, &x.data).iter().map(|z| reference::softmax(z).0).collect();
    // d_x = p (d_y - d_y . p)
    let backward = |(p, d): (&Vec<Bounded>, &Vec<Bounded>)| -> Vec<_> {
        let along = dot(p.iter().copied().zip(d.iter().copied()));
        p.iter().zip(d).map(|(&p, &d)| p * (d - along)).collect()
    };
    let slopes: Matrix = p.iter().zip(&matrix(rows, &d_y.data)).map(backward).collect();
    let mut compared = Compared::default();
    for cpu in cpus() {
        let mut found = Tensor::from_vec(rows, cols, x.to_f32())?;
        softmax::forward_in_place(cpu, found.view_mut());
        compared.close("softmax", found.as_slice(), &y.data, &flat(&p));
        let mut delta = Tensor::from_vec(rows, cols, d_y.to_f32())?;
        softmax::backward_in_place(cpu, found.view(), delta.view_mut())?;
        compared.close("softmax backward", delta.as_slice(), &d_x.data, &flat(&slopes));
    }
    assert!(compared.loosest < 4e-5, "a bound without teeth: {compared:?}");
    assert_eq!(compared.count, levels().len() * 2 * 9 * 13);
    Ok(())
}

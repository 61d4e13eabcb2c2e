//! Activations and softmax as PyTorch computes them in f64, compared with `tests/golden/`.
//!
//! An elementwise function is granted 4 ulp of its result, and where it is small because terms
//! cancel, such as GELU far below 0, 4 ulp of the smaller of 1 and its argument; its derivative 4 ulp
//! of the terms that it is the sum of, which are no larger than 1, than itself, than f'(0), or (in
//! f' from y) than y. In f64 the crate's own formulas agree with PyTorch's to 1e-12.

mod support;

use densecore::activation::{
    ActivationFn, Gelu, Reads, Relu, Sigmoid, Silu, glu, log_softmax, prelu, softmax,
};
use densecore::gemm::Accum;
use densecore::{Activation, Cpu, Result, Tensor, View, ViewMut};
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

#[test]
fn golden_log_softmax_forward_and_backward() -> Result<()> {
    let golden = Golden::read("activations");
    let [x, y, d_y, d_x] =
        ["x", "y", "d_y", "d_x"].map(|n| golden.tensor(&format!("log_softmax/{n}")));
    let (rows, cols) = (x.shape[0], x.shape[1]);
    // 4 ulp of the terms that make an element: m, the logarithm, and the sum of the row of d_y.
    let bound = |golden: &[f64], terms: &[f64]| -> Vec<Bounded> {
        let largest = terms.iter().fold(1.0, |most: f64, t| most.max(t.abs()));
        let error = |_: &f64| FOUR_ULP * largest * cols as f64;
        golden.iter().map(|value| Bounded { value: *value, error: error(value) }).collect()
    };
    for cpu in cpus() {
        let mut compared = Compared::default();
        let mut found = Tensor::from_vec(rows, cols, x.to_f32())?;
        log_softmax::forward_in_place(cpu, found.view_mut());
        compared.close("log_softmax", found.as_slice(), &y.data, &bound(&y.data, &x.data));
        let mut delta = Tensor::from_vec(rows, cols, d_y.to_f32())?;
        log_softmax::backward_in_place(cpu, found.view(), delta.view_mut())?;
        compared.close("backward", delta.as_slice(), &d_x.data, &bound(&d_x.data, &d_y.data));
        assert_eq!(compared.count, 2 * rows * cols);
    }
    Ok(())
}

#[test]
fn golden_prelu_forward_and_backward() -> Result<()> {
    let golden = Golden::read("activations");
    for name in ["prelu_shared", "prelu_channel"] {
        let [x, y, alpha, d_y, d_x, d_alpha] = ["x", "y", "alpha", "d_y", "d_x", "d_alpha"]
            .map(|n| golden.tensor(&format!("{name}/{n}")));
        let (rows, cols) = (x.shape[0], x.shape[1]);
        let slopes: Vec<f32> = alpha.data.iter().map(|&a| a as f32).collect();
        // One product each, and for the slopes a sum of all elements; the slope itself is rounded.
        let bound = |golden: &[f64], terms: f64| -> Vec<Bounded> {
            let error = |value: f64| 4.0 * U * value.abs() + terms * U;
            golden.iter().map(|&value| Bounded { value, error: error(value) }).collect()
        };
        let pairs = x.data.iter().zip(&d_y.data);
        let size: f64 = pairs.map(|(x, d)| (x * d).abs()).sum();
        let terms = size * (rows * cols) as f64;
        for cpu in cpus() {
            let mut compared = Compared::default();
            let mut found = Tensor::from_vec(rows, cols, x.to_f32())?;
            prelu::forward_in_place(cpu, &slopes, found.view_mut())?;
            compared.close(name, found.as_slice(), &y.data, &bound(&y.data, 0.0));
            let before = vec![1.0; slopes.len()];
            for (accum, from) in [(Accum::Replace, 0.0), (Accum::Add, 1.0)] {
                let input = Tensor::from_vec(rows, cols, x.to_f32())?;
                let mut delta = Tensor::from_vec(rows, cols, d_y.to_f32())?;
                let mut d_slopes = before.clone();
                let (x, d) = (input.view(), delta.view_mut());
                prelu::backward_in_place(cpu, &slopes, x, d, accum, &mut d_slopes)?;
                compared.close(name, delta.as_slice(), &d_x.data, &bound(&d_x.data, 0.0));
                let expected: Vec<f64> = d_alpha.data.iter().map(|d| d + from).collect();
                compared.close(name, &d_slopes, &expected, &bound(&expected, terms));
            }
        }
    }
    Ok(())
}

#[test]
fn gated_linear_units_are_what_they_are_made_of() -> Result<()> {
    let (rows, n) = (5, 37);
    let numbers = |stream| {
        let mut rng = densecore::Rng::new(7, stream);
        (0..2 * rows * n).map(|_| rng.normal()).collect::<Vec<f32>>()
    };
    let (x, d_y) = (numbers(1), numbers(2));
    for cpu in cpus() {
        fn check(
            f: &impl ActivationFn,
            of: Activation,
            cpu: Cpu,
            (x, d_y): (&[f32], &[f32]),
            n: usize,
        ) -> Result<()> {
            let rows = x.len() / (2 * n);
            let (mut y, mut d_x) = (vec![f32::NAN; rows * n], vec![f32::NAN; 2 * rows * n]);
            let (input, d_y) = (View::new(rows, 2 * n, x)?, &d_y[..rows * n]);
            glu::forward(cpu, f, input, ViewMut::new(rows, n, &mut y)?)?;
            let to = ViewMut::new(rows, 2 * n, &mut d_x)?;
            glu::backward(cpu, f, input, View::new(rows, n, d_y)?, to)?;
            for i in 0..rows * n {
                let (row, col) = (i / n, i % n);
                let (a, b) = (f64::from(x[row * 2 * n + col]), f64::from(x[row * 2 * n + n + col]));
                let (gate, slope) = of.exact(b);
                let d = f64::from(d_y[i]);
                for (found, expected) in [
                    (y[i], a * gate),
                    (d_x[row * 2 * n + col], d * gate),
                    (d_x[row * 2 * n + n + col], d * a * slope),
                ] {
                    let size = (1.0 + a.abs()) * (1.0 + b.abs()) * (1.0 + d.abs());
                    assert!((f64::from(found) - expected).abs() <= 2.0 * FOUR_ULP * size, "{of}");
                }
            }
            Ok(())
        }
        check(&Sigmoid, Activation::Sigmoid, cpu, (&x, &d_y), n)?;
        check(&Relu, Activation::Relu, cpu, (&x, &d_y), n)?;
        check(&Gelu, Activation::Gelu, cpu, (&x, &d_y), n)?;
        check(&Silu, Activation::Silu, cpu, (&x, &d_y), n)?;
    }
    Ok(())
}

//! The same numbers as PyTorch: activations and optimizers, and in `golden_losses.rs` and
//! `golden_networks.rs` losses and whole networks, compared with
//! `tests/golden/`, which PyTorch computed in f64.
//!
//! Tolerances are not chosen but computed: each expected value comes with a bound on the rounding
//! errors of its formula in f32, from running error analysis (`support/bounded.rs`). It grants an
//! elementary function 4 ulp and a sum of k terms `k eps sum |terms|`; everything else is one
//! rounding for each operation, carried through layers and steps. The same run in f64 must agree
//! with PyTorch to 1e-11, so a bound belongs to the number that it is used for.

mod support;

use densecore::activation::softmax;
use densecore::optim::Optimizer;
use densecore::{Activation, Result, Tensor};
use support::bounded::{Bounded, dot, exact};
use support::golden::{Compared, Golden, activation, rule};
use support::reference::{self, Matrix, Steps, flat, matrix};
use support::{cpus, levels};

#[test]
fn activations_and_their_derivatives() -> Result<()> {
    let golden = Golden::read("activations");
    let x = golden.tensor("x");
    let input = x.to_f32();
    let known = golden.cases().into_iter().filter_map(|case| activation(case["name"].as_str()?));
    let known: Vec<_> = known.collect();
    assert_eq!(known.len(), 4);
    let mut compared = Compared::default();
    for cpu in cpus() {
        for &f in &known {
            let name = f.name();
            let bounds = x.data.iter().map(|&x| reference::activation(f, exact(x)));
            let (y_bound, slope_bound): (Vec<_>, Vec<_>) = bounds.unzip();
            let (mut y, mut slope) = (vec![f32::NAN; input.len()], vec![1.0; input.len()]);
            f.forward(cpu, &input, &mut y)?;
            f.backward_in_place(cpu, &y, &mut slope)?;
            compared.close(name, &y, &golden.tensor(&format!("{name}/y")).data, &y_bound);
            let dydx = golden.tensor(&format!("{name}/dydx")).data;
            compared.close(name, &slope, &dydx, &slope_bound);
        }
    }
    assert!(compared.loosest < 4e-5, "a bound without teeth: {compared:?}");
    assert_eq!(compared.count, levels().len() * 4 * 2 * 225);
    Ok(())
}

/// `(x, f(x), f'(x))`
type Values = [(f32, f32, f32); 5];

/// As PyTorch 2.15 returns it on CPUs.
#[rustfmt::skip]
const SPECIAL: [(Activation, Values); 4] = {
    const NAN: f32 = f32::NAN;
    const INF: f32 = f32::INFINITY;
    [
        (Activation::Identity, [(0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (INF, INF, 1.0), (-INF, -INF, 1.0), (NAN, NAN, 1.0)]),
        (Activation::Relu, [(0.0, 0.0, 0.0), (-0.0, -0.0, 0.0), (INF, INF, 1.0), (-INF, 0.0, 0.0), (NAN, NAN, 1.0)]),
        (Activation::Sigmoid, [(0.0, 0.5, 0.25), (-0.0, 0.5, 0.25), (INF, 1.0, 0.0), (-INF, 0.0, 0.0), (NAN, NAN, NAN)]),
        (Activation::Tanh, [(0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (INF, 1.0, 0.0), (-INF, -1.0, 0.0), (NAN, NAN, NAN)]),
    ]
};

#[test]
fn special_values_of_activations_and_their_derivatives() -> Result<()> {
    // Whole vectors and a tail at every level.
    const LEN: usize = 77;
    for cpu in cpus() {
        for (f, (x, expected_y, expected_slope)) in
            SPECIAL.into_iter().flat_map(|(f, values)| values.map(|value| (f, value)))
        {
            let (mut y, mut slope) = ([7.0; LEN], [1.0; LEN]);
            f.forward(cpu, &[x; LEN], &mut y)?;
            f.backward_in_place(cpu, &y, &mut slope)?;
            let mut in_place = [x; LEN];
            f.forward_in_place(cpu, &mut in_place);
            for (found, expected) in
                [(y, expected_y), (in_place, expected_y), (slope, expected_slope)]
            {
                let same =
                    |&y: &f32| y.to_bits() == expected.to_bits() || y.is_nan() && expected.is_nan();
                assert!(found.iter().all(same), "{f:?} at {x} on {}: {found:?}", cpu.level());
            }
        }
    }
    Ok(())
}

#[test]
fn softmax_forward_and_backward() -> Result<()> {
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
fn optimizers_for_twelve_steps() -> Result<()> {
    let golden = Golden::read("optimizers");
    let (p0, grads) = (golden.tensor("p0"), golden.tensor("grads"));
    let (steps, len) = (grads.shape[0], grads.shape[1]);
    let cases = golden.cases().into_iter().filter_map(|case| Some((rule(&case)?, case)));
    let cases: Vec<_> = cases.collect();
    assert_eq!(cases.len(), 8, "SGD in five variants, Adam in two, AdamW");
    let mut compared = Compared::default();
    for (rule, case) in cases {
        let name = case["name"].as_str().unwrap_or_default();
        let params = golden.tensor(&format!("{name}/params"));
        for cpu in cpus() {
            let mut bounds = matrix(1, &p0.data).concat();
            let mut reference = Steps::new(rule, len);
            let mut parameters = p0.to_f32();
            let mut optimizer = Optimizer::new(rule, len)?;
            for step in 0..steps {
                let row = step * len..(step + 1) * len;
                optimizer.step(cpu, &mut parameters, &grads.to_f32()[row.clone()])?;
                reference.step(&mut bounds, &matrix(1, &grads.data[row.clone()]).concat());
                let what = format!("{name}, {}, step {}", cpu.level(), step + 1);
                compared.close(&what, &parameters, &params.data[row], &bounds);
            }
        }
    }
    assert!(compared.loosest < 4e-5, "a bound without teeth: {compared:?}");
    assert_eq!(compared.count, levels().len() * 8 * 12 * 37);
    Ok(())
}

//! Small examples that textbooks work out by hand.

mod support;

use densecore::dense::{self, Dense, Gradients, Saved};
use densecore::gemm::Accum;
use densecore::loss::Reduction;
use densecore::optim::{Adam, Sgd};
use densecore::{
    Activation, Cpu, Error, Loss, Network, Result, Scratch, Target, Tensor, View, ViewMut,
    Workspace,
};
use support::bounded::{Bounded, exact};
use support::cpus;

const SQUARED: Loss = Loss::SquaredError(Reduction::Sum);
const INPUTS: [f32; 5] = [0.0, 1.0, 2.0, 3.0, 4.0];
const DOUBLED: [f32; 5] = [0.0, 2.0, 4.0, 6.0, 8.0];

/// `y = w x`
fn line(w: f32) -> Result<Network> {
    let mut network = Network::builder(1).dense_without_bias(1, Activation::Identity).build()?;
    let layer = network.layer_mut(0).expect("a layer");
    assert_eq!((layer.weight.shape(), layer.bias.len()), ((1, 1), 0));
    network.parameters_mut()[0] = w;
    Ok(network)
}

/// The squared error of `y = w x` against `y = 2 x`, and its slope, by the network.
fn error_and_slope(cpu: Cpu, w: f32) -> Result<(f32, f32)> {
    let (network, mut workspace) = (line(w)?, Workspace::new());
    let target = Target::Values(View::new(5, 1, &DOUBLED)?);
    let input = View::new(5, 1, &INPUTS)?;
    let error = network.loss_and_gradients(cpu, &mut workspace, input, target, SQUARED)?;
    Ok((error, network.gradients(&workspace)[0]))
}

#[test]
fn the_line_y_2x_is_found_from_3x_5x_and_half_x() -> Result<()> {
    let (input, target) = (View::new(5, 1, &INPUTS)?, View::new(5, 1, &DOUBLED)?);
    for cpu in cpus() {
        for start in [3.0, 5.0, 0.5] {
            let (mut network, mut workspace) = (line(start)?, Workspace::new());
            let mut optimizer = network.optimizer(Sgd::new(0.01))?;
            let mut last = f32::INFINITY;
            for step in 0..40 {
                let sample = (input, Target::Values(target));
                let error =
                    network.train_step(cpu, &mut workspace, sample, SQUARED, &mut optimizer)?;
                // The error is 30 (w - 2)^2 and its slope 60 (w - 2): a step keeps 0.4 of w - 2.
                assert!(error < last || error == 0.0, "step {step} from {start}: {error}");
                last = error;
            }
            // 0.4^40 is far below f32's spacing at 2, which is 2.4e-7. A step no longer moves w
            // where 0.6 |w - 2| is below half of that; then w - 2 is at most one spacing.
            let w = network.parameters()[0];
            assert!((w - 2.0).abs() <= 2.0 * f32::EPSILON, "{w} from {start}");
        }
    }
    Ok(())
}

#[test]
fn squared_error_of_3x_is_30_and_rises_by_60() -> Result<()> {
    for cpu in cpus() {
        assert_eq!(error_and_slope(cpu, 3.0)?, (30.0, 60.0), "integers are exact");
        // So are sixteenths: 30 (1 +- 1/16)^2, and a difference of squares has no other error.
        let step = 1.0 / 16.0;
        let (above, below) = (error_and_slope(cpu, 3.0 + step)?, error_and_slope(cpu, 3.0 - step)?);
        assert_eq!((above.0 - below.0) / (2.0 * step), 60.0, "the numeric derivative");
        // 30 (1 +- 0.0001)^2 = 30 +- 0.006 + 0.0000003
        for (w, expected) in [(3.0001, 30.0060003), (2.9999, 29.9940003)] {
            // The weight is rounded to a multiple of 2^-22, which moves the error by up to
            // 60 * 2^-23 and the slope by 60 times that; each of at most 8 operations on numbers
            // of up to 30 (60 for the slope) rounds by 2^-24 of it.
            let (found, slope) = error_and_slope(cpu, w)?;
            let tolerance = (60.0 + 8.0 * 30.0) * 2_f64.powi(-23);
            assert!((f64::from(found) - expected).abs() <= tolerance, "{found} at {w}");
            let expected = 60.0 * (f64::from(w) - 2.0);
            assert!((f64::from(slope) - expected).abs() <= 8.0 * 60.0 * 2_f64.powi(-24), "{slope}");
        }
    }
    Ok(())
}

#[test]
fn sensitivities_of_a_chain_of_single_neurons() -> Result<()> {
    let (weights, biases) = ([0.75_f32, -1.5, 1.25], [0.125_f32, 0.5, -0.25]);
    let (x, y) = (0.875_f32, 0.25_f32);
    // a1 = s(w1 x + b1), a2 = s(w2 a1 + b2), a3 = s(w3 a2 + b3), C = (a3 - y)^2, each with the
    // rounding error that it may have in f32.
    let number = |x: f32| exact(f64::from(x));
    let [w1, w2, w3] = weights.map(number);
    let [b1, b2, b3] = biases.map(number);
    let (x0, one) = (number(x), exact(1.0));
    let a1 = (w1 * x0 + b1).sigmoid();
    let a2 = (w2 * a1 + b2).sigmoid();
    let a3 = (w3 * a2 + b3).sigmoid();
    let (d, cost) = (a3 - number(y), (a3 - number(y)) * (a3 - number(y)));
    // s' = a (1 - a); dC/db3 = 2 d s'(z3); a neuron below has its successor's times w s'.
    let db3 = exact(2.0) * d * (a3 * (one - a3));
    let db2 = db3 * w3 * (a2 * (one - a2));
    let db1 = db2 * w2 * (a1 * (one - a1));
    let (dw3, dw2, dw1, dx) = (db3 * a2, db2 * a1, db1 * x0, db1 * w1);

    for cpu in cpus() {
        let mut network = Network::builder(1);
        for _ in 0..3 {
            network = network.dense(1, Activation::Sigmoid);
        }
        let (mut network, mut workspace) = (network.build()?, Workspace::new());
        for (i, (w, b)) in weights.into_iter().zip(biases).enumerate() {
            let mut layer = network.layer_mut(i).expect("a layer");
            layer.weight.row_mut(0).expect("a row")[0] = w;
            layer.bias[0] = b;
        }
        let (input, target) = ([x], [y]);
        let (input, target) = (View::new(1, 1, &input)?, View::new(1, 1, &target)?);
        let output = network.forward(cpu, &mut workspace, input)?;
        let mut d_output = [output.row(0).expect("a row")[0]];
        let near = |what: &str, found: f32, expected: Bounded| {
            let error = (f64::from(found) - expected.value).abs();
            assert!(error <= expected.error, "{what}: {found}, {expected:?}");
            assert!(expected.error < 1e-5 * expected.value.abs(), "{what}: {expected:?}");
        };
        near("a3", d_output[0], a3);
        let mut d_output = ViewMut::new(1, 1, &mut d_output)?;
        let found = SQUARED.in_place(cpu, d_output.reborrow(), Target::Values(target))?;
        near("C", found, cost);
        let mut d_input = [f32::NAN];
        let to = ViewMut::new(1, 1, &mut d_input)?;
        network.backward(cpu, &mut workspace, input, d_output.as_view(), Some(to))?;
        near("dC/dx", d_input[0], dx);
        for (i, (dw, db)) in [(dw1, db1), (dw2, db2), (dw3, db3)].into_iter().enumerate() {
            let layer = network.layer_gradients(&workspace, i).expect("a layer");
            near("dC/dw", layer.weight.row(0).expect("a row")[0], dw);
            near("dC/db", layer.bias[0], db);
        }
    }
    Ok(())
}

/// A matrix of integers, so that all sums are exact.
fn integers(rows: usize, cols: usize, first: i32) -> Result<Tensor> {
    let data = (0..(rows * cols) as i32).map(|i| ((first + 5 * i) % 7 - 3) as f32).collect();
    Tensor::from_vec(rows, cols, data)
}

/// `sum over k of a(i, k) b(k, j)`
fn product<F: Fn(usize, usize) -> f32, G: Fn(usize, usize) -> f32>(
    (m, k, n): (usize, usize, usize),
    (a, b): (F, G),
) -> Vec<f32> {
    let element = |i, j| (0..k).map(|k| a(i, k) * b(k, j)).sum();
    (0..m).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| element(i, j)).collect()
}

#[test]
fn the_shapes_of_2_3_1_with_4_samples() -> Result<()> {
    for cpu in cpus() {
        let mut scratch = Scratch::new();
        let (x, w1, w2) = (integers(4, 2, 1)?, integers(2, 3, 3)?, integers(3, 1, 6)?);
        let (b1, b2) = ([2.0, -1.0, 1.0], [-2.0]);
        let layer = |weight, bias, activation| Dense { weight, bias: Some(bias), activation };
        let hidden = layer(w1.view(), &b1, Activation::Relu);
        let output = layer(w2.view(), &b2, Activation::Identity);
        let at = |t: &Tensor| {
            let t = t.clone();
            move |i: usize, j: usize| t.row(i).map_or(f32::NAN, |row| row[j])
        };

        // X [4, 2] . W1 [2, 3] + b1 [3] -> Y1 [4, 3]; no other shape is taken.
        let mut y1 = Tensor::zeros(4, 3)?;
        let mut wrong = Tensor::zeros(3, 4)?;
        let refused = dense::forward(cpu, &mut scratch, hidden, x.view(), wrong.view_mut());
        let shape = |argument, expected, found| Err(Error::Shape { argument, expected, found });
        assert_eq!(refused, shape("output", (4, 3), (3, 4)));
        dense::forward(cpu, &mut scratch, hidden, x.view(), y1.view_mut())?;
        let z1 = product((4, 2, 3), (at(&x), at(&w1)));
        let expected: Vec<_> =
            z1.iter().enumerate().map(|(i, z)| (z + b1[i % 3]).max(0.0)).collect();
        assert_eq!(y1.as_slice(), expected);
        assert!(expected.contains(&0.0) && expected.iter().any(|&y| y > 0.0), "both sides of relu");

        // Y1 [4, 3] . W2 [3, 1] + b2 [1] -> Y2 [4, 1]
        let mut y2 = Tensor::zeros(4, 1)?;
        let refused = dense::forward(cpu, &mut scratch, output, x.view(), y2.view_mut());
        assert_eq!(refused, shape("weight", (2, 1), (3, 1)));
        dense::forward(cpu, &mut scratch, output, y1.view(), y2.view_mut())?;
        let z2 = product((4, 3, 1), (at(&y1), at(&w2)));
        let expected: Vec<_> = z2.iter().map(|z| z - 2.0).collect();
        assert_eq!(y2.as_slice(), expected);

        // dY2 [4, 1] -> dW2 [3, 1] = Y1^T [3, 4] . dZ2 [4, 1], db2 [1], dY1 [4, 3] = dZ2 . W2^T
        let mut d_y2 = integers(4, 1, 2)?;
        let (mut d_w2, mut d_b2, mut d_y1) =
            (Tensor::zeros(3, 1)?, [f32::NAN], Tensor::zeros(4, 3)?);
        let saved = Saved { input: y1.view(), slope_from: y2.view() };
        let mut transposed = Tensor::zeros(1, 3)?;
        for (d_weight, result) in
            [(transposed.view_mut(), shape("d_weight", (3, 1), (1, 3))), (d_w2.view_mut(), Ok(()))]
        {
            let (d_input, d_bias) = (Some(d_y1.view_mut()), Some(&mut d_b2[..]));
            let to = Gradients { d_input, below: None, d_weight, d_bias, accum: Accum::Replace };
            assert_eq!(
                dense::backward(cpu, &mut scratch, output, saved, d_y2.view_mut(), to),
                result
            );
        }
        let dz2 = at(&d_y2);
        let columns = |dz: &dyn Fn(usize, usize) -> f32, j| (0..4).map(|i| dz(i, j)).sum::<f32>();
        assert_eq!(d_w2.as_slice(), product((3, 4, 1), (|i, k| at(&y1)(k, i), &dz2)));
        assert_eq!(d_b2, [columns(&dz2, 0)]);
        assert_eq!(d_y1.as_slice(), product((4, 1, 3), (&dz2, |k, j| at(&w2)(j, k))));

        // dY1 [4, 3] -> dZ1 [4, 3], dW1 [2, 3], db1 [3], dX [4, 2]
        let expected: Vec<_> = d_y1
            .as_slice()
            .iter()
            .zip(y1.as_slice())
            .map(|(d, &y)| if y > 0.0 { *d } else { 0.0 })
            .collect();
        let (mut d_w1, mut d_b1, mut d_x) =
            (Tensor::zeros(2, 3)?, [f32::NAN; 3], Tensor::zeros(4, 2)?);
        let saved = Saved { input: x.view(), slope_from: y1.view() };
        let (d_input, d_bias) = (Some(d_x.view_mut()), Some(&mut d_b1[..]));
        let to = Gradients {
            d_input,
            below: None,
            d_weight: d_w1.view_mut(),
            d_bias,
            accum: Accum::Replace,
        };
        dense::backward(cpu, &mut scratch, hidden, saved, d_y1.view_mut(), to)?;
        assert_eq!(d_y1.as_slice(), expected);
        let dz1 = at(&d_y1);
        assert_eq!(d_w1.as_slice(), product((2, 4, 3), (|i, k| at(&x)(k, i), &dz1)));
        assert_eq!(d_b1, [0, 1, 2].map(|j| columns(&dz1, j)));
        assert_eq!(d_x.as_slice(), product((4, 3, 2), (&dz1, |k, j| at(&w1)(j, k))));
    }
    Ok(())
}

#[test]
fn one_step_of_descent_raises_the_probability_of_odd_or_even() -> Result<()> {
    let loss = Loss::CrossEntropy(Reduction::Mean);
    for cpu in cpus() {
        for number in 0..16_u8 {
            let bits = [8, 4, 2, 1].map(|bit| f32::from(u8::from(number & bit != 0)));
            let input = View::new(1, 4, &bits)?;
            let class = [u32::from(number % 2)];
            let mut network = Network::mlp(&[4, 3, 3, 2], Activation::Relu, number.into())?;
            let mut workspace = Workspace::new();
            let mut probability = |network: &Network| -> Result<f32> {
                let mut p = [f32::NAN; 2];
                let output = ViewMut::new(1, 2, &mut p)?;
                network.predict(cpu, &mut workspace, input, output)?;
                densecore::activation::softmax::forward_in_place(cpu, ViewMut::new(1, 2, &mut p)?);
                Ok(p[class[0] as usize])
            };
            let before = probability(&network)?;
            let mut optimizer = network.optimizer(Sgd::new(0.05))?;
            let sample = (input, Target::Classes(&class));
            let mut training = Workspace::new();
            network.train_step(cpu, &mut training, sample, loss, &mut optimizer)?;
            let after = probability(&network)?;
            // The bias of the right logit alone moves by 0.05 (1 - p).
            assert!(after > before, "{number}: {before} -> {after}");
        }
    }
    Ok(())
}

#[test]
fn exclusive_or_is_learned() -> Result<()> {
    let (loss, answers) = (Loss::SquaredError(Reduction::Mean), [0.0, 1.0, 1.0, 0.0]);
    let input = View::new(4, 2, &[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0])?;
    let sample = (input, Target::Values(View::new(4, 1, &answers)?));
    for cpu in cpus() {
        let mut network = Network::mlp(&[2, 8, 1], Activation::Tanh, 1)?;
        let (mut workspace, mut optimizer) =
            (Workspace::new(), network.optimizer(Adam::new(0.05))?);
        let mut output = [f32::NAN; 4];
        network.predict(cpu, &mut workspace, input, ViewMut::new(4, 1, &mut output)?)?;
        let right = |y: &[f32; 4]| y.iter().zip(answers).all(|(y, t)| (y - t).abs() < 0.1);
        assert!(!right(&output), "nothing was left to learn");
        for _ in 0..300 {
            network.train_step(cpu, &mut workspace, sample, loss, &mut optimizer)?;
        }
        network.predict(cpu, &mut workspace, input, ViewMut::new(4, 1, &mut output)?)?;
        assert!(right(&output), "{}: {output:?}", cpu.level());
    }
    Ok(())
}

//! Networks and losses written out in [`Bounded`] numbers: formulas only, and with
//! each result the distance that an `f32` computation of it may have.

use densecore::{Activation, Loss, Target};

use super::bounded::{Bounded, U, dot, exact, rounded, sum};

/// A matrix, row after row.
pub type Matrix = Vec<Vec<Bounded>>;

/// `rows` rows of numbers without error.
pub fn matrix(rows: usize, data: &[f64]) -> Matrix {
    let cols = data.len() / rows.max(1);
    data.chunks(cols.max(1)).map(|row| row.iter().copied().map(exact).collect()).collect()
}

/// The elements, row after row.
pub fn flat(m: &Matrix) -> Vec<Bounded> {
    m.concat()
}

pub fn transpose(m: &Matrix) -> Matrix {
    (0..m[0].len()).map(|j| m.iter().map(|row| row[j]).collect()).collect()
}

/// `a . b`
pub fn product(a: &Matrix, b: &Matrix) -> Matrix {
    let columns = transpose(b);
    let element = |x: &[Bounded], y: &[Bounded]| dot(x.iter().copied().zip(y.iter().copied()));
    a.iter().map(|row| columns.iter().map(|column| element(row, column)).collect()).collect()
}

/// `f(z)`, and `f'` from it.
pub fn activation(f: Activation, z: Bounded) -> (Bounded, Bounded) {
    let one = exact(1.0);
    match f {
        Activation::Identity => (z, one),
        Activation::Relu => (z.relu().0, exact(z.relu().1)),
        Activation::Sigmoid => (z.sigmoid(), z.sigmoid() * (one - z.sigmoid())),
        Activation::Tanh => (z.tanh(), one - z.tanh() * z.tanh()),
        // The slope is a decimal number that f32 rounds.
        Activation::LeakyRelu(f) => {
            let slope = rounded(f.slope.to_string().parse().expect("a number"));
            let kink = z.value.abs() <= z.error && z.error > 0.0;
            assert!(!kink, "a case at the kink has two answers");
            if z.value > 0.0 { (z, one) } else { (slope * z, slope) }
        }
        other => {
            // 4 ulp of the function and its terms, beside what z may be off.
            let (value, slope) = other.exact(z.value);
            let ends = [z.value - z.error, z.value + z.error].map(|z| other.exact(z));
            let apart = |x: f64, ends: [f64; 2]| {
                ends.iter().fold(0.0, |e: f64, end| e.max((end - x).abs()))
            };
            let own =
                8.0 * U * value.abs().max(z.value.abs().min(1.0)) + f64::from(f32::MIN_POSITIVE);
            let y = Bounded { value, error: apart(value, ends.map(|end| end.0)) + own };
            let own = 8.0 * U * slope.abs().max(1.0);
            (y, Bounded { value: slope, error: apart(slope, ends.map(|end| end.1)) + own })
        }
    }
}

/// Softmax of a row, and the logarithm of the sum of exponentials, less the largest element.
pub fn softmax(z: &[Bounded]) -> (Vec<Bounded>, Bounded, Bounded) {
    let max = z.iter().copied().max_by(|a, b| a.value.total_cmp(&b.value)).unwrap_or_default();
    let e: Vec<_> = z.iter().map(|&z| (z - max).exp()).collect();
    let total = sum(e.iter().copied());
    let scale = exact(1.0) / total;
    (e.iter().map(|&e| e * scale).collect(), total.ln(), max)
}

/// The value of a loss and its gradient.
pub fn loss(loss: Loss, output: &Matrix, target: Target<'_>) -> (Bounded, Matrix) {
    use densecore::loss::Reduction;
    let (reduction, per_row) = match loss {
        Loss::SquaredError(reduction) | Loss::BinaryCrossEntropyWithLogits(_, reduction) => {
            (reduction, output[0].len())
        }
        Loss::CrossEntropy(reduction) => (reduction, 1),
        other => panic!("{other:?}"),
    };
    let divisor = if reduction == Reduction::Mean { (output.len() * per_row) as f64 } else { 1.0 };
    let row = |(i, y): (usize, &Vec<Bounded>)| match target {
        Target::Values(target) if matches!(loss, Loss::BinaryCrossEntropyWithLogits(..)) => {
            let pairs = y.iter().zip(target.row(i).unwrap_or(&[]));
            let pairs = pairs.map(|(&y, &t)| (y, exact(t.into())));
            // max(x, 0) - t x + log(1 + e^-|x|)
            let small = |y: Bounded| (-y.abs()).exp().ln_1p();
            let value = pairs.clone().map(|(y, t)| y.max(exact(0.0)) - t * y + small(y));
            let slope = pairs.map(|(y, t)| (y.sigmoid() - t) * rounded(1.0 / divisor));
            (sum(value), slope.collect())
        }
        Target::Values(target) => {
            let d = y.iter().zip(target.row(i).unwrap_or(&[])).map(|(&y, &t)| y - exact(t.into()));
            let squares = sum(d.clone().map(|d| d * d));
            (squares, d.map(|d| d * rounded(2.0 / divisor)).collect())
        }
        Target::Classes(ids) => {
            let ((p, log, max), class) = (softmax(y), ids[i] as usize);
            let factor = rounded(1.0 / divisor);
            let mut d: Vec<_> = p.into_iter().map(|p| p * factor).collect();
            d[class] = d[class] - factor;
            (log - (y[class] - max), d)
        }
        Target::WeightedClasses { .. } => panic!("the reference has no weights"),
    };
    let (values, gradient): (Vec<_>, Matrix) = output.iter().enumerate().map(row).unzip();
    (sum(values.into_iter()) * rounded(1.0 / divisor), gradient)
}

/// A layer.
pub struct Layer {
    pub weight: Matrix,
    pub bias: Vec<Bounded>,
    pub activation: Activation,
}

/// Gradients of a layer.
pub struct Gradients {
    pub weight: Matrix,
    pub bias: Vec<Bounded>,
}

/// A chain of layers.
pub struct Net(pub Vec<Layer>);

impl Net {
    /// For each layer, and first for the input: the values and the derivative of the activation.
    pub fn forward(&self, input: &Matrix) -> Vec<(Matrix, Matrix)> {
        let mut passed = vec![(input.clone(), Matrix::new())];
        for layer in &self.0 {
            let below = passed.last().map_or(input, |(y, _)| y);
            let mut biased_weight = layer.weight.clone();
            biased_weight.push(layer.bias.clone());
            let one = |row: &Vec<Bounded>| row.iter().copied().chain([exact(1.0)]).collect();
            let z = product(&below.iter().map(one).collect(), &biased_weight);
            let f =
                |row: &Vec<Bounded>| row.iter().map(|&z| activation(layer.activation, z)).unzip();
            passed.push(z.iter().map(f).unzip());
        }
        passed
    }

    /// The gradients of all layers and of the input, from that of the output.
    pub fn backward(
        &self,
        passed: &[(Matrix, Matrix)],
        d_output: Matrix,
    ) -> (Vec<Gradients>, Matrix) {
        let (mut delta, mut gradients) = (d_output, Vec::new());
        for (i, layer) in self.0.iter().enumerate().rev() {
            let times = |(d, f): (&Vec<Bounded>, &Vec<Bounded>)| {
                // Multiplication by 1 changes no bit.
                d.iter()
                    .zip(f)
                    .map(|(&d, &f)| if f.value == 1.0 && f.error == 0.0 { d } else { d * f })
                    .collect()
            };
            let d_z: Matrix = delta.iter().zip(&passed[i + 1].1).map(times).collect();
            let weight = product(&transpose(&passed[i].0), &d_z);
            let bias = transpose(&d_z).into_iter().map(|column| sum(column.into_iter())).collect();
            gradients.insert(0, Gradients { weight, bias });
            delta = product(&d_z, &transpose(&layer.weight));
        }
        (gradients, delta)
    }
}

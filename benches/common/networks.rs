//! The networks that whole steps and predictions are measured on.

use densecore::{Activation, Network, Tensor};

/// A network, and the samples of a batch.
pub struct Row {
    pub widths: &'static [usize],
    pub batch: usize,
    /// Of the hidden layers; the output is linear.
    pub hidden: Activation,
}

const fn relu(widths: &'static [usize], batch: usize) -> Row {
    Row { widths, batch, hidden: Activation::Relu }
}

/// From three neurons to beyond every cache.
pub const ROWS: [Row; 13] = [
    relu(&[2, 3, 1], 4),
    relu(&[784, 30, 10], 10),
    relu(&[784, 128, 10], 64),
    relu(&[784, 512, 512, 10], 128),
    relu(&[1024; 5], 256),
    relu(&[4096; 3], 512),
    relu(&[10, 45, 46, 10], 128),
    relu(&[6, 64, 8, 4], 1),
    relu(&[6, 64, 8, 4], 32),
    relu(&[4, 120, 84, 2], 64),
    relu(&[3072, 1000, 100], 200),
    Row { hidden: Activation::Tanh, ..relu(&[100, 100, 100, 100, 1], 32) },
    Row { hidden: Activation::Gelu, ..relu(&[64, 64, 64], 1) },
];

impl Row {
    pub fn name(&self) -> String {
        let widths = self.widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
        let hidden = match self.hidden {
            Activation::Relu => String::new(),
            other => format!("{} ", other.name()),
        };
        format!("{hidden}{widths}/{}", self.batch)
    }

    pub fn network(&self) -> Network {
        Network::mlp(self.widths, self.hidden, 1).expect("the widths are positive")
    }

    /// Multiply-adds of one sample, which are also the weights.
    pub fn weights(&self) -> usize {
        self.widths.windows(2).map(|w| w[0] * w[1]).sum()
    }

    /// Operations of a step: three products for each layer, but no gradient of the input.
    pub fn step_flops(&self) -> usize {
        self.batch * (6 * self.weights() - 2 * self.widths[0] * self.widths[1])
    }
}

/// The outputs for row `i` of the input in f64, each with a bound on the error in f32.
pub fn expected(network: &Network, input: &Tensor, i: usize) -> Vec<(f64, f64)> {
    let input = input.row(i).unwrap_or(&[]);
    let mut y: Vec<_> = input.iter().map(|&x| (f64::from(x), 0.0)).collect();
    for layer in (0..network.layers()).map_while(|l| network.layer(l)) {
        let eps = (y.len() as f64 + 2.0) * f64::from(f32::EPSILON);
        let bias = layer.bias.iter().map(|&b| f64::from(b));
        let mut z: Vec<_> = bias.map(|b| (b, eps * b.abs())).collect();
        for (&(x, error), weights) in y.iter().zip(layer.weight.iter_rows()) {
            for ((value, bound), &w) in z.iter_mut().zip(weights) {
                let w = f64::from(w);
                *value += x * w;
                *bound += (error + eps * (x.abs() + error)) * w.abs();
            }
        }
        z.iter_mut().for_each(|z| *z = activated(layer.activation, *z));
        y = z;
    }
    y
}

/// f(z) of a number with a bound: no slope is above 1.13, and f itself is good to 4 units in the last
/// place, or to 1e-7 where it is small.
fn activated(f: Activation, (z, bound): (f64, f64)) -> (f64, f64) {
    let y = match f {
        Activation::Identity => return (z, bound),
        Activation::Relu => return (z.max(0.0), bound),
        Activation::Tanh => z.tanh(),
        Activation::Gelu => 0.5 * z * (1.0 + libm::erf(z * core::f64::consts::FRAC_1_SQRT_2)),
        other => panic!("{other:?}"),
    };
    (y, 1.13 * bound + 4.0 * f64::from(f32::EPSILON) * y.abs() + 1e-7)
}

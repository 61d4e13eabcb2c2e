//! A network in f64, written to be read: the mathematics that the f32 kernels compute.
//!
//! ```text
//!   forward     Z = X.W + b     Y = f(Z)              for each layer; Y is the X of the next
//!   loss        L = L(Y)        dY = dL/dY            of the last one
//!   backward    dZ = dY * f'(Z)
//!               dW = X^T.dZ     db = sums of the columns of dZ
//!               dX = dZ.W^T                           the dY of the layer below
//! ```

use core::ops::Range;

use super::loss;
use super::matrix::Matrix;
use crate::activation::Activation;
use crate::loss::{Loss, Target};
use crate::network::Network;
use crate::tensor::View;

/// A layer, and where its parameters are in the vector of all parameters.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub inputs: usize,
    pub outputs: usize,
    pub activation: Activation,
    pub weight: Range<usize>,
    pub bias: Range<usize>,
}

/// The loss of a chain of layers on one batch, as a function of the parameters.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub layers: Vec<Layer>,
    /// `[batch, in]`
    pub input: Matrix,
    /// `[batch, out]`; for classes 1 at the right one and 0 elsewhere, or smoothed.
    pub target: Matrix,
    pub loss: Loss,
    /// What the sum of all losses is divided by.
    pub divisor: f64,
}

/// What a forward pass computes. `y[0]` is the input, `y[l + 1] = f(z[l])`.
#[derive(Clone, Debug)]
pub(super) struct Forward {
    pub z: Vec<Matrix>,
    pub y: Vec<Matrix>,
}

/// What a backward pass computes: `d_y[l]` and `d_z[l]` belong to `y[l + 1]` and `z[l]`.
#[derive(Clone, Debug)]
pub(super) struct Backward {
    pub d_y: Vec<Matrix>,
    pub d_z: Vec<Matrix>,
    /// Of all parameters, in their order.
    pub gradient: Vec<f64>,
}

impl Model {
    /// The model of a network, and its parameters: layer after layer, the weight and then the
    /// bias. Shapes were checked.
    pub fn new(
        network: &Network,
        input: View<'_>,
        target: Target<'_>,
        loss: Loss,
    ) -> (Self, Vec<f64>) {
        let (mut layers, mut parameters) = (Vec::new(), Vec::new());
        for layer in (0..network.layers()).map_while(|i| network.layer(i)) {
            let (inputs, outputs) = layer.weight.shape();
            let start = parameters.len();
            let weight = start..start + inputs * outputs;
            let bias = weight.end..weight.end + layer.bias.len();
            parameters.extend(layer.weight.iter_rows().flatten().map(|&w| f64::from(w)));
            parameters.extend(layer.bias.iter().map(|&b| f64::from(b)));
            layers.push(Layer { inputs, outputs, activation: layer.activation, weight, bias });
        }
        let (target, divisor) = loss::targets(loss, target, network.outputs());
        (Self { layers, input: Matrix::from_view(input), target, loss, divisor }, parameters)
    }

    /// The loss.
    pub fn value(&self, parameters: &[f64]) -> f64 {
        self.loss_value(self.forward(parameters).output())
    }

    pub fn forward(&self, parameters: &[f64]) -> Forward {
        let mut pass = Forward { z: Vec::new(), y: vec![self.input.clone()] };
        for layer in &self.layers {
            let (w, b) = layer.parameters(parameters);
            let x = pass.output();
            let z = x.product(&w).plus_row(b);
            let y = z.map(|z| layer.activation.exact(z).0);
            pass.z.push(z);
            pass.y.push(y);
        }
        pass
    }

    pub fn backward(&self, parameters: &[f64], pass: &Forward) -> Backward {
        let (mut all_d_y, mut all_d_z) = (Vec::new(), Vec::new());
        let mut gradient = vec![0.0; parameters.len()];
        let mut d_y = self.loss_gradient(pass.output());
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let (w, b) = layer.parameters(parameters);
            let (x, z) = (&pass.y[l], &pass.z[l]);
            let d_z = d_y.zip(z, |d, z| d * layer.activation.exact(z).1);
            let d_w = x.t().product(&d_z);
            let d_b = d_z.column_sums();
            let d_x = d_z.product(&w.t());

            gradient[layer.weight.clone()].copy_from_slice(&d_w.data);
            gradient[layer.bias.clone()].copy_from_slice(&d_b[..b.len()]);
            all_d_z.push(d_z);
            all_d_y.push(core::mem::replace(&mut d_y, d_x));
        }
        all_d_y.reverse();
        all_d_z.reverse();
        Backward { d_y: all_d_y, d_z: all_d_z, gradient }
    }

    /// `L(x)`
    fn loss_value(&self, x: &Matrix) -> f64 {
        let rows = x.rows().zip(self.target.rows());
        let sum: f64 = rows.map(|(x, t)| loss::row(self.loss, x, t).0).sum();
        sum / self.divisor
    }

    /// `dL/dx`
    fn loss_gradient(&self, x: &Matrix) -> Matrix {
        let rows = x.rows().zip(self.target.rows());
        let data = rows.flat_map(|(x, t)| loss::row(self.loss, x, t).1).collect();
        Matrix { data, ..*x }.map(|d| d / self.divisor)
    }
}

impl Layer {
    /// W and b; b is empty if there is none.
    pub fn parameters<'p>(&self, parameters: &'p [f64]) -> (Matrix, &'p [f64]) {
        let data = parameters[self.weight.clone()].to_vec();
        let weight = Matrix { rows: self.inputs, cols: self.outputs, data };
        (weight, &parameters[self.bias.clone()])
    }
}

impl Forward {
    pub fn output(&self) -> &Matrix {
        &self.y[self.y.len() - 1]
    }
}

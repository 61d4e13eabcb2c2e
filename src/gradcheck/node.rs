//! The nodes of a network in f64: what each computes, and what it hands down.
//!
//! | node | forward | backward |
//! |---|---|---|
//! | dense | `Z = X.W + b`, `Y = f(Z)` | `dZ = dY * f'(Z)`, `dX = dZ.W^T`, `dW = X^T.dZ`, `db` = sums of the columns of `dZ` |
//! | add | `Y = X1 + X2 + ..` | `dX1 = dX2 = .. = dY` |
//! | concat | `Y = [X1 \| X2 \| ..]` | `dX1`, `dX2`, .. = their columns of `dY` |
//! | dropout | `Y = X * M` | `dX = dY * M` |
//!
//! A node that is no layer has `Z = Y` and `dZ = dY`.

use core::ops::Range;

use super::matrix::Matrix;
use crate::activation::Activation;

/// What a node computes of which others, all of them before it.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub op: Op,
    pub from: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    /// `[batch, in]`
    Input(Matrix),
    Dense(Layer),
    Add,
    /// The widths of what is read.
    Concat(Vec<usize>),
    /// M, `[batch, width]`: the factors of one pass, which do not depend on the parameters.
    Dropout(Matrix),
}

/// A layer, and where its parameters are in the vector of all parameters.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub name: String,
    pub inputs: usize,
    pub outputs: usize,
    pub activation: Activation,
    pub weight: Range<usize>,
    pub bias: Range<usize>,
}

impl Node {
    /// Z, from what is read.
    pub fn forward(&self, x: &[&Matrix], parameters: &[f64]) -> Matrix {
        match &self.op {
            Op::Input(input) => input.clone(),
            Op::Dense(layer) => {
                let (w, b) = layer.parameters(parameters);
                x[0].product(&w).plus_row(b)
            }
            Op::Add => x[1..].iter().fold(x[0].clone(), |sum, x| sum.plus(x)),
            Op::Concat(_) => Matrix::beside(x),
            Op::Dropout(m) => x[0].times(m),
        }
    }

    /// The dX of each node that is read.
    pub fn backward(&self, d_z: &Matrix, parameters: &[f64]) -> Vec<Matrix> {
        match &self.op {
            Op::Input(_) => Vec::new(),
            Op::Dense(layer) => vec![d_z.product(&layer.parameters(parameters).0.t())],
            Op::Add => vec![d_z.clone(); self.from.len()],
            Op::Concat(widths) => d_z.cut(widths),
            Op::Dropout(m) => vec![d_z.times(m)],
        }
    }

    /// f
    pub fn activation(&self) -> Activation {
        if let Op::Dense(layer) = &self.op { layer.activation } else { Activation::Identity }
    }

    /// The layer, if it is one.
    pub fn into_layer(self) -> Option<Layer> {
        if let Op::Dense(layer) = self.op { Some(layer) } else { None }
    }
}

impl Layer {
    /// W and b; b is empty if there is none.
    pub fn parameters<'p>(&self, parameters: &'p [f64]) -> (Matrix, &'p [f64]) {
        let data = parameters[self.weight.clone()].to_vec();
        let weight = Matrix { rows: self.inputs, cols: self.outputs, data };
        (weight, &parameters[self.bias.clone()])
    }

    /// dW and db, to their places among the gradients of all parameters.
    pub fn gradients(&self, x: &Matrix, d_z: &Matrix, all: &mut [f64]) {
        let d_b = d_z.column_sums();
        all[self.weight.clone()].copy_from_slice(&x.t().product(d_z).data);
        all[self.bias.clone()].copy_from_slice(&d_b[..self.bias.len()]);
    }
}

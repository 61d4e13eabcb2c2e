//! How far the results of rounded arithmetic may be from the exact ones.
//!
//! For every quantity `q` of the passes, `e_q` bounds `|q' - q|`, where `q'` is what arithmetic with
//! the unit roundoff `u` makes of it. Then `|q'|` is at most `|q| + e_q`, written `q^` here. A sum
//! of n products, in any order and fused or not, is off by at most `g(n) sum |a||b|`,
//! `g(n) = n u / (1 - n u)` (N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed.,
//! section 3.1). The terms come in as absolute values, so that a sum which cancels may be far off
//! relative to itself, and its bound says so.
//!
//! ```text
//!   z = x.w + b        e_z  = e_x.|w| + g(in + 1) (x^.|w| + |b|)
//!   y = f(z)           e_y  = s e_z + k u y^          s >= |f'| within e_z of z;  k: error of f
//!   f'                 e_f' = change of f' within e_z of z + k u ..     1 where a ReLU may turn
//!   d_z = d_y f'       e_dz = e_dy |f'| + d_y^ e_f' + u d_y^ f'^
//!   d_w = x^T.d_z      e_dw = e_x^T.|d_z| + x^T^.e_dz + g(batch) x^T^.d_z^
//!   d_x = d_z.w^T      e_dx = e_dz.|w|^T + g(out) d_z^.|w|^T
//!
//!   y = x_1 + .. + x_n        e_y = sum of e_x + g(n) sum of x^
//!   d_y = d_1 + .. + d_n      e_dy = sum of e_d + g(N) sum of d^      exact if n is 1
//!   y = x m,   d_x = d_y m    e_y = e_x |m| + u x^ |m|                m is exact
//!   y = [x_1 | .. | x_n]      e_y = [e_1 | .. | e_n]
//! ```
//!
//! A gradient may be added to a sum while it is computed itself, each of its `out` products to what
//! there is: so many roundings of the sum are that part's, and N is the number of all.

use super::matrix::Matrix;
use super::node::{Layer, Node, Op};
use super::reference::{Backward, Forward, Model};
use crate::activation::Activation;
use crate::math::{EXP_NONPOSITIVE_MAX_ULP, LOG_MAX_ULP, SIGMOID_MAX_ULP, TANH_MAX_ULP};

/// Error of a function in units of `u`; a unit in the last place is up to two of them.
pub(super) const FUNCTION: f64 =
    2.0 * EXP_NONPOSITIVE_MAX_ULP.max(LOG_MAX_ULP).max(TANH_MAX_ULP).max(SIGMOID_MAX_ULP);

/// More than an underflow changes a result by, whether or not it is gradual.
pub(super) const UNDERFLOW: f64 = f32::MIN_POSITIVE as f64;

/// Arithmetic with this unit roundoff.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounding(f64);

/// Bounds on the errors of what [`Model`] computes.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub loss: f64,
    /// Of all parameters, in their order.
    pub gradient: Vec<f64>,
}

/// A matrix, and bounds on the errors of its elements.
pub(super) type Inexact<'a> = (&'a Matrix, &'a Matrix);

/// What a bound on a sum is made of.
pub(super) struct Sum {
    e: Matrix,
    /// The sum of the largest magnitudes.
    size: Matrix,
    parts: usize,
    /// Roundings that a part may meet.
    terms: usize,
}

impl Sum {
    /// Of no parts of that shape.
    pub fn new(like: &Matrix) -> Self {
        let zeros = Matrix::zeros_like(like);
        Self { e: zeros.clone(), size: zeros, parts: 0, terms: 0 }
    }

    /// One more part, in so many additions.
    pub fn add(&mut self, (x, e_x): Inexact<'_>, terms: usize) {
        self.e = self.e.plus(e_x);
        self.size = self.size.plus(&x.zip(e_x, largest));
        (self.parts, self.terms) = (self.parts + 1, self.terms + terms);
    }

    pub fn bound(&self, rounding: Rounding) -> Matrix {
        // One part is the sum.
        let terms = if self.parts > 1 { self.terms } else { 0 };
        let (gamma, underflow) = (rounding.gamma(terms), terms as f64 * UNDERFLOW);
        self.e.zip(&self.size, |e, size| e + gamma * size + underflow)
    }
}

impl Rounding {
    pub const F32: Rounding = Rounding(f32::EPSILON as f64 / 2.0);
    pub const F64: Rounding = Rounding(f64::EPSILON / 2.0);

    /// Bounds for the passes of a model with exact parameters.
    pub fn bounds(
        self,
        model: &Model,
        parameters: &[f64],
        forward: &Forward,
        backward: &Backward,
    ) -> Bounds {
        let (mut e_z, mut e_y) = (Vec::new(), Vec::new());
        for (i, node) in model.nodes.iter().enumerate() {
            let x: Vec<Inexact<'_>> = node.from.iter().map(|&x| (&forward.y[x], &e_y[x])).collect();
            let e = self.forward(node, &x, parameters, &forward.z[i]);
            e_y.push(match &node.op {
                Op::Dense(layer) => self.activation(layer, (&forward.z[i], &e), &forward.y[i]),
                _ => e.clone(),
            });
            e_z.push(e);
        }

        let mut loss = 0.0;
        let mut d_y: Vec<Sum> = forward.y.iter().map(Sum::new).collect();
        for goal in &model.goals {
            let y = &forward.y[goal.node];
            let (e, e_d) = self.objective(goal, model.goals.len(), (y, &e_y[goal.node]));
            loss += e;
            d_y[goal.node].add((&goal.gradient(y), &e_d), 1);
        }
        let mut gradient = vec![0.0; parameters.len()];
        for (i, node) in model.nodes.iter().enumerate().rev() {
            let mut e_dz = d_y[i].bound(self);
            if let Op::Dense(layer) = &node.op {
                let z = &forward.z[i];
                let e_df = self.derivative(layer, (z, &e_z[i]));
                e_dz = self.delta(layer, (&backward.d_y[i], &e_dz), (z, &e_df));
                let x = node.from[0];
                let (x, d_z) = ((&forward.y[x], &e_y[x]), (&backward.d_z[i], &e_dz));
                self.gradients(layer, x, d_z, &mut gradient);
            }
            let d_z = (&backward.d_z[i], &e_dz);
            let d_x = node.backward(d_z.0, parameters);
            let e_dx = self.backward(node, d_z, parameters);
            let terms = if let Op::Dense(layer) = &node.op { layer.outputs } else { 1 };
            for (&x, (d_x, e_dx)) in node.from.iter().zip(d_x.iter().zip(&e_dx)) {
                d_y[x].add((d_x, e_dx), terms);
            }
        }
        Bounds { loss, gradient }
    }

    /// Of the Z of a node.
    fn forward(self, node: &Node, x: &[Inexact<'_>], parameters: &[f64], z: &Matrix) -> Matrix {
        match &node.op {
            Op::Input(_) => Matrix::zeros_like(z),
            Op::Dense(layer) => {
                let (w, b) = layer.parameters(parameters);
                let bias = b.iter().map(|b| self.gamma(layer.inputs + 1) * b.abs());
                let e = self.product(x[0], (&w, &Matrix::zeros_like(&w)));
                e.plus_row(&bias.collect::<Vec<f64>>())
            }
            Op::Add => {
                let mut sum = Sum::new(z);
                x.iter().for_each(|&x| sum.add(x, 1));
                sum.bound(self)
            }
            Op::Concat(_) => Matrix::beside(&x.iter().map(|(_, e)| *e).collect::<Vec<_>>()),
            Op::Dropout(m) => self.times(x[0], m),
        }
    }

    /// Of the dX that a node hands down.
    fn backward(self, node: &Node, d_z: Inexact<'_>, parameters: &[f64]) -> Vec<Matrix> {
        match &node.op {
            Op::Input(_) => Vec::new(),
            Op::Dense(layer) => {
                let w = layer.parameters(parameters).0.t();
                vec![self.product(d_z, (&w, &Matrix::zeros_like(&w)))]
            }
            Op::Add => vec![d_z.1.clone(); node.from.len()],
            Op::Concat(widths) => d_z.1.cut(widths),
            Op::Dropout(m) => vec![self.times(d_z, m)],
        }
    }

    /// Of dW and db.
    fn gradients(
        self,
        layer: &Layer,
        (x, e_x): Inexact<'_>,
        d_z: Inexact<'_>,
        gradient: &mut [f64],
    ) {
        let ones = Matrix::from_fn(1, x.rows, |_, _| 1.0);
        let e_dw = self.product((&x.t(), &e_x.t()), d_z);
        let e_db = self.product((&ones, &Matrix::zeros_like(&ones)), d_z);
        gradient[layer.weight.clone()].copy_from_slice(&e_dw.data);
        gradient[layer.bias.clone()].copy_from_slice(&e_db.data[..layer.bias.len()]);
    }

    /// `g(n)`; infinite where there is no bound.
    pub(super) fn gamma(self, n: usize) -> f64 {
        let nu = n as f64 * self.0;
        if nu < 1.0 { nu / (1.0 - nu) } else { f64::INFINITY }
    }

    /// Of `a.b`, with room for the addition of one more term.
    fn product(self, (a, e_a): Inexact<'_>, (b, e_b): Inexact<'_>) -> Matrix {
        let terms = a.cols + 1;
        let (gamma, underflow) = (self.gamma(terms), terms as f64 * UNDERFLOW);
        let (a_max, b_max) = (a.zip(e_a, largest), b.zip(e_b, largest));
        let from_a = e_a.product(&b.map(f64::abs));
        let from_b = a_max.product(e_b);
        let from_both = from_a.zip(&from_b, |a, b| a + b);
        from_both.zip(&a_max.product(&b_max), |e, size| e + gamma * size + underflow)
    }

    /// Of `x m`, with an exact m.
    fn times(self, (x, e_x): Inexact<'_>, m: &Matrix) -> Matrix {
        let rounded = x.zip(e_x, |x, e| e + self.0 * largest(x, e));
        rounded.zip(m, |e, m| e * m.abs() + UNDERFLOW)
    }

    /// Of `y = f(z)`.
    fn activation(self, layer: &Layer, (z, e_z): Inexact<'_>, y: &Matrix) -> Matrix {
        let f = |z: f64| layer.activation.exact(z);
        let function = match layer.activation {
            Activation::Identity | Activation::Relu => 0.0,
            _ => FUNCTION * self.0,
        };
        let mut e = z.zip(e_z, |_, e| e);
        for (e, (&z, &y)) in e.data.iter_mut().zip(z.data.iter().zip(&y.data)) {
            // The largest |f'| within e of z is at an end of the interval, or a little above: the
            // second derivatives of functions that turn in between are below 2.
            let slopes = [f(z - *e).1, f(z).1, f(z + *e).1];
            let slope = slopes.into_iter().fold(0.0, |most: f64, slope| most.max(slope.abs()));
            *e *= if function == 0.0 { slope } else { slope + 2.0 * *e };
            // Where f is small because large terms cancel, its error is that of the terms.
            *e += function * (largest(y, *e) + z.abs().min(1.0)) + UNDERFLOW;
        }
        e
    }

    /// Of `f'`, computed from z or from y.
    fn derivative(self, layer: &Layer, (z, e_z): Inexact<'_>) -> Matrix {
        let df = |z: f64| layer.activation.exact(z).1;
        if layer.activation == Activation::Identity {
            return z.map(|_| 0.0);
        }
        // From 0 to 1 where a kink is within e. f' is made of a few terms of the size of 1, or of
        // f'(0), and of y.
        let rounding = 2.0 * FUNCTION * self.0;
        let of_terms = 1.0 + df(0.0).abs();
        z.zip(e_z, |z, e| {
            let slope = df(z);
            let change = (df(z - e) - slope).abs().max((df(z + e) - slope).abs());
            let rounding = match layer.activation {
                Activation::Relu => 0.0,
                _ => rounding * (of_terms + slope.abs()) + 2.0 * e * e,
            };
            change + rounding
        })
    }

    /// Of `d_z = d_y f'`.
    fn delta(self, layer: &Layer, (d_y, e_dy): Inexact<'_>, (z, e_df): Inexact<'_>) -> Matrix {
        let slope = z.map(|z| layer.activation.exact(z).1);
        let mut e = e_dy.clone();
        let factors = d_y.data.iter().zip(slope.data.iter().zip(&e_df.data));
        for (e, (&d, (&slope, &e_slope))) in e.data.iter_mut().zip(factors) {
            let d_max = largest(d, *e);
            let rounding = self.0 * d_max * largest(slope, e_slope);
            *e = *e * slope.abs() + d_max * e_slope + rounding + UNDERFLOW;
        }
        e
    }
}

/// The largest magnitude of what is within `e` of `q`.
pub(super) fn largest(q: f64, e: f64) -> f64 {
    q.abs() + e
}

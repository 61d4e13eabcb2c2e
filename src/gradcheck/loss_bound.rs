//! How far a loss and its gradient may be from the exact ones: see [`bound`](super::bound).

use super::bound::{FUNCTION, Inexact, Rounding, UNDERFLOW, largest};
use super::loss::{Softmax, element, right_class, softmax};
use super::matrix::Matrix;
use super::reference::Goal;
use crate::loss::{Loss, Margin};

/// Roundings within the loss of an element: no loss has more than three functions and ten other
/// operations.
const ELEMENT: f64 = 3.0 * FUNCTION + 10.0;

/// Terms that an element of a run is added to: 32 of each of 32 partial sums, which five additions
/// combine, and a few roundings of the result.
const RUN: usize = 40;

/// Where an error bound of a row goes, and the errors of its logits or predictions.
struct Row<'a> {
    x: &'a [f64],
    t: &'a [f64],
    e_x: &'a [f64],
}

impl Rounding {
    /// Of the loss of the output `x` times its weight, one of so many `outputs`, and of its gradient.
    ///
    /// ```text
    ///   w L      |w| e_L + g(n) |w| L^      n: the additions of the others, and the multiplication
    ///   w dL     |w| e_dL + u |w| dL^       a weight of 1 is none
    /// ```
    pub(super) fn objective(
        self,
        goal: &Goal,
        outputs: usize,
        (x, e_x): Inexact<'_>,
    ) -> (f64, Matrix) {
        let (w, of_weight) = (goal.weight.abs(), usize::from(goal.weight != 1.0));
        let (e, e_d) = self.loss(goal, (x, e_x));
        let sum = outputs - 1 + of_weight;
        let value = w * e + self.gamma(sum) * w * largest(goal.value(x), e);
        let gradient = goal.gradient(x).zip(&e_d, |d, e| {
            w * e + self.gamma(of_weight) * largest(d, w * e) + of_weight as f64 * UNDERFLOW
        });
        (value + sum as f64 * UNDERFLOW, gradient)
    }

    /// The same without the weight.
    fn loss(self, goal: &Goal, (x, e_x): Inexact<'_>) -> (f64, Matrix) {
        let (mut value, mut size) = (0.0, 0.0);
        let mut e = Matrix::zeros(x.rows, x.cols);
        for i in 0..x.rows {
            let row = Row { x: x.row(i), t: goal.target.row(i), e_x: e_x.row(i) };
            let gradient = &mut e.data[i * x.cols..][..x.cols];
            let (row, row_size) = match goal.loss {
                Loss::CrossEntropy(_) | Loss::CrossEntropyWith(..) => {
                    self.cross_entropy(row, gradient)
                }
                Loss::MultiMargin(margin, _) => self.multi_margin(margin, row, gradient),
                loss => self.elements(loss, row, gradient),
            };
            value += row;
            size += row_size;
        }
        // Rows are summed in f64, and rounded at the end.
        let value = (value + self.gamma(2) * (size + value)) / goal.divisor + UNDERFLOW;
        (value, e.map(|e| e / goal.divisor + UNDERFLOW))
    }

    /// Of a row's sum of losses, whose size is returned too, and of their slopes.
    ///
    /// Each loss is convex, so its slope rises: within e of x value and slope are between those at
    /// the ends.
    fn elements(self, loss: Loss, row: Row<'_>, gradient: &mut [f64]) -> (f64, f64) {
        let (mut value, mut size) = (0.0, 0.0);
        for (j, gradient) in gradient.iter_mut().enumerate() {
            let (x, t, e) = (row.x[j], row.t[j], row.e_x[j]);
            let here = element(loss, x, t);
            let ends = [element(loss, x - e, t), element(loss, x + e, t)];
            let most = |of: fn(f64, f64) -> f64, i: usize| {
                let at = |e: &super::loss::Element| [e.slope, e.value_size, e.slope_size][i];
                ends.iter().fold(at(&here).abs(), |most, end| of(most, at(end).abs()))
            };
            let (steepest, value_size, slope_size) =
                (most(f64::max, 0), most(f64::max, 1), most(f64::max, 2));
            let bend = ends.iter().fold(0.0, |b: f64, end| b.max((end.slope - here.slope).abs()));
            // The factor of the gradient and the product with it are two more roundings.
            *gradient = bend + self.gamma(1) * (ELEMENT + 2.0) * (slope_size + bend);
            value += steepest * e + self.gamma(1) * ELEMENT * value_size;
            size += value_size;
        }
        (value + self.gamma(row.x.len() + RUN) * (size + value), size)
    }

    /// Of a row's cross entropy, whose size is returned too, and of `p - t`.
    ///
    /// Where all logits are within e of the exact ones, the sum of the exponentials and each
    /// exponential relative to the largest change by factors between `exp(-2 e)` and `exp(2 e)`.
    fn cross_entropy(self, row: Row<'_>, gradient: &mut [f64]) -> (f64, f64) {
        let (u, z, t) = (self.gamma(1), row.x, row.t);
        let Softmax { max, sum, p } = softmax(z);
        let total: f64 = t.iter().map(|t| t.abs()).sum();
        let e = row.e_x.iter().copied().fold(0.0, f64::max);
        // The relative error of an exponential, from its rounded argument and its own.
        let relative = |j: usize| u * (max - z[j] + 2.0 * e) + FUNCTION * u;
        let of_sum = (0..z.len()).map(|j| p[j] * relative(j)).sum::<f64>() + self.gamma(z.len());
        let (mut below_max, mut loss) = (0.0, total * sum.ln());
        for (j, gradient) in gradient.iter_mut().enumerate() {
            let factor = (2.0 * e + relative(j) + 2.0 * of_sum + 8.0 * u).exp_m1();
            let rounding = self.gamma(6) * (p[j] * total + t[j].abs());
            *gradient = total * (p[j] * factor).min(1.0) + rounding;
            below_max += t[j].abs() * (max - z[j]);
            loss += t[j].abs() * (max - z[j]);
        }
        let log = FUNCTION * u * largest(sum.ln(), 2.0 * e) + 2.0 * of_sum;
        // Smoothed targets are summed over the classes, others have one term.
        let is_one = |t: &&f64| **t != 0.0;
        let terms = t.iter().filter(is_one).count() + 6;
        (total * (2.0 * e + log) + self.gamma(terms) * (loss + below_max + 2.0 * e * total), loss)
    }

    /// Of a row's margin loss, whose size is returned too, and of its gradient.
    fn multi_margin(
        self,
        Margin { p, margin }: Margin,
        row: Row<'_>,
        gradient: &mut [f64],
    ) -> (f64, f64) {
        let Row { x, t, e_x } = row;
        let (y, n) = (right_class(t), x.len() as f64);
        let (mut value, mut size) = (0.0, 0.0);
        for j in (0..x.len()).filter(|&j| j != y) {
            let h = f64::from(margin) - x[y] + x[j];
            let terms = f64::from(margin).abs() + x[y].abs() + x[j].abs();
            let e = e_x[y] + e_x[j] + self.gamma(2) * (terms + e_x[y] + e_x[j]);
            let reach = (h + e).max(0.0);
            let (of_value, of_slope) = match p {
                _ if reach == 0.0 => (0.0, 0.0),
                2 => (2.0 * reach * e, 2.0 * e),
                _ => (e, f64::from(u8::from(h - e < 0.0))),
            };
            let slope = if p == 2 { 2.0 * reach } else { 1.0 };
            gradient[j] = (of_slope + self.gamma(4) * slope) / n;
            gradient[y] += (of_slope + self.gamma(x.len() + 8) * slope) / n;
            value += of_value / n;
            size += if p == 2 { reach * reach } else { reach } / n;
        }
        (value + self.gamma(x.len() + RUN) * size, size)
    }
}

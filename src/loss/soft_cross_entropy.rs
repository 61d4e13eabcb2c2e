//! Softmax and cross entropy on logits, with probabilities as targets.
//!
//! ```text
//!   q'_j = (1 - a) q_j + a / n          a: label smoothing
//!   value      sum_j w_j q'_j (log Z - (x_j - m))              m = max_j x_j, Z = sum_j e^(x_j - m)
//!   gradient   (sum_k w_k q'_k) e^(x_j - m) / Z - w_j q'_j
//!   divisor    rows
//! ```
//!
//! With one class certain this is [`CrossEntropy`](super::CrossEntropy), except that the mean is
//! divided by the number of rows whatever the weights.

use super::RowLoss;
use super::cross_entropy::check_smoothing;
use crate::activation::softmax::{exponentials, sum_of_exponentials};
use crate::error::{Result, check_len, check_shape};
use crate::math;
use crate::simd::slice::{self, Update, UpdateSum};
use crate::simd::{Portable, Simd};
use crate::tensor::View;

/// The cross entropy with probabilities: PyTorch's `cross_entropy` with such targets.
#[derive(Clone, Copy, Debug)]
pub struct SoftCrossEntropy<'a> {
    /// The probability of each class, in the shape of the logits. Rows need not sum to 1.
    pub probabilities: View<'a>,
    /// A weight for each class.
    pub weights: Option<&'a [f32]>,
    /// The share of each target that is spread over all classes; from 0 to 1.
    pub label_smoothing: f32,
}

impl<'a> SoftCrossEntropy<'a> {
    /// Without weights and smoothing.
    pub fn new(probabilities: View<'a>) -> Self {
        Self { probabilities, weights: None, label_smoothing: 0.0 }
    }

    /// The loss of a row with `log Z`, the largest logit and the sums of [`Terms`].
    #[inline(always)]
    fn loss(sum: f32, total: f32, along: f32) -> f64 {
        let [log] = math::log(Portable::<1>, [sum]);
        f64::from(total) * f64::from(log) - f64::from(along)
    }

    /// `sum_j w_j q'_j` and `sum_j w_j q'_j (x_j - m)`.
    #[inline(always)]
    fn sums<S: Simd>(&self, s: S, q: &[f32], x: &[f32], max: f32) -> (f32, f32) {
        let target = self.target(q.len());
        match self.weights {
            None => (
                slice::update_sum(s, &target, [q], []),
                slice::update_sum(s, &Along(target, max), [q, x], []),
            ),
            Some(w) => (
                slice::update_sum(s, &target, [q, w], []),
                slice::update_sum(s, &Along(target, max), [q, x, w], []),
            ),
        }
    }

    #[inline(always)]
    fn target(&self, classes: usize) -> Smoothed {
        let a = f64::from(self.label_smoothing);
        Smoothed { kept: (1.0 - a) as f32, spread: (a / classes as f64) as f32 }
    }

    #[inline(always)]
    fn row(&self, row: usize) -> &'a [f32] {
        self.probabilities.row(row).unwrap_or(&[])
    }
}

impl RowLoss for SoftCrossEntropy<'_> {
    fn check(&self, shape: (usize, usize)) -> Result<()> {
        check_shape("target", shape, self.probabilities.shape())?;
        if let Some(weights) = self.weights {
            check_len("weights", shape.1, weights.len())?;
        }
        check_smoothing(self.label_smoothing)
    }

    #[inline(always)]
    fn row_value<S: Simd>(&self, s: S, row: usize, x: &[f32]) -> f64 {
        let (max, sum) = sum_of_exponentials(s, x);
        let (total, along) = self.sums(s, self.row(row), x, max);
        Self::loss(sum, total, along)
    }

    #[inline(always)]
    fn row_gradient<S: Simd>(&self, s: S, row: usize, x: &mut [f32], factor: f32) -> f64 {
        let q = self.row(row);
        let (total, along) = self.sums(s, q, x, slice::max(s, x));
        let (_, sum) = exponentials(s, x);
        let kernel =
            Difference { scale: total * factor / sum, factor, target: self.target(q.len()) };
        match self.weights {
            None => slice::update(s, &kernel, [q], [x]),
            Some(w) => slice::update(s, &kernel, [q, w], [x]),
        }
        Self::loss(sum, total, along)
    }
}

/// `q' = kept q + spread`
#[derive(Clone, Copy)]
struct Smoothed {
    kept: f32,
    spread: f32,
}

impl Smoothed {
    #[inline(always)]
    fn of<S: Simd>(&self, s: S, q: S::F32) -> S::F32 {
        s.mul_add(s.splat(self.kept), q, s.splat(self.spread))
    }
}

impl UpdateSum<1, 0> for Smoothed {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [q]: [S::F32; 1], _: [S::F32; 0]) -> ([S::F32; 0], S::F32) {
        ([], self.of(s, q))
    }
}

impl UpdateSum<2, 0> for Smoothed {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [q, w]: [S::F32; 2], _: [S::F32; 0]) -> ([S::F32; 0], S::F32) {
        ([], s.mul(w, self.of(s, q)))
    }
}

/// `w q' (x - m)`
struct Along(Smoothed, f32);

impl UpdateSum<2, 0> for Along {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [q, x]: [S::F32; 2], _: [S::F32; 0]) -> ([S::F32; 0], S::F32) {
        ([], s.mul(self.0.of(s, q), s.sub(x, s.splat(self.1))))
    }
}

impl UpdateSum<3, 0> for Along {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [q, x, w]: [S::F32; 3], _: [S::F32; 0]) -> ([S::F32; 0], S::F32) {
        ([], s.mul(s.mul(w, self.0.of(s, q)), s.sub(x, s.splat(self.1))))
    }
}

/// `e scale - w q' factor`
struct Difference {
    scale: f32,
    factor: f32,
    target: Smoothed,
}

impl Update<1, 1> for Difference {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [q]: [S::F32; 1], [e]: [S::F32; 1]) -> [S::F32; 1] {
        let target = s.mul(self.target.of(s, q), s.splat(self.factor));
        [s.sub(s.mul(e, s.splat(self.scale)), target)]
    }
}

impl Update<2, 1> for Difference {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [q, w]: [S::F32; 2], [e]: [S::F32; 1]) -> [S::F32; 1] {
        let target = s.mul(s.mul(w, self.target.of(s, q)), s.splat(self.factor));
        [s.sub(s.mul(e, s.splat(self.scale)), target)]
    }
}

//! Softmax and cross entropy on logits, with class ids as targets.
//!
//! ```text
//!   m = max_j x_j     e_j = exp(x_j - m)     Z = sum_j e_j           for each row
//!   value      (1 - a) w_y l_y + a / n sum_j w_j l_j                  l_j = log Z - (x_j - m)
//!   gradient   c e_j / Z - (1 - a) w_y [j = y] - a / n w_j            c = (1 - a) w_y + a / n sum w
//!   divisor    sum over rows of w_y
//! ```
//!
//! w are class weights and a is the label smoothing. Without them the gradient of a row is its
//! softmax, less 1 at the right class.
//!
//! `log softmax` is never formed by itself: `log Z` is at least 0 and the rest exact, so nothing
//! cancels and nothing overflows. A row with NaN or +infinity gives NaN, as in PyTorch.

use super::classes::Classes;
use super::narrow::{self, WIDEST};
use super::{RowLoss, SoftCrossEntropy};
use crate::activation::softmax::{Scale, exponentials, sum_of_exponentials};
use crate::error::{Error, Result};
use crate::math;
use crate::simd::slice::{self, Unary, Update, UpdateSum};
use crate::simd::{Portable, Simd};
use crate::tensor::{View, ViewMut};

/// The cross entropy with class ids: PyTorch's `cross_entropy`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossEntropy<'a> {
    /// The id of the right class of each row.
    pub classes: &'a [u32],
    /// A weight for each class, by which the mean is divided too.
    pub weights: Option<&'a [f32]>,
    /// Rows with this id, which may be that of no class, have no loss and no gradient. PyTorch's
    /// is -100, which is `(-100_i32) as u32` here.
    pub ignore_index: Option<u32>,
    /// The share of each target that is spread over all classes; from 0 to 1.
    pub label_smoothing: f32,
}

/// What [`Loss`](super::Loss) holds of the settings of a cross entropy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropyOptions {
    /// See [`CrossEntropy::label_smoothing`].
    pub label_smoothing: f32,
    /// See [`CrossEntropy::ignore_index`]; of no meaning for probabilities.
    pub ignore_index: Option<u32>,
}

impl CrossEntropyOptions {
    /// The cross entropy with class ids.
    pub fn with(self, classes: &[u32]) -> CrossEntropy<'_> {
        let Self { label_smoothing, ignore_index } = self;
        CrossEntropy { label_smoothing, ignore_index, ..CrossEntropy::new(classes) }
    }

    /// The cross entropy with probabilities.
    pub fn with_soft(self, probabilities: View<'_>) -> SoftCrossEntropy<'_> {
        let label_smoothing = self.label_smoothing;
        SoftCrossEntropy { label_smoothing, ..SoftCrossEntropy::new(probabilities) }
    }
}

impl<'a> CrossEntropy<'a> {
    /// Without weights and smoothing; no row is ignored.
    pub fn new(classes: &'a [u32]) -> Self {
        Self { classes, weights: None, ignore_index: None, label_smoothing: 0.0 }
    }

    #[inline(always)]
    fn targets(&self) -> Classes<'_> {
        Classes { ids: self.classes, weights: self.weights, ignore_index: self.ignore_index }
    }

    /// Whether rows can be taken several at a time.
    #[inline(always)]
    fn is_narrow(&self, cols: usize) -> bool {
        let has_options = self.weights.is_some() || self.ignore_index.is_some();
        cols <= WIDEST && !has_options && self.label_smoothing == 0.0
    }

    /// `a / n`
    #[inline(always)]
    fn spread(&self, classes: usize) -> f64 {
        f64::from(self.label_smoothing) / classes as f64
    }

    /// `a / n sum_j w_j` and `a / n sum_j w_j (x_j - m)`.
    #[inline(always)]
    fn smoothing<S: Simd>(&self, s: S, x: &[f32], max: f32) -> (f64, f64) {
        if self.label_smoothing == 0.0 {
            return (0.0, 0.0);
        }
        let spread = self.spread(x.len());
        let (weights, below) = match self.weights {
            None => (x.len() as f64, slice::sum(s, &Below(max), x)),
            Some(w) => {
                let total = slice::sum(s, &slice::Same, w);
                (f64::from(total), slice::update_sum(s, &Below(max), [x, w], []))
            }
        };
        (spread * weights, spread * f64::from(below))
    }
}

/// A row's loss: `c log Z - (1 - a) w_y (x_y - m) - a / n sum_j w_j (x_j - m)`.
#[inline(always)]
fn loss(sum: f32, own: f64, right_below_max: f32, (spread, below): (f64, f64)) -> f64 {
    // The same code at every level, one element wide.
    let [log] = math::log(Portable::<1>, [sum]);
    (own + spread) * f64::from(log) - own * f64::from(right_below_max) - below
}

impl RowLoss for CrossEntropy<'_> {
    fn check(&self, shape: (usize, usize)) -> Result<()> {
        check_smoothing(self.label_smoothing)?;
        self.targets().check(shape)
    }

    fn divisor(&self, _: usize) -> f64 {
        self.targets().divisor()
    }

    #[inline(always)]
    fn row_value<S: Simd>(&self, s: S, row: usize, x: &[f32]) -> f64 {
        let Some((class, weight)) = self.targets().of_row(row) else { return 0.0 };
        let own = (1.0 - f64::from(self.label_smoothing)) * weight;
        let (max, sum) = sum_of_exponentials(s, x);
        loss(sum, own, x[class] - max, self.smoothing(s, x, max))
    }

    #[inline(always)]
    fn row_gradient<S: Simd>(&self, s: S, row: usize, x: &mut [f32], factor: f32) -> f64 {
        let Some((class, weight)) = self.targets().of_row(row) else {
            x.fill(0.0);
            return 0.0;
        };
        let own = (1.0 - f64::from(self.label_smoothing)) * weight;
        let right = x[class];
        let (mut smoothing, mut shift) = ((0.0, 0.0), 0.0);
        if self.label_smoothing != 0.0 {
            smoothing = self.smoothing(s, x, slice::max(s, x));
            shift = self.spread(x.len()) as f32 * factor;
        }
        let (max, sum) = exponentials(s, x);
        let scale = (own + smoothing.0) as f32 * factor / sum;
        match self.weights {
            _ if shift == 0.0 => slice::update(s, &Scale(scale), [], [&mut *x]),
            None => slice::update(s, &ScaleAndShift(scale, shift), [], [&mut *x]),
            Some(w) => slice::update(s, &ScaleAndShift(scale, shift), [w], [&mut *x]),
        }
        x[class] -= own as f32 * factor;
        loss(sum, own, right - max, smoothing)
    }

    #[inline(always)]
    fn block_value<S: Simd>(&self, s: S, first: usize, block: View<'_>) -> f64 {
        if self.is_narrow(block.cols()) {
            return narrow::value(s, &self.classes[first..], block);
        }
        let mut sum = 0.0;
        for (i, x) in block.iter_rows().enumerate() {
            sum += self.row_value(s, first + i, x);
        }
        sum
    }

    #[inline(always)]
    fn block_gradient<S: Simd>(
        &self,
        s: S,
        first: usize,
        mut block: ViewMut<'_>,
        factor: f32,
    ) -> f64 {
        if self.is_narrow(block.cols()) {
            return narrow::gradient(s, &self.classes[first..], block, factor);
        }
        let mut sum = 0.0;
        for i in 0..block.rows() {
            let x = block.row_mut(i).unwrap_or_default();
            sum += self.row_gradient(s, first + i, x, factor);
        }
        sum
    }
}

/// Ok if targets can be smoothed by that share.
pub(super) fn check_smoothing(share: f32) -> Result<()> {
    let (expected, found) = ("a number from 0 to 1", f64::from(share));
    let error = Error::Value { argument: "label_smoothing", expected, found };
    if (0.0..=1.0).contains(&share) { Ok(()) } else { Err(error) }
}

/// `x - m`, times the weight.
struct Below(f32);

impl Unary for Below {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        s.sub(x, s.splat(self.0))
    }
}

impl UpdateSum<2, 0> for Below {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, w]: [S::F32; 2], _: [S::F32; 0]) -> ([S::F32; 0], S::F32) {
        ([], s.mul(w, Unary::eval(self, s, x)))
    }
}

/// `e scale - w shift`
struct ScaleAndShift(f32, f32);

impl Update<0, 1> for ScaleAndShift {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, _: [S::F32; 0], [e]: [S::F32; 1]) -> [S::F32; 1] {
        [s.sub(s.mul(e, s.splat(self.0)), s.splat(self.1))]
    }
}

impl Update<1, 1> for ScaleAndShift {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [w]: [S::F32; 1], [e]: [S::F32; 1]) -> [S::F32; 1] {
        [s.sub(s.mul(e, s.splat(self.0)), s.mul(w, s.splat(self.1)))]
    }
}

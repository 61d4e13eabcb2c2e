//! The multi-class hinge loss.
//!
//! ```text
//!   value      w_y / n  sum over j != y of h_j^p          h_j = max(0, margin - x_y + x_j)
//!   gradient   g_j = w_y / n  p h_j^(p - 1)  if h_j > 0,  g_y = -sum over j != y of g_j
//!   divisor    rows
//! ```

use super::classes::Classes;
use super::{RowLoss, check_finite};
use crate::error::{Error, Result};
use crate::simd::Simd;
use crate::simd::slice::{self, Unary, UpdateSum};

/// How far the right answer must be ahead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Margin {
    /// The power of what is missing: 1 or 2.
    pub p: u32,
    /// From where on an answer is right enough; finite.
    pub margin: f32,
}

impl Default for Margin {
    /// `p` 1, `margin` 1.
    fn default() -> Self {
        Self { p: 1, margin: 1.0 }
    }
}

/// The multi-class hinge loss: PyTorch's `multi_margin_loss`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiMargin<'a> {
    /// The id of the right class of each row.
    pub classes: &'a [u32],
    /// A weight for each class; the mean is divided by the number of rows nevertheless.
    pub weights: Option<&'a [f32]>,
    /// How far the right answer must be ahead.
    pub margin: Margin,
}

impl<'a> MultiMargin<'a> {
    /// With a margin of 1, not squared; without weights.
    pub fn new(classes: &'a [u32]) -> Self {
        Self { classes, weights: None, margin: Margin::default() }
    }

    #[inline(always)]
    fn targets(&self) -> Classes<'_> {
        Classes { ids: self.classes, weights: self.weights, ignore_index: None }
    }

    /// The missing part of each wrong class, the right class, and its weight.
    #[inline(always)]
    fn of_row(&self, row: usize, x: &[f32]) -> (Missing, usize, f64) {
        let (class, weight) = self.targets().of_row(row).unwrap_or_default();
        let limit = self.margin.margin - x[class];
        (
            Missing { limit, squared: self.margin.p == 2, factor: 0.0 },
            class,
            weight / x.len() as f64,
        )
    }
}

impl RowLoss for MultiMargin<'_> {
    fn check(&self, shape: (usize, usize)) -> Result<()> {
        let found = f64::from(self.margin.p);
        if !(1..=2).contains(&self.margin.p) {
            return Err(Error::Value { argument: "p", expected: "1 or 2", found });
        }
        check_finite("margin", &[self.margin.margin])?;
        self.targets().check(shape)
    }

    #[inline(always)]
    fn row_value<S: Simd>(&self, s: S, row: usize, x: &[f32]) -> f64 {
        let (missing, class, weight) = self.of_row(row, x);
        let below = slice::sum(s, &missing, &x[..class]);
        let above = slice::sum(s, &missing, &x[class + 1..]);
        weight * (f64::from(below) + f64::from(above))
    }

    #[inline(always)]
    fn row_gradient<S: Simd>(&self, s: S, row: usize, x: &mut [f32], factor: f32) -> f64 {
        let (missing, class, weight) = self.of_row(row, x);
        let kernel = Missing { factor: weight as f32 * factor, ..missing };
        let (below, rest) = x.split_at_mut(class);
        let Some((right, above)) = rest.split_first_mut() else { return 0.0 };
        let mut loss = 0.0;
        let mut slope = 0.0;
        for wrong in [below, above] {
            loss += f64::from(slice::update_sum(s, &kernel, [], [&mut *wrong]));
            slope += slice::sum(s, &slice::Same, wrong);
        }
        *right = -slope;
        weight * loss
    }
}

/// `h^p` of a wrong class, for `h = max(0, limit + x)`, and its slope times the factor.
#[derive(Clone, Copy)]
struct Missing {
    limit: f32,
    squared: bool,
    factor: f32,
}

impl Unary for Missing {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        // The sum is second, so that a NaN survives.
        let h = s.max(s.splat(0.0), s.add(s.splat(self.limit), x));
        if self.squared { s.mul(h, h) } else { h }
    }
}

impl UpdateSum<0, 1> for Missing {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, _: [S::F32; 0], [x]: [S::F32; 1]) -> ([S::F32; 1], S::F32) {
        let zero = s.splat(0.0);
        let h = s.max(zero, s.add(s.splat(self.limit), x));
        let slope = if self.squared {
            s.mul(s.add(h, h), s.splat(self.factor))
        } else {
            s.select(s.le(h, zero), zero, s.splat(self.factor))
        };
        ([slope], Unary::eval(self, s, x))
    }
}

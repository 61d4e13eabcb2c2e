//! The negative log-likelihood of class ids.
//!
//! ```text
//!   value      -w_y x_y                          x: log-probabilities, w: class weights
//!   gradient   dL/dx_y = -w_y, all others 0
//!   divisor    sum over rows of w_y
//! ```

use super::RowLoss;
use super::classes::Classes;
use crate::error::Result;
use crate::simd::Simd;

/// The negative log-likelihood: PyTorch's `nll_loss`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nll<'a> {
    /// The id of the right class of each row.
    pub classes: &'a [u32],
    /// A weight for each class, by which the mean is divided too.
    pub weights: Option<&'a [f32]>,
    /// Rows with this id, which may be that of no class, have no loss and no gradient.
    pub ignore_index: Option<u32>,
}

impl<'a> Nll<'a> {
    /// Without weights; no row is ignored.
    pub fn new(classes: &'a [u32]) -> Self {
        Self { classes, weights: None, ignore_index: None }
    }

    #[inline(always)]
    fn targets(&self) -> Classes<'_> {
        Classes { ids: self.classes, weights: self.weights, ignore_index: self.ignore_index }
    }
}

impl RowLoss for Nll<'_> {
    fn check(&self, shape: (usize, usize)) -> Result<()> {
        self.targets().check(shape)
    }

    fn divisor(&self, _: usize) -> f64 {
        self.targets().divisor()
    }

    #[inline(always)]
    fn row_value<S: Simd>(&self, _: S, row: usize, x: &[f32]) -> f64 {
        let loss = |(class, weight): (usize, f64)| -weight * f64::from(x[class]);
        self.targets().of_row(row).map_or(0.0, loss)
    }

    #[inline(always)]
    fn row_gradient<S: Simd>(&self, s: S, row: usize, x: &mut [f32], factor: f32) -> f64 {
        let loss = self.row_value(s, row, x);
        x.fill(0.0);
        if let Some((class, weight)) = self.targets().of_row(row) {
            x[class] = -(weight as f32) * factor;
        }
        loss
    }
}

//! Squared error.
//!
//! ```text
//!   value      d^2        d = x - t
//!   slope      2 d
//! ```

use super::ElementLoss;
use crate::simd::Simd;

/// `(x - t)^2`: PyTorch's `mse_loss`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SquaredError;

impl ElementLoss for SquaredError {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        let d = s.sub(x, t);
        (s.mul(d, d), s.add(d, d))
    }
}

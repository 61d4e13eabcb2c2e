//! Absolute error.
//!
//! ```text
//!   value      |d|        d = x - t
//!   slope      sign d     0 at 0
//! ```

use super::ElementLoss;
use crate::simd::Simd;

/// `|x - t|`: PyTorch's `l1_loss`, the mean absolute error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AbsoluteError;

impl ElementLoss for AbsoluteError {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        let d = s.sub(x, t);
        let size = s.abs(d);
        // Zero and NaN are their own slopes.
        let has_sign = s.lt(s.splat(0.0), size);
        (size, s.select(has_sign, s.copysign(s.splat(1.0), d), d))
    }
}

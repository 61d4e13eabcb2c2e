//! Binary cross entropy of probabilities.
//!
//! ```text
//!   value      -(t max(log x, -100) + (1 - t) max(log(1 - x), -100))
//!   slope      (x - t) / max(x (1 - x), 1e-12)
//! ```
//!
//! The limits keep value and slope finite at 0 and 1, and are those of PyTorch. Logits in the place
//! of probabilities need no limits: see
//! [`BinaryCrossEntropyWithLogits`](super::BinaryCrossEntropyWithLogits).

use super::ElementLoss;
use crate::math;
use crate::simd::Simd;

/// The cross entropy of probabilities x, from 0 to 1, and targets t, from 0 to 1: PyTorch's
/// `binary_cross_entropy`. A probability outside gives NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BinaryCrossEntropy;

/// The least logarithm.
const LEAST_LOG: f32 = -100.0;
/// The least divisor of the slope.
const LEAST_DIVISOR: f32 = 1e-12;

impl ElementLoss for BinaryCrossEntropy {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        let one = s.splat(1.0);
        // `x` is second, so that a NaN survives.
        let log = s.max(s.splat(LEAST_LOG), math::log(s, x));
        let log_of_rest = s.max(s.splat(LEAST_LOG), math::log1p(s, s.neg(x)));
        let value = s.mul_add(t, log, s.mul(s.sub(one, t), log_of_rest));
        let divisor = s.max(s.splat(LEAST_DIVISOR), s.mul(x, s.sub(one, x)));
        (s.neg(value), s.div(s.sub(x, t), divisor))
    }
}

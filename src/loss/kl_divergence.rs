//! The Kullback-Leibler divergence from log-probabilities x to probabilities p.
//!
//! ```text
//!   value      p (log p - x)     0 where p = 0          p = t, or e^t with log_target
//!   slope      -p
//! ```
//!
//! The divergence of a row's distributions is the sum over the row: that of a batch is
//! [`Reduction::BatchMean`](super::Reduction::BatchMean). The mean over elements, PyTorch's default,
//! is smaller by the number of columns.

use super::ElementLoss;
use crate::math;
use crate::simd::Simd;

/// `t (log t - x)` for log-probabilities x: PyTorch's `kl_div`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KlDivergence {
    /// Whether targets are log-probabilities too.
    pub log_target: bool,
}

impl ElementLoss for KlDivergence {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        let zero = s.splat(0.0);
        let (p, log_p) = if self.log_target { (math::exp(s, t), t) } else { (t, math::log(s, t)) };
        let value = s.mul(p, s.sub(log_p, x));
        // Where p is 0 one of the factors above may be infinite; a NaN stays.
        let none = s.select(s.is_nan(x), x, zero);
        (s.select(s.le(s.abs(p), zero), none, value), s.neg(p))
    }
}

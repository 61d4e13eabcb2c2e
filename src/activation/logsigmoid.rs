//! `f(z) = log(1 / (1 + e^-z))`, `f' = 1 - e^y`.

use super::ActivationFn;
use crate::math;
use crate::simd::Simd;

/// The logarithm of the logistic function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogSigmoid;

impl LogSigmoid {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        (z.min(0.0) - (-z.abs()).exp().ln_1p(), 1.0 / (1.0 + z.exp()))
    }
}

impl ActivationFn for LogSigmoid {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::log_sigmoid(s, z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        s.neg(math::expm1_nonpositive(s, y))
    }
}

//! The logarithm of the hyperbolic cosine: a parabola near 0, straight lines far from it.
//!
//! ```text
//!   value      |d| + log(1 + e^(-2 |d|)) - log 2       |d| >= 1          d = x - t
//!              -log(1 - tanh^2 d) / 2                  elsewhere
//!   slope      tanh d
//! ```
//!
//! The two lines are the same number. The first cancels near 0 and the second far from it.

use core::f32::consts::LN_2;

use super::ElementLoss;
use crate::math;
use crate::simd::Simd;

/// `log cosh(x - t)`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogCosh;

impl ElementLoss for LogCosh {
    #[inline(always)]
    fn value_and_slope<S: Simd>(&self, s: S, x: S::F32, t: S::F32) -> (S::F32, S::F32) {
        let d = s.sub(x, t);
        let (size, slope) = (s.abs(d), math::tanh(s, d));
        let is_near = s.lt(size, s.splat(1.0));
        let e = math::exp_nonpositive(s, s.mul(s.splat(-2.0), size));
        let log = math::log1p(s, s.select(is_near, s.neg(s.mul(slope, slope)), e));
        let far = s.add(size, s.sub(log, s.splat(LN_2)));
        (s.select(is_near, s.mul(s.splat(-0.5), log), far), slope)
    }
}

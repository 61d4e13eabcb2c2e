//! Softplus on both sides of 0, of which several losses are made.

use crate::math;
use crate::simd::Simd;

/// Of `x`: `log(1 + e^x)`, `log(1 + e^-x)`, and their slopes `1 / (1 + e^-x)` and, with respect to
/// `-x`, `1 / (1 + e^x)`, from one exponential that never overflows.
pub(super) struct Softplus<V> {
    pub of_x: V,
    pub of_minus_x: V,
    pub slope: V,
    pub slope_at_minus_x: V,
}

/// See [`Softplus`]. Each of the four has full relative accuracy, however small it is.
#[inline(always)]
pub(super) fn softplus<S: Simd>(s: S, x: S::F32) -> Softplus<S::F32> {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    let e = math::exp_nonpositive(s, s.neg(s.abs(x)));
    let log = math::log1p(s, e);
    let large = s.div(one, s.add(one, e));
    let small = s.mul(e, large);
    let is_negative = s.lt(x, zero);
    Softplus {
        // `x` is second, so that a NaN survives.
        of_x: s.add(s.max(zero, x), log),
        of_minus_x: s.add(s.max(zero, s.neg(x)), log),
        slope: s.select(is_negative, small, large),
        slope_at_minus_x: s.select(is_negative, large, small),
    }
}

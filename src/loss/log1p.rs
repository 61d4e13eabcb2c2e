//! `log(1 + e)`, from which all logarithms of sums of exponentials are made.

use crate::math;
use crate::simd::Simd;

/// `log(1 + y)` for `y > -1`, and negative infinity at -1; a few ulp everywhere.
///
/// `u = 1 + y` is rounded, so that `log(u)` belongs to another `y`, which is `u - 1`, exactly. But
/// `log(1 + y) / y` hardly changes between the two, hence `log(u) y / (u - 1)` (W. Kahan's remedy;
/// D. Goldberg, "What every computer scientist should know about floating-point arithmetic", 1991,
/// theorem 4).
#[inline(always)]
pub(super) fn log1p<S: Simd>(s: S, y: S::F32) -> S::F32 {
    let one = s.splat(1.0);
    let u = s.add(one, y);
    let ratio = s.div(y, s.sub(u, one));
    // Where 1 + y is 1, the result is y, and the ratio 0 / 0.
    let is_small = s.le(s.abs(y), s.splat(f32::EPSILON / 4.0));
    s.select(is_small, y, s.mul(math::log(s, u), ratio))
}

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
    let log = log1p(s, e);
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

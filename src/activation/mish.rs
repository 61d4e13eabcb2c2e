//! `f(z) = z t`, `f'(z) = t + z s (1 - t^2)` with `t = tanh(log(1 + e^z))`, `s = 1 / (1 + e^-z)`
//! (Misra 2019).

use super::{ActivationFn, Reads};
use crate::math;
use crate::simd::Simd;

/// `z` times the hyperbolic tangent of its softplus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mish;

impl Mish {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let s = 1.0 / (1.0 + (-z).exp());
        // n (n + 2) is e^2p - 1 for the softplus p; from 20 on t is 1.
        let n = z.min(20.0).exp();
        let t = n * (n + 2.0) / (n * (n + 2.0) + 2.0);
        (z * t, t + z * s * (1.0 - t * t))
    }
}

impl ActivationFn for Mish {
    const READS: Reads = Reads::Input;

    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::mish(s, z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::mish_derivative(s, z)
    }
}

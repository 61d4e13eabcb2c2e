//! `f(z) = z (1 + t) / 2` with `t = tanh(u)`, `u = k (z + c z^3)`, `k = sqrt(2 / pi)`, `c = 0.044715`
//! (Hendrycks and Gimpel 2016): GELU without the error function.
//!
//! ```text
//!   f'(z) = (1 + t) / 2 + z (1 - t^2) k (1 + 3 c z^2) / 2
//! ```

use super::{ActivationFn, Reads};
use crate::math;
use crate::simd::Simd;

/// PyTorch's `gelu` with `approximate="tanh"`, JAX's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GeluTanh;

impl GeluTanh {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let (k, c) = ((2.0 / core::f64::consts::PI).sqrt(), 0.044715);
        let t = (k * (z + c * z * z * z)).tanh();
        let slope = 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * k * (1.0 + 3.0 * c * z * z);
        (0.5 * z * (1.0 + t), slope)
    }
}

impl ActivationFn for GeluTanh {
    const READS: Reads = Reads::Input;

    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::gelu_tanh(s, z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::gelu_tanh_derivative(s, z)
    }
}

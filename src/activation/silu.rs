//! `f(z) = z s`, `f'(z) = s (1 + z (1 - s))` with `s = 1 / (1 + e^-z)`
//! (Elfwing, Uchibe and Doya 2018; Ramachandran, Zoph and Le 2017).

use super::{ActivationFn, Reads};
use crate::math;
use crate::simd::Simd;

/// `z` times its sigmoid; also called swish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silu;

impl Silu {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let s = 1.0 / (1.0 + (-z).exp());
        (z * s, s * (1.0 + z * (1.0 - s)))
    }
}

impl ActivationFn for Silu {
    const READS: Reads = Reads::Input;

    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::silu(s, z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::silu_derivative(s, z)
    }
}

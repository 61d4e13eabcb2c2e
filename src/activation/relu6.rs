//! `f(z) = min(max(z, 0), 6)`, `f' = 1 if 0 < y < 6 else 0` (Krizhevsky 2010).
//!
//! The derivative is 0 at both ends and 1 at NaN, as in PyTorch.

use super::{ActivationFn, Hardtanh};
use crate::simd::Simd;

/// ReLU cut off at 6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relu6;

const AS_HARDTANH: Hardtanh = Hardtanh { min: 0.0, max: 6.0 };

impl Relu6 {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        AS_HARDTANH.exact(z)
    }
}

impl ActivationFn for Relu6 {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        AS_HARDTANH.f(s, z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        AS_HARDTANH.df(s, y)
    }
}

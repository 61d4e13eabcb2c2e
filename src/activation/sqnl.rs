//! The square nonlinearity (Wuraola and Patel 2018): a sigmoid of two parabolas.
//!
//! ```text
//!   f(z) = z - z |z| / 4     f'(z) = 1 - |z| / 2        for |z| <= 2
//!   f(z) = sign(z)           f'(z) = 0                  beyond
//! ```

use super::{ActivationFn, Reads};
use crate::simd::Simd;

/// `z - z |z| / 4` up to 2, where it reaches 1 and stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sqnl;

impl Sqnl {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let z = z.clamp(-2.0, 2.0);
        (z - z * z.abs() / 4.0, 1.0 - z.abs() / 2.0)
    }
}

impl ActivationFn for Sqnl {
    /// From y it would be `sqrt(1 - |y|)`, which loses half of the digits close to 1.
    const READS: Reads = Reads::Input;

    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        let z = s.max(s.splat(-2.0), s.min(s.splat(2.0), z));
        s.neg_mul_add(s.mul(z, s.splat(0.25)), s.abs(z), z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        let size = s.min(s.splat(2.0), s.abs(z));
        s.neg_mul_add(size, s.splat(0.5), s.splat(1.0))
    }
}

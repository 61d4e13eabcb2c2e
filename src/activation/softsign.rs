//! `f(z) = z / (1 + |z|)`, `f' = (1 - |y|)^2 = 1 / (1 + |z|)^2` (Bergstra et al. 2009).

use super::{ActivationFn, Reads};
use crate::simd::Simd;

/// `z / (1 + |z|)`, from -1 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Softsign;

impl Softsign {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let d = 1.0 + z.abs();
        (if z.is_infinite() { z.signum() } else { z / d }, 1.0 / (d * d))
    }
}

impl ActivationFn for Softsign {
    /// From y the derivative would lose its digits where y is close to 1, which it approaches slowly.
    const READS: Reads = Reads::Input;

    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        // From 2^25 on the result is 1: infinity is not divided by itself.
        let most = s.splat((1 << 25) as f32);
        let z = s.max(s.neg(most), s.min(most, z));
        s.div(z, s.add(s.splat(1.0), s.abs(z)))
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        let d = s.div(s.splat(1.0), s.add(s.splat(1.0), s.abs(z)));
        s.mul(d, d)
    }
}

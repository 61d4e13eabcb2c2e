//! `f(z) = S (z if z > 0 else A (e^z - 1))`, `f' = S if y > 0 else y + S A` (Klambauer et al. 2017).
//!
//! A and S are such that means of 0 and variances of 1 pass through layers whose weights start as
//! `Init::LecunNormal`. At 0 the derivative is S A, as in PyTorch.

use super::ActivationFn;
use crate::math;
use crate::simd::Simd;

/// The self-normalising exponential linear unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selu;

const A: f64 = 1.673_263_242_354_377_3;
const S: f64 = 1.050_700_987_355_480_5;

impl Selu {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        if z > 0.0 { (S * z, S) } else { (S * A * z.exp_m1(), S * A * z.exp()) }
    }
}

impl ActivationFn for Selu {
    #[inline(always)]
    fn f<V: Simd>(&self, v: V, z: V::F32) -> V::F32 {
        let above = v.mul(v.splat(S as f32), z);
        let below = v.mul(v.splat((S * A) as f32), math::expm1_nonpositive(v, z));
        v.select(v.gt(z, v.splat(0.0)), above, below)
    }

    #[inline(always)]
    fn df<V: Simd>(&self, v: V, y: V::F32) -> V::F32 {
        let below = v.add(y, v.splat((S * A) as f32));
        v.select(v.le(y, v.splat(0.0)), below, v.splat(S as f32))
    }
}

//! `f(z) = log(1 + e^(b z)) / b`, z itself where `b z` is above a threshold; `f' = 1 / (1 + e^(-b z))`,
//! or 1 (Dugas et al. 2001).

use super::{ActivationFn, Reads};
use crate::error::{Error, Result};
use crate::math;
use crate::simd::Simd;

/// A smooth ReLU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softplus {
    /// b, positive: 1. The larger, the sharper.
    pub beta: f32,
    /// Where `b z` is above it, f is z: 20.
    pub threshold: f32,
}

impl Softplus {
    /// With PyTorch's beta, 1, and threshold, 20.
    pub const DEFAULT: Self = Self { beta: 1.0, threshold: 20.0 };

    pub(super) fn check(&self) -> Result<()> {
        if self.threshold.is_nan() {
            let (expected, found) = ("a number", self.threshold.into());
            return Err(Error::Value { argument: "threshold", expected, found });
        }
        if self.beta > 0.0 && self.beta.is_finite() && self.beta.recip().is_finite() {
            return Ok(());
        }
        let expected = "a finite number above 0";
        Err(Error::Value { argument: "beta", expected, found: self.beta.into() })
    }

    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let b = f64::from(self.beta);
        if b * z > f64::from(self.threshold) {
            return (z, 1.0);
        }
        (z.max(0.0) + (-(b * z).abs()).exp().ln_1p() / b, 1.0 / (1.0 + (-b * z).exp()))
    }
}

/// From this `b z` on both functions round to the z and the 1 that a threshold asks for, `e^-17` being
/// below half the last place: no threshold from here on need be looked for.
const ROUNDED: f32 = 17.0;

impl ActivationFn for Softplus {
    /// y does not say on which side of the threshold z was, where f jumps.
    const READS: Reads = Reads::Input;

    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        let y = math::softplus_beta(s, z, self.beta);
        if self.threshold >= ROUNDED {
            return y;
        }
        let above = s.gt(s.mul(s.splat(self.beta), z), s.splat(self.threshold));
        s.select(above, z, y)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        let bz = s.mul(s.splat(self.beta), z);
        let slope = math::softplus_derivative(s, bz);
        if self.threshold >= ROUNDED {
            return slope;
        }
        s.select(s.gt(bz, s.splat(self.threshold)), s.splat(1.0), slope)
    }
}

//! `f(z) = z P(z)`, `f'(z) = P(z) + z p(z)` (Hendrycks and Gimpel 2016), with the distribution P and
//! the density p of the standard normal distribution.

use super::{ActivationFn, Reads};
use crate::math;
use crate::simd::Simd;

/// The Gaussian error linear unit, PyTorch's default form: `z (1 + erf(z / sqrt 2)) / 2`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gelu;

impl Gelu {
    pub(super) fn exact(&self, z: f64) -> (f64, f64) {
        let (above, density) = (normal_distribution(z), normal_density(z));
        (z * above, above + z * density)
    }
}

impl ActivationFn for Gelu {
    const READS: Reads = Reads::Input;
    const IS_LONG: bool = true;

    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::gelu(s, z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::gelu_derivative(s, z)
    }
}

fn normal_density(z: f64) -> f64 {
    (-z * z / 2.0).exp() / core::f64::consts::TAU.sqrt()
}

/// By the series `1/2 + p(z) (z + z^3/3 + z^5/15 + ...)`, whose terms have one sign, near 0; further
/// out by the continued fraction `p(z) / (z + 1/(z + 2/(z + 3/(z + ...))))` of what is left.
fn normal_distribution(z: f64) -> f64 {
    if z.abs() < 3.0 {
        let (mut term, mut sum, mut n) = (z, z, 3.0);
        while term.abs() > f64::EPSILON / 4.0 * sum.abs() {
            term *= z * z / n;
            sum += term;
            n += 2.0;
        }
        return 0.5 + normal_density(z) * sum;
    }
    let fraction = (1..=100).rev().fold(z.abs(), |below, n| z.abs() + f64::from(n) / below);
    let tail = normal_density(z) / fraction;
    if z < 0.0 { tail } else { 1.0 - tail }
}

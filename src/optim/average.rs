//! What rules share: the gradient that they descend, exponential averages, and the flush of
//! subnormal ones.
//!
//! ```text
//!   g <- -g if maximize, then g + wd p            the slope
//!   m <- m + (1 - b) (g - m)                      the average of g
//!   v <- b v + (1 - b) g^2                        the average of its squares
//!   1 - b^t                                       what their weights add up to after t steps
//! ```
//!
//! Arithmetic on subnormal numbers can be a hundred times slower, and an average whose gradients
//! have ceased would stay among them for ever: near 2^-149 it is rounded back to what it was. So m
//! becomes zero below the smallest normal number. v does only where epsilon is so large that no bit
//! of `sqrt(v) + eps` depends on it, as the default is. With a tiny epsilon, `m / (sqrt(v) + eps)`
//! with such a v is a step like any other, and without it an infinite one.

use super::rule::Strip;
use crate::simd::slice::Update;
use crate::simd::{Level, Simd};

/// The gradient with its sign and weight decay.
#[derive(Clone, Copy, Debug)]
pub struct Slope {
    sign: f32,
    weight_decay: f32,
}

impl Slope {
    pub fn new(maximize: bool, weight_decay: f64) -> Self {
        Self { sign: if maximize { -1.0 } else { 1.0 }, weight_decay: weight_decay as f32 }
    }

    /// Runs a kernel with this slope in place of the gradient. Where the two are the same, most of the
    /// time, the loop has no trace of it.
    pub fn run<const U: usize>(
        self,
        level: Level,
        kernel: &(impl Update<1, U> + Copy),
        strip: Strip<'_>,
    ) {
        if self.sign == 1.0 && self.weight_decay == 0.0 {
            strip.run(level, kernel);
        } else {
            strip.run(level, &Along { slope: self, kernel: *kernel });
        }
    }

    /// Without decay it is -g, also where p is infinite.
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, p: S::F32, g: S::F32) -> S::F32 {
        let g = s.mul(s.splat(self.sign), g);
        if self.weight_decay == 0.0 { g } else { s.mul_add(s.splat(self.weight_decay), p, g) }
    }
}

/// A kernel that gets the slope in place of the gradient.
#[derive(Clone, Copy)]
struct Along<K> {
    slope: Slope,
    kernel: K,
}

impl<K: Update<1, U>, const U: usize> Update<1, U> for Along<K> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], updated: [S::F32; U]) -> [S::F32; U] {
        self.kernel.eval(s, [self.slope.eval(s, updated[0], g)], updated)
    }
}

/// What decoupled weight decay leaves of a parameter, `1 - lr wd`.
pub fn kept(decoupled: bool, learning_rate: f64, weight_decay: f64) -> f32 {
    if decoupled { (1.0 - learning_rate * weight_decay) as f32 } else { 1.0 }
}

/// An exponential average of gradients.
#[derive(Clone, Copy, Debug)]
pub struct Mean {
    /// `1 - b`
    rest: f32,
}

impl Mean {
    pub fn new(beta: f64) -> Self {
        Self { rest: (1.0 - beta) as f32 }
    }

    #[inline(always)]
    pub fn eval<S: Simd>(&self, s: S, g: S::F32, m: S::F32) -> S::F32 {
        flush(s, s.mul_add(s.splat(self.rest), s.sub(g, m), m), f32::MIN_POSITIVE)
    }
}

/// An exponential average of squares.
#[derive(Clone, Copy, Debug)]
pub struct MeanSquare {
    beta: f32,
    /// `1 - b`
    rest: f32,
    /// It becomes zero below this.
    least: f32,
}

impl MeanSquare {
    /// One whose root is added to `epsilon`.
    pub fn beside_root(beta: f64, epsilon: f64) -> Self {
        Self::new(beta, f64::sqrt, epsilon)
    }

    /// One that is added to `epsilon` itself.
    pub fn beside(beta: f64, epsilon: f64) -> Self {
        Self::new(beta, |v| v, epsilon)
    }

    fn new(beta: f64, term: fn(f64) -> f64, epsilon: f64) -> Self {
        // What v lacks after flushing in all steps is at most the `sum of b^i 2^-126`. It is rounded
        // away where its term is below a quarter of the spacing of numbers beside epsilon.
        let lost = term(f64::from(f32::MIN_POSITIVE) / (1.0 - beta));
        let is_lost = lost <= 0.25 * f64::from(f32::EPSILON) * epsilon;
        let least = if is_lost { f32::MIN_POSITIVE } else { 0.0 };
        Self { beta: beta as f32, rest: (1.0 - beta) as f32, least }
    }

    #[inline(always)]
    pub fn eval<S: Simd>(&self, s: S, g: S::F32, v: S::F32) -> S::F32 {
        let square = s.mul(s.mul(s.splat(self.rest), g), g);
        flush(s, s.mul_add(s.splat(self.beta), v, square), self.least)
    }
}

/// An epsilon in f32 that is not 0. A zero beside a positive number changes nothing, and beside
/// none there is no division by zero: what has had no gradient yet, such as the gaps of an arena,
/// stays where it is.
pub fn positive(epsilon: f64) -> f32 {
    (epsilon as f32).max(f32::MIN_POSITIVE)
}

/// Zero where `|x|` is below `least`.
#[inline(always)]
pub fn flush<S: Simd>(s: S, x: S::F32, least: f32) -> S::F32 {
    // Compared as integers, for which Zen 3 has units beside those that multiply.
    let magnitude = s.and_i32(s.to_bits(x), s.splat_i32(i32::MAX));
    s.zero_where(s.lt_i32(magnitude, s.splat_i32(least.to_bits().cast_signed())), x)
}

/// 1 or -1, and x itself where it is zero or NaN.
#[inline(always)]
pub fn sign<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let zero = s.splat(0.0);
    let below = s.select(s.lt(x, zero), s.splat(-1.0), x);
    s.select(s.lt(zero, x), s.splat(1.0), below)
}

/// `1 - b^t`, the sum of the weights in an average of t steps. A step 0, which does not exist, is
/// taken for the first.
///
/// For `0 <= b < 1`, as all rules check, `b^t <= exp(-t (1 - b))`, and what is at most 2^-54 = exp(-37.43) takes
/// nothing off 1 when rounded: after so many steps the power, a third of what the step of a few parameters
/// costs, need not be computed. 38 leaves a factor of 1.7 for the roundings of [`power`].
pub fn correction(beta: f64, step: u64) -> f64 {
    if step as f64 * (1.0 - beta) > 38.0 {
        return 1.0;
    }
    1.0 - power(beta, step.max(1))
}

/// `x^n` by repeated squaring: the same bits on every platform, which `powi` does not promise.
pub fn power(mut x: f64, mut n: u64) -> f64 {
    let mut result = 1.0;
    while n > 0 {
        // Without a branch, whose way the bits of n make hard to predict.
        result *= if n & 1 == 1 { x } else { 1.0 };
        x *= x;
        n >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Portable;

    #[test]
    fn a_flush_is_zero_below_least_and_all_bits_elsewhere() {
        let magnitudes = [0, 1, 0x7f_ffff, 0x80_0000, 0x80_0001, 0x3f80_0000, 0x7f7f_ffff];
        let special = [0x7f80_0000, 0x7f80_0001, 0x7fc0_1234, 0x7fff_ffff];
        for bits in magnitudes.into_iter().chain(special).flat_map(|x| [x, x | 1 << 31]) {
            for least in [0.0, f32::MIN_POSITIVE] {
                let x = f32::from_bits(bits);
                let expected = if x.abs() < least { 0 } else { bits };
                let found = flush(Portable::<4>, [x; 4], least).map(f32::to_bits);
                assert_eq!(found, [expected; 4], "{x:e}, {bits:#x} at {least:e}");
            }
        }
    }

    #[test]
    fn a_correction_that_is_not_computed_is_one() {
        let betas = [0.0, 0.5, 0.9, 0.99, 0.999, 0.999_999, 1.0 - f64::EPSILON];
        let mut skipped = 0;
        for beta in betas {
            let last = (38.0 / (1.0 - beta)) as u64;
            for step in [0, 1, 2, last / 2, last - 1, last, last + 1, last + 2, 2 * last, u64::MAX]
            {
                assert_eq!(correction(beta, step), 1.0 - power(beta, step.max(1)), "{beta} {step}");
                skipped += u32::from(step as f64 * (1.0 - beta) > 38.0);
            }
        }
        assert!(skipped >= 3 * betas.len() as u32, "{skipped}");
    }
}

//! Dropout that keeps mean 0 and variance 1, for networks of SELUs (G. Klambauer, T. Unterthiner, A.
//! Mayr, S. Hochreiter, "Self-normalizing neural networks", NeurIPS 2017; `torch.nn.AlphaDropout`).
//!
//! ```text
//!   forward    y = a x + b     with probability 1 - p
//!              y = a d + b     with probability p: d = -scale alpha, the lowest value of SELU
//!              a = 1 / sqrt((1 - p) (1 + p d^2))     b = -a d p
//!   backward  dx = a dy, or 0 where x was dropped
//! ```
//!
//! With `p = 1` all is 0, as in PyTorch.

use super::mask::Mask;
use super::{Dropout, apply, check_probability, finish, for_each_part};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::gemm::{Epilogue, Finished};
use crate::simd::slice::Update;
use crate::simd::{Level, Simd, dispatch};
use crate::tensor::ViewMut;

/// `-scale alpha` of SELU.
const DROPPED: f64 = -1.050_700_987_355_480_5 * 1.673_263_242_354_377_2;

/// The choices of one forward pass and of its backward pass. As an [`Epilogue`] it is the forward
/// pass; see [`Dropout`].
///
/// ```
/// use densecore::{Cpu, ViewMut, dropout::AlphaDropout, rng::stream};
/// let dropout = AlphaDropout::new(0.5, 42, stream::DROPOUT)?;
/// let mut y = [0.25; 8];
/// dropout.forward_in_place(Cpu::detect(), ViewMut::new(2, 4, &mut y)?);
/// // a = 0.8864, b = 0.7792: the kept ones are 0.25 a + b, the others a d + b = -b.
/// assert!(y.iter().all(|y| (y - 1.0008).abs() < 1e-4 || (y + 0.7792).abs() < 1e-4));
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlphaDropout {
    /// Factors a and 0.
    mask: Mask,
    shift: Shift,
}

impl AlphaDropout {
    /// Drops with probability `p`, from stream `stream` of seed `seed`. Error:
    /// [`Value`](crate::Error::Value) names `p` if it is not from 0 to 1.
    pub fn new(p: f32, seed: u64, stream: u64) -> Result<Self> {
        let share = f64::from(check_probability(p)?);
        let a = 1.0 / ((1.0 - share) * (1.0 + share * DROPPED * DROPPED)).sqrt();
        let b = -a * DROPPED * share;
        let [kept, dropped] = if p == 1.0 { [0.0; 2] } else { [b, a * DROPPED + b] };
        let shift = Shift { kept: kept as f32, dropped: dropped as f32 };
        Ok(Self { mask: Mask { p, kept: a as f32, seed, stream }, shift })
    }

    /// Replaces `values [batch, features]` by y.
    pub fn forward_in_place(&self, cpu: Cpu, values: ViewMut<'_>) {
        if self.is_needed() {
            for_each_part(cpu, values, &|level, row, col, part| {
                dispatch!(level, s => apply(s, &self.mask, (row, col), &self.shift, part));
            });
        }
    }

    /// Replaces `delta [batch, features]`, the gradient with respect to the output, by the gradient
    /// with respect to the input.
    pub fn backward_in_place(&self, cpu: Cpu, delta: ViewMut<'_>) {
        self.gradient().forward_in_place(cpu, delta);
    }

    /// The backward pass, as factors: those of an ordinary dropout with a in the place of
    /// `1 / (1 - p)`.
    pub fn gradient(&self) -> Dropout {
        Dropout(self.mask)
    }
}

impl Epilogue for AlphaDropout {
    fn is_needed(&self) -> bool {
        self.mask.p > 0.0
    }

    fn finish(&self, level: Level, finished: Finished<'_>) {
        finish(level, finished, &self.mask, &self.shift);
    }
}

/// What is added to the product with the factor.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Shift {
    kept: f32,
    dropped: f32,
}

/// `x m + b`, or `a d + b` in the place of b where m is 0.
impl Update<1, 1> for Shift {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [m]: [S::F32; 1], [x]: [S::F32; 1]) -> [S::F32; 1] {
        let is_dropped = s.le(m, s.splat(0.0));
        let shift = s.select(is_dropped, s.splat(self.dropped), s.splat(self.kept));
        // Two roundings, which are the same on every level.
        [s.add(s.mul(x, m), shift)]
    }
}

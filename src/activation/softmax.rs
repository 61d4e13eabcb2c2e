//! Softmax over the elements of each row, forward and backward.
//!
//! ```text
//!   forward    m = max_j z_j    e_j = exp(z_j - m)    p_j = e_j / sum_k e_k
//!   backward   d_z_j = p_j (d_p_j - sum_k d_p_k p_k)
//! ```
//!
//! The largest exponent is 0, so nothing overflows. A row with NaN or +infinity, and a row of
//! -infinity only, becomes NaN, as in PyTorch.

use crate::cpu::Cpu;
use crate::error::{Result, check_shape};
use crate::math;
use crate::parallel::for_each_block;
use crate::simd::slice::{self, Unary, Update, UpdateSum};
use crate::simd::{Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// The softmax of each row of `input [batch, classes]`; `output` is not read. Error:
/// [`Shape`](crate::Error::Shape) names `output`.
///
/// ```
/// use densecore::{Cpu, View, ViewMut, activation::softmax};
/// let (z, mut p) = ([0.0, 0.0, 1000.0, -1000.0], [f32::NAN; 4]);
/// softmax::forward(Cpu::detect(), View::new(2, 2, &z)?, ViewMut::new(2, 2, &mut p)?)?;
/// assert_eq!(p, [0.5, 0.5, 1.0, 0.0]);
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn forward(cpu: Cpu, input: View<'_>, output: ViewMut<'_>) -> Result<()> {
    check_shape("output", input.shape(), output.shape())?;
    for_each_block(cpu, output, &|first, mut block| {
        dispatch!(cpu.level(), s => for (i, p) in block.iter_rows_mut().enumerate() {
            let z = input.row(first + i).unwrap_or(&[]);
            let exponential = ExpOfDifference(slice::max(s, z));
            let sum = slice::update_sum(s, &exponential, [z], [&mut *p]);
            slice::update(s, &Scale(1.0 / sum), [], [p]);
        });
    });
    Ok(())
}

/// Replaces each row of `rows [batch, classes]` by its softmax.
///
/// ```
/// use densecore::{Cpu, ViewMut, activation::softmax};
/// let mut z = [0.0, 0.0, 1000.0, -1000.0];
/// softmax::forward_in_place(Cpu::detect(), ViewMut::new(2, 2, &mut z)?);
/// assert_eq!(z, [0.5, 0.5, 1.0, 0.0]);
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn forward_in_place(cpu: Cpu, rows: ViewMut<'_>) {
    for_each_block(cpu, rows, &|_, mut block| {
        dispatch!(cpu.level(), s => for row in block.iter_rows_mut() {
            let (_, sum) = exponentials(s, row);
            slice::update(s, &Scale(1.0 / sum), [], [row]);
        });
    });
}

/// Replaces each row of `delta [batch, classes]`, the gradient with respect to
/// `output = softmax(z)`, by the gradient with respect to z. Error:
/// [`Shape`](crate::Error::Shape) names `delta`.
pub fn backward_in_place(cpu: Cpu, output: View<'_>, delta: ViewMut<'_>) -> Result<()> {
    check_shape("delta", output.shape(), delta.shape())?;
    for_each_block(cpu, delta, &|first, mut block| {
        dispatch!(cpu.level(), s => for (i, d) in block.iter_rows_mut().enumerate() {
            let p = output.row(first + i).unwrap_or(&[]);
            let dot = slice::update_sum(s, &Dot, [p], [&mut *d]);
            slice::update(s, &Spread(dot), [p], [d]);
        });
    });
    Ok(())
}

/// Replaces a row of z by `e_j = exp(z_j - m)`; returns m and the sum of e.
#[inline(always)]
pub(crate) fn exponentials<S: Simd>(s: S, row: &mut [f32]) -> (f32, f32) {
    let max = slice::max(s, row);
    (max, slice::update_sum(s, &ExpOfDifference(max), [], [row]))
}

/// The same m and sum of a row that stays as it is.
#[inline(always)]
pub(crate) fn sum_of_exponentials<S: Simd>(s: S, row: &[f32]) -> (f32, f32) {
    let max = slice::max(s, row);
    (max, slice::sum(s, &ExpOfDifference(max), row))
}

struct ExpOfDifference(f32);

impl Unary for ExpOfDifference {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        math::exp_nonpositive(s, s.sub(z, s.splat(self.0)))
    }
}

impl UpdateSum<0, 1> for ExpOfDifference {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, _: [S::F32; 0], [z]: [S::F32; 1]) -> ([S::F32; 1], S::F32) {
        let e = Unary::eval(self, s, z);
        ([e], e)
    }
}

/// The same of `z`; what is replaced does not matter.
impl UpdateSum<1, 1> for ExpOfDifference {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [z]: [S::F32; 1], _: [S::F32; 1]) -> ([S::F32; 1], S::F32) {
        let e = Unary::eval(self, s, z);
        ([e], e)
    }
}

/// `x` times the factor.
pub(crate) struct Scale(pub f32);

impl Update<0, 1> for Scale {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, _: [S::F32; 0], [x]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(x, s.splat(self.0))]
    }
}

/// `d p`, summed; d stays as it is.
struct Dot;

impl UpdateSum<1, 1> for Dot {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [p]: [S::F32; 1], [d]: [S::F32; 1]) -> ([S::F32; 1], S::F32) {
        ([d], s.mul(p, d))
    }
}

/// `p (d - dot)`
struct Spread(f32);

impl Update<1, 1> for Spread {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [p]: [S::F32; 1], [d]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(p, s.sub(d, s.splat(self.0)))]
    }
}

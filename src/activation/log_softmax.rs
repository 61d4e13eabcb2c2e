//! The logarithm of softmax over the elements of each row, forward and backward.
//!
//! ```text
//!   forward    m = max_j z_j    l_j = (z_j - m) - log(sum_k exp(z_k - m))
//!   backward   d_z_j = d_l_j - exp(l_j) sum_k d_l_k
//! ```
//!
//! A row with NaN or +infinity, and a row of -infinity only, becomes NaN, as in PyTorch. Where l is
//! below -87.68 its exponential is taken as 0.

use super::softmax::sum_of_exponentials;
use crate::cpu::Cpu;
use crate::error::{Result, check_shape};
use crate::math;
use crate::parallel::for_each_block;
use crate::simd::slice::{self, Update};
use crate::simd::{Portable, Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// The logarithm of the softmax of each row of `input [batch, classes]`; `output` is not read. Error:
/// [`Shape`](crate::Error::Shape) names `output`.
///
/// ```
/// use densecore::{Cpu, View, ViewMut, activation::log_softmax};
/// let (z, mut l) = ([3.0, 3.0, 1000.0, -1000.0], [f32::NAN; 4]);
/// log_softmax::forward(Cpu::detect(), View::new(2, 2, &z)?, ViewMut::new(2, 2, &mut l)?)?;
/// assert_eq!(l, [-std::f32::consts::LN_2, -std::f32::consts::LN_2, 0.0, -2000.0]);
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn forward(cpu: Cpu, input: View<'_>, output: ViewMut<'_>) -> Result<()> {
    check_shape("output", input.shape(), output.shape())?;
    for_each_block(cpu, output, &|first, mut block| {
        dispatch!(cpu.level(), s => for (i, l) in block.iter_rows_mut().enumerate() {
            let z = input.row(first + i).unwrap_or(&[]);
            slice::update(s, &Lower::of(s, z), [z], [l]);
        });
    });
    Ok(())
}

/// Replaces each row of `rows [batch, classes]` by the logarithm of its softmax.
///
/// ```
/// use densecore::{Cpu, ViewMut, activation::log_softmax};
/// let mut z = [3.0, 3.0, 1000.0, -1000.0];
/// log_softmax::forward_in_place(Cpu::detect(), ViewMut::new(2, 2, &mut z)?);
/// assert_eq!(z, [-std::f32::consts::LN_2, -std::f32::consts::LN_2, 0.0, -2000.0]);
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn forward_in_place(cpu: Cpu, rows: ViewMut<'_>) {
    for_each_block(cpu, rows, &|_, mut block| {
        dispatch!(cpu.level(), s => for row in block.iter_rows_mut() {
            slice::update(s, &Lower::of(s, row), [], [row]);
        });
    });
}

/// Replaces each row of `delta [batch, classes]`, the gradient with respect to
/// `output = log_softmax(z)`, by the gradient with respect to z. Error:
/// [`Shape`](crate::Error::Shape) names `delta`.
pub fn backward_in_place(cpu: Cpu, output: View<'_>, delta: ViewMut<'_>) -> Result<()> {
    check_shape("delta", output.shape(), delta.shape())?;
    for_each_block(cpu, delta, &|first, mut block| {
        dispatch!(cpu.level(), s => for (i, d) in block.iter_rows_mut().enumerate() {
            let l = output.row(first + i).unwrap_or(&[]);
            let sum = slice::sum(s, &slice::Same, d);
            slice::update(s, &Without(sum), [l], [d]);
        });
    });
    Ok(())
}

/// `(z - max) - log`
struct Lower {
    max: f32,
    log: f32,
}

impl Lower {
    /// For the row z.
    #[inline(always)]
    fn of<S: Simd>(s: S, z: &[f32]) -> Self {
        let (max, sum) = sum_of_exponentials(s, z);
        // The same code at every level, one element wide.
        let [log] = math::log(Portable::<1>, [sum]);
        Self { max, log }
    }
}

impl Update<0, 1> for Lower {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, _: [S::F32; 0], [z]: [S::F32; 1]) -> [S::F32; 1] {
        [s.sub(s.sub(z, s.splat(self.max)), s.splat(self.log))]
    }
}

/// The same of `z`; what is replaced does not matter.
impl Update<1, 1> for Lower {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, z: [S::F32; 1], _: [S::F32; 1]) -> [S::F32; 1] {
        Update::<0, 1>::eval(self, s, [], z)
    }
}

/// `d - exp(l) sum`
struct Without(f32);

impl Update<1, 1> for Without {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [l]: [S::F32; 1], [d]: [S::F32; 1]) -> [S::F32; 1] {
        [s.neg_mul_add(math::exp_nonpositive(s, l), s.splat(self.0), d)]
    }
}

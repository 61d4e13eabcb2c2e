//! Gated linear units: the first half of a row times an activation of its second half.
//!
//! ```text
//!   input x = [a | b], both n wide            output y, n wide
//!   forward    y = a f(b)
//!   backward   d_a = d_y f(b)     d_b = d_y a f'(b)
//! ```
//!
//! | f | name | source |
//! |---|---|---|
//! | [`Sigmoid`](super::Sigmoid) | GLU, as `torch.nn.GLU` | Dauphin et al. 2017 |
//! | [`Relu`](super::Relu) | ReGLU | Shazeer 2020 |
//! | [`Gelu`](super::Gelu) | GEGLU | Shazeer 2020 |
//! | [`Silu`](super::Silu) | SwiGLU | Shazeer 2020 |
//!
//! As in PyTorch the second half is the gate; some libraries gate with the first.

use super::{ActivationFn, Reads};
use crate::cpu::Cpu;
use crate::error::{Result, check_shape};
use crate::parallel::for_each_block;
use crate::simd::slice::{self, Update};
use crate::simd::{Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// `output [batch, n] = a * gate(b)` of `input [batch, 2 n]`. `output` is not read. Error:
/// [`Shape`](crate::Error::Shape) names `input`.
///
/// ```
/// use densecore::activation::{Relu, glu};
/// use densecore::{Cpu, View, ViewMut};
/// let mut y = [f32::NAN; 2];
/// let x = View::new(1, 4, &[2.0, 3.0, 5.0, -1.0])?;
/// glu::forward(Cpu::detect(), &Relu, x, ViewMut::new(1, 2, &mut y)?)?;
/// assert_eq!(y, [10.0, 0.0]);
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn forward(
    cpu: Cpu,
    gate: &impl ActivationFn,
    input: View<'_>,
    output: ViewMut<'_>,
) -> Result<()> {
    let (rows, n) = output.shape();
    check_shape("input", (rows, n.saturating_mul(2)), input.shape())?;
    for_each_block(cpu, output, &|first, mut block| {
        dispatch!(cpu.level(), s => for (i, y) in block.iter_rows_mut().enumerate() {
            let (a, b) = halves(input, first + i, n);
            slice::update(s, &Gated(gate), [a, b], [y]);
        });
    });
    Ok(())
}

/// `d_input [batch, 2 n]`, which is not read, from `d_output [batch, n]` and the `input` of the
/// forward pass. Error: [`Shape`](crate::Error::Shape) names `input` or `d_input`.
pub fn backward(
    cpu: Cpu,
    gate: &impl ActivationFn,
    input: View<'_>,
    d_output: View<'_>,
    d_input: ViewMut<'_>,
) -> Result<()> {
    let (rows, n) = d_output.shape();
    check_shape("input", (rows, n.saturating_mul(2)), input.shape())?;
    check_shape("d_input", input.shape(), d_input.shape())?;
    for_each_block(cpu, d_input, &|first, mut block| {
        dispatch!(cpu.level(), s => for (i, d) in block.iter_rows_mut().enumerate() {
            let (a, b) = halves(input, first + i, n);
            let d_y = d_output.row(first + i).unwrap_or(&[]);
            let (d_a, d_b) = d.split_at_mut(n);
            slice::update(s, &Slopes(gate), [a, b, d_y], [d_a, d_b]);
        });
    });
    Ok(())
}

/// a and b of row `i`.
fn halves(input: View<'_>, i: usize, n: usize) -> (&[f32], &[f32]) {
    input.row(i).and_then(|row| row.split_at_checked(n)).unwrap_or_default()
}

/// `a f(b)`
struct Gated<'a, F>(&'a F);

impl<F: ActivationFn> Update<2, 1> for Gated<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [a, b]: [S::F32; 2], _: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(a, self.0.f(s, b))]
    }
}

/// `d_y f(b)` and `d_y a f'(b)`
struct Slopes<'a, F>(&'a F);

impl<F: ActivationFn> Update<3, 2> for Slopes<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [a, b, d_y]: [S::F32; 3], _: [S::F32; 2]) -> [S::F32; 2] {
        let y = self.0.f(s, b);
        let slope = match F::READS {
            Reads::Input => self.0.df(s, b),
            Reads::Output => self.0.df(s, y),
        };
        [s.mul(d_y, y), s.mul(s.mul(d_y, a), slope)]
    }
}

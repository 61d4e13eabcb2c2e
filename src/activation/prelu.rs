//! PReLU: a leaky ReLU whose slope is learned, one for all columns or one for each (He et al. 2015).
//!
//! ```text
//!   forward    y = x if x > 0 else a x
//!   backward   d_x = d_y if x > 0 else a d_y
//!              d_a = sum of d_y x over the elements with x <= 0 that share a
//! ```
//!
//! PyTorch starts the slopes at [`INITIAL_SLOPE`]. They may become negative, so the backward pass
//! reads x. [`Prelu`] is the forward pass fused into a product.

use crate::cpu::Cpu;
use crate::error::{Result, check_len, check_shape};
use crate::gemm::{Accum, Epilogue, Finished};
use crate::parallel::{for_each_block, for_each_run, sum_rows};
use crate::simd::slice::{self, Update, UpdateSum};
use crate::simd::{Level, Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// What PyTorch's slopes start at.
pub const INITIAL_SLOPE: f32 = 0.25;

/// Elements of a row whose products are summed in f32; the sums of such runs are added in f64.
const RUN: usize = 1024;

/// The forward pass as an epilogue: `matmul_fused` with it computes a layer with PReLU.
#[derive(Clone, Copy, Debug)]
pub struct Prelu<'a> {
    /// One slope for all columns, or one for each.
    pub slopes: &'a [f32],
}

impl Epilogue for Prelu<'_> {
    fn check(&self, (_, cols): (usize, usize)) -> Result<()> {
        check_slopes(cols, self.slopes)
    }

    fn finish(&self, level: Level, Finished { mut block, col, .. }: Finished<'_>) {
        for row in block.iter_rows_mut() {
            activate(level, self.slopes, col, row);
        }
    }
}

/// Replaces x by y in `rows [batch, n]`. `slopes` has one element or n. Error:
/// [`Length`](crate::Error::Length) names `slopes`.
///
/// ```
/// use densecore::{Cpu, ViewMut, activation::prelu};
/// let mut x = [2.0, -2.0, -4.0, 4.0];
/// prelu::forward_in_place(Cpu::detect(), &[0.25, 0.5], ViewMut::new(2, 2, &mut x)?)?;
/// assert_eq!(x, [2.0, -1.0, -1.0, 4.0]);
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn forward_in_place(cpu: Cpu, slopes: &[f32], rows: ViewMut<'_>) -> Result<()> {
    check_slopes(rows.cols(), slopes)?;
    for_each_block(cpu, rows, &|_, mut block| {
        for row in block.iter_rows_mut() {
            activate(cpu.level(), slopes, 0, row);
        }
    });
    Ok(())
}

/// Replaces each row of `delta [batch, n]`, the gradient with respect to y, by the one with respect
/// to x, the `input [batch, n]` of the forward pass; the gradient of the slopes goes to `d_slopes`,
/// overwriting it or added to it.
///
/// Errors: [`Shape`](crate::Error::Shape) names `delta`, [`Length`](crate::Error::Length) `slopes` or `d_slopes`;
/// then nothing is written.
pub fn backward_in_place(
    cpu: Cpu,
    slopes: &[f32],
    input: View<'_>,
    delta: ViewMut<'_>,
    accum: Accum,
    d_slopes: &mut [f32],
) -> Result<()> {
    check_slopes(input.cols(), slopes)?;
    check_shape("delta", input.shape(), delta.shape())?;
    check_len("d_slopes", slopes.len(), d_slopes.len())?;
    let before = |d: f32| if accum == Accum::Add { d } else { 0.0 };
    if let ([slope], [d_slope]) = (slopes, &mut *d_slopes) {
        let sum = shared(cpu, *slope, input, delta);
        *d_slope = (f64::from(before(*d_slope)) + sum) as f32;
        return Ok(());
    }
    let elements = (input.rows() as u64).saturating_mul(input.cols() as u64);
    for_each_run(cpu, elements, d_slopes, &|first, sums| {
        sums.iter_mut().for_each(|sum| *sum = before(*sum));
        dispatch!(cpu.level(), s => {
            for (x, d) in input.iter_rows().zip(delta.as_view().iter_rows()) {
                let (x, d) = (x.get(first..).unwrap_or(&[]), d.get(first..).unwrap_or(&[]));
                slice::update(s, &AddTerm, [x, d], [&mut *sums]);
            }
        });
    });
    for_each_block(cpu, delta, &|first, mut block| {
        dispatch!(cpu.level(), s => for (i, d) in block.iter_rows_mut().enumerate() {
            let x = input.row(first + i).unwrap_or(&[]);
            slice::update(s, &Slope, [x, slopes], [d]);
        });
    });
    Ok(())
}

fn check_slopes(cols: usize, slopes: &[f32]) -> Result<()> {
    if slopes.len() == 1 { Ok(()) } else { check_len("slopes", cols, slopes.len()) }
}

/// A run of a row, from column `col` on.
fn activate(level: Level, slopes: &[f32], col: usize, row: &mut [f32]) {
    match slopes {
        [slope] => dispatch!(level, s => slice::update(s, &One(*slope), [], [row])),
        _ => {
            let slopes = slopes.get(col..).unwrap_or(&[]);
            dispatch!(level, s => slice::update(s, &Each, [slopes], [row]));
        }
    }
}

/// The backward pass with one slope; returns the slope's gradient.
fn shared(cpu: Cpu, slope: f32, input: View<'_>, delta: ViewMut<'_>) -> f64 {
    sum_rows(cpu, delta, &|first, mut block| {
        let mut sum = 0.0;
        dispatch!(cpu.level(), s => for (i, d) in block.iter_rows_mut().enumerate() {
            let x = input.row(first + i).unwrap_or(&[]);
            for (x, d) in x.chunks(RUN).zip(d.chunks_mut(RUN)) {
                sum += f64::from(slice::update_sum(s, &One(slope), [x], [d]));
            }
        });
        sum
    })
}

/// `d x` where x is not positive, 0 elsewhere
#[inline(always)]
fn term<S: Simd>(s: S, x: S::F32, d: S::F32) -> S::F32 {
    s.zero_where(s.gt(x, s.splat(0.0)), s.mul(d, x))
}

/// `v` where x is positive, `a v` elsewhere
#[inline(always)]
fn sloped<S: Simd>(s: S, x: S::F32, a: S::F32, v: S::F32) -> S::F32 {
    s.select(s.gt(x, s.splat(0.0)), v, s.mul(a, v))
}

/// With one slope.
struct One(f32);

impl Update<0, 1> for One {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, _: [S::F32; 0], [x]: [S::F32; 1]) -> [S::F32; 1] {
        [sloped(s, x, s.splat(self.0), x)]
    }
}

impl UpdateSum<1, 1> for One {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x]: [S::F32; 1], [d]: [S::F32; 1]) -> ([S::F32; 1], S::F32) {
        ([sloped(s, x, s.splat(self.0), d)], term(s, x, d))
    }
}

/// With a slope for each element.
struct Each;

impl Update<1, 1> for Each {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [a]: [S::F32; 1], [x]: [S::F32; 1]) -> [S::F32; 1] {
        [sloped(s, x, a, x)]
    }
}

/// d_x of them.
struct Slope;

impl Update<2, 1> for Slope {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, a]: [S::F32; 2], [d]: [S::F32; 1]) -> [S::F32; 1] {
        [sloped(s, x, a, d)]
    }
}

/// `sum + d x` where x is not positive
struct AddTerm;

impl Update<2, 1> for AddTerm {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, d]: [S::F32; 2], [sum]: [S::F32; 1]) -> [S::F32; 1] {
        [s.add(sum, term(s, x, d))]
    }
}

//! Dropout: elements set to zero at random in training, so that units do not rely on each other.
//!
//! ```text
//!   forward    y = x m     m = 0 with probability p, else 1 / (1 - p)
//!   backward  dx = dy m    the same m
//! ```
//!
//! The factors make up for what is lost, so that evaluation is the identity. No mask is stored:
//! whether an element is dropped is a function of `(seed, stream, row, column)`, and the backward
//! pass computes it again - the same for any number of threads and cut of the rows, on every level
//! and platform. Take a new stream for each layer and step, such as [`DROPOUT`](stream::DROPOUT)
//! plus a number.
//!
//! NaN stays NaN where it is dropped, and so does infinity become NaN, as in PyTorch: a zero factor
//! is not skipped.
//!
//! Source: N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever, R. Salakhutdinov, "Dropout", JMLR
//! 15, 2014; `torch.nn.Dropout`. For networks of SELUs there is [`AlphaDropout`].

mod alpha;
mod mask;

pub use alpha::AlphaDropout;

use crate::cpu::Cpu;
use crate::error::{Error, Result};
use crate::gemm::{Accum, Epilogue, Finished};
use crate::parallel::{for_each_block, for_each_run};
use crate::simd::slice::{self, Update};
use crate::simd::{Level, Simd, dispatch};
use crate::tensor::{View, ViewMut};
use mask::{BLOCK, Mask};

#[cfg(doc)]
use crate::rng::stream;

/// The factors of one forward pass and of its backward pass.
///
/// As an [`Epilogue`] it multiplies the finished rows of a product, and after another one with
/// [`Both`](crate::gemm::Both): a layer's product, activation and dropout while the rows are in the first-level cache,
/// or in the backward pass its dX, the dropout and the derivative.
///
/// ```
/// use densecore::{Cpu, ViewMut, dropout::Dropout, rng::stream};
/// let (cpu, step) = (Cpu::detect(), 3);
/// let dropout = Dropout::new(0.5, 42, stream::DROPOUT + step)?;
/// let (mut y, mut d) = ([1.0; 8], [3.0; 8]);
/// dropout.forward_in_place(cpu, ViewMut::new(2, 4, &mut y)?);
/// dropout.backward_in_place(cpu, ViewMut::new(2, 4, &mut d)?);
/// assert!(y.iter().all(|&y| y == 0.0 || y == 2.0));
/// assert_eq!(d, y.map(|y| 3.0 * y));
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout(Mask);

impl Dropout {
    /// Drops with probability `p`, from stream `stream` of seed `seed`. Error:
    /// [`Value`](Error::Value) names `p` if it is not from 0 to 1.
    ///
    /// The probability is `p` rounded up to a multiple of 2^-24.
    pub fn new(p: f32, seed: u64, stream: u64) -> Result<Self> {
        let p = check_probability(p)?;
        Ok(Self(Mask { p, kept: (1.0 / (1.0 - f64::from(p))) as f32, seed, stream }))
    }

    /// Multiplies `values [batch, features]` by the factors.
    pub fn forward_in_place(&self, cpu: Cpu, values: ViewMut<'_>) {
        if self.is_needed() {
            for_each_part(cpu, values, &|level, row, col, part| {
                dispatch!(level, s => apply(s, &self.0, (row, col), &Times, part));
            });
        }
    }

    /// Multiplies `delta [batch, features]`, the gradient with respect to the output, by the same
    /// factors: the gradient with respect to the input.
    pub fn backward_in_place(&self, cpu: Cpu, delta: ViewMut<'_>) {
        self.forward_in_place(cpu, delta);
    }

    /// `to = from m` or `to = to + from m`, for matrices of one shape.
    pub(crate) fn multiplied(&self, cpu: Cpu, from: View<'_>, (accum, to): (Accum, ViewMut<'_>)) {
        for_each_block(cpu, to, &|first, block| match accum {
            Accum::Replace => {
                dispatch!(cpu.level(), s => rows_beside(s, &self.0, first, from, &Product, block));
            }
            Accum::Add => {
                dispatch!(cpu.level(), s => rows_beside(s, &self.0, first, from, &AddProduct, block));
            }
        });
    }

    /// The factors themselves, of the elements of row `row` from column `col` on.
    pub fn factors(&self, cpu: Cpu, row: usize, col: usize, factors: &mut [f32]) {
        dispatch!(cpu.level(), s => apply(s, &self.0, (row, col), &Replace, factors));
    }
}

fn check_probability(p: f32) -> Result<f32> {
    if (0.0..=1.0).contains(&p) {
        return Ok(p);
    }
    let found = f64::from(p);
    Err(Error::Value { argument: "p", expected: "a probability from 0 to 1", found })
}

impl Epilogue for Dropout {
    fn is_needed(&self) -> bool {
        self.0.p > 0.0
    }

    fn finish(&self, level: Level, finished: Finished<'_>) {
        finish(level, finished, &self.0, &Times);
    }
}

/// What a mask does to a finished block.
fn finish(
    level: Level,
    Finished { mut block, row, col, .. }: Finished<'_>,
    mask: &Mask,
    f: &impl Update<1, 1>,
) {
    dispatch!(level, s => for (i, c) in block.iter_rows_mut().enumerate() {
        apply(s, mask, (row.saturating_add(i), col), f, c);
    });
}

type OnPart<'f> = dyn Fn(Level, usize, usize, &mut [f32]) + Sync + 'f;

/// Calls `f` with parts of the rows, and the row and column at which each starts.
fn for_each_part(cpu: Cpu, mut values: ViewMut<'_>, f: &OnPart<'_>) {
    let level = cpu.level();
    if values.rows() > ROWS {
        return for_each_block(cpu, values, &|first, mut block| {
            for (i, row) in block.iter_rows_mut().enumerate() {
                f(level, first + i, 0, row);
            }
        });
    }
    for (i, row) in values.iter_rows_mut().enumerate() {
        for_each_run(cpu, row.len() as u64, row, &|col, part| f(level, i, col, part));
    }
}

/// Up to so many rows each is divided among threads; more are divided themselves.
const ROWS: usize = 64;

/// Runs `f` over the elements of a row from column `col` on, with the factors beside them.
#[inline(always)]
fn apply<S: Simd>(
    s: S,
    mask: &Mask,
    (row, col): (usize, usize),
    f: &impl Update<1, 1>,
    values: &mut [f32],
) {
    let key = mask.key(row as u64);
    let mut factors = [0.0; BLOCK];
    let mut done = 0;
    while done < values.len() {
        let at = (col as u64).wrapping_add(done as u64);
        let skipped = (at % BLOCK as u64) as usize;
        let len = (BLOCK - skipped).min(values.len() - done);
        mask.block(s, key, at / BLOCK as u64, skipped + len, &mut factors);
        let part = &mut values[done..done + len];
        slice::update(s, f, [&factors[skipped..skipped + len]], [part]);
        done += len;
    }
}

/// Runs `f` over the elements of a block of rows, from row `first` on, with those of `from` and the
/// factors beside them.
#[inline(always)]
fn rows_beside<S: Simd>(
    s: S,
    mask: &Mask,
    first: usize,
    from: View<'_>,
    f: &impl Update<2, 1>,
    mut to: ViewMut<'_>,
) {
    let mut factors = [0.0; BLOCK];
    for i in 0..to.rows() {
        let row = first + i;
        let key = mask.key(row as u64);
        let (from, to) = (from.row(row).unwrap_or(&[]), to.row_mut(i).unwrap_or_default());
        let (from, to) = (from.chunks(BLOCK), to.chunks_mut(BLOCK));
        for (block, (from, to)) in from.zip(to).enumerate() {
            mask.block(s, key, block as u64, to.len(), &mut factors);
            slice::update(s, f, [from, &factors[..to.len()]], [to]);
        }
    }
}

/// `x m`
struct Times;

impl Update<1, 1> for Times {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [m]: [S::F32; 1], [x]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(x, m)]
    }
}

/// `m`
struct Replace;

impl Update<1, 1> for Replace {
    #[inline(always)]
    fn eval<S: Simd>(&self, _: S, [m]: [S::F32; 1], _: [S::F32; 1]) -> [S::F32; 1] {
        [m]
    }
}

/// `x m`, whatever was there
struct Product;

impl Update<2, 1> for Product {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, m]: [S::F32; 2], _: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(x, m)]
    }
}

/// `sum + x m`
struct AddProduct;

impl Update<2, 1> for AddProduct {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, m]: [S::F32; 2], [sum]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul_add(x, m, sum)]
    }
}

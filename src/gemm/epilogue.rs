//! What happens to finished elements of C while they are in the first-level cache.
//!
//! The micro-kernel knows nothing of activations: one more pass over rows that have just been
//! written costs a few cycles per vector, against `k / 16` cycles per element of multiply-adds.
//! So an activation is compiled once per level instead of once per tile shape, and a user's own
//! is no different from this crate's.

use crate::error::{Result, check_shape};
use crate::simd::slice::{self, Unary, Update};
use crate::simd::{Level, Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// Finished elements of C: a block, and where in C it stands.
pub struct Finished<'a> {
    /// The elements, to be changed in place.
    pub block: ViewMut<'a>,
    /// Row of C of the block's first row.
    pub row: usize,
    /// Column of C of the block's first column.
    pub col: usize,
}

/// What to do with finished elements. Called from several threads, for disjoint blocks that
/// together are the whole of C, each once.
pub trait Epilogue: Sync {
    /// An error if this epilogue cannot serve an output of that shape.
    fn check(&self, output: (usize, usize)) -> Result<()> {
        let _ = output;
        Ok(())
    }

    /// False if [`finish`](Epilogue::finish) changes nothing and need not be called.
    fn is_needed(&self) -> bool {
        true
    }

    /// Changes a finished block in place.
    fn finish(&self, level: Level, finished: Finished<'_>);
}

/// Leaves the product as it is.
#[derive(Clone, Copy, Debug)]
pub struct Identity;

impl Epilogue for Identity {
    fn is_needed(&self) -> bool {
        false
    }

    fn finish(&self, _: Level, _: Finished<'_>) {}
}

/// `c <- f(c)`: an activation.
#[derive(Clone, Copy, Debug)]
pub struct Map<F>(pub F);

impl<F: Unary + Sync> Epilogue for Map<F> {
    fn finish(&self, level: Level, Finished { mut block, .. }: Finished<'_>) {
        dispatch!(level, s => block.for_each_row(|_, row| {
            slice::update(s, &InPlace(&self.0), [], [row]);
        }));
    }
}

/// `c <- c * f(other)`: multiplication by a derivative that is a function of another matrix of
/// the same shape, element by element.
#[derive(Clone, Copy, Debug)]
pub struct MulMap<'a, F> {
    /// The function of the other matrix.
    pub f: F,
    /// The other matrix, in the shape of C.
    pub other: View<'a>,
}

impl<F: Unary + Sync> Epilogue for MulMap<'_, F> {
    fn check(&self, output: (usize, usize)) -> Result<()> {
        check_shape("other", output, self.other.shape())
    }

    fn finish(&self, level: Level, Finished { mut block, row, col }: Finished<'_>) {
        dispatch!(level, s => block.for_each_row(|i, c| {
            let other = self.other.row(row.saturating_add(i)).and_then(|other| other.get(col..)).unwrap_or(&[]);
            slice::update(s, &Times(&self.f), [other], [c]);
        }));
    }
}

struct InPlace<'a, F>(&'a F);

impl<F: Unary> Update<0, 1> for InPlace<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, _: [S::F32; 0], [c]: [S::F32; 1]) -> [S::F32; 1] {
        [self.0.eval(s, c)]
    }
}

struct Times<'a, F>(&'a F);

impl<F: Unary> Update<1, 1> for Times<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x]: [S::F32; 1], [c]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(c, self.0.eval(s, x))]
    }
}

//! What happens to finished elements of C while they are in the first-level cache.
//!
//! The micro-kernel knows nothing of activations: one more pass over rows that have just been
//! written costs a few cycles per vector, against `k / 16` cycles per element of multiply-adds.
//! So an activation is compiled once per level instead of once per tile shape, and a user's own
//! is no different from this crate's.

use crate::error::{Result, check_len, check_shape};
use crate::simd::slice::Unary;
use crate::simd::{Level, apply};
use crate::tensor::{View, ViewMut};

/// Finished elements of C: a block, and where in C it stands.
pub struct Finished<'a> {
    /// The elements, to be changed in place.
    pub block: ViewMut<'a>,
    /// The same block of the matrices beside C; of none, unless the product was given some.
    pub beside: Beside<'a>,
    /// Row of C of the block's first row.
    pub row: usize,
    /// Column of C of the block's first column.
    pub col: usize,
}

/// Up to four matrices of C's shape that the epilogue changes together with C, each cut wherever C
/// is: what is computed from a finished block, or a weight that it is the gradient of.
#[derive(Debug, Default)]
pub struct Beside<'a>(pub [Option<ViewMut<'a>>; 4]);

impl Beside<'_> {
    /// No matrices.
    pub const NONE: Self = Beside([None, None, None, None]);
}

impl<'a> Beside<'a> {
    /// One matrix, the first.
    pub fn one(matrix: ViewMut<'a>) -> Self {
        Beside([Some(matrix), None, None, None])
    }

    /// Errors name `beside`: [`Length`](crate::Error::Length) if there are not as many matrices as
    /// the epilogue changes, [`Shape`](crate::Error::Shape) if one has not the shape of C.
    pub(super) fn check(&self, epilogue: &dyn Epilogue, shape: (usize, usize)) -> Result<()> {
        let all = self.0.iter().flatten().count();
        check_len("beside", epilogue.beside(), all)?;
        // The first so many, without a gap.
        let first = self.0.iter().take_while(|matrix| matrix.is_some()).count();
        check_len("beside", epilogue.beside(), first)?;
        self.0.iter().flatten().try_for_each(|matrix| check_shape("beside", shape, matrix.shape()))
    }

    /// The `shape` elements of each matrix from `at` on.
    pub(super) fn block_mut(&mut self, at: (usize, usize), shape: (usize, usize)) -> Beside<'_> {
        let mut block = Beside::NONE;
        for (block, matrix) in block.0.iter_mut().zip(&mut self.0) {
            *block = matrix.as_mut().map(|matrix| matrix.block_mut(at, shape));
        }
        block
    }

    /// The first matrix, and the others.
    pub(super) fn split_first(self) -> (Option<ViewMut<'a>>, Self) {
        let [first, b, c, d] = self.0;
        (first, Self([b, c, d, None]))
    }

    /// These behind another one; a fourth has no place, and there is none in what was split.
    pub(super) fn behind(self, first: ViewMut<'a>) -> Self {
        let [b, c, d, _] = self.0;
        Self([Some(first), b, c, d])
    }

    /// What `f` makes of each matrix.
    pub(super) fn map(&self, f: impl Fn(&ViewMut<'a>) -> ViewMut<'a>) -> Self {
        Beside(self.0.each_ref().map(|matrix| matrix.as_ref().map(&f)))
    }
}

/// What to do with finished elements. Called from several threads, for disjoint blocks that
/// together are the whole of C, each once.
pub trait Epilogue: Sync {
    /// An error if this epilogue cannot serve an output of that shape.
    fn check(&self, output: (usize, usize)) -> Result<()> {
        let _ = output;
        Ok(())
    }

    /// How many matrices beside C it changes: the first so many of [`Beside`].
    fn beside(&self) -> usize {
        0
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
        if let Some(all) = block.as_contiguous_mut() {
            return apply::map_in_place(level, &self.0, all);
        }
        for row in block.iter_rows_mut() {
            apply::map_in_place(level, &self.0, row);
        }
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

    fn finish(&self, level: Level, Finished { mut block, row, col, .. }: Finished<'_>) {
        for (i, c) in block.iter_rows_mut().enumerate() {
            let other = self.other.row(row.saturating_add(i)).and_then(|other| other.get(col..));
            apply::multiply_in_place(level, &self.f, other.unwrap_or(&[]), c);
        }
    }
}

/// `beside[0] <- f(c)`, and c stays as it is: an activation whose derivative reads Z, in training.
#[derive(Clone, Copy, Debug)]
pub struct MapBeside<F>(pub F);

impl<F: Unary + Sync> Epilogue for MapBeside<F> {
    fn beside(&self) -> usize {
        1
    }

    fn finish(&self, level: Level, Finished { mut block, beside, .. }: Finished<'_>) {
        let [Some(mut to), ..] = beside.0 else { return };
        for (i, c) in block.iter_rows_mut().enumerate() {
            if let Some(to) = to.row_mut(i) {
                apply::map(level, &self.0, c, to);
            }
        }
    }
}

/// One epilogue after the other, such as [`Map`] of an activation and then dropout. Of the matrices
/// beside C the first is given those that it changes, and the second those behind them.
#[derive(Clone, Copy, Debug)]
pub struct Both<A, B>(pub A, pub B);

impl<A: Epilogue, B: Epilogue> Epilogue for Both<A, B> {
    fn check(&self, output: (usize, usize)) -> Result<()> {
        self.0.check(output)?;
        self.1.check(output)
    }

    fn beside(&self) -> usize {
        self.0.beside().saturating_add(self.1.beside())
    }

    fn is_needed(&self) -> bool {
        self.0.is_needed() || self.1.is_needed()
    }

    fn finish(&self, level: Level, Finished { mut block, beside, row, col }: Finished<'_>) {
        let (mut first, mut second) = (Beside::NONE, Beside::NONE);
        for (i, matrix) in beside.0.into_iter().enumerate() {
            match i.checked_sub(self.0.beside()) {
                None => first.0[i] = matrix,
                Some(i) => second.0[i] = matrix,
            }
        }
        self.0.finish(level, Finished { block: block.reborrow(), beside: first, row, col });
        self.1.finish(level, Finished { block, beside: second, row, col });
    }
}

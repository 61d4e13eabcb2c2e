//! [`Product`]: what is multiplied, and the parts of it.

use super::Start;
use super::epilogue::{Epilogue, Identity};
use super::operand::Operand;
use super::packed::Packed;
use super::plan::Form;

/// One product, or the part of it that computes the block of C at `origin`.
#[derive(Clone, Copy)]
pub(super) struct Product<'a> {
    pub a: Operand<'a>,
    pub b: Operand<'a>,
    /// B packed beforehand; then `b` gives its shape only.
    pub packed: Option<Packed<'a>>,
    pub start: Start<'a>,
    pub epilogue: &'a dyn Epilogue,
    pub origin: (usize, usize),
    /// C is nowhere: finished elements go to the epilogue in a buffer, and in C's stead stands the
    /// first of the matrices beside it.
    pub is_consumed: bool,
}

impl<'a> Product<'a> {
    /// All of a product whose B is not packed.
    #[inline(always)]
    pub fn new(
        a: Operand<'a>,
        b: Operand<'a>,
        start: Start<'a>,
        epilogue: &'a dyn Epilogue,
    ) -> Self {
        Product { a, b, packed: None, start, epilogue, origin: (0, 0), is_consumed: false }
    }

    /// What its path depends on, for a C of that shape.
    #[inline(always)]
    pub fn form(&self, (m, n): (usize, usize)) -> Form {
        Form {
            shape: (m, n, self.a.cols()),
            a_steps: (self.a.row_step(), self.a.col_step()),
            b_steps: (self.b.row_step(), self.b.col_step()),
            packed_kc: self.packed.map(|packed| packed.kc),
            is_consumed: self.is_consumed,
        }
    }

    /// The part that adds up `count` steps of k from `first` on, the earlier ones being in C.
    pub fn steps(&self, first: usize, count: usize) -> Product<'a> {
        let k = self.a.cols();
        Product {
            a: self.a.block((0, first), (self.a.rows(), count)),
            b: self.b.block((first, 0), (count, self.b.cols())),
            start: if first == 0 { self.start } else { Start::Output },
            epilogue: if k - first <= count { self.epilogue } else { &Identity },
            ..*self
        }
    }

    /// The part that computes `rows x cols` elements of C from `(row, col)` on.
    pub fn part(&self, (row, col): (usize, usize), (rows, cols): (usize, usize)) -> Product<'a> {
        let k = self.a.cols();
        Product {
            a: self.a.block((row, 0), (rows, k)),
            b: self.b.block((0, col), (k, cols)),
            packed: self.packed,
            start: self.start.columns(col, cols),
            epilogue: self.epilogue,
            origin: (self.origin.0 + row, self.origin.1 + col),
            is_consumed: self.is_consumed,
        }
    }
}

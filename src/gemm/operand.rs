//! [`Operand`]: a matrix to multiply, with the strides that make transposition free.

use core::marker::PhantomData;

use crate::tensor::{Transposed, View};

/// A or B of a product: a [`View`] or its transposition, made with `From`.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    data: *const f32,
    rows: usize,
    cols: usize,
    row_step: usize,
    col_step: usize,
    lifetime: PhantomData<View<'a>>,
}

// SAFETY: an operand is a view read in another order, and `View` is Send and Sync.
unsafe impl Send for Operand<'_> {}
// SAFETY: as above.
unsafe impl Sync for Operand<'_> {}

impl<'a> From<View<'a>> for Operand<'a> {
    fn from(view: View<'a>) -> Self {
        Operand {
            data: view.as_ptr(),
            rows: view.rows(),
            cols: view.cols(),
            row_step: view.stride(),
            col_step: 1,
            lifetime: PhantomData,
        }
    }
}

impl<'a> From<Transposed<'a>> for Operand<'a> {
    fn from(transposed: Transposed<'a>) -> Self {
        let view = transposed.t();
        Operand {
            data: view.as_ptr(),
            rows: view.cols(),
            cols: view.rows(),
            row_step: 1,
            col_step: view.stride(),
            lifetime: PhantomData,
        }
    }
}

impl<'a> Operand<'a> {
    /// Number of rows, after transposition.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns, after transposition.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// `(rows, cols)`, after transposition.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Its transposition.
    pub(super) fn t(&self) -> Self {
        Operand {
            rows: self.cols,
            cols: self.rows,
            row_step: self.col_step,
            col_step: self.row_step,
            ..*self
        }
    }

    /// Distance from `(i, j)` to `(i + 1, j)`.
    pub(super) fn row_step(&self) -> usize {
        self.row_step
    }

    /// Distance from `(i, j)` to `(i, j + 1)`.
    pub(super) fn col_step(&self) -> usize {
        self.col_step
    }

    /// Where element `(0, 0)` is.
    pub(super) fn as_ptr(&self) -> *const f32 {
        self.data
    }

    /// Element `(i, j)`, of which there is one.
    pub(super) fn element(&self, i: usize, j: usize) -> f32 {
        assert!(i < self.rows && j < self.cols, "an element of the operand");
        // SAFETY: it is an element of the view that the operand was made from.
        unsafe { *self.data.add(i * self.row_step + j * self.col_step) }
    }

    /// The `rows x cols` elements from `(row, col)` on, cut off at the operand's edges.
    pub(super) fn block(&self, (row, col): (usize, usize), (rows, cols): (usize, usize)) -> Self {
        let (row, col) = (row.min(self.rows), col.min(self.cols));
        let (rows, cols) = (rows.min(self.rows - row), cols.min(self.cols - col));
        let offset =
            if rows == 0 || cols == 0 { 0 } else { row * self.row_step + col * self.col_step };
        // SAFETY: the block's first element is one of the operand's, or the offset is zero.
        let data = unsafe { self.data.add(offset) };
        Operand { data, rows, cols, ..*self }
    }
}

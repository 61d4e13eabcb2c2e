//! Matrices in memory whose every element that is not theirs is guarded.

use core::fmt::Debug;
use densecore::gemm::Operand;
use densecore::{View, ViewMut};

use super::reference::transposed;

/// Stands wherever no element belongs: a NaN, so that a sum which reads it shows it, with bits
/// of its own, so that a kernel which writes there is found out.
pub const GUARD: f32 = f32::from_bits(0x7fc5_a5a5);

/// Where a matrix stands in its memory, beside having the right number of elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Elements between the end of a row and the start of the next.
    pub gap: usize,
    /// Elements before the first row.
    pub offset: usize,
    /// Elements after the last row. With none the memory ends where the matrix does.
    pub trailing: usize,
}

impl Layout {
    /// Without gaps, in memory of exactly its size.
    pub const EXACT: Layout = Layout { gap: 0, offset: 0, trailing: 0 };
    /// Guarded on all sides and between the rows.
    pub const GUARDED: Layout = Layout { gap: 3, offset: 5, trailing: 21 };
}

/// A matrix with guards around it.
#[derive(Clone, Debug)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    layout: Layout,
    data: Vec<f32>,
}

impl Matrix {
    /// The matrix whose elements are `values`, row after row.
    pub fn new(rows: usize, cols: usize, layout: Layout, values: &[f32]) -> Self {
        assert_eq!(values.len(), rows * cols);
        let mut matrix = Self::filled(rows, cols, layout, 0.0);
        for i in 0..rows {
            let at = matrix.at(i);
            matrix.data[at..at + cols].copy_from_slice(&values[i * cols..][..cols]);
        }
        matrix
    }

    /// The matrix whose elements are all `value`.
    pub fn filled(rows: usize, cols: usize, layout: Layout, value: f32) -> Self {
        let extent =
            if rows == 0 || cols == 0 { 0 } else { (rows - 1) * (cols + layout.gap) + cols };
        let data = vec![GUARD; layout.offset + extent + layout.trailing];
        let mut matrix = Self { rows, cols, layout, data };
        for i in 0..if extent == 0 { 0 } else { rows } {
            let at = matrix.at(i);
            matrix.data[at..at + cols].fill(value);
        }
        matrix
    }

    fn at(&self, row: usize) -> usize {
        let start = self.layout.offset + row * (self.cols + self.layout.gap);
        if self.cols == 0 { self.layout.offset } else { start }
    }

    fn extent(&self) -> core::ops::Range<usize> {
        self.layout.offset..self.data.len() - self.layout.trailing
    }

    /// The matrix, to read.
    pub fn view(&self) -> View<'_> {
        let stride = self.cols + self.layout.gap;
        View::with_stride(self.rows, self.cols, stride, &self.data[self.extent()]).expect("a view")
    }

    /// The matrix, to write.
    pub fn view_mut(&mut self) -> ViewMut<'_> {
        let (stride, extent) = (self.cols + self.layout.gap, self.extent());
        ViewMut::with_stride(self.rows, self.cols, stride, &mut self.data[extent]).expect("a view")
    }

    /// The elements, row after row.
    pub fn values(&self) -> Vec<f32> {
        (0..self.rows).flat_map(|i| self.data[self.at(i)..][..self.cols].iter().copied()).collect()
    }

    /// Overwrites one place of the memory, element or guard, to test the guards.
    pub fn poke(&mut self, at: usize, value: f32) {
        self.data[at] = value;
    }

    /// True if nothing was written but elements.
    pub fn is_intact(&self) -> bool {
        let mut owned = vec![false; self.data.len()];
        for i in 0..self.rows {
            owned[self.at(i)..][..self.cols].fill(true);
        }
        let guards = self.data.iter().zip(owned).filter(|&(_, owned)| !owned);
        guards.into_iter().all(|(x, _)| x.to_bits() == GUARD.to_bits())
    }

    /// Fails if anything was written but elements.
    #[track_caller]
    pub fn assert_intact(&self, case: &dyn Debug) {
        assert!(self.is_intact(), "written outside of the matrix; {case:?}");
    }
}

/// An operand of a product, stored as it is or transposed.
#[derive(Clone, Debug)]
pub struct Stored {
    matrix: Matrix,
    is_transposed: bool,
}

impl Stored {
    /// The operand `values [rows, cols]`, in memory as `[cols, rows]` if `is_transposed`.
    pub fn new(
        (rows, cols): (usize, usize),
        is_transposed: bool,
        layout: Layout,
        values: &[f32],
    ) -> Self {
        let matrix = if is_transposed {
            Matrix::new(cols, rows, layout, &transposed(rows, cols, values))
        } else {
            Matrix::new(rows, cols, layout, values)
        };
        Self { matrix, is_transposed }
    }

    /// The operand, `[rows, cols]` either way.
    pub fn operand(&self) -> Operand<'_> {
        if self.is_transposed { self.matrix.view().t().into() } else { self.matrix.view().into() }
    }
}

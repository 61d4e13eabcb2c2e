//! Matrices: one that owns its elements and two that borrow anybody's.
//!
//! [`Tensor`] owns a flat row-major `Vec<f32>`. [`View`] and [`ViewMut`] borrow `rows x cols`
//! elements of any slice, row `i` starting `i * stride` elements after the first; every kernel
//! takes views, so that a caller's own buffers work without a copy.
//!
//! A view owns exactly its `rows x cols` elements, not the gaps between its rows. That is why
//! [`ViewMut::split_cols_at`] is sound, and it is what lets the parallel code hand out disjoint
//! pieces of one matrix without any `unsafe` of its own.

mod view;

pub use view::{Transposed, View, ViewMut};

use crate::error::{Error, Result, check_len, checked_size};

/// A dense row-major matrix that owns its elements.
///
/// ```
/// let t = densecore::Tensor::from_vec(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!(t.row(1), Some(&[4.0, 5.0, 6.0][..]));
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    data: Vec<f32>,
    rows: usize,
    cols: usize,
}

impl Tensor {
    /// A matrix of zeros.
    pub fn zeros(rows: usize, cols: usize) -> Result<Self> {
        let size = checked_size("tensor", rows, cols)?;
        let mut data = Vec::new();
        let bytes = size * size_of::<f32>();
        data.try_reserve_exact(size).map_err(|_| Error::OutOfMemory { bytes })?;
        data.resize(size, 0.0);
        Ok(Self { data, rows, cols })
    }

    /// The matrix whose rows stand one after the other in `data`; `data` has `rows * cols` elements.
    pub fn from_vec(rows: usize, cols: usize, data: Vec<f32>) -> Result<Self> {
        check_len("data", checked_size("tensor", rows, cols)?, data.len())?;
        Ok(Self { data, rows, cols })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// `(rows, cols)`.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Row `i`, if there is one.
    pub fn row(&self, i: usize) -> Option<&[f32]> {
        self.view().row(i)
    }

    /// All elements, row after row.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }

    /// All elements, row after row.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The elements, row after row, without a copy.
    pub fn into_vec(self) -> Vec<f32> {
        self.data
    }

    /// The whole matrix, borrowed.
    pub fn view(&self) -> View<'_> {
        View::contiguous(self.rows, self.cols, &self.data)
    }

    /// The whole matrix, borrowed for writing.
    pub fn view_mut(&mut self) -> ViewMut<'_> {
        ViewMut::contiguous(self.rows, self.cols, &mut self.data)
    }
}

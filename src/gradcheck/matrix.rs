//! A matrix of f64, with what the transcription of a network needs. Slow and short.

use crate::tensor::View;

/// `[rows, cols]`, row after row.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub rows: usize,
    pub cols: usize,
    pub data: Vec<f64>,
}

impl Matrix {
    /// The matrix with the element `f(i, j)` in row `i` and column `j`.
    pub fn from_fn(rows: usize, cols: usize, mut f: impl FnMut(usize, usize) -> f64) -> Self {
        let mut data = Vec::with_capacity(rows * cols);
        for i in 0..rows {
            data.extend((0..cols).map(|j| f(i, j)));
        }
        Self { rows, cols, data }
    }

    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self { rows, cols, data: vec![0.0; rows * cols] }
    }

    /// Zeros in the shape of another matrix.
    pub fn zeros_like(other: &Matrix) -> Self {
        Self::zeros(other.rows, other.cols)
    }

    /// The same numbers in f64.
    pub fn from_view(view: View<'_>) -> Self {
        let data = view.iter_rows().flatten().map(|&x| f64::from(x)).collect();
        Self { rows: view.rows(), cols: view.cols(), data }
    }

    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.cols..][..self.cols]
    }

    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        (0..self.rows).map(|i| self.row(i))
    }

    /// The transposed matrix.
    pub fn t(&self) -> Matrix {
        Self::from_fn(self.cols, self.rows, |i, j| self.data[j * self.cols + i])
    }

    /// The matrix product.
    pub fn product(&self, other: &Matrix) -> Matrix {
        let mut product = Matrix::zeros(self.rows, other.cols);
        for i in 0..self.rows {
            let sums = &mut product.data[i * other.cols..][..other.cols];
            for (&a, b) in self.row(i).iter().zip(other.rows()) {
                sums.iter_mut().zip(b).for_each(|(sum, &b)| *sum += a * b);
            }
        }
        product
    }

    /// `f` of each element.
    pub fn map(&self, mut f: impl FnMut(f64) -> f64) -> Matrix {
        Self { data: self.data.iter().map(|&x| f(x)).collect(), ..*self }
    }

    /// `f` of the elements of two matrices of one shape.
    pub fn zip(&self, other: &Matrix, mut f: impl FnMut(f64, f64) -> f64) -> Matrix {
        let pairs = self.data.iter().zip(&other.data);
        Self { data: pairs.map(|(&a, &b)| f(a, b)).collect(), ..*self }
    }

    /// The sum, element by element.
    pub fn plus(&self, other: &Matrix) -> Matrix {
        self.zip(other, |a, b| a + b)
    }

    /// The product, element by element.
    pub fn times(&self, other: &Matrix) -> Matrix {
        self.zip(other, |a, b| a * b)
    }

    /// The columns of matrices one after the other.
    pub fn beside(parts: &[&Matrix]) -> Matrix {
        let rows = parts.first().map_or(0, |part| part.rows);
        let cols = parts.iter().map(|part| part.cols).sum();
        let row = |i| parts.iter().flat_map(move |part| part.row(i)).copied();
        Self { rows, cols, data: (0..rows).flat_map(row).collect() }
    }

    /// The matrices of these widths that stand beside one another here.
    pub fn cut(&self, widths: &[usize]) -> Vec<Matrix> {
        let mut first = 0;
        let part = |&cols: &usize| {
            let start = first;
            first += cols;
            Self::from_fn(self.rows, cols, |i, j| self.row(i)[start + j])
        };
        widths.iter().map(part).collect()
    }

    /// The matrix with `row` added to each of its rows; an empty row is one of zeros.
    pub fn plus_row(mut self, row: &[f64]) -> Matrix {
        for i in 0..self.rows {
            let sums = &mut self.data[i * self.cols..][..self.cols];
            sums.iter_mut().zip(row).for_each(|(sum, &b)| *sum += b);
        }
        self
    }

    pub fn column_sums(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.cols];
        for row in self.rows() {
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x);
        }
        sums
    }
}

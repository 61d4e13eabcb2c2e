//! Samples and what is to be learnt from them: the data set, its splits, and the rows of a batch;
//! inputs brought to one scale; files of pictures.
//!
//! A data set is `inputs [samples, in]` with either a class id or a row of values for each sample.
//! Training draws an order of the samples and gathers a batch at a time into its own buffers:
//!
//! ```
//! use densecore::{Rng, Tensor, data::digits, rng::stream};
//! let (train, test) = digits().split(0.8, 1)?;
//! assert_eq!((train.len(), test.len()), (1438, 359));
//!
//! let mut order = vec![0; train.len()];
//! let (mut inputs, mut ids) = (Tensor::zeros(32, 64)?, [0; 32]);
//! for epoch in 0..2 {
//!     Rng::new(1, stream::SHUFFLE + epoch).permutation(&mut order);
//!     for rows in order.chunks_exact(32) {
//!         train.gather_inputs(rows, inputs.view_mut())?;
//!         train.gather_ids(rows, &mut ids)?;
//!     }
//! }
//! # Ok::<(), densecore::Error>(())
//! ```

mod digits;
pub mod idx;
mod standardize;

pub use digits::digits;
pub use standardize::Standardize;

use crate::error::{Error, Result, check_len, check_shape};
use crate::rng::{Rng, stream};
use crate::tensor::{Tensor, View, ViewMut};

/// What is to be learnt, one entry for each sample; a loss borrows it as a `Target`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Targets {
    /// The class of each sample.
    Classes {
        /// One id for each sample, below `classes`.
        ids: Vec<u32>,
        /// Number of classes, whether or not a sample of each is there.
        classes: usize,
    },
    /// `[samples, out]`: a row of values for each sample.
    Values(Tensor),
}

/// Inputs and targets of the same number of samples.
///
/// ```
/// use densecore::{Dataset, Targets, Tensor};
/// let inputs = Tensor::from_vec(3, 2, vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0])?;
/// let set = Dataset::new(inputs, Targets::Classes { ids: vec![0, 1, 0], classes: 2 })?;
/// assert_eq!(set.select(&[2])?.inputs().as_slice(), [1.0, 1.0]);
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    inputs: Tensor,
    targets: Targets,
}

impl Dataset {
    /// The data set of `inputs [samples, in]` and as many `targets`.
    ///
    /// Errors: [`Error::Length`] of `ids`, [`Error::Shape`] of `values`, or [`Error::Class`] with
    /// the first row whose id is not below the number of classes.
    pub fn new(inputs: Tensor, targets: Targets) -> Result<Self> {
        match &targets {
            Targets::Classes { ids, classes } => {
                check_len("ids", inputs.rows(), ids.len())?;
                for (row, &id) in ids.iter().enumerate() {
                    let found = id as usize;
                    if found >= *classes {
                        return Err(Error::Class { row, found, classes: *classes });
                    }
                }
            }
            Targets::Values(values) => {
                check_shape("values", (inputs.rows(), values.cols()), values.shape())?;
            }
        }
        Ok(Self { inputs, targets })
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.inputs.rows()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `[samples, in]`.
    pub fn inputs(&self) -> &Tensor {
        &self.inputs
    }

    /// As many targets.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The inputs and the targets, without a copy.
    pub fn into_parts(self) -> (Tensor, Targets) {
        (self.inputs, self.targets)
    }

    /// A copy of the samples `rows`, in that order; a row may be named more than once.
    ///
    /// Errors: [`Error::Value`] of `rows` for a number that is not below [`len`](Dataset::len),
    /// [`Error::OutOfMemory`].
    pub fn select(&self, rows: &[usize]) -> Result<Dataset> {
        let mut inputs = Tensor::zeros(rows.len(), self.inputs.cols())?;
        self.gather_inputs(rows, inputs.view_mut())?;
        let targets = match &self.targets {
            Targets::Classes { classes, .. } => {
                let mut ids = buffer(rows.len())?;
                self.gather_ids(rows, &mut ids)?;
                Targets::Classes { ids, classes: *classes }
            }
            Targets::Values(values) => {
                let mut out = Tensor::zeros(rows.len(), values.cols())?;
                self.gather_values(rows, out.view_mut())?;
                Targets::Values(out)
            }
        };
        Ok(Dataset { inputs, targets })
    }

    /// Deals the samples, in random order, into a first part of `fraction * len` samples, rounded
    /// to the nearest number and a half upwards, and a second part of the others.
    ///
    /// The same `seed` gives the same parts. Classes keep their shares only on average.
    ///
    /// Errors: [`Error::Value`] of `fraction` unless `0 <= fraction <= 1`, [`Error::OutOfMemory`].
    pub fn split(&self, fraction: f64, seed: u64) -> Result<(Dataset, Dataset)> {
        if !(0.0..=1.0).contains(&fraction) {
            let expected = "a fraction between 0 and 1";
            return Err(Error::Value { argument: "fraction", expected, found: fraction });
        }
        let mut order = buffer(self.len())?;
        Rng::new(seed, stream::SPLIT).permutation(&mut order);
        let cut = (fraction * self.len() as f64).round() as usize;
        let (first, second) = order.split_at(cut.min(self.len()));
        Ok((self.select(first)?, self.select(second)?))
    }

    /// Copies the inputs of the samples `rows` to `out [rows.len(), in]`, without allocation.
    ///
    /// Errors, which leave `out` alone: [`Error::Shape`] of `out`, [`Error::Value`] of `rows` for
    /// a number that is not below [`len`](Dataset::len).
    pub fn gather_inputs(&self, rows: &[usize], out: ViewMut<'_>) -> Result<()> {
        gather(self.inputs.view(), rows, out)
    }

    /// Copies the class ids of the samples `rows` to `out`, as many, without allocation.
    ///
    /// Errors, which leave `out` alone: [`Error::Length`] of `out`, [`Error::Value`] of `rows` for
    /// a number that is not below [`len`](Dataset::len), [`Error::Mismatch`] where the targets are
    /// values.
    pub fn gather_ids(&self, rows: &[usize], out: &mut [u32]) -> Result<()> {
        let Targets::Classes { ids, .. } = &self.targets else {
            return Err(mismatch("class ids", "values"));
        };
        check_len("out", rows.len(), out.len())?;
        check_rows(rows, ids.len())?;
        for (to, &row) in out.iter_mut().zip(rows) {
            *to = ids[row];
        }
        Ok(())
    }

    /// Copies the target values of the samples `rows` to `out [rows.len(), out]`, without
    /// allocation.
    ///
    /// Errors, which leave `out` alone: [`Error::Shape`] of `out`, [`Error::Value`] of `rows` for
    /// a number that is not below [`len`](Dataset::len), [`Error::Mismatch`] where the targets are
    /// class ids.
    pub fn gather_values(&self, rows: &[usize], out: ViewMut<'_>) -> Result<()> {
        match &self.targets {
            Targets::Values(values) => gather(values.view(), rows, out),
            Targets::Classes { .. } => Err(mismatch("values", "class ids")),
        }
    }
}

fn gather(source: View<'_>, rows: &[usize], mut out: ViewMut<'_>) -> Result<()> {
    check_shape("out", (rows.len(), source.cols()), out.shape())?;
    check_rows(rows, source.rows())?;
    for (i, &row) in rows.iter().enumerate() {
        if let (Some(to), Some(from)) = (out.row_mut(i), source.row(row)) {
            to.copy_from_slice(from);
        }
    }
    Ok(())
}

fn check_rows(rows: &[usize], len: usize) -> Result<()> {
    match rows.iter().find(|&&row| row >= len) {
        None => Ok(()),
        Some(&row) => {
            let expected = "numbers below the number of samples";
            Err(Error::Value { argument: "rows", expected, found: row as f64 })
        }
    }
}

fn mismatch(expected: &'static str, found: &'static str) -> Error {
    Error::Mismatch { argument: "targets", expected, found }
}

/// `len` zeros, or the error that there is no memory for them.
fn buffer<T: Clone + Default>(len: usize) -> Result<Vec<T>> {
    let mut buffer = Vec::new();
    let bytes = len.saturating_mul(size_of::<T>());
    buffer.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { bytes })?;
    buffer.resize(len, T::default());
    Ok(buffer)
}

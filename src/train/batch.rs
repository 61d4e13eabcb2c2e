//! The rows of one batch, gathered into memory that all batches share.

use super::evaluate::of_classes;
use crate::data::{Dataset, Targets};
use crate::error::Result;
use crate::loss::Target;
use crate::tensor::{Tensor, View, ViewMut};

/// The rows of one batch, gathered from a data set.
pub(super) struct Batch {
    inputs: Tensor,
    ids: Vec<u32>,
    values: Tensor,
}

impl Batch {
    /// Room for `size` samples of the set.
    pub fn new(data: &Dataset, size: usize) -> Result<Self> {
        let inputs = Tensor::zeros(size, data.inputs().cols())?;
        let (ids, values) = match data.targets() {
            Targets::Classes { .. } => (vec![0; size], Tensor::default()),
            Targets::Values(values) => (Vec::new(), Tensor::zeros(size, values.cols())?),
        };
        Ok(Self { inputs, ids, values })
    }

    /// The samples at `rows`, at most as many as there is room for.
    pub fn gather<'b>(
        &'b mut self,
        data: &Dataset,
        rows: &[usize],
        weights: Option<&'b [f32]>,
    ) -> Result<(View<'b>, Target<'b>)> {
        data.gather_inputs(rows, first_rows(&mut self.inputs, rows.len()))?;
        let inputs = self.inputs.view().rows_range(0, rows.len());
        let target = match data.targets() {
            Targets::Classes { .. } => {
                let ids = &mut self.ids[..rows.len()];
                data.gather_ids(rows, ids)?;
                of_classes(ids, weights)
            }
            Targets::Values(_) => {
                data.gather_values(rows, first_rows(&mut self.values, rows.len()))?;
                Target::Values(self.values.view().rows_range(0, rows.len()))
            }
        };
        Ok((inputs, target))
    }
}

/// The first `rows` rows, or as many as there are.
pub(super) fn first_rows(tensor: &mut Tensor, rows: usize) -> ViewMut<'_> {
    tensor.view_mut().split_rows_at(rows).0
}

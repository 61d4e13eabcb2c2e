//! How good a network is on a data set.

use core::fmt;

use super::batch::first_rows;
use super::metrics::correct;
use crate::cpu::Cpu;
use crate::data::{Dataset, Targets};
use crate::error::{Error, Result, check_shape};
use crate::loss::{Loss, Target, Total};
use crate::network::{Network, Workspace};
use crate::tensor::Tensor;

/// How good a network is on a data set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// The loss over the whole set, reduced as the loss says.
    pub loss: f64,
    /// The share of samples whose class is predicted, from 0 to 1; `None` without classes.
    pub accuracy: Option<f64>,
}

/// Rows that are evaluated at once, which bounds the memory that a large set needs.
const EVALUATED_ROWS: usize = 1024;

/// The loss and accuracy of `network` on a data set.
///
/// Errors: [`Value`](Error::Value) names `data` if it has no samples; [`Shape`](Error::Shape) names
/// `input` or `target`, [`Class`](Error::Class) the row or [`Mismatch`](Error::Mismatch) the kind
/// of target, if the set does not fit the network and the loss.
pub fn evaluate(
    cpu: Cpu,
    network: &Network,
    workspace: &mut Workspace,
    data: &Dataset,
    loss: Loss,
) -> Result<Evaluation> {
    evaluate_weighted(cpu, network, workspace, data, (loss, None))
}

/// The same with a weight for each class.
pub(super) fn evaluate_weighted(
    cpu: Cpu,
    network: &Network,
    workspace: &mut Workspace,
    data: &Dataset,
    (loss, weights): (Loss, Option<&[f32]>),
) -> Result<Evaluation> {
    let (rows, width) = (data.len(), network.outputs());
    if rows == 0 {
        return Err(Error::Value { argument: "data", expected: "at least 1 sample", found: 0.0 });
    }
    check_fits(network, data, (loss, weights))?;
    let mut output = Tensor::zeros(rows.min(EVALUATED_ROWS), width)?;
    let (mut total, mut right) = (Total::default(), None);
    for first in (0..rows).step_by(EVALUATED_ROWS) {
        let count = EVALUATED_ROWS.min(rows - first);
        let input = data.inputs().view().rows_range(first, count);
        network.predict(cpu, workspace, input, first_rows(&mut output, count))?;
        let scores = output.view().rows_range(0, count);
        total += loss.sum(cpu, scores, targets(data, weights, first, count))?;
        if let Targets::Classes { ids, .. } = data.targets() {
            let more = correct(scores, &ids[first..first + count])?;
            right = Some(right.unwrap_or(0) + more);
        }
    }
    let accuracy = right.map(|right| right as f64 / rows as f64);
    Ok(Evaluation { loss: f64::from(loss.reduce(total)), accuracy })
}

/// Ok if the set has what the network and the loss take.
pub(super) fn check_fits(
    network: &Network,
    data: &Dataset,
    (loss, weights): (Loss, Option<&[f32]>),
) -> Result<()> {
    let rows = data.len();
    check_shape("input", (rows, network.inputs()), data.inputs().shape())?;
    if weights.is_some() && matches!(data.targets(), Targets::Values(_)) {
        let (expected, found) = ("none, for values", "class weights");
        return Err(Error::Mismatch { argument: "class_weights", expected, found });
    }
    loss.check((rows, network.outputs()), targets(data, weights, 0, rows))
}

/// The targets of `count` samples from `first` on, borrowed.
fn targets<'d>(
    data: &'d Dataset,
    weights: Option<&'d [f32]>,
    first: usize,
    count: usize,
) -> Target<'d> {
    match data.targets() {
        Targets::Classes { ids, .. } => of_classes(&ids[first..first + count], weights),
        Targets::Values(values) => Target::Values(values.view().rows_range(first, count)),
    }
}

/// Classes, weighted or not.
pub(super) fn of_classes<'d>(ids: &'d [u32], weights: Option<&'d [f32]>) -> Target<'d> {
    match weights {
        Some(weights) => Target::WeightedClasses { ids, weights },
        None => Target::Classes(ids),
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "loss {:.3e}", self.loss)?;
        match self.accuracy {
            Some(accuracy) => write!(f, " accuracy {:.2} %", 100.0 * accuracy),
            None => Ok(()),
        }
    }
}

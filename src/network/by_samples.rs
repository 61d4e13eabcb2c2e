//! Predictions of many samples on several threads: each thread takes a run of samples through all
//! layers.
//!
//! ```text
//!   thread 0   rows 0 .. r      layer 1, layer 2, ...      the threads meet once,
//!   thread 1   rows r .. 2 r    layer 1, layer 2, ...      not after every layer,
//!   ...                                                    and each reads what it wrote
//! ```
//!
//! A row of a product is the product of that row, so the results are the same. Every thread reads all
//! weights (and packs them, if they are not packed), which its samples have to be worth.

use core::mem::take;

use super::Network;
use super::walk::{For, Weights};
use super::workspace::{Arena, Workspace};
use crate::cpu::{Cpu, Parallelism};
use crate::error::Result;
use crate::parallel::{join, threads_for_macs};
use crate::scratch::Scratch;
use crate::tensor::{View, ViewMut};

/// Samples for each thread that a batch must have: with weights that are packed, and with others, which
/// each thread packs.
const FEWEST: [usize; 2] = [16, 48];

/// Elements of a weight up to which every thread reads all of it; of a larger one each reads a part.
const LARGEST: usize = 3 << 20;

/// What one thread works in.
#[derive(Clone, Debug, Default)]
pub(super) struct Part {
    pub scratch: Scratch,
    pub predictions: Arena,
}

/// The samples of each thread but the first, where each takes so many of a batch, and the last what is
/// left: threads beyond it get none.
pub(super) fn samples_of_others(each: usize, batch: usize) -> impl Iterator<Item = usize> + Clone {
    (each..batch).step_by(each).map(move |first| each.min(batch - first))
}

impl Network {
    /// Samples that each thread takes in a prediction, if the batch is divided. It is divided among all
    /// threads of the pool or not at all, so that any two divided batches use the same memory.
    pub(super) fn samples_of_each(
        &self,
        cpu: Cpu,
        batch: usize,
        weights: Weights<'_>,
    ) -> Option<usize> {
        // First what most calls need not go beyond.
        let fewest = FEWEST[usize::from(weights.is_none())];
        if batch < 2 * fewest || self.plan.outputs.len() > 1 {
            return None;
        }
        let sizes = self.plan.layers().map(|layer| layer.weight.len());
        let (all, largest) = sizes.fold((0, 0), |(all, most), size| (all + size, most.max(size)));
        let work = (all as u64).saturating_mul(batch as u64);
        let threads = threads_for_macs(cpu, work);
        let is_divided = threads > 1
            && threads == cpu.threads()
            && batch / threads >= fewest
            && largest <= LARGEST;
        is_divided.then(|| batch.div_ceil(threads))
    }

    /// A prediction in which each thread takes so many samples.
    pub(super) fn predict_by_samples(
        &self,
        cpu: Cpu,
        workspace: &mut Workspace,
        weights: Weights<'_>,
        each: usize,
        (input, output): (View<'_>, ViewMut<'_>),
    ) -> Result<()> {
        let widths = &self.plan.prediction.widths;
        let Workspace { scratch, predictions, others, .. } = workspace;
        predictions.lay_out(each, widths)?;
        let mut count = 0;
        for samples in samples_of_others(each, input.rows()) {
            if others.len() == count {
                others.push(Part::default());
            }
            // The last one may have fewer, but room for as many, so that fewer samples do not need more.
            others[count].predictions.lay_out(each, widths)?;
            others[count].predictions.lay_out(samples, widths)?;
            count += 1;
        }
        let others = &mut others[..count];
        // Nothing is allocated for the empty ones that stand in their stead.
        let mut first = Part { scratch: take(scratch), predictions: take(predictions) };
        let result = self.divide(cpu, (&mut first, others), weights, each, (input, output));
        (*scratch, *predictions) = (first.scratch, first.predictions);
        result
    }

    fn divide(
        &self,
        cpu: Cpu,
        (first, others): (&mut Part, &mut [Part]),
        weights: Weights<'_>,
        each: usize,
        (input, output): (View<'_>, ViewMut<'_>),
    ) -> Result<()> {
        let (others, rest) = others.split_at_mut(others.len() / 2);
        let Some((second, rest)) = rest.split_first_mut() else {
            let serial = cpu.with_parallelism(Parallelism::Serial);
            let Part { scratch, predictions } = first;
            let to = (&self.plan.prediction, predictions);
            let what_for = For::Prediction(weights);
            return self.walk_forward(serial, scratch, to, what_for, input, &mut [output]);
        };
        let cut = each * (others.len() + 1);
        let (head, tail) = (input.rows_range(0, cut), input.rows_range(cut, usize::MAX));
        let (to_head, to_tail) = output.split_rows_at(cut);
        let (a, b) = join(
            cpu,
            || self.divide(cpu, (first, others), weights, each, (head, to_head)),
            || self.divide(cpu, (second, rest), weights, each, (tail, to_tail)),
        );
        a.and(b)
    }
}

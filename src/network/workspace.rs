//! [`Workspace`]: the memory that a network's passes work in, owned by the caller.

use core::ops::Range;

use super::backward::Pass;
use super::by_samples::Part;
use super::masks::Masks;
use super::node::ALIGN;
use super::plan::Plan;
use crate::error::{Result, checked_size};
use crate::scratch::{Buffer, Scratch};

/// Activations, deltas, gradients and scratch of one thread that runs networks.
///
/// It grows to what is asked of it and never shrinks: a pass allocates only if it needs more than
/// any before it with this workspace. (A prediction whose samples are divided among threads takes
/// other memory than a smaller one, whose layers are divided: the first of each kind may allocate.)
/// Keep one per thread; any network may use it, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    pub(super) scratch: Scratch,
    pub(super) activations: Arena,
    pub(super) pre_activations: Arena,
    pub(super) deltas: Arena,
    pub(super) predictions: Arena,
    /// What the other threads work in where a prediction is divided by samples.
    pub(super) others: Vec<Part>,
    pub(super) gradients: Buffer,
    /// The batch and the arena of the forward pass whose activations are held.
    pub(super) held: Option<(usize, usize)>,
    /// The arena whose gradients are held.
    pub(super) gradients_of: Option<usize>,
    /// Of each output in the last pass that had any.
    pub(super) losses: Vec<f32>,
    /// Of the last forward pass, and the number of the next one.
    masks: Masks,
    next_seed: u64,
    next_pass: u64,
}

impl Workspace {
    /// A workspace that holds nothing yet.
    pub const fn new() -> Self {
        Self {
            scratch: Scratch::new(),
            activations: Arena::new(),
            pre_activations: Arena::new(),
            deltas: Arena::new(),
            predictions: Arena::new(),
            others: Vec::new(),
            gradients: Buffer::new(),
            held: None,
            gradients_of: None,
            losses: Vec::new(),
            masks: Masks { seed: 0, pass: 0, nodes: 0 },
            next_seed: 0,
            next_pass: 0,
        }
    }

    /// What the dropout nodes of the next training pass draw their masks from: `seed` and the number
    /// `pass`, from which every pass after it counts on. Both are 0 in a new workspace. With the same
    /// two a pass drops the same elements, whatever else the workspace was used for.
    pub fn set_dropout(&mut self, seed: u64, pass: u64) {
        (self.next_seed, self.next_pass) = (seed, pass);
    }

    /// The loss of each output in the last pass that computed them, without the weights.
    pub fn losses(&self) -> &[f32] {
        &self.losses
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let arenas = [&self.activations, &self.pre_activations, &self.deltas, &self.predictions];
        let arenas: usize = arenas.iter().map(|arena| arena.buffer.bytes()).sum();
        let of_other = |part: &Part| part.scratch.bytes() + part.predictions.buffer.bytes();
        let others: usize = self.others.iter().map(of_other).sum();
        self.scratch.bytes() + self.gradients.bytes() + arenas + others
    }

    /// Overwrites all that is held with NaN, for tests that look for reads of garbage.
    pub fn poison(&mut self) {
        self.scratch.poison();
        self.gradients.as_mut_slice().fill(f32::NAN);
        self.others.iter_mut().for_each(|part| part.scratch.poison());
        let Self { activations, pre_activations, deltas, predictions, others, .. } = self;
        let of_others = others.iter_mut().map(|part| &mut part.predictions);
        for arena in
            [activations, pre_activations, deltas, predictions].into_iter().chain(of_others)
        {
            arena.buffer.as_mut_slice().fill(f32::NAN);
        }
        (self.held, self.gradients_of) = (None, None);
    }

    /// Room for a training pass of `batch` samples.
    pub(super) fn prepare_training(&mut self, plan: &Plan, batch: usize) -> Result<()> {
        self.activations.lay_out(batch, &plan.training.widths)?;
        self.pre_activations.lay_out(batch, &plan.z_widths)?;
        self.deltas.lay_out(batch, &plan.delta_slots)
    }

    /// The masks of the forward pass that begins now, of a network of so many nodes.
    pub(super) fn next_masks(&mut self, nodes: usize) -> Masks {
        self.masks = Masks { seed: self.next_seed, pass: self.next_pass, nodes };
        self.next_pass = self.next_pass.wrapping_add(1);
        self.masks
    }

    /// The last forward pass is not to count: the one after it drops the same elements.
    pub(super) fn take_back_pass(&mut self) {
        self.next_pass = self.masks.pass;
    }

    /// What a backward pass reads and writes, and the gradients.
    pub(super) fn pass(&mut self) -> (Pass<'_>, &mut [f32]) {
        let Self { scratch, activations, pre_activations, deltas, gradients, masks, .. } = self;
        let masks = *masks;
        let pass = Pass { scratch, activations, pre_activations, deltas, masks };
        (pass, gradients.as_mut_slice())
    }
}

/// Matrices of one batch, one after the other, each starting on a cache line.
#[derive(Clone, Debug, Default)]
pub(super) struct Arena {
    buffer: Buffer,
    ranges: Vec<Range<usize>>,
}

impl Arena {
    const fn new() -> Self {
        Self { buffer: Buffer::new(), ranges: Vec::new() }
    }

    /// Makes room for one `[batch, width]` matrix for each width.
    pub fn lay_out(&mut self, batch: usize, widths: &[usize]) -> Result<()> {
        // As it was, most of the time.
        if self.has_layout(batch, widths) {
            return Ok(());
        }
        let Self { buffer, ranges } = self;
        ranges.clear();
        let grown = Self::place(batch, widths.iter().copied(), |range| ranges.push(range))
            .and_then(|len| buffer.grow(len));
        if grown.is_err() {
            ranges.clear();
        }
        grown
    }

    /// Tells where each matrix stands, and returns the elements that all take.
    pub fn place(
        batch: usize,
        widths: impl Iterator<Item = usize>,
        mut tell: impl FnMut(Range<usize>),
    ) -> Result<usize> {
        let mut start = 0;
        for width in widths {
            let len = checked_size("batch", batch, width)?;
            tell(start..start + len);
            start = (start + len).next_multiple_of(ALIGN);
            checked_size("batch", start, 1)?;
        }
        Ok(start)
    }

    /// Whether this is the layout that [`lay_out`](Arena::lay_out) gives these widths.
    pub fn has_layout(&self, batch: usize, widths: &[usize]) -> bool {
        let fits = |(range, &width): (&Range<usize>, &usize)| {
            batch.checked_mul(width) == Some(range.len())
        };
        self.ranges.len() == widths.len() && self.ranges.iter().zip(widths).all(fits)
    }

    /// Matrix `i`.
    pub fn get(&self, i: usize) -> &[f32] {
        &self.buffer.as_slice()[self.ranges[i].clone()]
    }

    /// Matrix `i`, for writing.
    pub fn get_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.buffer.as_mut_slice()[self.ranges[i].clone()]
    }

    /// Matrix `read` for reading and matrix `write`, another one, for writing.
    pub fn pair(&mut self, read: usize, write: usize) -> (&[f32], &mut [f32]) {
        let (r, w) = (self.ranges[read].clone(), self.ranges[write].clone());
        let all = self.buffer.as_mut_slice();
        if r.start < w.start {
            let (head, tail) = all.split_at_mut(w.start);
            (&head[r], &mut tail[..w.len()])
        } else {
            let (head, tail) = all.split_at_mut(r.start);
            (&tail[..r.len()], &mut head[w])
        }
    }
}

//! [`Step`]: one step of an optimizer, tensor by tensor, each as soon as its gradients are there.

use core::ops::Range;

use super::group::Group;
use super::optimizer::{Optimizer, part_of, rule_of};
use super::rule::{MAX_STATE, Progress, UpdateRule};

/// A step that has begun. It counts once it is [`finish`](Step::finish)ed.
pub(crate) struct Step<'a, R: UpdateRule> {
    optimizer: &'a mut Optimizer<R>,
    next: Progress,
    /// The scalars of the group that was asked for last: there is seldom another.
    prepared: Option<(Option<usize>, R::Kernel)>,
}

/// What the parameters of a tensor are updated by: the scalars, how many arrays of state there are,
/// and the tensor's part of each.
type Of<'s, K> = (&'s K, usize, [&'s mut [f32]; MAX_STATE]);

impl<R: UpdateRule> Optimizer<R> {
    /// Begins a step on parameters of this optimizer's length.
    pub(crate) fn begin(&mut self) -> Step<'_, R> {
        let next = self.rule.advance(self.progress);
        Step { optimizer: self, next, prepared: None }
    }

    /// Whether a group ends within this range, so that there are several settings for it.
    pub(crate) fn is_cut(&self, range: &Range<usize>) -> bool {
        let part = self.part_at(range.start);
        !range.is_empty() && self.parts.get(part).is_none_or(|part| part.range.end < range.end)
    }

    /// The part that a parameter belongs to.
    fn part_at(&self, place: usize) -> usize {
        self.parts.partition_point(|part| part.range.end <= place)
    }
}

impl<R: UpdateRule> Step<'_, R> {
    /// For the tensor in that range, which is not [cut](Optimizer::is_cut); none if it is to stay as
    /// it is.
    pub fn tensor(&mut self, range: Range<usize>) -> Option<Of<'_, R::Kernel>> {
        let part = self.optimizer.part_at(range.start);
        let Optimizer { rule, groups, parts, state, len, .. } = &mut *self.optimizer;
        let part = parts.get(part)?;
        if part.group.and_then(|group| groups.get(group)).is_some_and(Group::is_frozen) {
            return None;
        }
        if self.prepared.as_ref().is_none_or(|(group, _)| *group != part.group) {
            let kernel = rule_of(*rule, groups, part).prepare(self.next);
            self.prepared = Some((part.group, kernel));
        }
        let (_, kernel) = self.prepared.as_ref()?;
        Some((kernel, rule.state_arrays(), part_of(state, *len, range)))
    }

    /// The step has been taken.
    pub fn finish(self) {
        self.optimizer.progress = self.next;
    }
}

//! Groups of parameters with settings of their own.

use core::ops::Range;

use super::check;
use super::rule::UpdateRule;
use crate::error::{Error, Result};

/// Parameters that have another learning rate or weight decay than the others.
///
/// ```
/// use densecore::{Cpu, optim::{Group, Optimizer, Sgd}};
/// // No decay of the last two of four parameters, and twice the rate.
/// let group = Group::range(2..4).learning_rate(2.0).weight_decay(0.0);
/// let mut optimizer = Optimizer::with_groups(Sgd::new(0.5).weight_decay(1.0), 4, &[group])?;
/// let mut p = [1.0; 4];
/// optimizer.step(Cpu::detect(), &mut p, &[0.25; 4])?;
/// assert_eq!(p, [0.375, 0.375, 0.75, 0.75]);
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    ranges: Vec<Range<usize>>,
    learning_rate: f64,
    weight_decay: Option<f64>,
}

impl Group {
    /// The parameters in this range.
    pub fn range(range: Range<usize>) -> Self {
        Self::ranges(Some(range))
    }

    /// The parameters in these ranges, which do not overlap.
    pub fn ranges(ranges: impl IntoIterator<Item = Range<usize>>) -> Self {
        Self { ranges: ranges.into_iter().collect(), learning_rate: 1.0, weight_decay: None }
    }

    /// A factor of the rule's learning rate, not negative. With 0 the parameters, and what is known of
    /// them, stay as they are, whatever the rule and the gradient.
    pub fn learning_rate(self, factor: f64) -> Self {
        Self { learning_rate: factor, ..self }
    }

    /// A weight decay instead of the rule's.
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        Self { weight_decay: Some(weight_decay), ..self }
    }

    /// Whether its parameters are left alone.
    pub(super) fn is_frozen(&self) -> bool {
        self.learning_rate == 0.0
    }

    /// The rule with the settings of this group. Error: [`Value`](Error::Value) names
    /// `weight_decay` if the rule has none.
    pub(super) fn rule<R: UpdateRule>(&self, mut rule: R) -> Result<R> {
        check::not_negative("learning_rate", self.learning_rate)?;
        *rule.learning_rate_mut() *= self.learning_rate;
        if let Some(weight_decay) = self.weight_decay {
            match rule.weight_decay_mut() {
                Some(setting) => *setting = weight_decay,
                None => {
                    let expected = "0 for a rule without weight decay";
                    check::within("weight_decay", expected, weight_decay, weight_decay == 0.0)?;
                }
            }
        }
        Ok(rule)
    }
}

/// Neighbouring parameters of one group, or of none.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub range: Range<usize>,
    pub group: Option<usize>,
}

/// All parameters from 0 to `len` in order.
pub(super) fn parts(groups: &[Group], len: usize) -> Result<Vec<Part>> {
    let of_group = |(group, of): (usize, &Group)| {
        let part = move |range: Range<usize>| Part { range, group: Some(group) };
        of.ranges.clone().into_iter().filter(|range| !range.is_empty()).map(part)
    };
    let mut grouped: Vec<_> = groups.iter().enumerate().flat_map(of_group).collect();
    grouped.sort_by_key(|part| part.range.start);
    let mut parts = Vec::new();
    let mut end = 0;
    for part in grouped {
        let Range { start, end: stop } = part.range;
        let ranges = |expected, found: usize| {
            Err(Error::Value { argument: "ranges", expected, found: found as f64 })
        };
        if start < end {
            return ranges("each parameter in one group at most", start);
        }
        if stop > len {
            return ranges("an end that is not beyond the parameters", stop);
        }
        parts.push(Part { range: end..start, group: None });
        parts.push(part);
        end = stop;
    }
    parts.push(Part { range: end..len, group: None });
    parts.retain(|part| !part.range.is_empty());
    Ok(parts)
}

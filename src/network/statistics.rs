//! [`Statistics`]: what the numbers of a tensor are like.
//!
//! ```text
//!   mean = 1/n sum x        std = sqrt(1/n sum (x - mean)^2)        of the n finite numbers
//! ```
//!
//! Both sums are in f64, from the first number to the last, so they are the same bits anywhere.

use core::fmt;

use super::Network;
use super::node::Node;
use super::table::{Table, decimal, thousands};
use super::workspace::Workspace;
use crate::tensor::View;

/// What a set of numbers is like. What NaN and infinity would spoil is that of the finite numbers;
/// NaN if there are none.
///
/// ```
/// use densecore::network::Statistics;
/// let found = Statistics::of(&[0.0, 1.0, 2.0, f32::NAN]);
/// assert_eq!((found.mean, found.min, found.max), (1.0, 0.0, 2.0));
/// assert_eq!((found.zeros, found.not_finite), (0.25, 1));
/// let text = "4 numbers, mean 1.0000, std 0.8165, min 0, max 2.0000, zeros 25.0 %, not finite 1";
/// assert_eq!(found.to_string(), text);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// How many numbers, finite or not.
    pub count: usize,
    /// The mean.
    pub mean: f64,
    /// The standard deviation of these numbers, not an estimate from them: divided by n.
    pub std: f64,
    /// The least.
    pub min: f32,
    /// The greatest.
    pub max: f32,
    /// The share of all numbers that are 0 or -0.
    pub zeros: f64,
    /// How many are NaN or infinite.
    pub not_finite: usize,
}

impl Statistics {
    /// Those of `values`.
    pub fn of(values: &[f32]) -> Self {
        let finite = || values.iter().copied().filter(|x| x.is_finite());
        let (mut count, mut zeros, mut sum) = (0, 0, 0.0);
        let (mut min, mut max) = (f32::NAN, f32::NAN);
        for x in finite() {
            // The first takes the place of NaN.
            min = if min <= x { min } else { x };
            max = if max >= x { max } else { x };
            sum += f64::from(x);
            zeros += usize::from(x == 0.0);
            count += 1;
        }
        let mean = sum / count as f64;
        let squares = finite().fold(0.0, |sum, x| {
            let from_mean = f64::from(x) - mean;
            sum + from_mean * from_mean
        });
        Self {
            count: values.len(),
            mean,
            std: (squares / count as f64).sqrt(),
            min,
            max,
            zeros: zeros as f64 / values.len() as f64,
            not_finite: values.len() - count,
        }
    }

    /// As they are shown, in the order of the fields.
    fn texts(&self) -> [String; 7] {
        [
            thousands(self.count as u64),
            decimal(self.mean),
            decimal(self.std),
            decimal(self.min.into()),
            decimal(self.max.into()),
            format!("{:.1} %", 100.0 * self.zeros),
            thousands(self.not_finite as u64),
        ]
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [count, mean, std, min, max, zeros, not_finite] = self.texts();
        write!(f, "{count} numbers, mean {mean}, std {std}, min {min}, max {max}, ")?;
        write!(f, "zeros {zeros}, not finite {not_finite}")
    }
}

/// The statistics of several tensors; printed, a table.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StatisticsTable {
    /// Each with the tensor's name.
    pub rows: Vec<(String, Statistics)>,
}

impl StatisticsTable {
    /// Those of the tensor of that name, if there is one.
    pub fn get(&self, name: &str) -> Option<&Statistics> {
        self.rows.iter().find(|row| row.0 == name).map(|row| &row.1)
    }
}

impl fmt::Display for StatisticsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = ["tensor", "count", "mean", "std", "min", "max", "zeros", "not finite"];
        let mut rows = vec![heading.map(str::to_string).to_vec()];
        for (name, statistics) in &self.rows {
            rows.push([name.clone()].into_iter().chain(statistics.texts()).collect());
        }
        Table { rows, left: 1 }.fmt(f)
    }
}

impl Network {
    /// The statistics of each layer's weight and of its bias if it has one, as `layers.0.weight`,
    /// `layers.0.bias`.
    ///
    /// ```
    /// use densecore::{Activation, Network};
    /// let network = Network::mlp(&[16, 8, 1], Activation::Tanh, 42)?;
    /// let statistics = network.parameter_statistics();
    /// assert_eq!(statistics.get("layers.0.weight").map(|s| s.count), Some(128));
    /// assert_eq!(statistics.get("layers.1.bias").map(|s| s.zeros), Some(1.0));
    /// println!("{statistics}");
    /// # Ok::<(), densecore::Error>(())
    /// ```
    pub fn parameter_statistics(&self) -> StatisticsTable {
        self.tensors_of(self.parameters())
    }

    /// The same of the [`gradients`](Network::gradients) in a workspace; none if it holds none of this
    /// network.
    pub fn gradient_statistics(&self, workspace: &Workspace) -> Option<StatisticsTable> {
        self.check_gradients(workspace).ok()?;
        Some(self.tensors_of(self.gradients(workspace)))
    }

    /// The statistics of what each node returned in the last forward pass with this workspace that
    /// trained; none if it holds none of a network of these shapes, as after a
    /// [`train_step`](Network::train_step) that applies gradients at once. The input is with the caller.
    pub fn activation_statistics(&self, workspace: &Workspace) -> Option<StatisticsTable> {
        let of = |y: View<'_>| Statistics::of(y.as_contiguous().unwrap_or(&[]));
        let rows = self.activations(workspace)?.map(|(name, _, y)| (name.to_string(), of(y)));
        Some(StatisticsTable { rows: rows.collect() })
    }

    /// What the nodes after the input returned in the forward pass that the workspace holds, if it
    /// holds one: their names, what they are, and matrices without gaps.
    pub(super) fn activations<'w>(
        &'w self,
        workspace: &'w Workspace,
    ) -> Option<impl Iterator<Item = (&'w str, &'w Node, View<'w>)>> {
        let (batch, _) = workspace.held?;
        self.check_held(workspace, batch).ok()?;
        let nodes = self.names.iter().zip(&self.plan.nodes).enumerate().skip(1);
        Some(nodes.map(move |(i, (name, node))| {
            (name.as_str(), node, self.plan.matrix(i, batch, workspace.activations.get(i - 1)))
        }))
    }

    /// Each tensor's part of an arena in the layout of the parameters.
    fn tensors_of(&self, arena: &[f32]) -> StatisticsTable {
        let mut rows = Vec::new();
        for (name, node) in self.names.iter().zip(&self.plan.nodes) {
            let Some(layer) = node.layer() else { continue };
            for (tensor, range) in [("weight", &layer.weight), ("bias", &layer.bias)] {
                if !range.is_empty() {
                    let values = arena.get(range.clone()).unwrap_or(&[]);
                    rows.push((format!("{name}.{tensor}"), Statistics::of(values)));
                }
            }
        }
        StatisticsTable { rows }
    }
}

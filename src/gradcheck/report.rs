//! [`Report`]: what a check has found.

use core::fmt;

use super::difference::Comparison;
use super::node::Layer;

/// What a check has found. Parameters are numbered layer after layer, the weight row after row and
/// then the bias; [`place`](Report::place) says where one is.
#[derive(Clone, Debug)]
pub struct Report {
    /// The analytic gradient in f64 against central differences: relative errors. Entries that
    /// are small next to the noise of the differences are compared with that noise.
    pub mathematics: Comparison,
    /// Parameters left out of [`mathematics`](Report::mathematics), because the loss has a kink
    /// within the step, as it has where the input of a ReLU changes sign, or bends too much.
    pub skipped: usize,
    /// The f32 gradients against the analytic ones in f64: errors in units of their bounds.
    pub kernels: Comparison,
    /// The error of the f32 loss, in units of its bound.
    pub loss_error: f64,
    pub(super) layers: Vec<Layer>,
}

impl Report {
    /// The relative error that is allowed between the analytic gradient and the differences.
    pub const TOLERANCE: f64 = 1e-7;

    /// Whether all errors are within what is allowed, and no more parameters were
    /// skipped than compared. A NaN anywhere does not pass.
    pub fn passes(&self) -> bool {
        self.mathematics.passes(Self::TOLERANCE)
            && self.skipped <= self.mathematics.compared
            && self.kernels.passes(1.0)
            && self.loss_error <= 1.0
    }

    /// Where parameter `index` is, such as `layers.0.weight[1, 2]`, or in a graph `trunk.bias[3]`: by
    /// the name of the node.
    pub fn place(&self, index: usize) -> Option<String> {
        self.layers.iter().find_map(|layer| {
            let name = &layer.name;
            if layer.weight.contains(&index) {
                let i = index - layer.weight.start;
                let (row, col) = (i / layer.outputs, i % layer.outputs);
                Some(format!("{name}.weight[{row}, {col}]"))
            } else if layer.bias.contains(&index) {
                Some(format!("{name}.bias[{}]", index - layer.bias.start))
            } else {
                None
            }
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = |c: &Comparison| self.place(c.index).unwrap_or_default();
        let (m, k) = (&self.mathematics, &self.kernels);
        writeln!(f, "{}", if self.passes() { "passed" } else { "FAILED" })?;
        writeln!(
            f,
            "f64 against differences: error {:.1e} of {:.0e} at {}; {} compared, {} skipped",
            m.error,
            Self::TOLERANCE,
            place(m),
            m.compared,
            self.skipped
        )?;
        writeln!(
            f,
            "f32 against f64: error {:.1e} of its bound at {}; {} compared",
            k.error,
            place(k),
            k.compared
        )?;
        write!(f, "f32 loss against f64: error {:.1e} of its bound", self.loss_error)
    }
}

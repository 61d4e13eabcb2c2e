//! Gradients checked twice: the mathematics against differences, the f32 kernels against the
//! mathematics.
//!
//! A difference quotient in f32 shows two or three digits, too few to tell a wrong kernel from
//! rounding. So [`check_network`] goes over f64:
//!
//! | compared | with | shows errors of | allowed |
//! |---|---|---|---|
//! | analytic gradient in f64 | central differences in f64 | the formulas | `1e-7`, relative |
//! | gradients and loss in f32 | the same in f64 | the code | a bound on their rounding errors |
//!
//! The bound follows every rounding through both passes, with the terms of each sum taken
//! absolutely, so a gradient whose terms cancel is not blamed for its small size.
//!
//! [`central_difference`], [`numeric_gradient`] and [`compare`] do the same for a function of one's
//! own.
//!
//! | file | what |
//! |---|---|
//! | `difference` | slopes from differences, and the comparison |
//! | `reference` | the network in f64: forward, loss, backward |
//! | `loss` | losses in f64 |
//! | `bound`, `loss_bound` | how far f32 may be from them |
//! | `matrix` | products of small matrices in f64 |

mod bound;
mod difference;
mod loss;
mod loss_bound;
mod matrix;
mod reference;
#[cfg(test)]
mod tests;

use core::fmt;

pub use difference::{Comparison, central_difference, compare, numeric_gradient};

use crate::cpu::Cpu;
use crate::error::{Error, Result, check_len, checked_size};
use crate::loss::{Loss, Target};
use crate::network::{Network, Workspace};
use crate::tensor::View;
use bound::Rounding;
use difference::{f_along, relative_error, slope};
use reference::{Layer, Model};

/// The steps of the differences, for parameters up to 1; for larger ones in proportion. The second
/// is for a loss that the first is too coarse for; it is the one with more noise.
const STEPS: [f64; 2] = [1.0 / 32768.0, 1.0 / 524288.0];

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
    layers: Vec<Layer>,
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

    /// Where parameter `index` is, such as `layers.0.weight[1, 2]`.
    pub fn place(&self, index: usize) -> Option<String> {
        self.layers.iter().enumerate().find_map(|(l, layer)| {
            if layer.weight.contains(&index) {
                let i = index - layer.weight.start;
                let (row, col) = (i / layer.outputs, i % layer.outputs);
                Some(format!("layers.{l}.weight[{row}, {col}]"))
            } else if layer.bias.contains(&index) {
                Some(format!("layers.{l}.bias[{}]", index - layer.bias.start))
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

/// Checks the loss and the gradients of a network on a batch.
///
/// This runs the network in f64 five times for each parameter, or ten: it is meant for small ones.
///
/// Errors: those of [`Network::loss_and_gradients`], and [`Mismatch`](Error::Mismatch) names a
/// `target` with class weights, which are not transcribed.
///
/// ```
/// use densecore::gradcheck::check_network;
/// use densecore::loss::{Loss, Reduction, Target};
/// use densecore::{Activation, Network, View};
/// let network = Network::mlp(&[3, 5, 4], Activation::Tanh, 1)?;
/// let input = View::new(2, 3, &[0.5, -1.0, 2.0, 0.0, 1.5, -0.5])?;
/// let loss = Loss::CrossEntropy(Reduction::Mean);
/// let report = check_network(&network, input, Target::Classes(&[3, 0]), loss)?;
/// assert!(report.passes(), "{report}");
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn check_network(
    network: &Network,
    input: View<'_>,
    target: Target<'_>,
    loss: Loss,
) -> Result<Report> {
    let mut workspace = Workspace::new();
    let cpu = Cpu::detect();
    let value = network.loss_and_gradients(cpu, &mut workspace, input, target, loss)?;
    check_gradients(network, input, target, loss, (value, network.gradients(&workspace)))
}

/// Checks a loss and gradients that were computed elsewhere, or on another `Cpu`. The gradients
/// have the layout of [`Network::parameters`].
///
/// Errors: those of [`Network::loss_and_gradients`]; [`Length`](crate::Error::Length) names
/// `gradients`.
pub fn check_gradients(
    network: &Network,
    input: View<'_>,
    target: Target<'_>,
    loss: Loss,
    (value, gradients): (f32, &[f32]),
) -> Result<Report> {
    // The f32 passes know what fits what.
    let mut workspace = Workspace::new();
    let output = network.forward(Cpu::detect(), &mut workspace, input)?;
    loss.value(Cpu::detect(), output, target)?;
    check_len("gradients", network.parameters().len(), gradients.len())?;
    if matches!(target, Target::WeightedClasses { .. }) {
        let (expected, found) = ("targets without class weights", "class weights");
        return Err(Error::Mismatch { argument: "target", expected, found });
    }
    for width in network.widths() {
        checked_size("batch", input.rows().saturating_mul(2), width)?; // f64 is twice as wide
    }
    checked_size("parameters", network.parameters().len(), 2)?;

    let found: Vec<f64> = (0..network.layers())
        .map_while(|i| network.layer_of(gradients, i))
        .flat_map(|layer| layer.weight.iter_rows().flatten().chain(layer.bias))
        .map(|&g| f64::from(g))
        .collect();
    let (model, parameters) = Model::new(network, input, target, loss);
    Ok(check(model, &parameters, (f64::from(value), &found)))
}

fn check(model: Model, parameters: &[f64], (found_loss, found): (f64, &[f64])) -> Report {
    let forward = model.forward(parameters);
    let backward = model.backward(parameters, &forward);
    let f32 = Rounding::F32.bounds(&model, parameters, &forward, &backward);
    let f64 = Rounding::F64.bounds(&model, parameters, &forward, &backward);

    let (mathematics, skipped) =
        check_mathematics(&model, parameters, &backward.gradient, f64.loss);
    let exact = backward.gradient.iter().zip(&f32.gradient);
    let kernels = found.iter().zip(exact).map(|(&g, (&exact, &bound))| in_bounds(g, exact, bound));
    Report {
        mathematics,
        skipped,
        kernels: Comparison::largest(kernels.enumerate()),
        loss_error: in_bounds(found_loss, model.value(parameters), f32.loss),
        layers: model.layers,
    }
}

/// The analytic gradient against differences of the loss, each of whose values is off by up to
/// `noise`; and how many entries could not be compared.
fn check_mathematics(
    model: &Model,
    parameters: &[f64],
    analytic: &[f64],
    noise: f64,
) -> (Comparison, usize) {
    let mut loss = |parameters: &[f64]| model.value(parameters);
    let mut point = parameters.to_vec();
    let mut skipped = 0;
    let errors = (0..parameters.len()).filter_map(|i| {
        let x = parameters[i];
        let error = STEPS.into_iter().find_map(|step| {
            let step = step * x.abs().max(1.0);
            // Two values over half a step, and a second difference of such slopes, put at most
            // 16 noise / step into `slope`, which looks at a quarter of the tolerance.
            let floor = 64.0 * noise / step / Report::TOLERANCE;
            let along = |x_i: f64| f_along(&mut loss, &mut point, i, x_i);
            let slope = slope(along, x, step, (Report::TOLERANCE, floor));
            (!slope.kink).then(|| relative_error(analytic[i], slope.value, floor))
        });
        skipped += usize::from(error.is_none());
        error.map(|error| (i, error))
    });
    let worst = Comparison::largest(errors);
    (worst, skipped)
}

/// `|found - exact| / bound`; without a bound there is nothing to hold on to.
fn in_bounds(found: f64, exact: f64, bound: f64) -> f64 {
    let error = (found - exact).abs();
    if error.is_finite() && bound.is_finite() { error / bound } else { f64::INFINITY }
}

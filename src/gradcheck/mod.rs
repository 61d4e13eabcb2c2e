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
//! A network may be any graph, with several outputs ([`check_network_all`]). Its dropout nodes drop
//! what they drop in the first pass of a new [`Workspace`]: seed 0 and pass 0 of
//! [`Workspace::set_dropout`]. With these masks held the loss is a function of the parameters, and
//! has slopes.
//!
//! [`central_difference`], [`numeric_gradient`] and [`compare`] do the same for a function of one's
//! own.
//!
//! | file | what |
//! |---|---|
//! | `difference` | slopes from differences, and the comparison |
//! | `node` | what each kind of node computes and hands down, in f64 |
//! | `reference` | the network in f64: forward, loss, backward |
//! | `loss` | losses in f64 |
//! | `bound`, `loss_bound` | how far f32 may be from them |
//! | `matrix` | products of small matrices in f64 |
//! | `report` | what was found, and where |

mod bound;
mod difference;
mod loss;
mod loss_bound;
mod matrix;
mod node;
mod reference;
mod report;
#[cfg(test)]
mod tests;

pub use difference::{Comparison, central_difference, compare, numeric_gradient};
pub use report::Report;

use crate::cpu::Cpu;
use crate::error::{Error, Result, check_len, checked_size};
use crate::gemm::Accum;
use crate::loss::{Loss, Target};
use crate::network::{Network, Objective, Workspace};
use crate::tensor::View;
use bound::Rounding;
use difference::{f_along, relative_error, slope};
use node::Node;
use reference::Model;

/// The steps of the differences, for parameters up to 1; for larger ones in proportion. The second
/// is for a loss that the first is too coarse for; it is the one with more noise.
const STEPS: [f64; 2] = [1.0 / 32768.0, 1.0 / 524288.0];

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
    check_network_all(network, input, &[Objective::new(target, loss)])
}

/// The same for a network of several outputs, with an objective for each, in their order.
///
/// Errors: those of [`Network::loss_and_gradients_all`].
///
/// ```
/// use densecore::gradcheck::check_network_all;
/// use densecore::{Activation, Loss, Network, Objective, Target, View};
/// let network = Network::graph(3)
///     .dense("trunk", "input", 5, Activation::Tanh)
///     .dropout("quiet", "trunk", 0.25)
///     .dense("class", "quiet", 4, Activation::Identity)
///     .concat("wide", &["trunk", "input"])
///     .dense("size", "wide", 1, Activation::Identity)
///     .output("class")
///     .output("size")
///     .build()?;
/// let input = View::new(2, 3, &[0.5, -1.0, 2.0, 0.0, 1.5, -0.5])?;
/// let class = Objective::new(Target::Classes(&[3, 0]), Loss::CROSS_ENTROPY);
/// let size = Objective::new(Target::Values(View::new(2, 1, &[1.0, -1.0])?), Loss::MSE);
/// let report = check_network_all(&network, input, &[class, size.weight(0.1)])?;
/// assert!(report.passes(), "{report}");
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn check_network_all(
    network: &Network,
    input: View<'_>,
    objectives: &[Objective<'_>],
) -> Result<Report> {
    let (cpu, mut workspace) = (Cpu::detect(), Workspace::new());
    let replace = Accum::Replace;
    let value = network.loss_and_gradients_all(cpu, &mut workspace, input, objectives, replace)?;
    check_gradients_all(network, input, objectives, (value, network.gradients(&workspace)))
}

/// Checks a loss and gradients that were computed elsewhere, or on another `Cpu`. The gradients
/// have the layout of [`Network::parameters`]; those of a network with dropout are of seed 0 and pass
/// 0, with which a new [`Workspace`] starts.
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
    check_gradients_all(network, input, &[Objective::new(target, loss)], (value, gradients))
}

/// The same for a network of several outputs, with an objective for each, in their order.
///
/// Errors: those of [`Network::loss_and_gradients_all`]; [`Length`](crate::Error::Length) names
/// `gradients`.
pub fn check_gradients_all(
    network: &Network,
    input: View<'_>,
    objectives: &[Objective<'_>],
    (value, gradients): (f32, &[f32]),
) -> Result<Report> {
    // The f32 passes know what fits what.
    let (cpu, mut workspace) = (Cpu::detect(), Workspace::new());
    let replace = Accum::Replace;
    network.loss_and_gradients_all(cpu, &mut workspace, input, objectives, replace)?;
    check_len("gradients", network.parameters().len(), gradients.len())?;
    let is_weighted = |o: &Objective<'_>| matches!(o.target, Target::WeightedClasses { .. });
    if objectives.iter().any(is_weighted) {
        let (expected, found) = ("targets without class weights", "class weights");
        return Err(Error::Mismatch { argument: "target", expected, found });
    }
    for node in network.nodes() {
        checked_size("batch", input.rows().saturating_mul(2), node.width)?; // f64 is twice as wide
    }
    checked_size("parameters", network.parameters().len(), 2)?;

    let found: Vec<f64> = (0..network.layers())
        .map_while(|i| network.layer_of(gradients, i))
        .flat_map(|layer| layer.weight.iter_rows().flatten().chain(layer.bias))
        .map(|&g| f64::from(g))
        .collect();
    let (model, parameters) = Model::new(network, input, objectives)?;
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
        layers: model.nodes.into_iter().filter_map(Node::into_layer).collect(),
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

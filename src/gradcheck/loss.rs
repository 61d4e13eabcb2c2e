//! Losses in f64: value and gradient of a row, as the tables of [`loss`](crate::loss) have them.

use super::matrix::Matrix;
use crate::loss::{CrossEntropyOptions, Loss, Margin, Reduction, Target};

/// An element's loss and its slope, and for each the sum of the magnitudes of its terms, of which
/// every rounding is a part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub value: f64,
    pub slope: f64,
    pub value_size: f64,
    pub slope_size: f64,
}

/// Targets in the shape of the output: of classes the share of each, 1 at the right one without
/// smoothing; and what the sum of the losses is divided by.
pub(super) fn targets(loss: Loss, target: Target<'_>, outputs: usize) -> (Matrix, f64) {
    let CrossEntropyOptions { label_smoothing, ignore_index } = options(loss);
    let (kept, a) = (1.0 - f64::from(label_smoothing), f64::from(label_smoothing));
    let smooth = |share: f64| kept * share + a / outputs as f64;
    let (targets, counted) = match target {
        Target::Values(values) => (Matrix::from_view(values).map(smooth), values.rows()),
        Target::Classes(ids) | Target::WeightedClasses { ids, .. } => {
            let is_counted = |id: u32| Some(id) != ignore_index;
            let share = |i: usize, j: usize| match is_counted(ids[i]) {
                true => smooth(f64::from(u8::from(ids[i] as usize == j))),
                false => 0.0,
            };
            let counted = ids.iter().filter(|&&id| is_counted(id)).count();
            (Matrix::from_fn(ids.len(), outputs, share), counted)
        }
    };
    let divisor = match loss.reduction() {
        Reduction::Sum => 1.0,
        Reduction::BatchMean => targets.rows as f64,
        Reduction::Mean if is_of_rows(loss) => counted as f64,
        Reduction::Mean => counted as f64 * outputs as f64,
    };
    (targets, divisor)
}

/// The loss of a row and its gradient.
pub(super) fn row(loss: Loss, x: &[f64], t: &[f64]) -> (f64, Vec<f64>) {
    match loss {
        Loss::CrossEntropy(_) | Loss::CrossEntropyWith(..) => {
            let Softmax { max, sum, p } = softmax(x);
            let total: f64 = t.iter().sum();
            let right: f64 = x.iter().zip(t).map(|(x, t)| t * (x - max)).sum();
            (total * sum.ln() - right, p.iter().zip(t).map(|(p, t)| total * p - t).collect())
        }
        Loss::MultiMargin(margin, _) => multi_margin(margin, x, t),
        _ => {
            let elements = x.iter().zip(t).map(|(&x, &t)| element(loss, x, t));
            let (values, slopes): (Vec<f64>, _) = elements.map(|e| (e.value, e.slope)).unzip();
            (values.iter().sum(), slopes)
        }
    }
}

/// `1 / n sum over j != y of h_j^p`, `h_j = max(0, margin - x_y + x_j)`
fn multi_margin(Margin { p, margin }: Margin, x: &[f64], t: &[f64]) -> (f64, Vec<f64>) {
    let (y, n) = (right_class(t), x.len() as f64);
    let (mut value, mut gradient) = (0.0, vec![0.0; x.len()]);
    for j in (0..x.len()).filter(|&j| j != y) {
        let h = f64::from(margin) - x[y] + x[j];
        if h > 0.0 {
            let slope = if p == 2 { 2.0 * h } else { 1.0 };
            value += if p == 2 { h * h } else { h } / n;
            gradient[j] = slope / n;
            gradient[y] -= slope / n;
        }
    }
    (value, gradient)
}

/// Where the target is 1.
pub(super) fn right_class(t: &[f64]) -> usize {
    t.iter().position(|&t| t == 1.0).unwrap_or(0)
}

/// The loss of an element; NaN for a loss that has none.
pub(super) fn element(loss: Loss, x: f64, t: f64) -> Element {
    let d = x - t;
    let own = |value: f64, slope: f64| Element {
        value,
        slope,
        value_size: value.abs(),
        slope_size: slope.abs(),
    };
    let sized =
        |value, slope, value_size, slope_size| Element { value, slope, value_size, slope_size };
    match loss {
        Loss::SquaredError(_) => own(d * d, 2.0 * d),
        Loss::AbsoluteError(_) => own(d.abs(), sign(d)),
        Loss::Huber(huber, _) => {
            let delta = f64::from(huber.delta);
            let c = d.clamp(-delta, delta);
            own(c * (d - c / 2.0), c)
        }
        Loss::SmoothL1(smooth, _) => {
            let beta = f64::from(smooth.beta);
            let c = if d.abs() < beta { d / beta } else { sign(d) };
            own(c * (d - c * beta / 2.0), c)
        }
        Loss::LogCosh(_) => {
            let value = d.abs() + (-2.0 * d.abs()).exp().ln_1p() - core::f64::consts::LN_2;
            sized(value, d.tanh(), d.abs() + 1.0, d.tanh().abs())
        }
        Loss::BinaryCrossEntropy(_) => {
            let (log, log_of_rest) = (x.ln().max(-100.0), (-x).ln_1p().max(-100.0));
            let value = -(t * log + (1.0 - t) * log_of_rest);
            let divisor = (x * (1.0 - x)).max(1e-12);
            sized(value, d / divisor, value.abs(), (x.abs() + t.abs()) / divisor)
        }
        Loss::BinaryCrossEntropyWithLogits(is, _) => {
            let (positive, negative) = (f64::from(is.pos_weight) * t, 1.0 - t);
            let value = positive * softplus(-x) + negative * softplus(x);
            let (up, down) = (negative * sigmoid(x), positive * sigmoid(-x));
            let size = (positive * softplus(-x)).abs() + (negative * softplus(x)).abs();
            sized(value, up - down, size, up.abs() + down.abs())
        }
        Loss::Hinge(hinge, _) => {
            let h = f64::from(hinge.margin) - t * x;
            let slope = if h > 0.0 { -t } else { 0.0 };
            sized(h.max(0.0), slope, f64::from(hinge.margin).abs() + (t * x).abs(), 0.0)
        }
        Loss::SquaredHinge(hinge, _) => {
            let h = (f64::from(hinge.margin) - t * x).max(0.0);
            let size = f64::from(hinge.margin).abs() + (t * x).abs();
            sized(h * h, -2.0 * t * h, size * size, 2.0 * t.abs() * size)
        }
        Loss::SoftMargin(_) => {
            let (value, slope) = (softplus(-t * x), -t * sigmoid(-t * x));
            let z = (t * x).abs();
            sized(value, slope, value + z, slope.abs() * (1.0 + z))
        }
        Loss::PoissonNll(is, _) => {
            let rate = if is.log_input { x.exp() } else { x + f64::from(is.epsilon) };
            let (first, log) = if is.log_input { (rate, x) } else { (x, rate.ln()) };
            let slope = if is.log_input { rate - t } else { 1.0 - t / rate };
            let slope_size = if is.log_input { rate + t.abs() } else { 1.0 + (t / rate).abs() };
            let (tau, is_added) = (core::f64::consts::TAU, is.full && t > 1.0);
            let stirling = if is_added { t * t.ln() - t + (tau * t).ln() / 2.0 } else { 0.0 };
            let size = first.abs() + (t * log).abs() + t.abs() + stirling.abs() + 2.0 * t.abs();
            sized(first - t * log + stirling, slope, size, slope_size)
        }
        Loss::KlDivergence(is, _) => {
            let (p, log) = if is.log_target { (t.exp(), t) } else { (t, t.ln()) };
            let value = if p == 0.0 { 0.0 } else { p * (log - x) };
            let size = if p == 0.0 { 0.0 } else { p.abs() * (log.abs() + x.abs()) };
            sized(value, -p, size, p.abs())
        }
        Loss::Nll(_) => own(-t * x, -t),
        Loss::CrossEntropy(_) | Loss::CrossEntropyWith(..) | Loss::MultiMargin(..) => {
            own(f64::NAN, f64::NAN)
        }
    }
}

fn options(loss: Loss) -> CrossEntropyOptions {
    match loss {
        Loss::CrossEntropyWith(options, _) => options,
        _ => CrossEntropyOptions::default(),
    }
}

/// Whether the mean is over rows.
fn is_of_rows(loss: Loss) -> bool {
    use Loss::{CrossEntropy, CrossEntropyWith, MultiMargin, Nll};
    matches!(loss, CrossEntropy(_) | CrossEntropyWith(..) | MultiMargin(..) | Nll(_))
}

/// -1, 0 or 1.
fn sign(d: f64) -> f64 {
    if d == 0.0 { 0.0 } else { d.signum() }
}

/// `log(1 + e^x)`
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// `p_j = e^(z_j - max) / sum`, `sum = sum_k e^(z_k - max)`
pub(super) struct Softmax {
    pub max: f64,
    pub sum: f64,
    pub p: Vec<f64>,
}

pub(super) fn softmax(z: &[f64]) -> Softmax {
    let max = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let e: Vec<f64> = z.iter().map(|z| (z - max).exp()).collect();
    let sum: f64 = e.iter().sum();
    Softmax { max, sum, p: e.iter().map(|e| e / sum).collect() }
}

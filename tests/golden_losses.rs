//! The same losses and gradients as PyTorch, with every reduction and option, at every level.
//!
//! Tolerances are computed as in `golden.rs`: each formula is written out in numbers that carry a
//! bound on the rounding errors of f32, and its value must agree with PyTorch's to 1e-11. The
//! bounds grant an elementary function 4 ulp and a sum of k terms `k eps sum |terms|`.

mod support;

use std::collections::BTreeSet;

use densecore::loss::{
    AbsoluteError, BinaryCrossEntropy, BinaryCrossEntropyByColumn, BinaryCrossEntropyWithLogits,
    CrossEntropy, ElementLoss, Hinge, Huber, KlDivergence, LogCosh, MultiMargin, Nll, PoissonNll,
    Reduction, RowLoss, SmoothL1, SoftCrossEntropy, SoftMargin, SquaredError, SquaredHinge,
};
use densecore::{Cpu, Result, Tensor, View, ViewMut};
use support::bounded::{Bounded, exact, rounded, sum};
use support::cpus;
use support::golden::{Compared, Golden};
use support::reference::softmax;

/// What is compared, and which cases were.
struct Run {
    golden: Golden,
    compared: Compared,
    cases: BTreeSet<String>,
}

/// A call without reduction.
type Elements<'a> = dyn Fn(Cpu, View<'_>, ViewMut<'_>, Option<ViewMut<'_>>) -> Result<()> + 'a;

/// How a loss is called, without and with gradient: reduced, or without reduction.
struct Calls<'a> {
    value: &'a dyn Fn(Cpu, View<'_>, Reduction) -> Result<f32>,
    both: &'a dyn Fn(Cpu, View<'_>, Reduction, ViewMut<'_>) -> Result<f32>,
    in_place: &'a dyn Fn(Cpu, ViewMut<'_>, Reduction) -> Result<f32>,
    elements: &'a Elements<'a>,
}

/// Losses of elements or rows, their gradients before reduction, and the divisor of the mean.
struct Expected {
    losses: Vec<Bounded>,
    slopes: Vec<Bounded>,
    divisor: f64,
}

impl Run {
    /// Compares one case.
    fn case(&mut self, name: &str, calls: &Calls<'_>, expected: &Expected) -> Result<()> {
        let tensor = |field: &str| self.golden.tensor(&format!("{name}/{field}"));
        let (input, value, gradient) = (tensor("input"), tensor("loss"), tensor("d_input"));
        let (rows, cols) = (input.shape[0], input.shape[1]);
        let x = input.to_rounded().0;
        let x = View::new(rows, cols, &x)?;
        let Expected { losses, slopes, divisor } = expected;
        let (reduction, divisor) = match name.rsplit('/').next() {
            Some("mean") => (Some(Reduction::Mean), *divisor),
            Some("batchmean") => (Some(Reduction::BatchMean), rows as f64),
            Some("sum") => (Some(Reduction::Sum), 1.0),
            _ => (None, 1.0),
        };
        let factor = rounded(1.0 / divisor);
        let scaled = |all: &[Bounded]| all.iter().map(|&x| x * factor).collect::<Vec<_>>();
        for cpu in cpus() {
            let nan = |cols: usize| Tensor::from_vec(rows, cols, vec![f32::NAN; rows * cols]);
            let mut d = nan(cols)?;
            if let Some(reduction) = reduction {
                let both = (calls.both)(cpu, x, reduction, d.view_mut())?;
                let mut there =
                    Tensor::from_vec(rows, cols, x.iter_rows().flatten().copied().collect())?;
                let in_place = (calls.in_place)(cpu, there.view_mut(), reduction)?;
                let alone = (calls.value)(cpu, x, reduction)?;
                let total = [sum(losses.iter().copied()) * factor];
                for found in [both, in_place, alone] {
                    self.compare(name, &[found], &value.data, &total);
                }
                assert_eq!(there.as_slice(), d.as_slice(), "{name}");
            } else {
                let width = losses.len() / rows;
                let (mut values, mut alone) = (nan(width)?, nan(width)?);
                (calls.elements)(cpu, x, values.view_mut(), Some(d.view_mut()))?;
                (calls.elements)(cpu, x, alone.view_mut(), None)?;
                self.compare(name, values.as_slice(), &value.data, losses);
                self.compare(name, alone.as_slice(), &value.data, losses);
            }
            self.compare(name, d.as_slice(), &gradient.data, &scaled(slopes));
        }
        self.cases.insert(name.to_string());
        Ok(())
    }

    /// Compares losses or gradients with PyTorch's.
    fn compare(&mut self, name: &str, found: &[f32], golden: &[f64], bounds: &[Bounded]) {
        // PyTorch subtracts terms as large as the logit there, which is below 32, and so loses up to
        // two roundings of 2^-49 of a loss that is nearly 0; and so with the slopes.
        if name.starts_with("bce_logits/") {
            self.compared.close_to(name, found, golden, bounds, 3.6e-15);
        } else {
            self.compared.close(name, found, golden, bounds);
        }
    }

    /// Compares all cases of a loss of elements with its formula.
    fn elements(
        &mut self,
        loss: &str,
        f: &impl ElementLoss,
        formula: impl Fn(usize, Bounded, Bounded) -> (Bounded, Bounded),
    ) -> Result<()> {
        for name in self.names(loss) {
            let [x, t] = ["input", "target"].map(|n| self.golden.tensor(&format!("{name}/{n}")));
            let (rows, cols) = (x.shape[0], x.shape[1]);
            let ((_, x), (target, t)) = (x.to_rounded(), t.to_rounded());
            let pairs = x.iter().zip(&t).enumerate();
            let (losses, slopes) = pairs.map(|(i, (&x, &t))| formula(i % cols, x, t)).unzip();
            let t = View::new(rows, cols, &target)?;
            let calls = Calls {
                value: &|cpu, x, r| f.value(cpu, x, t, r),
                both: &|cpu, x, r, d| f.value_and_gradient(cpu, x, t, r, d),
                in_place: &|cpu, x, r| f.in_place(cpu, x, t, r),
                elements: &|cpu, x, values, d| f.elements(cpu, x, t, None, values, d),
            };
            let divisor = (rows * cols) as f64;
            self.case(&name, &calls, &Expected { losses, slopes, divisor })?;
        }
        Ok(())
    }

    /// Compares a case of a loss of rows, whose formula is given a row's number and the row.
    fn rows(
        &mut self,
        name: &str,
        f: &impl RowLoss,
        divisor: f64,
        formula: impl Fn(usize, &[Bounded]) -> (Bounded, Vec<Bounded>),
    ) -> Result<()> {
        let x = self.golden.tensor(&format!("{name}/input"));
        let rows = x.to_rounded().1;
        let rows = rows.chunks(x.shape[1]).enumerate();
        let (losses, slopes): (_, Vec<_>) = rows.map(|(i, x)| formula(i, x)).unzip();
        let calls = Calls {
            value: &|cpu, x, r| f.value(cpu, x, r),
            both: &|cpu, x, r, d| f.value_and_gradient(cpu, x, r, d),
            in_place: &|cpu, x, r| f.in_place(cpu, x, r),
            elements: &|cpu, x, values, d| f.elements(cpu, x, None, values, d),
        };
        self.case(name, &calls, &Expected { losses, slopes: slopes.concat(), divisor })
    }

    /// The cases of a loss: one for each reduction.
    fn names(&self, loss: &str) -> Vec<String> {
        let names = self.golden.cases().into_iter().filter_map(|case| {
            let name = case["name"].as_str()?.to_string();
            (name.rsplit_once('/')?.0 == loss).then_some(name)
        });
        let names: Vec<_> = names.collect();
        assert_eq!(names.len(), 3, "{loss}");
        names
    }
}

/// Where d is not near a limit, `c (d - c / 2)` with c the difference cut off there.
fn huber(d: Bounded, delta: f64) -> (Bounded, Bounded) {
    let c = d.clamp(-delta, delta);
    (c * (d - c * exact(0.5)), c)
}

fn softplus(x: Bounded) -> Bounded {
    let above = if x.value > 0.0 { x } else { exact(0.0) };
    above + (-x.abs()).exp().ln_1p()
}

fn log_cosh(d: Bounded) -> (Bounded, Bounded) {
    let far = d.abs() + (-(d + d).abs()).exp().ln_1p() - rounded(std::f64::consts::LN_2);
    (far, d.tanh())
}

fn squared_error_and_its_relatives(run: &mut Run) -> Result<()> {
    run.elements("mse", &SquaredError, |_, x, t| ((x - t) * (x - t), exact(2.0) * (x - t)))?;
    run.elements("l1", &AbsoluteError, |_, x, t| ((x - t).abs(), exact((x - t).value.signum())))?;
    for (name, delta) in [("huber_1", 1.0), ("huber_0.5", 0.5)] {
        run.elements(name, &Huber { delta: delta as f32 }, |_, x, t| huber(x - t, delta))?;
    }
    // 0.7 is no f32: the kernel's beta is off by a rounding.
    let beta = rounded(0.7);
    run.elements("smooth_l1_0.7", &SmoothL1 { beta: 0.7 }, |_, x, t| {
        let (value, slope) = huber(x - t, 0.7);
        let loose = |x: Bounded| Bounded { error: x.error + beta.error, ..x };
        (loose(value) / beta, loose(slope) / beta)
    })?;
    run.elements("log_cosh", &LogCosh, |_, x, t| log_cosh(x - t))
}

fn binary_answers(run: &mut Run) -> Result<()> {
    let one = exact(1.0);
    run.elements("bce", &BinaryCrossEntropy, |_, x, t| {
        let value = -(t * x.ln() + (one - t) * (-x).ln_1p());
        (value, (x - t) / (x * (one - x)))
    })?;
    let with_logits = |pos_weight: Bounded, x: Bounded, t: Bounded| {
        let (positive, negative) = (pos_weight * t, one - t);
        let value = positive * softplus(-x) + negative * softplus(x);
        (value, negative * x.sigmoid() - positive * (-x).sigmoid())
    };
    let plain = BinaryCrossEntropyWithLogits::default();
    run.elements("bce_logits", &plain, |_, x, t| with_logits(one, x, t))?;
    let by_column = |run: &mut Run, name: &str| -> Result<()> {
        let (pos_weight, bounds) =
            run.golden.tensor(&format!("{name}/none/pos_weight")).to_rounded();
        let loss = BinaryCrossEntropyByColumn { pos_weight: &pos_weight };
        run.elements(name, &loss, |column, x, t| with_logits(bounds[column], x, t))
    };
    by_column(run, "bce_logits_posw")?;
    run.elements("hinge", &Hinge::default(), |_, x, t| {
        let (h, slope) = (one - t * x).relu();
        (h, -t * exact(slope))
    })?;
    run.elements("squared_hinge", &SquaredHinge::default(), |_, x, t| {
        let h = (one - t * x).relu().0;
        (h * h, exact(-2.0) * t * h)
    })?;
    run.elements("soft_margin", &SoftMargin, |_, x, t| {
        (softplus(-(t * x)), -t * (-(t * x)).sigmoid())
    })
}

fn distributions(run: &mut Run) -> Result<()> {
    run.elements("poisson_log", &PoissonNll::default(), |_, x, t| (x.exp() - t * x, x.exp() - t))?;
    run.elements("kl_div", &KlDivergence::default(), |_, x, t| (t * (t.ln() - x), -t))
}

/// `sum_j q_j (log Z - (x_j - m))` and its gradient `(sum q) p - q`.
fn cross_entropy(x: &[Bounded], q: &[Bounded]) -> (Bounded, Vec<Bounded>) {
    let (p, log, max) = softmax(x);
    let total = sum(q.iter().copied());
    let terms = x.iter().zip(q).filter(|(_, q)| q.value != 0.0);
    let value = sum(terms.map(|(&x, &q)| q * (log + (max - x))));
    (value, p.iter().zip(q).map(|(&p, &q)| p * total - q).collect())
}

fn classes(run: &mut Run) -> Result<()> {
    for loss in ["ce", "ce_weighted", "ce_smooth", "ce_ignore", "ce_all"] {
        for name in run.names(loss) {
            let case = run.golden.case(&name);
            let target = run.golden.tensor(&format!("{name}/target"));
            let (ids, right, cols) = (target.to_ids(), target.data, 7);
            let is_weighted = case["weight"].as_bool() == Some(true);
            let weight = || run.golden.tensor(&format!("{name}/weight")).to_rounded();
            let (weights, w) = match is_weighted {
                true => weight(),
                false => (vec![], vec![exact(1.0); cols]),
            };
            let smoothing = case["label_smoothing"].as_f64().unwrap_or(0.0);
            let ignored = case["ignore_index"].as_i64();
            let is_counted = |row: usize| ignored != Some(right[row] as i64);
            let f = CrossEntropy {
                weights: is_weighted.then_some(&weights),
                ignore_index: ignored.map(|id| id as u32),
                label_smoothing: smoothing as f32,
                ..CrossEntropy::new(&ids)
            };
            let counted = (0..ids.len()).filter(|&row| is_counted(row));
            let divisor: f64 = counted.map(|row| w[right[row] as usize].value).sum();
            let share = |row: usize, j: usize| {
                let own =
                    if right[row] == j as f64 { rounded(1.0 - smoothing) } else { exact(0.0) };
                let spread =
                    if smoothing > 0.0 { rounded(smoothing / cols as f64) } else { exact(0.0) };
                (own + spread) * w[j]
            };
            run.rows(&name, &f, divisor, |row, x| match is_counted(row) {
                true => cross_entropy(x, &(0..cols).map(|j| share(row, j)).collect::<Vec<_>>()),
                false => (exact(0.0), vec![exact(0.0); cols]),
            })?;
        }
    }
    for name in run.names("nll") {
        let ids = run.golden.tensor(&format!("{name}/target")).to_ids();
        run.rows(&name, &Nll::new(&ids), ids.len() as f64, |row, x| {
            let own = |j: usize| exact(if ids[row] as usize == j { -1.0 } else { 0.0 });
            (-x[ids[row] as usize], (0..x.len()).map(own).collect())
        })?;
    }
    for name in run.names("multi_margin") {
        let ids = run.golden.tensor(&format!("{name}/target")).to_ids();
        run.rows(&name, &MultiMargin::new(&ids), ids.len() as f64, |row, x| {
            let (y, share) = (ids[row] as usize, rounded(1.0 / x.len() as f64));
            let h = |j: usize| (exact(1.0) - x[y] + x[j]).relu();
            let wrong = || (0..x.len()).filter(|&j| j != y);
            let mut slopes: Vec<_> =
                (0..x.len()).map(|j| exact(if j == y { 0.0 } else { h(j).1 })).collect();
            slopes[y] = -sum(slopes.iter().copied());
            let slopes = slopes.into_iter().map(|slope| slope * share).collect();
            (sum(wrong().map(|j| h(j).0)) * share, slopes)
        })?;
    }
    Ok(())
}

fn probabilities(run: &mut Run) -> Result<()> {
    for (loss, smoothing) in [("ce_prob", 0.0), ("ce_prob_smooth_w", 0.1)] {
        for name in run.names(loss) {
            let target = run.golden.tensor(&format!("{name}/target"));
            let (rows, cols) = (target.shape[0], target.shape[1]);
            let (probabilities, q) = target.to_rounded();
            let weight = || run.golden.tensor(&format!("{name}/weight")).to_rounded();
            let (weights, w) = match smoothing > 0.0 {
                true => weight(),
                false => (vec![], vec![exact(1.0); cols]),
            };
            let f = SoftCrossEntropy {
                weights: (smoothing > 0.0).then_some(&weights),
                label_smoothing: smoothing as f32,
                ..SoftCrossEntropy::new(View::new(rows, cols, &probabilities)?)
            };
            run.rows(&name, &f, rows as f64, |row, x| {
                let kept = rounded(1.0 - smoothing);
                let spread = rounded(smoothing / cols as f64);
                let share = |j: usize| (q[row * cols + j] * kept + spread) * w[j];
                cross_entropy(x, &(0..cols).map(share).collect::<Vec<_>>())
            })?;
        }
    }
    Ok(())
}

#[test]
fn golden_losses_and_gradients_of_every_case() -> Result<()> {
    let golden = Golden::read("losses");
    let mut run = Run { golden, compared: Compared::default(), cases: BTreeSet::new() };
    squared_error_and_its_relatives(&mut run)?;
    binary_answers(&mut run)?;
    distributions(&mut run)?;
    classes(&mut run)?;
    probabilities(&mut run)?;
    let all = run.golden.cases();
    let all: BTreeSet<_> = all.iter().filter_map(|case| case["name"].as_str()).collect();
    let compared: BTreeSet<_> = run.cases.iter().map(String::as_str).collect();
    assert_eq!(compared, all);
    assert!(run.compared.loosest < 4e-5, "a bound without teeth: {:?}", run.compared);
    Ok(())
}

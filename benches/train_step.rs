//! Training steps and predictions of whole networks, verified before they are timed.
//!
//! `cargo bench --bench train_step`

mod common;

use common::{group, peak, random, report, verify};
use criterion::{Criterion, criterion_group, criterion_main};
use densecore::gradcheck::check_gradients;
use densecore::loss::Reduction;
use densecore::optim::{Adam, Rule, Sgd};
use densecore::{Activation, Cpu, Loss, Network, Target, Tensor, View, Workspace};

/// Widths and batch.
const NETWORKS: [(&[usize], usize); 5] = [
    (&[2, 3, 1], 4),
    (&[784, 30, 10], 10),
    (&[784, 128, 10], 64),
    (&[784, 512, 512, 10], 128),
    (&[1024, 1024, 1024, 1024, 1024], 256),
];

fn steps(criterion: &mut Criterion) {
    let peak = peak();
    println!("peak of one core: {:.1} GF/s", peak / 1e9);
    for (widths, batch) in NETWORKS {
        let name = widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
        let mut group = group(criterion, &format!("network/{name}/{batch}"));
        for cpu in [Cpu::serial(), Cpu::detect()] {
            for (rule_name, rule) in [
                // Small rates: thousands of steps on one batch must not run away.
                ("sgd", Rule::from(Sgd::new(1e-4))),
                ("adam", Rule::from(Adam::new(1e-6))),
            ] {
                // The same network, but so small that it can be checked against differences.
                let small: Vec<_> = widths.iter().map(|&width| width.min(7)).collect();
                Case::new(&small, batch.min(5), rule).verify_gradients(cpu);
                let mut case = Case::new(widths, batch, rule);
                case.verify_step(cpu);
                let id = format!("train {rule_name} {} thread(s)", cpu.threads());
                let id = (id.as_str(), cpu.threads());
                report(&mut group, peak, id, train_flops(widths, batch), || case.step(cpu));
            }
            for rows in [1, batch] {
                let mut case = Case::new(widths, batch, Sgd::new(0.0).into());
                case.verify_prediction(cpu, rows);
                let id = format!("predict batch {rows} {} thread(s)", cpu.threads());
                let flops = 2 * rows * widths.windows(2).map(|w| w[0] * w[1]).sum::<usize>();
                let id = (id.as_str(), cpu.threads());
                report(&mut group, peak, id, flops, || case.predict(cpu, rows));
            }
        }
        group.finish();
    }
}

/// Three products for each layer, but no gradient of the input.
fn train_flops(widths: &[usize], batch: usize) -> usize {
    let layers: usize = widths.windows(2).map(|w| w[0] * w[1]).sum();
    6 * batch * layers - 2 * batch * widths[0] * widths[1]
}

fn target<'a>(loss: Loss, classes: &'a [u32], values: &'a Tensor) -> Target<'a> {
    match loss {
        Loss::CrossEntropy(_) => Target::Classes(classes),
        _ => Target::Values(values.view()),
    }
}

struct Case {
    network: Network,
    optimizer: densecore::optim::Optimizer,
    workspace: Workspace,
    input: Tensor,
    values: Tensor,
    classes: Vec<u32>,
    output: Tensor,
    loss: Loss,
}

impl Case {
    fn new(widths: &[usize], batch: usize, rule: Rule) -> Self {
        let network = Network::mlp(widths, Activation::Relu, 1).expect("the widths are positive");
        let optimizer = network.optimizer(rule).expect("the settings are sound");
        let outputs = network.outputs();
        // Classes where there are several, values where there is one output.
        let loss = match outputs {
            1 => Loss::SquaredError(Reduction::Mean),
            _ => Loss::CrossEntropy(Reduction::Mean),
        };
        Self {
            network,
            optimizer,
            workspace: Workspace::new(),
            input: random(batch, widths[0], 1),
            values: random(batch, outputs, 2),
            classes: (0..batch).map(|i| (i % outputs) as u32).collect(),
            output: random(batch, outputs, 3),
            loss,
        }
    }

    fn step(&mut self, cpu: Cpu) -> f32 {
        let target = target(self.loss, &self.classes, &self.values);
        let (workspace, sample) = (&mut self.workspace, (self.input.view(), target));
        let step = self.network.train_step(cpu, workspace, sample, self.loss, &mut self.optimizer);
        step.expect("the shapes fit")
    }

    fn predict(&mut self, cpu: Cpu, rows: usize) {
        let input =
            View::new(rows, self.input.cols(), &self.input.as_slice()[..rows * self.input.cols()]);
        let output = self.output.view_mut().split_rows_at(rows).0;
        input
            .and_then(|input| self.network.predict(cpu, &mut self.workspace, input, output))
            .expect("the shapes fit");
    }

    /// Gradients and loss are those of an f64 transcription, and its slopes.
    fn verify_gradients(&self, cpu: Cpu) {
        let (network, input) = (&self.network, self.input.view());
        let target = target(self.loss, &self.classes, &self.values);
        let mut workspace = Workspace::new();
        let value = network.loss_and_gradients(cpu, &mut workspace, input, target, self.loss);
        let found = (value.expect("the shapes fit"), network.gradients(&workspace));
        let report = check_gradients(network, input, target, self.loss, found);
        let report = report.expect("the shapes fit");
        assert!(report.passes(), "{report}");
    }

    /// The first step moves each parameter as the rule says, and a few make the loss smaller.
    fn verify_step(&mut self, cpu: Cpu) {
        let before = self.network.parameters().to_vec();
        // Of a pass of their own: a step that applies its gradients at once keeps none.
        let mut workspace = Workspace::new();
        let (input, target) = (self.input.view(), target(self.loss, &self.classes, &self.values));
        let pass = self.network.loss_and_gradients(cpu, &mut workspace, input, target, self.loss);
        let expected = pass.expect("the shapes fit");
        let gradients = self.network.gradients(&workspace).to_vec();
        let loss = self.step(cpu);
        assert_eq!(loss.to_bits(), expected.to_bits());
        assert_eq!(gradients.len(), before.len(), "nothing was compared");
        for ((&p, &new), &g) in before.iter().zip(self.network.parameters()).zip(&gradients) {
            let [p, new, g] = [p, new, g].map(f64::from);
            let step = match self.optimizer.rule() {
                Rule::Sgd(sgd) => sgd.learning_rate * g,
                // Both moments are corrected to what the first gradient was.
                Rule::Adam(adam) => adam.learning_rate * g / (g.abs() + adam.epsilon),
                other => panic!("{other:?}"),
            };
            let bound = f64::from(f32::EPSILON) * (p.abs() + 16.0 * step.abs());
            assert!((p - step - new).abs() <= bound, "{p} became {new}, expected {}", p - step);
        }
        let after = (0..3).map(|_| self.step(cpu)).last().unwrap_or(f32::NAN);
        assert!(after < loss, "the loss went from {loss} to {after}");
    }

    /// Predictions are those of an f64 forward pass.
    fn verify_prediction(&mut self, cpu: Cpu, rows: usize) {
        self.output.as_mut_slice().fill(f32::NAN);
        self.predict(cpu, rows);
        for i in [0, rows / 2, rows - 1] {
            let row = self.output.row(i).unwrap_or(&[]).to_vec();
            let found = Tensor::from_vec(1, row.len(), row).expect("one row");
            let expected = self.expected(i);
            verify("predict", &found, |_, j| expected[j]);
        }
    }

    /// The output for row `i` of the input in f64, each element with a bound on the error in f32.
    fn expected(&self, i: usize) -> Vec<(f64, f64)> {
        let input = self.input.row(i).unwrap_or(&[]);
        let mut y: Vec<_> = input.iter().map(|&x| (f64::from(x), 0.0)).collect();
        for layer in (0..self.network.layers()).map_while(|l| self.network.layer(l)) {
            let eps = (y.len() as f64 + 2.0) * f64::from(f32::EPSILON);
            let bias = layer.bias.iter().map(|&b| f64::from(b));
            let mut z: Vec<_> = bias.map(|b| (b, eps * b.abs())).collect();
            for (&(x, error), weights) in y.iter().zip(layer.weight.iter_rows()) {
                for ((value, bound), &w) in z.iter_mut().zip(weights) {
                    let w = f64::from(w);
                    *value += x * w;
                    *bound += (error + eps * (x.abs() + error)) * w.abs();
                }
            }
            if layer.activation == Activation::Relu {
                z.iter_mut().for_each(|(value, _)| *value = value.max(0.0));
            }
            y = z;
        }
        y
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);

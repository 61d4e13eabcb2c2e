//! Training steps and predictions of whole networks, verified before they are timed.
//!
//! `cargo bench --bench train_step`

mod common;

use common::{group, peak, random, report};
use criterion::{Criterion, criterion_group, criterion_main};
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
                let mut case = Case::new(widths, batch, rule);
                case.verify(cpu);
                let id = format!("train {rule_name} {} thread(s)", cpu.threads());
                let id = (id.as_str(), cpu.threads());
                report(&mut group, peak, id, train_flops(widths, batch), || case.step(cpu));
            }
            for rows in [1, batch] {
                let mut case = Case::new(widths, batch, Sgd::new(0.0).into());
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
        let target = match self.loss {
            Loss::CrossEntropy(_) => Target::Classes(&self.classes),
            _ => Target::Values(self.values.view()),
        };
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

    /// A step against the gradient makes the loss smaller, and every number stays finite.
    fn verify(&mut self, cpu: Cpu) {
        let before = self.step(cpu);
        let after = (0..3).map(|_| self.step(cpu)).last().unwrap_or(f32::NAN);
        assert!(after < before, "the loss went from {before} to {after}");
        assert!(self.network.parameters().iter().all(|p| p.is_finite()));
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);

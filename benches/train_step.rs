//! Training steps of whole networks, verified before they are timed; `inference` has predictions.
//!
//! `cargo bench --bench train_step`

mod common;

use common::networks::ROWS;
use common::{group, peak, random, report};
use criterion::{Criterion, criterion_group, criterion_main};
use densecore::gradcheck::check_gradients;
use densecore::loss::Reduction;
use densecore::optim::{Adam, Rule, Sgd};
use densecore::{Cpu, Loss, Network, Target, Tensor, Workspace};

fn steps(criterion: &mut Criterion) {
    let peak = peak();
    println!("peak of one core: {:.1} GF/s", peak / 1e9);
    for row in &ROWS {
        let mut group = group(criterion, &format!("step/{}", row.name()));
        for cpu in [Cpu::serial(), Cpu::detect()] {
            for (rule_name, rule) in [
                // Small rates: thousands of steps on one batch must not run away.
                ("sgd", Rule::from(Sgd::new(1e-4))),
                ("adam", Rule::from(Adam::new(1e-6))),
            ] {
                // The same network, but so small that it can be checked against differences.
                let small: Vec<_> = row.widths.iter().map(|&width| width.min(7)).collect();
                let small = Network::mlp(&small, row.hidden, 1).expect("the widths are positive");
                Case::new(small, row.batch.min(5), rule).verify_gradients(cpu);
                let mut case = Case::new(row.network(), row.batch, rule);
                case.verify_step(cpu);
                let id = format!("{rule_name} {} thread(s)", cpu.threads());
                let id = (id.as_str(), cpu.threads());
                report(&mut group, peak, id, row.step_flops(), || case.step(cpu));
            }
        }
        group.finish();
    }
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
    loss: Loss,
}

impl Case {
    fn new(network: Network, batch: usize, rule: Rule) -> Self {
        let optimizer = network.optimizer(rule).expect("the settings are sound");
        let outputs = network.outputs();
        // Classes where there are several, values where there is one output.
        let loss = match outputs {
            1 => Loss::SquaredError(Reduction::Mean),
            _ => Loss::CrossEntropy(Reduction::Mean),
        };
        Self {
            optimizer,
            workspace: Workspace::new(),
            input: random(batch, network.inputs(), 1),
            values: random(batch, outputs, 2),
            classes: (0..batch).map(|i| (i % outputs) as u32).collect(),
            loss,
            network,
        }
    }

    fn step(&mut self, cpu: Cpu) -> f32 {
        let target = target(self.loss, &self.classes, &self.values);
        let (workspace, sample) = (&mut self.workspace, (self.input.view(), target));
        let step = self.network.train_step(cpu, workspace, sample, self.loss, &mut self.optimizer);
        step.expect("the shapes fit")
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
}

criterion_group!(benches, steps);
criterion_main!(benches);

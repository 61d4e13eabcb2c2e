//! densecore: training steps and predictions as its user writes them.

use densecore::loss::Reduction;
use densecore::optim::{Adam, Rule, Sgd};
use densecore::{Cpu, Loss, Network, Optimizer, PackedNetwork, Target, Tensor, Workspace};

use super::work::{Peer, STEPS, Task, Work};
use crate::measure::{Batch, batch};
use crate::ready::Ready;

pub struct Densecore {
    pub cpu: Cpu,
}

impl Peer for Densecore {
    fn name(&self) -> &'static str {
        "densecore"
    }
    fn prepare<'a>(&'a mut self, work: &'a Work) -> Option<Box<dyn Ready + 'a>> {
        let (cpu, network, workspace) = (self.cpu, work.network.clone(), Workspace::new());
        let rule = match work.task {
            Task::Sgd => Rule::from(Sgd::new(work.task.rate())),
            Task::Adam => Rule::from(Adam::new(work.task.rate())),
            Task::Predict => {
                let output = Tensor::zeros(work.batch(), network.outputs()).expect("it is small");
                // As ONNX Runtime and OpenVINO do with theirs.
                let network = PackedNetwork::new(cpu, network).expect("there is memory for both");
                return Some(Box::new(Prediction { cpu, network, workspace, work, output }));
            }
        };
        let optimizer = network.optimizer(rule).expect("the settings are sound");
        let (loss, target) = if work.has_classes() {
            (Loss::CrossEntropy(Reduction::Mean), Target::Classes(&work.classes))
        } else {
            (Loss::SquaredError(Reduction::Mean), Target::Values(work.values.view()))
        };
        Some(Box::new(Steps { cpu, network, optimizer, workspace, work, loss, target }))
    }
}

struct Steps<'a> {
    cpu: Cpu,
    network: Network,
    optimizer: Optimizer,
    workspace: Workspace,
    work: &'a Work,
    loss: Loss,
    target: Target<'a>,
}

impl Steps<'_> {
    fn step(&mut self) -> f32 {
        let (workspace, sample) = (&mut self.workspace, (self.work.input.view(), self.target));
        let optimizer = &mut self.optimizer;
        self.network
            .train_step(self.cpu, workspace, sample, self.loss, optimizer)
            .expect("the shapes fit")
    }
}

impl Ready for Steps<'_> {
    fn results(&mut self) -> Vec<f32> {
        (0..STEPS).map(|_| self.step()).collect()
    }
    fn run(&mut self, seconds: f64) -> Batch {
        batch(seconds, || {
            std::hint::black_box(self.step());
        })
    }
}

struct Prediction<'a> {
    cpu: Cpu,
    network: PackedNetwork,
    workspace: Workspace,
    work: &'a Work,
    output: Tensor,
}

impl Prediction<'_> {
    fn predict(&mut self) {
        let (input, output) = (self.work.input.view(), self.output.view_mut());
        self.network.predict(self.cpu, &mut self.workspace, input, output).expect("the shapes fit");
    }
}

impl Ready for Prediction<'_> {
    fn results(&mut self) -> Vec<f32> {
        self.output.as_mut_slice().fill(f32::NAN);
        self.predict();
        self.output.as_slice().to_vec()
    }
    fn run(&mut self, seconds: f64) -> Batch {
        batch(seconds, || self.predict())
    }
}

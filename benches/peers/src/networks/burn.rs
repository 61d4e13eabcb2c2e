//! burn on its CPU backend, burn-flex: `Linear` layers, its losses and optimizers.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::nn::loss::{CrossEntropyLossConfig, MseLoss, Reduction};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::prelude::{Device, Int, Tensor};
use burn::tensor::{TensorData, activation};
use densecore::Activation;

use super::work::{Peer, STEPS, Task, Work};
use crate::ready::{Here, Ready};

pub struct Burn;

impl Peer for Burn {
    fn name(&self) -> &'static str {
        "burn"
    }
    fn prepare<'a>(&'a mut self, work: &'a Work) -> Option<Box<dyn Ready + 'a>> {
        let (hidden, rate) = (work.network.layer(0)?.activation, work.task.rate());
        let optimizer = match work.task {
            Task::Sgd => SgdConfig::new().init(),
            // Its own default is 1e-5; everyone else's is this.
            Task::Adam => AdamConfig::new().with_epsilon(1e-8).init(),
            Task::Predict => {
                let device = Device::flex();
                let (model, input) = (Model::new(work, &device), input(work, &device));
                return Some(Box::new(Here {
                    call: move || model.forward(input.clone(), hidden),
                    read: numbers,
                    compared: 1,
                }));
            }
        };
        let device = Device::flex().autodiff();
        let mut training = Training {
            model: Some(Model::new(work, &device)),
            hidden,
            optimizer,
            rate,
            input: input(work, &device),
        };
        let batch = work.batch();
        Some(if work.has_classes() {
            let classes: Vec<_> = work.classes.iter().map(|&class| class as i32).collect();
            let classes = Tensor::<1, Int>::from_data(TensorData::new(classes, [batch]), &device);
            let loss = CrossEntropyLossConfig::new().init(&device);
            steps(move || training.step(|output| loss.forward(output, classes.clone())))
        } else {
            let values = matrix(work.values.as_slice(), batch, &device);
            let loss = MseLoss::new();
            let mean = Reduction::Mean;
            steps(move || {
                training.step(|output| loss.forward(output, values.clone(), mean.clone()))
            })
        })
    }
}

fn matrix(numbers: &[f32], rows: usize, device: &Device) -> Tensor<2> {
    let data = TensorData::new(numbers.to_vec(), [rows, numbers.len() / rows]);
    Tensor::from_data(data, device)
}

fn input(work: &Work, device: &Device) -> Tensor<2> {
    matrix(work.input.as_slice(), work.batch(), device)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("they are f32")
}

fn steps(step: impl FnMut() -> Tensor<1> + 'static) -> Box<dyn Ready> {
    Box::new(Here { call: step, read: numbers::<1>, compared: STEPS })
}

struct Training {
    /// Taken by a step, and put back.
    model: Option<Model>,
    hidden: Activation,
    optimizer: ModuleOptimizer,
    rate: f64,
    input: Tensor<2>,
}

impl Training {
    fn step(&mut self, loss: impl Fn(Tensor<2>) -> Tensor<1>) -> Tensor<1> {
        let model = self.model.take().expect("every step puts it back");
        let loss = loss(model.forward(self.input.clone(), self.hidden));
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        self.model = Some(self.optimizer.step(self.rate, model, gradients));
        loss
    }
}

#[derive(Module, Debug)]
struct Model {
    layers: Vec<Linear>,
}

impl Model {
    fn new(work: &Work, device: &Device) -> Self {
        let layers = work.layers().map(|(weight, bias)| {
            let shape = [weight.len() / bias.len(), bias.len()];
            let weight = TensorData::new(weight.to_vec(), shape);
            let bias = TensorData::new(bias.to_vec(), [bias.len()]);
            Linear {
                weight: Param::from_data(weight, device),
                bias: Some(Param::from_data(bias, device)),
            }
        });
        Self { layers: layers.collect() }
    }

    fn forward(&self, input: Tensor<2>, hidden: Activation) -> Tensor<2> {
        let (last, layers) = self.layers.split_last().expect("there is a layer");
        let y = layers.iter().fold(input, |y, layer| {
            let z = layer.forward(y);
            match hidden {
                Activation::Relu => activation::relu(z),
                Activation::Tanh => activation::tanh(z),
                Activation::Gelu => activation::gelu(z),
                other => panic!("burn is not told of {other}"),
            }
        });
        last.forward(y)
    }
}

//! candle: `Linear` layers of candle-nn, its losses and optimizers.

use candle_core::{Device, Module, Result, Tensor, Var};
use candle_nn::{AdamW, Linear, Optimizer, ParamsAdamW, SGD, loss};
use densecore::Activation;

use super::work::{Peer, STEPS, Task, Work};
use crate::ready::{Here, Ready};

pub struct Candle;

impl Peer for Candle {
    fn name(&self) -> &'static str {
        "candle"
    }
    fn prepare<'a>(&'a mut self, work: &'a Work) -> Option<Box<dyn Ready + 'a>> {
        Some(ready(work).expect("the shapes fit"))
    }
}

fn ready(work: &Work) -> Result<Box<dyn Ready>> {
    let model = Model::new(work)?;
    let (batch, device) = (work.batch(), &Device::Cpu);
    let input = Tensor::from_slice(work.input.as_slice(), work.input.shape(), device)?;
    let target = if work.has_classes() {
        Tensor::from_slice(&work.classes, batch, device)?
    } else {
        Tensor::from_slice(work.values.as_slice(), (batch, 1), device)?
    };
    let measure = if work.has_classes() { loss::cross_entropy } else { loss::mse };
    let (rate, variables) = (work.task.rate(), model.variables.clone());
    Ok(match work.task {
        Task::Predict => Box::new(Here {
            call: move || model.forward(&input).expect("the shapes fit"),
            read: |output: Tensor| {
                output.flatten_all().and_then(|all| all.to_vec1()).expect("they are f32")
            },
            compared: 1,
        }),
        Task::Sgd => {
            let mut sgd = SGD::new(variables, rate)?;
            steps(move || {
                let loss = measure(&model.forward(&input)?, &target)?;
                sgd.backward_step(&loss).map(|()| loss)
            })
        }
        Task::Adam => {
            let settings = ParamsAdamW { lr: rate, weight_decay: 0.0, ..Default::default() };
            let mut adam = AdamW::new(variables, settings)?;
            steps(move || {
                let loss = measure(&model.forward(&input)?, &target)?;
                adam.backward_step(&loss).map(|()| loss)
            })
        }
    })
}

fn steps(mut step: impl FnMut() -> Result<Tensor> + 'static) -> Box<dyn Ready> {
    Box::new(Here {
        call: move || step().expect("the shapes fit"),
        read: |loss: Tensor| vec![loss.to_scalar().expect("a loss is one number")],
        compared: STEPS,
    })
}

struct Model {
    layers: Vec<Linear>,
    hidden: Activation,
    variables: Vec<Var>,
}

impl Model {
    fn new(work: &Work) -> Result<Self> {
        let (mut layers, mut variables) = (Vec::new(), Vec::new());
        for (weight, bias) in work.layers() {
            let (outputs, device) = (bias.len(), &Device::Cpu);
            // Linear keeps its weight as [out, in].
            let weight = Tensor::from_slice(weight, (weight.len() / outputs, outputs), device)?;
            let weight = Var::from_tensor(&weight.t()?.contiguous()?)?;
            let bias = Var::from_slice(bias, outputs, device)?;
            layers.push(Linear::new(weight.as_tensor().clone(), Some(bias.as_tensor().clone())));
            variables.extend([weight, bias]);
        }
        let hidden = work.network.layer(0).expect("there is a layer").activation;
        Ok(Self { layers, hidden, variables })
    }

    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        let (last, hidden) = self.layers.split_last().expect("there is a layer");
        let mut y = input.clone();
        for layer in hidden {
            let z = layer.forward(&y)?;
            y = match self.hidden {
                Activation::Relu => z.relu(),
                Activation::Tanh => z.tanh(),
                Activation::Gelu => z.gelu_erf(),
                other => panic!("candle is not told of {other}"),
            }?;
        }
        last.forward(&y)
    }
}

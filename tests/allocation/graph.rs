//! A network that is no chain, trained and asked with two outputs.

use densecore::optim::Adam;
use densecore::{Activation, Cpu, Loss, Network, Objective, Result, Target, Tensor, Workspace};

use super::support::{classes, numbers};

/// The products of a step, where one layer reads the input, and of a prediction.
pub const PRODUCTS: usize = 4 + 4 + 3 + 4;

pub fn call() -> Result<impl FnMut(Cpu) -> Result<()>> {
    let mut network = Network::graph(20)
        .dense("first", "input", 40, Activation::Relu)
        .dropout("dropped", "first", 0.5)
        .dense("second", "dropped", 40, Activation::Gelu)
        .add("sum", &["first", "second"])
        .concat("wide", &["sum", "input"])
        .dense("class", "wide", 10, Activation::Identity)
        .dense("size", "sum", 1, Activation::Identity)
        .output("class")
        .output("size")
        .build()?;
    let mut adam = network.optimizer(Adam::new(1e-3))?;
    let (mut workspace, rows) = (Workspace::new(), 67);
    let input = Tensor::from_vec(rows, 20, numbers(rows * 20, 1))?;
    let (ids, sizes) = (classes(rows, 10, 2), Tensor::from_vec(rows, 1, numbers(rows, 3))?);
    let mut outputs = [Tensor::zeros(rows, 10)?, Tensor::zeros(rows, 1)?];
    Ok(move |cpu| {
        let objectives = [
            Objective::new(Target::Classes(&ids), Loss::CROSS_ENTROPY),
            Objective::new(Target::Values(sizes.view()), Loss::MSE).weight(0.5),
        ];
        network.train_step_all(cpu, &mut workspace, input.view(), &objectives, &mut adam)?;
        let mut outputs = outputs.each_mut().map(Tensor::view_mut);
        network.predict_all(cpu, &mut workspace, input.view(), &mut outputs)
    })
}

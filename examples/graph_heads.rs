//! Two heads on a shared trunk: which digit a picture shows, and where the middle of its ink is.
//!
//! ```text
//!   input - hidden - trunk - digit      10 scores, cross entropy
//!                         '- middle     row and column, squared error
//!
//!   loss = w0 cross entropy + w1 squared error
//! ```
//!
//! With a weight of 0 a head learns nothing, and the other has the trunk for itself. It prints
//!
//! ```text
//! $ cargo run --release --example graph_heads
//! gradients of 1092 parameters checked: passed
//!
//! weights of digit, middle   digits read   middle off by
//!               1.0,    0.0        98.3 %     3.36 pixels
//!               0.0,    0.5         9.2 %     0.04 pixels
//!               1.0,    0.5        98.3 %     0.09 pixels
//! ```

use std::error::Error;

use densecore::gradcheck::check_network_all;
use densecore::optim::Adam;
use densecore::rng::stream;
use densecore::train::{accuracy, rmse};
use densecore::{Activation, Cpu, Dataset, Loss, Network, Objective, Result, Rng, Target, Targets};
use densecore::{Tensor, Workspace, data};

const SIDE: usize = 8;
const DIGITS: usize = 10;
const EPOCHS: u64 = 30;
const BATCH: usize = 32;
const SEED: u64 = 1;

fn network(width: usize) -> Result<Network> {
    Network::graph(SIDE * SIDE)
        .dense("hidden", "input", width, Activation::Relu)
        .dense("trunk", "hidden", width, Activation::Relu)
        .dense("digit", "trunk", DIGITS, Activation::Identity)
        .dense("middle", "trunk", 2, Activation::Identity)
        .output("digit")
        .output("middle")
        .seed(SEED)
        .build()
}

/// Row and column of the centre of gravity of each picture's ink, from the centre of the picture.
fn middles(pictures: &Tensor) -> Result<Tensor> {
    let centre = (SIDE - 1) as f32 / 2.0;
    let middle = |picture: &[f32]| {
        let ink: f32 = picture.iter().sum();
        let mean = |of: fn(usize) -> usize| {
            let weighted = picture.iter().enumerate().map(|(i, ink)| of(i) as f32 * ink);
            weighted.sum::<f32>() / ink - centre
        };
        [mean(|i| i / SIDE), mean(|i| i % SIDE)]
    };
    Tensor::from_vec(pictures.rows(), 2, pictures.view().iter_rows().flat_map(middle).collect())
}

/// What both heads should say of some pictures, in the order of the outputs.
fn objectives<'a>(set: &'a Dataset, middles: &'a Tensor, weights: [f32; 2]) -> [Objective<'a>; 2] {
    let digit = Objective::new(Target::Classes(digits(set)), Loss::CROSS_ENTROPY);
    let middle = Objective::new(Target::Values(middles.view()), Loss::MSE);
    [digit.weight(weights[0]), middle.weight(weights[1])]
}

fn digits(set: &Dataset) -> &[u32] {
    if let Targets::Classes { ids, .. } = set.targets() { ids } else { &[] }
}

fn train(set: &Dataset, weights: [f32; 2]) -> Result<Network> {
    let mut network = network(48)?;
    let mut adam = network.optimizer(Adam::new(2e-3))?;
    let (cpu, mut workspace) = (Cpu::detect(), Workspace::new());
    let mut order = vec![0; set.len()];
    for epoch in 0..EPOCHS {
        Rng::new(SEED, stream::SHUFFLE + epoch).permutation(&mut order);
        for rows in order.chunks(BATCH) {
            let batch = set.select(rows)?;
            let middles = middles(batch.inputs())?;
            let goals = objectives(&batch, &middles, weights);
            let inputs = batch.inputs().view();
            network.train_step_all(cpu, &mut workspace, inputs, &goals, &mut adam)?;
        }
    }
    Ok(network)
}

/// The share of digits that are read rightly, and how far off the middles are.
fn test(network: &Network, set: &Dataset) -> Result<(f64, f64)> {
    let (mut scores, mut found) = (Tensor::zeros(set.len(), DIGITS)?, Tensor::zeros(set.len(), 2)?);
    let mut outputs = [scores.view_mut(), found.view_mut()];
    let inputs = set.inputs().view();
    network.predict_all(Cpu::detect(), &mut Workspace::new(), inputs, &mut outputs)?;
    let middles = middles(set.inputs())?;
    Ok((accuracy(scores.view(), digits(set))?, rmse(found.view(), middles.view())?))
}

fn main() -> core::result::Result<(), Box<dyn Error>> {
    let (train_set, test_set) = data::digits().split(0.8, 42)?;

    // Are the gradients of such a network those of its loss? With few units, on few samples.
    let few = train_set.select(&[0, 1, 2, 3])?;
    let middles = middles(few.inputs())?;
    let goals = objectives(&few, &middles, [1.0, 0.5]);
    let report = check_network_all(&network(12)?, few.inputs().view(), &goals)?;
    if !report.passes() {
        return Err(report.to_string().into());
    }
    println!("gradients of {} parameters checked: passed\n", report.kernels.compared);

    println!("weights of digit, middle   digits read   middle off by");
    for weights in [[1.0, 0.0], [0.0, 0.5], [1.0, 0.5]] {
        let network = train(&train_set, weights)?;
        let (accuracy, error) = test(&network, &test_set)?;
        let [digit, middle] = weights;
        let accuracy = format!("{:.1} %", 100.0 * accuracy);
        let error = format!("{error:.2} pixels");
        println!("{digit:>17.1}, {middle:>6.1} {accuracy:>13} {error:>15}");
    }
    Ok(())
}

//! Connections that skip layers: how deep a network on the handwritten digits may be with them, and
//! without.
//!
//! ```text
//!   with      input - stem - tanh - + - tanh - + - .. - class     what a layer makes of its input
//!                          '--------'  '-------'                  is added to that input
//!
//!   without   input - stem - tanh ----- tanh ----- .. - class     the same layers in a row
//! ```
//!
//! It prints (but for the last number at the level `portable`, whose products round otherwise)
//!
//! ```text
//! $ cargo run --release --example graph_skip
//! gradients of 2026 parameters checked: passed
//!
//! layers   test accuracy without skips   with skips
//!      3                      94.7 %       95.0 %
//!      6                      93.3 %       95.3 %
//!     18                      80.8 %       95.0 %
//!     34                       8.6 %       91.6 %
//! ```

use std::error::Error;
use std::ops::ControlFlow;

use densecore::gradcheck::check_network;
use densecore::optim::Adam;
use densecore::schedule::Cosine;
use densecore::train::Fit;
use densecore::{Activation, Dataset, Loss, Network, Result, Target, Targets, data};

const PIXELS: usize = 64;
const DIGITS: usize = 10;
const WIDTH: usize = 16;
const EPOCHS: usize = 20;
const BATCH: usize = 32;
const RATE: f64 = 3e-3;

/// A network with so many layers between the first and the last, with or without what skips them.
fn network(layers: usize, skips: bool) -> Result<Network> {
    let mut graph = Network::graph(PIXELS).dense("stem", "input", WIDTH, Activation::Relu);
    let mut below = "stem".to_string();
    for i in 1..=layers {
        let (layer, sum) = (format!("layer.{i}"), format!("sum.{i}"));
        graph = graph.dense(&layer, &below, WIDTH, Activation::Tanh);
        if skips {
            graph = graph.add(&sum, &[&below, &layer]);
        }
        below = if skips { sum } else { layer };
    }
    graph.dense("class", &below, DIGITS, Activation::Identity).output("class").seed(1).build()
}

/// The share of the test set that the network reads rightly, once it is trained.
fn accuracy(mut network: Network, (train, test): (&Dataset, &Dataset)) -> Result<f64> {
    let steps = EPOCHS * train.len().div_ceil(BATCH);
    let mut adam = network.optimizer(Adam::new(RATE))?;
    let mut fit = Fit::new(Loss::CROSS_ENTROPY)
        .epochs(EPOCHS)
        .batch_size(BATCH)
        .schedule(Cosine::new(RATE, steps as u64))
        .seed(1);
    let goes_on = |_: &_, _: &_| ControlFlow::Continue(());
    let history = fit.run(&mut network, &mut adam, train, Some(test), goes_on)?;
    let last = history.last().and_then(|epoch| epoch.validation);
    Ok(last.and_then(|validation| validation.accuracy).unwrap_or(f64::NAN))
}

fn main() -> core::result::Result<(), Box<dyn Error>> {
    let (train, test) = data::digits().split(0.8, 42)?;

    // Are the gradients of such a network those of its loss? With few layers, on few samples.
    let few = train.select(&[0, 1, 2, 3])?;
    let Targets::Classes { ids, .. } = few.targets() else { return Err("no classes".into()) };
    let small = network(3, true)?;
    let inputs = few.inputs().view();
    let report = check_network(&small, inputs, Target::Classes(ids), Loss::CROSS_ENTROPY)?;
    if !report.passes() {
        return Err(report.to_string().into());
    }
    println!("gradients of {} parameters checked: passed\n", report.kernels.compared);

    println!("layers   test accuracy without skips   with skips");
    for layers in [1, 4, 16, 32] {
        let without = accuracy(network(layers, false)?, (&train, &test))?;
        let with = accuracy(network(layers, true)?, (&train, &test))?;
        println!("{:>6} {:>25.1} % {:>10.1} %", layers + 2, 100.0 * without, 100.0 * with);
    }
    Ok(())
}

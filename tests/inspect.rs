//! What a network says of itself: a summary, statistics, dead units, and the memory that it will take.

#[path = "inspect/dead.rs"]
mod dead;
#[path = "inspect/memory.rs"]
mod memory;
#[path = "inspect/statistics.rs"]
mod statistics;
#[path = "inspect/summary.rs"]
mod summary;
#[path = "support/mod.rs"]
mod support;

use densecore::network::Graph;
use densecore::{Activation, Error, Network, Tensor};
use support::numbers;

type Tested<T = ()> = Result<T, Error>;

const LINEAR: Activation = Activation::Identity;

/// Every kind of node, a node that is read twice by one, and two outputs.
fn every_kind() -> Graph {
    Network::graph(4)
        .dropout("drop", "input", 0.25)
        .dense("first", "drop", 6, Activation::Relu)
        .dense_without_bias("second", "first", 6, Activation::Silu)
        .add("trunk", &["first", "second", "first"])
        .concat("wide", &["trunk", "input"])
        .dense("class", "wide", 3, LINEAR)
        .dense("size", "input", 1, LINEAR)
        .output("class")
        .output("size")
        .seed(1)
}

fn drawn(rows: usize, cols: usize, seed: u64) -> Tested<Tensor> {
    Tensor::from_vec(rows, cols, numbers(rows * cols, seed))
}

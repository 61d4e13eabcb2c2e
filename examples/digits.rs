//! Trains a network on 1,797 handwritten digits that come with the crate, and shows what it has
//! learned.
//!
//! ```text
//! cargo run --release --example digits
//! cargo run --release --example digits -- --help
//! cargo run --release --example digits -- --plot pictures
//! cargo run --release --example digits -- --hidden 256,256 --dropout 0.3 --patience 20
//! ```
//!
//! Among what it prints:
//!
//! ```text
//! $ cargo run --release --example digits | grep -E 'network|wrongly|accuracy'
//! network 64-128-10, 9610 parameters, ReLU, Adam, cosine schedule
//! 7 of 359 are read wrongly:
//! test accuracy 98.05 %
//! ```

mod common;

use std::process::ExitCode;

use clap::Parser;
use common::classify::{self, Task};
use common::training::Training;
use common::{Outcome, start};
use densecore::data;

/// Train a network on the 8x8 digits embedded in densecore.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    training: Training,
}

impl common::Options for Options {
    fn training(&self) -> &Training {
        &self.training
    }
}

fn main() -> ExitCode {
    let defaults = [("epochs", "60"), ("batch", "32"), ("lr", "2e-3"), ("hidden", "128")];
    start(&defaults, run)
}

fn run(options: &Options) -> Outcome {
    let (train, test) = data::digits().split(0.8, options.training.seed)?;
    let names = (0..10).map(|digit| digit.to_string()).collect();
    classify::run(&Task { train, test, names }, &options.training)
}

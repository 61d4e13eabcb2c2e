//! densecore beside its peers: the same work, in the same run, taking turns.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- gemm [--threads N] [--check]
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- steps [--threads N] [--check]
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- inference [--threads N] [--check]
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- functions [--threads N] [--check]
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- growth [--threads N]
//! ```
//!
//! `gemm` times matrix products, `steps` training steps of networks, `inference` predictions,
//! `functions` activations, losses and optimizers; `growth` densecore alone, over widths and batches.
//! `--only 784-128` keeps the rows whose names contain that.
//!
//! MKL and OpenBLAS take part in products if the environment variables `MKL_RT` and `OPENBLAS`
//! name their libraries (`libmkl_rt.so`; the `libscipy_openblas64_.so` that comes with NumPy).
//! PyTorch, JAX, ONNX Runtime (with the package onnx) and OpenVINO take part in networks as far as
//! the interpreter `PEER_PYTHON`, or `python3`, can import them, PyTorch in functions too.

mod check;
mod functions;
mod gemm;
mod machine;
mod measure;
mod networks;
mod options;
mod python;
mod ready;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about)]
struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The matrix product, in the shapes of dense layers.
    Gemm(gemm::Options),
    /// A training step of whole networks, with SGD and with Adam.
    Steps(options::Options),
    /// A prediction of whole networks, for one sample and for a batch.
    Inference(options::Options),
    /// Activations and their derivatives, softmax, cross entropy, and steps of optimizers.
    Functions(options::Options),
    /// How the cost of steps and predictions grows with width and batch; no peer takes part.
    Growth(options::Run),
}

fn main() -> ExitCode {
    match Options::parse().what {
        What::Gemm(options) => gemm::run(&options),
        What::Steps(options) => networks::steps(&options),
        What::Inference(options) => networks::inference(&options),
        What::Functions(options) => functions::run(&options),
        What::Growth(options) => networks::growth(&options),
    }
}

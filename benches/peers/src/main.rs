//! densecore beside its peers: the same work, in the same run, taking turns.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- gemm [--threads N] [--check]
//! ```
//!
//! MKL and OpenBLAS take part if the environment variables `MKL_RT` and `OPENBLAS` name their
//! libraries (`libmkl_rt.so`; the `libscipy_openblas64_.so` that comes with NumPy).

mod gemm;
mod measure;

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
}

fn main() -> ExitCode {
    match Options::parse().what {
        What::Gemm(options) => gemm::run(&options),
    }
}

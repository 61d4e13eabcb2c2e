//! The forward and backward core of fully connected networks on CPUs.
//!
//! ```text
//!   forward    Y = f(X.W + b)             X [batch, in]   W [in, out]   b [out]   Y [batch, out]
//!   loss       L(Y, T), dY = dL/dY
//!   backward  dZ = dY * f'(Y)             of the pre-activation Z = X.W + b
//!             dX = dZ.W^T                 the dY of the layer below
//!             dW = X^T.dZ
//!             db = column sums of dZ
//!   update     W <- W - lr dW             or any other rule of `optim`
//! ```
//!
//! Matrices are flat, row-major `f32`, samples in rows. The products are cache-blocked and run on
//! the instruction set found at run time; bias and activation are fused into them, and so is the
//! derivative in the backward pass.
//!
//! # Train a network
//!
//! ```
//! use densecore::{Activation, Loss, Network, data, optim::Adam, train::Fit};
//! use std::ops::ControlFlow::Continue;
//!
//! let (train, test) = data::digits().split(0.8, 42)?;
//! let mut network = Network::mlp(&[64, 128, 10], Activation::Relu, 42)?;
//! let mut adam = network.optimizer(Adam::new(2e-3))?;
//! let mut fit = Fit::new(Loss::CROSS_ENTROPY).epochs(20);
//! let history = fit.run(&mut network, &mut adam, &train, Some(&test), |_, _| Continue(()))?;
//! # let accuracy = history.last().and_then(|epoch| epoch.validation?.accuracy);
//! # assert!(accuracy.is_some_and(|accuracy| accuracy > 0.95), "{history:?}");
//! # Ok::<(), densecore::Error>(())
//! ```
//!
//! # Call a kernel on your own memory
//!
//! ```
//! use densecore::{Activation, Cpu, Scratch, View, ViewMut, dense::{self, Dense}};
//!
//! let (x, w, b) = ([1.0, 2.0], [1.0, 0.0, -1.0, 3.0, 4.0, 5.0], [0.5, 0.5, 0.5]);
//! let mut y = [0.0; 3];
//! let mut scratch = Scratch::new(); // keep it: the second call allocates nothing
//! let layer = Dense {
//!     weight: View::new(2, 3, &w)?,
//!     bias: Some(&b),
//!     activation: Activation::Relu,
//! };
//! let (input, output) = (View::new(1, 2, &x)?, ViewMut::new(1, 3, &mut y)?);
//! dense::forward(Cpu::detect(), &mut scratch, layer, input, output)?;
//! assert_eq!(y, [7.5, 8.5, 9.5]);
//! # Ok::<(), densecore::Error>(())
//! ```
//!
//! # What is promised
//!
//! * The same bits for any number of threads, and on every level with fused multiply-add
//!   (AVX2, AVX-512). Row `i` of a batch gives what that row alone gives.
//! * No allocation in kernels, passes and training steps after the first call of a shape. (The
//!   product at [`Level::Portable`](simd::Level) is the exception: `matrixmultiply` allocates.)
//! * No panic, whatever a public safe function is given: a wrong argument is an [`Error`] that
//!   names it, what was expected and what was found.
//! * No threads of its own: `Cpu` says how to run, and rayon's pool is the caller's.
//! * NaN in, NaN out; an output that is overwritten is never read.
//! * A seed gives the same random numbers on every platform.
//!
//! # Floors
//!
//! Each module names only modules below it.
//!
//! | module | what |
//! |---|---|
//! | [`guide`] | how to use it: a first network, training well, determinism, threads, performance, PyTorch's names |
//! | `io` | saving and loading, networks and trainings; weights of PyTorch; with the feature `safetensors` |
//! | [`train`] | the loop over epochs and batches, evaluation |
//! | [`data`] | data sets, splits, standardised inputs, the digits, idx files |
//! | [`gradcheck`] | analytic against numeric gradients |
//! | [`network`] | layers in a plan, one arena of parameters |
//! | [`dense`] | one layer, forward and backward |
//! | [`norm`], [`dropout`] | layer, RMS and batch normalisation; dropout, and that for SELU |
//! | [`optim`], [`schedule`], [`loss`], [`activation`], [`init`] | the mathematics around it |
//! | [`gemm`] | the matrix product |
//! | [`math`] | exp, log, tanh, sigmoid on vectors |
//! | [`simd`] | vectors, written once for every instruction set |

pub mod activation;
mod cpu;
pub mod data;
pub mod dense;
pub mod dropout;
mod error;
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        unused_variables,
        unreachable_patterns,
        reason = "kernels are used at the levels of x86, where nothing is overlooked"
    )
)]
pub mod gemm;
pub mod gradcheck;
pub mod guide;
pub mod init;
#[cfg(feature = "safetensors")]
pub mod io;
pub mod loss;
pub mod math;
pub mod network;
pub mod norm;
pub mod optim;
mod parallel;
pub mod rng;
pub mod schedule;
mod scratch;
#[cfg_attr(
    not(target_arch = "x86_64"),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        unused_variables,
        unreachable_patterns,
        reason = "kernels are used at the levels of x86, where nothing is overlooked"
    )
)]
pub mod simd;
mod tensor;
pub mod train;

pub use activation::Activation;
pub use cpu::{Cpu, Parallelism};
pub use data::{Dataset, Targets};
pub use error::{Error, Excerpt, Result};
pub use init::Init;
pub use loss::{Loss, Target};
pub use network::{Network, Objective, PackedNetwork, Workspace};
pub use optim::Optimizer;
pub use rng::Rng;
pub use schedule::Schedule;
pub use scratch::Scratch;
pub use tensor::{Tensor, Transposed, View, ViewMut};

/// The README's examples, compiled and run with the documentation's own.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! densecore
pub mod cpu;
mod error;
pub mod gemm;
mod parallel;
mod scratch;
pub mod simd;
mod tensor;
pub use cpu::{Cpu, Parallelism};
pub use error::{Error, Result};
pub use scratch::Scratch;
pub use tensor::{Tensor, Transposed, View, ViewMut};

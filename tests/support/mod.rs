//! What the tests of whole layers and networks share, beside what all tests share: numbers with a
//! bound on their rounding error, references made of them, and the golden files.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test file is a crate of its own and uses a part of this"
)]

pub mod bounded;
pub mod errors;
pub mod golden;
pub mod losses;
pub mod reference;
pub mod rules;

#[path = "../common/mod.rs"]
mod common;

pub use common::{POOLS, fma_levels, in_pool, levels};

use densecore::Cpu;

/// Numbers in `[-1, 1)` with all bits of the mantissa in use, the same for the same seed.
pub fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut rng = densecore::Rng::new(seed, 0);
    (0..len).map(|_| 2.0 * rng.uniform() - 1.0).collect()
}

/// Class ids below `classes`.
pub fn classes(len: usize, classes: u32, seed: u64) -> Vec<u32> {
    let mut rng = densecore::Rng::new(seed, 1);
    (0..len).map(|_| rng.below(u64::from(classes)) as u32).collect()
}

/// The bits of numbers, to compare where not even the sign of a zero may differ.
pub fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

/// Each level, with threads if there are any.
pub fn cpus() -> impl Iterator<Item = Cpu> {
    levels().into_iter().map(|level| Cpu::detect().with_level(level))
}

//! What several test files share: levels, numbers with a bound on their rounding error, and the
//! golden files.
#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of this")]

pub mod bounded;
pub mod errors;
pub mod golden;
pub mod reference;

use densecore::Cpu;
use densecore::simd::Level;

/// All levels of this processor. `DENSECORE_REQUIRE`, which CI sets to what the processor says of
/// itself, names levels that must be among them.
pub fn levels() -> Vec<Level> {
    let levels: Vec<_> = Level::available().collect();
    let required = std::env::var("DENSECORE_REQUIRE").unwrap_or_default();
    for name in required.split(',').filter(|name| !name.is_empty()) {
        assert!(levels.iter().any(|level| level.name() == name), "{name} was not tested");
    }
    assert!(!levels.is_empty());
    levels
}

/// The levels with a fused multiply-add.
pub fn fma_levels() -> Vec<Level> {
    levels().into_iter().filter(|&level| level != Level::Portable).collect()
}

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

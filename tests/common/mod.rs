//! What the tests share: levels and pools to run on, random numbers, references, comparisons
//! that NaN cannot pass, and matrices in guarded memory. `tests/tools.rs` tests these.

#![allow(dead_code, unused_imports, reason = "each test binary uses its own part of this")]

mod compare;
mod matrix;
mod random;
pub mod reference;

pub use compare::{Check, is_close, same_or_both_nan, ulps};
pub use matrix::{GUARD, Layout, Matrix, Stored};
pub use random::Random;

use densecore::Cpu;
use densecore::simd::{Level, Portable, Simd};

/// The environment variable that names levels which must be tested, such as `portable,avx2`.
pub const REQUIRE_VARIABLE: &str = "DENSECORE_REQUIRE";

/// Every level of this processor, whatever `DENSECORE_LEVEL` says; fails if one is missing that
/// `DENSECORE_REQUIRE` names, so that no level passes for want of being there.
pub fn levels() -> Vec<Level> {
    let required = match std::env::var(REQUIRE_VARIABLE) {
        Ok(names) => names,
        Err(std::env::VarError::NotPresent) => String::new(),
        Err(error) => panic!("{REQUIRE_VARIABLE}: {error}"),
    };
    let levels: Vec<Level> = Level::available().collect();
    let available: Vec<&str> = levels.iter().map(|level| level.name()).collect();
    let missing = missing(&required, &available);
    assert!(missing.is_empty(), "{REQUIRE_VARIABLE}: {missing:?} not among {available:?}");
    assert!(!levels.is_empty(), "no level to test");
    levels
}

/// The levels with a fused multiply-add, which promise each other the same bits.
pub fn fma_levels() -> Vec<Level> {
    levels().into_iter().filter(|&level| level != Level::Portable).collect()
}

/// The names in `required`, a list with commas, that are not `available`.
pub fn missing<'a>(required: &'a str, available: &[&str]) -> Vec<&'a str> {
    let names = required.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.filter(|name| !available.contains(name)).collect()
}

/// One thread, at `level`.
pub fn serial(level: Level) -> Cpu {
    Cpu::serial().with_level(level)
}

/// The pools that a result must not depend on.
pub const POOLS: [usize; 4] = [1, 2, 3, 5];

/// Runs `f` in a rayon pool of that many threads, up to eight; on this thread without rayon.
pub fn in_pool<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    #[cfg(feature = "rayon")]
    {
        use std::sync::OnceLock;
        static BUILT: [OnceLock<rayon::ThreadPool>; 9] = [const { OnceLock::new() }; 9];
        let build = || rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        BUILT[threads].get_or_init(|| build().expect("a pool")).install(f)
    }
    #[cfg(not(feature = "rayon"))]
    {
        let _ = threads;
        f()
    }
}

/// Something to do with the token of a level.
pub trait Job {
    /// What it returns.
    type Out;
    /// Does it.
    fn run<S: Simd>(self, s: S) -> Self::Out;
}

/// Does a job with the token of `level`.
pub fn at_level<J: Job>(level: Level, job: J) -> J::Out {
    match level {
        Level::Portable => job.run(Portable::<4>),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => s.vectorize(|| job.run(s)),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => s.vectorize(|| job.run(s)),
        other => panic!("the tests do not know the level {other}"),
    }
}

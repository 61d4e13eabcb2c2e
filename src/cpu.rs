//! [`Cpu`]: how to run, passed as an argument to everything that computes.

use crate::simd::{Caches, Level};

/// Whether a call may use several threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Parallelism {
    /// The calling thread only. Rayon is not entered, not even to ask how many threads it has.
    Serial,
    /// The rayon pool that the caller is in (the global one, or that of `pool.install`), where
    /// the work is large enough to pay for it. The results are the same bits either way.
    #[cfg(feature = "rayon")]
    Rayon,
}

/// The instruction set, the cache sizes and the parallelism that a call runs with.
///
/// A small value to copy; [`Cpu::detect`] costs a few nanoseconds after its first call.
///
/// ```
/// use densecore::{Cpu, Parallelism};
/// let cpu = Cpu::detect().with_parallelism(Parallelism::Serial);
/// assert_eq!(cpu.threads(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    level: Level,
    caches: Caches,
    parallelism: Parallelism,
}

impl Cpu {
    /// The best level of this processor (at most `DENSECORE_LEVEL`), its caches, and rayon if the
    /// feature `rayon` is on.
    pub fn detect() -> Self {
        static DETECTED: std::sync::OnceLock<Cpu> = std::sync::OnceLock::new();
        *DETECTED.get_or_init(|| Self {
            level: Level::detect(),
            caches: Caches::detect(),
            #[cfg(feature = "rayon")]
            parallelism: Parallelism::Rayon,
            #[cfg(not(feature = "rayon"))]
            parallelism: Parallelism::Serial,
        })
    }

    /// The same on the calling thread only.
    pub fn serial() -> Self {
        Self::detect().with_parallelism(Parallelism::Serial)
    }

    /// The same at another level.
    pub fn with_level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// The same with another parallelism.
    pub fn with_parallelism(self, parallelism: Parallelism) -> Self {
        Self { parallelism, ..self }
    }

    /// The same as if the caches had these sizes. Results do not depend on them.
    pub fn with_caches(self, caches: Caches) -> Self {
        Self { caches, ..self }
    }

    /// The instruction set.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The cache sizes.
    pub fn caches(&self) -> Caches {
        self.caches
    }

    /// Whether a call may use several threads.
    pub fn parallelism(&self) -> Parallelism {
        self.parallelism
    }

    /// Threads that a call may use: one, or those of the rayon pool that the caller is in.
    pub fn threads(&self) -> usize {
        match self.parallelism {
            Parallelism::Serial => 1,
            #[cfg(feature = "rayon")]
            Parallelism::Rayon => rayon::current_num_threads(),
        }
    }
}

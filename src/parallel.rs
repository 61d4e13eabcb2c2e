//! Two halves at once: the only place that calls rayon.
//!
//! Work is cut by splitting views and slices, which the borrow checker proves disjoint, and the
//! halves are handed to [`join`]. How often to cut is decided from the size of the work alone;
//! what each element's value is never depends on it.

use crate::cpu::{Cpu, Parallelism};

/// Runs both, on two threads if the pool has one to spare.
pub(crate) fn join<A: Send, B: Send>(
    cpu: Cpu,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    match cpu.parallelism() {
        Parallelism::Serial => (a(), b()),
        #[cfg(feature = "rayon")]
        Parallelism::Rayon => rayon::join(a, b),
    }
}

/// Nanoseconds of work that each thread must get before another one is worth waking: about four
/// times what waking it costs, which is much more from outside the pool than from inside.
const WORTH_INSIDE_NS: u64 = 10_000;
const WORTH_OUTSIDE_NS: u64 = 60_000;

/// How many threads to give work that takes one thread `ns` nanoseconds.
pub(crate) fn threads_for(cpu: Cpu, ns: u64) -> usize {
    match cpu.parallelism() {
        Parallelism::Serial => 1,
        #[cfg(feature = "rayon")]
        Parallelism::Rayon => {
            // The smaller bound first: small work does not even ask rayon about its pool.
            if ns < 2 * WORTH_INSIDE_NS {
                return 1;
            }
            let inside = rayon::current_thread_index().is_some();
            let worth = if inside { WORTH_INSIDE_NS } else { WORTH_OUTSIDE_NS };
            usize::try_from(ns / worth).unwrap_or(usize::MAX).clamp(1, rayon::current_num_threads())
        }
    }
}

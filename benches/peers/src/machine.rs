//! What a machine can do at best, with all cores of the pool at work: multiply-adds, bytes read.

use std::hint::black_box;

use densecore::simd::{Level, Simd};

use crate::measure::{Batch, batch, random, take_turns};

/// Rounds of what a machine does at best. Its clock and its memory move by some percent, or by half, from one minute
/// to the next, so they take turns with what is compared with them.
pub struct Limit {
    /// What a round has of what is counted, in all cores together.
    amount: f64,
    round: Box<dyn Fn()>,
}

impl Limit {
    /// Floating-point operations: independent multiply-adds in registers.
    pub fn operations() -> Limit {
        const STEPS: usize = 500_000;
        let round = || rayon::broadcast(|_| multiply_adds(STEPS)).into_iter().sum::<usize>();
        Limit { amount: round() as f64, round: Box::new(move || _ = round()) }
    }

    /// Bytes read of `len` numbers shared out among the cores, over and over: the rate is that of the cache, or
    /// of the memory, that holds so many.
    pub fn bytes(len: usize) -> Limit {
        let cores = rayon::current_num_threads();
        // With less the loop itself would be measured.
        let share = (len / cores).max(4096);
        // So many that waking the cores does not count.
        let sweeps = (1_usize << 26).div_ceil(share);
        let data: Vec<_> = (0..cores).map(|core| random(share, core as u64)).collect();
        let read = move || {
            rayon::broadcast(|core| (0..sweeps).for_each(|_| read(&data[core.index()])));
        };
        Limit { amount: (4 * cores * share * sweeps) as f64, round: Box::new(read) }
    }

    /// A turn.
    pub fn run(&self, seconds: f64) -> Batch {
        batch(seconds, &self.round)
    }

    /// What is done in a second, if a round takes so many.
    pub fn rate(&self, seconds: f64) -> f64 {
        self.amount / seconds
    }

    /// What is done in a second, measured by itself.
    pub fn rate_alone(&self) -> f64 {
        self.rate(take_turns(&mut [Box::new(|seconds| self.run(seconds))], 1, 0.1)[0])
    }
}

/// How many operations it has done.
fn multiply_adds(steps: usize) -> usize {
    /// As many as two pipes need that take four or five cycles.
    const CHAINS: usize = 12;
    fn chains<S: Simd>(s: S, steps: usize) -> usize {
        s.vectorize(
            #[inline(always)]
            || {
                let (x, y) = (s.splat(black_box(0.9999)), s.splat(black_box(1e-4)));
                let mut acc = [s.splat(black_box(1.0)); CHAINS];
                for _ in 0..steps {
                    for a in &mut acc {
                        *a = s.mul_add(*a, x, y);
                    }
                }
                black_box(acc.into_iter().reduce(|a, b| s.add(a, b)));
            },
        );
        2 * CHAINS * S::LANES * steps
    }
    match Level::detect() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => chains(s, steps),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => chains(s, steps),
        _ => chains(densecore::simd::Portable::<4>, steps),
    }
}

/// Reads every number once; what is left over by the loop's step is a few of thousands.
fn read(data: &[f32]) {
    fn largest<S: Simd>(s: S, data: &[f32]) {
        s.vectorize(
            #[inline(always)]
            || {
                let mut acc = [s.splat(f32::MIN); 8];
                for block in data.chunks_exact(8 * S::LANES) {
                    for (i, acc) in acc.iter_mut().enumerate() {
                        // SAFETY: vector `i` of 8 ends within the block.
                        *acc = s.max(*acc, unsafe { s.load(block.as_ptr().add(i * S::LANES)) });
                    }
                }
                black_box(acc.into_iter().reduce(|a, b| s.max(a, b)));
            },
        );
    }
    match Level::detect() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => largest(s, data),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => largest(s, data),
        _ => largest(densecore::simd::Portable::<4>, data),
    }
}

//! What a machine can do at best: multiply-adds of a core, bytes read by a number of cores.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use densecore::simd::{Level, Simd};

use crate::measure::{batch, random, take_turns};

/// Floating-point operations per second of one core: independent multiply-adds in registers.
pub fn peak() -> f64 {
    const STEPS: usize = 100_000;
    fn chains<S: Simd>(s: S) -> f64 {
        let mut chains = || {
            s.vectorize(
                #[inline(always)]
                || {
                    let (x, y) = (s.splat(black_box(0.9999)), s.splat(black_box(1e-4)));
                    let mut acc = [s.splat(black_box(1.0)); 12];
                    for _ in 0..STEPS {
                        for a in &mut acc {
                            *a = s.mul_add(*a, x, y);
                        }
                    }
                    black_box(acc.into_iter().reduce(|a, b| s.add(a, b)));
                },
            );
        };
        let best = take_turns(&mut [Box::new(|seconds| batch(seconds, &mut chains))], 1, 0.3);
        (2 * 12 * S::LANES * STEPS) as f64 / best[0]
    }
    match Level::detect() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => chains(s),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => chains(s),
        _ => chains(densecore::simd::Portable::<4>),
    }
}

/// Bytes per second that `threads` cores read together, over and over, of `len` numbers shared
/// out among them: the rate of the cache, or of the memory, that holds so many.
pub fn read_rate(len: usize, threads: usize) -> f64 {
    // With less the loop itself would be measured.
    let share = (len / threads).max(4096);
    let barrier = Barrier::new(threads);
    let rate = || {
        let data = random(share, 1);
        // So many that the clock does not count.
        let sweeps = 1 + (1 << 16) / share;
        (0..40).fold(0.0, |best, _| {
            barrier.wait();
            let (start, mut rounds) = (Instant::now(), 0);
            while rounds < 1 || start.elapsed().as_secs_f64() < 0.002 {
                (0..sweeps).for_each(|_| read(&data));
                rounds += 1;
            }
            let bytes = (rounds * sweeps * 4 * share) as f64;
            f64::max(best, bytes / start.elapsed().as_secs_f64())
        })
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(rate)).collect();
        let others = others.into_iter().map(|other| other.join().expect("it only reads"));
        rate() + others.sum::<f64>()
    })
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

//! What one core can do at most; benchmarks and examples say what share of it they reach.

use std::hint::black_box;
use std::time::{Duration, Instant};

use densecore::simd::{Level, Simd};

/// The shortest time of `f`, over enough repetitions to fill about a fifth of a second.
pub fn best<R>(mut f: impl FnMut() -> R) -> f64 {
    black_box(f());
    let start = Instant::now();
    black_box(f());
    let once = start.elapsed().as_secs_f64();
    let repetitions = (0.002 / once.max(1e-8)) as u32 + 1;
    let (mut best, start) = (f64::MAX, Instant::now());
    while start.elapsed() < Duration::from_millis(200) {
        let round = Instant::now();
        for _ in 0..repetitions {
            black_box(f());
        }
        best = best.min(round.elapsed().as_secs_f64() / f64::from(repetitions));
    }
    best
}

/// Floating-point operations per second of one core: independent multiply-adds in registers.
pub fn peak() -> f64 {
    const STEPS: usize = 10_000;
    fn chains<S: Simd>(s: S) -> f64 {
        let run = || {
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
                    acc.into_iter().reduce(|a, b| s.add(a, b))
                },
            )
        };
        (2 * 12 * S::LANES * STEPS) as f64 / best(run)
    }
    match Level::detect() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => chains(s),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => chains(s),
        _ => chains(densecore::simd::Portable::<4>),
    }
}

//! Clocks, the peak of a core, and random data.

use std::hint::black_box;
use std::time::{Duration, Instant};

use densecore::Rng;
use densecore::simd::{Level, Simd};

/// `len` normal random numbers.
pub fn random(len: usize, stream: u64) -> Vec<f32> {
    let mut rng = Rng::new(1, stream);
    (0..len).map(|_| rng.normal()).collect()
}

/// Seconds of a batch of calls, long enough for the clock.
const BATCH: f64 = 0.003;

/// How long the idle threads of a library may go on spinning before they sleep.
const SPINNING: Duration = Duration::from_millis(4);

/// Makes the idle threads of MKL (in milliseconds) and OpenBLAS (in powers of two of cycles) spin
/// no longer than [`SPINNING`]: for 200 and 20 ms they would keep a core from the next library.
/// Between the calls of a batch they spin as ever. To be called before the libraries are loaded.
pub fn limit_spinning() {
    for (variable, value) in [("KMP_BLOCKTIME", "3"), ("OPENBLAS_THREAD_TIMEOUT", "23")] {
        // SAFETY: no other thread runs yet.
        unsafe { std::env::set_var(variable, value) };
    }
}

/// The best time of each candidate, in seconds. They take turns, batch by batch, until each has
/// had `seconds`, so that a slow spell of the machine meets all of them. A turn of `threads`
/// threads begins when those of the one before sleep, and with calls that wake its own.
pub fn take_turns(
    candidates: &mut [Box<dyn FnMut() + '_>],
    threads: usize,
    seconds: f64,
) -> Vec<f64> {
    let mut best = vec![f64::MAX; candidates.len()];
    let mut spent = vec![0.0; candidates.len()];
    let mut rounds = 0;
    while rounds < 3 || spent.iter().any(|&s| s < seconds) {
        rounds += 1;
        for (at, f) in candidates.iter_mut().enumerate() {
            if rounds > 3 && spent[at] >= seconds {
                continue;
            }
            if threads > 1 {
                std::thread::sleep(2 * SPINNING);
            }
            let start = Instant::now();
            let mut calls = 0;
            while calls < 2 || start.elapsed().as_secs_f64() < BATCH / 3.0 {
                f();
                calls += 1;
            }
            let calls = (2.0 * BATCH * f64::from(calls) / start.elapsed().as_secs_f64()) as u32 + 1;
            let start = Instant::now();
            for _ in 0..calls {
                f();
            }
            let elapsed = start.elapsed().as_secs_f64();
            spent[at] += elapsed;
            best[at] = f64::min(best[at], elapsed / f64::from(calls));
        }
    }
    best
}

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
        let best = take_turns(&mut [Box::new(&mut chains)], 1, 0.3);
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

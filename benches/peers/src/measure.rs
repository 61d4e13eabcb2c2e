//! Clocks, turns, and random data.

use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use densecore::Rng;

/// `len` normal random numbers.
pub fn random(len: usize, stream: u64) -> Vec<f32> {
    let mut rng = Rng::new(1, stream);
    (0..len).map(|_| rng.normal()).collect()
}

/// Numbers whose distance from a cache line is known, 0 as in the arenas of networks and libraries: where
/// they begin is worth a factor of two to vectors as long as a line, and chance would give each library its own.
pub struct Lines {
    lines: Vec<Line>,
    first: usize,
    len: usize,
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; 16]);

impl Lines {
    /// Numbers that begin on a line.
    pub fn of(numbers: &[f32]) -> Lines {
        Lines::behind(0, numbers)
    }

    /// Numbers that begin `first` of them behind a line.
    pub fn behind(first: usize, numbers: &[f32]) -> Lines {
        let count = (first + numbers.len()).div_ceil(16);
        let mut lines = Lines { lines: vec![Line([0.0; 16]); count], first, len: numbers.len() };
        lines.copy_from_slice(numbers);
        lines
    }
}

impl Deref for Lines {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: the lines hold at least `first + len` numbers without gaps.
        unsafe {
            let numbers = self.lines.as_ptr().cast::<f32>().add(self.first);
            std::slice::from_raw_parts(numbers, self.len)
        }
    }
}

impl DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe {
            let numbers = self.lines.as_mut_ptr().cast::<f32>().add(self.first);
            std::slice::from_raw_parts_mut(numbers, self.len)
        }
    }
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

/// Calls in a row, and how long they took together.
pub struct Batch {
    pub calls: u32,
    pub seconds: f64,
}

/// Calls `f` for about so many seconds, after some calls that wake its threads.
pub fn batch(seconds: f64, mut f: impl FnMut()) -> Batch {
    let start = Instant::now();
    let mut calls = 0;
    // One long call is enough.
    while start.elapsed().as_secs_f64() < if calls < 2 { seconds } else { seconds / 3.0 } {
        f();
        calls += 1;
    }
    let calls = (2.0 * seconds * f64::from(calls) / start.elapsed().as_secs_f64()) as u32 + 1;
    let start = Instant::now();
    for _ in 0..calls {
        f();
    }
    Batch { calls, seconds: start.elapsed().as_secs_f64() }
}

/// The best time of a call of each candidate, in seconds. A candidate runs a [`batch`] of about
/// the length that it is given, here or in another process. They take turns until each has had
/// `seconds`, so that a slow spell of the machine meets all of them. A turn of `threads` threads
/// begins when those of the one before sleep.
pub fn take_turns(
    candidates: &mut [Box<dyn FnMut(f64) -> Batch + '_>],
    threads: usize,
    seconds: f64,
) -> Vec<f64> {
    let mut best = vec![f64::MAX; candidates.len()];
    let mut spent = vec![0.0; candidates.len()];
    let mut rounds = 0;
    while rounds < 3 || spent.iter().any(|&s| s < seconds) {
        rounds += 1;
        for (at, run) in candidates.iter_mut().enumerate() {
            if rounds > 3 && spent[at] >= seconds {
                continue;
            }
            if threads > 1 {
                std::thread::sleep(2 * SPINNING);
            }
            let batch = run(BATCH);
            spent[at] += batch.seconds;
            best[at] = f64::min(best[at], batch.seconds / f64::from(batch.calls));
        }
    }
    best
}

/// Seconds in microseconds, to about four digits.
pub fn micros(seconds: f64) -> String {
    match seconds * 1e6 {
        us if !us.is_finite() => "-".into(),
        us if us < 10.0 => format!("{us:.3}"),
        us if us < 1000.0 => format!("{us:.1}"),
        us => format!("{us:.0}"),
    }
}

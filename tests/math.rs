//! The elementary functions against `f64`, on every level.
//!
//! The sweep takes every 199th bit pattern, and every one with `DENSECORE_EXHAUSTIVE=1`:
//! `DENSECORE_EXHAUSTIVE=1 cargo test --test math sweep -- --nocapture --test-threads=1` prints the
//! errors that the constants in `src/math` quote.

#[path = "common/ulp.rs"]
mod ulp;

use densecore::math::{self, Exp, ExpNonpositive, Log, Sigmoid, Tanh};
use densecore::simd::{Level, Portable, slice, slice::Unary};
use densecore::{Cpu, Error, Result};
use ulp::ulp_error;

type Run = fn(&[f32], &mut [f32]);

/// A function under test.
struct Function {
    name: &'static str,
    slice: fn(Cpu, &[f32], &mut [f32]) -> Result<()>,
    /// The same with vectors of 1, 3 and 5.
    widths: [Run; 3],
    /// In `f64`, without the cost of calculating where the result is plain.
    reference: fn(f64) -> f64,
    max_ulp: f64,
    /// Results too small for a normal `f32` may be 0 instead.
    flushes: bool,
    /// The largest input that it takes.
    up_to: f32,
}

fn width<const N: usize, F: Unary + Default>(src: &[f32], dst: &mut [f32]) {
    slice::map(Portable::<N>, &F::default(), src, dst);
}

const fn widths<F: Unary + Default>() -> [Run; 3] {
    [width::<1, F>, width::<3, F>, width::<5, F>]
}

const EXP: Function = Function {
    name: "exp",
    slice: math::exp_slice,
    widths: widths::<Exp>(),
    reference: |x| if x.abs() < 1e-9 { 1.0 + x } else { x.clamp(-200.0, 200.0).exp() },
    max_ulp: math::EXP_MAX_ULP,
    flushes: false,
    up_to: f32::INFINITY,
};
const EXP_NONPOSITIVE: Function = Function {
    name: "exp_nonpositive",
    slice: math::exp_nonpositive_slice,
    widths: widths::<ExpNonpositive>(),
    max_ulp: math::EXP_NONPOSITIVE_MAX_ULP,
    flushes: true,
    up_to: 0.0,
    ..EXP
};
const LOG: Function = Function {
    name: "log",
    slice: math::log_slice,
    widths: widths::<Log>(),
    reference: f64::ln,
    max_ulp: math::LOG_MAX_ULP,
    flushes: false,
    up_to: f32::INFINITY,
};
const TANH: Function = Function {
    name: "tanh",
    slice: math::tanh_slice,
    widths: widths::<Tanh>(),
    reference: |x| if x.abs() < 1e-6 { x } else { x.clamp(-30.0, 30.0).tanh() },
    max_ulp: math::TANH_MAX_ULP,
    flushes: false,
    up_to: f32::INFINITY,
};
const SIGMOID: Function = Function {
    name: "sigmoid",
    slice: math::sigmoid_slice,
    widths: widths::<Sigmoid>(),
    reference: |x| if x.abs() < 1e-10 { 0.5 } else { 1.0 / (1.0 + (-x).exp()) },
    max_ulp: math::SIGMOID_MAX_ULP,
    flushes: true,
    up_to: f32::INFINITY,
};
const ALL: [Function; 5] = [EXP, EXP_NONPOSITIVE, LOG, TANH, SIGMOID];

impl Function {
    fn run(&self, level: Level, src: &[f32]) -> Vec<f32> {
        let mut dst = vec![f32::NAN; src.len()];
        (self.slice)(Cpu::serial().with_level(level), src, &mut dst).unwrap();
        dst
    }

    fn error(&self, got: f32, want: f64) -> f64 {
        let flushed = self.flushes && got == 0.0 && want.abs() < f64::from(f32::MIN_POSITIVE);
        if flushed { 0.0 } else { ulp_error(got, want) }
    }
}

/// Two results that are the same number to the bit, or both NaN.
fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// The largest error at each level, and the input where it is.
type Worst = Vec<(f64, f32)>;

/// Compares every `stride`-th bit pattern of `from..to`: each level with the reference, the other
/// widths and the other levels with FMA to the bit.
fn sweep_range(f: &Function, levels: &[Level], from: u64, to: u64, stride: usize) -> Worst {
    const CHUNK: usize = 4096;
    let mut worst = vec![(0.0, 0.0); levels.len()];
    let mut all = (from..to).step_by(stride).map(|bits| f32::from_bits(bits as u32)).peekable();
    while all.peek().is_some() {
        let part = all.by_ref().take(CHUNK);
        let src: Vec<f32> = part.filter(|&x| x <= f.up_to || x.is_nan()).collect();
        let want: Vec<f64> = src.iter().map(|&x| (f.reference)(x.into())).collect();
        let got: Vec<_> = levels.iter().map(|&level| f.run(level, &src)).collect();
        for (worst, got) in worst.iter_mut().zip(&got) {
            for i in 0..src.len() {
                let error = f.error(got[i], want[i]);
                *worst = if error <= worst.0 { *worst } else { (error, src[i]) };
            }
        }
        for got in &got {
            assert!(is_ordered(&src, got), "{}: not monotone near {:e}", f.name, src[0]);
        }
        for two in got.windows(2).skip(1) {
            assert!((0..src.len()).all(|i| same(two[0][i], two[1][i])), "{}: levels", f.name);
        }
        if stride > 1 {
            check_widths(f, &src, &got[0]);
        }
    }
    worst
}

/// All functions here grow, and so must their rounded results, from one input to the next.
fn is_ordered(x: &[f32], y: &[f32]) -> bool {
    (1..x.len()).all(|i| {
        let (low, high) = if x[i] > x[i - 1] { (y[i - 1], y[i]) } else { (y[i], y[i - 1]) };
        low <= high || low.is_nan() || high.is_nan()
    })
}

fn check_widths(f: &Function, src: &[f32], portable: &[f32]) {
    let mut dst = vec![0.0; src.len()];
    for width in f.widths {
        width(src, &mut dst);
        assert!((0..src.len()).all(|i| same(dst[i], portable[i])), "{}: widths", f.name);
    }
}

fn sweep(f: &Function) {
    let exhaustive = std::env::var("DENSECORE_EXHAUSTIVE").is_ok_and(|value| value == "1");
    let (stride, threads) = match exhaustive {
        true => (1, std::thread::available_parallelism().map_or(1, usize::from) as u64),
        false => (199, 1),
    };
    let levels: Vec<Level> = Level::available().collect();
    // More parts than threads: some ranges are quick, such as the NaNs.
    let part = (1 << 32) / 64;
    let worst_of = |first: u64| {
        let parts = (first..64).step_by(threads as usize);
        parts.map(|i| sweep_range(f, &levels, i * part, (i + 1) * part, stride)).collect::<Vec<_>>()
    };
    let worst: Vec<Worst> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|t| scope.spawn(move || worst_of(t))).collect();
        started.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (i, level) in levels.iter().enumerate() {
        let (error, at) =
            worst.iter().map(|w| w[i]).fold((0.0, 0.0), |a, b| if b.0 <= a.0 { a } else { b });
        println!("{} {level}: {error:.4} ULP at {at:e}, every {stride}", f.name);
        assert!(error > 0.4, "{} {level}: nothing was compared", f.name);
        assert!(error <= f.max_ulp, "{} {level}: {error} ULP at {at:e}", f.name);
    }
}

#[test]
fn sweep_exp() {
    sweep(&EXP);
}

#[test]
fn sweep_exp_nonpositive() {
    sweep(&EXP_NONPOSITIVE);
}

#[test]
fn sweep_log() {
    sweep(&LOG);
}

#[test]
fn sweep_tanh() {
    sweep(&TANH);
}

#[test]
fn sweep_sigmoid() {
    sweep(&SIGMOID);
}

#[test]
fn special_values() {
    const MAX: f32 = f32::MAX;
    const INF: f32 = f32::INFINITY;
    const NAN: f32 = f32::NAN;
    const TINY: f32 = f32::from_bits(1);
    // The inputs on either side of an edge are neighbours.
    let exp = [(INF, INF), (MAX, INF), (88.722_84, INF), (88.722_83, 3.402_798_5e38)];
    let exp_down = [(-103.972_08, TINY), (-103.972_09, 0.0), (-MAX, 0.0), (-INF, 0.0)];
    let exp_at_0 = [(-0.0, 1.0), (0.0, 1.0), (-TINY, 1.0)];
    let flushed = [(-88.0, 0.0), (-MAX, 0.0), (-INF, 0.0)];
    let log = [(0.0, -INF), (-0.0, -INF), (-TINY, NAN), (-1.0, NAN), (-MAX, NAN), (-INF, NAN)];
    let log_up = [(TINY, -103.278_93), (f32::MIN_POSITIVE, -87.336_55), (1.0, 0.0)];
    let log_end = [(MAX, 88.722_84), (INF, INF)];
    let tanh = [(0.0, 0.0), (TINY, TINY), (1e-30, 1e-30), (9.1, 1.0), (MAX, 1.0), (INF, 1.0)];
    let sigmoid = [(-INF, 0.0), (-MAX, 0.0), (-88.4, 0.0), (-TINY, 0.5), (-0.0, 0.5), (0.0, 0.5)];
    let sigmoid_up = [(TINY, 0.5), (17.4, 1.0), (MAX, 1.0), (INF, 1.0)];
    check_values(&EXP, &[&exp[..], &exp_down, &exp_at_0].concat());
    check_values(&EXP_NONPOSITIVE, &[&flushed[..], &exp_at_0[..1]].concat());
    check_values(&LOG, &[&log[..], &log_up, &log_end].concat());
    check_values(&TANH, &[tanh, tanh.map(|(x, y)| (-x, -y))].concat());
    check_values(&SIGMOID, &[&sigmoid[..], &sigmoid_up].concat());
    for f in ALL {
        check_values(&f, &[(NAN, NAN), (-NAN, NAN), (f32::from_bits(0x7f80_0001), NAN)]);
    }
}

fn check_values(f: &Function, values: &[(f32, f32)]) {
    for level in Level::available() {
        for &(x, want) in values {
            let got = f.run(level, &[x])[0];
            assert!(same(got, want), "{} {level}: {x:e} gives {got:e}, not {want:e}", f.name);
        }
    }
}

#[test]
fn ranges_and_symmetry() {
    let x: Vec<f32> = (0..1 << 21).map(|i| f32::from_bits(i * 1021)).collect();
    let minus_x: Vec<f32> = x.iter().map(|x| -x).collect();
    for level in Level::available() {
        let (plus, minus) = (TANH.run(level, &x), TANH.run(level, &minus_x));
        for i in (0..x.len()).filter(|&i| !x[i].is_nan()) {
            assert!((0.0..=1.0).contains(&plus[i]), "tanh {level}: {:e}", x[i]);
            assert!(plus[i].to_bits() ^ minus[i].to_bits() == 1 << 31, "{level}: {:e}", x[i]);
        }
        for y in [SIGMOID.run(level, &x), SIGMOID.run(level, &minus_x)].concat() {
            assert!((0.0..=1.0).contains(&y) || y.is_nan(), "sigmoid {level}: {y:e}");
        }
        for y in EXP_NONPOSITIVE.run(level, &minus_x) {
            assert!((0.0..=1.0).contains(&y) || y.is_nan(), "exp_nonpositive {level}: {y:e}");
        }
    }
}

/// An element's result is that which it has alone, wherever it stands; nothing else is written.
#[test]
fn body_and_tail_give_the_same_bits() {
    const GUARD: f32 = 12345.0;
    for (f, level) in ALL.iter().flat_map(|f| Level::available().map(move |level| (f, level))) {
        let cpu = Cpu::serial().with_level(level);
        for len in 0..=2 * level.lanes() * 4 + 9 {
            let scale = if f.up_to > 0.0 { 0.21 } else { -0.21 };
            let x: Vec<f32> = (0..len).map(|i| (i * 37 % 101) as f32 * scale).collect();
            let alone: Vec<f32> = x.iter().map(|&x| f.run(level, &[x])[0]).collect();
            for offset in 0..level.lanes() {
                let src = [&vec![GUARD; offset][..], &x].concat();
                let mut dst = vec![GUARD; offset + len + 3];
                (f.slice)(cpu, &src[offset..], &mut dst[offset..offset + len]).unwrap();
                let (before, rest) = dst.split_at(offset);
                assert!((0..len).all(|i| same(rest[i], alone[i])), "{} {level} {len}", f.name);
                let mut guards = before.iter().chain(&rest[len..]);
                assert!(guards.all(|&x| x == GUARD), "{} {level} {len}: guard", f.name);
            }
        }
    }
}

#[test]
fn slices_divided_among_threads_give_the_same_bits() {
    // Taken for 75 us of work, which is divided inside a pool.
    let x: Vec<f32> = (0..300_001).map(|i| (i % 1009) as f32 * -0.01).collect();
    for (f, level) in ALL.iter().flat_map(|f| Level::available().map(move |level| (f, level))) {
        let serial = f.run(level, &x);
        for threads in [2, 3, 5] {
            let mut y = vec![7.0; x.len()];
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (f.slice)(Cpu::detect().with_level(level), &x, &mut y)).unwrap();
            assert!((0..x.len()).all(|i| same(y[i], serial[i])), "{} {level} {threads}", f.name);
        }
    }
}

#[test]
fn lengths_must_agree() {
    for f in ALL {
        let mut dst = [7.0; 2];
        let error = (f.slice)(Cpu::detect(), &[0.0; 3], &mut dst);
        assert_eq!(error, Err(Error::Length { argument: "dst", expected: 3, found: 2 }));
        assert_eq!(dst, [7.0; 2]);
    }
}

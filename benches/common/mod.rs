//! What the benchmarks share: random data, the peak of one core, and a report in percent of it.

#![allow(dead_code, unused_imports, reason = "each benchmark uses its part of this module")]

pub mod networks;
mod peak;

pub use peak::{best, peak};

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use densecore::{Rng, Tensor};

/// A matrix of normal random numbers; zeros would be faster than anything real.
pub fn random(rows: usize, cols: usize, stream: u64) -> Tensor {
    let mut rng = Rng::new(1, stream);
    let data = (0..rows * cols).map(|_| rng.normal()).collect();
    Tensor::from_vec(rows, cols, data).expect("the length is rows * cols")
}

/// Opens a group of benchmarks; its name is printed above their reports.
pub fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    println!("\n{name}");
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20);
    group
}

/// Prints the best rate of `f`, which does `flops` operations, with its share of the peak of
/// `threads` cores; then lets criterion measure it.
pub fn report<R>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    peak: f64,
    (name, threads): (&str, usize),
    flops: usize,
    mut f: impl FnMut() -> R,
) {
    group.throughput(Throughput::Elements(flops as u64));
    let mut reported = false;
    group.bench_function(name, |b| {
        if !std::mem::replace(&mut reported, true) {
            let rate = flops as f64 / best(&mut f);
            let percent = 100.0 * rate / (peak * threads as f64);
            let rate = rate / 1e9;
            println!("  {name}: {rate:.1} GF/s, {percent:.1} % of the peak of {threads} core(s)");
        }
        b.iter(&mut f);
    });
}

/// Bytes a second that a copy of `len` elements on one thread reads and writes.
pub fn copy_rate(len: usize) -> f64 {
    let (from, mut to) = (random(1, len, 3), random(1, len, 4));
    let rate = 8.0 * len as f64
        / best(|| {
            to.as_mut_slice().copy_from_slice(from.as_slice());
            black_box(&mut to);
        });
    println!("\ncopy of {len} on one thread: {:.1} GB/s read and written", rate / 1e9);
    rate
}

/// Prints the best rate of `f`, which handles `len` elements and moves `bytes`, beside that of a
/// copy; then lets criterion measure it.
pub fn report_bytes<R>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (name, copied): (&str, f64),
    (len, bytes): (usize, usize),
    mut f: impl FnMut() -> R,
) {
    group.throughput(Throughput::Bytes(bytes as u64));
    let mut reported = false;
    group.bench_function(name, |b| {
        if !std::mem::replace(&mut reported, true) {
            let seconds = best(&mut f);
            let (elements, rate) = (len as f64 / seconds / 1e9, bytes as f64 / seconds);
            let (us, rate, percent) = (seconds * 1e6, rate / 1e9, 100.0 * rate / copied);
            println!(
                "  {name}: {us:.2} us, {elements:.3} G/s, {rate:.1} GB/s, {percent:.0} % of a copy"
            );
        }
        b.iter(&mut f);
    });
}

/// Panics if an element differs from the value expected by more than its bound, or is NaN. Of a
/// large matrix every so many elements are compared, the last among them.
pub fn verify(name: &str, found: &Tensor, expected: impl Fn(usize, usize) -> (f64, f64)) {
    assert!(!found.as_slice().is_empty(), "{name}: nothing was compared");
    let (last, cols) = (found.as_slice().len() - 1, found.cols());
    for at in (0..=last).step_by(1 + last / 1000).chain([last]) {
        let (value, bound) = expected(at / cols, at % cols);
        let found = found.as_slice()[at];
        let error = (f64::from(found) - value).abs();
        assert!(error <= bound, "{name}: element {at} is {found}, expected {value}");
    }
}

/// `sum_p a[i, p] b[p, j]` in f64, and the bound `k eps sum |a b|` on the error of an f32 sum.
pub fn dot(k: usize, a: impl Fn(usize) -> f32, b: impl Fn(usize) -> f32) -> (f64, f64) {
    let (mut sum, mut size) = (0.0, 0.0);
    for p in 0..k {
        let term = f64::from(a(p)) * f64::from(b(p));
        sum += term;
        size += term.abs();
    }
    (sum, (k as f64 + 2.0) * f64::from(f32::EPSILON) * size)
}

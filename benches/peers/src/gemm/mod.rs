//! The matrix product, row by row: every library, the ratio to the best, percent of peak.

mod blas;
mod libraries;
mod rows;

use std::process::ExitCode;

use densecore::simd::Level;

use crate::check::Check;
use crate::machine::Limit;
use crate::measure::{Batch, Lines, batch, random, take_turns};
use crate::options::{self, keep_pool_on_cores};
use libraries::Library;
use rows::{Layout, Row};

#[derive(clap::Args)]
pub struct Options {
    #[command(flatten)]
    common: options::Options,
    /// Call from a thread outside the rayon pool, instead of from inside.
    #[arg(long)]
    outside: bool,
    /// So many shapes that nobody has chosen, the same in every run, instead of the table.
    #[arg(long, value_name = "COUNT")]
    random: Option<usize>,
    /// These shapes in every layout, as in `64x1x128,9x9x9` for m, n and k, instead of the table.
    #[arg(long, value_name = "SHAPES", value_delimiter = ',', value_parser = rows::shape, conflicts_with = "random")]
    shapes: Vec<[usize; 3]>,
    /// How many numbers behind a cache line every operand begins. Large allocations begin 4 behind one.
    #[arg(long, value_name = "NUMBERS", default_value_t = 0)]
    behind: usize,
}

/// What counts as equal to the best peer: the rest is noise.
const TARGET: f64 = 0.97;

pub fn run(options: &Options) -> ExitCode {
    options.common.run.start();
    if options.outside { table(options) } else { rayon::scope(|_| table(options)) }
}

fn table(gemm: &Options) -> ExitCode {
    let options = &gemm.common;
    let rows: Vec<Row> = match gemm.random {
        Some(count) => Row::random(count).collect(),
        None if gemm.shapes.is_empty() => Row::all().collect(),
        None => Row::in_every_layout(&gemm.shapes).collect(),
    };
    let threads = options.run.threads();
    let mut libraries = libraries::all(threads);
    let mut at = 0;
    libraries.retain(|library| {
        at += 1;
        at <= libraries::OURS || options.has_peer(library.name())
    });
    for library in &mut libraries {
        start_threads(library.as_mut());
    }
    keep_pool_on_cores();
    let limit = Limit::operations();
    println!(
        "{threads} threads, level {}, peak {:.1} GF/s, taken again with each row; GF/s of each, best of many",
        Level::detect(),
        limit.rate_alone() / 1e9
    );
    print!("{:20}", "row");
    for library in &libraries {
        print!("{:>13}", library.name());
    }
    println!("{:>8}{:>8}", "ratio", "% peak");
    let (mut check, mut count, mut product) = (Check::default(), 0, 0.0);
    for row in rows.into_iter().filter(|row| options.has_row(&row.to_string())) {
        let (rates, peak) = measure(&mut libraries, &row, &limit, gemm);
        let ours = rates[0];
        let best = rates[libraries::OURS..].iter().copied().fold(0.0, f64::max);
        let percent = 100.0 * ours / peak;
        print!("{:20}", row.to_string());
        for rate in &rates {
            print!("{:13.1}", rate / 1e9);
        }
        println!("{:8.2}{percent:8.1}", ours / best);
        count += 1;
        product += (ours / best).ln();
        if ours < TARGET * best {
            check.short(row, format_args!("{:.2}", ours / best));
        }
    }
    if count > 0 {
        let mean = f64::exp(product / f64::from(count));
        println!("{count} rows, {} below {TARGET}, geometric mean {mean:.3}", check.count());
    }
    check.finish(options.check)
}

/// Lets a library start threads of its own while they may run on any core: later ones would have to
/// share that of the thread that starts them.
fn start_threads(library: &mut dyn Library) {
    let row = Row { layout: Layout::Nn, m: 512, n: 512, k: 512 };
    let (a, b) = (random(row.m * row.k, 1), random(row.k * row.n, 2));
    library.prepare(&row, &b);
    library.multiply(&row, &a, &b, &mut vec![0.0; row.m * row.n]);
}

/// The rate of each library in floating-point operations a second, after checking its result, and the peak.
fn measure(
    libraries: &mut [Box<dyn Library>],
    row: &Row,
    limit: &Limit,
    options: &Options,
) -> (Vec<f64>, f64) {
    let Row { m, n, k, .. } = *row;
    let lines = |numbers: &[f32]| Lines::behind(options.behind, numbers);
    let (a, b) = (lines(&random(m * k, 1)), lines(&random(k * n, 2)));
    let mut outputs: Vec<_> = libraries.iter().map(|_| lines(&vec![f32::NAN; m * n])).collect();
    let mut candidates: Vec<Box<dyn FnMut(f64) -> Batch + '_>> = Vec::new();
    for (library, c) in libraries.iter_mut().zip(&mut outputs) {
        library.prepare(row, &b);
        library.multiply(row, &a, &b, c);
        verify(library.name(), row, &a, &b, c);
        candidates.push(Box::new(|seconds| batch(seconds, || library.multiply(row, &a, &b, c))));
    }
    let flops = 2.0 * m as f64 * n as f64 * k as f64;
    let run = &options.common.run;
    candidates.push(Box::new(|seconds| limit.run(seconds)));
    let mut times = take_turns(&mut candidates, run.threads(), run.seconds);
    let peak = limit.rate(times.pop().expect("the limit is the last"));
    (times.into_iter().map(|time| flops / time).collect(), peak)
}

/// Compares up to a hundred elements with their sum in f64.
fn verify(name: &str, row: &Row, a: &[f32], b: &[f32], c: &[f32]) {
    let Row { layout, m, n, k } = *row;
    let element_a = |i, p| if layout == Layout::Tn { a[p * m + i] } else { a[i * k + p] };
    let element_b = |p, j| if layout == Layout::Nt { b[j * k + p] } else { b[p * n + j] };
    for at in (0..m * n).step_by(1 + m * n / 100).chain([m * n - 1]) {
        let (i, j) = (at / n, at % n);
        let terms = (0..k).map(|p| f64::from(element_a(i, p)) * f64::from(element_b(p, j)));
        let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), t| (sum + t, size + t.abs()));
        let bound = (k as f64 + 2.0) * f64::from(f32::EPSILON) * size;
        let error = (f64::from(c[at]) - sum).abs();
        assert!(error <= bound, "{name}, {row}: element {at} is {}, expected {sum}", c[at]);
    }
}

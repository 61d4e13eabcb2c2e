//! The matrix product, row by row: every library, the ratio to the best, percent of peak.

mod blas;
mod libraries;
mod rows;

use std::process::ExitCode;

use densecore::simd::Level;

use crate::measure::{limit_spinning, peak, random, take_turns};
use libraries::Library;
use rows::{Layout, Row};

#[derive(clap::Args)]
pub struct Options {
    /// Threads for every library.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Exit with an error that names the rows below their target.
    #[arg(long)]
    check: bool,
    /// Only rows whose name, such as `NT 4x1024x1024`, contains this.
    #[arg(long, default_value = "")]
    rows: String,
    /// Only these peers, by name.
    #[arg(long, value_delimiter = ',')]
    against: Vec<String>,
    /// Seconds that each library gets in each row.
    #[arg(long, default_value_t = 0.15)]
    seconds: f64,
    /// Call from a thread outside the rayon pool, instead of from inside.
    #[arg(long)]
    outside: bool,
}

/// What counts as equal to the best peer: the rest is noise.
const TARGET: f64 = 0.97;

pub fn run(options: &Options) -> ExitCode {
    let threads = options.threads.max(1);
    limit_spinning();
    for variable in
        ["MATMUL_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
    {
        // SAFETY: no other thread runs yet.
        unsafe { std::env::set_var(variable, threads.to_string()) };
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .expect("the pool is built once");
    if options.outside {
        table(options, threads)
    } else {
        rayon::scope(|_| table(options, threads))
    }
}

fn table(options: &Options, threads: usize) -> ExitCode {
    let mut libraries = libraries::all(threads);
    if !options.against.is_empty() {
        let mut at = 0;
        libraries.retain(|library| {
            at += 1;
            at <= libraries::OURS || options.against.iter().any(|a| a == library.name())
        });
    }
    let peak = peak();
    println!(
        "{} threads, level {}, peak of a core {:.1} GF/s; GF/s of each, best of many",
        threads,
        Level::detect(),
        peak / 1e9
    );
    print!("{:20}", "row");
    for library in &libraries {
        print!("{:>13}", library.name());
    }
    println!("{:>8}{:>8}", "ratio", "% peak");
    let (mut short, mut count, mut product) = (Vec::new(), 0, 0.0);
    for row in Row::all().filter(|row| row.to_string().contains(&options.rows)) {
        let rates = measure(&mut libraries, &row, threads, options.seconds);
        let ours = rates[0];
        let best = rates[libraries::OURS..].iter().copied().fold(0.0, f64::max);
        let percent = 100.0 * ours / (peak * threads as f64);
        print!("{:20}", row.to_string());
        for rate in &rates {
            print!("{:13.1}", rate / 1e9);
        }
        println!("{:8.2}{percent:8.1}", ours / best);
        count += 1;
        product += (ours / best).ln();
        if ours < TARGET * best {
            short.push((row, ours / best));
        }
    }
    if count > 0 {
        let mean = f64::exp(product / f64::from(count));
        println!("{count} rows, {} below {TARGET}, geometric mean {mean:.3}", short.len());
    }
    if !options.check || short.is_empty() {
        return ExitCode::SUCCESS;
    }
    for (row, ratio) in short {
        eprintln!("below target: {row} at {ratio:.2}");
    }
    ExitCode::FAILURE
}

/// The rate of each library in floating-point operations a second, after checking its result.
fn measure(
    libraries: &mut [Box<dyn Library>],
    row: &Row,
    threads: usize,
    seconds: f64,
) -> Vec<f64> {
    let Row { m, n, k, .. } = *row;
    let (a, b) = (random(m * k, 1), random(k * n, 2));
    let mut outputs = vec![vec![f32::NAN; m * n]; libraries.len()];
    let mut candidates: Vec<Box<dyn FnMut() + '_>> = Vec::new();
    for (library, c) in libraries.iter_mut().zip(&mut outputs) {
        library.prepare(row, &b);
        library.multiply(row, &a, &b, c);
        verify(library.name(), row, &a, &b, c);
        candidates.push(Box::new(|| library.multiply(row, &a, &b, c)));
    }
    let flops = 2.0 * m as f64 * n as f64 * k as f64;
    take_turns(&mut candidates, threads, seconds).into_iter().map(|time| flops / time).collect()
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

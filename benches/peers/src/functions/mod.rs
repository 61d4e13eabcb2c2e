//! Functions, losses and optimizers, row by row: PyTorch's time, the ratio, the traffic alone.

mod rows;
mod traffic;
mod work;

use std::process::ExitCode;

use densecore::Cpu;
use densecore::simd::Level;

use crate::check::Check;
use crate::measure::{Batch, micros, take_turns};
use crate::options::Options;
use crate::python::{self, Python};
use rows::Row;
use work::Work;

pub fn run(options: &Options) -> ExitCode {
    options.run.start_pinned();
    rayon::scope(|_| table(options))
}

fn table(options: &Options) -> ExitCode {
    let threads = options.run.threads();
    let cpu = if threads > 1 { Cpu::detect() } else { Cpu::serial() };
    let mut torch = python::found(options, &["torch"]).pop();
    println!("{threads} threads, level {}; microseconds of each, best of many", Level::detect());
    println!(
        "traffic: loading and storing as many arrays, with nothing computed between; G/s: elements"
    );
    println!(
        "{:26}{:>12}{:>12}{:>8}{:>8}{:>12}{:>8}{:>8}",
        "row", "densecore", "torch", "ratio", "target", "traffic", "% of it", "G/s"
    );
    let (mut check, mut count) = (Check::default(), 0);
    for row in Row::all().iter().filter(|row| options.has_row(&row.to_string())) {
        let [ours, theirs, traffic] = measure(torch.as_mut(), cpu, row, options);
        let (ratio, share, target) = (theirs / ours, traffic / ours, row.target);
        let [us, their_us, traffic_us] = [ours, theirs, traffic].map(micros);
        let rate = (row.rows * row.cols) as f64 / ours / 1e9;
        println!(
            "{:26}{us:>12}{their_us:>12}{ratio:8.2}{:8.2}{traffic_us:>12}{:8.0}{rate:8.2}",
            row.to_string(),
            target.ratio,
            100.0 * share
        );
        count += 1;
        if !target.is_met(ratio, share) {
            let percent = 100.0 * share;
            let found = format_args!("{ratio:.2}x, {percent:.0} % of its traffic; target {target}");
            check.short(row, found);
        }
    }
    println!("{count} rows, {} below target", check.count());
    check.finish(options.check)
}

/// The seconds of a call of densecore, of PyTorch, and of the traffic alone, after results were compared;
/// NaN without PyTorch.
fn measure(torch: Option<&mut Python>, cpu: Cpu, row: &Row, options: &Options) -> [f64; 3] {
    let (threads, work) = (options.run.threads(), Work::new(row));
    let mut ours = work.densecore(cpu);
    let results = ours.results();
    let mut traffic = traffic::alone(row.call.traffic(), row.rows * row.cols, threads);
    let mut candidates: Vec<Box<dyn FnMut(f64) -> Batch + '_>> =
        vec![Box::new(|seconds| ours.run(seconds)), Box::new(&mut traffic)];
    if let Some(mut ready) = torch.and_then(|t| t.prepare(&work.line(), &[&work.x, &work.beside])) {
        if let Err(difference) = work.compare(&results, &ready.results()) {
            panic!("torch, {row}: {difference}");
        }
        candidates.push(Box::new(move |seconds| ready.run(seconds)));
    }
    let times = take_turns(&mut candidates, threads, options.run.seconds);
    [times[0], times.get(2).copied().unwrap_or(f64::NAN), times[1]]
}

//! Whole networks, row by row: every library's time, the ratio to the best, the floor.

#[cfg(feature = "networks")]
mod burn;
#[cfg(feature = "networks")]
mod candle;
mod densecore;
mod growth;
mod python;
mod rows;
mod work;

use core::fmt;
use std::process::ExitCode;

use ::densecore::Cpu;
use ::densecore::simd::Level;

pub use growth::growth;

use self::densecore::Densecore;
use crate::check::Check;
use crate::machine::Limit;
use crate::measure::{Batch, micros, take_turns};
use crate::options::Options;
use rows::{ROWS, Row, Target};
use work::{Peer, Task, Work};

/// One line of a table.
struct Line {
    name: String,
    row: &'static Row,
    task: Task,
    batch: usize,
    target: Target,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

/// A training step of each network with each optimizer.
pub fn steps(options: &Options) -> ExitCode {
    let lines = ROWS.iter().flat_map(|row| {
        [(Task::Sgd, "SGD"), (Task::Adam, "Adam")].into_iter().zip(row.targets).map(
            move |((task, name), target)| {
                let name = format!("{} {name}", row.at(row.batch));
                Line { name, row, task, batch: row.batch, target }
            },
        )
    });
    run(options, lines.collect())
}

/// A prediction of each network for one sample and for the batch.
pub fn inference(options: &Options) -> ExitCode {
    let mut lines: Vec<Line> = Vec::new();
    for row in &ROWS {
        for (batch, target) in [1, row.batch].into_iter().zip(row.targets.into_iter().skip(2)) {
            let name = row.at(batch);
            // A network of two batches has one batch of one sample.
            if !lines.iter().any(|line| line.name == name) {
                lines.push(Line { name, row, task: Task::Predict, batch, target });
            }
        }
    }
    run(options, lines)
}

fn run(options: &Options, mut lines: Vec<Line>) -> ExitCode {
    options.run.start_pinned();
    lines.retain(|line| options.has_row(&line.name));
    // Inside the pool, as `ThreadPool::install` would be.
    rayon::scope(|_| table(options, &lines))
}

fn table(options: &Options, lines: &[Line]) -> ExitCode {
    let threads = options.run.threads();
    let training = lines.iter().any(|line| line.task != Task::Predict);
    let mut peers = all(options, training);
    println!(
        "{threads} threads, level {}, peak {:.1} GF/s; microseconds of each, best of many",
        Level::detect(),
        Limit::operations().rate_alone() / 1e9
    );
    println!(
        "floor, taken again with each row: operations over the peak of the cores; for one sample, the \
         weights over the rate at which the cores read so many bytes"
    );
    print!("{:32}", "row");
    for peer in &peers {
        print!("{:>14}", peer.name());
    }
    println!("{:>14}{:>8}{:>10}{:>11}{:>8}", "best peer", "ratio", "target", "floor", "% of it");
    let mut check = Check::default();
    for line in lines {
        let (times, floor) = measure(&mut peers, line, threads, options.run.seconds);
        let ours = times[0];
        let others = times.iter().zip(&peers).skip(1);
        let best =
            others.min_by(|(a, _), (b, _)| a.total_cmp(b)).filter(|(time, _)| time.is_finite());
        let ratio = best.map_or(f64::NAN, |(time, _)| time / ours);
        print!("{line:32}");
        for &time in &times {
            print!("{:>14}", micros(time));
        }
        let (best, target) = (best.map_or("-", |(_, peer)| peer.name()), line.target.with(threads));
        let percent = 100.0 * floor / ours;
        println!("{best:>14}{ratio:8.2}{target:>10}{:>11}{percent:8.1}", micros(floor));
        if !target.is_met(threads, ours, ratio) {
            check.short(line, format_args!("{} us, {ratio:.2}x; target {target}", micros(ours)));
        }
    }
    println!("{} rows, {} below target", lines.len(), check.count());
    check.finish(options.check)
}

/// densecore, and the peers that are there.
fn all(options: &Options, training: bool) -> Vec<Box<dyn Peer>> {
    let cpu = if options.run.threads() > 1 { Cpu::detect() } else { Cpu::serial() };
    let mut all: Vec<Box<dyn Peer>> = vec![Box::new(Densecore { cpu })];
    #[cfg(feature = "networks")]
    {
        let here: [Box<dyn Peer>; 2] = [Box::new(candle::Candle), Box::new(burn::Burn)];
        all.extend(here.into_iter().filter(|peer| options.has_peer(peer.name())));
    }
    all.extend(python::found(options, training));
    all
}

/// The seconds of a call of each, infinite for those that do not do it, after their results
/// were compared; and those below which no program can do it.
fn measure(
    peers: &mut [Box<dyn Peer>],
    line: &Line,
    threads: usize,
    seconds: f64,
) -> (Vec<f64>, f64) {
    let work = Work::new(line.row, line.task, line.batch);
    let (amount, limit) = line.limit();
    let mut times = vec![f64::INFINITY; peers.len()];
    let (mut places, mut candidates) = (Vec::new(), Vec::new());
    let mut ours = None;
    for (place, peer) in peers.iter_mut().enumerate() {
        let name = peer.name();
        let Some(mut ready) = peer.prepare(&work) else { continue };
        let results = ready.results();
        let expected = ours.get_or_insert_with(|| results.clone());
        if let Err(difference) = work.compare(expected, &results) {
            panic!("{name}, {line}: {difference}");
        }
        places.push(place);
        let run: Box<dyn FnMut(f64) -> Batch + '_> = Box::new(move |seconds| ready.run(seconds));
        candidates.push(run);
    }
    candidates.push(Box::new(|seconds| limit.run(seconds)));
    let mut taken = take_turns(&mut candidates, threads, seconds);
    let floor = amount / limit.rate(taken.pop().expect("the limit is the last"));
    for (place, time) in places.into_iter().zip(taken) {
        times[place] = time;
    }
    (times, floor)
}

impl Line {
    /// What has to be done, and at what no program can be faster.
    fn limit(&self) -> (f64, Limit) {
        let weights = self.row.weights();
        match (self.task, self.batch) {
            (Task::Predict, 1) => ((4 * weights) as f64, Limit::bytes(weights)),
            (Task::Predict, batch) => ((2 * batch * weights) as f64, Limit::operations()),
            _ => (self.row.step_flops(), Limit::operations()),
        }
    }
}

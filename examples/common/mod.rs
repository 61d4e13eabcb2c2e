//! What the examples share: options and how they end, the training with its progress, reports in
//! letters, and pictures.

#![allow(dead_code, unused_imports, reason = "each example uses its part of this module")]

pub mod classify;
pub mod draw;
pub mod files;
pub mod machine;
pub mod plot;
pub mod progress;
pub mod training;
pub mod watch;

#[path = "../../benches/common/peak.rs"]
mod peak;

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use densecore::simd::Level;
use training::Training;

pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// What the common part of `main` needs to know of an example's options.
pub trait Options: Parser + Sync {
    fn training(&self) -> &Training;
}

/// Reads the options, of which some have `defaults`, and runs the example on a pool of its own.
/// Whatever goes wrong is one line.
pub fn start<O: Options>(
    defaults: &[(&'static str, &'static str)],
    run: fn(&O) -> Outcome,
) -> ExitCode {
    let mut command = O::command();
    for &(name, value) in defaults {
        command = command.mut_arg(name, |argument| argument.required(false).default_value(value));
    }
    let options = command.try_get_matches().and_then(|matches| O::from_arg_matches(&matches));
    let options = match options {
        Ok(options) => options,
        // Help and version go to standard output and are no failure; anything else is one line.
        Err(help) if !help.use_stderr() => {
            let _ = help.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(one_line(&error)),
    };
    match in_pool(&options, run) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output, such as `head`, has seen enough.
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => fail(error.to_string()),
    }
}

fn in_pool<O: Options>(options: &O, run: fn(&O) -> Outcome) -> Outcome {
    Level::check_environment()?;
    let threads = options.training().threads.into();
    // Entered once, around everything: work handed to the pool from outside costs more.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    pool.install(|| run(options))
}

/// The first paragraph of what clap says, without its hints.
fn one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines = text.lines().take_while(|line| !line.is_empty()).map(str::trim);
    lines.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_string()
}

fn fail(message: impl Display) -> ExitCode {
    eprintln!("error: {message} (--help lists the options)");
    ExitCode::FAILURE
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

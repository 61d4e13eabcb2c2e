//! Test cases made of bytes: what `fuzz/` runs for hours and `tests/fuzz_decoder.rs` for a second.
//!
//! | file | what |
//! |---|---|
//! | `decode` | bytes to sizes, levels, threads and caches |
//! | `buffer` | a matrix asked for with any shape, stride and length, and what must come of it |
//! | `reference` | the same arithmetic in f64, each number with a bound of the error in f32 |
//! | `matmul`, `layer`, `network` | the cases: call, compare |
//!
//! A case never panics by itself: it returns what was wrong, so that the line which repeats it can
//! be printed beside it, under libFuzzer too.

mod buffer;
mod decode;
pub mod layer;
pub mod matmul;
pub mod network;
mod reference;

use densecore::Error;

/// What was wrong with a case, in words.
pub type Checked<T> = Result<T, String>;

/// A case: a function of bytes.
pub type Case = fn(&[u8]) -> Checked<Tally>;

/// What a case has seen, so that a run which compared nothing does not pass.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Calls that returned Ok, as they had to.
    pub ok: u64,
    /// Calls that returned the error that they had to.
    pub err: u64,
    /// Numbers compared with the reference.
    pub compared: u64,
}

impl Tally {
    /// One expected error, and nothing else.
    fn refused() -> Self {
        Tally { err: 1, ..Tally::default() }
    }

    pub fn add(&mut self, other: Tally) {
        self.ok += other.ok;
        self.err += other.err;
        self.compared += other.compared;
    }
}

/// A layer alone or a network, which share a fuzz target: the first byte chooses.
pub fn dense(bytes: &[u8]) -> Checked<Tally> {
    match bytes.split_first() {
        Some((choice, rest)) if choice % 4 == 3 => network::check(rest),
        Some((choice, rest)) if choice % 2 == 1 => layer::check_backward(rest),
        Some((_, rest)) => layer::check_forward(rest),
        None => layer::check_forward(&[]),
    }
}

/// Runs one case; a failure prints a line that repeats it, to be pasted into a test.
pub fn run(name: &str, case: Case, bytes: &[u8]) -> Tally {
    // Also where the library panics, which no `Result` reports.
    let line = Reproducer(name, bytes);
    match case(bytes) {
        Ok(tally) => tally,
        Err(wrong) => {
            let text = line.text();
            drop(line);
            panic!("{wrong}\n{text}")
        }
    }
}

/// Runs a case from its reproducer line.
pub fn replay(name: &str, case: Case, hex: &str) -> Tally {
    let digits = |at: usize| hex.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(digits).collect();
    run(name, case, &bytes.expect("an even number of hexadecimal digits"))
}

struct Reproducer<'a>(&'a str, &'a [u8]);

impl Reproducer<'_> {
    fn text(&self) -> String {
        let hex: String = self.1.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("reproduce: replay(\"{0}\", fuzz::{0}, \"{hex}\");", self.0)
    }
}

impl Drop for Reproducer<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.text());
        }
    }
}

/// Compares the outcome of a call with the arguments that are wrong about it: without any it must
/// be Ok, else an error that names one of them. None is an error as expected.
fn outcome<T>(call: &str, result: densecore::Result<T>, wrong: &[&str]) -> Checked<Option<T>> {
    match result {
        Ok(value) if wrong.is_empty() => Ok(Some(value)),
        Ok(_) => Err(format!("{call}: expected an error that names one of {wrong:?}, found Ok")),
        Err(error) => match named(&error) {
            Some(name) if wrong.contains(&name) && !error.to_string().is_empty() => Ok(None),
            _ => Err(format!("{call}: expected an error of {wrong:?}, found {error:?}")),
        },
    }
}

/// The argument that an error names, if what it expected is not what it found.
fn named(error: &Error) -> Option<&'static str> {
    match *error {
        Error::Shape { argument, expected, found } => (expected != found).then_some(argument),
        Error::Length { argument, expected, found } => (expected != found).then_some(argument),
        Error::TooShort { argument, expected, found }
        | Error::Stride { argument, expected, found } => (found < expected).then_some(argument),
        Error::Mismatch { argument, .. }
        | Error::Overflow { argument, .. }
        | Error::Value { argument, .. }
        | Error::Name { argument, .. } => Some(argument),
        _ => None,
    }
}

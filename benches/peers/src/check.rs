//! What `--check` says at the end.

use core::fmt::Display;
use std::process::ExitCode;

/// The rows below their targets.
#[derive(Default)]
pub struct Check {
    short: Vec<String>,
}

impl Check {
    /// Notes a row below its target, with what was found there.
    pub fn short(&mut self, row: impl Display, found: impl Display) {
        self.short.push(format!("{row} at {found}"));
    }

    pub fn count(&self) -> usize {
        self.short.len()
    }

    /// Names the rows if they were `asked` for, and then fails if there are any.
    pub fn finish(self, asked: bool) -> ExitCode {
        if !asked || self.short.is_empty() {
            return ExitCode::SUCCESS;
        }
        for row in self.short {
            eprintln!("below target: {row}");
        }
        ExitCode::FAILURE
    }
}

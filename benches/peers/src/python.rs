//! Libraries in Python: each in a process of its own, `peers.py`, which answers questions.
//!
//! Between questions a process is stopped: the idle threads of these libraries spin, some for
//! longer than a turn, and would keep a core from whoever is being timed.

use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::measure::Batch;
use crate::options::Options;
#[cfg(target_os = "linux")]
use crate::options::unpin;
use crate::ready::Ready;

/// Those of the libraries that are asked for and that the interpreter `PEER_PYTHON`, or
/// `python3`, finds.
pub fn found(options: &Options, libraries: &[&'static str]) -> Vec<Python> {
    let wanted = libraries.iter().filter(|name| options.has_peer(name));
    // All start before the first is waited for: importing takes seconds.
    let started: Vec<_> =
        wanted.map(|&name| (name, Python::start(name, options.run.threads()))).collect();
    let mut found = Vec::new();
    for (name, python) in started {
        match python.and_then(Python::greeted) {
            Ok(python) => found.push(python),
            Err(error) => eprintln!("{name} does not take part: {error}"),
        }
    }
    found
}

/// A process that runs one library. It ends when its questions do.
pub struct Python {
    pub name: &'static str,
    child: Child,
    questions: BufWriter<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Python {
    fn start(name: &'static str, threads: usize) -> io::Result<Self> {
        let python = std::env::var("PEER_PYTHON").unwrap_or_else(|_| "python3".into());
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers.py");
        let mut command = Command::new(&python);
        command.args([script, name, &threads.to_string()]);
        end_with_this(&mut command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{python}: {error}")))?;
        let questions = BufWriter::new(child.stdin.take().expect("it is piped"));
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        Ok(Self { name, child, questions, answers })
    }

    /// Itself, if it could import its library, after saying in which version.
    fn greeted(mut self) -> io::Result<Self> {
        let version = self.answer()?.join(" ");
        println!("{} {version}", self.name);
        self.stop();
        Ok(self)
    }

    /// Makes it ready for work; `None`, after saying why, if it cannot do it. The line is a question of `peers.py`.
    pub fn prepare<'a>(
        &'a mut self,
        line: &str,
        numbers: &[&[f32]],
    ) -> Option<Box<dyn Ready + 'a>> {
        match self.ask(|python| python.hand_over(line, numbers)) {
            Ok(results) => Some(Box::new(Waiting { python: self, results })),
            Err(error) => {
                eprintln!("{} does not take part in this row: {error}", self.name);
                None
            }
        }
    }

    /// Lets none of its threads run.
    fn stop(&self) {
        signal(&self.child, libc::SIGSTOP);
    }

    /// Lets them run again.
    fn go_on(&self) {
        signal(&self.child, libc::SIGCONT);
    }

    /// Asks something while its threads run.
    fn ask<T>(&mut self, question: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        self.go_on();
        let answer = question(self);
        self.stop();
        answer
    }

    /// The words of an answer, which begins with `ok` or with `error`.
    fn answer(&mut self) -> io::Result<Vec<String>> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        match line.trim_end().split_once(' ') {
            Some(("ok", words)) => Ok(words.split(' ').map(Into::into).collect()),
            Some((_, reason)) => Err(io::Error::other(reason)),
            None => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Hands over work: the line that says what it is, and its numbers. The answer is what is to be compared.
    fn hand_over(&mut self, line: &str, numbers: &[&[f32]]) -> io::Result<Vec<f32>> {
        writeln!(self.questions, "{line}")?;
        let all = numbers.iter().copied().flatten();
        all.copied().try_for_each(|x| self.questions.write_all(&x.to_le_bytes()))?;
        self.questions.flush()?;
        let words = self.answer()?;
        let count: usize = number(&words, 0)?;
        let mut bytes = vec![0; 4 * count];
        self.answers.read_exact(&mut bytes)?;
        let numbers = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Ok(numbers.collect())
    }

    fn time(&mut self, seconds: f64) -> io::Result<Batch> {
        writeln!(self.questions, "time {seconds}")?;
        self.questions.flush()?;
        let words = self.answer()?;
        Ok(Batch { seconds: number(&words, 0)?, calls: number(&words, 1)? })
    }
}

/// A process that is stopped would outlive this one, if this one is killed. (What is waited for is the end
/// of the thread that starts it, which here is one of the pool, and so this process's.)
#[cfg(target_os = "linux")]
fn end_with_this(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: both system calls may be made between fork and exec.
    unsafe {
        command.pre_exec(|| {
            // The thread that starts it is kept on one core.
            unpin();
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_this(_: &mut Command) {}

fn signal(child: &Child, signal: libc::c_int) {
    let id = libc::pid_t::try_from(child.id()).expect("it came from the system");
    // SAFETY: no memory is involved. The child has not been waited for, so the number is still its own.
    let done = unsafe { libc::kill(id, signal) };
    assert_eq!(done, 0, "a process can be stopped");
}

impl Drop for Python {
    /// It reads that there are no more questions, and ends.
    fn drop(&mut self) {
        self.go_on();
    }
}

fn number<T: core::str::FromStr>(words: &[String], at: usize) -> io::Result<T> {
    let number = words.get(at).and_then(|word| word.parse().ok());
    number.ok_or_else(|| ErrorKind::InvalidData.into())
}

/// A process that holds its work.
struct Waiting<'a> {
    python: &'a mut Python,
    results: Vec<f32>,
}

impl Ready for Waiting<'_> {
    fn results(&mut self) -> Vec<f32> {
        self.results.clone()
    }
    fn run(&mut self, seconds: f64) -> Batch {
        let batch = self.python.ask(|python| python.time(seconds));
        batch.unwrap_or_else(|error| panic!("{}: {error}", self.python.name))
    }
}

//! Libraries in Python: what `peers.py` is told of a network.

use core::fmt::Write;

use super::work::{Peer, Task, Work};
use crate::options::Options;
use crate::python::{self, Python};
use crate::ready::Ready;

/// Those that train, and those that only predict.
const TRAINING: [&str; 3] = ["torch", "torch.compile", "jax"];
const PREDICTING: [&str; 5] = ["torch", "torch.compile", "jax", "onnxruntime", "openvino"];

/// Those of the libraries that are asked for and there.
pub fn found(options: &Options, training: bool) -> impl Iterator<Item = Box<dyn Peer>> {
    let libraries: &[_] = if training { &TRAINING } else { &PREDICTING };
    let found = python::found(options, libraries).into_iter();
    found.map(|python| Box::new(python) as Box<dyn Peer>)
}

impl Peer for Python {
    fn name(&self) -> &'static str {
        self.name
    }
    fn prepare<'a>(&'a mut self, work: &'a Work) -> Option<Box<dyn Ready + 'a>> {
        let mut numbers: Vec<&[f32]> = Vec::new();
        for (weight, bias) in work.layers() {
            numbers.extend([weight, bias]);
        }
        // Floats hold class ids exactly.
        let classes: Vec<f32> = work.classes.iter().map(|&class| class as f32).collect();
        let target = if work.has_classes() { &classes } else { work.values.as_slice() };
        numbers.extend([work.input.as_slice(), target]);
        self.prepare(&line(work)?, &numbers)
    }
}

/// The question that begins the work.
fn line(work: &Work) -> Option<String> {
    let task = match work.task {
        Task::Sgd => "sgd",
        Task::Adam => "adam",
        Task::Predict => "predict",
    };
    let hidden = work.network.layer(0)?.activation;
    let (rate, batch) = (work.task.rate(), work.batch());
    let mut line = format!("work {task} {rate} {hidden} {batch}");
    work.network.widths().for_each(|width| write!(line, " {width}").expect("a string takes it"));
    Some(line)
}

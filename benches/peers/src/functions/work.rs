//! What is timed, here and there: the same numbers, and results that agree.

use densecore::activation::{Reads, softmax};
use densecore::loss::{CrossEntropy, Reduction, RowLoss};
use densecore::{Cpu, Optimizer, View, ViewMut, math};

use super::rows::{Call, Row};
use crate::measure::{Batch, Lines, batch, random};
use crate::ready::Ready;

/// A row with all that it takes, the same for everyone.
pub struct Work<'a> {
    pub row: &'a Row,
    /// What a function is of, or the parameters.
    pub x: Lines,
    /// The gradient that comes in, or the class of each row; nothing otherwise.
    pub beside: Vec<f32>,
}

impl<'a> Work<'a> {
    pub fn new(row: &'a Row) -> Self {
        let len = row.rows * row.cols;
        let beside = match row.call {
            Call::Forward(_) | Call::Log | Call::Softmax => Vec::new(),
            Call::Backward(_) | Call::Step(_) => random(len, 2),
            Call::CrossEntropy => (0..row.rows).map(|i| (i * 7 % row.cols) as f32).collect(),
        };
        let mut x = random(len, 1);
        if let Call::Log = row.call {
            x.iter_mut().for_each(|x| *x = x.abs());
        }
        Self { row, x: Lines::of(&x), beside }
    }

    /// The question that begins it for `peers.py`.
    pub fn line(&self) -> String {
        let Row { call, name, rows, cols, .. } = self.row;
        format!("function {} {name} {rows} {cols} {}", call.kind(), self.beside.len())
    }

    /// densecore, ready for it. The results are values or gradients, in one case with the loss behind
    /// them, or the parameters after some steps.
    pub fn densecore(&self, cpu: Cpu) -> Box<dyn Ready + '_> {
        let (shape, x) = ((self.row.rows, self.row.cols), &*self.x);
        let beside = Lines::of(&self.beside);
        let empty = || Lines::of(&vec![f32::NAN; x.len()]);
        match self.row.call {
            Call::Forward(f) => filling(empty(), move |y| f.forward(cpu, x, y).expect("they fit")),
            Call::Log => filling(empty(), move |y| math::log_slice(cpu, x, y).expect("they fit")),
            Call::Backward(f) => {
                let mut saved = Lines::of(x);
                if f.reads() == Reads::Output {
                    f.forward_in_place(cpu, &mut saved);
                }
                filling(empty(), move |d| f.backward(cpu, &saved, &beside, d).expect("they fit"))
            }
            Call::Softmax => {
                let logits = View::new(shape.0, shape.1, x).expect("they fit");
                filling(empty(), move |y| {
                    softmax::forward(cpu, logits, matrix(y, shape)).expect("they fit");
                })
            }
            Call::CrossEntropy => {
                let classes: Vec<u32> = self.beside.iter().map(|&class| class as u32).collect();
                let logits = View::new(shape.0, shape.1, x).expect("they fit");
                let mean = Reduction::Mean;
                // The loss stands behind its gradient, which begins on a line.
                filling(Lines::of(&vec![f32::NAN; x.len() + 1]), move |results| {
                    let (loss, gradient) = results.split_last_mut().expect("it has one element");
                    let gradient = matrix(gradient, shape);
                    let all = CrossEntropy::new(&classes);
                    let done = all.value_and_gradient(cpu, logits, mean, gradient);
                    *loss = done.expect("they fit");
                })
            }
            Call::Step(rule) => {
                let mut optimizer = Optimizer::new(rule, x.len()).expect("the settings are sound");
                let step = move |p: &mut [f32]| {
                    optimizer.step(cpu, p, &beside).expect("they fit");
                };
                Box::new(Filling { output: Lines::of(x), call: step, compared: STEPS })
            }
        }
    }

    /// Compares a peer's results with densecore's. `Err` says what differs.
    ///
    /// A result is allowed what a few roundings change of it or of a usual one. Of a step the way that
    /// the parameters went is compared, which may be 1 % off: rounding moves a parameter near 4 by up
    /// to 2e-6 in eight steps, and the shortest way, Adadelta's, is more than 1e-4.
    pub fn compare(&self, ours: &[f32], theirs: &[f32]) -> Result<(), String> {
        let is_step = matches!(self.row.call, Call::Step(_));
        if ours.len() != theirs.len() {
            return Err(format!("{} results, expected {}", theirs.len(), ours.len()));
        }
        let from = |i: usize| if is_step { f64::from(self.x[i]) } else { 0.0 };
        let allowed = if is_step { 1e-2 } else { 2e-5 };
        let len = self.x.len();
        for range in [0..len, len..ours.len()] {
            let usual = range.clone().map(|i| (f64::from(ours[i]) - from(i)).powi(2)).sum::<f64>();
            let usual = (usual / range.len() as f64).sqrt();
            for i in range {
                let [our, their] = [ours[i], theirs[i]].map(|y| f64::from(y) - from(i));
                // NaN is not close.
                let close = (our - their).abs() <= allowed * (our.abs() + usual);
                if !close {
                    return Err(format!("result {i} is {their}, expected {our}"));
                }
            }
        }
        Ok(())
    }
}

/// Steps before parameters are compared, as in `functions.py`: RAdam is itself from the sixth on.
const STEPS: usize = 8;

fn matrix(values: &mut [f32], (rows, cols): (usize, usize)) -> ViewMut<'_> {
    ViewMut::new(rows, cols, values).expect("they fit")
}

fn filling<'a>(output: Lines, call: impl FnMut(&mut [f32]) + 'a) -> Box<dyn Ready + 'a> {
    Box::new(Filling { output, call, compared: 1 })
}

/// A call that fills or changes `output`.
struct Filling<C> {
    output: Lines,
    call: C,
    compared: usize,
}

impl<C: FnMut(&mut [f32])> Ready for Filling<C> {
    fn results(&mut self) -> Vec<f32> {
        (0..self.compared).for_each(|_| (self.call)(&mut self.output));
        self.output.to_vec()
    }
    fn run(&mut self, seconds: f64) -> Batch {
        batch(seconds, || {
            (self.call)(&mut self.output);
            std::hint::black_box(&mut self.output);
        })
    }
}

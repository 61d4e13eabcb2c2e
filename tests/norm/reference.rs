//! One case of a normaliser: its inputs, the formulas, and what the kernels make of it.

use densecore::gemm::Accum;
use densecore::norm::batch::{self, BatchNorm, Running, evaluate, train};
use densecore::norm::layer::{self, LayerNorm};
use densecore::norm::rms::{self, RmsNorm};
use densecore::norm::{Gradients, Saved, SavedMut};
use densecore::{Cpu, Result, Scratch, View, ViewMut};

use crate::support::bounded::{Bounded, dot, exact, sum};
use crate::support::numbers;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Layer,
    Rms,
    Train,
    Evaluate,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Layer, Kind::Rms, Kind::Train, Kind::Evaluate];

    fn eps(self) -> f64 {
        if self == Kind::Rms { rms::EPS } else { batch::EPS }
    }

    fn is_by_rows(self) -> bool {
        matches!(self, Kind::Layer | Kind::Rms)
    }
}

/// Inputs, as f32 for the kernels or as f64 for finite differences.
#[derive(Clone, Debug)]
pub struct Case<T> {
    rows: usize,
    cols: usize,
    pub x: Vec<T>,
    pub gamma: Vec<T>,
    pub beta: Vec<T>,
    pub d_y: Vec<T>,
    running_mean: Vec<T>,
    running_var: Vec<T>,
}

/// All that a forward and a backward pass write. What a kind does not have is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome<T> {
    pub y: Vec<T>,
    pub mean: Vec<T>,
    pub rstd: Vec<T>,
    pub d_x: Vec<T>,
    pub d_gamma: Vec<T>,
    pub d_beta: Vec<T>,
    pub running_mean: Vec<T>,
    pub running_var: Vec<T>,
}

impl Case<f32> {
    pub fn new(rows: usize, cols: usize, seed: u64) -> Self {
        let draw = |len: usize, i: u64| numbers(len, 10 * seed + i);
        let shifted = |x: Vec<f32>, by: f32| x.into_iter().map(|x| x + by).collect();
        Self {
            rows,
            cols,
            // A mean that is not small beside the deviation.
            x: shifted(draw(rows * cols, 0), 0.5),
            gamma: shifted(draw(cols, 1), 1.25),
            beta: draw(cols, 2),
            d_y: draw(rows * cols, 3),
            running_mean: draw(cols, 4),
            running_var: shifted(draw(cols, 5), 1.25),
        }
    }

    /// The case of row `i` alone.
    pub fn row(&self, i: usize) -> Self {
        let row = i * self.cols..(i + 1) * self.cols;
        Self {
            rows: 1,
            x: self.x[row.clone()].to_vec(),
            d_y: self.d_y[row].to_vec(),
            ..self.clone()
        }
    }

    pub fn to_f64(&self) -> Case<f64> {
        let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect();
        Case {
            rows: self.rows,
            cols: self.cols,
            x: wide(&self.x),
            gamma: wide(&self.gamma),
            beta: wide(&self.beta),
            d_y: wide(&self.d_y),
            running_mean: wide(&self.running_mean),
            running_var: wide(&self.running_var),
        }
    }

    pub fn reference(&self, kind: Kind) -> Outcome<Bounded> {
        self.to_f64().formulas(kind, exact)
    }

    /// Gradients of parameters are overwritten, from NaN.
    pub fn run(&self, kind: Kind, cpu: Cpu) -> Result<Outcome<f32>> {
        self.run_into(kind, cpu, f32::NAN, Accum::Replace)
    }

    /// They are added to `start`.
    pub fn run_added(&self, kind: Kind, cpu: Cpu, start: f32) -> Result<Outcome<f32>> {
        self.run_into(kind, cpu, start, Accum::Add)
    }

    /// Outputs and gaps between the rows start as NaN.
    fn run_into(&self, kind: Kind, cpu: Cpu, start: f32, accum: Accum) -> Result<Outcome<f32>> {
        let (rows, cols) = (self.rows, self.cols);
        let statistics = if kind.is_by_rows() { rows } else { cols };
        let nan = |len: usize| vec![f32::NAN; len];
        let (x, d_y) = (Gapped::new(rows, cols, &self.x), Gapped::new(rows, cols, &self.d_y));
        let (mut y, mut d_x) = (Gapped::empty(rows, cols), Gapped::empty(rows, cols));
        let (mut mean, mut rstd) = (nan(statistics), nan(statistics));
        let (mut d_gamma, mut d_beta) = (vec![start; cols], vec![start; cols]);
        let (mut running_mean, mut running_var) = (Vec::new(), Vec::new());
        let (gamma, beta, eps) = (&self.gamma[..], &self.beta[..], kind.eps());
        let (layer_norm, rms_norm) = (LayerNorm { gamma, beta, eps }, RmsNorm { gamma, eps });
        let batch_norm = BatchNorm { gamma, beta, eps };
        let (input, output) = (x.view(), y.view_mut());
        let saved = SavedMut { mean: &mut mean, rstd: &mut rstd };
        match kind {
            Kind::Layer => layer::forward(cpu, layer_norm, input, output, saved)?,
            Kind::Rms => rms::forward(cpu, rms_norm, input, output, saved.rstd)?,
            Kind::Train => {
                running_mean = self.running_mean.clone();
                running_var = self.running_var.clone();
                let (mean, var) = (&mut running_mean, &mut running_var);
                let running = train::RunningMut { mean, var, momentum: train::MOMENTUM };
                train::forward(cpu, batch_norm, running, input, output, saved)?;
            }
            Kind::Evaluate => {
                let running = Running { mean: &self.running_mean, var: &self.running_var };
                evaluate::forward(cpu, batch_norm, running, input, output, saved)?;
            }
        }
        let saved = Saved { input, mean: &mean, rstd: &rstd };
        let d_input = d_x.view_mut();
        let to = Gradients { d_input, d_gamma: &mut d_gamma, d_beta: &mut d_beta, accum };
        let mut scratch = Scratch::new();
        match kind {
            Kind::Layer => layer::backward(cpu, layer_norm, saved, d_y.view(), to)?,
            Kind::Rms => {
                let saved = rms::Saved { input, rstd: &rstd };
                let Gradients { d_input, d_gamma, .. } = to;
                let to = rms::Gradients { d_input, d_gamma, accum };
                rms::backward(cpu, rms_norm, saved, d_y.view(), to)?;
            }
            Kind::Train => {
                train::backward(cpu, &mut scratch, batch_norm, saved, d_y.view(), to)?;
            }
            Kind::Evaluate => evaluate::backward(cpu, batch_norm, saved, d_y.view(), to)?,
        }
        if kind == Kind::Rms {
            (mean, d_beta) = (Vec::new(), Vec::new());
        }
        let (y, d_x) = (y.values(), d_x.values());
        Ok(Outcome { y, mean, rstd, d_x, d_gamma, d_beta, running_mean, running_var })
    }
}

impl Case<f64> {
    /// The formulas, on numbers made by `number` of the inputs.
    ///
    /// A sum takes the errors of its terms as independent, which those of a common factor such as r
    /// are not; they are far below the bound on the sum's own rounding, which is taken in full.
    pub fn formulas(&self, kind: Kind, number: fn(f64) -> Bounded) -> Outcome<Bounded> {
        let (rows, cols) = (self.rows, self.cols);
        let all = |x: &[f64]| -> Vec<Bounded> { x.iter().map(|&x| number(x)).collect() };
        let (x, d_y, gamma, beta) =
            (all(&self.x), all(&self.d_y), all(&self.gamma), all(&self.beta));
        let mut out = Outcome {
            y: x.clone(),
            d_x: x.clone(),
            mean: Vec::new(),
            rstd: Vec::new(),
            ..Outcome::default()
        };
        let mut h = x.clone();
        for k in 0..if kind.is_by_rows() { rows } else { cols } {
            let places = |i: usize| if kind.is_by_rows() { k * cols + i } else { i * cols + k };
            let count = if kind.is_by_rows() { cols } else { rows };
            let places: Vec<usize> = (0..count).map(places).collect();
            let n = exact(count as f64);
            let of = |values: &[Bounded]| -> Vec<Bounded> {
                places.iter().map(|&at| values[at]).collect()
            };
            let mean = match kind {
                Kind::Rms => exact(0.0),
                Kind::Evaluate => number(self.running_mean[k]),
                _ => sum(of(&x).into_iter()) / n,
            };
            let d: Vec<Bounded> = of(&x).into_iter().map(|x| x - mean).collect();
            let squares = sum(d.iter().map(|&d| d * d));
            let variance =
                if kind == Kind::Evaluate { number(self.running_var[k]) } else { squares / n };
            let r = exact(1.0) / (variance + exact(kind.eps())).sqrt();
            for (&at, d) in places.iter().zip(d) {
                h[at] = d * r;
                let y = h[at] * gamma[at % cols];
                out.y[at] = if kind == Kind::Rms { y } else { y + beta[at % cols] };
            }
            // Of a batch gamma is a factor of the whole column, and multiplies at the end.
            let scaled =
                |at: usize| if kind.is_by_rows() { d_y[at] * gamma[at % cols] } else { d_y[at] };
            let q: Vec<Bounded> = places.iter().map(|&at| scaled(at)).collect();
            let has_mean = matches!(kind, Kind::Layer | Kind::Train);
            let along_one = if has_mean { sum(q.iter().copied()) / n } else { exact(0.0) };
            let along_h = dot(q.iter().copied().zip(of(&h))) / n;
            let along_h = if kind == Kind::Evaluate { exact(0.0) } else { along_h };
            let factor = if kind.is_by_rows() { r } else { gamma[k] * r };
            for (&at, q) in places.iter().zip(q) {
                out.d_x[at] = (q - along_one - h[at] * along_h) * factor;
            }
            out.rstd.push(r);
            if kind != Kind::Rms {
                out.mean.push(mean);
            }
            if kind == Kind::Train {
                let m = exact(train::MOMENTUM);
                let moved = |old: f64, new| (exact(1.0) - m) * number(old) + m * new;
                out.running_mean.push(moved(self.running_mean[k], mean));
                let unbiased = squares / exact(count as f64 - 1.0);
                out.running_var.push(moved(self.running_var[k], unbiased));
            }
        }
        for j in 0..cols {
            let column =
                |values: &[Bounded]| (0..rows).map(|i| values[i * cols + j]).collect::<Vec<_>>();
            out.d_gamma.push(dot(column(&d_y).into_iter().zip(column(&h))));
            if kind != Kind::Rms {
                out.d_beta.push(sum(column(&d_y).into_iter()));
            }
        }
        out
    }
}

/// A matrix with NaN between its rows.
struct Gapped {
    rows: usize,
    cols: usize,
    data: Vec<f32>,
}

const GAP: usize = 3;

impl Gapped {
    fn empty(rows: usize, cols: usize) -> Self {
        Self { rows, cols, data: vec![f32::NAN; rows * (cols + GAP)] }
    }

    fn new(rows: usize, cols: usize, values: &[f32]) -> Self {
        let mut matrix = Self::empty(rows, cols);
        for (to, from) in matrix.data.chunks_mut(cols + GAP).zip(values.chunks(cols)) {
            to[..cols].copy_from_slice(from);
        }
        matrix
    }

    fn view(&self) -> View<'_> {
        View::with_stride(self.rows, self.cols, self.cols + GAP, &self.data).expect("a view")
    }

    fn view_mut(&mut self) -> ViewMut<'_> {
        ViewMut::with_stride(self.rows, self.cols, self.cols + GAP, &mut self.data).expect("a view")
    }

    /// The elements; the gaps are still NaN.
    fn values(&self) -> Vec<f32> {
        let rows = self.data.chunks(self.cols + GAP);
        assert!(rows.clone().all(|row| row[self.cols..].iter().all(|x| x.is_nan())));
        rows.flat_map(|row| row[..self.cols].iter().copied()).collect()
    }
}

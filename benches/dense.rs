//! One dense layer, forward with its activation and backward, verified before it is timed.
//!
//! `cargo bench --bench dense`

mod common;

use common::{dot, group, peak, random, report, verify};
use criterion::{Criterion, criterion_group, criterion_main};
use densecore::dense::{self, Dense, Gradients, Saved};
use densecore::gemm::Accum;
use densecore::{Activation, Cpu, Scratch, Tensor};

/// batch, in, out
const SHAPES: [(usize, usize, usize); 5] =
    [(1, 784, 128), (10, 784, 30), (64, 784, 128), (128, 512, 512), (256, 1024, 1024)];

fn layers(criterion: &mut Criterion) {
    let peak = peak();
    println!("peak of one core: {:.1} GF/s", peak / 1e9);
    for (batch, inputs, outputs) in SHAPES {
        let mut group = group(criterion, &format!("dense/{batch}x{inputs}x{outputs}"));
        for cpu in [Cpu::serial(), Cpu::detect()] {
            for activation in [Activation::Identity, Activation::Relu, Activation::Tanh] {
                let mut layer = Layer::new(batch, inputs, outputs, activation);
                let flops = 2 * batch * inputs * outputs;
                let name = format!("forward {} {} thread(s)", activation.name(), cpu.threads());
                layer.forward(cpu);
                layer.verify_forward(&name);
                let id = (name.as_str(), cpu.threads());
                report(&mut group, peak, id, flops, || layer.forward(cpu));
            }
            let mut layer = Layer::new(batch, inputs, outputs, Activation::Relu);
            let name = format!("backward relu {} thread(s)", cpu.threads());
            layer.forward(cpu);
            layer.backward(cpu);
            layer.verify_backward(&name);
            let flops = 4 * batch * inputs * outputs;
            let id = (name.as_str(), cpu.threads());
            report(&mut group, peak, id, flops, || layer.backward(cpu));
        }
        group.finish();
    }
}

struct Layer {
    activation: Activation,
    weight: Tensor,
    bias: Tensor,
    input: Tensor,
    output: Tensor,
    d_output: Tensor,
    d_z: Tensor,
    d_input: Tensor,
    d_weight: Tensor,
    d_bias: Tensor,
    scratch: Scratch,
}

impl Layer {
    fn new(batch: usize, inputs: usize, outputs: usize, activation: Activation) -> Self {
        // Sums of about unit size, so that no activation is saturated.
        let mut weight = random(inputs, outputs, 1);
        weight.as_mut_slice().iter_mut().for_each(|w| *w /= (inputs as f32).sqrt());
        Self {
            activation,
            weight,
            bias: random(1, outputs, 2),
            input: random(batch, inputs, 3),
            output: random(batch, outputs, 4),
            d_output: random(batch, outputs, 5),
            d_z: random(batch, outputs, 6),
            d_input: random(batch, inputs, 7),
            d_weight: random(inputs, outputs, 8),
            d_bias: random(1, outputs, 9),
            scratch: Scratch::new(),
        }
    }

    fn dense(&self) -> Dense<'_> {
        let bias = Some(self.bias.as_slice());
        Dense { weight: self.weight.view(), bias, activation: self.activation }
    }

    fn forward(&mut self, cpu: Cpu) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut output = std::mem::take(&mut self.output);
        dense::forward(cpu, &mut scratch, self.dense(), self.input.view(), output.view_mut())
            .expect("the shapes fit");
        (self.scratch, self.output) = (scratch, output);
    }

    fn backward(&mut self, cpu: Cpu) {
        self.d_z.as_mut_slice().copy_from_slice(self.d_output.as_slice());
        let bias = Some(self.bias.as_slice());
        let layer = Dense { weight: self.weight.view(), bias, activation: self.activation };
        let saved = Saved { input: self.input.view(), slope_from: self.output.view() };
        let gradients = Gradients {
            d_input: Some(self.d_input.view_mut()),
            below: None,
            d_weight: self.d_weight.view_mut(),
            d_bias: Some(self.d_bias.as_mut_slice()),
            accum: Accum::Replace,
        };
        dense::backward(cpu, &mut self.scratch, layer, saved, self.d_z.view_mut(), gradients)
            .expect("the shapes fit");
    }

    fn verify_forward(&self, name: &str) {
        verify(name, &self.output, |i, j| {
            let x = self.input.row(i).unwrap_or(&[]);
            let (sum, bound) =
                dot(x.len(), |p| x[p], |p| self.weight.as_slice()[p * self.bias.cols() + j]);
            let z = sum + f64::from(self.bias.as_slice()[j]);
            let y = match self.activation {
                Activation::Relu => z.max(0.0),
                Activation::Tanh => z.tanh(),
                _ => z,
            };
            // No slope here is above 1; the functions themselves are within a few ulp.
            (y, bound + 4.0 * f64::from(f32::EPSILON) * z.abs().max(1.0))
        });
    }

    fn verify_backward(&self, name: &str) {
        let (rows, cols) = self.output.shape();
        let inputs = self.input.cols();
        let d_z = |i: usize, j: usize| {
            let kept = self.output.as_slice()[i * cols + j] > 0.0;
            if kept { self.d_output.as_slice()[i * cols + j] } else { 0.0 }
        };
        verify(name, &self.d_weight, |p, j| {
            dot(rows, |i| self.input.as_slice()[i * inputs + p], |i| d_z(i, j))
        });
        verify(name, &self.d_input, |i, p| {
            dot(cols, |j| d_z(i, j), |j| self.weight.as_slice()[p * cols + j])
        });
        verify(name, &self.d_bias, |_, j| dot(rows, |i| d_z(i, j), |_| 1.0));
    }
}

criterion_group!(benches, layers);
criterion_main!(benches);

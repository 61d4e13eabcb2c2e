//! Calls of the normalisers and of dropout.

use densecore::dropout::{AlphaDropout, Dropout};
use densecore::gemm::Accum;
use densecore::norm::batch::{BatchNorm, Running, evaluate, train};
use densecore::norm::layer::{self, LayerNorm};
use densecore::norm::rms::{self, RmsNorm};
use densecore::norm::{Gradients, Saved, SavedMut};
use densecore::{Cpu, Result, Scratch, Tensor};

use crate::support::numbers;

/// Enough to be divided among threads.
const SHAPE: (usize, usize) = (900, 100);

/// All of them once, forward and backward.
pub fn call() -> Result<impl FnMut(Cpu) -> Result<()> + Send> {
    let (rows, cols) = SHAPE;
    let x = Tensor::from_vec(rows, cols, numbers(rows * cols, 1))?;
    let (mut y, mut d_x) = (Tensor::zeros(rows, cols)?, Tensor::zeros(rows, cols)?);
    let (mut mean, mut rstd) = (vec![0.0; rows], vec![0.0; rows]);
    let (mut running_mean, mut running_var) = (vec![0.0; cols], vec![1.0; cols]);
    let (mut d_gamma, mut d_beta, gamma, beta) =
        (vec![0.0; cols], vec![0.0; cols], vec![1.0; cols], vec![0.0; cols]);
    let mut scratch = Scratch::new();
    Ok(move |cpu: Cpu| {
        let (gamma, beta, eps, accum) = (&gamma[..], &beta[..], 1e-5, Accum::Replace);
        let input = x.view();
        let norm = LayerNorm { gamma, beta, eps };
        let saved = SavedMut { mean: &mut mean, rstd: &mut rstd };
        layer::forward(cpu, norm, input, y.view_mut(), saved)?;
        let saved = Saved { input, mean: &mean, rstd: &rstd };
        let d_input = d_x.view_mut();
        let to = Gradients { d_input, d_gamma: &mut d_gamma, d_beta: &mut d_beta, accum };
        layer::backward(cpu, norm, saved, y.view(), to)?;

        let norm = RmsNorm { gamma, eps };
        rms::forward(cpu, norm, input, y.view_mut(), &mut rstd)?;
        let saved = rms::Saved { input, rstd: &rstd };
        let to = rms::Gradients { d_input: d_x.view_mut(), d_gamma: &mut d_gamma, accum };
        rms::backward(cpu, norm, saved, y.view(), to)?;

        let norm = BatchNorm { gamma, beta, eps };
        let (mean, rstd) = (&mut mean[..cols], &mut rstd[..cols]);
        let running = train::RunningMut {
            mean: &mut running_mean,
            var: &mut running_var,
            momentum: train::MOMENTUM,
        };
        let saved = SavedMut { mean: &mut *mean, rstd: &mut *rstd };
        train::forward(cpu, norm, running, input, y.view_mut(), saved)?;
        let saved = Saved { input, mean, rstd };
        let d_input = d_x.view_mut();
        let to = Gradients { d_input, d_gamma: &mut d_gamma, d_beta: &mut d_beta, accum };
        train::backward(cpu, &mut scratch, norm, saved, y.view(), to)?;

        let running = Running { mean: &running_mean, var: &running_var };
        let saved = SavedMut { mean: &mut *mean, rstd: &mut *rstd };
        evaluate::forward(cpu, norm, running, input, y.view_mut(), saved)?;
        let saved = Saved { input, mean, rstd };
        let d_input = d_x.view_mut();
        let to = Gradients { d_input, d_gamma: &mut d_gamma, d_beta: &mut d_beta, accum };
        evaluate::backward(cpu, norm, saved, y.view(), to)?;

        Dropout::new(0.5, 1, 2)?.forward_in_place(cpu, y.view_mut());
        AlphaDropout::new(0.5, 1, 2)?.backward_in_place(cpu, d_x.view_mut());
        Ok(())
    })
}

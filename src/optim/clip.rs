//! Gradients cut to a size, between the backward pass and the step.
//!
//! ```text
//!   by value          g <- min(max(g, -v), v)
//!   by global norm    N = sqrt(sum of g^2),  g <- min(1, max / (N + 1e-6)) g
//! ```
//!
//! Pascanu, Mikolov and Bengio 2013; as PyTorch's `clip_grad_value_` and `clip_grad_norm_`. The norm
//! is that of all gradients together, so give the whole arena:
//!
//! ```
//! use densecore::{Activation, Cpu, Loss, Network, Target, View, Workspace, optim::{Sgd, clip}};
//! let mut network = Network::mlp(&[2, 1], Activation::Tanh, 1)?;
//! let mut sgd = network.optimizer(Sgd::new(0.1))?;
//! let (cpu, mut workspace) = (Cpu::detect(), Workspace::new());
//! let (x, y) = (View::new(1, 2, &[1.0, 1.0])?, View::new(1, 1, &[100.0])?);
//! network.loss_and_gradients(cpu, &mut workspace, x, Target::Values(y), Loss::MSE)?;
//! let norm = clip::by_global_norm(cpu, network.gradients_mut(&mut workspace), 1.0)?;
//! assert!(norm > 1.0);
//! network.update(cpu, &workspace, &mut sgd)?;
//! # Ok::<(), densecore::Error>(())
//! ```

use super::check;
use super::sum::{Term, sum};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::parallel::for_each_piece;
use crate::simd::slice::Unary;
use crate::simd::{Simd, apply};

/// Clamps each gradient to `-limit..=limit`; NaN stays NaN. Error: [`Value`](crate::Error::Value)
/// names `limit` if it is negative or not finite.
pub fn by_value(cpu: Cpu, gradients: &mut [f32], limit: f64) -> Result<()> {
    check::not_negative("limit", limit)?;
    for_each_piece(cpu, [], [gradients], &|[], [g]| {
        apply::map_in_place(cpu.level(), &Clamp(limit as f32), g);
    });
    Ok(())
}

/// Scales all gradients so that their [`norm`] is at most about `max_norm`, and returns what it was
/// before. Gradients within it keep their bits.
///
/// A norm that is not finite is what PyTorch makes of it: where one is infinite all finite
/// gradients become 0 and the infinite ones NaN, and with a NaN among them all become NaN. Look at
/// the norm before the step.
///
/// Error: [`Value`](crate::Error::Value) names `max_norm` if it is negative or not finite.
pub fn by_global_norm(cpu: Cpu, gradients: &mut [f32], max_norm: f64) -> Result<f64> {
    check::not_negative("max_norm", max_norm)?;
    let norm = norm(cpu, gradients);
    let factor = max_norm / (norm + 1e-6);
    // A NaN goes on.
    if factor < 1.0 || factor.is_nan() {
        for_each_piece(cpu, [], [gradients], &|[], [g]| {
            apply::map_in_place(cpu.level(), &Scale(factor as f32), g);
        });
    }
    Ok(norm)
}

/// The Euclidean norm, with squares and their sum in f64: the same bits for any number of threads
/// and at any level.
pub fn norm(cpu: Cpu, values: &[f32]) -> f64 {
    sum::<Square>(cpu, values).sqrt()
}

struct Square;

impl Term for Square {
    #[inline(always)]
    fn of(x: f64) -> f64 {
        x * x
    }
}

struct Clamp(f32);

impl Unary for Clamp {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        s.max(s.splat(-self.0), s.min(s.splat(self.0), x))
    }
}

struct Scale(f32);

impl Unary for Scale {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        s.mul(s.splat(self.0), x)
    }
}

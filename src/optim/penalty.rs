//! Penalties on the size of parameters, added to the loss and to its gradient.
//!
//! ```text
//!   L1    lambda sum |w|           g <- g + lambda sign(w)      0 at 0
//!   L2    lambda / 2 sum w^2       g <- g + lambda w
//! ```
//!
//! Under [`Sgd`](super::Sgd) the L2 penalty is its weight decay, which costs no pass of its own; under
//! rules that divide by the size of gradients it is not the decoupled decay of
//! [`Adam::adamw`](super::Adam::adamw). Biases are usually exempt: give the weights of
//! [`layer_mut`](crate::Network::layer_mut) alone.

use super::average::sign;
use super::check;
use super::sum::{Term, sum};
use crate::cpu::Cpu;
use crate::error::{Result, check_len};
use crate::parallel::for_each_piece;
use crate::simd::slice::Update;
use crate::simd::{Simd, apply};

/// Adds the gradient of the L1 penalty to `gradients` and returns its value.
///
/// ```
/// use densecore::{Cpu, optim::penalty};
/// let mut gradients = [1.0; 3];
/// let value = penalty::l1(Cpu::detect(), 0.5, &[2.0, 0.0, -4.0], &mut gradients)?;
/// assert_eq!((value, gradients), (3.0, [1.5, 1.0, 0.5]));
/// # Ok::<(), densecore::Error>(())
/// ```
///
/// Errors: [`Length`](crate::Error::Length) names `gradients`, [`Value`](crate::Error::Value)
/// `lambda` if it is negative or not finite.
pub fn l1(cpu: Cpu, lambda: f64, weights: &[f32], gradients: &mut [f32]) -> Result<f64> {
    add::<Size>(cpu, lambda, weights, gradients, &AddSign(lambda as f32))
}

/// Adds the gradient of the L2 penalty to `gradients` and returns its value. Errors as for [`l1`].
pub fn l2(cpu: Cpu, lambda: f64, weights: &[f32], gradients: &mut [f32]) -> Result<f64> {
    add::<HalfSquare>(cpu, lambda, weights, gradients, &AddScaled(lambda as f32))
}

fn add<T: Term>(
    cpu: Cpu,
    lambda: f64,
    weights: &[f32],
    gradients: &mut [f32],
    slope: &(impl Update<1, 1> + Copy + Sync),
) -> Result<f64> {
    check::not_negative("lambda", lambda)?;
    check_len("gradients", weights.len(), gradients.len())?;
    for_each_piece(cpu, [weights], [gradients], &|w, g| apply::update(cpu.level(), slope, w, g));
    Ok(lambda * sum::<T>(cpu, weights))
}

struct Size;

impl Term for Size {
    #[inline(always)]
    fn of(w: f64) -> f64 {
        w.abs()
    }
}

struct HalfSquare;

impl Term for HalfSquare {
    #[inline(always)]
    fn of(w: f64) -> f64 {
        0.5 * w * w
    }
}

#[derive(Clone, Copy)]
struct AddSign(f32);

impl Update<1, 1> for AddSign {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [w]: [S::F32; 1], [g]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul_add(s.splat(self.0), sign(s, w), g)]
    }
}

#[derive(Clone, Copy)]
struct AddScaled(f32);

impl Update<1, 1> for AddScaled {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [w]: [S::F32; 1], [g]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul_add(s.splat(self.0), w, g)]
    }
}

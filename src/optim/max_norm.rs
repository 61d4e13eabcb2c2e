//! The max-norm constraint (Srebro, Rennie and Jaakkola 2005; Srivastava et al. 2014), applied to
//! a weight after a step.
//!
//! ```text
//!   for each unit j:   N = sqrt(sum_i w[i, j]^2),   w[:, j] <- max / (N + 1e-7) w[:, j]  if N > max
//! ```
//!
//! A unit's weights are a column of `[in, out]`. As PyTorch's `renorm`: units within the norm keep
//! their bits, where Keras also divides those by `1 + 1e-7 / N`.

use super::check;
use crate::cpu::Cpu;
use crate::error::Result;
use crate::parallel::{join, threads_for};
use crate::tensor::ViewMut;

/// Columns handled side by side.
const COLUMNS: usize = 64;

/// Scales the columns of `weight [in, out]` whose norm is above `max_norm`. Norms are summed in f64,
/// each in the order of the rows.
///
/// ```
/// use densecore::{Cpu, ViewMut, optim::max_norm};
/// let mut weight = [3.0, 0.5, 4.0, 0.5]; // columns of norm 5 and 0.7
/// max_norm(Cpu::detect(), ViewMut::new(2, 2, &mut weight)?, 1.0)?;
/// assert!((weight[0] - 0.6).abs() < 1e-6 && (weight[2] - 0.8).abs() < 1e-6);
/// assert_eq!([weight[1], weight[3]], [0.5, 0.5]);
/// # Ok::<(), densecore::Error>(())
/// ```
///
/// Error: [`Value`](crate::Error::Value) names `max_norm` if it is negative or not finite.
pub fn max_norm(cpu: Cpu, weight: ViewMut<'_>, max_norm: f64) -> Result<()> {
    check::not_negative("max_norm", max_norm)?;
    let elements = (weight.rows() as u64).saturating_mul(weight.cols() as u64);
    // Two passes of conversions to f64: about one element in a nanosecond.
    divide(cpu, threads_for(cpu, elements), weight, max_norm);
    Ok(())
}

fn divide(cpu: Cpu, threads: usize, weight: ViewMut<'_>, max_norm: f64) {
    let blocks = weight.cols().div_ceil(COLUMNS);
    if blocks < 2 {
        return constrain(weight, max_norm);
    }
    let (head, tail) = weight.split_cols_at(blocks / 2 * COLUMNS);
    if threads < 2 {
        divide(cpu, 1, head, max_norm);
        divide(cpu, 1, tail, max_norm);
    } else {
        let half = threads / 2;
        join(
            cpu,
            || divide(cpu, half, head, max_norm),
            || divide(cpu, threads - half, tail, max_norm),
        );
    }
}

/// Of up to [`COLUMNS`] columns.
fn constrain(mut weight: ViewMut<'_>, max_norm: f64) {
    let mut squares = [0.0; COLUMNS];
    for row in weight.iter_rows_mut() {
        for (square, &w) in squares.iter_mut().zip(&*row) {
            *square += f64::from(w) * f64::from(w);
        }
    }
    let mut factors = [1.0; COLUMNS];
    for (factor, square) in factors.iter_mut().zip(squares) {
        let norm = f64::sqrt(square);
        if norm > max_norm {
            *factor = (max_norm / (norm + 1e-7)) as f32;
        }
    }
    for row in weight.iter_rows_mut() {
        row.iter_mut().zip(factors).for_each(|(w, factor)| *w *= factor);
    }
}

//! Matrices with orthonormal rows or columns, drawn evenly from all of them.
//!
//! ```text
//! A = Q.R       A [m, n] normal numbers, m >= n     Q^T.Q = 1     R upper triangular, R_jj > 0
//! ```
//!
//! A positive diagonal makes Q unique; without it Q would depend on how it is computed, and not be
//! spread evenly. Column by column: what lies along the columns before is taken away, and the rest
//! is scaled to length 1 (modified Gram-Schmidt, whose R has that diagonal). Each column is
//! cleared twice, after which it is orthogonal to f64's precision: L. Giraud, J. Langou, M.
//! Rozložník, J. van den Eshof, "Rounding error analysis of the classical Gram-Schmidt
//! orthogonalization process", Numerische Mathematik 101, 2005.
//!
//! Source: A. Saxe, J. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of
//! learning in deep linear neural networks", ICLR 2014; `torch.nn.init.orthogonal_`.

use crate::error::{Error, Result, check_len, checked_size};
use crate::rng::Rng;

/// Fills `weights [rows, cols]` with `gain Q`, or with its transpose if it is wide.
pub(super) fn fill(
    weights: &mut [f32],
    (rows, cols): (usize, usize),
    gain: f64,
    rng: &mut Rng,
) -> Result<()> {
    check_len("weights", checked_size("weights", rows, cols)?, weights.len())?;
    if weights.is_empty() {
        return Ok(());
    }
    // The columns of A one after the other, so that each is a slice.
    let (m, n) = (rows.max(cols), rows.min(cols));
    // The place of element `i` of column `j` of A in the weights.
    let place = |i: usize, j: usize| if rows < cols { j * m + i } else { i * n + j };
    let mut draws = filled(m * n)?;
    draws.fill_with(|| rng.normal_f64());
    let mut columns = filled(m * n)?;
    for (j, column) in columns.chunks_mut(m).enumerate() {
        for (i, x) in column.iter_mut().enumerate() {
            *x = draws[place(i, j)];
        }
    }
    orthonormalise(&mut columns, m);
    for (j, column) in columns.chunks(m).enumerate() {
        for (i, x) in column.iter().enumerate() {
            weights[place(i, j)] = (gain * x) as f32;
        }
    }
    Ok(())
}

/// `len` zeros.
fn filled(len: usize) -> Result<Vec<f64>> {
    let mut numbers = Vec::new();
    let bytes = len.saturating_mul(size_of::<f64>());
    numbers.try_reserve_exact(len).map_err(|_| Error::OutOfMemory { bytes })?;
    numbers.resize(len, 0.0);
    Ok(numbers)
}

/// Makes the columns, `m` elements each, orthonormal.
fn orthonormalise(columns: &mut [f64], m: usize) {
    for end in (0..columns.len()).step_by(m) {
        let (before, rest) = columns.split_at_mut(end);
        let column = &mut rest[..m];
        for _ in 0..2 {
            for q in before.chunks(m) {
                let along = dot(q, column);
                for (x, q) in column.iter_mut().zip(q) {
                    *x -= along * q;
                }
            }
        }
        let length = dot(column, column).sqrt();
        for x in column {
            *x /= length;
        }
    }
}

/// The sum of products in eight partial sums, so that the compiler may use vectors of any width:
/// the order of additions is the same on all of them.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const PARTIALS: usize = 8;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<PARTIALS>(), b.as_chunks::<PARTIALS>());
    let mut sums = [0.0; PARTIALS];
    for (a, b) in a.iter().zip(b) {
        for i in 0..PARTIALS {
            sums[i] += a[i] * b[i];
        }
    }
    for (i, (a, b)) in a_rest.iter().zip(b_rest).enumerate() {
        sums[i] += a * b;
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_are_nearly_the_same_become_orthogonal_too() {
        // The rest of each is 1e-9 of it, in which the rounding of the first pass, 1e-16, is 1e-7.
        let m = 11;
        let mut columns: Vec<f64> = (0..5 * m)
            .map(|at| ((1 + at % m) as f64).sqrt() + if at % m == at / m { 1e-9 } else { 0.0 })
            .collect();
        orthonormalise(&mut columns, m);
        for (i, a) in columns.chunks(m).enumerate() {
            for (j, b) in columns.chunks(m).enumerate() {
                let expected = if i == j { 1.0 } else { 0.0 };
                // Eleven products and ten additions of numbers up to 1, twice over.
                assert!((dot(a, b) - expected).abs() <= 42.0 * f64::EPSILON, "{i}, {j}");
            }
        }
    }
}

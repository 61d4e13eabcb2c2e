//! The cross entropy of narrow rows: a row in each lane, so that its maximum and sum take no
//! reduction within a vector, and one logarithm and one division serve all lanes.
//!
//! Each sum is a chain in the order of the columns, which does not depend on the level, nor on
//! which rows share a vector: a row alone has the bits that it has among others.

use super::strip::{put_back, strip, strip_mut};
use crate::math;
use crate::simd::Simd;
pub(super) use crate::simd::columns::WIDEST;
use crate::simd::columns::{Columns, lanes};
use crate::tensor::{View, ViewMut};

/// The sum of the losses of rows, whose right classes are the first of `classes`.
#[inline(always)]
pub(super) fn value<S: Simd>(s: S, classes: &[u32], rows: View<'_>) -> f64 {
    let (mut columns, mut room) = (Columns::new(s), None);
    let (cols, mut sum) = (rows.cols(), 0.0);
    for i in (0..rows.rows()).step_by(S::LANES) {
        let x = strip(rows.rows_range(i, S::LANES), &mut room);
        columns.load(s, x, cols);
        let (max, z) = exponentials(s, columns.first(cols));
        sum += losses(s, &classes[i..], x, (cols, max, z));
    }
    sum
}

/// The same; rows become the gradient, times the factor.
#[inline(always)]
pub(super) fn gradient<S: Simd>(s: S, classes: &[u32], mut rows: ViewMut<'_>, factor: f32) -> f64 {
    let (mut columns, mut room) = (Columns::new(s), None);
    let (cols, mut sum) = (rows.cols(), 0.0);
    for i in (0..rows.rows()).step_by(S::LANES) {
        let mut rows = rows.reborrow().split_rows_at(i).1.split_rows_at(S::LANES).0;
        let x = strip_mut(&mut rows, &mut room);
        columns.load(s, x, cols);
        let (max, z) = exponentials(s, columns.first(cols));
        sum += losses(s, &classes[i..], x, (cols, max, z));
        let scale = s.div(s.splat(factor), z);
        for e in columns.first(cols) {
            *e = s.mul(*e, scale);
        }
        columns.store(s, x, cols);
        for (x, &class) in x.chunks_exact_mut(cols).zip(&classes[i..]) {
            x[class as usize] -= factor;
        }
        put_back(&room, &mut rows);
    }
    sum
}

/// Replaces the columns by `e_j = exp(x_j - m)`; returns m and the sum of e.
#[inline(always)]
fn exponentials<S: Simd>(s: S, columns: &mut [S::F32]) -> (S::F32, S::F32) {
    let (mut max, mut sum) = (s.splat(f32::NEG_INFINITY), s.splat(0.0));
    for &x in columns.iter() {
        max = s.max(x, max);
    }
    for x in columns {
        *x = math::exp_nonpositive(s, s.sub(*x, max));
        sum = s.add(sum, *x);
    }
    (max, sum)
}

/// The sum of `log Z - (x_y - m)` over the rows of a strip, in their order.
#[inline(always)]
fn losses<S: Simd>(
    s: S,
    classes: &[u32],
    x: &[f32],
    (cols, max, z): (usize, S::F32, S::F32),
) -> f64 {
    let (log, max) = (lanes(s, math::log(s, z)), lanes(s, max));
    let mut sum = 0.0;
    for (i, (x, &class)) in x.chunks_exact(cols).zip(classes).enumerate() {
        sum += f64::from(log[i]) - f64::from(x[class as usize] - max[i]);
    }
    sum
}

//! The loops over the elements of a batch, for any [`ElementLoss`].
//!
//! Losses are summed in f32 over runs of about [`RUN`] elements, and the runs in f64: pieces of a
//! wide row, or several narrow rows, which would cost more than their elements one by one. Where
//! runs end depends on the shape, and on whether there are weights or parameters by column, but
//! not on strides: narrow rows with gaps between them are gathered first.

use super::element::ElementLoss;
use super::strip::{LONGEST, put_back, strip, strip_mut};
use super::{Outputs, weight};
use crate::cpu::Cpu;
use crate::parallel::{for_each_block, sum_rows};
use crate::simd::slice::{self, Update, UpdateSum};
use crate::simd::{Simd, dispatch};
use crate::tensor::{View, ViewMut};

/// Elements whose losses are summed in f32.
const RUN: usize = LONGEST;

/// Columns up to which a run is made of several rows. A sum costs as much as 100 elements.
const NARROW: usize = RUN / 8;

/// The sum of all losses.
pub(super) fn sum<F: ElementLoss + ?Sized>(
    cpu: Cpu,
    f: &F,
    (x, t): (View<'_>, View<'_>),
    weights: Option<&[f32]>,
) -> f64 {
    let (cols, rows) = (x.cols(), rows_of_a_run(f, x.cols(), weights));
    sum_rows(cpu, x, &|first, x| {
        let (mut sum, mut room_x, mut room_t) = (0.0, None, None);
        dispatch!(cpu.level(), s => for i in starts(x.shape(), rows) {
            let weight = weight(weights, first + i);
            let x = strip(x.rows_range(i, rows), &mut room_x);
            let t = strip(t.rows_range(first + i, rows), &mut room_t);
            for at in (0..x.len()).step_by(RUN) {
                let end = x.len().min(at + RUN);
                sum += weight * run_sum(s, f, &x[at..end], &t[at..end], at % cols);
            }
        });
        sum
    })
}

/// The sum of all losses; `x` becomes the gradient, times the factor.
pub(super) fn gradient<F: ElementLoss + ?Sized>(
    cpu: Cpu,
    f: &F,
    (source, x, t): (Option<View<'_>>, ViewMut<'_>, View<'_>),
    weights: Option<&[f32]>,
    factor: f64,
) -> f64 {
    let (cols, rows) = (x.cols(), rows_of_a_run(f, x.cols(), weights));
    sum_rows(cpu, x, &|first, mut x| {
        let (mut sum, mut room_x, mut room_t, mut room) = (0.0, None, None, None);
        dispatch!(cpu.level(), s => for i in starts(x.shape(), rows) {
            let weight = weight(weights, first + i);
            let mut rows_of_x = x.reborrow().split_rows_at(i).1.split_rows_at(rows).0;
            let x = strip_mut(&mut rows_of_x, &mut room_x);
            let t = strip(t.rows_range(first + i, rows), &mut room_t);
            let source = source.map(|m| strip(m.rows_range(first + i, rows), &mut room));
            for at in (0..x.len()).step_by(RUN) {
                let end = x.len().min(at + RUN);
                if let Some(source) = source {
                    x[at..end].copy_from_slice(&source[at..end]);
                }
                let factor = (factor * weight) as f32;
                sum += weight * run_slopes(s, f, &mut x[at..end], &t[at..end], at % cols, factor);
            }
            put_back(&room_x, &mut rows_of_x);
        });
        sum
    })
}

/// The loss of each element, and its slope where there is room for one.
pub(super) fn elements<F: ElementLoss + ?Sized>(
    cpu: Cpu,
    f: &F,
    (x, t): (View<'_>, View<'_>),
    weights: Option<&[f32]>,
    outputs: Outputs<'_>,
) {
    for_each_block(cpu, outputs, &|first, mut block| {
        dispatch!(cpu.level(), s => for (i, values) in block.values.iter_rows_mut().enumerate() {
            let (x, t) = (x.row(first + i).unwrap_or(&[]), t.row(first + i).unwrap_or(&[]));
            let f = Elements(f, weight(weights, first + i) as f32);
            match (block.gradient.as_mut().and_then(|d| d.row_mut(i)), f.0.columns()) {
                (None, None) => slice::update(s, &f, [x, t], [values]),
                (None, Some(c)) => slice::update(s, &f, [x, t, c], [values]),
                (Some(d), None) => slice::update(s, &f, [x, t], [values, d]),
                (Some(d), Some(c)) => slice::update(s, &f, [x, t, c], [values, d]),
            }
        });
    });
}

/// How many rows are taken at once: as many as make a run, or one.
fn rows_of_a_run<F: ElementLoss + ?Sized>(f: &F, cols: usize, weights: Option<&[f32]>) -> usize {
    let is_plain = weights.is_none() && f.columns().is_none();
    if is_plain && (1..=NARROW).contains(&cols) { RUN / cols } else { 1 }
}

/// The rows of a block at which runs start; none in a block without columns.
fn starts((rows, cols): (usize, usize), of_a_run: usize) -> impl Iterator<Item = usize> {
    let visited = if cols == 0 { 0 } else { rows };
    (0..visited).step_by(of_a_run)
}

/// The losses of a run of elements, which starts at that column.
#[inline(always)]
fn run_sum<S: Simd, F: ElementLoss + ?Sized>(
    s: S,
    f: &F,
    x: &[f32],
    t: &[f32],
    column: usize,
) -> f64 {
    f64::from(match f.columns() {
        None => slice::update_sum(s, &Value(f), [x, t], []),
        Some(columns) => slice::update_sum(s, &Value(f), [x, t, &columns[column..]], []),
    })
}

#[inline(always)]
fn run_slopes<S: Simd, F: ElementLoss + ?Sized>(
    s: S,
    f: &F,
    x: &mut [f32],
    t: &[f32],
    column: usize,
    factor: f32,
) -> f64 {
    let kernel = Slope(f, factor);
    f64::from(match f.columns() {
        None => slice::update_sum(s, &kernel, [t], [x]),
        Some(columns) => slice::update_sum(s, &kernel, [t, &columns[column..]], [x]),
    })
}

/// The loss, from x and t, and the parameter of the column if there is one.
struct Value<'a, F: ?Sized>(&'a F);

impl<F: ElementLoss + ?Sized> UpdateSum<2, 0> for Value<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, t]: [S::F32; 2], _: [S::F32; 0]) -> ([S::F32; 0], S::F32) {
        ([], self.0.value_and_slope(s, x, t).0)
    }
}

impl<F: ElementLoss + ?Sized> UpdateSum<3, 0> for Value<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, t, c]: [S::F32; 3], _: [S::F32; 0]) -> ([S::F32; 0], S::F32) {
        ([], self.0.value_and_slope_in_column(s, x, t, c).0)
    }
}

/// The loss, and x becomes the slope times the factor.
struct Slope<'a, F: ?Sized>(&'a F, f32);

impl<F: ElementLoss + ?Sized> UpdateSum<1, 1> for Slope<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [t]: [S::F32; 1], [x]: [S::F32; 1]) -> ([S::F32; 1], S::F32) {
        let (value, slope) = self.0.value_and_slope(s, x, t);
        ([s.mul(slope, s.splat(self.1))], value)
    }
}

impl<F: ElementLoss + ?Sized> UpdateSum<2, 1> for Slope<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [t, c]: [S::F32; 2], [x]: [S::F32; 1]) -> ([S::F32; 1], S::F32) {
        let (value, slope) = self.0.value_and_slope_in_column(s, x, t, c);
        ([s.mul(slope, s.splat(self.1))], value)
    }
}

/// The loss, and the slope if there is room for it, times the weight; old contents are not used.
struct Elements<'a, F: ?Sized>(&'a F, f32);

impl<F: ElementLoss + ?Sized> Update<2, 1> for Elements<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, t]: [S::F32; 2], _: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(s.splat(self.1), self.0.value_and_slope(s, x, t).0)]
    }
}

impl<F: ElementLoss + ?Sized> Update<3, 1> for Elements<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, t, c]: [S::F32; 3], _: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(s.splat(self.1), self.0.value_and_slope_in_column(s, x, t, c).0)]
    }
}

impl<F: ElementLoss + ?Sized> Update<2, 2> for Elements<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, t]: [S::F32; 2], _: [S::F32; 2]) -> [S::F32; 2] {
        let (value, slope) = self.0.value_and_slope(s, x, t);
        [s.mul(s.splat(self.1), value), s.mul(s.splat(self.1), slope)]
    }
}

impl<F: ElementLoss + ?Sized> Update<3, 2> for Elements<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, t, c]: [S::F32; 3], _: [S::F32; 2]) -> [S::F32; 2] {
        let (value, slope) = self.0.value_and_slope_in_column(s, x, t, c);
        [s.mul(s.splat(self.1), value), s.mul(s.splat(self.1), slope)]
    }
}

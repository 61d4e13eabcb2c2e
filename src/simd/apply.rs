//! Elementwise functions over slices, compiled once for each function and level: whoever runs one
//! over a slice or over finished rows of a product calls the same code.

use super::slice::{self, Unary, Update};
use super::{Level, Simd, dispatch};

/// `to[i] = f(from[i])`; `to` is not read.
#[inline(never)]
pub(crate) fn map<F: Unary>(level: Level, f: &F, from: &[f32], to: &mut [f32]) {
    dispatch!(level, s => slice::map(s, f, from, to));
}

/// `values[i] = f(values[i])`.
#[inline(never)]
pub(crate) fn map_in_place<F: Unary>(level: Level, f: &F, values: &mut [f32]) {
    dispatch!(level, s => slice::update(s, &InPlace(f), [], [values]));
}

/// `values[i] = values[i] * f(other[i])`.
#[inline(never)]
pub(crate) fn multiply_by<F: Unary>(level: Level, f: &F, other: &[f32], values: &mut [f32]) {
    dispatch!(level, s => slice::update(s, &Times(f), [other], [values]));
}

/// Runs `f` over `updated` in place, with `read` beside it.
///
/// `f` is a copy of this call's own: what it holds stays in registers, where behind a reference
/// it would be read again after every store, which might have changed it.
#[inline(never)]
pub(crate) fn update<F: Update<R, U> + Copy, const R: usize, const U: usize>(
    level: Level,
    f: &F,
    read: [&[f32]; R],
    updated: [&mut [f32]; U],
) {
    dispatch!(level, s => {
        let own = *f;
        slice::update(s, &own, read, updated)
    });
}

struct InPlace<'a, F>(&'a F);

impl<F: Unary> Update<0, 1> for InPlace<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, _: [S::F32; 0], [x]: [S::F32; 1]) -> [S::F32; 1] {
        [self.0.eval(s, x)]
    }
}

struct Times<'a, F>(&'a F);

impl<F: Unary> Update<1, 1> for Times<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [other]: [S::F32; 1], [x]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(x, self.0.eval(s, other))]
    }
}

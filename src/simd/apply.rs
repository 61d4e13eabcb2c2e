//! Elementwise functions over slices, compiled once for each function and level: whoever runs one
//! over a slice or over finished rows of a product calls the same code.

use super::slice::{self, Unary, Update};
use super::{Level, Simd, dispatch};

/// `to[i] = f(from[i])`; `to` is not read.
pub(crate) fn map<F: Unary>(level: Level, f: &F, from: &[f32], to: &mut [f32]) {
    let len = from.len().min(to.len());
    // SAFETY: both have so many elements, and share none.
    unsafe { run(level, f, from.as_ptr(), to.as_mut_ptr(), len) };
}

/// `values[i] = f(values[i])`.
pub(crate) fn map_in_place<F: Unary>(level: Level, f: &F, values: &mut [f32]) {
    let at = values.as_mut_ptr();
    // SAFETY: it has so many elements, and is read and written at the same place.
    unsafe { run(level, f, at, at, values.len()) };
}

/// # Safety
/// As for [`slice::map_raw`].
#[inline(never)]
unsafe fn run<F: Unary>(level: Level, f: &F, from: *const f32, to: *mut f32, len: usize) {
    // SAFETY: the caller's promise.
    dispatch!(level, s => unsafe { slice::map_raw(s, f, from, to, len) });
}

/// `values[i] = values[i] * f(other[i])`.
#[inline(never)]
pub(crate) fn multiply_by<F: Unary>(level: Level, f: &F, other: &[f32], values: &mut [f32]) {
    dispatch!(level, s => slice::update(s, &Times(f), [other], [values]));
}

struct Times<'a, F>(&'a F);

impl<F: Unary> Update<1, 1> for Times<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [other]: [S::F32; 1], [x]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(x, self.0.eval(s, other))]
    }
}

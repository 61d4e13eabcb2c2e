//! Elementwise functions over slices, compiled once for each function and level: whoever runs one
//! over a slice or over finished rows of a product calls the same code.

use super::slice::{self, Unary, Update};
use super::{Level, dispatch};

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

/// `to[i] = from[i] * f(other[i])`; `to` is not read.
pub(crate) fn multiply<F: Unary>(
    level: Level,
    f: &F,
    other: &[f32],
    (from, to): (&[f32], &mut [f32]),
) {
    let len = other.len().min(from.len()).min(to.len());
    // SAFETY: all have so many elements, and share none.
    unsafe { run_multiply(level, f, other.as_ptr(), (from.as_ptr(), to.as_mut_ptr()), len) };
}

/// `values[i] = values[i] * f(other[i])`.
pub(crate) fn multiply_in_place<F: Unary>(level: Level, f: &F, other: &[f32], values: &mut [f32]) {
    let (at, len) = (values.as_mut_ptr(), other.len().min(values.len()));
    // SAFETY: both have so many elements, and share none.
    unsafe { run_multiply(level, f, other.as_ptr(), (at, at), len) };
}

/// # Safety
/// As for [`slice::multiply_raw`].
#[inline(never)]
unsafe fn run_multiply<F: Unary>(
    level: Level,
    f: &F,
    other: *const f32,
    to: (*const f32, *mut f32),
    len: usize,
) {
    // SAFETY: the caller's promise.
    dispatch!(level, s => unsafe { slice::multiply_raw(s, f, other, to, len) });
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

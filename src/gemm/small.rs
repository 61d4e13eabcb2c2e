//! Whole products of a few multiply-adds, for networks in which saying what to compute takes longer
//! than computing it: slices without gaps, whose lengths the caller knows, and nothing to decide.
//!
//! ```text
//!   nn   C [m, n] = start + A.B      A [m, k]   B [k, n]      start [n], or 0
//!   tn   C [m, n] = A^T.B            A [k, m]   B [k, n]
//!   nt   C [m, n] = A.B^T            A [m, k]   B [n, k]
//!   sums C [n]    = 1^T.B                       B [k, n]
//! ```
//!
//! An element is the same chain of fused multiply-adds in the order of k as on any other path, or the same sum
//! of chains as in [`narrow`], and so the same bits. There is no small product at `Level::Portable`, whose chains are those of
//! `matrixmultiply`.

use core::mem::MaybeUninit;

use super::operand::Operand;
use super::pack::{Source, transpose};
use super::paths::is_narrow;
use super::{Layout, Start, narrow};
use crate::simd::{Level, Simd};
use crate::tensor::{View, ViewMut};

/// Multiply-adds up to which a product is small.
pub(crate) const SMALL: usize = 2048;

/// `(m, n, k)`
type Shape = (usize, usize, usize);

/// Whether a product of a layer of that shape may be one of few columns, for so many rows: then `NARROW` is to be
/// true of its three. (Two branches more would be a fifth of a prediction of 2-3-1.)
pub(crate) fn may_be_narrow(rows: usize, (inputs, outputs): (usize, usize)) -> bool {
    is_narrow(outputs, inputs.max(rows)) || is_narrow(inputs, outputs)
}

/// Whether products at that level may be small.
pub(crate) fn is_possible(level: Level) -> bool {
    level != Level::Portable
}

pub(crate) fn nn<const NARROW: bool>(
    level: Level,
    (m, n, k): Shape,
    a: &[f32],
    b: &[f32],
    start: &[f32],
    c: &mut [f32],
) {
    assert!(start.is_empty() || start.len() >= n);
    if NARROW && is_narrow(n, k) {
        return narrow(level, Layout::Nn, (m, n, k), a, b, start, c);
    }
    run(level, (m, n, k), (a, k, 1), b, start, c);
}

pub(crate) fn tn<const NARROW: bool>(
    level: Level,
    (m, n, k): Shape,
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
) {
    if NARROW && is_narrow(n, k) {
        return narrow(level, Layout::Tn, (m, n, k), a, b, &[], c);
    }
    run(level, (m, n, k), (a, 1, m), b, &[], c);
}

pub(crate) fn sums(level: Level, (n, k): (usize, usize), b: &[f32], c: &mut [f32]) {
    // A fused multiply-add of 1 and b is a sum, rounded once.
    run(level, (1, n, k), (&[1.0], 0, 0), b, &[], c);
}

pub(crate) fn nt<const NARROW: bool>(
    level: Level,
    (m, n, k): Shape,
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
) {
    if k == 1 {
        return nn::<NARROW>(level, (m, n, k), a, b, &[], c);
    }
    if NARROW && is_narrow(n, k) {
        return narrow(level, Layout::Nt, (m, n, k), a, b, &[], c);
    }
    match level {
        Level::Portable => {}
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => s.vectorize(
            #[inline(always)]
            || with_b_turned(s, (m, n, k), a, b, c),
        ),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => s.vectorize(
            #[inline(always)]
            || with_b_turned(s, (m, n, k), a, b, c),
        ),
    }
}

/// The sums of chains of a product of few columns. (Apart from the others, which would be slower with it.)
#[cold]
#[inline(never)]
fn narrow(
    level: Level,
    layout: Layout,
    (m, n, k): Shape,
    a: &[f32],
    b: &[f32],
    start: &[f32],
    c: &mut [f32],
) {
    let a: Operand<'_> = match layout {
        Layout::Tn => matrix(k, m, a).t().into(),
        Layout::Nn | Layout::Nt => matrix(m, k, a).into(),
    };
    let b: Operand<'_> = match layout {
        Layout::Nt => matrix(n, k, b).t().into(),
        Layout::Nn | Layout::Tn => matrix(k, n, b).into(),
    };
    let start = if start.is_empty() { Start::Zero } else { Start::Bias(start) };
    let mut c = ViewMut::contiguous(m, n, &mut c[..m * n]);
    let is_done = narrow::without_scratch(level, (&a, &b), start, &mut c);
    assert!(is_done, "a small product takes no more room than there is");
}

/// The matrix at the beginning of a slice.
fn matrix(rows: usize, cols: usize, data: &[f32]) -> View<'_> {
    View::contiguous(rows, cols, &data[..rows * cols])
}

/// `a` with the steps from row to row and from column to column.
fn run(
    level: Level,
    (m, n, k): Shape,
    a: (&[f32], usize, usize),
    b: &[f32],
    start: &[f32],
    c: &mut [f32],
) {
    if m == 0 || n == 0 {
        return;
    }
    let (a, row_step, col_step) = a;
    let last = (m - 1) * row_step + k.saturating_sub(1) * col_step;
    assert!((k == 0 || last < a.len()) && k * n <= b.len() && m * n <= c.len());
    let whole = Whole {
        shape: (m, n, k),
        a: (a.as_ptr(), row_step, col_step),
        b: b.as_ptr(),
        start: (!start.is_empty()).then_some(start.as_ptr()),
        c: c.as_mut_ptr(),
    };
    match level {
        Level::Portable => {}
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => s.vectorize(
            #[inline(always)]
            // SAFETY: the lengths were looked at, here and by `nn`.
            || unsafe { rows(s, &whole) },
        ),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => s.vectorize(
            #[inline(always)]
            // SAFETY: as above.
            || unsafe { rows(s, &whole) },
        ),
    }
}

/// What is read and written.
struct Whole {
    shape: Shape,
    a: (*const f32, usize, usize),
    b: *const f32,
    start: Option<*const f32>,
    c: *mut f32,
}

/// # Safety
/// The matrices of `whole` have its shape, and C shares no element with the others.
#[inline(always)]
unsafe fn rows<S: Simd>(s: S, whole: &Whole) {
    let (m, n, _) = whole.shape;
    let mut j = 0;
    while j < n {
        let count = (n - j).min(S::LANES);
        let mut i = 0;
        while i < m {
            // SAFETY: the rows from i on, as many as are left, and `count` columns from j on.
            unsafe {
                i += match m - i {
                    1 => strip::<S, 1>(s, whole, (i, j), count),
                    2 | 3 => strip::<S, 2>(s, whole, (i, j), count),
                    _ => strip::<S, 4>(s, whole, (i, j), count),
                };
            }
        }
        j += count;
    }
}

/// `R` rows of C from row i on, and up to a vector's columns of them from column j on; returns R.
///
/// # Safety
/// They are rows and columns of C.
#[inline(always)]
unsafe fn strip<S: Simd, const R: usize>(
    s: S,
    whole: &Whole,
    (i, j): (usize, usize),
    count: usize,
) -> usize {
    let &Whole { shape: (_, n, k), a: (a, row_step, col_step), b, start, c } = whole;
    // SAFETY: `p < k`, `i + r < m` and `j + count <= n`.
    unsafe {
        let mut sums = [match start {
            Some(start) => s.load_partial(start.add(j), count),
            None => s.splat(0.0),
        }; R];
        for p in 0..k {
            let row = s.load_partial(b.add(p * n + j), count);
            for r in 0..R {
                let x = *a.add((i + r) * row_step + p * col_step);
                sums[r] = s.mul_add(s.splat(x), row, sums[r]);
            }
        }
        for r in 0..R {
            s.store_partial(c.add((i + r) * n + j), count, sums[r]);
        }
    }
    R
}

/// Elements of B up to which rows of B^T are copied before they are read.
const COPIED: usize = 512;

/// Steps of k that the compiler puts together as vectors (see [`short_dots`]).
const SHORT: usize = 4;

#[inline(always)]
fn with_b_turned<S: Simd>(s: S, (m, n, k): Shape, a: &[f32], b: &[f32], c: &mut [f32]) {
    if m == 1 || k <= SHORT || k * n > COPIED {
        return dots((m, n, k), a, b, c);
    }
    let (a, b, c) = (&a[..m * k], &b[..n * k], &mut c[..m * n]);
    let mut copy = [const { MaybeUninit::<f32>::uninit() }; COPIED];
    let copy = copy.as_mut_ptr().cast();
    let (a, c) = ((a.as_ptr(), k, 1), c.as_mut_ptr());
    let whole = Whole { shape: (m, n, k), a, b: copy, start: None, c };
    // SAFETY: B has `n` rows of `k` elements, for which there is room, and A and C have their lengths.
    unsafe {
        transpose(s, copy, n, Source::of_rows((b.as_ptr(), k), (n, k)));
        rows(s, &whole);
    }
}

/// One element after the other: the columns of B^T are rows of B, which no vector reads at once if they are long.
#[inline(always)]
fn dots((m, n, k): Shape, a: &[f32], b: &[f32], c: &mut [f32]) {
    match k {
        2 => return short_dots::<2>((m, n), a, b, c),
        3 => return short_dots::<3>((m, n), a, b, c),
        SHORT => return short_dots::<SHORT>((m, n), a, b, c),
        _ => {}
    }
    for (i, row) in c[..m * n].chunks_exact_mut(n).enumerate() {
        let x = &a[i * k..][..k];
        for (j, c) in row.iter_mut().enumerate() {
            *c = dot(x, &b[j * k..][..k]);
        }
    }
}

/// The same for rows of `K` elements, which the compiler puts together as vectors of elements of C.
#[inline(always)]
fn short_dots<const K: usize>((m, n): (usize, usize), a: &[f32], b: &[f32], c: &mut [f32]) {
    let (a, b) = (a[..m * K].as_chunks::<K>().0, b[..n * K].as_chunks::<K>().0);
    for (row, x) in c[..m * n].chunks_exact_mut(n).zip(a) {
        for (c, y) in row.iter_mut().zip(b) {
            *c = dot(x, y);
        }
    }
}

/// One chain, in the order of k.
#[inline(always)]
fn dot(x: &[f32], y: &[f32]) -> f32 {
    let mut sum = 0.0;
    for (x, y) in x.iter().zip(y) {
        #[allow(clippy::disallowed_methods, reason = "one instruction: the level has FMA")]
        {
            sum = x.mul_add(*y, sum);
        }
    }
    sum
}

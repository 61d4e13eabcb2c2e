//! Elementwise kernels over slices: the only loops, and the only tails, that they have.
//!
//! A kernel says what happens to a vector; the functions here run it over slices of any length
//! and alignment. The last elements go through the same operations in a partial vector, so that
//! an element's result does not depend on where in a slice it stands.
//!
//! Slices of unequal lengths are handled up to the shortest. Public functions check lengths before
//! they call a loop; the loops themselves are public for the tests alone, and not documented.

use core::marker::PhantomData;

use super::Simd;
#[doc(hidden)]
pub use super::reduce::{Same, UpdateSum, max, sum, update_sum};
use super::twice::Twice;

/// `x -> f(x)`, such as an activation.
pub trait Unary {
    /// Whether so many values are alive at once that registers have room for those of two vectors, not of four.
    const IS_LONG: bool = false;

    /// The function, on a vector.
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32;
}

/// What happens to `U` arrays that are updated in place, reading `R` others beside them, such as a
/// step of an optimizer.
pub trait Update<const R: usize, const U: usize> {
    /// The new values of the updated arrays.
    fn eval<S: Simd>(&self, s: S, read: [S::F32; R], updated: [S::F32; U]) -> [S::F32; U];
}

/// Pairs of vectors updated side by side, so that their chains of operations overlap. All are loaded
/// before any is stored: the compiler cannot know that a store does not change the next load, and
/// would keep the chains apart. (Functions of one array take four vectors as one, in step.)
const PAIRS: usize = 2;

/// `dst[i] = f(src[i])`; `dst` is not read.
#[doc(hidden)]
#[inline(always)]
pub fn map<S: Simd, F: Unary>(s: S, f: &F, src: &[f32], dst: &mut [f32]) {
    // SAFETY: both have so many elements.
    unsafe { map_raw(s, f, src.as_ptr(), dst.as_mut_ptr(), src.len().min(dst.len())) };
}

/// `dst[i] = f(src[i])` for `len` elements.
///
/// # Safety
/// `src` is valid for reading and `dst` for writing them. The two are the same or share no element.
#[inline(always)]
pub(super) unsafe fn map_raw<S: Simd, F: Unary>(
    s: S,
    f: &F,
    src: *const f32,
    dst: *mut f32,
    len: usize,
) {
    // SAFETY: the caller's promise.
    let mut i = unsafe {
        if F::IS_LONG {
            map_whole(Twice(s), f, src, dst, len)
        } else {
            map_whole(Twice(Twice(s)), f, src, dst, len)
        }
    };
    // One copy of `f` for what is left: compiling it costs more than masking whole vectors.
    while i < len {
        let count = (len - i).min(S::LANES);
        // SAFETY: `count <= LANES`, and both have `i + count` elements.
        unsafe {
            s.store_partial(dst.add(i), count, f.eval(s, s.load_partial(src.add(i), count)));
        }
        i += count;
    }
}

/// The whole vectors of [`map_raw`]; returns how many elements they are.
///
/// # Safety
/// As for `map_raw`.
#[inline(always)]
unsafe fn map_whole<S: Simd, F: Unary>(
    s: S,
    f: &F,
    src: *const f32,
    dst: *mut f32,
    len: usize,
) -> usize {
    let mut i = 0;
    while i + S::LANES <= len {
        // SAFETY: both have `i + LANES` elements.
        unsafe { s.store(dst.add(i), f.eval(s, s.load(src.add(i)))) };
        i += S::LANES;
    }
    i
}

/// `dst[i] = src[i] * f(other[i])` for `len` elements.
///
/// # Safety
/// `src` and `other` are valid for reading and `dst` for writing them. `dst` is `src`, or shares no
/// element with it; it shares none with `other`.
#[inline(always)]
pub(super) unsafe fn multiply_raw<S: Simd, F: Unary>(
    s: S,
    f: &F,
    other: *const f32,
    (src, dst): (*const f32, *mut f32),
    len: usize,
) {
    // SAFETY: the caller's promise.
    let mut i = unsafe {
        if F::IS_LONG {
            multiply_whole(Twice(s), f, other, (src, dst), len)
        } else {
            multiply_whole(Twice(Twice(s)), f, other, (src, dst), len)
        }
    };
    while i < len {
        let count = (len - i).min(S::LANES);
        // SAFETY: `count <= LANES`, and all have `i + count` elements.
        unsafe {
            let factor = f.eval(s, s.load_partial(other.add(i), count));
            let x = s.mul(s.load_partial(src.add(i), count), factor);
            s.store_partial(dst.add(i), count, x);
        }
        i += count;
    }
}

/// The whole vectors of [`multiply_raw`]; returns how many elements they are.
///
/// # Safety
/// As for `multiply_raw`.
#[inline(always)]
unsafe fn multiply_whole<S: Simd, F: Unary>(
    s: S,
    f: &F,
    other: *const f32,
    (src, dst): (*const f32, *mut f32),
    len: usize,
) -> usize {
    let mut i = 0;
    while i + S::LANES <= len {
        // SAFETY: all have `i + LANES` elements.
        unsafe {
            let factor = f.eval(s, s.load(other.add(i)));
            s.store(dst.add(i), s.mul(s.load(src.add(i)), factor));
        }
        i += S::LANES;
    }
    i
}

/// Runs `f` over `updated` in place, with `read` beside it.
#[doc(hidden)]
#[inline(always)]
pub fn update<S: Simd, F: Update<R, U>, const R: usize, const U: usize>(
    s: S,
    f: &F,
    read: [&[f32]; R],
    updated: [&mut [f32]; U],
) {
    let mut arrays = Arrays::new(read, updated);
    let len = arrays.len;
    // Many arrays are as many loads side by side already, and would not fit into registers.
    let pairs = if R + U <= 2 { PAIRS } else { 1 };
    let (pair, step) = (Twice(s), 2 * S::LANES);
    let mut i = 0;
    while i + pairs * step <= len {
        let mut vectors = [([pair.splat(0.0); R], [pair.splat(0.0); U]); PAIRS];
        for u in 0..pairs {
            // SAFETY: `i + pairs * step <= len`.
            vectors[u] = unsafe { arrays.load(pair, i + u * step) };
        }
        for u in 0..pairs {
            vectors[u].1 = f.eval(pair, vectors[u].0, vectors[u].1);
        }
        for u in 0..pairs {
            // SAFETY: as above.
            unsafe { arrays.store(pair, i + u * step, vectors[u].1) };
        }
        i += pairs * step;
    }
    while i + S::LANES <= len {
        // SAFETY: `i + LANES <= len`.
        unsafe {
            let (read, updated) = arrays.load(s, i);
            arrays.store(s, i, f.eval(s, read, updated));
        }
        i += S::LANES;
    }
    if i < len {
        // SAFETY: `len - i < LANES`.
        unsafe {
            let (read, updated) = arrays.load_partial(s, i, len - i);
            arrays.store_partial(s, i, len - i, f.eval(s, read, updated));
        }
    }
}

/// The arrays of one sweep, `len` elements each: `R` to read, `U` to update.
pub(super) struct Arrays<'a, const R: usize, const U: usize> {
    read: [*const f32; R],
    updated: [*mut f32; U],
    pub(super) len: usize,
    lifetime: PhantomData<(&'a [f32], &'a mut [f32])>,
}

impl<'a, const R: usize, const U: usize> Arrays<'a, R, U> {
    #[inline(always)]
    pub(super) fn new(read: [&'a [f32]; R], updated: [&'a mut [f32]; U]) -> Self {
        let mut len = usize::MAX;
        for r in &read {
            len = len.min(r.len());
        }
        for u in &updated {
            len = len.min(u.len());
        }
        let len = if R + U == 0 { 0 } else { len };
        let updated = updated.map(|u| u.as_mut_ptr());
        Self { read: read.map(|r| r.as_ptr()), updated, len, lifetime: PhantomData }
    }

    /// # Safety
    /// `at + LANES <= len`.
    #[inline(always)]
    pub(super) unsafe fn load<S: Simd>(&self, s: S, at: usize) -> ([S::F32; R], [S::F32; U]) {
        let (mut read, mut updated) = ([s.splat(0.0); R], [s.splat(0.0); U]);
        for r in 0..R {
            // SAFETY: the caller's promise.
            read[r] = unsafe { s.load(self.read[r].add(at)) };
        }
        for u in 0..U {
            // SAFETY: the caller's promise.
            updated[u] = unsafe { s.load(self.updated[u].add(at)) };
        }
        (read, updated)
    }

    /// # Safety
    /// `at + LANES <= len`.
    #[inline(always)]
    pub(super) unsafe fn store<S: Simd>(&mut self, s: S, at: usize, values: [S::F32; U]) {
        for u in 0..U {
            // SAFETY: the caller's promise.
            unsafe { s.store(self.updated[u].add(at), values[u]) };
        }
    }

    /// # Safety
    /// `count <= LANES` and `at + count <= len`.
    #[inline(always)]
    pub(super) unsafe fn load_partial<S: Simd>(
        &self,
        s: S,
        at: usize,
        count: usize,
    ) -> ([S::F32; R], [S::F32; U]) {
        let (mut read, mut updated) = ([s.splat(0.0); R], [s.splat(0.0); U]);
        for r in 0..R {
            // SAFETY: the caller's promise.
            read[r] = unsafe { s.load_partial(self.read[r].add(at), count) };
        }
        for u in 0..U {
            // SAFETY: the caller's promise.
            updated[u] = unsafe { s.load_partial(self.updated[u].add(at), count) };
        }
        (read, updated)
    }

    /// # Safety
    /// `count <= LANES` and `at + count <= len`.
    #[inline(always)]
    pub(super) unsafe fn store_partial<S: Simd>(
        &mut self,
        s: S,
        at: usize,
        count: usize,
        values: [S::F32; U],
    ) {
        for u in 0..U {
            // SAFETY: the caller's promise.
            unsafe { s.store_partial(self.updated[u].add(at), count, values[u]) };
        }
    }
}

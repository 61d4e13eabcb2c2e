//! Elementwise kernels over slices: the only loops, and the only tails, that they have.
//!
//! A kernel says what happens to a vector; the functions here run it over slices of any length
//! and alignment. The last elements go through the same operations in a partial vector, so that
//! an element's result does not depend on where in a slice it stands.
//!
//! Slices of unequal lengths are read up to the shortest; public functions check lengths first.
//!
//! Reductions have a fixed shape: element `i` belongs to partial result `i mod 32`, and the partial
//! results are combined in a fixed tree. The result does not depend on the width of the vectors.

use core::marker::PhantomData;

use super::Simd;

/// `x -> f(x)`, such as an activation.
pub trait Unary {
    /// The function, on a vector.
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32;
}

/// What happens to `U` arrays that are updated in place, reading `R` others beside them.
pub trait Update<const R: usize, const U: usize> {
    /// The new values of the updated arrays.
    fn eval<S: Simd>(&self, s: S, read: [S::F32; R], updated: [S::F32; U]) -> [S::F32; U];
}

/// Like [`Update`], with a term for each element that is summed over the slice.
pub trait UpdateSum<const R: usize, const U: usize> {
    /// The new values of the updated arrays, and the term of the sum.
    fn eval<S: Simd>(&self, s: S, read: [S::F32; R], updated: [S::F32; U])
    -> ([S::F32; U], S::F32);
}

/// Vectors handled side by side, so that their chains of operations overlap.
const UNROLL: usize = 4;

/// Partial results of a reduction.
const PARTIALS: usize = 32;

/// `dst[i] = f(src[i])`; `dst` is not read.
#[inline(always)]
pub fn map<S: Simd, F: Unary>(s: S, f: &F, src: &[f32], dst: &mut [f32]) {
    let len = src.len().min(dst.len());
    let (src, dst) = (src.as_ptr(), dst.as_mut_ptr());
    let mut i = 0;
    while i + UNROLL * S::LANES <= len {
        for u in 0..UNROLL {
            let at = i + u * S::LANES;
            // SAFETY: `at + LANES <= len`, and both slices have `len` elements.
            unsafe { s.store(dst.add(at), f.eval(s, s.load(src.add(at)))) };
        }
        i += UNROLL * S::LANES;
    }
    while i + S::LANES <= len {
        // SAFETY: `i + LANES <= len`, and both slices have `len` elements.
        unsafe { s.store(dst.add(i), f.eval(s, s.load(src.add(i)))) };
        i += S::LANES;
    }
    if i < len {
        let rest = len - i;
        // SAFETY: `rest < LANES`, and both slices have `i + rest` elements.
        unsafe { s.store_partial(dst.add(i), rest, f.eval(s, s.load_partial(src.add(i), rest))) };
    }
}

/// Runs `f` over `updated` in place, with `read` beside it.
#[inline(always)]
pub fn update<S: Simd, F: Update<R, U>, const R: usize, const U: usize>(
    s: S,
    f: &F,
    read: [&[f32]; R],
    updated: [&mut [f32]; U],
) {
    let mut arrays = Arrays::new(read, updated);
    let len = arrays.len;
    let mut i = 0;
    while i + UNROLL * S::LANES <= len {
        for u in 0..UNROLL {
            let at = i + u * S::LANES;
            // SAFETY: `at + LANES <= len`.
            unsafe {
                let (read, updated) = arrays.load(s, at);
                arrays.store(s, at, f.eval(s, read, updated));
            }
        }
        i += UNROLL * S::LANES;
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

/// Runs `f` over `updated` in place, with `read` beside it, and sums its terms.
#[inline(always)]
pub fn update_sum<S: Simd, F: UpdateSum<R, U>, const R: usize, const U: usize>(
    s: S,
    f: &F,
    read: [&[f32]; R],
    updated: [&mut [f32]; U],
) -> f32 {
    reduce::<S, Sum, F, R, U>(s, f, read, updated)
}

/// The sum of `f(x)` over a slice.
#[inline(always)]
pub fn sum<S: Simd, F: Unary>(s: S, f: &F, src: &[f32]) -> f32 {
    reduce::<S, Sum, Term<'_, F>, 1, 0>(s, &Term(f), [src], [])
}

/// The largest element; NaNs are passed over, and an empty slice has negative infinity.
#[inline(always)]
pub fn max<S: Simd>(s: S, src: &[f32]) -> f32 {
    reduce::<S, Max, Term<'_, Same>, 1, 0>(s, &Term(&Same), [src], [])
}

/// `x -> x`.
pub struct Same;

impl Unary for Same {
    #[inline(always)]
    fn eval<S: Simd>(&self, _: S, x: S::F32) -> S::F32 {
        x
    }
}

/// A function of one array as a term to reduce.
struct Term<'a, F>(&'a F);

impl<F: Unary> UpdateSum<1, 0> for Term<'_, F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x]: [S::F32; 1], _: [S::F32; 0]) -> ([S::F32; 0], S::F32) {
        ([], self.0.eval(s, x))
    }
}

/// How two partial results become one.
trait Combine {
    /// Changes nothing that it is combined with.
    const NEUTRAL: f32;
    fn combine<S: Simd>(s: S, term: S::F32, partial: S::F32) -> S::F32;
}

struct Sum;
struct Max;

impl Combine for Sum {
    const NEUTRAL: f32 = 0.0;
    #[inline(always)]
    fn combine<S: Simd>(s: S, term: S::F32, partial: S::F32) -> S::F32 {
        s.add(term, partial)
    }
}

impl Combine for Max {
    const NEUTRAL: f32 = f32::NEG_INFINITY;
    #[inline(always)]
    fn combine<S: Simd>(s: S, term: S::F32, partial: S::F32) -> S::F32 {
        s.max(term, partial)
    }
}

#[inline(always)]
fn reduce<S: Simd, C: Combine, F: UpdateSum<R, U>, const R: usize, const U: usize>(
    s: S,
    f: &F,
    read: [&[f32]; R],
    updated: [&mut [f32]; U],
) -> f32 {
    let mut arrays = Arrays::new(read, updated);
    let len = arrays.len;
    // Only the first PARTIALS / LANES vectors are used; the rest never exist in registers.
    let mut partials = [s.splat(C::NEUTRAL); PARTIALS];
    let mut i = 0;
    while i + PARTIALS / S::LANES * S::LANES <= len {
        for (u, partial) in partials.iter_mut().take(PARTIALS / S::LANES).enumerate() {
            let at = i + u * S::LANES;
            // SAFETY: `at + LANES <= len`.
            unsafe {
                let (read, updated) = arrays.load(s, at);
                let (updated, term) = f.eval(s, read, updated);
                arrays.store(s, at, updated);
                *partial = C::combine(s, term, *partial);
            }
        }
        i += PARTIALS / S::LANES * S::LANES;
    }
    for partial in partials.iter_mut().take(PARTIALS / S::LANES) {
        let rest = (len - i).min(S::LANES);
        if rest == 0 {
            break;
        }
        // SAFETY: `rest <= LANES` and `i + rest <= len`.
        unsafe {
            let (read, updated) = arrays.load_partial(s, i, rest);
            let (updated, term) = f.eval(s, read, updated);
            arrays.store_partial(s, i, rest, updated);
            let term = s.keep_first(rest, term, s.splat(C::NEUTRAL));
            *partial = C::combine(s, term, *partial);
        }
        i += rest;
    }
    combine_partials::<S, C>(s, &partials)
}

/// The partial results as one: lane `i` with lane `i + 16`, then with `i + 8`, and so on.
#[inline(always)]
fn combine_partials<S: Simd, C: Combine>(s: S, partials: &[S::F32; PARTIALS]) -> f32 {
    let mut lanes = [C::NEUTRAL; PARTIALS];
    for (u, partial) in partials.iter().take(PARTIALS / S::LANES).enumerate() {
        // SAFETY: `u < PARTIALS / LANES`, so the vector ends within `lanes`.
        unsafe { s.store(lanes.as_mut_ptr().add(u * S::LANES), *partial) };
    }
    let scalar = super::Portable::<1>;
    let mut half = PARTIALS / 2;
    while half > 0 {
        for i in 0..half {
            [lanes[i]] = C::combine(scalar, [lanes[i + half]], [lanes[i]]);
        }
        half /= 2;
    }
    lanes[0]
}

/// The arrays of one sweep, `len` elements each: `R` to read, `U` to update.
struct Arrays<'a, const R: usize, const U: usize> {
    read: [*const f32; R],
    updated: [*mut f32; U],
    len: usize,
    lifetime: PhantomData<(&'a [f32], &'a mut [f32])>,
}

impl<'a, const R: usize, const U: usize> Arrays<'a, R, U> {
    #[inline(always)]
    fn new(read: [&'a [f32]; R], updated: [&'a mut [f32]; U]) -> Self {
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
    unsafe fn load<S: Simd>(&self, s: S, at: usize) -> ([S::F32; R], [S::F32; U]) {
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
    unsafe fn store<S: Simd>(&mut self, s: S, at: usize, values: [S::F32; U]) {
        for u in 0..U {
            // SAFETY: the caller's promise.
            unsafe { s.store(self.updated[u].add(at), values[u]) };
        }
    }

    /// # Safety
    /// `count <= LANES` and `at + count <= len`.
    #[inline(always)]
    unsafe fn load_partial<S: Simd>(
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
    unsafe fn store_partial<S: Simd>(
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

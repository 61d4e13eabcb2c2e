//! Reductions over slices, beside the elementwise kernels of [`slice`](super::slice).
//!
//! They have a fixed shape: element `i` belongs to partial result `i mod 32`, and the partial
//! results are combined in a fixed tree. The result does not depend on the width of the vectors,
//! if it divides 32, as it does on every level. (Other widths, which tests use, have as many
//! partial results as whole vectors fit into 32.)

use super::slice::{Arrays, Unary};
use super::twice::Twice;
use super::{Portable, Simd};

/// Partial results of a reduction.
const PARTIALS: usize = 32;

/// Like [`Update`](super::slice::Update), with a term for each element that is summed over the slice.
pub trait UpdateSum<const R: usize, const U: usize> {
    /// The new values of the updated arrays, and the term of the sum.
    fn eval<S: Simd>(&self, s: S, read: [S::F32; R], updated: [S::F32; U])
    -> ([S::F32; U], S::F32);
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

/// In pairs of vectors, if the vectors of the partial results are an even number.
#[inline(always)]
fn reduce<S: Simd, C: Combine, F: UpdateSum<R, U>, const R: usize, const U: usize>(
    s: S,
    f: &F,
    read: [&[f32]; R],
    updated: [&mut [f32]; U],
) -> f32 {
    if (PARTIALS / S::LANES).is_multiple_of(2) {
        reduce_by::<Twice<S>, C, F, R, U>(Twice(s), f, read, updated)
    } else {
        reduce_by::<S, C, F, R, U>(s, f, read, updated)
    }
}

#[inline(always)]
fn reduce_by<S: Simd, C: Combine, F: UpdateSum<R, U>, const R: usize, const U: usize>(
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
    let scalar = Portable::<1>;
    let mut half = PARTIALS / 2;
    while half > 0 {
        for i in 0..half {
            [lanes[i]] = C::combine(scalar, [lanes[i + half]], [lanes[i]]);
        }
        half /= 2;
    }
    lanes[0]
}

//! `sum`, `max` and `update_sum`: one shape for every width, so the same bits on every level.

use super::common::{self, Check, Random};
use super::slices::{OFFSETS, Slice, lengths};
use super::{EveryWidth, at_every_width};
use densecore::simd::slice::{Unary, UpdateSum, max, sum, update_sum};
use densecore::simd::{Level, Simd};

/// The shape that is documented: element `i` belongs to partial result `i mod 32`, and these are
/// combined as a tree. A width that does not divide 32, which no processor has, uses as many
/// partial results as it fills.
fn reduce(lanes: usize, neutral: f32, terms: &[f32], combine: fn(f32, f32) -> f32) -> f32 {
    let partials = 32 / lanes * lanes;
    let mut partial = [neutral; 32];
    for (i, &term) in terms.iter().enumerate() {
        partial[i % partials] = combine(term, partial[i % partials]);
    }
    for half in [16, 8, 4, 2, 1] {
        for i in 0..half {
            partial[i] = combine(partial[i + half], partial[i]);
        }
    }
    partial[0]
}

/// `x -> 1 / x`, which is infinite in lanes that are filled up with zeros.
struct Inverse;

impl Unary for Inverse {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        s.div(s.splat(1.0), x)
    }
}

/// `v <- v + x`, with the term `v * x`.
struct Step;

impl UpdateSum<1, 1> for Step {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x]: [S::F32; 1], [v]: [S::F32; 1]) -> ([S::F32; 1], S::F32) {
        ([s.add(v, x)], s.mul(v, x))
    }
}

struct Reductions(Check);

impl EveryWidth for Reductions {
    fn check<S: Simd>(&mut self, s: S, _: bool) {
        let mut random = Random::new(70);
        let (x, v) = (random.normals(300), random.normals(300));
        let inverses: Vec<f32> = x.iter().map(|x| 1.0 / x).collect();
        let products: Vec<f32> = x.iter().zip(&v).map(|(x, v)| v * x).collect();
        let sums: Vec<f32> = x.iter().zip(&v).map(|(x, v)| v + x).collect();
        for len in lengths() {
            for offset in OFFSETS {
                let case = (s, len, offset);
                let mut src = Slice::new(&x[..len], offset, 0);
                let found = s.vectorize(|| sum(s, &Inverse, src.get()));
                let expected = reduce(S::LANES, 0.0, &inverses[..len], |term, sum| term + sum);
                self.0.same_bits(&[found], &[expected], &case);

                let found = s.vectorize(|| max(s, src.get()));
                let expected = x[..len].iter().copied().fold(f32::NEG_INFINITY, f32::max);
                self.0.same_bits(&[found], &[expected], &case);

                for trailing in [0, 40] {
                    let mut updated = Slice::new(&v[..len], 15 - offset, trailing);
                    let found = s.vectorize(|| update_sum(s, &Step, [src.get()], [updated.get()]));
                    let expected = reduce(S::LANES, 0.0, &products[..len], |term, sum| term + sum);
                    self.0.same_bits(&[found], &[expected], &case);
                    self.0.same_bits(updated.values(), &sums[..len], &case);
                    src.values();
                }
            }
        }
        // The shorter slice says how far.
        for (from, to) in [(7, 50), (50, 7), (0, 9), (9, 0), (33, 64)] {
            let mut updated = Slice::new(&v[..to], 1, 33);
            let found = s.vectorize(|| update_sum(s, &Step, [&x[..from]], [updated.get()]));
            let len = from.min(to);
            let expected = reduce(S::LANES, 0.0, &products[..len], |term, sum| term + sum);
            self.0.same_bits(&[found], &[expected], &(s, from, to));
            self.0.same_bits(&updated.values()[len..], &v[len..to], &(s, from, to));
        }
    }
}

#[test]
fn reductions_have_the_documented_shape() {
    at_every_width(&mut Reductions(Check::new("reductions_have_the_documented_shape")));
}

struct Sum<'a>(&'a [f32]);

impl common::Job for Sum<'_> {
    type Out = f32;
    fn run<S: Simd>(self, s: S) -> f32 {
        sum(s, &Inverse, self.0)
    }
}

#[test]
fn every_level_sums_to_the_same_bits() {
    let mut check = Check::new("every_level_sums_to_the_same_bits");
    let x = Random::new(71).normals(10_000);
    for len in lengths().chain([4096, 9999, 10_000]) {
        let expected = common::at_level(Level::Portable, Sum(&x[..len]));
        for level in common::levels() {
            let found = common::at_level(level, Sum(&x[..len]));
            check.same_bits(&[found], &[expected], &(level, len));
        }
    }
}

struct Maxima(Check);

impl EveryWidth for Maxima {
    fn check<S: Simd>(&mut self, s: S, _: bool) {
        let find = |x: &[f32]| s.vectorize(|| max(s, x));
        self.0.same_bits(&[find(&[])], &[f32::NEG_INFINITY], &s);
        for len in 1..=100 {
            // The largest at each place, all others NaN, or smaller.
            for at in 0..len {
                let mut x = vec![f32::NAN; len];
                x[at] = -3.0;
                self.0.same_bits(&[find(&x)], &[-3.0], &(s, len, at));
                let mut x = vec![-5.0; len];
                x[at] = -4.0;
                self.0.same_bits(&[find(&x)], &[-4.0], &(s, len, at));
                x[at] = f32::NAN;
                let expected = if len == 1 { f32::NEG_INFINITY } else { -5.0 };
                self.0.same_bits(&[find(&x)], &[expected], &(s, len, at));
            }
            let all = [f32::NAN, f32::NEG_INFINITY].map(|x| find(&vec![x; len]));
            self.0.same_bits(&all, &[f32::NEG_INFINITY; 2], &(s, len));
            self.0.same_bits(&[find(&vec![f32::INFINITY; len])], &[f32::INFINITY], &(s, len));
        }
    }
}

#[test]
fn max_passes_over_nan() {
    at_every_width(&mut Maxima(Check::new("max_passes_over_nan")));
}

#[test]
fn a_sum_with_nan_is_nan() {
    let mut check = Check::new("a_sum_with_nan_is_nan");
    for level in common::levels() {
        for len in 1..=100 {
            for at in 0..len {
                let mut x = vec![1.0; len];
                x[at] = f32::NAN;
                assert!(common::at_level(level, Sum(&x)).is_nan(), "{level} {len} {at}");
                check.count(1);
            }
        }
    }
}

//! `map` and `update`: the same bits for an element wherever in a slice it stands, at every
//! length and offset, and nothing written beside the slice.

use super::common::{Check, GUARD, Random, reference};
use super::{EveryWidth, at_every_width};
use densecore::simd::Simd;
use densecore::simd::slice::{Unary, Update, map, update};

/// Every length up to three of the largest unrolled steps, and some beyond.
pub fn lengths() -> impl Iterator<Item = usize> {
    (0..=100).chain([127, 128, 129, 191, 192, 193, 300])
}

/// Offsets of a slice in its memory.
pub const OFFSETS: [usize; 5] = [0, 1, 3, 8, 15];

/// Memory with guards before and behind, if asked for; otherwise it ends with the slice.
pub struct Slice {
    pub memory: Vec<f32>,
    pub offset: usize,
    pub len: usize,
}

impl Slice {
    pub fn new(values: &[f32], offset: usize, trailing: usize) -> Self {
        let mut memory = vec![GUARD; offset];
        memory.extend(values);
        memory.resize(offset + values.len() + trailing, GUARD);
        // Exactly as large as it is long.
        Self { memory: memory.into_boxed_slice().into_vec(), offset, len: values.len() }
    }

    pub fn get(&mut self) -> &mut [f32] {
        &mut self.memory[self.offset..][..self.len]
    }

    /// The values; fails if a guard is gone.
    #[track_caller]
    pub fn values(&self) -> &[f32] {
        let (before, rest) = self.memory.split_at(self.offset);
        let (values, behind) = rest.split_at(self.len);
        let guards = before.iter().chain(behind);
        assert!(guards.into_iter().all(|x| x.to_bits() == GUARD.to_bits()), "written beside");
        values
    }
}

/// `x -> x * x + (1 - x)`, whose fused form differs.
struct Curve;

impl Unary for Curve {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        s.mul_add(x, x, s.sub(s.splat(1.0), x))
    }
}

fn fma(is_fused: bool, a: f32, b: f32, c: f32) -> f32 {
    if is_fused { reference::fused(a, b, c) } else { a * b + c }
}

struct Maps(Check);

impl EveryWidth for Maps {
    fn check<S: Simd>(&mut self, s: S, is_fused: bool) {
        let x = Random::new(60).normals(300);
        let expected: Vec<f32> = x.iter().map(|&x| fma(is_fused, x, x, 1.0 - x)).collect();
        for len in lengths() {
            for offset in OFFSETS {
                for trailing in [0, 40] {
                    let mut src = Slice::new(&x[..len], offset, 0);
                    let mut dst = Slice::new(&vec![f32::NAN; len], 15 - offset, trailing);
                    s.vectorize(|| map(s, &Curve, src.get(), dst.get()));
                    let case = (s, len, offset, trailing);
                    self.0.same_bits(dst.values(), &expected[..len], &case);
                    self.0.same_bits(src.values(), &x[..len], &case);
                    self.0.count(1);
                }
            }
        }
        // The shorter slice says how far.
        for (from, to) in [(7, 50), (50, 7), (0, 9), (9, 0), (64, 65)] {
            let mut dst = Slice::new(&vec![-1.0; to], 1, 33);
            s.vectorize(|| map(s, &Curve, &x[..from], dst.get()));
            let len = from.min(to);
            self.0.same_bits(&dst.values()[..len], &expected[..len], &(s, from, to));
            assert!(dst.values()[len..].iter().all(|&x| x == -1.0));
        }
    }
}

#[test]
fn map_gives_an_element_the_same_bits_wherever_it_stands() {
    at_every_width(&mut Maps(Check::new("map_gives_an_element_the_same_bits_wherever_it_stands")));
}

/// `(v, w) <- (v * x + y, w - v)`, as an optimizer with momentum.
struct Momentum;

impl Update<2, 2> for Momentum {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x, y]: [S::F32; 2], [v, w]: [S::F32; 2]) -> [S::F32; 2] {
        [s.mul_add(v, x, y), s.sub(w, v)]
    }
}

/// `v <- 1 - v`, reading nothing beside.
struct OneMinus;

impl Update<0, 1> for OneMinus {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, _: [S::F32; 0], [v]: [S::F32; 1]) -> [S::F32; 1] {
        [s.sub(s.splat(1.0), v)]
    }
}

/// Nothing, to nothing.
struct Nothing;

impl Update<0, 0> for Nothing {
    #[inline(always)]
    fn eval<S: Simd>(&self, _: S, _: [S::F32; 0], _: [S::F32; 0]) -> [S::F32; 0] {
        panic!("called without a slice");
    }
}

struct Updates(Check);

impl EveryWidth for Updates {
    fn check<S: Simd>(&mut self, s: S, is_fused: bool) {
        let mut random = Random::new(61);
        let [x, y, v, w] = [(); 4].map(|()| random.normals(300));
        let new_v: Vec<f32> = (0..300).map(|i| fma(is_fused, v[i], x[i], y[i])).collect();
        let new_w: Vec<f32> = (0..300).map(|i| w[i] - v[i]).collect();
        let inverted: Vec<f32> = v.iter().map(|v| 1.0 - v).collect();
        for len in lengths() {
            for offset in OFFSETS {
                for trailing in [0, 40] {
                    let case = (s, len, offset, trailing);
                    let mut read =
                        [Slice::new(&x[..len], offset, 0), Slice::new(&y[..len], 15 - offset, 0)];
                    let mut updated = [
                        Slice::new(&v[..len], 2, trailing),
                        Slice::new(&w[..len], offset + 1, trailing),
                    ];
                    s.vectorize(|| {
                        let read = read.each_mut().map(|slice| &*slice.get());
                        update(s, &Momentum, read, updated.each_mut().map(Slice::get));
                    });
                    self.0.same_bits(updated[0].values(), &new_v[..len], &case);
                    self.0.same_bits(updated[1].values(), &new_w[..len], &case);
                    let mut alone = Slice::new(&v[..len], offset, trailing);
                    s.vectorize(|| update(s, &OneMinus, [], [alone.get()]));
                    self.0.same_bits(alone.values(), &inverted[..len], &case);
                    self.0.count(1);
                }
            }
        }
        s.vectorize(|| update(s, &Nothing, [], []));
        // The shortest slice says how far.
        for lens in [[9, 50, 50, 50], [50, 9, 50, 50], [50, 50, 9, 50], [50, 50, 50, 9]] {
            let (mut a, mut b) = (v[..lens[2]].to_vec(), w[..lens[3]].to_vec());
            s.vectorize(|| update(s, &Momentum, [&x[..lens[0]], &y[..lens[1]]], [&mut a, &mut b]));
            self.0.same_bits(&a[..9], &new_v[..9], &(s, lens));
            self.0.same_bits(&b[..9], &new_w[..9], &(s, lens));
            self.0.same_bits(&a[9..], &v[9..lens[2]], &(s, lens));
            self.0.same_bits(&b[9..], &w[9..lens[3]], &(s, lens));
        }
    }
}

#[test]
fn update_gives_an_element_the_same_bits_wherever_it_stands() {
    let law = "update_gives_an_element_the_same_bits_wherever_it_stands";
    at_every_width(&mut Updates(Check::new(law)));
}

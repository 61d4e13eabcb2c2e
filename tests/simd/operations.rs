//! Each operation of the trait `Simd` beside scalar code.

use super::common::{Check, Random, reference};
use super::{EveryWidth, at_every_width};
use densecore::simd::Simd;

/// Numbers at which operations differ if they differ anywhere.
const SPECIAL: [f32; 28] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    -2.5,
    3.0,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    f32::from_bits(1),
    -f32::from_bits(1),
    f32::from_bits(0x007f_ffff),
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    f32::from_bits(0xffc0_1234),
    f32::EPSILON,
    1.0 + f32::EPSILON,
    1.0 - f32::EPSILON,
    16_777_216.0,
    -16_777_217.0,
    1e-20,
    -1e20,
    0.1,
    core::f32::consts::PI,
];

/// All combinations of three special numbers, then random numbers and random bits, in columns.
fn triples() -> [Vec<f32>; 3] {
    let mut columns = [vec![], vec![], vec![]];
    let mut push = |triple: [f32; 3]| {
        columns.iter_mut().zip(triple).for_each(|(column, x)| column.push(x));
    };
    for a in SPECIAL {
        for b in SPECIAL {
            SPECIAL.iter().for_each(|&c| push([a, b, c]));
        }
    }
    let mut random = Random::new(50);
    for _ in 0..5000 {
        push([(); 3].map(|()| random.normal()));
        push([(); 3].map(|()| quiet(random.bits() as u32)));
    }
    columns
}

/// The number of those bits, with a NaN made quiet.
fn quiet(bits: u32) -> f32 {
    let x = f32::from_bits(bits);
    if x.is_nan() { f32::from_bits(bits | 0x0040_0000) } else { x }
}

/// The data, cut into vectors.
struct Lanes<'a> {
    columns: &'a [Vec<f32>; 3],
}

impl Lanes<'_> {
    /// `f` of the vectors of all columns, one after the other.
    fn map<S: Simd>(&self, s: S, f: impl Fn([S::F32; 3]) -> S::F32) -> Vec<f32> {
        let len = self.len(S::LANES);
        let mut out = vec![f32::NAN; len];
        for at in (0..len).step_by(S::LANES) {
            // SAFETY: `len` is a multiple of LANES, and no column or output is shorter.
            unsafe {
                let vectors = [0, 1, 2].map(|i| s.load(self.columns[i].as_ptr().add(at)));
                s.store(out.as_mut_ptr().add(at), f(vectors));
            }
        }
        out
    }

    /// The same in scalar code.
    fn scalar(&self, lanes: usize, f: impl Fn([f32; 3]) -> f32) -> Vec<f32> {
        let [a, b, c] = self.columns;
        (0..self.len(lanes)).map(|i| f([a[i], b[i], c[i]])).collect()
    }

    fn len(&self, lanes: usize) -> usize {
        self.columns[0].len() / lanes * lanes
    }
}

/// Compares an operation of the token with scalar code, by the method of `Check` that is named.
macro_rules! compare {
    ($self:ident, $s:ident, $how:ident, $name:literal, $vector:expr, $scalar:expr) => {{
        let lanes = Lanes { columns: &$self.columns };
        let (found, expected) = (lanes.map($s, $vector), lanes.scalar(S::LANES, $scalar));
        $self.check.$how(&found, &expected, &($name, $s));
    }};
}

struct Operations {
    check: Check,
    columns: [Vec<f32>; 3],
}

fn ones(x: bool) -> f32 {
    f32::from(x)
}

impl EveryWidth for Operations {
    fn check<S: Simd>(&mut self, s: S, is_fused: bool) {
        let mask = |mask: S::Mask| s.select(mask, s.splat(1.0), s.splat(0.0));
        compare!(self, s, same_or_both_nan, "add", |[a, b, _]| s.add(a, b), |[a, b, _]| a + b);
        compare!(self, s, same_or_both_nan, "sub", |[a, b, _]| s.sub(a, b), |[a, b, _]| a - b);
        compare!(self, s, same_or_both_nan, "mul", |[a, b, _]| s.mul(a, b), |[a, b, _]| a * b);
        compare!(self, s, same_or_both_nan, "div", |[a, b, _]| s.div(a, b), |[a, b, _]| a / b);
        compare!(self, s, same_or_both_nan, "sqrt", |[a, ..]| s.sqrt(a), |[a, ..]| a.sqrt());
        compare!(self, s, same_or_both_nan, "neg", |[a, ..]| s.neg(a), |[a, ..]| -a);
        let fma = |a, b, c| if is_fused { reference::fused(a, b, c) } else { a * b + c };
        compare!(self, s, same_or_both_nan, "mul_add", |[a, b, c]| s.mul_add(a, b, c), |[
            a,
            b,
            c,
        ]| {
            fma(a, b, c)
        });
        compare!(
            self,
            s,
            same_or_both_nan,
            "neg_mul_add",
            |[a, b, c]| s.neg_mul_add(a, b, c),
            |[a, b, c]| fma(-a, b, c)
        );
        // Where either is NaN, the second operand as it is; likewise for two zeros.
        let (max, min) = (|a, b| if a > b { a } else { b }, |a: f32, b| if a < b { a } else { b });
        compare!(self, s, same_bits, "max", |[a, b, _]| s.max(a, b), |[a, b, _]| max(a, b));
        compare!(self, s, same_bits, "min", |[a, b, _]| s.min(a, b), |[a, b, _]| min(a, b));

        compare!(self, s, same_bits, "lt", |[a, b, _]| mask(s.lt(a, b)), |[a, b, _]| ones(a < b));
        compare!(self, s, same_bits, "le", |[a, b, _]| mask(s.le(a, b)), |[a, b, _]| ones(a <= b));
        compare!(self, s, same_bits, "gt", |[a, b, _]| mask(s.gt(a, b)), |[a, b, _]| ones(a > b));
        let signed = |x: f32| x.to_bits().cast_signed();
        compare!(
            self,
            s,
            same_bits,
            "lt_i32",
            |[a, b, _]| mask(s.lt_i32(s.to_bits(a), s.to_bits(b))),
            |[a, b, _]| ones(signed(a) < signed(b))
        );
        compare!(self, s, same_bits, "is_nan", |[a, ..]| mask(s.is_nan(a)), |[a, ..]| ones(
            a.is_nan()
        ));
        compare!(self, s, same_bits, "select", |[a, b, c]| s.select(s.lt(a, b), b, c), |[
            a,
            b,
            c,
        ]| {
            if a < b { b } else { c }
        });
        compare!(
            self,
            s,
            same_bits,
            "zero_where",
            |[a, b, c]| s.zero_where(s.lt(a, b), c),
            |[a, b, c]| if a < b { 0.0 } else { c }
        );
        compare!(
            self,
            s,
            same_bits,
            "zero_unless",
            |[a, b, c]| s.zero_unless(s.lt(a, b), c),
            |[a, b, c]| if a < b { c } else { 0.0 }
        );

        self.exponents(s);
        compare!(self, s, same_bits, "abs", |[a, ..]| s.abs(a), |[a, ..]| a.abs());
        compare!(self, s, same_bits, "copysign", |[a, b, _]| s.copysign(a, b), |[a, b, _]| a
            .copysign(b));
        compare!(self, s, same_bits, "bits", |[a, ..]| s.from_bits(s.to_bits(a)), |[a, ..]| a);
        compare!(self, s, same_bits, "from_i32", |[a, ..]| s.from_i32(s.to_bits(a)), |[a, ..]| a
            .to_bits()
            .cast_signed()
            as f32);
        let int = |f: fn(i32, i32) -> i32| {
            move |[a, b, _]: [f32; 3]| {
                let bits = f(a.to_bits().cast_signed(), b.to_bits().cast_signed());
                f32::from_bits(bits.cast_unsigned())
            }
        };
        let ints = |f: fn(S, S::I32, S::I32) -> S::I32| {
            move |[a, b, _]: [S::F32; 3]| s.from_bits(f(s, s.to_bits(a), s.to_bits(b)))
        };
        compare!(self, s, same_bits, "add_i32", ints(S::add_i32), int(i32::wrapping_add));
        compare!(self, s, same_bits, "sub_i32", ints(S::sub_i32), int(i32::wrapping_sub));
        compare!(self, s, same_bits, "and_i32", ints(S::and_i32), int(|a, b| a & b));
        compare!(self, s, same_bits, "or_i32", ints(S::or_i32), int(|a, b| a | b));
        self.shift::<S, 0>(s);
        self.shift::<S, 1>(s);
        self.shift::<S, 8>(s);
        self.shift::<S, 23>(s);
        self.shift::<S, 31>(s);

        for x in SPECIAL {
            compare!(self, s, same_bits, "splat", |_| s.splat(x), |_| x);
            let bits = x.to_bits().cast_signed();
            compare!(self, s, same_bits, "splat_i32", |_| s.from_bits(s.splat_i32(bits)), |_| x);
        }
    }
}

/// `e` and `m` of `x = 2^e m` with m from 1 to 2.
fn split(x: f32) -> (f32, f32) {
    let (mut e, mut m) = (0.0, f64::from(x));
    while m < 1.0 {
        (e, m) = (e - 1.0, m * 2.0);
    }
    while m >= 2.0 {
        (e, m) = (e + 1.0, m / 2.0);
    }
    (e, m as f32)
}

/// A positive finite number, of any.
fn positive(x: f32) -> f32 {
    if 0.0 < x.abs() && x.abs() < f32::INFINITY { x.abs() } else { 1.0 }
}

impl Operations {
    fn exponents<S: Simd>(&mut self, s: S) {
        let positives = |x: S::F32| {
            let (x, one) = (s.abs(x), s.splat(1.0));
            let finite = s.select(s.lt(x, s.splat(f32::INFINITY)), x, one);
            s.select(s.lt(s.splat(0.0), finite), finite, one)
        };
        compare!(
            self,
            s,
            same_bits,
            "split, exponent",
            |[a, ..]| s.split(positives(a)).0,
            |[a, ..]| split(positive(a)).0
        );
        compare!(
            self,
            s,
            same_bits,
            "split, mantissa",
            |[a, ..]| s.split(positives(a)).1,
            |[a, ..]| split(positive(a)).1
        );
        const TABLE: [f32; 8] = [0.5, -1.0, f32::INFINITY, 3.0, -0.0, 1e-40, 7.0, 8.0];
        compare!(
            self,
            s,
            same_bits,
            "look_up",
            |[a, ..]| s.look_up(&TABLE, s.to_bits(a)),
            |[a, ..]| TABLE[a.to_bits() as usize % 8]
        );
        // Factors of 32 to 64 parts of 64, by the lowest bits.
        compare!(
            self,
            s,
            same_bits,
            "mul_minus_one",
            |[a, b, _]| {
                let parts = s.and_i32(s.to_bits(b), s.splat_i32(31));
                let parts = s.add_i32(parts, s.splat_i32(33));
                let factor = s.mul(s.from_i32(parts), s.splat(1.0 / 64.0));
                s.mul_minus_one(s.split(positives(a)).1, factor)
            },
            |[a, b, _]| {
                let parts = 33 + (b.to_bits() & 31);
                (f64::from(split(positive(a)).1) * f64::from(parts) / 64.0 - 1.0) as f32
            }
        );
        // As a logarithm to the base 2, which it is of powers of 2 only.
        compare!(
            self,
            s,
            same_or_both_nan,
            "log_of_split",
            |[a, ..]| {
                let (e, m) = s.split(a);
                s.log_of_split(a, s.add(e, s.sub(m, s.splat(1.0))))
            },
            |[a, ..]| {
                let (e, m) = split(positive(a));
                match a {
                    _ if a > 0.0 && a < f32::INFINITY => e + (m - 1.0),
                    _ if a == 0.0 => f32::NEG_INFINITY,
                    _ if a == f32::INFINITY => a,
                    _ => f32::NAN,
                }
            }
        );
        compare!(self, s, same_bits, "log_at_ends", |[a, b, _]| s.log_at_ends(a, b), |[
            a,
            b,
            _,
        ]| {
            match a {
                _ if a > 0.0 && a < f32::INFINITY => b,
                _ if a == 0.0 => f32::NEG_INFINITY,
                _ if a < 0.0 => -f32::NAN,
                _ => a,
            }
        });
        // The smallest powers with subnormal products, and the largest, which overflow.
        for lowest in [-150, -127] {
            compare!(
                self,
                s,
                same_or_both_nan,
                "scale",
                |[a, b, _]| {
                    let t = s.copysign(s.min(s.splat(0.4), s.abs(a)), a);
                    let bits = s.to_bits(b);
                    let low = s.and_i32(bits, s.splat_i32(255));
                    let n = s.add_i32(low, s.splat_i32(lowest));
                    let more = s.and_i32(bits, s.splat_i32(-1024));
                    let biased = s.add_i32(s.add_i32(n, s.splat_i32(254)), more);
                    s.scale(t, s.from_i32(n), biased)
                },
                |[a, b, _]| {
                    let t = if a.is_nan() { a } else { a.abs().min(0.4).copysign(a) };
                    let n = (b.to_bits() & 255).cast_signed() + lowest;
                    // Exact but for the last conversion, which rounds once.
                    (f64::from(1.0 + t) * f64::from(n).exp2()) as f32
                }
            );
        }
    }

    fn shift<S: Simd, const BITS: u32>(&mut self, s: S) {
        compare!(
            self,
            s,
            same_bits,
            "shl",
            |[a, ..]| s.from_bits(s.shl::<BITS>(s.to_bits(a))),
            |[a, ..]| f32::from_bits(a.to_bits() << BITS)
        );
        compare!(
            self,
            s,
            same_bits,
            "shr",
            |[a, ..]| s.from_bits(s.shr::<BITS>(s.to_bits(a))),
            |[a, ..]| f32::from_bits((a.to_bits().cast_signed() >> BITS).cast_unsigned())
        );
    }
}

#[test]
fn every_operation_is_its_scalar_in_every_lane() {
    let check = Check::new("every_operation_is_its_scalar_in_every_lane");
    at_every_width(&mut Operations { check, columns: triples() });
}

#[test]
fn vectorize_returns_what_its_closure_returns() {
    struct Returns(usize);
    impl EveryWidth for Returns {
        fn check<S: Simd>(&mut self, s: S, _: bool) {
            self.0 += s.vectorize(|| S::LANES);
        }
    }
    let mut returns = Returns(0);
    at_every_width(&mut returns);
    let levels: usize = super::common::levels().iter().map(|level| level.lanes()).sum();
    assert_eq!(returns.0, 1 + 3 + 4 + 5 + 32 + levels);
}

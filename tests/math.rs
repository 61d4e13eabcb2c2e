//! The elementary functions against `f64`, on every level.
//!
//! The sweep takes every 199th bit pattern, and every one with `DENSECORE_EXHAUSTIVE=1`:
//! `DENSECORE_EXHAUSTIVE=1 cargo test --test math sweep -- --nocapture --test-threads=1` prints the
//! errors that the constants in `src/math` quote.

#[path = "math/functions.rs"]
mod functions;
#[path = "math/sweep.rs"]
mod sweep;
#[path = "common/ulp.rs"]
mod ulp;

use core::f32::consts::FRAC_PI_2;

use densecore::math::{self, SOFTPLUS_BETA_MAX_ULP};
use densecore::simd::Level;
use densecore::{Cpu, Error};
use functions::*;
use sweep::{same, sweep};
use ulp::ulp_error;

/// The list of functions. Each is swept, and is in the tests of all.
macro_rules! functions {
    ($($test:ident: $function:ident,)*) => {
        const ALL: &[Function] = &[$($function),*];
        $(
            #[test]
            fn $test() {
                sweep(&$function);
            }
        )*
    };
}

functions! {
    sweep_exp: EXP,
    sweep_exp_nonpositive: EXP_NONPOSITIVE,
    sweep_expm1: EXPM1,
    sweep_expm1_nonpositive: EXPM1_NONPOSITIVE,
    sweep_log: LOG,
    sweep_log1p: LOG1P,
    sweep_tanh: TANH,
    sweep_atan: ATAN,
    sweep_erf: ERF,
    sweep_sigmoid: SIGMOID,
    sweep_log_sigmoid: LOG_SIGMOID,
    sweep_softplus: SOFTPLUS,
    sweep_softplus_derivative: SOFTPLUS_DERIVATIVE,
    sweep_silu: SILU,
    sweep_silu_derivative: SILU_DERIVATIVE,
    sweep_mish: MISH,
    sweep_mish_derivative: MISH_DERIVATIVE,
    sweep_gelu: GELU,
    sweep_gelu_derivative: GELU_DERIVATIVE,
    sweep_gelu_tanh: GELU_TANH,
    sweep_gelu_tanh_derivative: GELU_TANH_DERIVATIVE,
}

#[test]
fn special_values() {
    const MAX: f32 = f32::MAX;
    const INF: f32 = f32::INFINITY;
    const NAN: f32 = f32::NAN;
    const TINY: f32 = f32::from_bits(1);
    // The inputs on either side of an edge are neighbours.
    let exp = [(INF, INF), (MAX, INF), (88.722_84, INF), (88.722_83, 3.402_798_5e38)];
    let exp_down = [(-103.972_08, TINY), (-103.972_09, 0.0), (-MAX, 0.0), (-INF, 0.0)];
    let exp_at_0 = [(-0.0, 1.0), (0.0, 1.0), (-TINY, 1.0)];
    let flushed = [(-88.0, 0.0), (-MAX, 0.0), (-INF, 0.0)];
    let log = [(0.0, -INF), (-0.0, -INF), (-TINY, NAN), (-1.0, NAN), (-MAX, NAN), (-INF, NAN)];
    let log_up = [(TINY, -103.278_93), (f32::MIN_POSITIVE, -87.336_55), (1.0, 0.0)];
    let log_end = [(MAX, 88.722_84), (INF, INF)];
    let tanh = [(0.0, 0.0), (TINY, TINY), (1e-30, 1e-30), (9.1, 1.0), (MAX, 1.0), (INF, 1.0)];
    let sigmoid = [(-INF, 0.0), (-MAX, 0.0), (-88.4, 0.0), (-TINY, 0.5), (-0.0, 0.5), (0.0, 0.5)];
    let sigmoid_up = [(TINY, 0.5), (17.4, 1.0), (MAX, 1.0), (INF, 1.0)];
    check_values(&EXP, &[&exp[..], &exp_down, &exp_at_0].concat());
    check_values(&EXP_NONPOSITIVE, &[&flushed[..], &exp_at_0[..1]].concat());
    check_values(&LOG, &[&log[..], &log_up, &log_end].concat());
    check_values(&TANH, &[tanh, tanh.map(|(x, y)| (-x, -y))].concat());
    check_values(&SIGMOID, &[&sigmoid[..], &sigmoid_up].concat());
    let expm1 =
        [(-INF, -1.0), (-MAX, -1.0), (-18.0, -1.0), (88.722_84, INF), (MAX, INF), (INF, INF)];
    let log1p = [(-INF, NAN), (-MAX, NAN), (-1.000_000_1, NAN), (-1.0, -INF)];
    let itself = [(-0.0, -0.0), (0.0, 0.0), (TINY, TINY), (-TINY, -TINY), (1e-30, 1e-30)];
    let atan = [(0.0, 0.0), (TINY, TINY), (1e-30, 1e-30), (MAX, FRAC_PI_2), (INF, FRAC_PI_2)];
    let erf = [(0.0, 0.0), (3.93, 1.0), (MAX, 1.0), (INF, 1.0)];
    let log_sigmoid = [(-INF, -INF), (-MAX, -MAX), (88.0, 0.0), (MAX, 0.0), (INF, 0.0)];
    check_values(&EXPM1, &[&expm1[..], &itself].concat());
    check_values(&LOG1P, &[&log1p[..], &log_end, &itself].concat());
    check_values(&ATAN, &[atan, atan.map(|(x, y)| (-x, -y))].concat());
    check_values(&ERF, &[erf, erf.map(|(x, y)| (-x, -y))].concat());
    check_values(&LOG_SIGMOID, &log_sigmoid);
    check_values(&SOFTPLUS, &log_sigmoid.map(|(x, y)| (-x, if y == 0.0 { 0.0 } else { -y })));
    for f in [SILU, MISH, GELU, GELU_TANH] {
        let below = [(-INF, -0.0), (-MAX, -0.0), (-89.0, -0.0), (-0.0, -0.0)];
        let above = [(0.0, 0.0), (21.0, 21.0), (90.0, 90.0), (MAX, MAX), (INF, INF)];
        check_values(&f, &[&below[..], &above].concat());
    }
    // From above comes softplus, and GELU is a sum; the others are products.
    let derivatives = [
        (SOFTPLUS_DERIVATIVE, 0.5, 0.0),
        (SILU_DERIVATIVE, 0.5, -0.0),
        (MISH_DERIVATIVE, 0.6, -0.0),
        (GELU_DERIVATIVE, 0.5, 0.0),
        (GELU_TANH_DERIVATIVE, 0.5, -0.0),
    ];
    for (f, at_0, zero) in derivatives {
        let below = [(-INF, zero), (-MAX, zero), (-90.0, zero), (-TINY, at_0), (-0.0, at_0)];
        let above = [(0.0, at_0), (TINY, at_0), (90.0, 1.0), (MAX, 1.0), (INF, 1.0)];
        check_values(&f, &[&below[..], &above].concat());
    }
    for f in ALL {
        check_values(f, &[(NAN, NAN), (-NAN, NAN), (f32::from_bits(0x7f80_0001), NAN)]);
    }
}

fn check_values(f: &Function, values: &[(f32, f32)]) {
    for level in Level::available() {
        for &(x, want) in values {
            let got = f.run(level, &[x])[0];
            assert!(same(got, want), "{} {level}: {x:e} gives {got:e}, not {want:e}", f.name);
        }
    }
}

#[test]
fn ranges_and_symmetry() {
    let x: Vec<f32> = (0..1 << 21).map(|i| f32::from_bits(i * 1021)).collect();
    let minus_x: Vec<f32> = x.iter().map(|x| -x).collect();
    for level in Level::available() {
        for (f, most) in [(TANH, 1.0), (ERF, 1.0), (ATAN, FRAC_PI_2)] {
            let (plus, minus) = (f.run(level, &x), f.run(level, &minus_x));
            for i in (0..x.len()).filter(|&i| !x[i].is_nan()) {
                assert!((0.0..=most).contains(&plus[i]), "{} {level}: {:e}", f.name, x[i]);
                let signs = plus[i].to_bits() ^ minus[i].to_bits();
                assert!(signs == 1 << 31, "{} {level}: {:e}", f.name, x[i]);
            }
        }
        for y in [SIGMOID.run(level, &x), SIGMOID.run(level, &minus_x)].concat() {
            assert!((0.0..=1.0).contains(&y) || y.is_nan(), "sigmoid {level}: {y:e}");
        }
        for y in EXP_NONPOSITIVE.run(level, &minus_x) {
            assert!((0.0..=1.0).contains(&y) || y.is_nan(), "exp_nonpositive {level}: {y:e}");
        }
        // Their minima are -0.278, -0.309, -0.170 and -0.170.
        for (f, least) in [(SILU, -0.279), (MISH, -0.31), (GELU, -0.171), (GELU_TANH, -0.171)] {
            for y in f.run(level, &minus_x) {
                assert!((least..=-0.0).contains(&y) || y.is_nan(), "{} {level}: {y:e}", f.name);
            }
        }
    }
}

/// The product is rounded; from there on the error is small.
#[test]
fn softplus_with_a_beta() {
    let x: Vec<f32> = (0..=u32::MAX / 199).map(|i| f32::from_bits(i * 199)).collect();
    for level in Level::available() {
        let mut worst: f64 = 0.0;
        for beta in [0.01, 0.5, 1.0, 3.0, 100.0] {
            let mut y = vec![f32::NAN; x.len()];
            let cpu = Cpu::serial().with_level(level);
            math::softplus_beta_slice(cpu, beta, &x, &mut y).unwrap();
            for i in 0..x.len() {
                let small = SOFTPLUS.exact(-f64::from((beta * x[i]).abs()));
                let want = f64::from(x[i]).max(0.0) + small / f64::from(beta);
                let want = if x[i].is_nan() { f64::NAN } else { want };
                // What becomes 0 is smaller than a normal number before the division.
                let is_flushed = small < f64::from(f32::MIN_POSITIVE) && x[i] < 0.0;
                let error = if is_flushed { 0.0 } else { ulp_error(y[i], want) };
                assert!(error <= SOFTPLUS_BETA_MAX_ULP, "{level} {beta}: {error} at {:e}", x[i]);
                worst = worst.max(error);
            }
        }
        println!("softplus_beta {level}: {worst:.4} ULP");
        assert!(worst > 0.5, "nothing was compared");
    }
}

#[test]
fn a_beta_without_a_meaning_is_an_error() {
    for beta in [0.0, -0.0, -1.0, f32::INFINITY, f32::NAN, 1e-40] {
        let mut y = [7.0; 2];
        let error = math::softplus_beta_slice(Cpu::detect(), beta, &[1.0; 2], &mut y);
        assert!(matches!(error, Err(Error::Value { argument: "beta", .. })), "{beta}: {error:?}");
        assert_eq!(y, [7.0; 2]);
    }
}

/// An element's result is that which it has alone, wherever it stands; nothing else is written.
#[test]
fn body_and_tail_give_the_same_bits() {
    const GUARD: f32 = 12345.0;
    for (f, level) in ALL.iter().flat_map(|f| Level::available().map(move |level| (f, level))) {
        let cpu = Cpu::serial().with_level(level);
        for len in 0..=2 * level.lanes() * 4 + 9 {
            let middle = if f.up_to > 0.0 { 50.0 } else { 100.0 };
            let x: Vec<f32> = (0..len).map(|i| ((i * 37 % 101) as f32 - middle) * 0.21).collect();
            let alone: Vec<f32> = x.iter().map(|&x| f.run(level, &[x])[0]).collect();
            for offset in 0..level.lanes() {
                let src = [&vec![GUARD; offset][..], &x].concat();
                let mut dst = vec![GUARD; offset + len + 3];
                (f.slice)(cpu, &src[offset..], &mut dst[offset..offset + len]).unwrap();
                let (before, rest) = dst.split_at(offset);
                assert!((0..len).all(|i| same(rest[i], alone[i])), "{} {level} {len}", f.name);
                let mut guards = before.iter().chain(&rest[len..]);
                assert!(guards.all(|&x| x == GUARD), "{} {level} {len}: guard", f.name);
            }
        }
    }
}

#[test]
fn slices_divided_among_threads_give_the_same_bits() {
    // Taken for 75 us of work, which is divided inside a pool.
    let x: Vec<f32> = (0..300_001).map(|i| (i % 1009) as f32 * -0.01).collect();
    for (f, level) in ALL.iter().flat_map(|f| Level::available().map(move |level| (f, level))) {
        let serial = f.run(level, &x);
        for threads in [2, 3, 5] {
            let mut y = vec![7.0; x.len()];
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (f.slice)(Cpu::detect().with_level(level), &x, &mut y)).unwrap();
            assert!((0..x.len()).all(|i| same(y[i], serial[i])), "{} {level} {threads}", f.name);
        }
    }
}

#[test]
fn lengths_must_agree() {
    for f in ALL {
        let mut dst = [7.0; 2];
        let error = (f.slice)(Cpu::detect(), &[0.0; 3], &mut dst);
        assert_eq!(error, Err(Error::Length { argument: "dst", expected: 3, found: 2 }));
        assert_eq!(dst, [7.0; 2]);
    }
}

#[test]
fn logarithms_of_signalling_nans_have_the_same_bits_at_every_level() {
    let x = [0x7f80_0001, 0xff80_0001, 0x7fa1_2345, 0x7fc0_0001, 0xffff_ffff].map(f32::from_bits);
    for level in Level::available() {
        let mut y = [0.0; 5];
        math::log_slice(Cpu::serial().with_level(level), &x, &mut y).expect("lengths agree");
        let quiet = x.map(|x| x.to_bits() | 0x0040_0000);
        assert_eq!(y.map(f32::to_bits), quiet, "{level}");
    }
}

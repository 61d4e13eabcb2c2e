//! What holds of every activation in the list: names, special values, the same bits wherever an
//! element stands, and the f64 form that tests and gradient checks use.

mod support;

use densecore::activation::{
    Celu, Elu, Hardshrink, Hardtanh, LeakyRelu, Reads, Softplus, Softshrink, log_softmax, prelu,
    softmax,
};
use densecore::gemm::Accum;
use densecore::simd::Level;
use densecore::{Activation, Cpu, Error, Network, Result, Tensor};
use support::bounded::U;
use support::{bits, cpus, fma_levels};

/// f and f' of one number, at every place of a slice that has whole vectors and a tail.
fn everywhere(f: Activation, cpu: Cpu, x: f32) -> Result<(f32, f32)> {
    const LEN: usize = 77;
    let (mut y, mut slope, mut in_place) = ([7.0; LEN], [1.0; LEN], [x; LEN]);
    f.forward(cpu, &[x; LEN], &mut y)?;
    f.forward_in_place(cpu, &mut in_place);
    let saved = if f.reads() == Reads::Input { [x; LEN] } else { y };
    f.backward_in_place(cpu, &saved, &mut slope)?;
    let mut apart = [7.0; LEN];
    f.backward(cpu, &saved, &[1.0; LEN], &mut apart)?;
    assert!(bits(&apart) == bits(&slope) || apart.iter().all(|x| x.is_nan()));
    for all in [y, in_place, slope] {
        let same = |&y: &f32| y.to_bits() == all[0].to_bits() || y.is_nan() && all[0].is_nan();
        assert!(all.iter().all(same), "{f} at {x} on {}: {all:?}", cpu.level());
    }
    assert!(bits(&y) == bits(&in_place) || y[0].is_nan() && in_place[0].is_nan());
    Ok((y[0], slope[0]))
}

#[test]
fn nan_gives_nan_and_infinity_the_limit() -> Result<()> {
    for cpu in cpus() {
        for &f in Activation::ALL {
            assert!(everywhere(f, cpu, f32::NAN)?.0.is_nan(), "{f}");
            for sign in [1.0, -1.0] {
                // Where a function is large far out, it grows beyond all bounds.
                let (mut limit, slope) = f.exact(sign * 1e15);
                if limit.abs() > 1e12 {
                    limit *= f64::INFINITY;
                }
                let found = everywhere(f, cpu, (sign * f64::INFINITY) as f32)?;
                assert!(f64::from(found.0) == f64::from(limit as f32), "{f} at {sign} infinity");
                let far = (f64::from(found.1) - slope).abs();
                let is_limit = far < 1e-6 || f64::from(found.1) == slope;
                assert!(is_limit, "slope of {f} at {sign} infinity: {found:?}, {slope}");
            }
        }
    }
    Ok(())
}

/// As PyTorch returns it, except that it says NaN for some of the smooth ones at infinity.
#[test]
fn derivatives_at_nan_and_zero_are_pytorchs() -> Result<()> {
    for cpu in cpus() {
        for &f in Activation::ALL {
            let at_nan = everywhere(f, cpu, f32::NAN)?.1;
            let expected = match f.name() {
                "identity" | "relu" | "relu6" | "hardtanh" | "elu" | "celu" | "hardswish"
                | "hardshrink" | "softshrink" => 1.0,
                "selu" => 1.050_701,
                "leaky_relu" => 0.01,
                "hardsigmoid" => 0.0,
                _ => f32::NAN,
            };
            let same = at_nan == expected || at_nan.is_nan() && expected.is_nan();
            assert!(same, "{f}: {at_nan}");
            for zero in [0.0, -0.0] {
                let found = everywhere(f, cpu, zero)?;
                let exact = f.exact(0.0);
                let near = |found: f32, exact: f64| {
                    (f64::from(found) - exact).abs() <= 4.0 * U * exact.abs()
                };
                assert!(near(found.0, exact.0) && near(found.1, exact.1), "{f}: {found:?}");
            }
        }
    }
    Ok(())
}

/// `(x, f(x), f'(x))`
type Values = [(f32, f32, f32); 5];

/// As PyTorch 2.15 returns it on CPUs, to the sign of a zero.
#[rustfmt::skip]
const SPECIAL: [(Activation, Values); 4] = {
    const NAN: f32 = f32::NAN;
    const INF: f32 = f32::INFINITY;
    [
        (Activation::Identity, [(0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (INF, INF, 1.0), (-INF, -INF, 1.0), (NAN, NAN, 1.0)]),
        (Activation::Relu, [(0.0, 0.0, 0.0), (-0.0, -0.0, 0.0), (INF, INF, 1.0), (-INF, 0.0, 0.0), (NAN, NAN, 1.0)]),
        (Activation::Sigmoid, [(0.0, 0.5, 0.25), (-0.0, 0.5, 0.25), (INF, 1.0, 0.0), (-INF, 0.0, 0.0), (NAN, NAN, NAN)]),
        (Activation::Tanh, [(0.0, 0.0, 1.0), (-0.0, -0.0, 1.0), (INF, 1.0, 0.0), (-INF, -1.0, 0.0), (NAN, NAN, NAN)]),
    ]
};

#[test]
fn special_values_of_activations_and_their_derivatives() -> Result<()> {
    for cpu in cpus() {
        for (f, values) in SPECIAL {
            for (x, y, slope) in values {
                let found = everywhere(f, cpu, x)?;
                let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
                assert!(same(found.0, y) && same(found.1, slope), "{f} at {x}: {found:?}");
            }
        }
    }
    Ok(())
}

/// [`Softplus`] does not look for such a threshold.
#[test]
fn softplus_is_its_argument_from_a_threshold_of_17_on() -> Result<()> {
    for cpu in cpus() {
        for beta in [1.0, 0.3, 7.0] {
            let numbers = (0..1 << 32).step_by(1009).map(|bits: u64| f32::from_bits(bits as u32));
            let near = (-1000..1000).map(|i| (17.0 + i as f32 / 1000.0) / beta);
            let z: Vec<f32> = numbers.chain(near).filter(|z| z * beta >= 17.0).collect();
            for threshold in [16.9, 17.0, 20.0, f32::INFINITY] {
                let f = Activation::from(Softplus { beta, threshold });
                let (mut y, mut slope) = (vec![f32::NAN; z.len()], vec![1.0; z.len()]);
                f.forward(cpu, &z, &mut y)?;
                f.backward_in_place(cpu, &z, &mut slope)?;
                assert_eq!(y, z, "{beta} {threshold}");
                assert!(slope.iter().all(|&s| s == 1.0), "{beta} {threshold}");
            }
        }
    }
    Ok(())
}

/// Settings other than PyTorch's.
fn others() -> [Activation; 8] {
    [
        LeakyRelu { slope: 0.3 }.into(),
        Elu { alpha: 1.7 }.into(),
        Celu { alpha: 0.6 }.into(),
        Softplus { beta: 2.5, threshold: 30.0 }.into(),
        Softplus { beta: 1.0, threshold: 1.0 }.into(),
        Hardtanh { min: -0.25, max: 3.5 }.into(),
        Hardshrink { lambda: 1.25 }.into(),
        Softshrink { lambda: 2.0 }.into(),
    ]
}

#[test]
fn every_value_and_slope_is_near_the_exact_one() -> Result<()> {
    // Every 40,009th of all numbers, and some thousands where something happens.
    let all = (0..1 << 32).step_by(40_009).map(|bits: u64| f32::from_bits(bits as u32));
    let near = (-6000..6000).map(|i| i as f32 / 500.0);
    let x: Vec<f32> = all.chain(near).filter(|x| x.is_finite()).collect();
    for cpu in cpus() {
        for &f in Activation::ALL.iter().chain(&others()) {
            let (mut y, mut slope) = (vec![f32::NAN; x.len()], vec![1.0; x.len()]);
            f.forward(cpu, &x, &mut y)?;
            let saved = if f.reads() == Reads::Input { &x } else { &y };
            f.backward_in_place(cpu, saved, &mut slope)?;
            let at_zero = f.exact(0.0).1.abs();
            for (i, &x) in x.iter().enumerate() {
                let exact = f.exact(x.into());
                if exact.0.abs() > f32::MAX.into() {
                    assert!(y[i].is_infinite(), "{f} at {x}");
                    continue;
                }
                // 4 ulp of the result or, where terms cancel, of the smaller of 1 and x; of a
                // derivative also of the terms that it is made of.
                let tiny = f64::from(f32::MIN_POSITIVE);
                let bound = 8.0 * U * exact.0.abs().max(f64::from(x).abs().min(1.0)) + tiny;
                let error = (f64::from(y[i]) - exact.0).abs();
                assert!(error <= bound, "{f} at {x:e}: {}, not {}", y[i], exact.0);
                let bound = 8.0 * U * exact.1.abs().max(at_zero).max(1.0) + tiny;
                let error = (f64::from(slope[i]) - exact.1).abs();
                assert!(error <= bound, "slope of {f} at {x:e}: {}, not {}", slope[i], exact.1);
            }
        }
    }
    Ok(())
}

#[test]
fn exact_slopes_are_slopes_of_exact_values() {
    for &f in Activation::ALL.iter().chain(&others()) {
        let mut compared = 0;
        for i in -800..800 {
            let (x, h) = (f64::from(i) / 100.0 + 0.003, 1e-5);
            let difference = (f.exact(x + h).0 - f.exact(x - h).0) / (2.0 * h);
            let slope = f.exact(x).1;
            // The third derivatives of all these are below 200 (but that of exp), f is at most 3000.
            let error = (difference - slope).abs();
            assert!(error <= 1e-7 * (1.0 + slope.abs()), "{f} at {x}: {difference}, {slope}");
            compared += 1;
        }
        assert_eq!(compared, 1600);
    }
}

#[test]
fn each_is_written_and_parsed() -> Result<()> {
    for &f in Activation::ALL.iter().chain(&others()) {
        assert_eq!(f.to_string().parse::<Activation>(), Ok(f));
        assert!(f.to_string().starts_with(f.name()));
    }
    for (i, f) in Activation::ALL.iter().enumerate() {
        assert_eq!(Activation::from_name(f.name()), Some(*f));
        assert_eq!(f.name().parse::<Activation>(), Ok(*f));
        assert!(Activation::ALL[..i].iter().all(|other| other.name() != f.name()));
    }
    assert_eq!("softplus(2,  30)".parse::<Activation>()?.to_string(), "softplus(2, 30)");
    for text in
        ["", "Relu", "relu(", "relu(1)", "leaky_relu()", "leaky_relu(x)", "elu(1, 2)", "elu(1"]
    {
        let error = text.parse::<Activation>().expect_err(text);
        assert!(matches!(error, Error::Name { argument: "activation", .. }), "{text}: {error}");
    }
    Ok(())
}

#[test]
fn a_setting_without_a_meaning_is_an_error_that_names_it() {
    for (text, argument) in [
        ("leaky_relu(-0.1)", "slope"),
        ("leaky_relu(NaN)", "slope"),
        ("elu(-1)", "alpha"),
        ("elu(inf)", "alpha"),
        ("celu(0)", "alpha"),
        ("celu(-1)", "alpha"),
        ("softplus(0, 20)", "beta"),
        ("softplus(1, NaN)", "threshold"),
        ("hardtanh(1, 1)", "max"),
        ("hardtanh(0, NaN)", "max"),
        ("hardshrink(-1)", "lambda"),
        ("softshrink(NaN)", "lambda"),
    ] {
        let error = text.parse::<Activation>().expect_err(text);
        assert!(matches!(error, Error::Value { argument: a, .. } if a == argument), "{error}");
    }
    let bad = LeakyRelu { slope: -1.0 }.into();
    let refused = |result: Result<()>| {
        assert!(matches!(result, Err(Error::Value { argument: "slope", .. })), "{result:?}");
    };
    let mut delta = [7.0; 2];
    refused(Activation::backward_in_place(bad, Cpu::detect(), &[1.0; 2], &mut delta));
    assert_eq!(delta, [7.0; 2]);
    refused(Activation::backward(bad, Cpu::detect(), &[1.0; 2], &[1.0; 2], &mut delta));
    assert_eq!(delta, [7.0; 2]);
    let relu = Activation::Relu;
    let found = relu.backward(Cpu::detect(), &[1.0; 3], &[1.0; 2], &mut delta);
    assert_eq!(found, Err(Error::Length { argument: "d_output", expected: 3, found: 2 }));
    let found = relu.backward(Cpu::detect(), &[1.0; 3], &[1.0; 3], &mut delta);
    assert_eq!(found, Err(Error::Length { argument: "d_input", expected: 3, found: 2 }));
    refused(Network::mlp(&[2, 3, 1], bad, 1).map(|_| ()));
}

/// Every level but Portable, whose multiply-adds round twice.
#[test]
fn levels_with_a_fused_multiply_add_give_the_same_bits() -> Result<()> {
    let mut rng = densecore::Rng::new(3, 1);
    let z: Vec<f32> = (0..6 * 515).map(|i| rng.normal() * [0.1, 1.0, 4.0, 30.0][i % 4]).collect();
    let d: Vec<f32> = z.iter().rev().copied().collect();
    let run = |level: Level| -> Result<Vec<(String, Vec<u32>)>> {
        let cpu = Cpu::serial().with_level(level);
        let mut all = Vec::new();
        let mut add = |name: String, found: &[f32]| all.push((name, bits(found)));
        for &f in Activation::ALL {
            let (mut y, mut d_z) = (vec![f32::NAN; z.len()], vec![f32::NAN; z.len()]);
            f.forward(cpu, &z, &mut y)?;
            let saved = if f.reads() == Reads::Input { &z } else { &y };
            f.backward(cpu, saved, &d, &mut d_z)?;
            add(format!("{f}"), &y);
            add(format!("{f} backward"), &d_z);
        }
        let matrix = |numbers: &[f32]| Tensor::from_vec(6, 515, numbers.to_vec());
        let (mut p, mut l, mut d_p, mut d_l) = (matrix(&z)?, matrix(&z)?, matrix(&d)?, matrix(&d)?);
        softmax::forward_in_place(cpu, p.view_mut());
        softmax::backward_in_place(cpu, p.view(), d_p.view_mut())?;
        log_softmax::forward_in_place(cpu, l.view_mut());
        log_softmax::backward_in_place(cpu, l.view(), d_l.view_mut())?;
        let (mut y, mut d_y, mut d_slopes) = (matrix(&z)?, matrix(&d)?, [f32::NAN]);
        prelu::forward_in_place(cpu, &[0.3], y.view_mut())?;
        let (x, accum) = (matrix(&z)?, Accum::Replace);
        prelu::backward_in_place(cpu, &[0.3], x.view(), d_y.view_mut(), accum, &mut d_slopes)?;
        for (name, found) in
            [("p", &p), ("d_p", &d_p), ("l", &l), ("d_l", &d_l), ("y", &y), ("d_y", &d_y)]
        {
            add(name.into(), found.as_slice());
        }
        add("d_slopes".into(), &d_slopes);
        Ok(all)
    };
    let found = fma_levels().into_iter().map(run).collect::<Result<Vec<_>>>()?;
    for two in found.windows(2) {
        for (a, b) in two[0].iter().zip(&two[1]) {
            assert_eq!(a, b);
        }
    }
    Ok(())
}

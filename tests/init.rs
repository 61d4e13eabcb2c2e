//! Laws of the initialisers. The golden values were computed by a second implementation, in Python
//! with integers of any size and `statistics.NormalDist`.

use densecore::init::{Fan, Init, gain};
use densecore::rng::stream;
use densecore::{Error, Result};

const SEED: u64 = 42;
const STREAM: u64 = stream::INIT + 3;
const FANS: (usize, usize) = (4, 7);

fn filled(init: Init, len: usize, (fan_in, fan_out): (usize, usize)) -> Result<Vec<f32>> {
    let mut weights = vec![f32::NAN; len];
    init.fill(&mut weights, fan_in, fan_out, SEED, STREAM)?;
    Ok(weights)
}

/// The initialisers with bound `b`: all values lie in `[-b, b)`.
fn symmetric_uniforms((fan_in, fan_out): (usize, usize)) -> Vec<(Init, f64)> {
    let (fi, fo) = (fan_in as f64, fan_out as f64);
    let selu = Init::KaimingUniform { gain: gain::SELU, fan: Fan::Out };
    vec![
        (Init::UNIT_UNIFORM, 1.0),
        (Init::XavierUniform { gain: 1.0 }, (6.0 / (fi + fo)).sqrt()),
        (Init::XavierUniform { gain: gain::TANH }, 5.0 / 3.0 * (6.0 / (fi + fo)).sqrt()),
        (Init::HeUniform, (6.0 / fi).sqrt()),
        (Init::KaimingUniform { gain: 1.0, fan: Fan::In }, (3.0 / fi).sqrt()),
        (selu, 0.75 * (3.0 / fo).sqrt()),
        (Init::LecunUniform, (3.0 / fi).sqrt()),
        (Init::TorchLinear, 1.0 / fi.sqrt()),
    ]
}

/// The normal initialisers with mean and standard deviation.
fn normals((fan_in, fan_out): (usize, usize)) -> Vec<(Init, f64, f64)> {
    let (fi, fo) = (fan_in as f64, fan_out as f64);
    let relu = Init::KaimingNormal { gain: gain::RELU, fan: Fan::Out };
    vec![
        (Init::Normal { mean: 0.5, std: 2.0 }, 0.5, 2.0),
        (Init::XavierNormal { gain: 1.0 }, 0.0, (2.0 / (fi + fo)).sqrt()),
        (Init::XavierNormal { gain: gain::TANH }, 0.0, 5.0 / 3.0 * (2.0 / (fi + fo)).sqrt()),
        (Init::HeNormal, 0.0, (2.0 / fi).sqrt()),
        (Init::KaimingNormal { gain: 1.0, fan: Fan::In }, 0.0, 1.0 / fi.sqrt()),
        (relu, 0.0, (2.0 / fo).sqrt()),
        (Init::LecunNormal, 0.0, 1.0 / fi.sqrt()),
    ]
}

fn moments(weights: &[f32]) -> (f64, f64) {
    let n = weights.len() as f64;
    let mean = weights.iter().map(|&w| f64::from(w)).sum::<f64>() / n;
    (mean, weights.iter().map(|&w| (f64::from(w) - mean).powi(2)).sum::<f64>() / n)
}

/// Fails for NaN too.
#[track_caller]
fn assert_near(what: Init, value: f64, expected: f64, tolerance: f64) {
    let close = (value - expected).abs() <= tolerance;
    assert!(close, "{what:?}: expected {expected} within {tolerance:e}, found {value}");
}

#[test]
fn golden_first_values() -> Result<()> {
    let golden: [(Init, [u32; 4]); 12] = [
        (Init::UNIT_UNIFORM, [0x3F1B6B29, 0xBD78878A, 0xBF31604A, 0xBEEBF562]),
        (
            Init::Uniform { low: -0.25, high: 0.75 },
            [0x3F0DB594, 0x3E60EF0F, 0xBDC58126, 0x3CA054EC],
        ),
        (Init::Normal { mean: 0.5, std: 2.0 }, [0x400D5C3A, 0x3EB20DAD, 0xBFC5723B, 0xBF3A6C75]),
        (Init::XavierUniform { gain: 1.0 }, [0x3EE59187, 0xBD378D19, 0xBF03003E, 0xBEAE4455]),
        (Init::XavierNormal { gain: gain::TANH }, [0x3F1B701A, 0xBD5D93AE, 0xBF39CD3E, 0xBEDF737F]),
        (Init::HeUniform, [0x3F3E591F, 0xBD98314E, 0xBF593D92, 0xBF107E98]),
        (Init::HeNormal, [0x3F1AA8A4, 0xBD5C7759, 0xBF38DED2, 0xBEDE54C3]),
        (
            Init::KaimingUniform { gain: gain::SELU, fan: Fan::Out },
            [0x3E989E37, 0xBCF40D13, 0xBEAE2E0D, 0xBE67B4E9],
        ),
        (
            Init::KaimingNormal { gain: gain::RELU, fan: Fan::Out },
            [0x3EE9D272, 0xBD26A823, 0xBF0BBFB6, 0xBEA81107],
        ),
        (Init::LecunUniform, [0x3F0698B1, 0xBD573B9A, 0xBF199CBB, 0xBECC5899]),
        (Init::LecunNormal, [0x3EDAB873, 0xBD1BE4A6, 0xBF02B91D, 0xBE9D363B]),
        (Init::TorchLinear, [0x3E9B6B29, 0xBCF8878A, 0xBEB1604A, 0xBE6BF562]),
    ];
    for (init, expected) in golden {
        let bits: Vec<u32> = filled(init, 4, FANS)?.into_iter().map(f32::to_bits).collect();
        assert_eq!(bits, expected, "{init:?}");
    }
    Ok(())
}

#[test]
fn element_i_does_not_depend_on_the_length() -> Result<()> {
    for (init, ..) in normals(FANS)
        .into_iter()
        .chain(symmetric_uniforms(FANS).into_iter().map(|(init, bound)| (init, 0.0, bound)))
    {
        let long = filled(init, 100, FANS)?;
        for len in 0..20 {
            assert_eq!(filled(init, len, FANS)?, long[..len], "{init:?}");
        }
    }
    Ok(())
}

#[test]
fn moments_and_bounds_of_the_uniforms() -> Result<()> {
    let fans = (300, 200);
    for (init, b) in symmetric_uniforms(fans) {
        let weights = filled(init, fans.0 * fans.1, fans)?;
        let bound = b as f32;
        assert!(weights.iter().all(|w| (-bound..bound).contains(w)), "{init:?}");
        // Var = b^2 / 3, and the variance of the square of the deviation is 4 b^4 / 45.
        let (mean, variance) = moments(&weights);
        let errors = 5.0 / (weights.len() as f64).sqrt();
        assert_near(init, mean, 0.0, errors * b / 3_f64.sqrt());
        assert_near(init, variance, b * b / 3.0, errors * b * b * (4.0_f64 / 45.0).sqrt());
        // Of n values the largest misses the bound by 2 b / n on average, and by 20 times as much
        // with probability exp(-20).
        let reach = weights.iter().fold(0.0, |reach: f32, &w| reach.max(w));
        assert_near(init, f64::from(reach), b, 40.0 * b / weights.len() as f64);
    }
    Ok(())
}

#[test]
fn moments_and_tails_of_the_normals() -> Result<()> {
    let fans = (300, 200);
    for (init, m, s) in normals(fans) {
        let weights = filled(init, fans.0 * fans.1, fans)?;
        // The variance of the square of the deviation is 2 s^4.
        let (mean, variance) = moments(&weights);
        let n = weights.len() as f64;
        assert_near(init, mean, m, 5.0 * s / n.sqrt());
        assert_near(init, variance, s * s, 5.0 * s * s * (2.0 / n).sqrt());
        // 4.55 % lie beyond two standard deviations: they are not cut off.
        let beyond = weights.iter().filter(|&&w| (f64::from(w) - m).abs() > 2.0 * s).count();
        let share = 0.04550026;
        let tolerance = 5.0 * (share * (1.0 - share) / n).sqrt();
        assert_near(init, beyond as f64 / n, share, tolerance);
    }
    Ok(())
}

#[test]
fn uniform_values_never_reach_the_upper_end() -> Result<()> {
    let intervals = [
        (1.0, 1.0_f32.next_up()),
        (-1.0, (-1.0_f32).next_up()),
        (16_777_216.0, 16_777_218.0),
        (0.0, f32::from_bits(1)),
        (-f32::from_bits(1), 0.0),
        (f32::MIN, f32::MAX),
        (f32::MIN, f32::MIN.next_up()),
        (-3.0, 1e-30),
    ];
    for (low, high) in intervals {
        let weights = filled(Init::Uniform { low, high }, 10_000, FANS)?;
        assert!(weights.iter().all(|w| (low..high).contains(w)), "[{low}, {high})");
    }
    Ok(())
}

#[test]
fn an_empty_interval_is_a_point() -> Result<()> {
    for value in [0.0, -2.5, f32::MAX] {
        let init = Init::Uniform { low: value, high: value };
        assert_eq!(filled(init, 5, FANS)?, [value; 5]);
        assert_eq!(filled(Init::Normal { mean: 0.5, std: 0.0 }, 5, FANS)?, [0.5; 5]);
    }
    Ok(())
}

#[test]
fn constants() -> Result<()> {
    assert_eq!(filled(Init::Zeros, 9, FANS)?, [0.0; 9]);
    assert_eq!(filled(Init::Constant(0.01), 9, FANS)?, [0.01; 9]);
    Ok(())
}

#[test]
fn no_fan_gives_positive_zeros() -> Result<()> {
    let uniforms = symmetric_uniforms((0, 0)).into_iter().skip(1).map(|(init, _)| init);
    let normals = normals((0, 0)).into_iter().skip(1).map(|(init, ..)| init);
    for init in uniforms.chain(normals) {
        let bits: Vec<u32> = filled(init, 5, (0, 0))?.into_iter().map(f32::to_bits).collect();
        assert_eq!(bits, [0; 5], "{init:?}");
    }
    Ok(())
}

#[test]
fn seeds_and_streams_differ() -> Result<()> {
    let mut weights = [[0.0; 8]; 3];
    for (row, (seed, stream)) in weights.iter_mut().zip([(1, 0), (2, 0), (1, 1)]) {
        Init::HeUniform.fill(row, 8, 1, seed, stream)?;
    }
    assert!(weights[0] != weights[1] && weights[0] != weights[2] && weights[1] != weights[2]);
    Ok(())
}

#[test]
fn gains_are_those_of_pytorch() {
    assert_eq!(gain::leaky_relu(0.0), gain::RELU);
    assert!((gain::leaky_relu(0.01) - 1.4141428).abs() < 1e-6);
    // kaiming_uniform_ with a = sqrt 5, the default of nn.Linear, is U(+-1 / sqrt(fan_in)).
    assert!((gain::leaky_relu(5_f32.sqrt()) - (1.0_f32 / 3.0).sqrt()).abs() < 1e-6);
}

#[test]
fn a_bad_setting_is_named_and_nothing_is_written() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let fan = Fan::In;
    let cases = [
        (Init::Constant(nan), "constant"),
        (Init::Constant(-inf), "constant"),
        (Init::Uniform { low: 1.0, high: 0.5 }, "low"),
        (Init::Uniform { low: nan, high: 0.5 }, "low"),
        (Init::Uniform { low: -inf, high: 0.5 }, "low"),
        (Init::Uniform { low: 1.0, high: nan }, "high"),
        (Init::Uniform { low: 1.0, high: inf }, "high"),
        (Init::Normal { mean: nan, std: 1.0 }, "mean"),
        (Init::Normal { mean: inf, std: 1.0 }, "mean"),
        (Init::Normal { mean: 0.0, std: -1.0 }, "std"),
        (Init::Normal { mean: 0.0, std: nan }, "std"),
        (Init::Normal { mean: 0.0, std: f32::MAX }, "std"),
        (Init::XavierUniform { gain: -1.0 }, "gain"),
        (Init::XavierNormal { gain: nan }, "gain"),
        (Init::KaimingUniform { gain: f32::MAX, fan }, "gain"),
        (Init::KaimingNormal { gain: f32::MAX, fan }, "gain"),
    ];
    for (init, name) in cases {
        for len in [0, 3] {
            let mut weights = vec![7.0; len];
            match init.fill(&mut weights, 1, 1, 0, 0) {
                Err(Error::Value { argument, .. }) => assert_eq!(argument, name, "{init:?}"),
                other => panic!("{init:?}: {other:?}"),
            }
            assert!(weights.iter().all(|&w| w == 7.0), "{init:?}");
        }
    }
}

#[test]
fn extreme_settings_stay_finite() -> Result<()> {
    let widest = [
        Init::Normal { mean: 0.0, std: f32::MAX / 9.1 },
        Init::XavierUniform { gain: f32::MAX },
        Init::KaimingNormal { gain: f32::MIN_POSITIVE, fan: Fan::Out },
    ];
    for init in widest {
        let weights = filled(init, 10_000, (usize::MAX, usize::MAX))?;
        assert!(weights.iter().all(|w| w.is_finite()), "{init:?}");
    }
    Ok(())
}

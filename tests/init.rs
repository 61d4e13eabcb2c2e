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
fn golden_values_of_truncated_normals() -> Result<()> {
    let cut = |mean, std, low, high| Init::TruncatedNormal { mean, std, low, high };
    let golden: [(Init, [u32; 4]); 3] = [
        (Init::TRUNCATED_NORMAL, [0x3F4E3693, 0xBD94C985, 0xBF74F324, 0xBF152A24]),
        (cut(0.5, 2.0, -1.0, 0.25), [0x3CD506ED, 0xBEBDC840, 0xBF47DD52, 0xBF1FF650]),
        (cut(0.0, 1.0, 5.0, 6.0), [0x40A156CA, 0x40A493EA, 0x40AB15EC, 0x40A7D9E4]),
    ];
    for (init, expected) in golden {
        let bits: Vec<u32> = filled(init, 4, FANS)?.into_iter().map(f32::to_bits).collect();
        assert_eq!(bits, expected, "{init:?}");
    }
    Ok(())
}

#[test]
fn golden_values_of_orthogonal_matrices() -> Result<()> {
    // The second implementation is Householder's, with the columns' signs turned by R's diagonal.
    let golden: [((usize, usize), &[u32]); 3] = [
        (
            (3, 5),
            &[
                0x3F4557E4, 0xBD8CA814, 0xBF6BE4A3, 0xBF0DD8AA, 0xBEFD65AD, 0x3F13EC8A, 0x3F284B4A,
                0xBEC78BE1, 0x3F2243A4, 0x3F5325BB, 0x3E87165F, 0x3F6DB8B8, 0x3F23A3B6, 0xBF4FE520,
                0x3A970E8C,
            ],
        ),
        (
            (5, 3),
            &[
                0x3F361A03, 0xBE9765B9, 0xBF816719, 0xBF02E413, 0xBF7F321D, 0x3ECCD112, 0x3EFA37F3,
                0xBE41F925, 0x3EBFD8DE, 0x3F385C32, 0x3EF7BC46, 0x3F482399, 0x3F30755C, 0xBF4E356C,
                0x3E83DE3C,
            ],
        ),
        (
            (4, 4),
            &[
                0x3F4EF60B, 0xBE44FE17, 0xBF608E9F, 0xBF3C1DD3, 0xBF04DF98, 0x3EDA7BE4, 0x3ED2D3FC,
                0xBF964F02, 0x3F2E4100, 0x3F9A9238, 0x3E4370D0, 0x3E51CF76, 0x3F488C2E, 0xBF1168BF,
                0x3F819039, 0xBE4A78CA,
            ],
        ),
    ];
    for (fans, expected) in golden {
        let weights = filled(Init::Orthogonal { gain: gain::RELU }, fans.0 * fans.1, fans)?;
        let bits: Vec<u32> = weights.into_iter().map(f32::to_bits).collect();
        assert_eq!(bits, expected, "{fans:?}");
    }
    Ok(())
}

#[test]
fn rows_or_columns_of_an_orthogonal_matrix_are_orthonormal() -> Result<()> {
    let gain = 1.5;
    for (rows, cols) in [(1, 1), (1, 9), (9, 1), (40, 40), (13, 70), (70, 13), (256, 255)] {
        let weights = filled(Init::Orthogonal { gain }, rows * cols, (rows, cols))?;
        let (count, len) = (rows.min(cols), rows.max(cols));
        let at = |i: usize, p: usize| if rows <= cols { i * cols + p } else { p * cols + i };
        for i in 0..count {
            for j in i..count {
                let term = |p| f64::from(weights[at(i, p)]) * f64::from(weights[at(j, p)]);
                let product = (0..len).map(term).sum::<f64>();
                let expected = if i == j { f64::from(gain * gain) } else { 0.0 };
                // An element is off by its rounding, 2^-24 of itself, and what f64 has left is far
                // below: by Cauchy and Schwarz a product of two is off by 2 2^-24 gain^2 at most.
                let tolerance = 2.5 * 2_f64.powi(-24) * f64::from(gain * gain);
                let error = (product - expected).abs();
                assert!(error <= tolerance, "{rows} x {cols}: {i}, {j}: {product}");
            }
        }
    }
    Ok(())
}

#[test]
fn an_orthogonal_matrix_is_drawn_evenly() -> Result<()> {
    // The angle of the first column of a 2 x 2 rotation or reflection is even on the circle, and
    // both kinds are as likely; with a sign that was not fixed one half of them would be missing.
    let count = 4000;
    let (mut quadrants, mut rotations) = ([0; 4], 0);
    for seed in 0..count {
        let mut w = [f32::NAN; 4];
        Init::Orthogonal { gain: 1.0 }.fill(&mut w, 2, 2, seed, STREAM)?;
        quadrants[usize::from(w[0] > 0.0) + 2 * usize::from(w[2] > 0.0)] += 1;
        rotations += u64::from(w[0] * w[3] - w[1] * w[2] > 0.0);
    }
    // Five deviations of a binomial distribution.
    let near = |found: u64, share: f64| {
        let n = count as f64;
        (found as f64 - share * n).abs() <= 5.0 * (n * share * (1.0 - share)).sqrt()
    };
    assert!(quadrants.iter().all(|&found| near(found, 0.25)), "{quadrants:?}");
    assert!(near(rotations, 0.5), "{rotations}");
    Ok(())
}

#[test]
fn an_orthogonal_matrix_is_whole() -> Result<()> {
    let init = Init::Orthogonal { gain: 1.0 };
    let mut weights = [7.0; 7];
    let found = init.fill(&mut weights, 2, 3, SEED, STREAM);
    assert_eq!(found, Err(Error::Length { argument: "weights", expected: 6, found: 7 }));
    let found = init.fill(&mut weights, usize::MAX, usize::MAX, SEED, STREAM);
    assert!(matches!(found, Err(Error::Overflow { argument: "weights", .. })), "{found:?}");
    assert_eq!(weights, [7.0; 7]);
    init.fill(&mut [], 0, usize::MAX, SEED, STREAM)?;
    assert_eq!(filled(Init::Orthogonal { gain: 0.0 }, 6, (3, 2))?, [0.0; 6]);
    assert_eq!(init.bias(), Init::Zeros);
    Ok(())
}

#[test]
fn moments_and_bounds_of_truncated_normals() -> Result<()> {
    // Mean and variance of a normal distribution between a and b (N. Johnson, S. Kotz, 1970), by
    // Simpson's rule, and their tolerances as for the uniforms: the deviation of a sample of n is
    // at most that of any distribution on the interval, half its width (and its square, for the
    // variance), over sqrt n.
    for (mean, std, low, high) in [
        (0.0, 1.0, -2.0, 2.0),
        (0.5, 2.0, -1.0, 0.25),
        (-3.0, 0.5, -2.5, 4.0),
        (0.0, 1.0, 5.0, 6.0),
        (0.0, 1.0, -30.0, -20.0),
    ] {
        let init = Init::TruncatedNormal { mean, std, low, high };
        let weights = filled(init, 60_000, FANS)?;
        assert!(weights.iter().all(|w| (low..=high).contains(w)), "{init:?}");
        let [mean, std, low, high] = [mean, std, low, high].map(f64::from);
        let (steps, mut sums) = (200_000, [0.0; 3]);
        // Relative to the density at the end that is nearest to the mean, which may be tiny.
        let nearest = ((mean.clamp(low, high) - mean) / std).powi(2);
        for i in 0..=steps {
            let x = low + (high - low) * f64::from(i) / f64::from(steps);
            let share = if i == 0 || i == steps { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
            let density = share * (0.5 * (nearest - ((x - mean) / std).powi(2))).exp();
            for (power, sum) in sums.iter_mut().enumerate() {
                *sum += density * x.powi(power as i32);
            }
        }
        let expected = sums[1] / sums[0];
        let spread = sums[2] / sums[0] - expected * expected;
        let (found, variance) = moments(&weights);
        let (half, errors) = (0.5 * (high - low), 5.0 / (weights.len() as f64).sqrt());
        assert_near(init, found, expected, errors * half.min(std));
        assert_near(init, variance, spread, errors * half.min(3.0 * std).powi(2));
    }
    Ok(())
}

#[test]
fn a_cut_that_cuts_nothing_is_the_normal_distribution() -> Result<()> {
    let (mean, std) = (0.25, 2.0);
    let cut = Init::TruncatedNormal { mean, std, low: -80.0, high: 80.0 };
    assert_eq!(filled(cut, 1000, FANS)?, filled(Init::Normal { mean, std }, 1000, FANS)?);
    Ok(())
}

#[test]
fn element_i_does_not_depend_on_the_length() -> Result<()> {
    for (init, ..) in normals(FANS)
        .into_iter()
        .chain(symmetric_uniforms(FANS).into_iter().map(|(init, bound)| (init, 0.0, bound)))
        .chain([(Init::TRUNCATED_NORMAL, 0.0, 1.0)])
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
    assert_eq!([gain::LINEAR, gain::SIGMOID, gain::SELU], [1.0, 1.0, 0.75]);
    assert_eq!([gain::TANH, gain::RELU], [1.6666666, 2_f32.sqrt()]);
    assert_eq!(gain::leaky_relu(0.0), gain::RELU);
    assert_eq!(gain::leaky_relu(0.01), gain::LEAKY_RELU);
    assert!((gain::leaky_relu(0.01) - 1.4141428).abs() < 1e-6);
    // kaiming_uniform_ with a = sqrt 5, the default of nn.Linear, is U(+-1 / sqrt(fan_in)).
    assert!((gain::leaky_relu(5_f32.sqrt()) - (1.0_f32 / 3.0).sqrt()).abs() < 1e-6);
}

#[test]
fn a_bad_setting_is_named_and_nothing_is_written() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let fan = Fan::In;
    let cut = |mean, std, low, high| Init::TruncatedNormal { mean, std, low, high };
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
        (Init::Orthogonal { gain: -1.0 }, "gain"),
        (Init::Orthogonal { gain: nan }, "gain"),
        (cut(nan, 1.0, -2.0, 2.0), "mean"),
        (cut(0.0, 0.0, -2.0, 2.0), "std"),
        (cut(0.0, -1.0, -2.0, 2.0), "std"),
        (cut(0.0, inf, -2.0, 2.0), "std"),
        (cut(0.0, 1.0, -inf, 2.0), "low"),
        (cut(0.0, 1.0, -2.0, nan), "high"),
        (cut(0.0, 1.0, 2.0, 2.0), "low"),
        (cut(0.0, 1.0, 2.0, -2.0), "low"),
        (cut(0.0, 1.0, 39.0, 40.0), "low"),
        (cut(0.0, 1.0, -40.0, -39.0), "high"),
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
        Init::TruncatedNormal { mean: 0.0, std: f32::MAX, low: f32::MIN, high: f32::MAX },
        Init::TruncatedNormal { mean: 0.0, std: 1.0, low: -f32::MAX, high: -38.0 },
        Init::TruncatedNormal { mean: 1.0, std: f32::from_bits(1), low: 0.0, high: 1.0 },
    ];
    for init in widest {
        let weights = filled(init, 10_000, (usize::MAX, usize::MAX))?;
        assert!(weights.iter().all(|w| w.is_finite()), "{init:?}");
    }
    Ok(())
}

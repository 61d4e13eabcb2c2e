//! Layer, RMS and batch normalisation, forward and backward.
//!
//! `tests/norm/reference.rs` has the formulas once, on numbers that carry a bound on their rounding
//! error. Their values in f64 pass a finite-difference check, and the kernels lie within the bounds.

#[path = "norm/errors.rs"]
mod errors;
#[path = "norm/reference.rs"]
mod reference;
mod support;

use densecore::norm::batch::{BatchNorm, EPS, Running, evaluate, train};
use densecore::norm::{SavedMut, layer, rms};
use densecore::{Cpu, Result, View, ViewMut};
use reference::{Case, Kind, Outcome};
use support::bounded::{Bounded, exact};
use support::{POOLS, bits, cpus, fma_levels, in_pool, levels};

/// More and fewer rows than columns, one of either, more than the 1,024 elements that are summed in
/// f32, the 256 columns of a strip and the 64 rows of a block.
const SHAPES: [(usize, usize); 7] =
    [(2, 1), (2, 5), (5, 3), (7, 33), (130, 17), (67, 300), (3, 2100)];

#[track_caller]
fn close(what: &str, found: &[f32], bounds: &[Bounded]) {
    assert_eq!(found.len(), bounds.len(), "{what}");
    let scale = bounds.iter().fold(0.0, |most: f64, bound| most.max(bound.value.abs()));
    for (i, (&found, bound)) in found.iter().zip(bounds).enumerate() {
        // `<=` is false for NaN.
        let error = (f64::from(found) - bound.value).abs();
        assert!(error <= bound.error, "{what}[{i}]: {found}, {bound:?}");
        // A sum of 2,100 squares has lost 12 of 24 bits at worst.
        assert!(
            bound.error <= 2e-3 * (1.0 + scale),
            "{what}[{i}]: a bound without teeth {bound:?}"
        );
    }
}

#[test]
fn kernels_are_within_the_bounds_of_their_formulas() -> Result<()> {
    for kind in Kind::ALL {
        for (rows, cols) in SHAPES {
            let case = Case::new(rows, cols, 1);
            let expected = case.reference(kind);
            for cpu in cpus() {
                let found = case.run(kind, cpu)?;
                let what = |part: &str| format!("{kind:?} {rows} x {cols} {} {part}", cpu.level());
                close(&what("y"), &found.y, &expected.y);
                close(&what("mean"), &found.mean, &expected.mean);
                close(&what("rstd"), &found.rstd, &expected.rstd);
                close(&what("d_x"), &found.d_x, &expected.d_x);
                close(&what("d_gamma"), &found.d_gamma, &expected.d_gamma);
                close(&what("d_beta"), &found.d_beta, &expected.d_beta);
                close(&what("running_mean"), &found.running_mean, &expected.running_mean);
                close(&what("running_var"), &found.running_var, &expected.running_var);
            }
        }
    }
    Ok(())
}

#[test]
fn gradients_are_slopes() {
    // In f64: central differences with a step of 1e-5 are off by about its square, 1e-10 times the
    // third derivative, and by 1e-16 / 1e-5 from rounding.
    let step = 1e-5;
    for kind in Kind::ALL {
        for (rows, cols) in [(5, 3), (4, 7)] {
            let case = Case::new(rows, cols, 2);
            let expected = case.reference(kind);
            let loss = |change: &dyn Fn(&mut Case<f64>)| {
                let mut changed = case.to_f64();
                change(&mut changed);
                let y = changed.formulas(kind, exact).y;
                y.iter().zip(&changed.d_y).map(|(y, d)| y.value * d).sum::<f64>()
            };
            let slope = |change: &dyn Fn(&mut Case<f64>, f64)| {
                let up = loss(&|case| change(case, step));
                (up - loss(&|case| change(case, -step))) / (2.0 * step)
            };
            let near = |what: &str, i: usize, numeric: f64, analytic: f64| {
                let close = (numeric - analytic).abs() <= 1e-7 * (1.0 + analytic.abs());
                assert!(close, "{kind:?} {what}[{i}]: {numeric}, {analytic}");
            };
            for (i, d_x) in expected.d_x.iter().enumerate() {
                near("d_x", i, slope(&|case, h| case.x[i] += h), d_x.value);
            }
            for (j, d_gamma) in expected.d_gamma.iter().enumerate() {
                near("d_gamma", j, slope(&|case, h| case.gamma[j] += h), d_gamma.value);
            }
            for (j, d_beta) in expected.d_beta.iter().enumerate() {
                near("d_beta", j, slope(&|case, h| case.beta[j] += h), d_beta.value);
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() -> Result<()> {
    // 300,000 elements are taken for 75 us of work, which is divided among up to 7 threads.
    for (rows, cols) in [(300, 1000), (3, 100_000), (20_000, 15)] {
        let case = Case::new(rows, cols, 3);
        for kind in Kind::ALL {
            for level in levels() {
                let expected = case.run(kind, Cpu::serial().with_level(level))?;
                for threads in POOLS {
                    let cpu = Cpu::detect().with_level(level);
                    let found = in_pool(threads, || case.run(kind, cpu))?;
                    assert!(found == expected, "{kind:?} {rows} x {cols} {level} {threads}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn levels_with_a_fused_multiply_add_give_the_same_bits() -> Result<()> {
    for (rows, cols) in SHAPES {
        let case = Case::new(rows, cols, 4);
        for kind in Kind::ALL {
            let outcomes = fma_levels()
                .into_iter()
                .map(|level| case.run(kind, Cpu::serial().with_level(level)));
            let outcomes = outcomes.collect::<Result<Vec<_>>>()?;
            for pair in outcomes.windows(2) {
                assert!(pair[0] == pair[1], "{kind:?} {rows} x {cols}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_row_of_a_batch_equals_that_row_alone() -> Result<()> {
    let (rows, cols) = (70, 37);
    let case = Case::new(rows, cols, 5);
    for cpu in cpus() {
        for kind in [Kind::Layer, Kind::Rms, Kind::Evaluate] {
            let whole = case.run(kind, cpu)?;
            for i in 0..rows {
                let alone = case.row(i).run(kind, cpu)?;
                let row = i * cols..(i + 1) * cols;
                assert_eq!(bits(&alone.y), bits(&whole.y[row.clone()]), "{kind:?} {i}");
                assert_eq!(bits(&alone.d_x), bits(&whole.d_x[row]), "{kind:?} {i}");
            }
        }
    }
    Ok(())
}

#[test]
fn gradients_of_parameters_are_added_where_asked() -> Result<()> {
    for kind in Kind::ALL {
        let case = Case::new(9, 21, 6);
        for cpu in cpus() {
            let (fresh, added) = (case.run(kind, cpu)?, case.run_added(kind, cpu, 8.0)?);
            for (fresh, added) in [(&fresh.d_gamma, &added.d_gamma), (&fresh.d_beta, &added.d_beta)]
            {
                // 9 rows are one block, whose sum is added to what was there.
                let expected: Vec<f32> = fresh.iter().map(|x| 8.0 + x).collect();
                assert_eq!(&expected, added, "{kind:?}");
            }
            assert_eq!(fresh.d_x, added.d_x, "{kind:?}");
        }
    }
    Ok(())
}

#[test]
fn equal_values_become_beta() -> Result<()> {
    // The variance is exactly 0, so that eps alone keeps r finite.
    for kind in [Kind::Layer, Kind::Train] {
        let mut case = Case::new(4, 8, 7);
        case.x.fill(0.375);
        for cpu in cpus() {
            let Outcome { y, mean, rstd, .. } = case.run(kind, cpu)?;
            assert!(mean.iter().all(|&mean| mean == 0.375), "{mean:?}");
            assert!(rstd.iter().all(|&r| r == (1.0 / 1e-5_f64.sqrt()) as f32), "{rstd:?}");
            for row in y.chunks(8) {
                assert_eq!(row, case.beta);
            }
        }
    }
    Ok(())
}

#[test]
fn nan_and_infinity_spread_over_what_they_are_normalised_with_and_no_further() -> Result<()> {
    let (rows, cols) = (6, 19);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for kind in Kind::ALL {
            let mut case = Case::new(rows, cols, 8);
            let (row, col) = (3, 7);
            case.x[row * cols + col] = bad;
            for cpu in cpus() {
                let Outcome { y, d_x, .. } = case.run(kind, cpu)?;
                for (at, (y, d_x)) in y.iter().zip(&d_x).enumerate() {
                    let (here, same_row, same_col) =
                        (at == row * cols + col, at / cols == row, at % cols == col);
                    let is_spread = match kind {
                        // An infinite root mean square makes the finite ones of the row 0.
                        Kind::Rms => same_row && (bad.is_nan() || here),
                        Kind::Layer => same_row,
                        Kind::Train => same_col,
                        Kind::Evaluate => here && bad.is_nan(),
                    };
                    assert_eq!(y.is_nan(), is_spread, "{kind:?} {bad} at {at}: {y}");
                    if kind == Kind::Evaluate {
                        assert!(d_x.is_finite());
                        assert_eq!(y.is_infinite(), here && bad.is_infinite());
                    } else if !is_spread && kind != Kind::Rms {
                        assert!(d_x.is_finite());
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn training_stores_the_unbiased_variance_and_uses_the_biased_one() -> Result<()> {
    // Integers: mean 4, squares 4 + 0 + 4 = 8, biased 8/3, unbiased 4.
    let norm = BatchNorm { gamma: &[1.0], beta: &[0.0], eps: 0.0 };
    let x = View::new(3, 1, &[2.0, 4.0, 6.0])?;
    for cpu in cpus() {
        for (momentum, expected) in [(0.0, (10.0, 20.0)), (0.5, (7.0, 12.0)), (1.0, (4.0, 4.0))] {
            let (mut running_mean, mut running_var) = ([10.0], [20.0]);
            let running =
                train::RunningMut { mean: &mut running_mean, var: &mut running_var, momentum };
            let (mut y, mut mean, mut rstd) = ([f32::NAN; 3], [f32::NAN], [f32::NAN]);
            let saved = SavedMut { mean: &mut mean, rstd: &mut rstd };
            let output = ViewMut::new(3, 1, &mut y)?;
            train::forward(cpu, norm, running, x, output, saved)?;
            assert_eq!((running_mean[0], running_var[0]), expected);
            let r = (1.0 / (8.0_f64 / 3.0).sqrt()) as f32;
            assert_eq!((mean[0], rstd[0], y), (4.0, r, [-2.0 * r, 0.0, 2.0 * r]));
        }
    }
    Ok(())
}

#[test]
fn evaluation_is_the_formula_of_the_running_statistics() -> Result<()> {
    // Powers of two, so that nothing is rounded: r = 1/2 and 4.
    let gamma = [2.0, 0.5];
    let norm = BatchNorm { gamma: &gamma, beta: &[1.0, -1.0], eps: 0.0 };
    let running = Running { mean: &[3.0, -1.0], var: &[4.0, 0.0625] };
    for cpu in cpus() {
        let (mut y, mut mean, mut rstd) = ([f32::NAN; 4], [f32::NAN; 2], [f32::NAN; 2]);
        let saved = SavedMut { mean: &mut mean, rstd: &mut rstd };
        let x = View::new(2, 2, &[3.0, -1.0, 7.0, 1.0])?;
        evaluate::forward(cpu, norm, running, x, ViewMut::new(2, 2, &mut y)?, saved)?;
        assert_eq!((mean, rstd, y), ([3.0, -1.0], [0.5, 4.0], [1.0, -1.0, 5.0, 3.0]));
        // One row will do.
        let saved = SavedMut { mean: &mut mean, rstd: &mut rstd };
        let (x, output) = (x.rows_range(1, 1), ViewMut::new(1, 2, &mut y[..2])?);
        evaluate::forward(cpu, norm, running, x, output, saved)?;
        assert_eq!(y[..2], [5.0, 3.0]);
    }
    Ok(())
}

#[test]
fn no_rows_are_no_work() -> Result<()> {
    for cpu in cpus() {
        for kind in [Kind::Layer, Kind::Rms, Kind::Evaluate] {
            let Outcome { y, d_gamma, .. } = Case::new(0, 5, 9).run(kind, cpu)?;
            assert!(y.is_empty());
            // Overwritten with the sum of no terms.
            assert_eq!(d_gamma, [0.0; 5], "{kind:?}");
        }
    }
    Ok(())
}

#[test]
fn a_large_offset_does_not_drown_the_variance() -> Result<()> {
    // Integers about 2^20 with deviations of 1: a mean of squares less the square of the mean, 2^40
    // less 2^40, would have no digit of the variance.
    let x: Vec<f32> = (0..64).map(|i| 1_048_576.0 + if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let ones = [1.0; 64];
    for cpu in cpus() {
        let (mut y, mut mean, mut rstd) = ([f32::NAN; 64], [f32::NAN], [f32::NAN]);
        let norm = layer::LayerNorm { gamma: &ones, beta: &[0.0; 64], eps: 0.0 };
        let saved = SavedMut { mean: &mut mean, rstd: &mut rstd };
        let (input, output) = (View::new(1, 64, &x)?, ViewMut::new(1, 64, &mut y)?);
        layer::forward(cpu, norm, input, output, saved)?;
        assert_eq!((mean, rstd, &y[..2]), ([1_048_576.0], [1.0], &[1.0, -1.0][..]));
    }
    Ok(())
}

#[test]
fn defaults_are_those_of_pytorch() {
    assert_eq!([layer::EPS, EPS], [1e-5; 2]);
    assert_eq!((rms::EPS, train::MOMENTUM), (2_f64.powi(-23), 0.1));
}

//! Laws that hold for all losses, and what each does at its kinks and limits; `golden_losses.rs`
//! compares them with PyTorch, and `gradcheck_losses.rs` with differences.

mod support;

use densecore::loss::{
    AbsoluteError, BinaryCrossEntropy, BinaryCrossEntropyByColumn, BinaryCrossEntropyWithLogits,
    CrossEntropy, CrossEntropyOptions, ElementLoss, Hinge, Huber, KlDivergence, Margin,
    MultiMargin, Nll, Options, PoissonNll, Reduction, RowLoss, SmoothL1, SquaredError,
    SquaredHinge,
};
use densecore::{Cpu, Error, Loss, Result, Target, Tensor, View, ViewMut};
use support::losses::{all, takes_classes};
use support::{POOLS, bits, classes, cpus, fma_levels, in_pool, levels, numbers};

const INF: f32 = f32::INFINITY;
const NAN: f32 = f32::NAN;

/// Value and gradient bits of a loss on random numbers in (0, 1).
fn run(cpu: Cpu, loss: Loss, (rows, cols): (usize, usize), soft: bool) -> Result<Vec<u32>> {
    let unit = |seed| numbers(rows * cols, seed).iter().map(|x| 0.5 + 0.49 * x).collect::<Vec<_>>();
    let (mut x, t, ids) = (unit(1), unit(2), classes(rows, cols as u32, 3));
    let values = Target::Values(View::new(rows, cols, &t)?);
    let target = if takes_classes(loss) && !soft { Target::Classes(&ids) } else { values };
    let value = loss.value(cpu, View::new(rows, cols, &x)?, target)?;
    let both = loss.in_place(cpu, ViewMut::new(rows, cols, &mut x)?, target)?;
    assert_eq!(value.to_bits(), both.to_bits(), "{loss:?} {rows} x {cols}");
    assert!(value.is_finite() && x.iter().all(|x| x.is_finite()), "{loss:?}: {value}");
    x.push(value);
    Ok(bits(&x))
}

#[test]
fn every_loss_has_the_same_bits_on_any_number_of_threads_and_every_fma_level() -> Result<()> {
    for (rows, cols) in [(3, 1), (37, 10), (65, 33), (130, 1030), (20_000, 3)] {
        for loss in all(Reduction::Mean) {
            let soft = matches!(loss, Loss::CrossEntropy(_)) && cols == 33;
            let mut first = None;
            for level in levels() {
                let alone = run(Cpu::serial().with_level(level), loss, (rows, cols), soft)?;
                for threads in POOLS {
                    let cpu = Cpu::detect().with_level(level);
                    let found = in_pool(threads, || run(cpu, loss, (rows, cols), soft))?;
                    assert!(found == alone, "{loss:?}, {level}, {threads} threads");
                }
                if fma_levels().contains(&level) {
                    let first = first.get_or_insert_with(|| alone.clone());
                    assert!(*first == alone, "{loss:?}, {level}, {rows} x {cols}");
                }
            }
        }
    }
    Ok(())
}

/// `rows x cols` with a gap of 3 after each row.
fn spread(data: &[f32], cols: usize) -> Vec<f32> {
    data.chunks(cols).flat_map(|row| row.iter().copied().chain([NAN; 3])).collect()
}

#[test]
fn gaps_between_rows_change_no_bit_and_are_not_written() -> Result<()> {
    for (rows, cols) in [(1, 3), (40, 10), (17, 2), (70, 33), (9, 200)] {
        let (x, t, ids) =
            (numbers(rows * cols, 1), numbers(rows * cols, 2), classes(rows, cols as u32, 3));
        let (wide_x, wide_t) = (spread(&x, cols), spread(&t, cols));
        let t = Target::Values(View::new(rows, cols, &t)?);
        let wide_t = Target::Values(View::with_stride(rows, cols, cols + 3, &wide_t)?);
        for loss in [Loss::MSE, Loss::CROSS_ENTROPY] {
            let (t, wide_t) = match loss {
                Loss::MSE => (t, wide_t),
                _ => (Target::Classes(&ids[..]), Target::Classes(&ids[..])),
            };
            for cpu in cpus() {
                let mut d = x.clone();
                let mut wide_d = wide_x.clone();
                let gaps = View::with_stride(rows, cols, cols + 3, &wide_x)?;
                let alone = loss.value(cpu, gaps, wide_t)?;
                let expected = loss.in_place(cpu, ViewMut::new(rows, cols, &mut d)?, t)?;
                let view = ViewMut::with_stride(rows, cols, cols + 3, &mut wide_d)?;
                let found = loss.in_place(cpu, view, wide_t)?;
                assert_eq!([found, alone].map(f32::to_bits), [expected.to_bits(); 2]);
                assert_eq!(bits(&wide_d), bits(&spread(&d, cols)), "{loss:?} {rows} x {cols}");
            }
        }
    }
    Ok(())
}

#[test]
fn cross_entropy_is_right_for_every_remainder_of_lanes() -> Result<()> {
    // Errors of an exponential: 4 ulp of its own, 8 u of an argument of up to 16; of a sum, n u;
    // and a few roundings more. Where 1 is subtracted the result is below 1, and rounded by u.
    let u = f64::from(f32::EPSILON) / 2.0;
    for cols in [1, 2, 7, 8, 9, 10, 15, 16, 17, 31, 32, 33] {
        for rows in 1..=35 {
            let x: Vec<f32> = numbers(rows * cols, rows as u64).iter().map(|x| 8.0 * x).collect();
            let ids = classes(rows, cols as u32, cols as u64);
            let tolerance = (8.0 + 16.0 + cols as f64 + 8.0) * u;
            for cpu in cpus() {
                let mut d = x.clone();
                let to = ViewMut::new(rows, cols, &mut d)?;
                let found =
                    Loss::CrossEntropy(Reduction::Sum).in_place(cpu, to, Target::Classes(&ids))?;
                let (mut sum, mut size) = (0.0, 0.0);
                for (i, x) in x.chunks(cols).enumerate() {
                    let x: Vec<f64> = x.iter().map(|&x| x.into()).collect();
                    let max = x.iter().copied().fold(f64::MIN, f64::max);
                    let z: f64 = x.iter().map(|x| (x - max).exp()).sum();
                    let right = ids[i] as usize;
                    sum += z.ln() - (x[right] - max);
                    size += 1.0 + z.ln() + (max - x[right]);
                    for j in 0..cols {
                        let own = f64::from(u8::from(j == right));
                        let p = (x[j] - max).exp() / z;
                        let error = (f64::from(d[i * cols + j]) - (p - own)).abs();
                        assert!(
                            error <= tolerance * p + own * u,
                            "{rows} x {cols}: {i} {j} {error}"
                        );
                    }
                }
                let error = (f64::from(found) - sum).abs();
                assert!(error <= tolerance * size, "{rows} x {cols}: {found} {sum}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_row_of_narrow_logits_alone_has_the_bits_that_it_has_in_a_batch() -> Result<()> {
    let (rows, cols) = (37, 10);
    let (x, ids) = (numbers(rows * cols, 1), classes(rows, 10, 2));
    for cpu in cpus() {
        let (mut values, mut d) = (x.clone(), vec![0.0; rows]);
        let loss = Loss::CrossEntropy(Reduction::Sum);
        loss.in_place(cpu, ViewMut::new(rows, cols, &mut values)?, Target::Classes(&ids))?;
        for i in 0..rows {
            let mut row = x[i * cols..][..cols].to_vec();
            let target = Target::Classes(&ids[i..=i]);
            d[i] = loss.in_place(cpu, ViewMut::new(1, cols, &mut row)?, target)?;
            assert_eq!(bits(&row), bits(&values[i * cols..][..cols]), "{i}");
        }
    }
    Ok(())
}

#[test]
fn not_a_number_and_infinity_do_not_vanish() -> Result<()> {
    let rows = [[0.0, NAN, 1.0], [0.0, INF, 1.0], [-INF, -INF, -INF], [0.0, -INF, 0.0]];
    for cpu in cpus() {
        for (row, lost) in rows.iter().zip([true, true, true, false]) {
            for loss in [
                Loss::CROSS_ENTROPY,
                Loss::CrossEntropyWith(CrossEntropyOptions::default(), Reduction::Mean),
            ] {
                let mut d = *row;
                let found =
                    loss.in_place(cpu, ViewMut::new(1, 3, &mut d)?, Target::Classes(&[0]))?;
                assert_eq!(found.is_nan(), lost, "{row:?}");
                assert_eq!(d.iter().any(|d| d.is_nan()), lost, "{row:?} {d:?}");
            }
        }
        for loss in all(Reduction::Sum).into_iter().filter(|&loss| !takes_classes(loss)) {
            let t = [0.5, 1.0, 0.0];
            let target = Target::Values(View::new(1, 3, &t)?);
            let value = loss.value(cpu, View::new(1, 3, &[0.5, 0.5, NAN])?, target)?;
            assert!(value.is_nan(), "{loss:?}: {value}");
        }
    }
    Ok(())
}

#[test]
fn sample_weights_multiply_rows_and_leave_the_divisor() -> Result<()> {
    // Squares 1, 4, 9, 16 in two rows, weights 2 and 4: 10 + 100.
    let (x, t) = (View::new(2, 2, &[1.0, 2.0, 3.0, 4.0])?, View::new(2, 2, &[0.0; 4])?);
    let weights = Some(&[2.0, 4.0][..]);
    for cpu in cpus() {
        for (reduction, divisor) in
            [(Reduction::Sum, 1.0), (Reduction::Mean, 4.0), (Reduction::BatchMean, 2.0)]
        {
            let options = Options { reduction, sample_weights: weights };
            let mut d = [NAN; 4];
            let to = ViewMut::new(2, 2, &mut d)?;
            let both = SquaredError.value_and_gradient(cpu, x, t, options, to)?;
            let alone = SquaredError.value(cpu, x, t, options)?;
            assert_eq!([both, alone], [110.0 / divisor; 2]);
            assert_eq!(d, [4.0, 8.0, 24.0, 32.0].map(|d| d / divisor));
        }
        let (mut values, mut d) = ([NAN; 4], [NAN; 4]);
        let to = (ViewMut::new(2, 2, &mut values)?, Some(ViewMut::new(2, 2, &mut d)?));
        SquaredError.elements(cpu, x, t, weights, to.0, to.1)?;
        assert_eq!((values, d), ([2.0, 8.0, 36.0, 64.0], [4.0, 8.0, 24.0, 32.0]));

        let nll = Nll { weights: Some(&[1.0, 8.0]), ..Nll::new(&[1, 0]) };
        for (reduction, divisor) in
            [(Reduction::Sum, 1.0), (Reduction::Mean, 9.0), (Reduction::BatchMean, 2.0)]
        {
            // -(2 * 8 * 2 + 4 * 1 * 3)
            let options = Options { reduction, sample_weights: weights };
            assert_eq!(nll.value(cpu, x, options)?, -44.0 / divisor);
        }
        let (mut values, mut d) = ([NAN; 2], [NAN; 4]);
        let to = (ViewMut::new(2, 1, &mut values)?, Some(ViewMut::new(2, 2, &mut d)?));
        nll.elements(cpu, x, weights, to.0, to.1)?;
        assert_eq!((values, d), ([-32.0, -12.0], [0.0, -16.0, -4.0, 0.0]));
    }
    Ok(())
}

#[test]
fn ignored_rows_have_no_loss_no_gradient_and_no_part_in_the_mean() -> Result<()> {
    let x = [1.0, 3.0, NAN, NAN, 2.0, 5.0];
    let ignored = (-100_i32) as u32;
    for cpu in cpus() {
        let mut d = x;
        let ids = [1, ignored, 0];
        let nll = Nll { ignore_index: Some(ignored), ..Nll::new(&ids) };
        let value = nll.in_place(cpu, ViewMut::new(3, 2, &mut d)?, Reduction::Mean)?;
        assert_eq!((value, d), (-2.5, [0.0, -0.5, 0.0, 0.0, -0.5, 0.0]));
        let all = [ignored; 3];
        let none = CrossEntropy { ignore_index: Some(ignored), ..CrossEntropy::new(&all) };
        let mut d = x;
        assert_eq!(none.value(cpu, View::new(3, 2, &x)?, Reduction::Sum)?, 0.0);
        assert!(none.in_place(cpu, ViewMut::new(3, 2, &mut d)?, Reduction::Mean)?.is_nan());
        assert_eq!(d, [0.0; 6]);
    }
    Ok(())
}

/// Value and slope of an element.
fn at(cpu: Cpu, f: &impl ElementLoss, x: f32, t: f32) -> Result<(f32, f32)> {
    let mut d = [NAN];
    let (x, t, to) = (&[x], &[t], ViewMut::new(1, 1, &mut d)?);
    let (x, t) = (View::new(1, 1, x)?, View::new(1, 1, t)?);
    let value = f.value_and_gradient(cpu, x, t, Reduction::Sum, to)?;
    Ok((value, d[0]))
}

#[test]
fn kinks_and_limits_are_those_of_the_tables() -> Result<()> {
    for cpu in cpus() {
        for (x, expected) in
            [(3.0, (1.0, 1.0)), (2.0, (0.0, 0.0)), (0.0, (2.0, -1.0)), (INF, (INF, 1.0))]
        {
            assert_eq!(at(cpu, &AbsoluteError, x, 2.0)?, expected);
            assert_eq!(at(cpu, &SmoothL1 { beta: 0.0 }, x, 2.0)?, expected);
        }
        let huber = Huber { delta: 2.0 };
        for (x, expected) in
            [(1.0, (0.5, 1.0)), (2.0, (2.0, 2.0)), (-4.0, (6.0, -2.0)), (-INF, (INF, -2.0))]
        {
            assert_eq!(at(cpu, &huber, x, 0.0)?, expected);
        }
        for (x, expected) in [(0.5, (0.5, -1.0)), (1.0, (0.0, 0.0)), (2.0, (0.0, 0.0))] {
            assert_eq!(at(cpu, &Hinge::default(), x, 1.0)?, expected);
        }
        // Logarithms end at -100, and the divisor at 1e-12.
        assert_eq!(at(cpu, &BinaryCrossEntropy, 0.0, 1.0)?, (100.0, -1.0 / 1e-12));
        assert_eq!(at(cpu, &BinaryCrossEntropy, 1.0, 0.0)?, (100.0, 1.0 / 1e-12));
        assert_eq!(at(cpu, &BinaryCrossEntropy, 1.0, 1.0)?, (0.0, 0.0));
        for x in [-1.0, -INF, INF] {
            assert_eq!(at(cpu, &KlDivergence::default(), x, 0.0)?.0, 0.0);
        }
        // Stirling's formula is added above 1 only.
        let (short, full) =
            (PoissonNll::default(), PoissonNll { full: true, ..Default::default() });
        assert_eq!(at(cpu, &full, 0.5, 1.0)?, at(cpu, &short, 0.5, 1.0)?);
        assert!(at(cpu, &full, 0.5, 2.0)?.0 > at(cpu, &short, 0.5, 2.0)?.0 + 0.6);
    }
    Ok(())
}

#[test]
fn margins_of_whole_numbers_are_exact() -> Result<()> {
    let x = [4.0, 2.0, 5.0, 1.0];
    for cpu in cpus() {
        // Missing at class 0 with a margin of 2: 0, 3, 0 of classes 1, 2, 3.
        for (p, weights, value, d) in [
            (1, None, 0.75, [-0.25, 0.0, 0.25, 0.0]),
            (2, None, 2.25, [-1.5, 0.0, 1.5, 0.0]),
            (2, Some(&[2.0, 7.0, 7.0, 7.0][..]), 4.5, [-3.0, 0.0, 3.0, 0.0]),
        ] {
            let margin = Margin { p, margin: 2.0 };
            let f = MultiMargin { weights, margin, ..MultiMargin::new(&[0]) };
            let mut found = x;
            let to = ViewMut::new(1, 4, &mut found)?;
            assert_eq!((f.in_place(cpu, to, Reduction::Mean)?, found), (value, d));
            assert_eq!(f.value(cpu, View::new(1, 4, &x)?, Reduction::Mean)?, value);
        }
    }
    Ok(())
}

#[test]
fn settings_and_lengths_that_make_no_sense_are_named_and_nothing_is_written() -> Result<()> {
    let value = |argument, expected, found| Error::Value { argument, expected, found };
    let length = |argument, expected, found| Error::Length { argument, expected, found };
    let r = Reduction::Mean;
    let bad = |label_smoothing| CrossEntropyOptions { label_smoothing, ignore_index: None };
    let (share, finite) = ("a number from 0 to 1", "a finite number");
    let (above, inf) = ("a finite number above 0", f64::INFINITY);
    let logits = BinaryCrossEntropyWithLogits { pos_weight: f32::INFINITY };
    for cpu in cpus() {
        let mut x = Tensor::from_vec(2, 2, vec![7.0; 4])?;
        let t = Tensor::zeros(2, 2)?;
        for (loss, error) in [
            (Loss::Huber(Huber { delta: 0.0 }, r), value("delta", above, 0.0)),
            (Loss::Huber(Huber { delta: f32::INFINITY }, r), value("delta", above, inf)),
            (Loss::Hinge(Hinge { margin: f32::INFINITY }, r), value("margin", finite, inf)),
            (
                Loss::SquaredHinge(SquaredHinge { margin: f32::INFINITY }, r),
                value("margin", finite, inf),
            ),
            (Loss::BinaryCrossEntropyWithLogits(logits, r), value("pos_weight", finite, inf)),
            (
                Loss::SmoothL1(SmoothL1 { beta: -1.0 }, r),
                value("beta", "a finite number from 0", -1.0),
            ),
            (
                Loss::PoissonNll(PoissonNll { epsilon: -1.0, ..Default::default() }, r),
                value("epsilon", "a finite number from 0", -1.0),
            ),
            (Loss::CrossEntropyWith(bad(1.5), r), value("label_smoothing", share, 1.5)),
        ] {
            let target = Target::Values(t.view());
            assert_eq!(loss.value(cpu, x.view(), target), Err(error));
            assert_eq!(loss.in_place(cpu, x.view_mut(), target), Err(error));
        }
        let margin = Loss::MultiMargin(Margin { p: 3, margin: 1.0 }, r);
        let error = value("p", "1 or 2", 3.0);
        assert_eq!(margin.in_place(cpu, x.view_mut(), Target::Classes(&[0, 0])), Err(error));
        let margin = Loss::MultiMargin(Margin { p: 1, margin: f32::INFINITY }, r);
        let error = value("margin", finite, inf);
        assert_eq!(margin.in_place(cpu, x.view_mut(), Target::Classes(&[0, 0])), Err(error));
        let by_column = BinaryCrossEntropyByColumn { pos_weight: &[1.0, f32::INFINITY] };
        let error = Err(value("pos_weight", finite, inf));
        assert_eq!(by_column.in_place(cpu, x.view_mut(), t.view(), r), error);
        let options = Options { reduction: r, sample_weights: Some(&[1.0]) };
        let error = Err(length("sample_weights", 2, 1));
        assert_eq!(SquaredError.in_place(cpu, x.view_mut(), t.view(), options), error);
        let ce = CrossEntropy::new(&[0, 1]);
        assert_eq!(ce.in_place(cpu, x.view_mut(), options), error);
        let weighted = CrossEntropy { weights: Some(&[1.0]), ..ce };
        assert_eq!(weighted.in_place(cpu, x.view_mut(), r), Err(length("weights", 2, 1)));
        assert_eq!(x.as_slice(), [7.0; 4]);
    }
    Ok(())
}

#[test]
fn weighted_classes_weigh_as_in_the_loss_itself() -> Result<()> {
    let (rows, cols) = (37, 5);
    let (x, ids) = (numbers(rows * cols, 1), classes(rows, cols as u32, 2));
    let weights = [0.5, 3.0, 1.0, 0.25, 2.0];
    let (x, w) = (View::new(rows, cols, &x)?, Some(&weights[..]));
    let options = CrossEntropyOptions { label_smoothing: 0.25, ignore_index: Some(1) };
    let margin = Margin { p: 2, margin: 0.5 };
    for (cpu, r) in cpus().flat_map(|cpu| [(cpu, Reduction::Mean), (cpu, Reduction::Sum)]) {
        let plain = CrossEntropy { weights: w, ..CrossEntropy::new(&ids) };
        let smooth = CrossEntropy { weights: w, ..options.with(&ids) };
        let nll = Nll { weights: w, ..Nll::new(&ids) };
        let hinge = MultiMargin { weights: w, margin, ..MultiMargin::new(&ids) };
        let of = |f: &dyn Fn(ViewMut<'_>) -> Result<f32>| -> Result<(u32, Vec<u32>)> {
            let mut d = vec![f32::NAN; rows * cols];
            let value = f(ViewMut::new(rows, cols, &mut d)?)?;
            Ok((value.to_bits(), bits(&d)))
        };
        let expected = [
            (Loss::CrossEntropy(r), of(&|d| plain.value_and_gradient(cpu, x, r, d))?),
            (Loss::CrossEntropyWith(options, r), of(&|d| smooth.value_and_gradient(cpu, x, r, d))?),
            (Loss::Nll(r), of(&|d| nll.value_and_gradient(cpu, x, r, d))?),
            (Loss::MultiMargin(margin, r), of(&|d| hinge.value_and_gradient(cpu, x, r, d))?),
        ];
        for (loss, expected) in expected {
            let target = Target::WeightedClasses { ids: &ids, weights: &weights };
            let mut d: Vec<f32> = x.iter_rows().flatten().copied().collect();
            let value = loss.in_place(cpu, ViewMut::new(rows, cols, &mut d)?, target)?;
            assert_eq!((value.to_bits(), bits(&d)), expected, "{loss:?}");
            assert_eq!(loss.value(cpu, x, target)?.to_bits(), value.to_bits());
            let unweighted = loss.value(cpu, x, Target::Classes(&ids))?;
            assert_ne!(unweighted.to_bits(), value.to_bits(), "{loss:?}");

            let few = Target::WeightedClasses { ids: &ids, weights: &weights[1..] };
            let error = Error::Length { argument: "weights", expected: 5, found: 4 };
            assert_eq!(loss.value(cpu, x, few), Err(error));
        }
        let target = Target::WeightedClasses { ids: &ids, weights: &weights };
        let found = Loss::SquaredError(r).value(cpu, x, target);
        assert!(matches!(found, Err(Error::Mismatch { argument: "target", .. })), "{found:?}");
    }
    Ok(())
}

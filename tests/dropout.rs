//! Laws of dropout. The mask is compared with a second implementation, word by word, which is
//! compared with the published answers of its generator.

mod support;

use densecore::activation::{Derivative, Forward, Relu};
use densecore::dropout::{AlphaDropout, Dropout};
use densecore::gemm::{Both, Map, MulMap, Start, matmul_fused};
use densecore::rng::stream;
use densecore::{Activation, Cpu, Error, Result, Rng, Scratch, Tensor, View, ViewMut};
use support::{POOLS, bits, cpus, in_pool, levels, numbers};

const SEED: u64 = 0x0123_4567_89AB_CDEF;
const STREAM: u64 = stream::DROPOUT + 5;

/// Threefry-2x32 as it is written down in the paper.
fn threefry(rounds: usize, counter: [u32; 2], key: [u32; 2]) -> [u32; 2] {
    const ROTATIONS: [u32; 8] = [13, 15, 26, 6, 17, 29, 16, 24];
    let keys = [key[0], key[1], 0x1BD1_1BDA ^ key[0] ^ key[1]];
    let [mut a, mut b] = [0, 1].map(|i| counter[i].wrapping_add(keys[i]));
    for round in 0..rounds {
        a = a.wrapping_add(b);
        b = b.rotate_left(ROTATIONS[round % 8]) ^ a;
        if round % 4 == 3 {
            let step = round / 4 + 1;
            a = a.wrapping_add(keys[step % 3]);
            b = b.wrapping_add(keys[(step + 1) % 3]).wrapping_add(step as u32);
        }
    }
    [a, b]
}

#[test]
fn known_answers_of_threefry2x32() {
    // The vectors that come with the authors' Random123.
    let (zero, ones, pi) = ([0; 2], [u32::MAX; 2], [0x243f_6a88, 0x85a3_08d3]);
    let key = [0x1319_8a2e, 0x0370_7344];
    for (rounds, counter, key, expected) in [
        (13, zero, zero, [0x9d1c_5ec6, 0x8bd5_0731]),
        (13, ones, ones, [0xfd36_d048, 0x2d17_272c]),
        (13, pi, key, [0xba3e_4725, 0xf27d_669e]),
        (20, zero, zero, [0x6b20_0159, 0x99ba_4efe]),
        (20, ones, ones, [0x1cb9_96fc, 0xbb00_2be7]),
        (20, pi, key, [0xc492_3a9c, 0x483d_f7a0]),
    ] {
        assert_eq!(threefry(rounds, counter, key), expected);
    }
}

/// The factor of an element, by the rule in the documentation.
fn factor(p: f32, row: u64, col: u64) -> f32 {
    let [a, b, ..] = Rng::new(SEED, STREAM).block(row);
    let (block, place) = (col / 128, col % 128);
    let counter = block * 64 + place % 64;
    let words = threefry(13, [counter as u32, (counter >> 32) as u32], [a, b]);
    let uniform = f64::from(words[(place / 64) as usize] >> 8) / f64::from(1 << 24);
    if uniform < f64::from(p) { 0.0 } else { (1.0 / (1.0 - f64::from(p))) as f32 }
}

fn dropout(p: f32) -> Dropout {
    Dropout::new(p, SEED, STREAM).expect("a probability")
}

fn factors(cpu: Cpu, dropout: Dropout, row: usize, col: usize, len: usize) -> Vec<f32> {
    let mut factors = vec![f32::NAN; len];
    dropout.factors(cpu, row, col, &mut factors);
    factors
}

#[test]
fn the_mask_is_the_documented_one() {
    // Parts that start and end anywhere, and columns and rows whose numbers have a second half.
    for cpu in cpus() {
        for p in [0.0, 1e-3, 0.1, 0.5, 0.9, 1.0] {
            for (row, col, len) in [
                (0, 0, 1000),
                (1, 3, 5),
                (7, 60, 10),
                (7, 127, 130),
                (1 << 40, (1 << 42) - 70, 300),
                (usize::MAX, 64, 64),
            ] {
                let expected: Vec<f32> =
                    (col..col + len).map(|col| factor(p, row as u64, col as u64)).collect();
                assert_eq!(factors(cpu, dropout(p), row, col, len), expected, "{p} {row} {col}");
            }
        }
    }
}

/// Five deviations of a binomial distribution of n draws.
#[track_caller]
fn assert_share(count: usize, n: usize, share: f64) {
    let (n, tolerance) = (n as f64, 5.0 * (share * (1.0 - share) / n as f64).sqrt());
    assert!((count as f64 / n - share).abs() <= tolerance, "{count} of {n}, expected {share}");
}

#[test]
fn the_expected_share_is_kept_and_elements_are_independent() {
    let n = 200_000;
    let is_kept = |factors: Vec<f32>| -> Vec<bool> { factors.iter().map(|&m| m > 0.0).collect() };
    for p in [0.1_f32, 0.25, 0.5, 0.8] {
        let cpu = Cpu::detect();
        let kept = is_kept(factors(cpu, dropout(p), 0, 0, n));
        let share = 1.0 - f64::from(p);
        assert_share(kept.iter().filter(|&&kept| kept).count(), n, share);
        // Neighbours, the two words of a counter, blocks; rows, streams and seeds beside it.
        for apart in [1, 2, 8, 16, 64, 128] {
            let both = kept.windows(apart + 1).filter(|pair| pair[0] && pair[apart]).count();
            assert_share(both, n - apart, share * share);
        }
        let others = [
            factors(cpu, dropout(p), 1, 0, n),
            factors(cpu, Dropout::new(p, SEED, STREAM + 1).expect("p"), 0, 0, n),
            factors(cpu, Dropout::new(p, SEED + 1, STREAM).expect("p"), 0, 0, n),
        ];
        for other in others {
            let both = kept.iter().zip(is_kept(other)).filter(|&(&a, b)| a && b).count();
            assert_share(both, n, share * share);
        }
        // Down a column, where every row has another key.
        let column: Vec<bool> =
            (0..50_000).map(|row| factors(cpu, dropout(p), row, 9, 1)[0] > 0.0).collect();
        assert_share(column.iter().filter(|&&kept| kept).count(), column.len(), share);
        let both = column.windows(2).filter(|pair| pair[0] && pair[1]).count();
        assert_share(both, column.len() - 1, share * share);
    }
}

#[test]
fn the_mean_is_kept() {
    // Of n values with factors 0 and 1 / (1 - p), whose variance is p / (1 - p).
    let n = 100_000;
    for p in [0.1_f32, 0.5, 0.9] {
        let mut y = vec![1.0; n];
        let rows = ViewMut::new(100, n / 100, &mut y).expect("a view");
        dropout(p).forward_in_place(Cpu::detect(), rows);
        let mean = y.iter().map(|&y| f64::from(y)).sum::<f64>() / n as f64;
        let tolerance = 5.0 * (f64::from(p) / (1.0 - f64::from(p)) / n as f64).sqrt();
        assert!((mean - 1.0).abs() <= tolerance, "{p}: {mean}");
    }
}

#[test]
fn forward_and_backward_multiply_by_the_same_factors() -> Result<()> {
    let (rows, cols) = (67, 150);
    let x = numbers(rows * cols, 1);
    for cpu in cpus() {
        for p in [0.0, 0.3, 1.0] {
            let dropout = dropout(p);
            let expected: Vec<f32> = (0..rows)
                .flat_map(|row| factors(cpu, dropout, row, 0, cols))
                .zip(&x)
                .map(|(m, x)| x * m)
                .collect();
            let (mut y, mut d) = (x.clone(), x.clone());
            dropout.forward_in_place(cpu, ViewMut::new(rows, cols, &mut y)?);
            dropout.backward_in_place(cpu, ViewMut::new(rows, cols, &mut d)?);
            assert_eq!(bits(&y), bits(&expected));
            assert_eq!(bits(&d), bits(&expected));
        }
    }
    Ok(())
}

#[test]
fn none_and_all_are_dropped() -> Result<()> {
    for cpu in cpus() {
        let x = numbers(300, 2);
        let run = |p: f32| -> Result<Vec<f32>> {
            let mut y = x.clone();
            dropout(p).forward_in_place(cpu, ViewMut::new(3, 100, &mut y)?);
            Ok(y)
        };
        assert_eq!(bits(&run(0.0)?), bits(&x));
        let mut zeros = [-0.0; 9];
        let alpha = AlphaDropout::new(0.0, SEED, STREAM)?;
        alpha.forward_in_place(cpu, ViewMut::new(1, 9, &mut zeros)?);
        assert_eq!(bits(&zeros), bits(&[-0.0; 9]));
        assert!(run(1.0)?.iter().all(|&y| y == 0.0));
        // The largest below 1 keeps one in 2^24, 2^24 times as large.
        let nearly = run(1.0_f32.next_down())?;
        assert!(nearly.iter().zip(&x).all(|(&y, &x)| y == 0.0 || y == x * 16_777_216.0));
    }
    Ok(())
}

#[test]
fn what_is_not_a_number_stays_so_even_where_it_is_dropped() -> Result<()> {
    for cpu in cpus() {
        for p in [0.5, 1.0] {
            for bad in [f32::NAN, f32::INFINITY] {
                let mut y = [bad; 200];
                dropout(p).forward_in_place(cpu, ViewMut::new(2, 100, &mut y)?);
                let expected = |m: f32| bad * m;
                for row in 0..2 {
                    for (y, m) in y[100 * row..].iter().zip(factors(cpu, dropout(p), row, 0, 100)) {
                        assert_eq!(y.is_nan(), expected(m).is_nan());
                        assert!(!y.is_finite());
                    }
                }
                let mut y = [bad; 200];
                let alpha = AlphaDropout::new(p, SEED, STREAM)?;
                alpha.forward_in_place(cpu, ViewMut::new(2, 100, &mut y)?);
                assert!(y.iter().all(|y| !y.is_finite()));
            }
        }
    }
    Ok(())
}

#[test]
fn any_number_of_threads_and_any_level_give_the_same_bits() -> Result<()> {
    // Few long rows are cut within a row, many rows between them.
    for (rows, cols) in [(1, 300_001), (3, 100_003), (64, 5000), (4000, 77)] {
        let x = numbers(rows * cols, 3);
        let alpha = AlphaDropout::new(0.4, SEED, STREAM)?;
        let run = |cpu: Cpu| -> Result<Vec<u32>> {
            let (mut y, mut z) = (x.clone(), x.clone());
            dropout(0.4).forward_in_place(cpu, ViewMut::new(rows, cols, &mut y)?);
            alpha.forward_in_place(cpu, ViewMut::new(rows, cols, &mut z)?);
            y.extend(z);
            Ok(bits(&y))
        };
        let expected = run(Cpu::serial())?;
        for level in levels() {
            assert!(run(Cpu::serial().with_level(level))? == expected, "{level}");
            for threads in POOLS {
                let found = in_pool(threads, || run(Cpu::detect().with_level(level)))?;
                assert!(found == expected, "{rows} x {cols}, {level}, {threads} threads");
            }
        }
    }
    Ok(())
}

#[test]
fn gaps_between_rows_are_left_alone() -> Result<()> {
    for cpu in cpus() {
        let mut data = [7.0; 50];
        dropout(1.0).forward_in_place(cpu, ViewMut::with_stride(5, 6, 10, &mut data)?);
        for (at, &x) in data.iter().enumerate() {
            assert_eq!(x, if at % 10 < 6 { 0.0 } else { 7.0 });
        }
        // No elements are no work, however many rows there are.
        dropout(0.5).forward_in_place(cpu, ViewMut::new(usize::MAX, 0, &mut [])?);
        dropout(0.5).forward_in_place(cpu, ViewMut::new(0, 5, &mut [])?);
    }
    Ok(())
}

#[test]
fn fused_into_a_product_it_is_the_same() -> Result<()> {
    // Enough for several tiles and strips, and for all paths of the product.
    for (rows, inputs, cols) in [(3, 5, 7), (2, 300, 500), (130, 70, 333)] {
        let x = Tensor::from_vec(rows, inputs, numbers(rows * inputs, 4))?;
        let w = Tensor::from_vec(inputs, cols, numbers(inputs * cols, 5))?;
        let factors = || (x.view().into(), w.view().into());
        let alpha = AlphaDropout::new(0.3, SEED, STREAM)?;
        for cpu in cpus() {
            let mut scratch = Scratch::new();
            let nan = || Tensor::from_vec(rows, cols, vec![f32::NAN; rows * cols]);
            let (mut plain, mut relu) = (nan()?, nan()?);
            let start = Start::Zero;
            let identity = densecore::gemm::Identity;
            matmul_fused(cpu, &mut scratch, factors(), start, &identity, plain.view_mut())?;
            relu.as_mut_slice().copy_from_slice(plain.as_slice());
            Activation::Relu.forward_in_place(cpu, relu.as_mut_slice());

            let mut fused = nan()?;
            let epilogue = Both(Map(Forward(Relu)), dropout(0.3));
            matmul_fused(cpu, &mut scratch, factors(), start, &epilogue, fused.view_mut())?;
            let mut apart = relu.clone();
            dropout(0.3).forward_in_place(cpu, apart.view_mut());
            assert_eq!(bits(fused.as_slice()), bits(apart.as_slice()), "{rows} x {cols}");

            let epilogue = Both(Map(Forward(Relu)), alpha);
            matmul_fused(cpu, &mut scratch, factors(), start, &epilogue, fused.view_mut())?;
            let mut apart = relu.clone();
            alpha.forward_in_place(cpu, apart.view_mut());
            assert_eq!(bits(fused.as_slice()), bits(apart.as_slice()), "{rows} x {cols}");

            // Backward: the product is dY, multiplied by the factors and the derivative.
            let slope = MulMap { f: Derivative(Relu), other: relu.view() };
            let epilogue = Both(alpha.gradient(), slope);
            matmul_fused(cpu, &mut scratch, factors(), start, &epilogue, fused.view_mut())?;
            let mut apart = plain.clone();
            alpha.backward_in_place(cpu, apart.view_mut());
            Activation::Relu.backward_in_place(cpu, relu.as_slice(), apart.as_mut_slice())?;
            assert_eq!(bits(fused.as_slice()), bits(apart.as_slice()), "{rows} x {cols}");

            // The epilogues' own demands are checked.
            let narrow = MulMap { f: Derivative(Relu), other: View::new(0, 0, &[])? };
            let to = fused.view_mut();
            let epilogue = Both(dropout(0.3), narrow);
            let refused = matmul_fused(cpu, &mut scratch, factors(), start, &epilogue, to);
            assert!(matches!(refused, Err(Error::Shape { argument: "other", .. })), "{refused:?}");
        }
    }
    Ok(())
}

#[test]
fn alpha_dropout_is_its_formula() -> Result<()> {
    let (rows, cols) = (5, 200);
    let x = numbers(rows * cols, 6);
    for cpu in cpus() {
        for p in [0.0, 0.1, 0.5, 0.9] {
            let (alpha, plain) = (AlphaDropout::new(p, SEED, STREAM)?, dropout(p));
            let (mut y, mut d) = (x.clone(), x.clone());
            alpha.forward_in_place(cpu, ViewMut::new(rows, cols, &mut y)?);
            alpha.backward_in_place(cpu, ViewMut::new(rows, cols, &mut d)?);
            let share = f64::from(p);
            let low = -1.6732632423543772 * 1.0507009873554805;
            let a = ((1.0 - share) * (1.0 + share * low * low)).powf(-0.5);
            let b = -a * low * share;
            for row in 0..rows {
                let mask = factors(cpu, plain, row, 0, cols);
                for (col, m) in mask.into_iter().enumerate() {
                    let (x, y, d) = (
                        f64::from(x[row * cols + col]),
                        f64::from(y[row * cols + col]),
                        f64::from(d[row * cols + col]),
                    );
                    let k = if m > 0.0 { 1.0 } else { 0.0 };
                    let expected = a * (x * k + low * (1.0 - k)) + b;
                    // Constants, product and sum are rounded: four times at most 2^-24 of the
                    // largest number, which is below |a x| + |a low| + |b|.
                    let tolerance = 4.0 * 2_f64.powi(-24) * (a * x.abs() - a * low + b.abs());
                    assert!((y - expected).abs() <= tolerance, "{p}: {y}, {expected}");
                    assert!((d - a * x * k).abs() <= tolerance, "{p}: {d}");
                }
            }
        }
        // All of it is dropped: zero, as in PyTorch.
        let (alpha, mut y) = (AlphaDropout::new(1.0, SEED, STREAM)?, x.clone());
        alpha.forward_in_place(cpu, ViewMut::new(rows, cols, &mut y)?);
        assert!(y.iter().all(|&y| y == 0.0));
        let mut d = x.clone();
        alpha.backward_in_place(cpu, ViewMut::new(rows, cols, &mut d)?);
        assert!(d.iter().all(|&d| d == 0.0));
    }
    Ok(())
}

#[test]
fn alpha_dropout_keeps_mean_and_variance() -> Result<()> {
    let n = 200_000;
    let mut rng = Rng::new(1, 2);
    let x: Vec<f32> = (0..n).map(|_| rng.normal()).collect();
    for p in [0.1_f32, 0.5] {
        let mut y = x.clone();
        let alpha = AlphaDropout::new(p, SEED, STREAM)?;
        alpha.forward_in_place(Cpu::detect(), ViewMut::new(200, n / 200, &mut y)?);
        let moment =
            |f: &dyn Fn(f64) -> f64| y.iter().map(|&y| f(f64::from(y))).sum::<f64>() / n as f64;
        let mean = moment(&|y| y);
        let variance = moment(&|y| (y - mean).powi(2));
        let fourth = moment(&|y| (y - mean).powi(4));
        // Five deviations of the mean and of the variance of n values, by their own moments.
        assert!(mean.abs() <= 5.0 * (variance / n as f64).sqrt(), "{p}: {mean}");
        let spread = ((fourth - variance * variance) / n as f64).sqrt();
        assert!((variance - 1.0).abs() <= 5.0 * spread, "{p}: {variance}");
    }
    Ok(())
}

#[test]
fn what_is_no_probability_is_an_error() {
    for p in [-0.1, -f32::MIN_POSITIVE, 1.0_f32.next_up(), f32::NAN, f32::INFINITY] {
        for result in [Dropout::new(p, 1, 2).map(|_| ()), AlphaDropout::new(p, 1, 2).map(|_| ())] {
            match result {
                Err(Error::Value { argument: "p", found, .. }) => {
                    assert_eq!(found.to_bits(), f64::from(p).to_bits());
                }
                other => panic!("{p}: {other:?}"),
            }
        }
    }
}

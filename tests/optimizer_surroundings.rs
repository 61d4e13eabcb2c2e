//! Laws of what stands around a step: clipping, penalties, max-norm, averages of weights, and
//! gradients accumulated over micro-batches.

mod support;

use densecore::gemm::Accum;
use densecore::loss::Reduction;
use densecore::optim::{Ema, Sgd, clip, max_norm, penalty};
use densecore::{Activation, Cpu, Error, Loss, Network, Result, Target, View, ViewMut, Workspace};
use support::errors::refused;
use support::{POOLS, bits, classes, cpus, in_pool, levels, numbers};

#[test]
fn clipping_by_value_keeps_what_is_within_and_what_is_not_a_number() -> Result<()> {
    for cpu in cpus() {
        for at in 0..40 {
            let mut g = [0.5; 40];
            g[at] = -3.0;
            g[(at + 1) % 40] = f32::INFINITY;
            g[(at + 2) % 40] = f32::NAN;
            clip::by_value(cpu, &mut g, 1.0)?;
            assert_eq!((g[at], g[(at + 1) % 40]), (-1.0, 1.0));
            assert!(g[(at + 2) % 40].is_nan());
            assert_eq!(g.iter().filter(|&&g| g == 0.5).count(), 37);
        }
    }
    Ok(())
}

#[test]
fn the_norm_has_the_same_bits_on_every_level_and_number_of_threads() -> Result<()> {
    for len in [0, 1, 15, 17, 63, 65, 4095, 4097, 300_001] {
        let g = numbers(len, 7);
        let exact: f64 = g.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt();
        let expected = clip::norm(Cpu::serial(), &g);
        // Two sums of `len` terms in f64, each within (len - 1) 2^-53 of its size.
        assert!(
            (expected - exact).abs() <= len as f64 * f64::EPSILON * exact,
            "{expected} {exact}"
        );
        for level in levels() {
            for threads in POOLS {
                let found = in_pool(threads, || clip::norm(Cpu::detect().with_level(level), &g));
                assert_eq!(found.to_bits(), expected.to_bits(), "{len} at {level}");
            }
        }
    }
    Ok(())
}

#[test]
fn clipping_by_norm_scales_to_the_norm_or_changes_nothing() -> Result<()> {
    for cpu in cpus() {
        // Norm 5, on which PyTorch's 1e-6 is a share of 2e-7.
        let mut g = [0.0; 50];
        (g[3], g[47]) = (3.0, -4.0);
        let before = g;
        assert_eq!(clip::by_global_norm(cpu, &mut g, 5.1)?, 5.0);
        assert_eq!(g, before);
        assert_eq!(clip::by_global_norm(cpu, &mut g, 1.0)?, 5.0);
        let factor = (1.0 / (5.0 + 1e-6)) as f32;
        assert_eq!((g[3], g[47], g[0]), (3.0 * factor, -4.0 * factor, 0.0));
        // Squares beyond f32.
        let mut g = [3e30, 4e30];
        let norm = clip::by_global_norm(cpu, &mut g, 5.0)?;
        assert!((norm - 5e30).abs() < 1e-6 * 5e30 && (g[0] - 3.0).abs() < 1e-5, "{norm} {g:?}");
        // Exactly zero, and what is not finite.
        assert_eq!(clip::by_global_norm(cpu, &mut [0.0; 9], 0.0)?, 0.0);
        let mut g = [1.0, f32::INFINITY];
        assert_eq!(clip::by_global_norm(cpu, &mut g, 1.0)?, f64::INFINITY);
        assert!(g[0] == 0.0 && g[1].is_nan(), "{g:?}");
        let mut g = [1.0, f32::NAN];
        assert!(clip::by_global_norm(cpu, &mut g, 1.0)?.is_nan());
        assert!(g[0].is_nan() && g[1].is_nan(), "{g:?}");
    }
    Ok(())
}

#[test]
fn penalties_and_their_gradients_are_exact_on_small_integers() -> Result<()> {
    for cpu in cpus() {
        for len in 0..40 {
            let w: Vec<_> = (0..len).map(|i| (i % 7) as f32 - 3.0).collect();
            let g: Vec<_> = (0..len).map(|i| i as f32).collect();
            let (mut l1, mut l2) = (g.clone(), g.clone());
            let value = penalty::l1(cpu, 0.5, &w, &mut l1)?;
            assert_eq!(value, w.iter().map(|w| 0.5 * f64::from(w.abs())).sum::<f64>());
            let value = penalty::l2(cpu, 0.5, &w, &mut l2)?;
            assert_eq!(value, w.iter().map(|w| 0.25 * f64::from(w * w)).sum::<f64>());
            for i in 0..len {
                let sign = if w[i] == 0.0 { 0.0 } else { w[i].signum() };
                assert_eq!((l1[i], l2[i]), (g[i] + 0.5 * sign, g[i] + 0.5 * w[i]));
            }
        }
    }
    Ok(())
}

#[test]
fn max_norm_limits_each_column_and_keeps_the_bits_of_the_others() -> Result<()> {
    // Blocks of columns with a rest, and rows with a gap behind.
    let (rows, stride) = (11, 150);
    for cols in [1, 63, 64, 65, 150] {
        let before = numbers(rows * stride, 3);
        let norm = |m: &[f32], j: usize| {
            let square = |i| f64::from(m[i * stride + j]) * f64::from(m[i * stride + j]);
            f64::sqrt((0..rows).map(square).sum())
        };
        let mut expected = Vec::new();
        for cpu in cpus() {
            for threads in POOLS {
                let mut m = before.clone();
                let weight = ViewMut::with_stride(rows, cols, stride, &mut m)?;
                in_pool(threads, || max_norm(cpu, weight, 1.75))?;
                let mut limited = 0;
                for j in 0..stride {
                    let (old, new) = (norm(&before, j), norm(&m, j));
                    if j < cols && old > 1.75 {
                        // 1e-7 of the norm, and a rounding of the factor and one of the product.
                        assert!((new - 1.75).abs() < 1e-7 + 1.75 * 2.0_f64.powi(-23), "{new}");
                        limited += 1;
                    } else {
                        assert!((0..rows).all(|i| m[i * stride + j] == before[i * stride + j]));
                    }
                }
                assert!(cols == 1 || (0 < limited && limited < cols), "{limited} of {cols}");
                expected = if expected.is_empty() { bits(&m) } else { expected };
                assert!(bits(&m) == expected);
            }
        }
    }
    Ok(())
}

#[test]
fn the_average_of_weights_is_the_sum_of_all_with_falling_shares() -> Result<()> {
    let history: Vec<_> = (0..20).map(|t| numbers(45, t)).collect();
    for cpu in cpus() {
        let mut ema = Ema::new(0.9, &history[0])?;
        let mut exact: Vec<_> = history[0].iter().map(|&p| f64::from(p)).collect();
        for p in &history[1..] {
            ema.update(cpu, p)?;
            exact.iter_mut().zip(p).for_each(|(a, &p)| *a = 0.9 * *a + 0.1 * f64::from(p));
        }
        for (&found, exact) in ema.parameters().iter().zip(&exact) {
            // All are below 1: the factor, a difference below 2 times it and the sum are each
            // rounded, 4 times 2^-24 or less a step; of which 0.9^k is left after k more.
            assert!((f64::from(found) - exact).abs() < 10.0 * 4.0 * 2.0_f64.powi(-24));
        }
    }
    Ok(())
}

/// A linear network with small whole numbers as weights: sums are exact in any order.
fn whole(widths: &[usize]) -> Result<Network> {
    let mut network = Network::mlp(widths, Activation::Identity, 1)?;
    for i in 0..network.layers() {
        let mut layer = network.layer_mut(i).expect("a layer");
        let weight = layer.weight.as_contiguous_mut().expect("no gaps");
        let all = weight.iter_mut().chain(&mut *layer.bias);
        all.enumerate().for_each(|(j, w)| *w = (j % 3) as f32 - 1.0);
    }
    Ok(network)
}

#[test]
fn four_micro_batches_are_one_batch() -> Result<()> {
    // Means over 32 rows of 2, and of 8: powers of two, so that all is exact.
    let x: Vec<_> = (0..32 * 3).map(|i| (i % 5) as f32 - 2.0).collect();
    let y: Vec<_> = (0..32 * 2).map(|i| (i % 7) as f32 - 3.0).collect();
    let (x, y) = (View::new(32, 3, &x)?, View::new(32, 2, &y)?);
    for cpu in cpus() {
        let (mut network, mut workspace) = (whole(&[3, 4, 2])?, Workspace::new());
        let mut sgd = network.optimizer(Sgd::new(0.5))?;
        let mut other = network.clone();
        let sample = (x, Target::Values(y));
        let loss = other.train_step(cpu, &mut workspace, sample, Loss::MSE, &mut sgd.clone())?;
        let expected = other.gradients(&workspace).to_vec();
        // What was there before is replaced.
        workspace.poison();
        let (mut accum, mut sum) = (Accum::Replace, 0.0);
        for first in [0, 8, 16, 24] {
            let sample = (x.rows_range(first, 8), Target::Values(y.rows_range(first, 8)));
            sum += network.accumulate(cpu, &mut workspace, sample, Loss::MSE, (accum, 0.25))?;
            accum = Accum::Add;
        }
        assert_eq!(sum, loss);
        assert_eq!(network.gradients(&workspace), expected);
        assert!(expected.iter().filter(|&&g| g != 0.0).count() > 10, "{expected:?}");
        network.update(cpu, &workspace, &mut sgd)?;
        assert_eq!(network.parameters(), other.parameters());
    }
    Ok(())
}

#[test]
fn micro_batches_of_a_cross_entropy_add_up() -> Result<()> {
    let (x, ids) = (numbers(24 * 6, 1), classes(24, 3, 2));
    let x = View::new(24, 6, &x)?;
    let loss = Loss::CrossEntropy(Reduction::Mean);
    for cpu in cpus() {
        let (network, mut workspace) =
            (Network::mlp(&[6, 9, 3], Activation::Tanh, 1)?, Workspace::new());
        network.loss_and_gradients(cpu, &mut workspace, x, Target::Classes(&ids), loss)?;
        let expected = network.gradients(&workspace).to_vec();
        let mut accum = Accum::Replace;
        // Unequal ones have unequal shares.
        for (first, rows) in [(0, 10), (10, 2), (12, 12)] {
            let target = Target::Classes(&ids[first..first + rows]);
            let sample = (x.rows_range(first, rows), target);
            let scaled = (accum, rows as f32 / 24.0);
            network.accumulate(cpu, &mut workspace, sample, loss, scaled)?;
            accum = Accum::Add;
        }
        for (&found, &expected) in network.gradients(&workspace).iter().zip(&expected) {
            // Sums of 24 terms below 2/24 and their scale, 30 roundings of 2^-24 in all, twice, of
            // sums below 2.
            assert!(
                (found - expected).abs() < 60.0 * 2.0 * 2.0_f32.powi(-24),
                "{found} {expected}"
            );
        }
    }
    Ok(())
}

#[test]
fn gradients_of_no_pass_or_of_another_network_are_refused() -> Result<()> {
    let (cpu, mut workspace) = (Cpu::detect(), Workspace::new());
    let mut network = whole(&[3, 2])?;
    let mut sgd = network.optimizer(Sgd::new(1.0))?;
    let sample = (View::new(1, 3, &[1.0; 3])?, Target::Values(View::new(1, 2, &[1.0; 2])?));
    let error = Error::Mismatch {
        argument: "workspace",
        expected: "gradients of this network",
        found: "those of another one, or none",
    };
    let before = network.parameters().to_vec();
    for _ in 0..2 {
        refused(network.update(cpu, &workspace, &mut sgd), error);
        let add = (Accum::Add, 1.0);
        refused(network.accumulate(cpu, &mut workspace, sample, Loss::MSE, add), error);
        assert!(network.gradients_mut(&mut Workspace::new()).is_empty());
        // A larger network has left its own.
        let (other, x) = (whole(&[30, 20])?, View::new(1, 30, &[1.0; 30])?);
        other.forward(cpu, &mut workspace, x)?;
    }
    assert_eq!((network.parameters(), sgd.steps()), (&before[..], 0));
    Ok(())
}

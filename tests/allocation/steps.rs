//! Training steps with every optimizer and every loss, and predictions with packed weights.

use densecore::loss::Reduction;
use densecore::optim::Sgd;
use densecore::simd::Level;
use densecore::{
    Activation, Cpu, Loss, Network, PackedNetwork, Result, Target, Tensor, View, Workspace,
};

use super::support::losses::{all, takes_classes};
use super::{NONE, classes, counter, levels, numbers, pool, repeated, rules};

/// Gradients kept, gradients applied as they come out of the product, and passes of a small network.
const PATHS: [(&[usize], usize, bool); 3] =
    [(&[20, 70, 5], 67, false), (&[20, 70, 5], 67, true), (&[4, 7, 5], 3, false)];

#[test]
fn no_optimizer_and_no_loss_allocates_in_a_step() -> Result<()> {
    let counter = counter();
    let (rules, losses) = (rules::all(1e-3), all(Reduction::Mean));
    for level in levels().into_iter().filter(|&level| level != Level::Portable) {
        for (widths, batch, is_fused) in PATHS {
            let cpu = Cpu::serial().with_level(level);
            let cpu = if is_fused { cpu.with_caches(NONE) } else { cpu };
            let network = Network::mlp(widths, Activation::Relu, 1)?;
            let input = numbers(batch * widths[0], 1);
            let input = View::new(batch, widths[0], &input)?;
            let (ids, values) = (classes(batch, 5, 2), vec![0.5; batch * 5]);
            for &rule in &rules {
                let (mut network, mut workspace) = (network.clone(), Workspace::new());
                let mut optimizer = network.optimizer(rule)?;
                for &loss in &losses {
                    let target = match takes_classes(loss) {
                        true => Target::Classes(&ids),
                        false => Target::Values(View::new(batch, 5, &values)?),
                    };
                    let found = repeated(counter, || {
                        let sample = (input, target);
                        network.train_step(cpu, &mut workspace, sample, loss, &mut optimizer)?;
                        Ok(())
                    })?;
                    assert_eq!(found, 0, "{rule:?}, {loss:?}, {batch} rows at {level}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn single_samples_divided_among_threads_allocate_nothing() -> Result<()> {
    let counter = counter();
    let pool = pool(2, counter);
    for level in levels().into_iter().filter(|&level| level != Level::Portable) {
        for caches in [None, Some(NONE)] {
            let cpu = Cpu::detect().with_level(level);
            let cpu = caches.map_or(cpu, |caches| cpu.with_caches(caches));
            let mut network = Network::mlp(&[512, 600, 400], Activation::Relu, 1)?;
            let mut sgd = network.optimizer(Sgd::new(1e-6))?;
            let (input, target) = (numbers(512, 1), numbers(400, 2));
            let (input, target) = (View::new(1, 512, &input)?, View::new(1, 400, &target)?);
            let (mut workspace, mut output) = (Workspace::new(), Tensor::zeros(1, 400)?);
            let found = pool.install(|| {
                repeated(counter, || {
                    network.predict(cpu, &mut workspace, input, output.view_mut())?;
                    let sample = (input, Target::Values(target));
                    network.train_step(cpu, &mut workspace, sample, Loss::MSE, &mut sgd)?;
                    Ok(())
                })
            })?;
            assert_eq!(found, 0, "{level}, {caches:?}");
        }
    }
    Ok(())
}

#[test]
fn predictions_divided_among_threads_allocate_nothing() -> Result<()> {
    let counter = counter();
    let pool = pool(2, counter);
    for level in levels().into_iter().filter(|&level| level != Level::Portable) {
        let network = Network::mlp(&[300, 512, 200, 10], Activation::Relu, 1)?;
        let packed = PackedNetwork::new(Cpu::serial().with_level(level), network)?;
        let input = Tensor::from_vec(200, 300, numbers(200 * 300, 1))?;
        let (mut workspace, mut output) = (Workspace::new(), Tensor::zeros(200, 10)?);
        // Layers divided, and samples.
        for (batch, is_packed) in [1, 7, 128, 200].into_iter().flat_map(|b| [(b, true), (b, false)])
        {
            let mut predict = |cpu: Cpu| {
                let (input, output) = (input.view().rows_range(0, batch), output.view_mut());
                let (output, cpu) = (output.split_rows_at(batch).0, cpu.with_level(level));
                match is_packed {
                    true => packed.predict(cpu, &mut workspace, input, output),
                    false => packed.network().predict(cpu, &mut workspace, input, output),
                }
            };
            assert_eq!(repeated(counter, || predict(Cpu::serial()))?, 0, "{batch} rows, {level}");
            let found = pool.install(|| repeated(counter, || predict(Cpu::detect())))?;
            assert_eq!(found, 0, "{batch} rows, two threads, {level}");
        }
    }
    Ok(())
}

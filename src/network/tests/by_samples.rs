//! Laws of predictions in which each thread takes samples of its own.

use super::*;
use crate::network::by_samples::samples_of_others;
use crate::network::{Builder, Graph, PackedNetwork};
use crate::parallel::in_pool;
use crate::tensor::ViewMut;

/// A chain with dropout, a sum and a concatenation, one output; enough work for several threads.
fn networks() -> Result<Vec<Network>> {
    let hidden = Activation::Tanh;
    let repeated = Graph::new(40)
        .concat("twice", &["input", "input"])
        .dense("a", "twice", 80, hidden)
        .add("sum", &["a", "twice"])
        .dense("b", "sum", 33, Activation::Identity)
        .output("b");
    let dropped = Builder::new(40).dense(200, hidden).dropout(0.5).dense(90, Activation::Identity);
    Ok(vec![Network::mlp(&[40, 150, 70, 3], hidden, 1)?, dropped.build()?, repeated.build()?])
}

fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 % 2003) as f32 - 1001.0) / 640.0).collect()
}

#[test]
fn every_sample_is_taken_once() {
    for batch in [1, 2, 15, 96, 97, 1000] {
        for each in 1..=batch {
            let taken = each.min(batch) + samples_of_others(each, batch).sum::<usize>();
            assert_eq!(taken, batch, "{each} each");
            assert!(samples_of_others(each, batch).all(|others| 0 < others && others <= each));
        }
    }
}

#[test]
fn samples_divided_among_threads_give_the_same_bits() -> Result<()> {
    // Two columns more than the output has.
    const GAP: usize = 2;
    for network in networks()? {
        let (inputs, outputs) = (network.inputs(), network.outputs());
        for level in Level::available() {
            let (cpu, serial) = (Cpu::detect().with_level(level), Cpu::serial().with_level(level));
            let packed = PackedNetwork::new(cpu, &network)?;
            // One for all batches and pools.
            let mut workspace = Workspace::new();
            for batch in [600, 1203, 601] {
                let input = numbers(batch * (inputs + GAP));
                let input = View::with_stride(batch, inputs, inputs + GAP, &input)?;
                let mut run = |cpu, packed: Option<&PackedNetwork<_>>| {
                    let mut output = vec![f32::NAN; batch * (outputs + GAP)];
                    for _ in 0..2 {
                        output.fill(f32::NAN);
                        let view = ViewMut::new(batch, outputs + GAP, &mut output)?;
                        let view = view.split_cols_at(outputs).0;
                        match packed {
                            Some(packed) => packed.predict(cpu, &mut workspace, input, view)?,
                            None => network.predict(cpu, &mut workspace, input, view)?,
                        }
                        workspace.poison();
                    }
                    Ok(output.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
                };
                let expected = run(serial, None)?;
                let holes = expected.iter().filter(|&&x| f32::from_bits(x).is_nan()).count();
                assert_eq!(holes, batch * GAP);
                for threads in [7, 2, 4, 3] {
                    in_pool(threads, || {
                        let each = network.samples_of_each(cpu, batch, None);
                        assert_eq!(each, Some(batch.div_ceil(threads)), "{threads} threads");
                        assert!(run(cpu, None)? == expected, "{threads} threads, {level}");
                        assert!(run(cpu, Some(&packed))? == expected, "packed, {threads} threads");
                        Ok(())
                    })?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn only_many_samples_of_weights_that_are_not_huge_are_divided() -> Result<()> {
    let chain = |widths: &[usize]| Network::mlp(widths, Activation::Relu, 1);
    let cpu = Cpu::detect();
    let network = chain(&[40, 150, 70, 3])?;
    let heads = Graph::new(40)
        .dense("a", "input", 150, Activation::Relu)
        .dense("b", "a", 150, Activation::Relu)
        .output("a")
        .output("b")
        .build()?;
    in_pool(3, || {
        let (plain, packed): (Option<&[Option<_>]>, _) = (None, Some(&[][..]));
        assert_eq!(network.samples_of_each(cpu, 600, plain), Some(200));
        assert_eq!(network.samples_of_each(Cpu::serial(), 600, plain), None);
        assert_eq!(network.samples_of_each(cpu, usize::MAX, plain), Some(usize::MAX / 3));
        // What is packed is worth it sooner.
        assert_eq!(network.samples_of_each(cpu, 140, plain), None);
        assert_eq!(network.samples_of_each(cpu, 140, packed), Some(47));
        assert_eq!(network.samples_of_each(cpu, 40, packed), None);
        assert_eq!(heads.samples_of_each(cpu, 600, plain), None);
        // Too little work for a second thread, and for the third.
        assert_eq!(chain(&[20, 20])?.samples_of_each(cpu, 600, plain), None);
        assert_eq!(chain(&[40, 40])?.samples_of_each(cpu, 400, plain), None);
        assert_eq!(chain(&[40, 40])?.samples_of_each(cpu, 600, plain), Some(200));
        assert_eq!(chain(&[1536, 2048])?.samples_of_each(cpu, 600, plain), Some(200));
        assert_eq!(chain(&[1536, 2049])?.samples_of_each(cpu, 600, plain), None);
        Ok(())
    })
}

//! Gradients of graphs, exactly: in a network of integers that is linear piece by piece, a small
//! enough difference of the loss is its slope without any error.

use super::{BATCH, Network, add, concat, cpus, d_output, dense, dropout, input, network, passes};
use super::{Spec, predict, telling};
use crate::activation::Activation::{Identity, Relu, Sigmoid};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::loss::{Loss, Target};
use crate::network::Workspace;
use crate::network::plan::{Kind, Plan};
use crate::optim::Sgd;
use crate::scratch::Buffer;
use crate::tensor::{Tensor, View};

/// A power of two, so that a step is exact. All numbers are multiples of 1/8, and below 2^9 or so:
/// a step leaves room for them in 24 bits, and rarely meets the kink of a ReLU.
const STEP: f32 = 1.0 / 4096.0;

/// A graph: its name, its nodes, the number of its layers and its outputs.
type Graph = (&'static str, Vec<Spec>, &'static [usize]);

fn graphs() -> Vec<Graph> {
    let trunk = dense(0, 4, Relu);
    vec![
        ("chain", vec![trunk.clone(), dense(1, 3, Relu), dense(2, 2, Identity)], &[3]),
        ("skip", vec![trunk.clone(), dense(1, 4, Relu), add(&[1, 2]), dense(3, 2, Identity)], &[4]),
        ("skip over relu", vec![trunk.clone(), dense(1, 4, Relu), add(&[2, 1])], &[3]),
        ("the input skips", vec![dense(0, 3, Relu), add(&[0, 1]), dense(2, 2, Identity)], &[3]),
        ("twice itself", vec![trunk.clone(), add(&[1, 1]), concat(&[2, 2])], &[3]),
        (
            "concat",
            vec![trunk.clone(), dense(0, 3, Relu), concat(&[2, 1]), dense(3, 2, Relu)],
            &[4],
        ),
        ("the input beside", vec![trunk.clone(), concat(&[1, 0]), dense(2, 3, Identity)], &[3]),
        (
            "sum of three, of a sum and a concatenation",
            vec![
                trunk.clone(),
                dense(1, 2, Relu),
                dense(1, 2, Relu),
                concat(&[2, 3]),
                add(&[1, 4]),
                add(&[4, 5, 1]),
                dense(6, 2, Identity),
            ],
            &[7],
        ),
        (
            "outputs that are read, in no order",
            vec![
                trunk.clone(),
                dense(1, 4, Relu),
                add(&[2, 1]),
                concat(&[3, 2]),
                dense(4, 2, Relu),
            ],
            &[3, 5, 2, 4],
        ),
        ("a sum and a part of it", vec![trunk, dense(0, 4, Relu), add(&[2, 1])], &[3, 1]),
    ]
}

/// `sum r y` over the outputs for the gradients `r` that arrive at them, exact in f64.
fn loss(cpu: Cpu, network: &Network, heads: &[usize], input: View<'_>) -> Result<f64> {
    let mut sum = 0.0;
    for (y, &head) in predict(cpu, network, input)?.iter().zip(heads) {
        let r = d_output(head, y.len() / BATCH);
        sum += y.iter().zip(r).map(|(y, r)| f64::from(*y) * f64::from(r)).sum::<f64>();
    }
    Ok(sum)
}

/// The slope of a function of a step, where it is the same on both sides.
fn slope(f: impl Fn(f32) -> Result<f64>) -> Result<Option<f32>> {
    let (below, here, above) = (f(-STEP)?, f(0.0)?, f(STEP)?);
    let is_smooth = above - here == here - below;
    Ok(is_smooth.then_some(((above - here) / f64::from(STEP)) as f32))
}

#[test]
fn gradients_of_graphs_are_the_slopes_of_the_loss() -> Result<()> {
    for cpu in cpus() {
        for (name, specs, outputs) in graphs() {
            let layers =
                specs.iter().filter(|spec| matches!(spec.kind, Kind::Dense { .. })).count();
            let numbers: Vec<_> = (1..=layers).collect();
            let mut network = network(&specs, &numbers, outputs)?;
            for layer in 0..layers {
                // Few sums are 0 then, where a ReLU has no slope.
                let bias = network.layer_mut(layer).map_or(&mut [][..], |layer| layer.bias);
                bias.iter_mut().zip([1.0, 3.0, 5.0, 7.0]).for_each(|(b, odd)| *b += odd / 8.0);
            }
            let heads: Vec<_> = (1..=outputs.len()).collect();
            let found = passes(cpu, &network, &heads)?;
            assert_eq!(found.outputs, predict(cpu, &network, input()?.view())?, "{name}");
            let (mut compared, mut skipped) = (0, 0);
            let mut check = |what: &str, slope: Option<f32>, found: f32| match slope {
                Some(slope) => {
                    assert_eq!(found, slope, "{name}: {what}");
                    compared += 1;
                }
                None => skipped += 1,
            };
            for (i, &d) in found.d_input.iter().enumerate() {
                let moved = |step| {
                    let mut input = input()?;
                    input.as_mut_slice()[i] += step;
                    loss(cpu, &network, &heads, input.view())
                };
                check(&format!("input {i}"), slope(moved)?, d);
            }
            for (l, layer) in network.plan.layers().enumerate() {
                let places = layer.weight.clone().chain(layer.bias.clone());
                for (place, &d) in places.zip(&found.layers[l]) {
                    let moved = |step| {
                        let mut network = network.clone();
                        network.parameters_mut()[place] += step;
                        loss(cpu, &network, &heads, input()?.view())
                    };
                    check(&format!("layer {l}, parameter {place}"), slope(moved)?, d);
                }
                telling(&found.layers[l]);
            }
            telling(&found.d_input);
            assert!(compared > 9 * skipped, "{name}: {compared} compared, {skipped} skipped");
        }
    }
    Ok(())
}

/// A residual network of a size at which sums and concatenations are cut for threads.
fn large() -> Result<Network> {
    let specs = [
        dense(0, 96, Sigmoid),
        dense(1, 96, Relu),
        add(&[1, 2]),
        concat(&[3, 0, 1]),
        dense(4, 96, Sigmoid),
        add(&[5, 3, 2]),
        dropout(6, 0.25),
        dense(7, 3, Identity),
    ];
    let plan = Plan::new(30, &specs, &[8]);
    let mut parameters = Buffer::zeros(plan.arena)?;
    let mut rng = crate::rng::Rng::new(1, 0);
    for layer in plan.layers() {
        let weight = &mut parameters.as_mut_slice()[layer.weight.clone()];
        weight.iter_mut().for_each(|w| *w = (rng.uniform() - 0.5) / 4.0);
    }
    let names = (0..plan.nodes.len()).map(|node| node.to_string()).collect();
    Ok(Network { plan, names, parameters })
}

#[test]
fn a_graph_trains_to_the_same_bits_with_threads_and_without() -> Result<()> {
    let batch = 6000;
    let mut rng = crate::rng::Rng::new(2, 0);
    let mut numbers = |len: usize| (0..len).map(|_| rng.uniform()).collect::<Vec<f32>>();
    let input = Tensor::from_vec(batch, 30, numbers(batch * 30))?;
    let target = Tensor::from_vec(batch, 3, numbers(batch * 3))?;
    for cpu in cpus() {
        let run = |cpu: Cpu| -> Result<Vec<u32>> {
            let (mut network, mut workspace) = (large()?, Workspace::new());
            let mut sgd = network.optimizer(Sgd::new(0.01))?;
            let mut losses = Vec::new();
            for _ in 0..3 {
                let sample = (input.view(), Target::Values(target.view()));
                losses.push(network.train_step(
                    cpu,
                    &mut workspace,
                    sample,
                    Loss::MSE,
                    &mut sgd,
                )?);
            }
            assert!(losses[2] < losses[0], "{losses:?}");
            Ok(network.parameters().iter().chain(&losses).map(|x| x.to_bits()).collect())
        };
        assert!(run(cpu)? == run(Cpu::serial().with_level(cpu.level()))?, "{}", cpu.level());
    }
    Ok(())
}

//! Gradients of graphs that are wrong on purpose: none passes.

use densecore::gradcheck::check_gradients_all;
use densecore::loss::{ElementLoss, Reduction, SquaredError};
use densecore::network::Graph;
use densecore::{Activation, Cpu, Loss, Network, Objective, Result, Target, Tensor, Workspace};

use super::{Batch, INPUTS, LINEAR, ROWS, built, graphs, passes};

/// Whether the check takes them for the loss and the gradients of the network.
fn is_taken(network: &Network, batch: &Batch, (value, gradients): (f32, &[f32])) -> Result<bool> {
    let objectives = batch.objectives();
    let found = (value, gradients);
    Ok(check_gradients_all(network, batch.input.view(), &objectives, found)?.passes())
}

#[test]
fn a_single_wrong_gradient_is_named_by_its_node() -> Result<()> {
    for (what, graph) in graphs(Activation::Tanh) {
        let network = built(graph)?;
        let batch = Batch::new(&network)?;
        let objectives = batch.objectives();
        let (value, right) = passes(Cpu::detect().level(), &network, &batch.input, &objectives)?;
        assert!(is_taken(&network, &batch, (value, &right))?, "{what}");
        let size = right.iter().fold(0.0_f32, |size, g| size.max(g.abs()));
        let names = network.nodes().map(|node| node.name);
        let names: Vec<_> = names.filter(|name| is_layer(&network, name)).collect();
        assert_eq!(names.len(), network.layers());
        for (i, name) in names.iter().enumerate() {
            let [weight, bias] = network.layer_ranges(i).unwrap_or_default();
            let cols = network.layer(i).map_or(0, |layer| layer.weight.cols());
            // The second in the second row.
            let mut places = vec![(weight.start + cols + 1, format!("{name}.weight[1, 1]"))];
            if !bias.is_empty() {
                places.push((bias.start + 1, format!("{name}.bias[1]")));
            }
            for (at, place) in places {
                let mut wrong = right.clone();
                wrong[at] += 1e-3 * size;
                let found = (value, &wrong[..]);
                let report = check_gradients_all(&network, batch.input.view(), &objectives, found)?;
                assert!(!report.passes(), "{what}, {place}: {report}");
                assert_eq!(report.place(report.kernels.index), Some(place), "{what}: {report}");
            }
        }
    }
    Ok(())
}

fn is_layer(network: &Network, name: &str) -> bool {
    use densecore::network::NodeKind::Dense;
    network.nodes().any(|node| node.name == name && matches!(node.kind, Dense { .. }))
}

#[test]
fn the_gradient_of_one_of_several_readers_does_not_pass() -> Result<()> {
    let f = Activation::Tanh;
    let rest = |graph: Graph, [a, b, c]: [&str; 3]| {
        graph
            .dense("left", a, 3, f)
            .dense("right", b, 5, f)
            .add("sum", &["right", c])
            .concat("wide", &["left", "sum"])
            .dense("out", "wide", 3, LINEAR)
            .output("out")
            .seed(3)
    };
    let shared = Network::graph(INPUTS).dense("a", "input", 5, f);
    let shared = rest(shared, ["a", "a", "a"]).build()?;
    // A copy for each reader: the gradients of the copies are the parts of that of the shared one.
    let copies = ["a", "b", "c"];
    let mut twin =
        copies.iter().fold(Network::graph(INPUTS), |g, name| g.dense(name, "input", 5, f));
    twin = rest(twin, copies);
    let mut twin = twin.build()?;
    // Where the second layer starts in the arena.
    let own = shared.layer_ranges(1).map_or(0, |[weight, _]| weight.start);
    for copy in 0..3 {
        twin.parameters_mut()[copy * own..][..own].copy_from_slice(&shared.parameters()[..own]);
    }
    twin.parameters_mut()[3 * own..].copy_from_slice(&shared.parameters()[own..]);

    let batch = Batch::new(&shared)?;
    let (value, parts) = passes(Cpu::detect().level(), &twin, &batch.input, &batch.objectives())?;
    assert_eq!(parts.len(), shared.parameters().len() + 2 * own);
    let of = |readers: &[usize]| -> Vec<f32> {
        let part = |i: usize| readers.iter().map(|reader| parts[reader * own + i]).sum();
        (0..own).map(part).chain(parts[3 * own..].iter().copied()).collect()
    };
    assert!(is_taken(&shared, &batch, (value, &of(&[0, 1, 2])))?);
    for some in [&[0][..], &[1], &[2], &[0, 1], &[0, 2], &[1, 2], &[0, 1, 2, 2], &[]] {
        assert!(!is_taken(&shared, &batch, (value, &of(some)))?, "{some:?}");
    }
    Ok(())
}

#[test]
fn a_forgotten_weight_of_a_loss_does_not_pass() -> Result<()> {
    let [_, (_, heads), ..] = &graphs(Activation::Tanh)[..] else { panic!("no heads") };
    let network = built(heads.clone())?;
    let batch = Batch::new(&network)?;
    let level = Cpu::detect().level();
    let right = passes(level, &network, &batch.input, &batch.objectives())?;
    let unweighted: Vec<_> = batch.objectives().iter().map(|o| o.weight(1.0)).collect();
    let wrong = passes(level, &network, &batch.input, &unweighted)?;
    assert!(is_taken(&network, &batch, (right.0, &right.1))?);
    assert!(!is_taken(&network, &batch, (right.0, &wrong.1))?, "in the gradients");
    assert!(!is_taken(&network, &batch, (wrong.0, &right.1))?, "in the loss");
    Ok(())
}

#[test]
fn a_backward_pass_without_the_mask_does_not_pass() -> Result<()> {
    // input - a - quiet - out, and the same in two parts that know nothing of dropout.
    let (a, head) = ((5, Activation::Tanh), (3, LINEAR));
    let graph = Network::graph(INPUTS)
        .dense("a", "input", a.0, a.1)
        .dropout("quiet", "a", 0.5)
        .dense("out", "quiet", head.0, head.1);
    let network = graph.clone().output("out").seed(3).build()?;
    let seen = graph.output("out").output("a").output("quiet").seed(3).build()?;
    let mut below = Network::builder(INPUTS).dense(a.0, a.1).build()?;
    let mut above = Network::builder(a.0).dense(head.0, head.1).build()?;
    let (first, second) = network.parameters().split_at(below.parameters().len());
    below.parameters_mut().copy_from_slice(first);
    above.parameters_mut().copy_from_slice(second);

    let batch = Batch::new(&network)?;
    let (cpu, mut workspace, input) = (Cpu::detect(), Workspace::new(), batch.input.view());
    seen.forward(cpu, &mut workspace, input)?;
    let held = |k| {
        seen.output(&workspace, k)
            .map_or(Vec::new(), |y| y.iter_rows().flatten().copied().collect())
    };
    let (y, quiet): (Vec<f32>, Vec<f32>) = (held(1), held(2));
    let factors: Vec<f32> = quiet.iter().zip(&y).map(|(quiet, y)| quiet / y).collect();
    assert!(factors.contains(&0.0) && factors.iter().all(|&m| m == 0.0 || m == 2.0));

    let target = Target::Values(batch.values[0].view());
    let quiet = Tensor::from_vec(ROWS, a.0, quiet)?;
    let value = above.loss_and_gradients(cpu, &mut workspace, quiet.view(), target, Loss::MSE)?;
    let d_above = above.gradients(&workspace).to_vec();
    let mut d_out = Tensor::zeros(ROWS, head.0)?;
    let out = above.forward(cpu, &mut workspace, quiet.view())?;
    let (values, mean) = (batch.values[0].view(), Reduction::Mean);
    SquaredError.value_and_gradient(cpu, out, values, mean, d_out.view_mut())?;
    let mut d_quiet = Tensor::zeros(ROWS, a.0)?;
    let d_input = Some(d_quiet.view_mut());
    above.backward(cpu, &mut workspace, quiet.view(), d_out.view(), d_input)?;

    let mut gradients = |factors: &[f32]| -> Result<Vec<f32>> {
        let d_y = d_quiet.as_slice().iter().zip(factors).map(|(d, m)| d * m).collect();
        let d_y = Tensor::from_vec(ROWS, a.0, d_y)?;
        below.forward(cpu, &mut workspace, input)?;
        below.backward(cpu, &mut workspace, input, d_y.view(), None)?;
        Ok([below.gradients(&workspace), &d_above[..]].concat())
    };
    let (right, wrong) = (gradients(&factors)?, gradients(&vec![1.0; factors.len()])?);
    assert!(is_taken(&network, &batch, (value, &right))?);
    assert!(!is_taken(&network, &batch, (value, &wrong))?);
    Ok(())
}

#[test]
fn the_masks_are_those_of_the_first_pass() -> Result<()> {
    let [.., (_, dropout), _] = &graphs(Activation::Tanh)[..] else { panic!("no dropout") };
    let network = built(dropout.clone())?;
    let batch = Batch::new(&network)?;
    let (cpu, mut workspace, input) = (Cpu::detect(), Workspace::new(), batch.input.view());
    let Objective { target, loss, .. } = batch.objectives()[0];
    for (seed, pass, is_first) in [(0, 0, true), (0, 1, false), (1, 0, false)] {
        workspace.set_dropout(seed, pass);
        let value = network.loss_and_gradients(cpu, &mut workspace, input, target, loss)?;
        let found = (value, network.gradients(&workspace));
        assert_eq!(is_taken(&network, &batch, found)?, is_first, "seed {seed}, pass {pass}");
    }
    Ok(())
}

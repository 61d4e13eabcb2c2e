//! Networks that are no chains, as a user builds them: what they compute, and what is refused.

use densecore::activation::LeakyRelu;
use densecore::gemm::Accum;
use densecore::loss::Reduction;
use densecore::network::{Graph, Node, NodeKind};
use densecore::optim::Sgd;
use densecore::{Activation, Cpu, Error, Loss, Network, Objective, Target, Tensor, View, ViewMut};
use densecore::{Excerpt, Workspace};

type Tested = Result<(), Error>;

const LINEAR: Activation = Activation::Identity;

/// Numbers from -2 to 2, with which every sum here is exact.
fn integers(len: usize, first: usize) -> Vec<f32> {
    (0..len).map(|i| ((first + 3 * i + i * i) % 5) as f32 - 2.0).collect()
}

fn fill(network: &mut Network) {
    for i in 0..network.layers() {
        let Some(mut layer) = network.layer_mut(i) else { continue };
        let (rows, cols) = layer.weight.shape();
        let numbers = integers(rows * cols, i);
        layer.weight.as_contiguous_mut().unwrap_or_default().copy_from_slice(&numbers);
        layer.bias.copy_from_slice(&integers(cols, i + 2));
    }
}

/// `x.W + b` of layer `i`.
fn layer(network: &Network, i: usize, x: &[f32]) -> Vec<f32> {
    let Some(layer) = network.layer(i) else { panic!("no layer {i}") };
    let rows = x.chunks(layer.weight.rows());
    let outputs = rows.flat_map(|x| {
        let dot = move |j: usize| {
            let column = layer.weight.iter_rows().map(move |row| row[j]);
            x.iter().zip(column).map(|(x, w)| x * w).sum::<f32>() + layer.bias[j]
        };
        (0..layer.weight.cols()).map(dot)
    });
    outputs.collect()
}

fn relu(x: Vec<f32>) -> Vec<f32> {
    x.into_iter().map(|x| x.max(0.0)).collect()
}

/// A shared trunk with a skipped layer, and two heads of different kinds.
fn two_headed() -> Graph {
    Network::graph(4)
        .dense("first", "input", 6, Activation::Relu)
        .dense("second", "first", 6, Activation::Relu)
        .add("trunk", &["first", "second"])
        .concat("with input", &["trunk", "input"])
}

#[test]
fn a_name_with_a_space_is_refused() {
    let found = two_headed().dense("head", "with input", 2, LINEAR).output("head").build();
    assert_eq!(node_error(found), ("with input", "a name without spaces, controls and ';'"));
}

fn good() -> Graph {
    Network::graph(4)
        .dense("first", "input", 6, Activation::Relu)
        .dense("second", "first", 6, Activation::Relu)
        .add("trunk", &["first", "second"])
        .concat("wide", &["trunk", "input"])
        .dense("class", "wide", 3, LINEAR)
        .dense("size", "trunk", 1, LINEAR)
        .output("class")
        .output("size")
}

#[test]
fn a_graph_computes_what_it_says() -> Tested {
    let mut network = good().build()?;
    fill(&mut network);
    let x = integers(8, 1);
    let first = relu(layer(&network, 0, &x));
    let second = relu(layer(&network, 1, &first));
    let trunk: Vec<f32> = first.iter().zip(&second).map(|(a, b)| a + b).collect();
    let rows = trunk.chunks(6).zip(x.chunks(4));
    let wide: Vec<f32> = rows.flat_map(|(a, b)| a.iter().chain(b).copied()).collect();
    let expected = [layer(&network, 2, &wide), layer(&network, 3, &trunk)];

    let (mut class, mut size) = ([f32::NAN; 6], [f32::NAN; 2]);
    let mut outputs = [ViewMut::new(2, 3, &mut class)?, ViewMut::new(2, 1, &mut size)?];
    let (cpu, mut workspace, input) = (Cpu::detect(), Workspace::new(), View::new(2, 4, &x)?);
    network.predict_all(cpu, &mut workspace, input, &mut outputs)?;
    assert_eq!([&class[..], &size[..]], [&expected[0][..], &expected[1][..]]);

    network.forward(cpu, &mut workspace, input)?;
    let held =
        |k| network.output(&workspace, k).map(|y| y.iter_rows().flatten().copied().collect());
    let held: [Option<Vec<f32>>; 3] = [held(0), held(1), held(2)];
    assert_eq!(held, [Some(expected[0].clone()), Some(expected[1].clone()), None]);
    Ok(())
}

#[test]
fn nodes_may_be_given_in_any_order() -> Tested {
    let network = Network::graph(4)
        .output("class")
        .dense("size", "trunk", 1, LINEAR)
        .dense("class", "wide", 3, LINEAR)
        .concat("wide", &["trunk", "input"])
        .output("size")
        .add("trunk", &["first", "second"])
        .dense("second", "first", 6, Activation::Relu)
        .dense("first", "input", 6, Activation::Relu)
        .build()?;
    let nodes: Vec<Node<'_>> = network.nodes().collect();
    let place = |name: &str| nodes.iter().position(|node| node.name == name);
    assert_eq!(nodes.len(), 7);
    assert_eq!((nodes[0].name, nodes[0].kind), ("input", NodeKind::Input));
    for (i, node) in nodes.iter().enumerate() {
        assert!(node.from.iter().all(|&from| from < i), "{node:?}");
    }
    let outputs: Vec<_> = network.output_nodes().map(Some).collect();
    assert_eq!(outputs, [place("class"), place("size")]);
    assert_eq!(
        (network.heads(), network.output_width(0), network.output_width(1)),
        (2, Some(3), Some(1))
    );
    assert_eq!(network.output_width(2), None);
    Ok(())
}

#[test]
fn a_chain_by_name_is_the_chain_of_the_builder() -> Tested {
    let graph = Network::graph(5)
        .dense("a", "input", 7, Activation::Tanh)
        .dropout("b", "a", 0.5)
        .dense_without_bias("c", "b", 2, LINEAR)
        .output("c")
        .seed(9)
        .build()?;
    let chain = Network::builder(5)
        .dense(7, Activation::Tanh)
        .dropout(0.5)
        .dense_without_bias(2, LINEAR)
        .seed(9)
        .build()?;
    assert!(graph.is_chain() && chain.is_chain());
    assert!(!good().build()?.is_chain());
    assert_eq!(graph.parameters(), chain.parameters());
    let names: Vec<_> = chain.nodes().map(|node| node.name).collect();
    assert_eq!(names, ["input", "layers.0", "dropout.0", "layers.1"]);
    let kinds = |network: &Network| network.nodes().map(|node| node.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&graph), kinds(&chain));

    let mut values = Vec::new();
    for mut network in [graph, chain] {
        let (x, t) = (Tensor::from_vec(3, 5, integers(15, 1))?, Tensor::zeros(3, 2)?);
        let (cpu, mut workspace) = (Cpu::detect(), Workspace::new());
        let mut sgd = network.optimizer(Sgd::new(0.1))?;
        for _ in 0..3 {
            let batch = (x.view(), Target::Values(t.view()));
            network.train_step(cpu, &mut workspace, batch, Loss::MSE, &mut sgd)?;
        }
        values.push(network.parameters().to_vec());
    }
    assert_eq!(values[0], values[1]);
    Ok(())
}

#[test]
fn objectives_are_weighted_and_their_losses_told() -> Tested {
    let mut network = good().build()?;
    fill(&mut network);
    let x = integers(8, 1);
    let (cpu, mut workspace, input) = (Cpu::detect(), Workspace::new(), View::new(2, 4, &x)?);
    let (classes, values) = (integers(6, 3), integers(2, 4));
    let class = Target::Values(View::new(2, 3, &classes)?);
    let size = Target::Values(View::new(2, 1, &values)?);
    // Sums of integers, far below 2^24: nothing is rounded.
    let loss = Loss::SquaredError(Reduction::Sum);
    let mut gradients = |weights: [f32; 2]| -> Result<(f32, Vec<f32>, Vec<f32>), Error> {
        let objectives = [
            Objective::new(class, loss).weight(weights[0]),
            Objective::new(size, loss).weight(weights[1]),
        ];
        let (ws, replace) = (&mut workspace, Accum::Replace);
        let value = network.loss_and_gradients_all(cpu, ws, input, &objectives, replace)?;
        Ok((value, ws.losses().to_vec(), network.gradients(ws).to_vec()))
    };
    let (both, losses, sum) = gradients([2.0, 0.5])?;
    let (first, _, left) = gradients([1.0, 0.0])?;
    let (second, _, right) = gradients([0.0, 1.0])?;
    assert_eq!((both, losses), (2.0 * first + 0.5 * second, vec![first, second]));
    assert!(left.iter().any(|&g| g != 0.0) && right.iter().any(|&g| g != 0.0));
    let pairs = left.iter().zip(&right);
    let expected: Vec<f32> = pairs.map(|(left, right)| 2.0 * left + 0.5 * right).collect();
    assert_eq!(sum, expected);
    Ok(())
}

#[test]
fn objectives_that_do_not_fit_change_nothing() -> Tested {
    let mut network = good().build()?;
    let before = network.parameters().to_vec();
    let x = integers(8, 1);
    let (cpu, mut workspace, input) = (Cpu::detect(), Workspace::new(), View::new(2, 4, &x)?);
    let mut sgd = network.optimizer(Sgd::new(0.1))?;
    let class = Objective::new(Target::Classes(&[0, 1]), Loss::CROSS_ENTROPY);
    let found = network.train_step_all(cpu, &mut workspace, input, &[class], &mut sgd);
    assert_eq!(found, Err(Error::Length { argument: "objectives", expected: 2, found: 1 }));
    let endless = class.weight(f32::INFINITY);
    let found = network.train_step_all(cpu, &mut workspace, input, &[class, endless], &mut sgd);
    assert!(matches!(found, Err(Error::Value { argument: "weight", .. })), "{found:?}");
    // The second output has one column, and so no class 1.
    let found = network.train_step_all(cpu, &mut workspace, input, &[class, class], &mut sgd);
    assert_eq!(found, Err(Error::Class { row: 1, found: 1, classes: 1 }));
    let batch = (input, Target::Classes(&[0, 1]));
    let found = network.train_step(cpu, &mut workspace, batch, Loss::CROSS_ENTROPY, &mut sgd);
    assert_eq!(found, Err(Error::Length { argument: "objectives", expected: 2, found: 1 }));
    assert_eq!(network.parameters(), before);
    Ok(())
}

/// The node that is named, and what it should be.
fn node_error(found: Result<Network, Error>) -> (&'static str, &'static str) {
    match found {
        Err(Error::Node { node, expected, .. }) => {
            (Box::leak(node.as_str().to_string().into_boxed_str()), expected)
        }
        other => panic!("{other:?}"),
    }
}

fn relu_node(graph: Graph, name: &str, from: &str) -> Graph {
    graph.dense(name, from, 5, Activation::Relu)
}

#[test]
fn an_error_names_the_node() {
    let start = || relu_node(Network::graph(5), "a", "input");
    let endless = LeakyRelu { slope: f32::NAN };
    let cases: Vec<(Graph, (&str, &str))> = vec![
        // A cycle of three beside a node that waits for it, one of one, and one through a sum.
        (
            relu_node(
                start().add("x", &["a", "z"]).dense("y", "x", 5, LINEAR).dense("z", "y", 5, LINEAR),
                "late",
                "z",
            )
            .output("late"),
            ("x", "not to depend on what it is read by"),
        ),
        (
            start().dense("self", "self", 5, LINEAR).output("self"),
            ("self", "not to depend on what it is read by"),
        ),
        // Names.
        (relu_node(start(), "b", "aa").output("b"), ("b", "to read nodes that there are")),
        (relu_node(start(), "a", "input").output("a"), ("a", "a name of its own")),
        (relu_node(start(), "input", "a").output("input"), ("input", "a name of its own")),
        (relu_node(start(), "", "a").output(""), ("", "a name without spaces, controls and ';'")),
        (start().output("b"), ("b", "an output to be a node")),
        (start().output("input"), ("input", "an output to be computed")),
        (start().output("a").output("a"), ("a", "to be an output once")),
        // Ends: a branch, and the input itself.
        (relu_node(start(), "b", "a").output("a"), ("b", "to lead to an output")),
        // Widths.
        (
            start().dense("b", "a", 4, LINEAR).add("sum", &["a", "b"]).output("sum"),
            ("sum", "inputs of one width"),
        ),
        (start().dense("b", "a", 0, LINEAR).output("b"), ("b", "a width of at least 1")),
        (start().add("sum", &[]).output("sum"), ("sum", "at least one node to read")),
        (
            start().dense("b", "a", 1, Activation::LeakyRelu(endless)).output("b"),
            ("b", "an activation with settings it may have"),
        ),
    ];
    for (graph, expected) in cases {
        let (node, what) = node_error(graph.build());
        if what.starts_with("not to depend") && expected.0 == "x" {
            assert!(["x", "y", "z"].contains(&node), "{node} is on no cycle");
        } else {
            assert_eq!((node, what), expected);
        }
    }
}

#[test]
fn what_has_no_node_to_name_is_named_itself() {
    let a = |inputs| relu_node(Network::graph(inputs), "a", "input");
    let value = |found: Result<Network, Error>| match found {
        Err(Error::Value { argument, .. }) => argument,
        other => panic!("{other:?}"),
    };
    assert_eq!(value(a(5).build()), "outputs");
    assert_eq!(value(a(0).output("a").build()), "inputs");
    for p in [-0.1, 1.5, f32::NAN] {
        let (node, what) = node_error(a(5).dropout("b", "a", p).output("b").build());
        assert_eq!((node, what), ("b", "a probability from 0 to 1"));
        assert_eq!(value(Network::builder(5).dropout(p).dense(1, LINEAR).build()), "p");
    }
    // Dropout alone has nothing to train.
    assert_eq!(value(Network::builder(5).dropout(0.5).build()), "layers");
    let huge = a(5).dense("b", "a", usize::MAX / 2, LINEAR).concat("c", &["b", "b", "b"]);
    assert!(matches!(huge.output("c").build(), Err(Error::Overflow { .. })));
}

#[test]
fn an_error_reads_well() {
    let graph = relu_node(Network::graph(5), "a", "input").dense("b", "a", 4, LINEAR);
    let error = graph.add("sum", &["a", "b"]).output("sum").build().err();
    let text = error.map(|error| error.to_string());
    assert_eq!(text.as_deref(), Some("node sum: expected inputs of one width, found 5 and 4"));
    let found = Excerpt::new("two nodes of this name");
    assert_eq!(found.as_str(), "two nodes of this name");
}

#[test]
fn a_graph_is_told_by_its_names() -> Tested {
    let text = format!("{:?}", good().dropout("quiet", "trunk", 0.5).output("quiet").build()?);
    for part in ["4 inputs", "first: dense 6 relu of input", "trunk: add 6 of first, second"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.contains("wide: concat 10 of trunk, input"), "{text}");
    assert!(text.contains("quiet: dropout 0.5 of trunk"), "{text}");
    let chain = format!("{:?}", Network::mlp(&[2, 3, 1], Activation::Relu, 0)?);
    assert_eq!(chain, "[2 inputs, layers.0: dense 3 relu, layers.1: dense 1 identity]");
    Ok(())
}

#[test]
fn an_empty_batch_of_endless_rows_overflows_nothing() -> Tested {
    let network = Network::graph(usize::MAX).dropout("d", "input", 0.5).add("s", &["d", "input"]);
    let network = network.output("s").build()?;
    let input = View::new(0, usize::MAX, &[])?;
    network.forward(Cpu::detect(), &mut Workspace::new(), input)?;
    Ok(())
}

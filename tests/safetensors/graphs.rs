//! Laws of saved graphs: nodes come back with their names, what they read and their outputs; chains
//! are written as ever; what is made up is refused.

use densecore::io::{FileError, from_bytes, to_bytes, training_from_bytes, training_to_bytes};
use densecore::network::Node;
use densecore::optim::Adam;
use densecore::train::State;
use densecore::{Activation, Error, Network};
use safetensors::{Dtype, SafeTensors};

use super::training::known;
use super::{Result, bits, file};

/// Every kind of node, several outputs, and layers that are not numbered by their names.
fn graph(seed: u64, p: f32) -> Result<Network> {
    Ok(Network::graph(4)
        .dense("layers.1", "input", 6, "hardtanh(-0.5, 2)".parse()?)
        .dense_without_bias("layers.0", "layers.1", 6, Activation::Relu)
        .add("sum", &["layers.0", "layers.1", "layers.0"])
        .dropout("some", "sum", p)
        .concat("all", &["some", "input"])
        .dense("head", "all", 2, Activation::Identity)
        .output("head")
        .output("sum")
        .seed(seed)
        .build()?)
}

fn text(network: &Network) -> Result<String> {
    let bytes = to_bytes(network)?;
    let (_, metadata) = SafeTensors::read_metadata(&bytes)?;
    Ok(metadata.metadata().as_ref().ok_or("metadata")?["densecore"].clone())
}

/// Fails unless a network comes back as it is.
fn comes_back(network: &Network) -> Result {
    let bytes = to_bytes(network)?;
    let again = from_bytes(&bytes)?;
    let nodes: Vec<Node<'_>> = network.nodes().collect();
    assert_eq!(again.nodes().collect::<Vec<_>>(), nodes);
    assert_eq!(
        again.output_nodes().collect::<Vec<_>>(),
        network.output_nodes().collect::<Vec<_>>()
    );
    assert_eq!(super::layers(&again), super::layers(network));
    assert_eq!(bits(again.parameters()), bits(network.parameters()));
    assert_eq!(to_bytes(&again)?, bytes);
    Ok(())
}

#[test]
fn a_graph_comes_back_with_its_names_and_outputs() -> Result {
    let graph = graph(3, 0.3)?;
    comes_back(&graph)?;
    let expected = "version 2; inputs 4; dense layers.1 input 6 hardtanh(-0.5, 2); \
                    dense_without_bias layers.0 layers.1 6 relu; add sum layers.0 layers.1 layers.0; \
                    dropout some sum 0.3; concat all some input; dense head all 2 identity; \
                    output head; output sum";
    assert_eq!(text(&graph)?, expected);
    let bytes = to_bytes(&graph)?;
    let file = SafeTensors::deserialize(&bytes)?;
    let mut names = file.names();
    names.sort();
    assert_eq!(
        names,
        ["head.bias", "head.weight", "layers.0.weight", "layers.1.bias", "layers.1.weight"]
    );
    assert_eq!(file.tensor("head.weight")?.shape(), [10, 2]);
    Ok(())
}

#[test]
fn only_a_chain_of_dense_layers_is_of_the_first_version() -> Result {
    let tanh = Activation::Tanh;
    let dropout = Network::builder(3).dropout(0.1).dense(2, tanh).dropout(0.5).dense(1, tanh);
    let dropout = dropout.seed(5).build()?;
    comes_back(&dropout)?;
    let expected = "version 2; inputs 3; dropout dropout.0 input 0.1; \
                    dense layers.0 dropout.0 2 tanh; dropout dropout.1 layers.0 0.5; \
                    dense layers.1 dropout.1 1 tanh; output layers.1";
    assert_eq!(text(&dropout)?, expected);

    let named = |names: [&str; 2]| {
        let graph = Network::graph(3).dense(names[0], "input", 2, tanh);
        graph.dense_without_bias(names[1], names[0], 2, tanh).output(names[1]).build()
    };
    for names in [["a", "b"], ["layers.1", "layers.0"], ["layers.0", "b"]] {
        comes_back(&named(names)?)?;
        assert!(text(&named(names)?)?.starts_with("version 2; "), "{names:?}");
    }
    // Without layers, and so without tensors.
    comes_back(&Network::graph(3).add("a", &["input", "input"]).output("a").build()?)?;
    // With the names of a chain it is one.
    let chain = named(["layers.0", "layers.1"])?;
    comes_back(&chain)?;
    assert_eq!(text(&chain)?, "version 1; inputs 3; dense 2 tanh; dense_without_bias 2 tanh");
    // One more output, and it is not.
    let heads = Network::graph(3).dense("layers.0", "input", 2, tanh);
    let heads = heads.dense("layers.1", "layers.0", 2, tanh).output("layers.1").output("layers.0");
    comes_back(&heads.build()?)?;
    Ok(())
}

#[test]
fn every_activation_comes_back() -> Result {
    for &activation in Activation::ALL {
        let graph = Network::graph(3).dense("a", "input", 2, activation).output("a");
        comes_back(&graph.build()?)?;
        comes_back(&Network::builder(3).dense(2, activation).build()?)?;
    }
    Ok(())
}

#[test]
fn any_name_comes_back() -> Result {
    let names = [
        "a\"b\\",
        "\u{fc}\u{1f642}",
        "optimizer",
        "training.best",
        "optimizer.0",
        "__metadata__",
        "a.weight",
        "a",
        "999999999999999999999999999",
        "1,2:{}[]",
    ];
    let mut graph = Network::graph(2);
    for name in names {
        graph = graph.dense(name, "input", 3, Activation::Tanh).output(name);
    }
    let mut network = graph.seed(2).build()?;
    comes_back(&network)?;
    // Beside the tensors of a training, too.
    let mut adam = network.optimizer(Adam::new(0.1))?;
    let bytes = training_to_bytes(&network, &adam, &State::default())?;
    assert_eq!(to_bytes(&from_bytes(&bytes)?)?, to_bytes(&network)?);
    network.parameters_mut().fill(0.0);
    training_from_bytes(&bytes, &mut network, &mut adam)?;
    assert!(network.parameters().iter().any(|&x| x != 0.0));
    Ok(())
}

#[test]
fn a_training_of_a_graph_is_restored_into_the_same_graph_only() -> Result {
    let network = graph(3, 0.3)?;
    let optimizer = network.optimizer(Adam::new(0.1))?;
    let bytes = training_to_bytes(&network, &optimizer, &State::default())?;
    let (mut again, mut adam) = (graph(4, 0.3)?, network.optimizer(Adam::new(0.2))?);
    training_from_bytes(&bytes, &mut again, &mut adam)?;
    assert_eq!(known(&again, &adam), known(&network, &optimizer));

    let mut other = graph(4, 0.4)?;
    let before = known(&other, &adam);
    let error = training_from_bytes(&bytes, &mut other, &mut adam).err();
    let message = "network: expected dropout some sum 0.4, found dropout some sum 0.3 in the file";
    assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(message));
    assert_eq!(known(&other, &adam), before);

    // A chain and a graph are compared by name, and not by the version of their text.
    let mut chain = Network::mlp(&[4, 6, 2], Activation::Relu, 1)?;
    let mut adam = chain.optimizer(Adam::new(0.1))?;
    let longer = training_to_bytes(&network, &optimizer, &State::default())?;
    let error = training_from_bytes(&longer, &mut chain, &mut adam).err();
    let message = "network: expected dense layers.0 input 6 relu, \
                   found dense layers.1 input 6 hardtanh(-0.5, 2) in the file";
    assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(message));
    Ok(())
}

#[test]
fn a_clause_that_is_not_understood_is_quoted() -> Result {
    let tensors = vec![("a.weight".into(), Dtype::F32, vec![4, 3])];
    let good = "version 2; inputs 4; dense_without_bias a input 3 tanh; output a";
    from_bytes(&file(Some(good), &tensors)?)?;
    for clause in [
        "",
        "dense",
        "dense b",
        "dense b input",
        "dense b input 3",
        "dense b input 3 softmax",
        "dense b input -3 tanh",
        "dense b nothing 3 tanh",
        "dense b b 3 tanh",
        "dense  input 3 tanh ",
        "dropout b",
        "dropout b input",
        "dropout b input x",
        "dropout b nothing 0.5",
        "add b",
        "add b ",
        "add b a ",
        "add b a nothing",
        "concat b",
        "concat b nothing",
        "output",
        "output a b",
        "conv b input 3 tanh",
    ] {
        let text = format!("version 2; inputs 4; dense_without_bias a input 3 tanh; {clause}");
        match from_bytes(&file(Some(&text), &tensors)?) {
            Err(FileError::Description { found }) => assert_eq!(found, clause),
            other => panic!("{clause}: {other:?}"),
        }
    }
    Ok(())
}

#[test]
fn a_graph_that_cannot_be_is_refused() -> Result {
    let tensors = vec![("a.weight".into(), Dtype::F32, vec![4, 3])];
    for (rest, node) in [
        ("add b a input; output b", "b"),       // of different widths
        ("add b a; output a", "b"),             // leads nowhere
        ("output a; output a", "a"),            // twice
        ("output b", "b"),                      // is not there
        ("add a a; output a", "a"),             // two of one name
        ("add input a; output input", "input"), // the input's name
    ] {
        let text = format!("version 2; inputs 4; dense_without_bias a input 3 tanh; {rest}");
        match from_bytes(&file(Some(&text), &tensors)?) {
            Err(FileError::Network(error @ Error::Node { .. })) => {
                assert!(
                    error.to_string().starts_with(&format!("node {node}: ")),
                    "{rest}: {error}"
                );
            }
            other => panic!("{rest}: {other:?}"),
        }
    }
    let text = |rest: &str| format!("version 2; inputs 4; dense_without_bias a input 3 tanh{rest}");
    match from_bytes(&file(Some(&text("")), &tensors)?) {
        Err(FileError::Network(Error::Value { argument, .. })) => assert_eq!(argument, "outputs"),
        other => panic!("{other:?}"),
    }
    match from_bytes(&file(Some(&text("; dropout b a 2; output b")), &tensors)?) {
        Err(FileError::Network(Error::Node { node, .. })) => assert_eq!(node.as_str(), "b"),
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[test]
fn widths_that_double_at_every_node_are_errors_without_allocation_or_overflow() -> Result {
    let mut text = "version 2; inputs 4; concat 0 input input".to_string();
    for i in 1..80 {
        text += &format!("; concat {i} {0} {0}", i - 1);
    }
    let error = from_bytes(&file(Some(&format!("{text}; output 79")), &Vec::new())?).err();
    assert!(matches!(error, Some(FileError::Network(Error::Overflow { .. }))), "{error:?}");
    let error =
        from_bytes(&file(Some(&format!("{text}; dense a 79 1 tanh; output a")), &Vec::new())?)
            .err();
    assert!(matches!(error, Some(FileError::Tensor { .. })), "{error:?}");
    Ok(())
}

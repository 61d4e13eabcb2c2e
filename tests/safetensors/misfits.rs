//! Trainings that do not fit what they are loaded into, damaged ones and made-up ones: each is an error
//! that says what is wrong, and changes nothing.

use densecore::io::{FileError, from_bytes, to_bytes, training_from_bytes, training_to_bytes};
use densecore::optim::{Adam, Optimizer, RAdam, Rule, Sgd, UpdateRule};
use densecore::train::State;
use densecore::{Error, Network};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::Result;
use super::training::{Halving, known, network, saved, state};

/// A tensor as it stands in a file.
type Stored = (String, Dtype, Vec<usize>, Vec<u8>);

/// An F32 tensor of zeros.
fn zeros(name: &str, shape: &[usize]) -> Stored {
    let bytes = vec![0; 4 * shape.iter().product::<usize>()];
    (name.to_string(), Dtype::F32, shape.to_vec(), bytes)
}

/// A number.
fn number(name: &str, dtype: Dtype, shape: &[usize], bytes: [u8; 8]) -> Stored {
    (name.to_string(), dtype, shape.to_vec(), bytes.to_vec())
}

/// The file with one part of its text replaced, without the tensors of these names, and with others.
fn changed(
    bytes: &[u8],
    (from, to): (&str, &str),
    without: &[&str],
    more: &[Stored],
) -> Result<Vec<u8>> {
    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    let mut entries = metadata.metadata().clone().ok_or("metadata")?;
    let text = entries.get_mut("densecore").ok_or("an entry")?;
    assert!(text.contains(from), "{text}");
    *text = text.replace(from, to);
    let file = SafeTensors::deserialize(bytes)?;
    let mut tensors = file.tensors();
    for name in without {
        let at = tensors.iter().position(|tensor| tensor.0 == *name);
        tensors.remove(at.ok_or("a tensor of this name")?);
    }
    for (name, dtype, shape, data) in more {
        tensors.push((name.clone(), TensorView::new(*dtype, shape.clone(), data)?));
    }
    Ok(safetensors::serialize(tensors, Some(entries))?)
}

/// No part of the text.
const SAME: (&str, &str) = ("", "");

/// Fails unless this is an error with that text.
#[track_caller]
fn refused<T>(result: std::result::Result<T, FileError>, message: &str) {
    assert_eq!(result.err().map(|error| error.to_string()).as_deref(), Some(message));
}

/// Fails unless loading into these is an error with that text, and changes nothing.
#[track_caller]
fn unchanged<R: UpdateRule>(
    bytes: &[u8],
    network: &mut Network,
    optimizer: &mut Optimizer<R>,
    message: &str,
) {
    let before = known(network, optimizer);
    refused(training_from_bytes(bytes, network, optimizer), message);
    assert_eq!(known(network, optimizer), before, "{message}");
}

/// A network of other numbers than the one that was saved, and its optimizer.
fn other() -> Result<(Network, Optimizer)> {
    let network = network(2)?;
    let optimizer = network.optimizer(Adam::new(0.5))?;
    Ok((network, optimizer))
}

/// 3 inputs, and layers with a bias where that is true.
fn chain(layers: &[(usize, &str, bool)]) -> Result<Network> {
    let mut builder = Network::builder(3);
    for &(width, activation, bias) in layers {
        let activation = activation.parse()?;
        builder = match bias {
            true => builder.dense(width, activation),
            false => builder.dense_without_bias(width, activation),
        };
    }
    Ok(builder.build()?)
}

#[test]
fn another_network_is_refused() -> Result {
    let (_, _, bytes) = saved()?;
    let first = (5, "leaky_relu(0.2)", true);
    let (second, third) = ((4, "tanh", false), (2, "identity", true));
    for (layers, expected, found) in [
        (vec![first, second, (3, "identity", true)], "dense 3 identity", "dense 2 identity"),
        (vec![first, (4, "tanh", true), third], "dense 4 tanh", "dense_without_bias 4 tanh"),
        (
            vec![first, (4, "relu", false), third],
            "dense_without_bias 4 relu",
            "dense_without_bias 4 tanh",
        ),
        (
            vec![(5, "leaky_relu(0.25)", true), second, third],
            "dense 5 leaky_relu(0.25)",
            "dense 5 leaky_relu(0.2)",
        ),
        (vec![first, second], "nothing", "dense 2 identity"),
        (vec![first, second, third, (1, "tanh", true)], "dense 1 tanh", "nothing"),
    ] {
        let mut network = chain(&layers)?;
        let mut optimizer = network.optimizer(Adam::new(0.01))?;
        let message = format!("network: expected {expected}, found {found} in the file");
        unchanged(&bytes, &mut network, &mut optimizer, &message);
    }
    let mut same = chain(&[first, second, third])?;
    let mut optimizer = same.optimizer(Adam::new(0.01))?;
    training_from_bytes(&bytes, &mut same, &mut optimizer)?;
    Ok(())
}

#[test]
fn another_rule_is_refused() -> Result {
    let (mut network, _, bytes) = saved()?;
    let expected = |name: &str| format!("optimizer: expected {name}, found adam in the file");
    for (rule, message) in [
        (RAdam::new(0.1).into(), expected("radam")),
        (Rule::from(Sgd::new(0.1)), expected("sgd")),
        (Adam::new(0.1).amsgrad().into(), "optimizer.2: expected F32 [96], found nothing".into()),
    ] {
        let mut optimizer = network.optimizer(rule)?;
        unchanged(&bytes, &mut network, &mut optimizer, &message);
    }
    let momentum = network.optimizer(Sgd::new(0.1).momentum(0.9))?;
    let bytes = training_to_bytes(&network, &momentum, &State::default())?;
    let mut plain = network.optimizer(Sgd::new(0.1))?;
    unchanged(&bytes, &mut network, &mut plain, "optimizer.0: expected nothing, found F32 [96]");

    // A rule of the user's own, which has no name, keeps as many arrays.
    let mut custom = Optimizer::custom(Halving(0.1), network.parameters().len())?;
    let message = "optimizer: expected custom, found sgd in the file";
    unchanged(&bytes, &mut network, &mut custom, message);
    Ok(())
}

#[test]
fn a_network_alone_is_no_training_and_a_later_version_not_understood() -> Result {
    let (_, _, bytes) = saved()?;
    let (mut network, mut optimizer) = other()?;
    let plain = to_bytes(&network)?;
    let message = "training: expected the state of a training, found a network alone in the file";
    unchanged(&plain, &mut network, &mut optimizer, message);
    let later = changed(&bytes, ("training 1", "training 2"), &[], &[])?;
    let message = "the description of the network is not understood at 'training 2; rule adam'";
    unchanged(&later, &mut network, &mut optimizer, message);
    // Its network can be loaded all the same.
    assert_eq!(to_bytes(&from_bytes(&later)?)?, to_bytes(&from_bytes(&bytes)?)?);
    Ok(())
}

#[test]
fn a_network_is_loaded_from_a_training_without_what_belongs_to_neither() -> Result {
    let (_, _, bytes) = saved()?;
    let more = changed(&bytes, SAME, &[], &[zeros("layers.1.bias", &[4])])?;
    refused(from_bytes(&more), "layers.1.bias: expected nothing, found F32 [4]");
    // Without its line, a tensor of a training is one that nobody asks for.
    let line = ("\ntraining 1; rule adam", "");
    let plain = changed(&bytes, line, &[], &[])?;
    let error = from_bytes(&plain).err();
    let is_of_training =
        |name: &str| name.starts_with("optimizer.") || name.starts_with("training.");
    assert!(
        matches!(&error, Some(FileError::Tensor { name, .. }) if is_of_training(name)),
        "{error:?}"
    );
    Ok(())
}

#[test]
fn a_tensor_of_a_training_that_does_not_fit_is_named() -> Result {
    let (_, _, bytes) = saved()?;
    let (mut network, mut optimizer) = other()?;
    let word = 7_u64.to_le_bytes();
    for (without, more, message) in [
        ("optimizer.1", None, "expected F32 [96], found nothing"),
        ("optimizer.0", Some(zeros("optimizer.0", &[95])), "expected F32 [96], found F32 [95]"),
        ("optimizer.steps", None, "expected U64 [], found nothing"),
        (
            "optimizer.steps",
            Some(number("optimizer.steps", Dtype::I64, &[], word)),
            "expected U64 [], found I64 []",
        ),
        (
            "training.epochs",
            Some(number("training.epochs", Dtype::U64, &[1], word)),
            "expected U64 [], found U64 [1]",
        ),
        ("training.waited", None, "expected U64 [], found nothing"),
        ("training.settled", None, "expected U64 [], found nothing"),
        (
            "training.last_loss",
            Some(zeros("training.last_loss", &[])),
            "expected F64 [], found F32 []",
        ),
        ("training.best.value", None, "expected F64 [], found nothing"),
        ("training.best.parameters", None, "expected F32 [96], found nothing"),
        ("layers.2.bias", None, "expected F32 [2], found nothing"),
    ] {
        let bytes = changed(&bytes, SAME, &[without], more.as_slice())?;
        unchanged(&bytes, &mut network, &mut optimizer, &format!("{without}: {message}"));
    }
    let more = changed(&bytes, SAME, &[], &[zeros("training.more", &[1])])?;
    let message = "training.more: expected nothing, found F32 [1]";
    unchanged(&more, &mut network, &mut optimizer, message);
    // A best epoch without its number is not lost silently.
    let less = changed(&bytes, SAME, &["training.best.epoch", "training.best.value"], &[])?;
    let message = "training.best.parameters: expected nothing, found F32 [96]";
    unchanged(&less, &mut network, &mut optimizer, message);
    // The same with nothing changed.
    training_from_bytes(&changed(&bytes, SAME, &[], &[])?, &mut network, &mut optimizer)?;
    assert_eq!(optimizer.steps(), 2);
    Ok(())
}

#[test]
fn numbers_without_a_meaning_are_refused() -> Result {
    let (_, _, bytes) = saved()?;
    let (mut network, mut optimizer) = other()?;
    let before = known(&network, &optimizer);
    for (name, argument, value) in [
        ("optimizer.scalar", "scalar", f64::NAN),
        ("optimizer.scalar", "scalar", f64::INFINITY),
        ("optimizer.learning_rate", "learning_rate", f64::NAN),
        ("optimizer.learning_rate", "learning_rate", f64::INFINITY),
        ("optimizer.learning_rate", "learning_rate", -1.0),
    ] {
        let new = number(name, Dtype::F64, &[], value.to_le_bytes());
        let bytes = changed(&bytes, SAME, &[name], &[new])?;
        match training_from_bytes(&bytes, &mut network, &mut optimizer) {
            Err(FileError::Network(Error::Value { argument: named, .. })) => {
                assert_eq!(named, argument)
            }
            other => panic!("{name} {value}: {other:?}"),
        }
        assert_eq!(known(&network, &optimizer), before);
    }
    Ok(())
}

#[test]
fn arguments_that_do_not_fit_each_other_are_refused() -> Result {
    let (mut network, mut optimizer, bytes) = saved()?;
    let len = network.parameters().len();
    let length = |argument, found| Error::Length { argument, expected: len, found };
    let mut longer = Optimizer::new(Adam::new(0.01), len + 1)?;
    for error in [
        training_to_bytes(&network, &longer, &State::default()).err(),
        training_from_bytes(&bytes, &mut network, &mut longer).err(),
    ] {
        let expected = length("optimizer", len + 1);
        assert!(matches!(error, Some(FileError::Network(e)) if e == expected), "{error:?}");
    }
    let mut state = state(&network);
    state.best.as_mut().ok_or("a best")?.parameters.pop();
    let error = training_to_bytes(&network, &optimizer, &state).err();
    let expected = length("best", len - 1);
    assert!(matches!(error, Some(FileError::Network(e)) if e == expected), "{error:?}");
    training_from_bytes(&bytes, &mut network, &mut optimizer)?;
    Ok(())
}

#[test]
fn a_training_cut_off_anywhere_is_malformed_and_changes_nothing() -> Result {
    let (_, _, bytes) = saved()?;
    let (mut network, mut optimizer) = other()?;
    let before = known(&network, &optimizer);
    for len in 0..bytes.len() {
        let error = training_from_bytes(&bytes[..len], &mut network, &mut optimizer).err();
        assert!(matches!(error, Some(FileError::Malformed(_))), "{len}: {error:?}");
        assert!(matches!(from_bytes(&bytes[..len]), Err(FileError::Malformed(_))));
    }
    let foreign = super::file(None, &super::tensors())?;
    let error = training_from_bytes(&foreign, &mut network, &mut optimizer).err();
    assert!(matches!(error, Some(FileError::Foreign)), "{error:?}");
    assert_eq!(known(&network, &optimizer), before);
    Ok(())
}

#[test]
fn a_flipped_bit_of_the_header_changes_nothing_or_harms_nothing() -> Result {
    let (_, _, bytes) = saved()?;
    let size = u64::from_le_bytes(bytes[..8].try_into()?) as usize + 8;
    let (start, mut errors) = (other()?, 0);
    let before = known(&start.0, &start.1);
    let (mut network, mut optimizer) = start.clone();
    for i in 0..size {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[i] ^= 1 << bit;
            let _ = from_bytes(&damaged); // an error or a network, but no panic
            match training_from_bytes(&damaged, &mut network, &mut optimizer) {
                Ok(_) => (network, optimizer) = start.clone(),
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    errors += 1;
                    assert!(known(&network, &optimizer) == before, "{i}, {bit}: {error}");
                }
            }
        }
    }
    assert!(errors > 8 * size * 9 / 10, "{errors} of {}", 8 * size);
    Ok(())
}

//! A training: beside the tensors of the network those of the optimizer and of the fit.
//!
//! ```text
//!   optimizer.{i}               F32 [n]   array i of state; n is the length of the arena
//!   optimizer.steps             U64 []    its progress
//!   optimizer.scalar            F64 []
//!   optimizer.learning_rate     F64 []
//!   training.epochs             U64 []    the state of the fit
//!   training.waited             U64 []
//!   training.settled            U64 []
//!   training.last_loss          F64 []    if there is one
//!   training.origin.seed        U64 []    if it is known; also .samples, .batch_size, .accumulate,
//!                                         and .watch: 0 is nothing, 1 loss, 2 accuracy, 3 train loss
//!   training.best.epoch         U64 []    if there is a best epoch
//!   training.best.value         F64 []
//!   training.best.parameters    F32 [n]
//! ```
//!
//! Numbers are tensors too: they come back bit for bit, NaN and infinity as well.

use std::path::Path;

use super::description::{check_same, describe_training, rule};
use super::tensors::{self, Contents, Elements, Saved, elements};
use super::{FileError, file, network};
use crate::error::check_len;
use crate::network::Network;
use crate::optim::{Optimizer, Progress, UpdateRule};
use crate::train::{Best, Origin, State, Watch};

const STEPS: &str = "optimizer.steps";
const SCALAR: &str = "optimizer.scalar";
const LEARNING_RATE: &str = "optimizer.learning_rate";
const EPOCHS: &str = "training.epochs";
const WAITED: &str = "training.waited";
const SETTLED: &str = "training.settled";
const LAST_LOSS: &str = "training.last_loss";
const ORIGIN: [&str; 5] = [
    "training.origin.seed",
    "training.origin.samples",
    "training.origin.batch_size",
    "training.origin.accumulate",
    "training.origin.watch",
];
const BEST_EPOCH: &str = "training.best.epoch";
const BEST_VALUE: &str = "training.best.value";
const BEST_PARAMETERS: &str = "training.best.parameters";

/// Whether a tensor of this name belongs to the training, and not to the network.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with("optimizer.") || name.starts_with("training.")
}

/// Writes all that a training needs to go on later with the same bits: the network, what the
/// optimizer knows, and the state of the fit. [`load`](super::load) reads the network alone.
///
/// A file that is there is replaced all at once, as by [`save`](super::save).
///
/// Errors: [`Io`](FileError::Io), and those of [`training_to_bytes`]; then the old file is as it
/// was.
pub fn save_training<R: UpdateRule>(
    path: impl AsRef<Path>,
    network: &Network,
    optimizer: &Optimizer<R>,
    state: &State,
) -> Result<(), FileError> {
    file::replace(path.as_ref(), &training_to_bytes(network, optimizer, state)?)
}

/// Reads a file that [`save_training`] has written into a network of the same layers and an
/// optimizer of the same rule. Its learning rate is in the file too; the rule's other settings and
/// the groups are those of `optimizer`.
///
/// ```
/// use densecore::{Activation, Loss, Network, data, io, optim::Adam, train::Fit};
/// use std::ops::ControlFlow::Continue;
/// let (train, _) = data::digits().split(0.1, 1)?;
/// let mut network = Network::mlp(&[64, 16, 10], Activation::Relu, 1)?;
/// let mut adam = network.optimizer(Adam::new(1e-2))?;
/// let mut fit = Fit::new(Loss::CROSS_ENTROPY).epochs(2);
/// fit.run(&mut network, &mut adam, &train, None, |_, _| Continue(()))?;
/// let path = std::env::temp_dir().join("densecore-training-example.safetensors");
/// io::save_training(&path, &network, &adam, fit.state())?;
///
/// // Later, in another program.
/// let mut again = Network::mlp(&[64, 16, 10], Activation::Relu, 2)?;
/// let mut adam_again = again.optimizer(Adam::new(1e-2))?;
/// let state = io::load_training(&path, &mut again, &mut adam_again)?;
/// let mut fit_again = Fit::new(Loss::CROSS_ENTROPY).epochs(2).resume(state);
/// fit_again.run(&mut again, &mut adam_again, &train, None, |_, _| Continue(()))?;
///
/// // The same as if the first one had gone on.
/// fit.run(&mut network, &mut adam, &train, None, |_, _| Continue(()))?;
/// assert_eq!(again.parameters(), network.parameters());
/// assert_eq!(fit_again.state().epochs, 4);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Errors: [`Io`](FileError::Io), and those of [`training_from_bytes`]; then nothing changes.
pub fn load_training<R: UpdateRule>(
    path: impl AsRef<Path>,
    network: &mut Network,
    optimizer: &mut Optimizer<R>,
) -> Result<State, FileError> {
    training_from_bytes(&file::read(path.as_ref())?, network, optimizer)
}

/// The content of the file that [`save_training`] writes.
///
/// Errors: those of [`to_bytes`](super::to_bytes); [`Network`](FileError::Network) with
/// [`Length`](crate::Error::Length) names `optimizer` or `best` if it has not as many parameters as
/// the network's arena.
pub fn training_to_bytes<R: UpdateRule>(
    network: &Network,
    optimizer: &Optimizer<R>,
    state: &State,
) -> Result<Vec<u8>, FileError> {
    let len = network.parameters().len();
    check_len("optimizer", len, optimizer.parameters())?;
    let mut tensors = network::write(network);
    for (i, array) in optimizer.state().chunks_exact(len.max(1)).enumerate() {
        tensors.push(Saved::array(state_name(i), &[len], array));
    }
    let Progress { steps, scalar } = optimizer.progress();
    let mut number = |name, number| tensors.push(Saved::number(name, number));
    number(STEPS, Elements::U64(steps));
    number(SCALAR, Elements::F64(scalar));
    number(LEARNING_RATE, Elements::F64(optimizer.learning_rate()));
    number(EPOCHS, Elements::U64(state.epochs as u64));
    number(WAITED, Elements::U64(state.waited as u64));
    number(SETTLED, Elements::U64(state.settled as u64));
    if let Some(loss) = state.last_loss {
        number(LAST_LOSS, Elements::F64(loss));
    }
    if let Some(origin) = &state.origin {
        number(ORIGIN[0], Elements::U64(origin.seed));
        number(ORIGIN[1], Elements::U64(origin.samples as u64));
        number(ORIGIN[2], Elements::U64(origin.batch_size as u64));
        number(ORIGIN[3], Elements::U64(origin.accumulate as u64));
        number(ORIGIN[4], Elements::U64(Watch::number(origin.watch)));
    }
    if let Some(best) = &state.best {
        check_len("best", len, best.parameters.len())?;
        number(BEST_EPOCH, Elements::U64(best.epoch as u64));
        number(BEST_VALUE, Elements::F64(best.value));
        tensors.push(Saved::array(BEST_PARAMETERS.to_string(), &[len], &best.parameters));
    }
    tensors::to_bytes(describe_training(network, optimizer.rule().name()), tensors)
}

/// The same as [`load_training`] from the content of a file.
///
/// Errors, after which nothing is changed: any [`FileError`] but [`Io`](FileError::Io).
/// [`Mismatch`](FileError::Mismatch) names `training` if the file holds a network alone, `network`
/// if that has other layers, or `optimizer` if its rule is another one;
/// [`Tensor`](FileError::Tensor) names an array of state if the rule keeps more or fewer of them.
pub fn training_from_bytes<R: UpdateRule>(
    bytes: &[u8],
    network: &mut Network,
    optimizer: &mut Optimizer<R>,
) -> Result<State, FileError> {
    let len = network.parameters().len();
    check_len("optimizer", len, optimizer.parameters())?;
    let mut contents = Contents::open(bytes)?;
    let mismatch = |what, expected: &str, found: &str| {
        let (expected, found) = (expected.to_string(), found.to_string());
        FileError::Mismatch { what, expected, found }
    };
    let expected = optimizer.rule().name();
    match rule(contents.text()?)? {
        None => return Err(mismatch("training", "the state of a training", "a network alone")),
        Some(found) if found != expected => return Err(mismatch("optimizer", expected, found)),
        Some(_) => {}
    }
    let found = network::read(&mut contents)?;
    check_same(network, &found)?;
    let restored = read_optimizer(&mut contents, optimizer)?;
    let state = read_state(&mut contents, len)?;
    contents.nothing_else(|_| false)?;
    // Nothing fails from here on.
    network.parameters_mut().copy_from_slice(found.parameters());
    *optimizer = restored;
    Ok(state)
}

/// An optimizer like this one, with what the file knows.
fn read_optimizer<R: UpdateRule>(
    contents: &mut Contents<'_>,
    optimizer: &Optimizer<R>,
) -> Result<Optimizer<R>, FileError> {
    let len = optimizer.parameters();
    let mut state = Vec::new();
    for i in 0..optimizer.state().len() / len.max(1) {
        state.extend(elements(contents.array(&state_name(i), &[len])?));
    }
    let progress = Progress { steps: contents.u64(STEPS)?, scalar: contents.f64(SCALAR)? };
    let mut restored = optimizer.clone();
    restored.set_learning_rate(contents.f64(LEARNING_RATE)?)?;
    restored.restore(progress, &state)?;
    Ok(restored)
}

fn read_state(contents: &mut Contents<'_>, len: usize) -> Result<State, FileError> {
    let mut state = State {
        epochs: count(contents, EPOCHS)?,
        waited: count(contents, WAITED)?,
        settled: count(contents, SETTLED)?,
        ..State::default()
    };
    if contents.shape(LAST_LOSS).is_some() {
        state.last_loss = Some(contents.f64(LAST_LOSS)?);
    }
    if contents.shape(ORIGIN[0]).is_some() {
        state.origin = Some(read_origin(contents)?);
    }
    if contents.shape(BEST_EPOCH).is_some() {
        let (epoch, value) = (count(contents, BEST_EPOCH)?, contents.f64(BEST_VALUE)?);
        let parameters = elements(contents.array(BEST_PARAMETERS, &[len])?).collect();
        state.best = Some(Best { epoch, value, parameters });
    }
    Ok(state)
}

fn read_origin(contents: &mut Contents<'_>) -> Result<Origin, FileError> {
    let number = contents.u64(ORIGIN[4])?;
    let watch = Watch::of_number(number)
        .ok_or_else(|| FileError::Malformed(format!("{} is {number}", ORIGIN[4])))?;
    Ok(Origin {
        seed: contents.u64(ORIGIN[0])?,
        samples: count(contents, ORIGIN[1])?,
        batch_size: count(contents, ORIGIN[2])?,
        accumulate: count(contents, ORIGIN[3])?,
        watch,
    })
}

/// A number that fits the address space, as every count that was saved on such a machine.
fn count(contents: &mut Contents<'_>, name: &str) -> Result<usize, FileError> {
    let found = contents.u64(name)?;
    usize::try_from(found).map_err(|_| FileError::Malformed(format!("{name} is {found}")))
}

fn state_name(i: usize) -> String {
    format!("optimizer.{i}")
}

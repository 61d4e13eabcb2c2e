//! A network alone: its text, and the tensors `NODE.weight` and `NODE.bias` of each dense layer.

use std::path::Path;

use super::description::{Description, describe, has_training};
use super::tensors::{self, Contents, Saved, copy};
use super::{FileError, file, training};
use crate::network::{Layer, Network, NodeKind};

/// Writes a network to a file.
///
/// A file that is there is replaced all at once: until the new one is complete and on the disk, it
/// goes by another name in the same folder, such as `.densecore-0.tmp`.
///
/// Errors: [`Io`](FileError::Io), and those of [`to_bytes`]; then the old file is as it was.
pub fn save(network: &Network, path: impl AsRef<Path>) -> Result<(), FileError> {
    file::replace(path.as_ref(), &to_bytes(network)?)
}

/// Reads a network from a file that [`save`] or [`save_training`](super::save_training) has
/// written.
///
/// Errors: [`Io`](FileError::Io), and those of [`from_bytes`].
pub fn load(path: impl AsRef<Path>) -> Result<Network, FileError> {
    from_bytes(&file::read(path.as_ref())?)
}

/// The content of the file that [`save`] writes.
///
/// Error: [`Malformed`](FileError::Malformed) if the header is longer than the format allows, as
/// it is with about a million layers.
pub fn to_bytes(network: &Network) -> Result<Vec<u8>, FileError> {
    tensors::to_bytes(describe(network), write(network))
}

/// The network in the content of a file.
///
/// Errors: any [`FileError`] but [`Io`](FileError::Io). Damage to the elements themselves is not
/// seen.
///
/// ```
/// use densecore::{Activation, Network, io};
/// let bytes = io::to_bytes(&Network::mlp(&[2, 1], Activation::Relu, 1)?)?;
/// assert_eq!(io::from_bytes(&bytes)?.inputs(), 2);
///
/// let error = io::from_bytes(&bytes[..bytes.len() - 1]).err().map(|error| error.to_string());
/// let expected = "not a whole safetensors file: incomplete metadata, file not fully covered";
/// assert_eq!(error.as_deref(), Some(expected));
/// # Ok::<(), densecore::io::FileError>(())
/// ```
pub fn from_bytes(bytes: &[u8]) -> Result<Network, FileError> {
    let mut contents = Contents::open(bytes)?;
    let network = read(&mut contents)?;
    let has_training = has_training(contents.text()?);
    contents.nothing_else(|name| has_training && training::is_name(name))?;
    Ok(network)
}

/// The tensors of a network.
pub(super) fn write(network: &Network) -> Vec<Saved<'_>> {
    let mut tensors = Vec::new();
    for node in network.nodes() {
        let NodeKind::Dense { layer } = node.kind else { continue };
        let Some(Layer { weight, bias, .. }) = network.layer(layer) else { continue };
        let elements = weight.as_contiguous().unwrap_or(&[]);
        let shape = [weight.rows(), weight.cols()];
        tensors.push(Saved::array(weight_name(node.name), &shape, elements));
        if !bias.is_empty() {
            tensors.push(Saved::array(bias_name(node.name), &[bias.len()], bias));
        }
    }
    tensors
}

/// The network that the text of a file describes, with its tensors.
pub(super) fn read(contents: &mut Contents<'_>) -> Result<Network, FileError> {
    let description = Description::parse(contents.text()?)?;
    // The file bounds what is allocated: all tensors are found before the network is made.
    let mut parameters = Vec::new();
    for layer in &description.layers {
        let weight = contents.array(&weight_name(&layer.name), &layer.shape)?;
        let bias = match layer.has_bias {
            true => contents.array(&bias_name(&layer.name), &layer.shape[1..])?,
            false => &[],
        };
        parameters.push((weight, bias));
    }
    let mut network = description.graph.build()?;
    for (i, (weight, bias)) in parameters.into_iter().enumerate() {
        let Some(mut layer) = network.layer_mut(i) else { continue };
        copy(weight, layer.weight.as_contiguous_mut().unwrap_or(&mut []));
        copy(bias, layer.bias);
    }
    Ok(network)
}

fn weight_name(node: &str) -> String {
    format!("{node}.weight")
}

fn bias_name(node: &str) -> String {
    format!("{node}.bias")
}

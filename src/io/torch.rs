//! Weights that PyTorch has trained.
//!
//! ```text
//!   PyTorch   Y = X.A^T + b      A [out, in]
//!   here      Y = X.W + b        W = A^T [in, out]
//! ```

use std::path::Path;

use super::tensors::{Contents, copy, elements};
use super::{FileError, file};
use crate::error::check_len;
use crate::network::Network;

/// Takes the parameters of `nn.Linear` layers from a file that PyTorch has written with
/// `safetensors.torch.save_file(model.state_dict(), path)`. The network stays as it is but for its
/// parameters: activations, which such a file does not know, are chosen when it is built.
///
/// Layer `i` gets `{names[i]}.weight`, `[out, in]`, which is transposed, and `{names[i]}.bias`; the
/// names are those of `state_dict()`, and [`tensors`] lists them. Other tensors of the file are
/// left alone.
///
/// ```no_run
/// use densecore::{Activation, Network, io};
/// // nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))
/// let mut network = Network::mlp(&[5, 7, 3], Activation::Tanh, 0)?;
/// io::import_torch(&mut network, "model.safetensors", &["0", "2"])?;
/// # Ok::<(), densecore::io::FileError>(())
/// ```
///
/// Errors: [`Io`](FileError::Io), and those of [`import_torch_from_bytes`]; then nothing changes.
pub fn import_torch(
    network: &mut Network,
    path: impl AsRef<Path>,
    names: &[&str],
) -> Result<(), FileError> {
    import_torch_from_bytes(network, &file::read(path.as_ref())?, names)
}

/// The same as [`import_torch`] from the content of a file.
///
/// Errors, after which nothing is changed: [`Malformed`](FileError::Malformed);
/// [`Network`](FileError::Network) with [`Length`](crate::Error::Length) names `names` if they are
/// not as many as the layers; [`Tensor`](FileError::Tensor) names a tensor that is missing, has
/// another shape, is of another type than F32, or is the bias of a layer that has none here.
pub fn import_torch_from_bytes(
    network: &mut Network,
    bytes: &[u8],
    names: &[&str],
) -> Result<(), FileError> {
    check_len("names", network.layers(), names.len())?;
    let mut contents = Contents::open(bytes)?;
    let mut found = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let Some(layer) = network.layer(i) else { continue };
        let (inputs, outputs) = layer.weight.shape();
        let weight = contents.array(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = format!("{name}.bias");
        let bias = if layer.bias.is_empty() {
            contents.none(&bias)?;
            &[]
        } else {
            contents.array(&bias, &[outputs])?
        };
        found.push((weight, bias));
    }
    for (i, (weight, bias)) in found.into_iter().enumerate() {
        let Some(mut layer) = network.layer_mut(i) else { continue };
        let (inputs, outputs) = layer.weight.shape();
        let to = layer.weight.as_contiguous_mut().unwrap_or(&mut []);
        for (output, row) in weight.chunks_exact(4 * inputs).enumerate() {
            for (input, element) in elements(row).enumerate() {
                to[input * outputs + output] = element;
            }
        }
        copy(bias, layer.bias);
    }
    Ok(())
}

/// Name and shape of each tensor in a safetensors file, whoever wrote it, in the order of the file.
///
/// Errors: [`Io`](FileError::Io) and [`Malformed`](FileError::Malformed).
///
/// ```
/// use densecore::{Activation, Network, io};
/// let path = std::env::temp_dir().join("densecore-tensors-example.safetensors");
/// io::save(&Network::mlp(&[4, 3], Activation::Relu, 1)?, &path)?;
/// let expected = [("layers.0.bias".into(), vec![3]), ("layers.0.weight".into(), vec![4, 3])];
/// assert_eq!(io::tensors(&path)?, expected);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn tensors(path: impl AsRef<Path>) -> Result<Vec<(String, Vec<usize>)>, FileError> {
    let bytes = file::read(path.as_ref())?;
    let contents = Contents::open(&bytes)?;
    let shape = |name: String| contents.shape(&name).map(<[_]>::to_vec).map(|shape| (name, shape));
    Ok(contents.names().into_iter().filter_map(shape).collect())
}

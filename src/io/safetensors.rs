//! The format itself: a network as the tensors and the metadata of a safetensors file.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use ::safetensors::tensor::{Metadata, SafeTensors, TensorInfo};
use ::safetensors::{Dtype, SafeTensorError, View};

use super::{FileError, at, replace};
use crate::activation::Activation;
use crate::init::Init;
use crate::network::{Builder, Network};

/// The entry of the metadata that describes the network.
const KEY: &str = "densecore";
const VERSION: &str = "1";

/// Writes a network to a file.
///
/// A file that is there is replaced all at once: until the new one is complete and on the disk, it
/// goes by another name in the same folder, such as `.densecore-0.tmp`.
///
/// Errors: [`Io`](FileError::Io), and those of [`to_bytes`]; then the old file is as it was.
pub fn save(network: &Network, path: impl AsRef<Path>) -> Result<(), FileError> {
    let path = path.as_ref();
    replace(path, &to_bytes(network)?).map_err(at(path))
}

/// Reads a network from a file that [`save`] has written.
///
/// Errors: [`Io`](FileError::Io), and those of [`from_bytes`].
pub fn load(path: impl AsRef<Path>) -> Result<Network, FileError> {
    let path = path.as_ref();
    from_bytes(&fs::read(path).map_err(at(path))?)
}

/// The content of the file that [`save`] writes.
///
/// Error: [`Malformed`](FileError::Malformed) if the header is longer than the format allows, as
/// it is with about a million layers.
pub fn to_bytes(network: &Network) -> Result<Vec<u8>, FileError> {
    let mut description = format!("version {VERSION}; inputs {}", network.inputs());
    let mut tensors = Vec::new();
    for (i, layer) in (0..network.layers()).map_while(|i| network.layer(i)).enumerate() {
        let (weight, bias) = (layer.weight, layer.bias);
        let kind = if bias.is_empty() { "dense_without_bias" } else { "dense" };
        description += &format!("; {kind} {} {}", weight.cols(), layer.activation);
        let elements = weight.as_contiguous().unwrap_or(&[]);
        tensors.push((weight_name(i), Saved(vec![weight.rows(), weight.cols()], elements)));
        if !bias.is_empty() {
            tensors.push((bias_name(i), Saved(vec![bias.len()], bias)));
        }
    }
    // One entry only: the order of several would change from run to run.
    let metadata = HashMap::from([(KEY.to_string(), description)]);
    ::safetensors::serialize(tensors, Some(metadata)).map_err(malformed)
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
    check_numbers(bytes)?;
    let (header, metadata) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
    let data = bytes.get(8 + header..).unwrap_or(&[]);
    let entries = metadata.metadata().as_ref();
    let description = entries.and_then(|entries| entries.get(KEY)).ok_or(FileError::Foreign)?;
    let (inputs, layers) = parse(description)?;

    // The file bounds what is allocated: all tensors are found before the network is made.
    let mut builder = Network::builder(inputs).init(Init::Zeros);
    let (mut parameters, mut names) = (Vec::new(), HashSet::new());
    let mut width = inputs;
    for (i, layer) in layers.iter().enumerate() {
        let mut tensor = |name: String, shape: &[usize]| {
            let found = elements(&metadata, data, &name, shape);
            names.insert(name);
            found
        };
        let weight = tensor(weight_name(i), &[width, layer.width])?;
        let bias = if layer.bias { tensor(bias_name(i), &[layer.width])? } else { &[] };
        parameters.push((weight, bias));
        builder = layer.push(builder);
        width = layer.width;
    }
    if let Some(name) = metadata.offset_keys().into_iter().find(|name| !names.contains(name)) {
        let found = kind(metadata.info(&name));
        return Err(FileError::Tensor { name, expected: kind(None), found });
    }

    let mut network = builder.build()?;
    for (i, (weight, bias)) in parameters.into_iter().enumerate() {
        let Some(mut layer) = network.layer_mut(i) else { continue };
        copy(weight, layer.weight.as_contiguous_mut().unwrap_or(&mut []));
        copy(bias, layer.bias);
    }
    Ok(network)
}

/// A layer, as the metadata describe it.
struct Described {
    width: usize,
    activation: Activation,
    bias: bool,
}

impl Described {
    /// From `dense 8 tanh` or `dense_without_bias 8 tanh`.
    fn parse(clause: &str) -> Option<Self> {
        let (kind, rest) = clause.split_once(' ')?;
        let (width, activation) = rest.split_once(' ')?;
        let bias = match kind {
            "dense" => true,
            "dense_without_bias" => false,
            _ => return None,
        };
        let activation = activation.parse().ok()?;
        Some(Self { width: width.parse().ok()?, activation, bias })
    }

    fn push(&self, builder: Builder) -> Builder {
        match self.bias {
            true => builder.dense(self.width, self.activation),
            false => builder.dense_without_bias(self.width, self.activation),
        }
    }
}

/// The width of the input, and the layers.
fn parse(description: &str) -> Result<(usize, Vec<Described>), FileError> {
    let error = |clause: &str| FileError::Description { found: clause.to_string() };
    let mut clauses = description.split("; ");
    let version = clauses.next().unwrap_or("");
    if version.strip_prefix("version ") != Some(VERSION) {
        return Err(error(version));
    }
    let inputs = clauses.next().unwrap_or("");
    let width = inputs.strip_prefix("inputs ").and_then(|width| width.parse().ok());
    let layers = clauses.map(|clause| Described::parse(clause).ok_or_else(|| error(clause)));
    Ok((width.ok_or_else(|| error(inputs))?, layers.collect::<Result<_, _>>()?))
}

/// The bytes of the F32 tensor with this name and shape.
fn elements<'a>(
    metadata: &Metadata,
    data: &'a [u8],
    name: &str,
    shape: &[usize],
) -> Result<&'a [u8], FileError> {
    let dtype = Dtype::F32;
    let info = metadata.info(name);
    let found = info.filter(|info| info.dtype == dtype && info.shape == shape);
    let bytes = found.and_then(|info| data.get(info.data_offsets.0..info.data_offsets.1));
    bytes.ok_or_else(|| {
        let expected = TensorInfo { dtype, shape: shape.to_vec(), data_offsets: (0, 0) };
        FileError::Tensor {
            name: name.to_string(),
            expected: kind(Some(&expected)),
            found: kind(info),
        }
    })
}

fn copy(bytes: &[u8], to: &mut [f32]) {
    let (elements, _) = bytes.as_chunks::<4>();
    for (to, &element) in to.iter_mut().zip(elements) {
        *to = f32::from_le_bytes(element);
    }
}

/// Refuses numbers in the header that are beyond any memory: safetensors 0.8 adds the end of the
/// last tensor and the size of the header without a check for overflow.
fn check_numbers(bytes: &[u8]) -> Result<(), FileError> {
    let (size, rest) = bytes.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    let size = usize::try_from(u64::from_le_bytes(*size)).unwrap_or(usize::MAX);
    let header = rest.get(..size).unwrap_or(&[]);
    let mut numbers = header.split(|byte| !byte.is_ascii_digit()).filter(|run| run.len() > 9);
    let fits = |run: &[u8]| {
        let number = core::str::from_utf8(run).ok().and_then(|run| run.parse::<usize>().ok());
        number.is_some_and(|number| number <= isize::MAX as usize)
    };
    match numbers.all(fits) {
        true => Ok(()),
        false => Err(FileError::Malformed("a number is too large".to_string())),
    }
}

fn malformed(error: SafeTensorError) -> FileError {
    FileError::Malformed(error.to_string())
}

fn weight_name(i: usize) -> String {
    format!("layers.{i}.weight")
}

fn bias_name(i: usize) -> String {
    format!("layers.{i}.bias")
}

/// Type and shape, such as `F32 [4, 8]`.
fn kind(info: Option<&TensorInfo>) -> String {
    match info {
        Some(info) => format!("{:?} {:?}", info.dtype, info.shape),
        None => "nothing".to_string(),
    }
}

/// A tensor to be written: shape and elements.
struct Saved<'a>(Vec<usize>, &'a [f32]);

impl View for Saved<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.1.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    fn data_len(&self) -> usize {
        size_of_val(self.1)
    }
}

//! Networks and trainings in files, with the feature `safetensors`.
//!
//! ```
//! use densecore::{Activation, Network, io};
//! let network = Network::mlp(&[4, 8, 3], Activation::Tanh, 42)?;
//! let path = std::env::temp_dir().join("densecore-io-example.safetensors");
//! io::save(&network, &path)?;
//! assert_eq!(io::load(&path)?.parameters(), network.parameters());
//! # std::fs::remove_file(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | what | functions |
//! |---|---|
//! | a network | [`save`], [`load`] |
//! | a training that goes on later with the same bits | [`save_training`], [`load_training`] |
//! | weights that PyTorch has trained | [`import_torch`], [`tensors()`] |
//!
//! A file is of the format [safetensors](https://huggingface.co/docs/safetensors), which most
//! frameworks read:
//!
//! | tensor, F32 | shape |
//! |---|---|
//! | `NODE.weight` | `[in, out]`, the transpose of what PyTorch keeps |
//! | `NODE.bias` | `[out]`, if the layer has one |
//!
//! `NODE` is the name of the node: that of a [`Graph`](crate::network::Graph), or `layers.0` and so
//! on in a chain. What the tensors do not say is in one entry of the metadata, `densecore`: the
//! version of this format, the width of the input, and the width and the activation of each layer;
//! in a graph also the names of each node and of those it reads, and the outputs.
//!
//! ```text
//! version 1; inputs 4; dense 8 tanh; dense_without_bias 3 identity
//! version 2; inputs 4; dense a input 8 tanh; dropout b a 0.5; concat c input b; output c
//! ```
//!
//! A training has a second line, `training 1; rule adam`, and more tensors: `optimizer.0` and so
//! on, an array of the rule's state each, and others whose names start with `optimizer.` or
//! `training.`.
//!
//! The same network gives the same bytes, and loading them the same parameters, bit for bit. A file
//! is replaced all at once: a crash or a full disk leaves the old one as it was.
//!
//! | file | what |
//! |---|---|
//! | `network`, `training`, `torch` | what is saved and loaded |
//! | `description` | the text |
//! | `tensors` | the tensors: the only calls of the crate `safetensors` |
//! | `file` | whole files, read and replaced |

mod description;
mod file;
mod network;
mod tensors;
mod torch;
mod training;

pub use self::network::{from_bytes, load, save, to_bytes};
pub use self::torch::{import_torch, import_torch_from_bytes, tensors};
pub use self::training::{load_training, save_training, training_from_bytes, training_to_bytes};

use core::fmt;

/// Why something was not saved or not loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// The system could not read or write the file, which the error names.
    Io(std::io::Error),
    /// The file is not of the format safetensors, or only a part of one; what is wrong with it.
    Malformed(String),
    /// The file is of the format safetensors, but was not written by this crate.
    Foreign,
    /// The description of the network cannot be understood; a newer version of this crate may.
    Description {
        /// The clause in question, such as `version 3`.
        found: String,
    },
    /// A tensor is not what is asked for.
    Tensor {
        /// Its name, such as `layers.0.weight`.
        name: String,
        /// Type and shape, such as `F32 [4, 8]`, or `nothing`.
        expected: String,
        /// Type and shape, or `nothing`.
        found: String,
    },
    /// The file holds something else than what it is to be loaded into.
    Mismatch {
        /// `network`, `optimizer` or `training`.
        what: &'static str,
        /// What it is loaded into, such as `dense 8 tanh`.
        expected: String,
        /// What the file holds instead.
        found: String,
    },
    /// The network cannot be made, because it has no layers for example, or an argument does not
    /// fit it.
    Network(crate::error::Error),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileError::Io(error) => write!(f, "{error}"),
            FileError::Malformed(what) => write!(f, "not a whole safetensors file: {what}"),
            FileError::Foreign => write!(f, "a safetensors file, but not one of densecore"),
            FileError::Description { found } => {
                write!(f, "the description of the network is not understood at '{found}'")
            }
            FileError::Tensor { name, expected, found } => {
                write!(f, "{name}: expected {expected}, found {found}")
            }
            FileError::Mismatch { what, expected, found } => {
                write!(f, "{what}: expected {expected}, found {found} in the file")
            }
            FileError::Network(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            FileError::Io(error) => Some(error),
            FileError::Network(error) => Some(error),
            _ => None,
        }
    }
}

impl From<crate::error::Error> for FileError {
    fn from(error: crate::error::Error) -> Self {
        FileError::Network(error)
    }
}

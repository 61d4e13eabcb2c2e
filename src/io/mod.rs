//! Networks in files, with the feature `safetensors`.
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
//! A file is of the format [safetensors](https://huggingface.co/docs/safetensors), which most
//! frameworks read:
//!
//! | tensor, F32 | shape |
//! |---|---|
//! | `layers.{i}.weight` | `[in, out]`, the transpose of what PyTorch keeps |
//! | `layers.{i}.bias` | `[out]`, if the layer has one |
//!
//! What the tensors do not say is in one entry of the metadata, `densecore`: the version of this
//! format, the width of the input, and the width and the activation of each layer.
//!
//! ```text
//! version 1; inputs 4; dense 8 tanh; dense_without_bias 3 identity
//! ```
//!
//! The same network gives the same bytes, and loading them the same parameters, bit for bit.

mod safetensors;

pub use self::safetensors::{from_bytes, load, save, to_bytes};

use core::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Why a network was not saved or not loaded.
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
        /// The clause in question, such as `version 2`.
        found: String,
    },
    /// A tensor is not what the description of the network asks for.
    Tensor {
        /// Its name, such as `layers.0.weight`.
        name: String,
        /// Type and shape, such as `F32 [4, 8]`, or `nothing`.
        expected: String,
        /// Type and shape, or `nothing`.
        found: String,
    },
    /// The network cannot be made, because it has no layers for example.
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

/// The error of the system with the path in front of it, which it does not say by itself.
fn at(path: &Path) -> impl Fn(std::io::Error) -> FileError {
    move |error| {
        let text = format!("{}: {error}", path.display());
        FileError::Io(std::io::Error::new(error.kind(), text))
    }
}

/// Puts a file with this content at `path`, in the place of one that is there.
///
/// The content goes to a new file next to it, and to the disk, before that file gets the name:
/// whatever happens, `path` is the old file or the new one, whole.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let (mut file, temporary) = create_beside(path)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    drop(file); // an open file cannot be renamed everywhere
    let result = written.and_then(|()| fs::rename(&temporary, path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary); // the first error is the one to tell
    }
    result
}

/// A new file in the folder of `path`, which no other call has got.
fn create_beside(path: &Path) -> std::io::Result<(File, PathBuf)> {
    if path.file_name().is_none() {
        return Err(std::io::Error::new(ErrorKind::InvalidInput, "the path names no file"));
    }
    for number in 0..u16::MAX {
        let temporary = path.with_file_name(format!(".densecore-{number}.tmp"));
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(std::io::Error::new(ErrorKind::AlreadyExists, "too many temporary files in the folder"))
}

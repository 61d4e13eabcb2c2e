//! Files in the format idx, in which MNIST, Fashion-MNIST, EMNIST and others come, plain or, with
//! the feature `gzip`, compressed.
//!
//! ```text
//!   0   0   type   rank          type 8, unsigned bytes, is the one that is read
//!   size of each of the `rank` dimensions, u32, big endian
//!   the elements, the last dimension fastest, and nothing behind them
//! ```
//!
//! Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
//!
//! ```
//! use densecore::data::idx;
//! // Two pictures of 1 x 3 pixels, and what they show.
//! let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3][..], &[0, 51, 255, 9, 8, 7]];
//! let images = idx::read::<3>(images.concat().as_slice())?;
//! assert_eq!((images.shape, images.bytes[1]), ([2, 1, 3], 51));
//!
//! let error = idx::read::<1>(&[0, 0, 8, 1, 0, 0, 0, 5, 7, 7][..]).err().map(|e| e.to_string());
//! assert_eq!(error.as_deref(), Some("cut off: expected 5 bytes of data, found 2"));
//! # Ok::<(), idx::Problem>(())
//! ```

use core::fmt;
use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::path::{Path, PathBuf};

use super::{Dataset, Targets};
use crate::tensor::Tensor;

/// The type of unsigned bytes.
const UNSIGNED_BYTE: u8 = 8;

/// What a file begins with that is compressed by gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Unsigned bytes in `RANK` dimensions, the content of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array<const RANK: usize> {
    /// The size of each dimension.
    pub shape: [usize; RANK],
    /// As many elements as the product of the sizes, the last dimension fastest.
    pub bytes: Vec<u8>,
}

/// What is wrong with the content of a file, or with that of two that belong together.
#[derive(Debug)]
#[non_exhaustive]
pub enum Problem {
    /// The system could not read it, or it is compressed and damaged.
    Io(io::Error),
    /// It is not idx: it does not begin with two zeros and a type.
    Format,
    /// It is compressed, and the crate was built without the feature `gzip`.
    Compressed,
    /// It is idx, but of elements of another type than unsigned bytes.
    Type {
        /// The type found.
        found: u8,
    },
    /// It has another number of dimensions.
    Rank {
        /// The number asked for.
        expected: usize,
        /// The number found.
        found: usize,
    },
    /// It ends within the header.
    Header,
    /// The product of the sizes exceeds the address space.
    Size,
    /// It ends before the last element.
    Truncated {
        /// Elements that the header announces.
        expected: usize,
        /// Elements that there are.
        found: usize,
    },
    /// Something follows the last element.
    Trailing {
        /// Elements that the header announces.
        expected: usize,
    },
    /// There are not as many labels as pictures.
    Count {
        /// Number of pictures.
        expected: usize,
        /// Number of labels.
        found: usize,
    },
    /// The numbers do not make a data set: a label that is no class, or no memory.
    Data(crate::error::Error),
}

/// A file that was not read, and why.
#[derive(Debug)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

/// Reads an array of `RANK` dimensions up to the end of `reader`, which is not compressed.
///
/// Memory follows what is read: a header alone cannot ask for much of it.
///
/// Errors: any [`Problem`] but [`Compressed`](Problem::Compressed), [`Count`](Problem::Count) and
/// [`Data`](Problem::Data).
pub fn read<const RANK: usize>(mut reader: impl Read) -> Result<Array<RANK>, Problem> {
    let mut magic = [0; 4];
    fill(&mut reader, &mut magic)?;
    match magic {
        [0, 0, UNSIGNED_BYTE, rank] if usize::from(rank) == RANK => {}
        [0, 0, UNSIGNED_BYTE, rank] => {
            return Err(Problem::Rank { expected: RANK, found: rank.into() });
        }
        [0, 0, found @ (0x09 | 0x0b..=0x0e), _] => return Err(Problem::Type { found }),
        _ => return Err(Problem::Format),
    }
    let (mut shape, mut size) = ([0; RANK], [0; 4]);
    for dimension in &mut shape {
        fill(&mut reader, &mut size)?;
        *dimension = usize::try_from(u32::from_be_bytes(size)).map_err(|_| Problem::Size)?;
    }
    let expected = product(&shape).ok_or(Problem::Size)?;
    let mut bytes = Vec::new();
    (&mut reader).take(expected as u64).read_to_end(&mut bytes).map_err(Problem::Io)?;
    if bytes.len() < expected {
        return Err(Problem::Truncated { expected, found: bytes.len() });
    }
    // A compressed file ends with a checksum, which this read verifies too.
    match reader.take(1).read_to_end(&mut Vec::new()).map_err(Problem::Io)? {
        0 => Ok(Array { shape, bytes }),
        _ => Err(Problem::Trailing { expected }),
    }
}

/// Reads an array of `RANK` dimensions from a file, compressed if it begins as gzip does.
///
/// Error: the path with any [`Problem`] but [`Count`](Problem::Count) and [`Data`](Problem::Data).
pub fn open<const RANK: usize>(path: impl AsRef<Path>) -> Result<Array<RANK>, FileError> {
    let path = path.as_ref();
    let content = || {
        let mut file = BufReader::new(File::open(path)?);
        let mut start = Vec::new();
        (&mut file).take(2).read_to_end(&mut start)?;
        Ok((start == GZIP, Cursor::new(start).chain(file)))
    };
    let array = match content() {
        Ok((true, file)) => decompress(file),
        Ok((false, file)) => read(file),
        Err(error) => Err(Problem::Io(error)),
    };
    array.map_err(at(path))
}

/// A data set of pictures, a file of rank 3, and their labels, one of rank 1: `inputs
/// [pictures, height * width]`, row after row of the picture, ink from 0 to 1 in steps of 1/255.
///
/// Error: the path of the first file that has a [`Problem`]; that of the labels if they do not fit
/// the pictures or are not below `classes`.
///
/// ```no_run
/// use densecore::data::{Standardize, idx};
/// let train = idx::dataset("train-images-idx3-ubyte", "train-labels-idx1-ubyte", 10)?;
/// let test = idx::dataset("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 10)?;
/// let scale = Standardize::fit_whole(train.inputs().view())?; // of what is trained on only
/// let (train, test) = (scale.dataset(train)?, scale.dataset(test)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn dataset(
    images: impl AsRef<Path>,
    labels: impl AsRef<Path>,
    classes: usize,
) -> Result<Dataset, FileError> {
    let (images_path, labels_path) = (images.as_ref(), labels.as_ref());
    let images = open::<3>(images_path)?;
    let labels = open::<1>(labels_path)?;
    let ([expected, height, width], [found]) = (images.shape, labels.shape);
    if expected != found {
        return Err(at(labels_path)(Problem::Count { expected, found }));
    }
    // With no pictures the product of height and width may exceed what `read` has checked.
    let pixels = height.checked_mul(width).ok_or(Problem::Size).map_err(at(images_path))?;
    let mut inputs =
        Tensor::zeros(expected, pixels).map_err(Problem::Data).map_err(at(images_path))?;
    for (input, &byte) in inputs.as_mut_slice().iter_mut().zip(&images.bytes) {
        *input = f32::from(byte) / 255.0;
    }
    let ids = labels.bytes.into_iter().map(u32::from).collect();
    let set = Dataset::new(inputs, Targets::Classes { ids, classes });
    set.map_err(Problem::Data).map_err(at(labels_path))
}

type Whole = Chain<Cursor<Vec<u8>>, BufReader<File>>;

#[cfg(feature = "gzip")]
fn decompress<const RANK: usize>(file: Whole) -> Result<Array<RANK>, Problem> {
    // Several parts one after the other are one file, as for the program gzip.
    read(flate2::read::MultiGzDecoder::new(file))
}

#[cfg(not(feature = "gzip"))]
fn decompress<const RANK: usize>(_: Whole) -> Result<Array<RANK>, Problem> {
    Err(Problem::Compressed)
}

/// Fills `out`, a part of the header.
fn fill(reader: &mut impl Read, out: &mut [u8]) -> Result<(), Problem> {
    reader.read_exact(out).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Problem::Header,
        _ => Problem::Io(error),
    })
}

/// The number of elements, if the address space has room for as many.
fn product(shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0); // whatever the other sizes are
    }
    let size = shape.iter().try_fold(1_usize, |size, &n| size.checked_mul(n))?;
    (size <= isize::MAX as usize).then_some(size)
}

/// The problem as one of the file at `path`.
fn at(path: &Path) -> impl Fn(Problem) -> FileError {
    move |problem| FileError { path: path.into(), problem }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Io(error) => write!(f, "{error}"),
            Problem::Format => write!(f, "not an idx file: it does not begin as one"),
            Problem::Compressed => {
                write!(f, "compressed: unpack it, or build with the feature gzip")
            }
            Problem::Type { found } => {
                write!(f, "expected elements of type 0x08, unsigned bytes, found 0x{found:02x}")
            }
            Problem::Rank { expected, found } => {
                write!(f, "expected {expected} dimension(s), found {found}")
            }
            Problem::Header => write!(f, "cut off: it ends within the header of an idx file"),
            Problem::Size => write!(f, "the sizes in the header exceed the address space"),
            Problem::Truncated { expected, found } => {
                write!(f, "cut off: expected {expected} bytes of data, found {found}")
            }
            Problem::Trailing { expected } => {
                write!(f, "too long: expected {expected} bytes of data and nothing behind them")
            }
            Problem::Count { expected, found } => {
                write!(
                    f,
                    "expected as many labels as there are pictures, {expected}, found {found}"
                )
            }
            Problem::Data(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for Problem {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Problem::Io(error) => Some(error),
            Problem::Data(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

impl core::error::Error for FileError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.problem)
    }
}

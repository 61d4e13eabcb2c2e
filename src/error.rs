//! The one error type. Every public function that can be called wrongly returns it instead of
//! panicking, and a shape error names the argument, what was expected and what was found.

use core::fmt;

/// `Result` with this crate's [`Error`].
pub type Result<T> = core::result::Result<T, Error>;

/// What was wrong with a call. Small, `Copy` and free of allocation, so that returning one costs
/// nothing on the path that succeeds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A matrix has the wrong number of rows or columns.
    Shape {
        /// The argument, as it is called in the function's documentation.
        argument: &'static str,
        /// `(rows, cols)` that the other arguments ask for.
        expected: (usize, usize),
        /// `(rows, cols)` that was passed.
        found: (usize, usize),
    },
    /// A slice has the wrong number of elements.
    Length {
        /// The argument, as it is called in the function's documentation.
        argument: &'static str,
        /// Number of elements that the other arguments ask for.
        expected: usize,
        /// Number of elements that was passed.
        found: usize,
    },
    /// A slice that may be longer than needed is too short.
    TooShort {
        /// The argument, as it is called in the function's documentation.
        argument: &'static str,
        /// Smallest number of elements that holds what the other arguments ask for.
        expected: usize,
        /// Number of elements that was passed.
        found: usize,
    },
    /// The distance between two rows is smaller than a row.
    Stride {
        /// The argument, as it is called in the function's documentation.
        argument: &'static str,
        /// Smallest allowed distance, in elements.
        expected: usize,
        /// The distance that was passed, in elements.
        found: usize,
    },
    /// A size cannot be expressed: the product of two dimensions exceeds the address space.
    Overflow {
        /// The quantity that overflowed.
        argument: &'static str,
        /// `(rows, cols)` whose product it is.
        found: (usize, usize),
    },
    /// The system has no memory for a buffer of this size.
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
    },
    /// A class id that is not below the number of classes.
    Class {
        /// The row of the batch.
        row: usize,
        /// The class id found there.
        found: usize,
        /// The number of classes.
        classes: usize,
    },
    /// A setting outside the range in which it has a meaning.
    Value {
        /// The setting, as it is called in the documentation.
        argument: &'static str,
        /// The values that are allowed.
        expected: &'static str,
        /// The value that was passed.
        found: f64,
    },
    /// A name that names nothing, such as `avx3` for a level.
    Name {
        /// The argument, as it is called in the documentation.
        argument: &'static str,
        /// The names that there are.
        expected: &'static str,
        /// The name that was passed, or how it begins.
        found: Excerpt,
    },
    /// A node of a graph that no network can be made of.
    Node {
        /// Its name, or how it begins.
        node: Excerpt,
        /// What a node is to have or to be.
        expected: &'static str,
        /// What it has or is.
        found: Excerpt,
    },
    /// Two arguments that do not go together, such as class ids given to a loss on values.
    Mismatch {
        /// The argument, as it is called in the documentation.
        argument: &'static str,
        /// What the other arguments ask for.
        expected: &'static str,
        /// What was passed.
        found: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::Shape { argument, expected: (er, ec), found: (fr, fc) } => {
                write!(f, "{argument}: expected shape [{er}, {ec}], found [{fr}, {fc}]")
            }
            Error::Length { argument, expected, found } => {
                write!(f, "{argument}: expected {expected} elements, found {found}")
            }
            Error::TooShort { argument, expected, found } => {
                write!(f, "{argument}: expected at least {expected} elements, found {found}")
            }
            Error::Stride { argument, expected, found } => {
                write!(f, "{argument}: expected a row stride of at least {expected}, found {found}")
            }
            Error::Overflow { argument, found: (r, c) } => {
                write!(
                    f,
                    "{argument}: expected a size that fits the address space, found [{r}, {c}]"
                )
            }
            Error::OutOfMemory { bytes } => write!(f, "no memory for a buffer of {bytes} bytes"),
            Error::Class { row, found, classes } => {
                write!(f, "classes: expected ids below {classes}, found {found} in row {row}")
            }
            Error::Value { argument, expected, found } => {
                write!(f, "{argument}: expected {expected}, found {found}")
            }
            Error::Name { argument, expected, found } => {
                write!(f, "{argument}: expected {expected}, found {found:?}")
            }
            Error::Node { node, expected, found } => {
                let (node, found) = (node.as_str(), found.as_str());
                write!(f, "node {node}: expected {expected}, found {found}")
            }
            Error::Mismatch { argument, expected, found } => {
                write!(f, "{argument}: expected {expected}, found {found}")
            }
        }
    }
}

impl core::error::Error for Error {}

/// How a text begins, kept without allocation: up to 31 bytes; a longer one is cut
/// between characters, and ends in an ellipsis.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Excerpt {
    bytes: [u8; 31],
    len: u8,
}

impl Excerpt {
    /// How `text` begins.
    pub fn new(text: &str) -> Self {
        let mut bytes = [0; 31];
        let mark = if text.len() > bytes.len() { "\u{2026}" } else { "" };
        let most = text.len().min(bytes.len() - mark.len());
        let len = (0..=most).rfind(|&i| text.is_char_boundary(i)).unwrap_or(0);
        bytes[..len].copy_from_slice(&text.as_bytes()[..len]);
        bytes[len..len + mark.len()].copy_from_slice(mark.as_bytes());
        Self { bytes, len: (len + mark.len()) as u8 }
    }

    /// The text that was kept.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The error that names a node.
pub(crate) fn wrong_node(node: &str, expected: &'static str, found: impl fmt::Display) -> Error {
    let found = Excerpt::new(&found.to_string());
    Error::Node { node: Excerpt::new(node), expected, found }
}

/// `rows * cols`, or the error that names the matrix.
pub(crate) fn checked_size(argument: &'static str, rows: usize, cols: usize) -> Result<usize> {
    match rows.checked_mul(cols) {
        Some(size) if size <= isize::MAX as usize / size_of::<f32>() => Ok(size),
        _ => Err(Error::Overflow { argument, found: (rows, cols) }),
    }
}

/// Ok if a matrix has the shape that the other arguments ask for.
pub(crate) fn check_shape(
    argument: &'static str,
    expected: (usize, usize),
    found: (usize, usize),
) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::Shape { argument, expected, found }) }
}

/// Ok if a slice has the length that the other arguments ask for.
pub(crate) fn check_len(argument: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::Length { argument, expected, found }) }
}

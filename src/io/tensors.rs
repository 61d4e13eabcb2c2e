//! The format itself: named tensors and one text, in the bytes of a safetensors file.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use ::safetensors::tensor::{Metadata, SafeTensors, TensorInfo};
use ::safetensors::{Dtype, SafeTensorError, View};

use super::FileError;

/// The entry of the metadata that is this crate's.
const KEY: &str = "densecore";

/// Elements of a tensor to be written, or the only one.
pub(super) enum Elements<'a> {
    F32(&'a [f32]),
    F64(f64),
    U64(u64),
}

/// A tensor to be written.
pub(super) struct Saved<'a> {
    pub name: String,
    pub shape: Vec<usize>,
    pub elements: Elements<'a>,
}

impl<'a> Saved<'a> {
    pub(super) fn array(name: String, shape: &[usize], elements: &'a [f32]) -> Self {
        Self { name, shape: shape.to_vec(), elements: Elements::F32(elements) }
    }

    /// A tensor without dimensions.
    pub(super) fn number(name: &str, element: Elements<'a>) -> Self {
        Self { name: name.to_string(), shape: Vec::new(), elements: element }
    }
}

impl View for Saved<'_> {
    fn dtype(&self) -> Dtype {
        match self.elements {
            Elements::F32(_) => Dtype::F32,
            Elements::F64(_) => Dtype::F64,
            Elements::U64(_) => Dtype::U64,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self.elements {
            Elements::F32(elements) => elements.iter().flat_map(|x| x.to_le_bytes()).collect(),
            Elements::F64(element) => element.to_le_bytes().to_vec().into(),
            Elements::U64(element) => element.to_le_bytes().to_vec().into(),
        }
    }

    fn data_len(&self) -> usize {
        match self.elements {
            Elements::F32(elements) => size_of_val(elements),
            Elements::F64(_) | Elements::U64(_) => 8,
        }
    }
}

/// The content of a file with these tensors, and a text that says what they are.
pub(super) fn to_bytes(text: String, tensors: Vec<Saved<'_>>) -> Result<Vec<u8>, FileError> {
    let tensors = tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor));
    // One entry only: the order of several would change from run to run.
    let metadata = HashMap::from([(KEY.to_string(), text)]);
    ::safetensors::serialize(tensors, Some(metadata)).map_err(malformed)
}

/// The content of a file that is read, and which of its tensors were taken.
pub(super) struct Contents<'a> {
    metadata: Metadata,
    data: &'a [u8],
    taken: HashSet<String>,
}

impl<'a> Contents<'a> {
    /// Error: [`Malformed`](FileError::Malformed).
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, FileError> {
        check_numbers(bytes)?;
        let (header, metadata) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
        let data = bytes.get(8 + header..).unwrap_or(&[]);
        Ok(Self { metadata, data, taken: HashSet::new() })
    }

    /// The text that this crate has written. Error: [`Foreign`](FileError::Foreign).
    pub(super) fn text(&self) -> Result<&str, FileError> {
        let entries = self.metadata.metadata().as_ref();
        let text = entries.and_then(|entries| entries.get(KEY)).ok_or(FileError::Foreign)?;
        Ok(text)
    }

    /// Names of all tensors, in the order of the file.
    pub(super) fn names(&self) -> Vec<String> {
        self.metadata.offset_keys()
    }

    /// The shape of a tensor, if there is one of that name.
    pub(super) fn shape(&self, name: &str) -> Option<&[usize]> {
        self.metadata.info(name).map(|info| &info.shape[..])
    }

    /// The bytes of the F32 tensor with this name and shape. Error: [`Tensor`](FileError::Tensor).
    pub(super) fn array(&mut self, name: &str, shape: &[usize]) -> Result<&'a [u8], FileError> {
        self.take(name, Dtype::F32, shape)
    }

    /// The number in the U64 tensor of this name, which has no dimensions.
    pub(super) fn u64(&mut self, name: &str) -> Result<u64, FileError> {
        let bytes = self.take(name, Dtype::U64, &[])?;
        Ok(u64::from_le_bytes(bytes.first_chunk().copied().unwrap_or_default()))
    }

    /// The number in the F64 tensor of this name, which has no dimensions.
    pub(super) fn f64(&mut self, name: &str) -> Result<f64, FileError> {
        let bytes = self.take(name, Dtype::F64, &[])?;
        Ok(f64::from_le_bytes(bytes.first_chunk().copied().unwrap_or_default()))
    }

    fn take(&mut self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<&'a [u8], FileError> {
        let info = self.metadata.info(name);
        let found = info.filter(|info| info.dtype == dtype && info.shape == shape);
        let bytes = found.and_then(|info| self.data.get(info.data_offsets.0..info.data_offsets.1));
        let bytes = bytes.ok_or_else(|| {
            let expected = TensorInfo { dtype, shape: shape.to_vec(), data_offsets: (0, 0) };
            let (name, expected) = (name.to_string(), kind(Some(&expected)));
            FileError::Tensor { name, expected, found: kind(info) }
        })?;
        self.taken.insert(name.to_string());
        Ok(bytes)
    }

    /// Ok if there is no tensor of this name. Error: [`Tensor`](FileError::Tensor).
    pub(super) fn none(&self, name: &str) -> Result<(), FileError> {
        match self.metadata.info(name) {
            None => Ok(()),
            info => Err(FileError::Tensor {
                name: name.to_string(),
                expected: kind(None),
                found: kind(info),
            }),
        }
    }

    /// Ok if all tensors were taken but those whose name is `ignored`.
    pub(super) fn nothing_else(&self, ignored: impl Fn(&str) -> bool) -> Result<(), FileError> {
        let names = self.names().into_iter();
        let mut rest = names.filter(|name| !self.taken.contains(name) && !ignored(name));
        rest.try_for_each(|name| self.none(&name))
    }
}

/// Writes the elements of an F32 tensor.
pub(super) fn copy(bytes: &[u8], to: &mut [f32]) {
    for (to, element) in to.iter_mut().zip(elements(bytes)) {
        *to = element;
    }
}

/// The elements of an F32 tensor.
pub(super) fn elements(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks().0.iter().map(|&element| f32::from_le_bytes(element))
}

/// Refuses numbers in the header that are beyond any memory: safetensors 0.8 adds the end of the
/// last tensor and the size of the header without a check for overflow.
fn check_numbers(bytes: &[u8]) -> Result<(), FileError> {
    let (size, rest) = bytes.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    let size = usize::try_from(u64::from_le_bytes(*size)).unwrap_or(usize::MAX);
    let (mut number, mut in_text, mut escaped) = (0_usize, false, false);
    for &byte in rest.get(..size).unwrap_or(&[]) {
        if byte == b'"' && !escaped {
            in_text = !in_text;
        }
        escaped = byte == b'\\' && !escaped;
        // Names and texts of others may have any digits.
        let is_digit = byte.is_ascii_digit() && !in_text;
        let longer = || number.checked_mul(10)?.checked_add(usize::from(byte - b'0'));
        number = if is_digit { longer().unwrap_or(usize::MAX) } else { 0 };
        if number > isize::MAX as usize {
            return Err(FileError::Malformed("a number is too large".to_string()));
        }
    }
    Ok(())
}

fn malformed(error: SafeTensorError) -> FileError {
    FileError::Malformed(error.to_string())
}

/// Type and shape, such as `F32 [4, 8]`.
fn kind(info: Option<&TensorInfo>) -> String {
    match info {
        Some(info) => format!("{:?} {:?}", info.dtype, info.shape),
        None => "nothing".to_string(),
    }
}

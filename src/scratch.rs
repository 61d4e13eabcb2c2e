//! Memory that is passed in instead of being allocated: [`Scratch`] for kernels, and the aligned
//! buffer that it, the networks and the workspaces are made of.

use crate::error::{Error, Result, checked_size};

/// One cache line, which gives a buffer its alignment.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; Line::LEN]);

impl Line {
    const LEN: usize = 16;
}

/// `f32`s that start on a cache line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    pub const fn new() -> Self {
        Self { lines: Vec::new(), len: 0 }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.lines.len() * size_of::<Line>()
    }

    /// Bytes held once there is room for `len` elements.
    pub fn bytes_for(len: usize) -> Result<usize> {
        let lines = len.div_ceil(Line::LEN);
        Ok(checked_size("buffer", lines, Line::LEN)? * size_of::<f32>())
    }

    /// `len` zeros.
    pub fn zeros(len: usize) -> Result<Self> {
        let mut buffer = Self::default();
        buffer.grow(len)?;
        Ok(buffer)
    }

    /// Makes room for at least `len` elements; what is new is zero.
    pub fn grow(&mut self, len: usize) -> Result<()> {
        if len <= self.len {
            return Ok(());
        }
        let bytes = Self::bytes_for(len)?;
        let lines = bytes / size_of::<Line>();
        let error = Error::OutOfMemory { bytes };
        self.lines.try_reserve_exact(lines - self.lines.len()).map_err(|_| error)?;
        self.lines.resize(lines, Line([0.0; Line::LEN]));
        self.len = len;
        Ok(())
    }

    pub fn as_slice(&self) -> &[f32] {
        // SAFETY: `Line` is `[f32; 16]` in layout, and `len` is at most 16 times their number.
        unsafe { core::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as in `as_slice`; the borrow is unique.
        unsafe { core::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

/// Working memory for kernels: grows to what they ask for, and never shrinks.
///
/// A kernel allocates only when it asks for more than any call before it, so a loop over the same
/// shapes allocates in its first round at most. The content between calls is garbage. Keep one
/// per thread that calls kernels.
///
/// ```
/// let mut scratch = densecore::Scratch::new();
/// assert_eq!(scratch.bytes(), 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scratch(Buffer);

impl Scratch {
    /// Scratch that holds nothing yet; it allocates when first used.
    pub const fn new() -> Self {
        Self(Buffer::new())
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// Overwrites what is held with NaN, for tests that look for kernels which read garbage.
    pub fn poison(&mut self) {
        self.0.as_mut_slice().fill(f32::NAN);
    }

    /// `len` elements of garbage, starting on a cache line.
    pub(crate) fn take(&mut self, len: usize) -> Result<&mut [f32]> {
        self.0.grow(len)?;
        Ok(&mut self.0.as_mut_slice()[..len])
    }
}

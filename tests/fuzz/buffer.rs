//! Matrices asked for with any shape, stride and length, and the memory around their elements.

use densecore::{Rng, View, ViewMut};

use super::decode::Bytes;
use super::reference::Matrix;
use super::{Checked, Tally, outcome};

/// What stands in gaps, in guards and in outputs that must not be read: a NaN, which spoils every
/// sum that it enters, with bits that no computation makes.
const UNTOUCHED: f32 = f32::from_bits(0x7fc5_a5a5);

/// What the elements are.
#[derive(Clone, Copy, Debug)]
pub enum Fill {
    /// Small integers, whose sums are exact.
    Integers,
    /// Numbers around one, or all of them smaller or larger.
    Floats { scale: f32 },
    /// Floats, and one in `every` something that is not quite a number.
    Specials { every: u64 },
    /// Nothing to be read.
    Untouched,
}

impl Fill {
    /// Integers half of the time.
    pub fn decode(bytes: &mut Bytes) -> Fill {
        match bytes.byte() % 8 {
            0..=3 => Fill::Integers,
            4 => Fill::Floats { scale: bytes.pick(&[1e-3, 1e3, 1e-30, 1e15]) },
            7 => Fill::Specials { every: bytes.pick(&[4, 64, 1024]) },
            _ => Fill::Floats { scale: 1.0 },
        }
    }

    fn draw(self, rng: &mut Rng) -> f32 {
        const SPECIALS: [f32; 9] = [
            f32::NAN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::MAX,
            f32::MIN_POSITIVE,
            1e-40,
            -3e-45,
            -0.0,
            0.0,
        ];
        let float = |rng: &mut Rng| 2.0 * rng.uniform() - 1.0;
        match self {
            Fill::Integers => rng.below(9) as f32 - 4.0,
            Fill::Floats { scale } => scale * float(rng),
            Fill::Specials { every } if rng.below(every) == 0 => {
                SPECIALS[rng.below(SPECIALS.len() as u64) as usize]
            }
            Fill::Specials { .. } => float(rng),
            Fill::Untouched => UNTOUCHED,
        }
    }
}

/// `len` elements, or seldom another number of them.
pub fn vector(bytes: &mut Bytes, len: usize, fill: Fill) -> Vec<f32> {
    let len = bytes.perhaps_not(len);
    let mut rng = Rng::new(bytes.seed(), 1);
    (0..if len > MOST { 3 } else { len }).map(|_| fill.draw(&mut rng)).collect()
}

/// Elements that a case is ready to hold in one matrix.
const MOST: usize = 1 << 20;

/// Memory, and the matrix that is asked for in it.
#[derive(Clone, Debug)]
pub struct Buffer {
    rows: usize,
    cols: usize,
    /// None asks for a matrix without gaps.
    stride: Option<usize>,
    /// `front` guards, the `len` elements that are passed, and perhaps guards behind them.
    memory: Vec<f32>,
    front: usize,
    len: usize,
}

impl Buffer {
    /// A `rows x cols` matrix, seldom another one, in one of many layouts.
    pub fn decode(bytes: &mut Bytes, (rows, cols): (usize, usize), fill: Fill) -> Buffer {
        let (rows, cols) = (bytes.perhaps_not(rows), bytes.perhaps_not(cols));
        let stride = match bytes.byte() % 8 {
            0..=3 => None,
            // Rows a multiple of 1 kB apart are packed where others are not.
            4 => cols.checked_next_multiple_of(256),
            _ => Some(cols.saturating_add(bytes.byte() % 9)),
        };
        let stride = stride.map(|stride| bytes.perhaps_not(stride));
        // No guard behind some, where AddressSanitizer is a better one.
        let (front, back) = (bytes.byte() % 4, bytes.pick(&[0, 0, 37]));
        let mut buffer = Buffer { rows, cols, stride, memory: Vec::new(), front, len: 0 };
        let needed = usize::try_from(buffer.needed()).unwrap_or(usize::MAX);
        let len = bytes.perhaps_not(needed);
        buffer.len = if len > MOST { bytes.byte() } else { len };
        buffer.memory = vec![UNTOUCHED; front + buffer.len + back];
        let mut rng = Rng::new(bytes.seed(), 0);
        for at in buffer.places() {
            buffer.memory[at] = fill.draw(&mut rng);
        }
        buffer
    }

    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    fn step(&self) -> usize {
        self.stride.unwrap_or(self.cols)
    }

    /// Elements from the first to the last.
    fn needed(&self) -> u128 {
        if self.rows == 0 || self.cols == 0 {
            return 0;
        }
        (self.rows as u128 - 1) * self.step() as u128 + self.cols as u128
    }

    /// The arguments of the view that are wrong.
    fn wrong(&self) -> &'static [&'static str] {
        let (needed, len) = (self.needed(), self.len as u128);
        let most = isize::MAX as u128 / 4;
        match self.stride {
            Some(stride) if stride < self.cols => &["stride"],
            // Which one is said first does not matter.
            _ if needed > most => &["view", "data"],
            Some(_) if len < needed => &["data"],
            None if len != needed => &["data"],
            _ => &[],
        }
    }

    /// Where the elements are, row after row; nowhere if the view is wrong.
    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        let count = if self.wrong().is_empty() { self.rows * self.cols } else { 0 };
        let (front, cols, step) = (self.front, self.cols, self.step());
        (0..count).map(move |i| front + i / cols * step + i % cols)
    }

    /// The view, or None if it is refused as it has to be.
    pub fn view(&self) -> Checked<Option<View<'_>>> {
        let data = &self.memory[self.front..self.front + self.len];
        let view = match self.stride {
            Some(stride) => View::with_stride(self.rows, self.cols, stride, data),
            None => View::new(self.rows, self.cols, data),
        };
        outcome("view", view, self.wrong())
    }

    /// The view for writing, or None if it is refused as it has to be.
    pub fn view_mut(&mut self) -> Checked<Option<ViewMut<'_>>> {
        let wrong = self.wrong();
        let data = &mut self.memory[self.front..self.front + self.len];
        let view = match self.stride {
            Some(stride) => ViewMut::with_stride(self.rows, self.cols, stride, data),
            None => ViewMut::new(self.rows, self.cols, data),
        };
        outcome("view_mut", view, wrong)
    }

    /// The elements, exact.
    pub fn matrix(&self) -> Matrix {
        Matrix::exact(self.rows, self.cols, self.places().map(|at| self.memory[at]))
    }

    /// Sets the elements, row after row.
    pub fn set(&mut self, values: &[f32]) {
        for (at, &value) in self.places().zip(values) {
            self.memory[at] = value;
        }
    }

    /// Compares the elements with the reference, and the rest with what it was `before`.
    pub fn compare(&self, name: &str, before: &Buffer, expected: &Matrix) -> Checked<Tally> {
        let mut rest = before.clone();
        let mut tally = Tally { ok: 1, ..Tally::default() };
        for (i, at) in self.places().enumerate() {
            let (row, col) = (i / self.cols, i % self.cols);
            let found = self.memory[at];
            tally.compared += expected.data[i]
                .compare(found)
                .map_err(|wrong| format!("{name}[{row}, {col}] of {:?}: {wrong}", self.shape()))?;
            rest.memory[at] = found;
        }
        self.same_bits(&format!("around {name}"), &rest)?;
        Ok(tally)
    }

    /// Compares all of the memory, bit for bit; any NaN among the elements is as good as another.
    pub fn same_bits(&self, name: &str, other: &Buffer) -> Checked<()> {
        let same = |(a, b): (&f32, &f32)| {
            let computed = |x: &f32| x.is_nan() && x.to_bits() != UNTOUCHED.to_bits();
            a.to_bits() == b.to_bits() || computed(a) && computed(b)
        };
        match self.memory.iter().zip(&other.memory).position(|pair| !same(pair)) {
            Some(at) => {
                let (found, expected) = (self.memory[at], other.memory[at]);
                let place = at as isize - self.front as isize;
                Err(format!(
                    "{name}: expected the bits of {expected:e}, found {found:e} at {place}"
                ))
            }
            None => Ok(()),
        }
    }
}

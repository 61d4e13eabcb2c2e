//! [`PackedWeight`]: a B that is packed once and multiplied many times.
//!
//! Blocks of k follow each other; in each, all panels of B, as [`pack`](super::pack) lays them out:
//! what the five loops would pack, so that they read it instead.

use super::blocking::block_of_k;
use super::epilogue::Epilogue;
use super::operand::Operand;
use super::paths::is_narrow;
use super::shared::{pack_all, panel_width};
use super::{Start, check, compute};
use crate::cpu::Cpu;
use crate::error::{Result, check_len, checked_size};
use crate::parallel::threads_to_copy;
use crate::scratch::{Buffer, Scratch};
use crate::simd::Level;
use crate::tensor::{View, ViewMut};

/// A weight matrix in the order in which the product reads it, for one level.
///
/// For inference, where the weights stay as they are: [`matmul_packed`] packs no weights. The copy
/// is padded to whole panels, at most 31 columns more than the matrix has.
///
/// ```
/// use densecore::gemm::{Identity, PackedWeight, Start, matmul_packed};
/// use densecore::{Cpu, Scratch, View, ViewMut};
/// let w = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]; // 2 x 3
/// let packed = PackedWeight::new(Cpu::detect(), View::new(2, 3, &w)?)?;
/// let x = [1.0, 2.0, 3.0, 4.0]; // 2 x 2
/// let mut y = [f32::NAN; 6];
/// let (a, c) = (View::new(2, 2, &x)?, ViewMut::new(2, 3, &mut y)?);
/// matmul_packed(Cpu::detect(), &mut Scratch::new(), a, &packed, Start::Zero, &Identity, c)?;
/// assert_eq!(y, [1.0, 2.0, 3.0, 3.0, 4.0, 7.0]);
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PackedWeight {
    data: Buffer,
    level: Level,
    k: usize,
    n: usize,
    /// Steps of k in a block.
    kc: usize,
}

/// A B that is packed like a [`PackedWeight`], the columns that its panels have together, and the steps of k in
/// a block.
#[derive(Clone, Copy)]
pub(super) struct Packed<'a> {
    pub data: &'a [f32],
    pub cols: usize,
    pub kc: usize,
    /// The column of C that the first column of it computes.
    pub first: usize,
}

impl PackedWeight {
    /// Packs `w [k, n]`, a view or a transposed one, for the level of `cpu`, a large one on several threads.
    ///
    /// Errors: [`Error::Overflow`](crate::Error::Overflow) and
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) if the copy cannot be held.
    pub fn new<'a>(cpu: Cpu, w: impl Into<Operand<'a>>) -> Result<Self> {
        let (w, level) = (w.into(), cpu.level());
        let (k, n) = w.shape();
        let kc = block_of_k(cpu.caches(), k);
        let data = match level {
            Level::Portable => copied(w)?,
            _ if is_narrow(n, k) => copied(w.t())?,
            _ => packed(cpu, w, kc)?,
        };
        Ok(Self { data, level, k, n, kc })
    }

    /// `(k, n)`: inputs and outputs.
    pub fn shape(&self) -> (usize, usize) {
        (self.k, self.n)
    }

    /// The level that it is packed for, at which its products are computed.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.data.bytes()
    }
}

/// `C = f(start + A.W)` for `a [m, k]`, a packed `w [k, n]` and `c [m, n]`: the same bits as
/// [`matmul_fused`](super::matmul_fused) gives with the matrix that was packed, at the level that
/// it was packed for (whatever the level of `cpu`).
///
/// Errors: [`Error::Shape`](crate::Error::Shape) names `w` or `c` if the shapes do not fit,
/// [`Error::Length`](crate::Error::Length) the bias.
pub fn matmul_packed<'a>(
    cpu: Cpu,
    scratch: &mut Scratch,
    a: impl Into<Operand<'a>>,
    w: &PackedWeight,
    start: Start<'_>,
    epilogue: &dyn Epilogue,
    c: ViewMut<'_>,
) -> Result<()> {
    let a = a.into();
    let data = w.data.as_slice();
    // For its shape; the portable product reads it as the matrix that it is, the narrow one as its transposition.
    let is_narrow = w.level != Level::Portable && is_narrow(w.n, w.k);
    let b = match is_narrow {
        true => Operand::from(View::contiguous(w.n, w.k, data).t()),
        false => Operand::from(View::contiguous(w.k, w.n, &data[..w.k * w.n])),
    };
    check((a, ("w", b)), start, &c)?;
    epilogue.check(c.shape())?;
    check_len("beside", epilogue.beside(), 0)?;
    let packed = match w.level {
        Level::Portable => None,
        _ if w.k == 0 || is_narrow => None,
        _ => Some(Packed { data, cols: data.len() / w.k, kc: w.kc, first: 0 }),
    };
    compute(cpu.with_level(w.level), scratch, (a, b, packed), (start, epilogue), c, None)
}

fn packed(cpu: Cpu, w: Operand<'_>, kc: usize) -> Result<Buffer> {
    let (k, n) = w.shape();
    if k == 0 || n == 0 {
        // A side of an empty matrix may be of any length, one that no padding fits too.
        return Buffer::zeros(0);
    }
    let cols = n.next_multiple_of(panel_width(cpu.level()));
    let mut data = Buffer::zeros(checked_size("w", k, cols)?)?;
    let pieces = threads_to_copy(cpu, k, n);
    pack_all(cpu, pieces, data.as_mut_slice(), w, kc);
    Ok(data)
}

/// The matrix itself, row by row.
fn copied(w: Operand<'_>) -> Result<Buffer> {
    let (k, n) = w.shape();
    let mut data = Buffer::zeros(checked_size("w", k, n)?)?;
    if n > 0 {
        for (p, row) in data.as_mut_slice().chunks_exact_mut(n).enumerate() {
            for (j, x) in row.iter_mut().enumerate() {
                *x = w.element(p, j);
            }
        }
    }
    Ok(data)
}

//! The matrix product `C = A.B`, in the forms that a dense layer needs.
//!
//! ```text
//!   forward            Y[m,n]  = X[m,k] . W[k,n] + b      NN   matmul(x, w)
//!   weight gradient   dW[k,n]  = X^T    . dZ[m,n]         TN   matmul(x.t(), dz)
//!   input gradient    dX[m,k]  = dZ     . W^T             NT   matmul(dz, w.t())
//! ```
//!
//! # Paths
//!
//! | product | path |
//! |---|---|
//! | of one or two columns, with 16 steps of k or more | `narrow`: vectors lie along k; small ones before anything is planned |
//! | tiny, or small with a C that wastes little of its vectors; B's rows contiguous, packed, or few enough to be copied | `few_tiles`: before anything is planned |
//! | with a C that fills vectors better along its columns, or a transposed B that would cost more to turn than A | `turned`: the five loops, or `dots`, compute the transposition of C |
//! | larger, but in or near L1, B's rows contiguous | `one_block`: tiles alone, both operands read where they are |
//! | of one row, or two to four with a large B, B's rows contiguous | `stream`: B passes by once |
//! | of as many rows as a tile has at most, or tiny, B's columns contiguous, and A's rows too | `dots`: B's columns are turned in registers |
//! | every other | the five loops |
//!
//! # Five loops
//!
//! The product is cut into blocks that stay in a cache while they are used (Goto and van de Geijn
//! 2008; Van Zee and van de Geijn 2015). Words as in BLIS: `m, n, k` is the problem, `mc, nc, kc` a
//! block, `MR x NR` the tile of C that the micro-kernel keeps in registers, a *micro-panel* the
//! strip of a packed block that one micro-kernel call reads. The order differs from BLIS: batches
//! are small and A is seldom packed, so B is packed once and every block of it meets all rows. B is
//! packed again for each `mc` rows where A is packed too, and has more; and by several threads that
//! compute parts of C below one another, unless it is less work that they pack it together.
//!
//! ```text
//!   5  for each kc of k
//!   4    for each mc rows of C            pack the mc x kc block of A, or read it in place
//!   3      for each nc columns of C       pack the kc x nc block of B, or let the first strip of
//!                                         tiles do it on its way: it stays in L2
//!   2        for each MR rows of those    their micro-panel of A stays in L1
//!   1          for each NR columns        micro-kernel: C tile += A micro-panel . B micro-panel
//!            after the last kc: epilogue on the MR x nc rows, which are still in L1
//! ```
//!
//! | file | what |
//! |---|---|
//! | `operand`, `packed`, `product` | A and B with their strides: a transposition is two numbers exchanged; a B packed once for many products; a product and its parts |
//! | `blocking` | `mc, kc, nc` from the cache sizes, and what is packed |
//! | `plan`, `paths` | the path of a product, its threads, and how they share it; which shapes are for which path |
//! | `parts`, `shared` | C in parts that threads take one after the other; B packed by all of them |
//! | `parallel`, `lines` | the threads at work; rows of C that begin within a cache line |
//! | `macro_kernel` | the five loops, and the one block |
//! | `few_tiles` | small products |
//! | `narrow`, `narrow_kernel`, `narrow_columns`, `narrow_chains` | few columns |
//! | `stream` | few rows |
//! | `dots`, `dot_kernel` | few rows with a transposed B, or the first strip of many |
//! | `turned` | products computed as their transposition |
//! | `pack` | the layout of packed blocks |
//! | `micro_kernel`, `row_steps`, `tile_shape` | the one generic tile; addresses of its rows of A; its shapes per level |
//! | `epilogue`, `finish` | what happens to finished rows, and handing them over |
//! | `forecast` | the scratch of a product to come |
//! | `portable` | the product at `Level::Portable`, by the crate `matrixmultiply` |
//!
//! # Memory
//!
//! Scratch grows, for each thread of the pool, to at most a packed block of B, half of L2, or 1 MiB of a B that
//! all threads pack; and a block of A, 1 MiB. With an L2 of up to 2 MiB that is 2 MiB a thread whatever the
//! product, 128 MiB for 64 threads. (B's block is never narrower than a panel, 32 KiB on AVX2 and 64 KiB on
//! AVX-512, however small L2.)
//! A product that is consumed takes a strip more, at most 24 KiB, and panels of twice the length; one that
//! is computed as its transposition a buffer of C's size for each thread, at most 256 KiB, beside blocks
//! that are smaller than those of others by more than that. One of few columns takes a copy of B, or 64 KiB.
//!
//! # Order of summation
//!
//! The order in which an element of C is summed is a function of k and n alone, whatever the blocks, the tile, the
//! layout, the position in the matrix and the number of threads. Hence the same bits for any thread count and on
//! every level with FMA, and a row of a product equals the product of that row.
//!
//! It is one chain of fused multiply-adds in the order of k, from where the sum starts: between blocks of k the
//! chain rests in C. With n = 1 or 2, where k >= 32, it is the sum of sixteen chains, chain q of the steps q, q + 16
//! and so on; chains q and q + 8 are added, of these q and q + 4, then q + 2, then q + 1, and where the sum starts
//! comes last.

mod blocking;
mod dot_kernel;
mod dots;
mod epilogue;
mod fetch;
mod few_tiles;
mod finish;
mod forecast;
mod lines;
mod macro_kernel;
mod micro_kernel;
mod narrow;
mod narrow_chains;
mod narrow_columns;
mod narrow_kernel;
mod operand;
mod pack;
mod packed;
mod parallel;
mod parts;
mod paths;
mod plan;
mod portable;
mod product;
mod row_steps;
mod shared;
pub(crate) mod small;
mod stream;
mod tile_shape;
mod turned;

#[cfg(test)]
mod blocking_tests;
#[cfg(test)]
mod dots_tests;
#[cfg(all(test, feature = "rayon"))]
mod parts_tests;
#[cfg(all(test, feature = "rayon"))]
mod stream_tests;
#[cfg(test)]
mod tests;

pub use epilogue::{Beside, Both, Epilogue, Finished, Identity, Map, MapBeside, MulMap};
pub(crate) use forecast::{Layout, scratch};
pub use operand::Operand;
pub use packed::{PackedWeight, matmul_packed};

use finish::finish_all;
use packed::Packed;
use product::Product;

use crate::cpu::Cpu;
use crate::error::{Error, Result, check_len, check_shape};
use crate::scratch::Scratch;
use crate::simd::Level;
use crate::tensor::ViewMut;

/// What becomes of the values that the output had before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accum {
    /// They are overwritten and never read: `C = A.B`.
    Replace,
    /// The product is added to them: `C = C + A.B`.
    Add,
}

/// Where the sum of each output element starts.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// At zero.
    Zero,
    /// At the element of a row vector of length `n`, the same for every row: `C = A.B + bias`.
    Bias(&'a [f32]),
    /// At what the output holds: `C = C + A.B`.
    Output,
}

impl<'a> Start<'a> {
    /// The start of `count` columns from `first` on, or of as many as there are.
    #[inline(always)]
    fn columns(self, first: usize, count: usize) -> Start<'a> {
        let Start::Bias(bias) = self else { return self };
        let rest = bias.get(first..).unwrap_or(&[]);
        Start::Bias(rest.get(..count).unwrap_or(rest))
    }
}

impl From<Accum> for Start<'_> {
    fn from(accum: Accum) -> Self {
        match accum {
            Accum::Replace => Start::Zero,
            Accum::Add => Start::Output,
        }
    }
}

/// `C = A.B` or `C = C + A.B`, for `a [m, k]`, `b [k, n]`, `c [m, n]`; either operand may be a
/// view, or a transposed view ([`View::t`](crate::View::t)).
///
/// With `k = 0` the product is zero; with `m = 0` or `n = 0` nothing is written. NaN and infinity
/// propagate as in the sum written out. Errors: [`Error::Shape`] names `b` or
/// `c` if the shapes do not fit.
///
/// ```
/// use densecore::{Cpu, Scratch, View, ViewMut, gemm::{Accum, matmul}};
/// let a = [1.0, 2.0, 3.0, 4.0]; // 2 x 2
/// let b = [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]; // 2 x 3
/// let mut c = [f32::NAN; 6];
/// let (a, b) = (View::new(2, 2, &a)?, View::new(2, 3, &b)?);
/// matmul(Cpu::detect(), &mut Scratch::new(), a, b, Accum::Replace, ViewMut::new(2, 3, &mut c)?)?;
/// assert_eq!(c, [1.0, 2.0, 3.0, 3.0, 4.0, 7.0]);
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn matmul<'a, 'b>(
    cpu: Cpu,
    scratch: &mut Scratch,
    a: impl Into<Operand<'a>>,
    b: impl Into<Operand<'b>>,
    accum: Accum,
    c: ViewMut<'_>,
) -> Result<()> {
    let (a, b) = (a.into(), b.into());
    check((a, ("b", b)), accum.into(), &c)?;
    compute(cpu, scratch, (a, b, None), (accum.into(), &Identity), c, None)
}

/// `C = f(start + A.B)`, the product with what a layer does before and after it.
///
/// Each element is handed to `epilogue` once, in blocks that are finished and still in the
/// first-level cache; they may be narrower than C. Shapes and errors as for [`matmul`]; a bias has
/// `n` elements.
pub fn matmul_fused(
    cpu: Cpu,
    scratch: &mut Scratch,
    (a, b): (Operand<'_>, Operand<'_>),
    start: Start<'_>,
    epilogue: &dyn Epilogue,
    c: ViewMut<'_>,
) -> Result<()> {
    check((a, ("b", b)), start, &c)?;
    epilogue.check(c.shape())?;
    check_len("beside", epilogue.beside(), 0)?;
    compute(cpu, scratch, (a, b, None), (start, epilogue), c, None)
}

/// The same with other matrices of C's shape that the epilogue changes together with C.
///
/// Errors as for [`matmul_fused`], and [`Error::Length`] or
/// [`Error::Shape`] name `beside` if there are not as many as
/// [`Epilogue::beside`] says, or not of C's shape.
pub fn matmul_fused_beside(
    cpu: Cpu,
    scratch: &mut Scratch,
    (a, b): (Operand<'_>, Operand<'_>),
    start: Start<'_>,
    epilogue: &dyn Epilogue,
    c: ViewMut<'_>,
    mut beside: Beside<'_>,
) -> Result<()> {
    check((a, ("b", b)), start, &c)?;
    epilogue.check(c.shape())?;
    beside.check(epilogue, c.shape())?;
    compute(cpu, scratch, (a, b, None), (start, epilogue), c, Some(&mut beside))
}

/// The product is handed to `epilogue` in blocks, and kept nowhere: what it is good for are the
/// matrices beside it, of its shape `[m, n]`, one at least. They are cut as C would be.
///
/// Only where [`can_consume`] says so. Errors as for [`matmul_fused_beside`].
pub(crate) fn matmul_consumed(
    cpu: Cpu,
    scratch: &mut Scratch,
    (a, b): (Operand<'_>, Operand<'_>),
    epilogue: &dyn Epilogue,
    beside: Beside<'_>,
) -> Result<()> {
    let shape = (a.rows(), b.cols());
    check_shape("b", (a.cols(), b.cols()), b.shape())?;
    epilogue.check(shape)?;
    beside.check(epilogue, shape)?;
    if shape.0 == 0 || shape.1 == 0 {
        return Ok(());
    }
    // The first of them takes the place of C where work is divided.
    let (first, mut others) = beside.split_first();
    let first = first.ok_or(Error::Length { argument: "beside", expected: 1, found: 0 })?;
    let product = Product { is_consumed: true, ..Product::new(a, b, Start::Zero, epilogue) };
    parallel::product(cpu, scratch, &product, first, Some(&mut others))
}

/// Whether a product with so many steps of `k` can be consumed: sums cannot rest between blocks of
/// k, so there is one, which must not be too long; and the portable product is computed as a whole.
pub(crate) fn can_consume(level: Level, k: usize) -> bool {
    level != Level::Portable && k <= blocking::MAX_CONSUMED_K
}

/// Checks the shapes of a product.
#[inline(always)]
fn check(
    (a, (name, b)): (Operand<'_>, (&'static str, Operand<'_>)),
    start: Start<'_>,
    c: &ViewMut<'_>,
) -> Result<()> {
    check_shape(name, (a.cols(), b.cols()), b.shape())?;
    check_shape("c", (a.rows(), b.cols()), c.shape())?;
    match start {
        Start::Bias(bias) => check_len("bias", c.cols(), bias.len()),
        _ => Ok(()),
    }
}

/// A product that was checked, of A and B, or B packed beforehand.
#[inline(always)]
fn compute(
    cpu: Cpu,
    scratch: &mut Scratch,
    (a, b, packed): (Operand<'_>, Operand<'_>, Option<Packed<'_>>),
    (start, epilogue): (Start<'_>, &dyn Epilogue),
    mut c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) -> Result<()> {
    if c.rows() == 0 || c.cols() == 0 {
        return Ok(());
    }
    if few_tiles::product(cpu.level(), (&a, &b, packed), start, &mut c) {
        // Put together here, where an epilogue of nothing leaves nothing of it.
        let product = Product { packed, ..Product::new(a, b, start, epilogue) };
        finish_all(cpu.level(), &product, c, beside);
        return Ok(());
    }
    let product = Product { packed, ..Product::new(a, b, start, epilogue) };
    parallel::product(cpu, scratch, &product, c, beside)
}

//! Products that are computed as their transposition.
//!
//! ```text
//!   C^T [n, m] = B^T . A^T
//! ```
//!
//! Vectors lie along the rows of what is computed, and elements of its left operand are broadcast. So a
//! C of few columns fills its vectors along the other side, and of a product with a transposed B it is A
//! that has to be transposed on its way, which is less where A has fewer rows than B columns. The result
//! goes to a buffer, and from there to C.
//!
//! An element is the same chain in the order of k: its factors change places.

use super::blocking::Blocking;
use super::epilogue::{Beside, Identity};
use super::finish::finish_all;
use super::pack::{Source, transpose};
use super::parallel::run;
use super::plan::Path;
use super::tile_shape::at_level;
use super::{Product, Start};
use crate::simd::{Level, Simd};
use crate::tensor::ViewMut;

/// Computes `product` into `c`. `scratch` holds as many elements as C, and `blocking.scratch()` more,
/// the blocking of the transposed product; without one that is dot products, which take no more.
pub(super) fn turned(
    level: Level,
    blocking: Option<Blocking>,
    scratch: &mut [f32],
    product: &Product<'_>,
    mut c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) {
    let (m, n) = c.shape();
    let (buffer, scratch) = scratch.split_at_mut(m * n);
    let start = match product.start {
        Start::Zero => Start::Zero,
        Start::Bias(bias) => {
            buffer.chunks_exact_mut(m).zip(bias).for_each(|(row, &bias)| row.fill(bias));
            Start::Output
        }
        Start::Output => {
            let from = (c.as_mut_ptr().cast_const(), c.stride());
            // SAFETY: C has `m` rows of `n` elements, the buffer `n` of `m`.
            unsafe { turn(level, (m, n), from, (buffer.as_mut_ptr(), m)) };
            Start::Output
        }
    };
    let inner = Product::new(product.b.t(), product.a.t(), start, &Identity);
    let c_turned = ViewMut::contiguous(n, m, buffer);
    let path = blocking.map_or(Path::Dots, Path::Blocks);
    run(level, path, scratch, &inner, c_turned, None);
    // SAFETY: the buffer has `n` rows of `m` elements, C `m` of `n`.
    unsafe { turn(level, (n, m), (buffer.as_ptr(), m), (c.as_mut_ptr(), c.stride())) };
    finish_all(level, product, c, beside);
}

/// `to[j, i] = from[i, j]`, each with the distance of its rows.
///
/// # Safety
/// `from` has `rows` of `cols` readable elements, `to` `cols` of `rows` writable ones.
unsafe fn turn(
    level: Level,
    (rows, cols): (usize, usize),
    from: (*const f32, usize),
    (to, to_step): (*mut f32, usize),
) {
    // The portable product is never turned.
    // SAFETY: the caller's promise; a panel as wide as the distance of the rows is the matrix.
    at_level!(level, (), s => unsafe {
        transpose(s, to, to_step, Source::of_rows(from, (rows, cols)))
    });
}

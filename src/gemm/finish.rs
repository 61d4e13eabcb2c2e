//! Finished elements, handed to the epilogue.

use super::Product;
use super::epilogue::{Beside, Finished};
use crate::simd::Level;
use crate::tensor::ViewMut;

/// The epilogue of a whole product.
#[inline(always)]
pub(super) fn finish_all(
    level: Level,
    product: &Product<'_>,
    mut c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) {
    let shape = c.shape();
    finish(level, product, (&mut c, beside), ((0, 0), shape));
}

/// Hands a block of a consumed product to the epilogue, with its part of `first` and of the others
/// beside it.
#[inline(always)]
pub(super) fn consume(
    level: Level,
    product: &Product<'_>,
    block: ViewMut<'_>,
    (first, beside): (&mut ViewMut<'_>, Option<&mut Beside<'_>>),
    at: (usize, usize),
) {
    let (row, col) = (product.origin.0 + at.0, product.origin.1 + at.1);
    let shape = block.shape();
    let others = beside.map_or(Beside::NONE, |beside| beside.block_mut(at, shape));
    let beside = others.behind(first.block_mut(at, shape));
    product.epilogue.finish(level, Finished { block, beside, row, col });
}

/// Hands a finished block of C to the epilogue, if there is anything to do.
#[inline(always)]
pub(super) fn finish(
    level: Level,
    product: &Product<'_>,
    (c, beside): (&mut ViewMut<'_>, Option<&mut Beside<'_>>),
    (at, shape): ((usize, usize), (usize, usize)),
) {
    if product.epilogue.is_needed() {
        let (row, col) = (product.origin.0 + at.0, product.origin.1 + at.1);
        let beside = beside.map_or(Beside::NONE, |beside| beside.block_mut(at, shape));
        let block = c.block_mut(at, shape);
        product.epilogue.finish(level, Finished { block, beside, row, col });
    }
}

//! Which shapes are for which path. All numbers were measured; `benches/RESULTS.md` has figures of most.

use crate::simd::{Caches, QUAD};

/// Whether a product of `m x k` and `k x n`, whose B has contiguous rows, is so small that both
/// operands are best read where they are: B is in or near L1, with rows of at most 1 kB.
#[inline(always)]
pub(super) fn is_one_block((m, n, k): (usize, usize, usize)) -> bool {
    n <= 256
        && k <= 256
        && m <= 4096
        && k * n <= 10 << 10
        && m * k <= 32 << 10
        && m * n * k <= 1 << 20
}

/// Columns of C up to which vectors along k are better than along the columns, or along the rows of a transposed C. With
/// three and four it is so where A's rows are contiguous (1.8 to 2.4 on AVX-512, 1.0 to 1.5 on AVX2), but not where
/// A is transposed (0.5 to 0.9).
const NARROW: usize = 2;

/// Steps of k from which on that holds: each of the 16 chains has one.
const NARROW_FROM: usize = 16;

/// Whether an element of C is the sum of several chains (see [`narrow`](super::narrow)). As an element's
/// bits depend on it, this may ask for nothing but `n` and `k`.
#[inline(always)]
pub(super) fn is_narrow(n: usize, k: usize) -> bool {
    n <= NARROW && k >= NARROW_FROM
}

/// Whether the rows are so few that B is streamed through once (see [`stream`](super::stream)).
#[inline(always)]
pub(super) fn is_streamed((m, n, k): (usize, usize, usize), caches: Caches) -> bool {
    // More rows keep the registers busy in tiles, as long as B comes from a near cache: for two and
    // three rows half of L2 holds it, for four it has at most as many elements as L2 has bytes.
    let elements = k.saturating_mul(n);
    m <= 1 || m <= 3 && elements > caches.l2 / 8 || m == 4 && elements > caches.l2
}

/// Whether the columns of a transposed B may be turned in registers for each tile (see
/// [`dots`](super::dots)), in so many steps of k, with rows of A that are contiguous too.
#[inline(always)]
pub(super) fn are_few_dots(mr: usize, m: usize, k: usize) -> bool {
    m <= mr && k >= QUAD
}

/// The same for so many rows of the transposition of C, the columns of C: not in few steps, of which the beginnings
/// of the tiles are most.
#[inline(always)]
pub(super) fn are_turned_dots(mr: usize, n: usize, k: usize) -> bool {
    k >= 16 && are_few_dots(mr, n, k)
}

/// Elements up to which a C may be computed as its transposition.
const TURNED: usize = 64 << 10;

/// What there is to do for a transposed C apart from its elements, in multiply-adds of one lane.
const OTHER: usize = 16 << 10;

/// The same where nothing is packed.
const OTHER_OF_DOTS: usize = 2 << 10;

/// Whether the transposition of C is computed instead (see [`turned`](super::turned)): the better use of
/// vectors decides, in tiles of so many rows and lanes, and what has to be transposed on its way. In time for
/// a multiply-add of one lane, over `k`: an element takes that of half a vector to be transposed, or of 5/16
/// between the multiply-adds of few rows (2 of 8 lanes), and whatever else there is to do that of [`OTHER`]
/// multiply-adds, or of [`OTHER_OF_DOTS`].
#[inline(always)]
pub(super) fn is_turned(
    (mr, lanes): (usize, usize),
    (m, n, k): (usize, usize, usize),
    (a_is_transposed, b_has_rows): (bool, bool),
) -> bool {
    let size = m.saturating_mul(n);
    // What is wasted of the vectors along the rows is all that there is to win, unless B is transposed.
    let wasted = m.saturating_mul(n.next_multiple_of(lanes) - n).saturating_mul(k);
    if size > TURNED || k == 0 || b_has_rows && wasted <= OTHER {
        return false;
    }
    let are_dots = !a_is_transposed && !b_has_rows;
    let (few_rows, few_cols) = (are_few_dots(mr, m, k), are_turned_dots(mr, n, k));
    if are_dots && few_rows && !few_cols {
        return false;
    }
    let transposing = |are_few| if are_dots && are_few { lanes * 5 / 16 } else { lanes / 2 };
    let b = if b_has_rows { 0 } else { transposing(few_rows) * n };
    let a = if a_is_transposed { 0 } else { transposing(few_cols) * m };
    let other = if are_dots && few_cols { OTHER_OF_DOTS } else { OTHER };
    let direct = m * n.next_multiple_of(lanes) + b;
    let turned = n * m.next_multiple_of(lanes) + a + (lanes / 2 * size + other) / k;
    turned + turned / 32 < direct
}

//! Products of few rows with a B that no near cache holds: B passes by once, as it lies in memory.
//!
//! A tile of the micro-kernel walks down a few columns of B, a short run of each row, and leaves
//! the memory idle. Here a few whole rows of B are read from left to right, side by side, and
//! added to the rows of C, which stay in the first-level cache:
//!
//! ```text
//!   for each KB rows of B        MR x KB elements of A are broadcast, and stay in registers
//!     for each vector of a row   C[i, j] += A[i, p] . B[p, j], for KB values of p, for MR of i
//! ```
//!
//! An element of C is still one chain in the order of k.

use super::epilogue::Beside;
use super::finish::finish_all;
use super::{Product, Start};
use crate::simd::{Level, Simd};
use crate::tensor::ViewMut;

/// Computes `product`, of one to four rows and a B with contiguous rows, into `c`.
///
/// The more rows of B side by side, the more of them are on their way from memory, and the less often C passes
/// by. On AVX2 four times four elements of A are more than its registers hold, and yet 1.4 times as fast from
/// memory as four times two.
#[inline(always)]
pub(super) fn stream<S: Simd>(
    s: S,
    level: Level,
    product: &Product<'_>,
    mut c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) {
    prepare(product.start, &mut c);
    let has_32_registers = S::LANES >= 16;
    // SAFETY: C has as many rows as A and as the first number says.
    unsafe {
        match (c.rows(), has_32_registers) {
            (1, _) => all_rows::<S, 1, 8>(s, product, &mut c),
            (2, _) => all_rows::<S, 2, 6>(s, product, &mut c),
            (3, true) => all_rows::<S, 3, 6>(s, product, &mut c),
            (3, false) => all_rows::<S, 3, 4>(s, product, &mut c),
            (rows, is_wide) => {
                debug_assert_eq!(rows, 4);
                match is_wide {
                    true => all_rows::<S, 4, 6>(s, product, &mut c),
                    false => all_rows::<S, 4, 4>(s, product, &mut c),
                }
            }
        }
    }
    finish_all(level, product, c, beside);
}

/// # Safety
/// C has `MR` rows.
#[inline(always)]
unsafe fn all_rows<S: Simd, const MR: usize, const KB: usize>(
    s: S,
    product: &Product<'_>,
    c: &mut ViewMut<'_>,
) {
    let k = product.a.cols();
    let mut p = 0;
    while p < k {
        // SAFETY: C and A have `MR` rows, A has columns and B rows `p..p + KB` or `p..p + 1`.
        unsafe {
            if k - p >= KB {
                some_rows::<S, MR, KB>(s, product, p, c);
                p += KB;
            } else {
                some_rows::<S, MR, 1>(s, product, p, c);
                p += 1;
            }
        }
    }
}

/// Writes what the sums start at.
#[inline(always)]
fn prepare(start: Start<'_>, c: &mut ViewMut<'_>) {
    for row in c.iter_rows_mut() {
        match start {
            Start::Zero => row.fill(0.0),
            Start::Bias(bias) => row.copy_from_slice(bias),
            Start::Output => {}
        }
    }
}

/// # Safety
/// A and C have `MR` rows, A has columns and B rows `p..p + KB`.
#[inline(always)]
unsafe fn some_rows<S: Simd, const MR: usize, const KB: usize>(
    s: S,
    product: &Product<'_>,
    p: usize,
    c: &mut ViewMut<'_>,
) {
    let (a, b) = (&product.a, &product.b);
    let (n, c_row_step) = (c.cols(), c.stride());
    let c = c.as_mut_ptr();
    let mut x = [[s.splat(0.0); KB]; MR];
    for i in 0..MR {
        for q in 0..KB {
            // SAFETY: row `i` of A has column `p + q`.
            x[i][q] =
                s.splat(unsafe { *a.as_ptr().add(i * a.row_step() + (p + q) * a.col_step()) });
        }
    }
    let b_step = b.row_step();
    // SAFETY: row `p` of B exists.
    let b = unsafe { b.as_ptr().add(p * b_step) };
    let mut j = 0;
    while j + S::LANES <= n {
        // SAFETY: a whole vector is left of each row of B and C.
        unsafe {
            let mut acc = [s.splat(0.0); MR];
            for i in 0..MR {
                acc[i] = s.load(c.add(i * c_row_step + j));
            }
            for q in 0..KB {
                let row = s.load(b.add(q * b_step + j));
                for i in 0..MR {
                    acc[i] = s.mul_add(x[i][q], row, acc[i]);
                }
            }
            for i in 0..MR {
                s.store(c.add(i * c_row_step + j), acc[i]);
            }
        }
        j += S::LANES;
    }
    let tail = n - j;
    if tail > 0 {
        // SAFETY: `tail` elements are left of each row of B and C.
        unsafe {
            let mut acc = [s.splat(0.0); MR];
            for i in 0..MR {
                acc[i] = s.load_partial(c.add(i * c_row_step + j), tail);
            }
            for q in 0..KB {
                let row = s.load_partial(b.add(q * b_step + j), tail);
                for i in 0..MR {
                    acc[i] = s.mul_add(x[i][q], row, acc[i]);
                }
            }
            for i in 0..MR {
                s.store_partial(c.add(i * c_row_step + j), tail, acc[i]);
            }
        }
    }
}

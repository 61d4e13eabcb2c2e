//! Products of few columns whose A is transposed, by vectors of rows of C: their chains stay in registers, a part
//! of the sixteen at a time. See [`narrow`](super::narrow).

use super::narrow::Columns;
use super::narrow_kernel::Narrow;
use crate::simd::{PARTIALS, Simd};

/// Chains that are summed together, `q`, `q + 4`, `q + 8` and `q + 12`: the tree adds them first.
const TOGETHER: usize = 4;

/// Elements of an A, twice those of L1, beyond which it is read one chain after the other: every fourth row of A
/// comes at up to half the rate in pieces of 256 bytes (more so where rows are a multiple of 1 KiB apart), and
/// every sixteenth in pieces of 1 KiB does not.
const NEAR: usize = 24_576;

/// Elements of B, the smaller operand, below which chains stay in registers with vectors of eight too, if A is near:
/// sixteen registers hold few, but there are few steps in which those in memory would pay for their beginning.
const FEW_STEPS: usize = 80;

/// Whether chains stay in registers, with vectors of `lanes`. A part of the rows stays where all do.
pub(super) fn stay(lanes: usize, (m, n, k): (usize, usize, usize)) -> bool {
    lanes == PARTIALS || n * k < FEW_STEPS && m.saturating_mul(k) <= NEAR
}

/// The rows of C in tiles of `V` vectors; of `FAR` where A is not near.
///
/// # Safety
/// C and what it is computed from have `N` columns, and A's columns are contiguous.
#[inline(always)]
pub(super) unsafe fn by_columns<S: Simd, const N: usize, const V: usize, const FAR: usize>(
    s: S,
    narrow: &Narrow<'_, '_>,
) {
    let ((m, k), mut i) = (narrow.a.shape(), 0);
    // SAFETY: the rows are there.
    unsafe {
        if m * k > NEAR {
            while i + FAR * S::LANES <= m {
                far_columns::<S, N, FAR>(s, narrow, i);
                i += FAR * S::LANES;
            }
        }
        while i + V * S::LANES <= m {
            columns::<S, N, V>(s, narrow, i, S::LANES);
            i += V * S::LANES;
        }
        while i < m {
            let rest = m - i;
            i += if V > 1 && rest > S::LANES {
                columns::<S, N, 2>(s, narrow, i, (rest - S::LANES).min(S::LANES));
                2 * S::LANES
            } else {
                columns::<S, N, 1>(s, narrow, i, rest.min(S::LANES));
                S::LANES
            }
        }
    }
}

/// `V` vectors of rows of C from row `i` on, the last one of `count` rows.
///
/// # Safety
/// As for [`by_columns`]; the rows are there.
#[inline(always)]
unsafe fn columns<S: Simd, const N: usize, const V: usize>(
    s: S,
    narrow: &Narrow<'_, '_>,
    i: usize,
    count: usize,
) {
    // -0 leaves what is added to it as it is.
    let mut sums = [[s.splat(-0.0); V]; N];
    for odd in 0..2 {
        // SAFETY: the caller's promise.
        let (first, second) = unsafe {
            let first = four_chains::<S, N, V>(s, narrow, (i, odd), count);
            (first, four_chains::<S, N, V>(s, narrow, (i, odd + 2), count))
        };
        for j in 0..N {
            for v in 0..V {
                let half = s.add(first[j][v], second[j][v]);
                sums[j][v] = s.add(sums[j][v], half);
            }
        }
    }
    // SAFETY: they are rows of C.
    unsafe { narrow.store_rows(s, sums, i, count) };
}

/// The sum of the chains `q`, `q + 4`, `q + 8` and `q + 12` of each of these rows and of each column.
///
/// # Safety
/// As for [`columns`]; `q` is below 4.
#[inline(always)]
unsafe fn four_chains<S: Simd, const N: usize, const V: usize>(
    s: S,
    narrow: &Narrow<'_, '_>,
    (i, q): (usize, usize),
    count: usize,
) -> [[S::F32; V]; N] {
    let (k, Columns { data: b, row_step, col_step }) = (narrow.a.cols(), narrow.b);
    let (a, a_step) = (narrow.a.as_ptr().wrapping_add(i), narrow.a.col_step());
    let mut chains = [[[s.splat(0.0); V]; N]; TOGETHER];
    let mut p = q;
    while p < k {
        for c in 0..TOGETHER {
            let p = p + c * TOGETHER;
            if p < k {
                // SAFETY: A has column `p`, with these rows, and B row `p`.
                unsafe {
                    let a = a.add(p * a_step);
                    let mut x = [s.splat(0.0); V];
                    for v in 0..V - 1 {
                        x[v] = s.load(a.add(v * S::LANES));
                    }
                    x[V - 1] = s.load_partial(a.add((V - 1) * S::LANES), count);
                    for j in 0..N {
                        let y = s.splat(*b.add(p * row_step + j * col_step));
                        for v in 0..V {
                            chains[c][j][v] = s.mul_add(x[v], y, chains[c][j][v]);
                        }
                    }
                }
            }
        }
        p += TOGETHER * TOGETHER;
    }
    for half in [2, 1] {
        for c in 0..half {
            for j in 0..N {
                for v in 0..V {
                    chains[c][j][v] = s.add(chains[c][j][v], chains[c + half][j][v]);
                }
            }
        }
    }
    chains[0]
}

/// `V` vectors of rows of C from row `i` on, one chain after the other.
///
/// # Safety
/// As for [`by_columns`]; the rows are there.
#[inline(always)]
unsafe fn far_columns<S: Simd, const N: usize, const V: usize>(
    s: S,
    narrow: &Narrow<'_, '_>,
    i: usize,
) {
    let (k, Columns { data: b, row_step, col_step }) = (narrow.a.cols(), narrow.b);
    let (a, a_step) = (narrow.a.as_ptr().wrapping_add(i), narrow.a.col_step());
    // Sums of 1, 2, 4, 8 and 16 chains, one for each binary digit of the number of chains that there are yet.
    let mut digits = [[[s.splat(0.0); V]; N]; PARTIALS.ilog2() as usize + 1];
    for done in 0..PARTIALS {
        // The order in which two sums of the tree are always neighbours: 0, 8, 4, 12, 2 ...
        let q = done.reverse_bits() >> (usize::BITS - PARTIALS.ilog2());
        let mut chain = [[s.splat(0.0); V]; N];
        for p in (q..k).step_by(PARTIALS) {
            // SAFETY: A has column `p`, with these rows, and B row `p`.
            unsafe {
                let mut y = [s.splat(0.0); N];
                for j in 0..N {
                    y[j] = s.splat(*b.add(p * row_step + j * col_step));
                }
                for v in 0..V {
                    let x = s.load(a.add(p * a_step + v * S::LANES));
                    for j in 0..N {
                        chain[j][v] = s.mul_add(x, y[j], chain[j][v]);
                    }
                }
            }
        }
        let carries = done.trailing_ones() as usize;
        for digit in &digits[..carries] {
            for j in 0..N {
                for v in 0..V {
                    chain[j][v] = s.add(digit[j][v], chain[j][v]);
                }
            }
        }
        digits[carries] = chain;
    }
    // SAFETY: they are rows of C.
    unsafe { narrow.store_rows(s, digits[PARTIALS.ilog2() as usize], i, S::LANES) };
}

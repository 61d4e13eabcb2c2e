//! The kernels of [`narrow`](super::narrow).

use super::Start;
use super::narrow::Columns;
use super::operand::Operand;
use crate::simd::{FOLDED, Fold, PARTIALS, SQUARE, Simd};

/// What a kernel reads and writes: A and B of a product, and C with the distance of its rows.
struct Narrow<'a, 'p> {
    a: &'a Operand<'p>,
    b: Columns,
    start: Start<'p>,
    c: *mut f32,
    c_row_step: usize,
}

impl Narrow<'_, '_> {
    /// Stores an element whose sum is known.
    ///
    /// # Safety
    /// It is one of C.
    #[inline(always)]
    unsafe fn store(&self, i: usize, j: usize, sum: f32) {
        // SAFETY: the caller's promise; C is readable if sums start there.
        unsafe {
            let c = self.c.add(i * self.c_row_step + j);
            *c = match self.start {
                Start::Zero => sum,
                Start::Bias(bias) => bias[j] + sum,
                Start::Output => *c + sum,
            };
        }
    }
}

/// `C = start + A.B` for the rows of A and `n` columns, one or two, of B, at `c` with the distance of C's rows.
///
/// # Safety
/// `b` is a matrix of as many rows as A has columns, its columns contiguous if A's rows are; C is writable, and
/// readable if that is where the sums start, and no operand is there. If A's rows are not contiguous its columns
/// are.
#[inline(always)]
pub(super) unsafe fn few_columns<S: Fold>(
    s: S,
    (a, b, n): (&Operand<'_>, Columns, usize),
    start: Start<'_>,
    (c, c_row_step): (*mut f32, usize),
) {
    let narrow = Narrow { a, b, start, c, c_row_step };
    // The chains of an element are one vector on AVX-512 and two on AVX2: 8 to 16 of them, as many as keep the
    // multipliers busy and leave registers for B.
    let is_wide = S::LANES == PARTIALS;
    // SAFETY: the caller's promise.
    unsafe {
        match (a.col_step() == 1, n == 1, is_wide) {
            (true, true, true) => by_rows::<S, 8, 1>(s, &narrow),
            (true, true, false) => by_rows::<S, 4, 1>(s, &narrow),
            (true, false, true) => by_rows::<S, 8, 2>(s, &narrow),
            (true, false, false) => by_rows::<S, 3, 2>(s, &narrow),
            (false, true, true) => by_columns::<S, 1, 4, 16>(s, &narrow),
            (false, true, false) => by_columns::<S, 1, 2, 8>(s, &narrow),
            (false, false, true) => by_columns::<S, 2, 2, 8>(s, &narrow),
            (false, false, false) => by_columns::<S, 2, 1, 4>(s, &narrow),
        }
    }
}

/// # Safety
/// C and what it is computed from have `N` columns, B's columns and A's rows are contiguous.
#[inline(always)]
unsafe fn by_rows<S: Fold, const R: usize, const N: usize>(s: S, narrow: &Narrow<'_, '_>) {
    let m = narrow.a.rows();
    let mut i = 0;
    while i < m {
        // SAFETY: row `i` is there.
        i += unsafe {
            if m - i == 1 { rows::<S, 1, N>(s, narrow, i) } else { rows::<S, R, N>(s, narrow, i) }
        };
    }
}

/// `R` rows of C from row `i` on, or as many as there are; returns `R`.
///
/// # Safety
/// As for [`by_rows`], and there is a row `i`.
#[inline(always)]
unsafe fn rows<S: Fold, const R: usize, const N: usize>(
    s: S,
    narrow: &Narrow<'_, '_>,
    i: usize,
) -> usize {
    let (w, (m, k)) = (s.wide(), narrow.a.shape());
    let (a, a_step) = (narrow.a.as_ptr(), narrow.a.row_step());
    // Those that are missing are copies of the last: their sums go nowhere.
    let a: [*const f32; R] = core::array::from_fn(|r| a.wrapping_add((i + r).min(m - 1) * a_step));
    let b: [*const f32; N] =
        core::array::from_fn(|j| narrow.b.data.wrapping_add(j * narrow.b.col_step));
    let (mut acc, mut columns) = ([[w.splat(0.0); N]; R], [w.splat(0.0); N]);
    let mut p = 0;
    // SAFETY: rows of A and columns of B have `k` contiguous elements.
    unsafe {
        while p + PARTIALS <= k {
            for j in 0..N {
                columns[j] = w.load(b[j].add(p));
            }
            for r in 0..R {
                let x = w.load(a[r].add(p));
                for j in 0..N {
                    acc[r][j] = w.mul_add(x, columns[j], acc[r][j]);
                }
            }
            p += PARTIALS;
        }
        let rest = k - p;
        if rest > 0 {
            // Steps that are missing are products of 0 and -0, which leave any chain as it is.
            for j in 0..N {
                let column = w.load_partial(b[j].add(p), rest);
                columns[j] = w.keep_first(rest, column, w.splat(-0.0));
            }
            for r in 0..R {
                let x = w.load_partial(a[r].add(p), rest);
                for j in 0..N {
                    acc[r][j] = w.mul_add(x, columns[j], acc[r][j]);
                }
            }
        }
    }
    for first in (0..R * N).step_by(FOLDED) {
        let mut chains = [w.splat(0.0); FOLDED];
        for u in 0..FOLDED.min(R * N - first) {
            chains[u] = acc[(first + u) / N][(first + u) % N];
        }
        let sums = s.fold(chains);
        for u in 0..FOLDED {
            let (r, j) = ((first + u) / N, (first + u) % N);
            if r < R && i + r < m {
                // SAFETY: it is an element of C.
                unsafe { narrow.store(i + r, j, sums[u]) };
            }
        }
    }
    R
}

/// Chains that are summed together, `q`, `q + 4`, `q + 8` and `q + 12`: the tree adds them first.
const TOGETHER: usize = 4;

/// Rows of A that are multiples of so many elements apart share sets of the caches, and every fourth has the more in
/// common: 256-byte pieces of them come at half the rate of others.
const COLLIDING: usize = 256;
/// Such an A of more elements, twice L1, is read one chain after the other, in pieces of 1 KiB.
const NEAR: usize = 24_576;

/// The rows of C in tiles of `V` vectors; of `FAR` where A collides.
///
/// # Safety
/// C and what it is computed from have `N` columns, and A's columns are contiguous.
#[inline(always)]
unsafe fn by_columns<S: Simd, const N: usize, const V: usize, const FAR: usize>(
    s: S,
    narrow: &Narrow<'_, '_>,
) {
    let ((m, k), mut i) = (narrow.a.shape(), 0);
    // SAFETY: the rows are there.
    unsafe {
        if narrow.a.col_step().is_multiple_of(COLLIDING) && m * k > NEAR {
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
    let mut sums = [[s.splat(0.0); V]; N];
    for odd in 0..2 {
        // SAFETY: the caller's promise.
        let (first, second) = unsafe {
            let first = four_chains::<S, N, V>(s, narrow, (i, odd), count);
            (first, four_chains::<S, N, V>(s, narrow, (i, odd + 2), count))
        };
        for j in 0..N {
            for v in 0..V {
                let half = s.add(first[j][v], second[j][v]);
                // No chain, and no sum of some, is -0: the 0 that the first is added to does nothing.
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
    let mut sums = chains[0];
    for j in 0..N {
        for v in 0..V {
            let [a, b, c, d] = [0, 1, 2, 3].map(|c: usize| chains[c][j][v]);
            sums[j][v] = s.add(s.add(a, c), s.add(b, d));
        }
    }
    sums
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

impl Narrow<'_, '_> {
    /// Stores `V` vectors of rows from row `i` on, whose columns are these, the last one of `count` rows.
    ///
    /// # Safety
    /// They are rows of C.
    #[inline(always)]
    unsafe fn store_rows<S: Simd, const N: usize, const V: usize>(
        &self,
        s: S,
        columns: [[S::F32; V]; N],
        i: usize,
        count: usize,
    ) {
        for v in 0..V {
            let mut rows = [columns[0][v]; N];
            for j in 0..N {
                rows[j] = columns[j][v];
            }
            let count = if v + 1 < V { S::LANES } else { count };
            // SAFETY: the caller's promise.
            unsafe { self.store_vector(s, rows, i + v * S::LANES, count) };
        }
    }

    /// Stores `count` rows from row `i` on, whose columns are these.
    ///
    /// # Safety
    /// They are rows of C.
    #[inline(always)]
    unsafe fn store_vector<S: Simd, const N: usize>(
        &self,
        s: S,
        columns: [S::F32; N],
        i: usize,
        count: usize,
    ) {
        let is_new = matches!(self.start, Start::Zero);
        // SAFETY: the caller's promise; there is room for a vector.
        unsafe {
            if N == 1 && is_new && self.c_row_step == 1 {
                return s.store_partial(self.c.add(i), count, columns[0]);
            }
            const { assert!(S::LANES <= PARTIALS) };
            let mut sums = [[0.0; PARTIALS]; N];
            for j in 0..N {
                s.store(sums[j].as_mut_ptr(), columns[j]);
            }
            if is_new {
                let c = self.c.add(i * self.c_row_step);
                for r in (0..count).step_by(SQUARE) {
                    let from = (sums.as_ptr().cast::<f32>().add(r), PARTIALS);
                    let to = (c.add(r * self.c_row_step), self.c_row_step);
                    s.transpose((N, SQUARE.min(count - r)), from, to);
                }
            } else {
                for r in 0..count {
                    for j in 0..N {
                        self.store(i + r, j, sums[j][r]);
                    }
                }
            }
        }
    }
}

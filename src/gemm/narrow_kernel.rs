//! The kernels of [`narrow`](super::narrow): what they share, and those of an A whose rows are contiguous.

use super::Start;
use super::narrow::Columns;
use super::narrow_chains::by_chains;
use super::narrow_columns::{by_columns, stay};
use super::operand::Operand;
use crate::simd::{FOLDED, Fold, PARTIALS, SQUARE, Simd};

/// What a kernel reads and writes: A and B of a product, and C with the distance of its rows.
pub(super) struct Narrow<'a, 'p> {
    pub a: &'a Operand<'p>,
    pub b: Columns,
    start: Start<'p>,
    c: *mut f32,
    c_row_step: usize,
    /// Room for chains of sums, if A is transposed and they do not stay in registers.
    pub chains: *mut f32,
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
/// are, and at `chains` there is room for [`room`](super::narrow::room) that nothing else uses.
#[inline(always)]
pub(super) unsafe fn few_columns<S: Fold>(
    s: S,
    (a, b, n): (&Operand<'_>, Columns, usize),
    start: Start<'_>,
    (c, c_row_step): (*mut f32, usize),
    chains: *mut f32,
) {
    let narrow = Narrow { a, b, start, c, c_row_step, chains };
    // The chains of an element are one vector on AVX-512 and two on AVX2: 8 to 16 of them, as many as keep the
    // multipliers busy and leave registers for B.
    let is_wide = S::LANES == PARTIALS;
    let stay = stay(S::LANES, (a.rows(), n, a.cols()));
    // SAFETY: the caller's promise.
    unsafe {
        match (a.col_step() == 1, n == 1, is_wide) {
            (true, true, true) => by_rows::<S, 8, 1>(s, &narrow),
            (true, true, false) => by_rows::<S, 4, 1>(s, &narrow),
            (true, false, true) => by_rows::<S, 8, 2>(s, &narrow),
            (true, false, false) => by_rows::<S, 3, 2>(s, &narrow),
            (false, true, true) => by_columns::<S, 1, 4, 16>(s, &narrow),
            (false, true, false) if stay => by_columns::<S, 1, 2, 2>(s, &narrow),
            (false, true, false) => by_chains::<S, 1>(s, &narrow),
            (false, false, true) => by_columns::<S, 2, 2, 8>(s, &narrow),
            (false, false, false) if stay => by_columns::<S, 2, 1, 1>(s, &narrow),
            (false, false, false) => by_chains::<S, 2>(s, &narrow),
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
            match m - i {
                1 => rows::<S, 1, N>(s, narrow, i),
                2..=4 if R > 4 => rows::<S, 4, N>(s, narrow, i),
                _ => rows::<S, R, N>(s, narrow, i),
            }
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

impl Narrow<'_, '_> {
    /// Stores `V` vectors of rows from row `i` on, whose columns are these, the last one of `count` rows.
    ///
    /// # Safety
    /// They are rows of C.
    #[inline(always)]
    pub(super) unsafe fn store_rows<S: Simd, const N: usize, const V: usize>(
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
    pub(super) unsafe fn store_vector<S: Simd, const N: usize>(
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

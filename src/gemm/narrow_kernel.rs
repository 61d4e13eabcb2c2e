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
    /// Room for chains of sums, if A is transposed.
    chains: *mut f32,
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
/// are, and at `chains` there is room for [`chains`](fn@chains) that nothing else uses.
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
    // SAFETY: the caller's promise.
    unsafe {
        match (a.col_step() == 1, n == 1, is_wide) {
            (true, true, true) => by_rows::<S, 8, 1>(s, &narrow),
            (true, true, false) => by_rows::<S, 4, 1>(s, &narrow),
            (true, false, true) => by_rows::<S, 8, 2>(s, &narrow),
            (true, false, false) => by_rows::<S, 3, 2>(s, &narrow),
            (false, true, _) => by_columns::<S, 1>(s, &narrow),
            (false, false, _) => by_columns::<S, 2>(s, &narrow),
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

/// Elements of C whose chains are in memory together.
const TOGETHER: usize = 1024;

/// Rows of C whose chains are.
fn rows_together(n: usize) -> usize {
    TOGETHER / n / PARTIALS * PARTIALS
}

/// Elements of the chains of a product of a transposed A.
pub(super) fn chains((m, n): (usize, usize)) -> usize {
    PARTIALS * n * rows_together(n).min(m.next_multiple_of(PARTIALS))
}

/// Steps that are added to a chain while it is in registers.
const MOST_STEPS: usize = 8;

/// As many rows of A as hide that chains are read from memory and written are added to a chain at a time, `U` of
/// them.
///
/// # Safety
/// C and what it is computed from have `N` columns, and A's columns are contiguous; there is room for the
/// [`chains`].
#[inline(always)]
unsafe fn by_columns<S: Simd, const N: usize>(s: S, narrow: &Narrow<'_, '_>) {
    let (m, k) = narrow.a.shape();
    for first in (0..m).step_by(rows_together(N)) {
        let count = rows_together(N).min(m - first);
        let rows = Rows { first, count, step: count.next_multiple_of(PARTIALS) };
        // SAFETY: the rows are there, and the steps are below `k`.
        unsafe {
            for begin in (0..k).step_by(MOST_STEPS * PARTIALS) {
                let end = k.min(begin + MOST_STEPS * PARTIALS);
                for q in begin..end.min(begin + PARTIALS) {
                    let mut p = q;
                    while p < end {
                        p += PARTIALS
                            * match (end - p).div_ceil(PARTIALS) {
                                8.. => rows.add::<S, N, 8>(s, narrow, p),
                                4.. => rows.add::<S, N, 4>(s, narrow, p),
                                2.. => rows.add::<S, N, 2>(s, narrow, p),
                                _ => rows.add::<S, N, 1>(s, narrow, p),
                            };
                    }
                }
            }
            rows.finish::<S, N>(s, narrow);
        }
    }
}

/// Rows of C from `first` on. Chain `q` of row `first + i` and column `j` is element `(q * N + j) * step + i` of
/// the chains; they are whole vectors.
struct Rows {
    first: usize,
    count: usize,
    step: usize,
}

impl Rows {
    /// Adds the steps `p`, `p + 16` and so on, `U` of them, to their chain, or begins it; returns `U`.
    ///
    /// # Safety
    /// As for [`by_columns`]; the steps are below `k`.
    #[inline(always)]
    unsafe fn add<S: Simd, const N: usize, const U: usize>(
        &self,
        s: S,
        narrow: &Narrow<'_, '_>,
        p: usize,
    ) -> usize {
        let Columns { data: b, row_step, col_step } = narrow.b;
        let a_step = narrow.a.col_step() * PARTIALS;
        let mut y = [[s.splat(0.0); N]; U];
        // SAFETY: the caller's promise.
        unsafe {
            for u in 0..U {
                for j in 0..N {
                    y[u][j] = s.splat(*b.add((p + u * PARTIALS) * row_step + j * col_step));
                }
            }
            let a = narrow.a.as_ptr().add(p * narrow.a.col_step() + self.first);
            let chain = narrow.chains.add(p % PARTIALS * N * self.step);
            let mut i = 0;
            while i < self.count {
                let count = S::LANES.min(self.count - i);
                let mut sums = [s.splat(0.0); N];
                if p >= PARTIALS {
                    for j in 0..N {
                        sums[j] = s.load(chain.add(j * self.step + i));
                    }
                }
                for u in 0..U {
                    let a = a.add(u * a_step + i);
                    let x = if count < S::LANES { s.load_partial(a, count) } else { s.load(a) };
                    for j in 0..N {
                        sums[j] = s.mul_add(x, y[u][j], sums[j]);
                    }
                }
                for j in 0..N {
                    s.store(chain.add(j * self.step + i), sums[j]);
                }
                i += S::LANES;
            }
        }
        U
    }

    /// Adds up the chains in the order of [`Fold::fold`], and stores the sums.
    ///
    /// # Safety
    /// As for [`by_columns`]; the chains are there.
    #[inline(always)]
    unsafe fn finish<S: Simd, const N: usize>(&self, s: S, narrow: &Narrow<'_, '_>) {
        let mut i = 0;
        while i < self.count {
            let mut sums = [[0.0; PARTIALS]; N];
            for j in 0..N {
                let mut all = [s.splat(0.0); PARTIALS];
                for q in 0..PARTIALS {
                    // SAFETY: the chains are whole vectors.
                    all[q] = unsafe { s.load(narrow.chains.add((q * N + j) * self.step + i)) };
                }
                for half in [8, 4, 2, 1] {
                    for q in 0..half {
                        all[q] = s.add(all[q], all[q + half]);
                    }
                }
                const { assert!(S::LANES <= PARTIALS) };
                // SAFETY: there is room for a vector.
                unsafe { s.store(sums[j].as_mut_ptr(), all[0]) };
            }
            let (first, count) = (self.first + i, S::LANES.min(self.count - i));
            // SAFETY: they are rows of C.
            unsafe {
                let is_new = matches!(narrow.start, Start::Zero);
                if N == 1 && is_new && narrow.c_row_step == 1 {
                    s.store_partial(narrow.c.add(first), count, s.load(sums[0].as_ptr()));
                } else if is_new {
                    let c = narrow.c.add(first * narrow.c_row_step);
                    for r in (0..count).step_by(SQUARE) {
                        let from = (sums.as_ptr().cast::<f32>().add(r), PARTIALS);
                        let to = (c.add(r * narrow.c_row_step), narrow.c_row_step);
                        s.transpose((N, SQUARE.min(count - r)), from, to);
                    }
                } else {
                    for r in 0..count {
                        for j in 0..N {
                            narrow.store(first + r, j, sums[j][r]);
                        }
                    }
                }
            }
            i += S::LANES;
        }
    }
}

//! Products of few columns whose A is transposed, for vectors of eight: sixteen registers do not hold enough of what
//! [`narrow_columns`](super::narrow_columns) has there, so unless there are few steps and A is near the chains are in memory,
//! and rows of A pass by whole.
//! See [`narrow`](super::narrow).

use super::narrow::Columns;
use super::narrow_kernel::Narrow;
use crate::simd::{PARTIALS, Simd};

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
pub(super) unsafe fn by_chains<S: Simd, const N: usize>(s: S, narrow: &Narrow<'_, '_>) {
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
    /// As for [`by_chains`]; the steps are below `k`.
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
    /// As for [`by_chains`]; the chains are there.
    #[inline(always)]
    unsafe fn finish<S: Simd, const N: usize>(&self, s: S, narrow: &Narrow<'_, '_>) {
        let mut i = 0;
        while i < self.count {
            let mut sums = [s.splat(0.0); N];
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
                sums[j] = all[0];
            }
            let count = S::LANES.min(self.count - i);
            // SAFETY: they are rows of C.
            unsafe { narrow.store_vector(s, sums, self.first + i, count) };
            i += S::LANES;
        }
    }
}

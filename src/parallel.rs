//! Two halves at once: the only place that runs anything on rayon's pool. (`Cpu::threads` asks how
//! many threads it has.)
//!
//! Work is cut by splitting views and slices, which the borrow checker proves disjoint, and the
//! halves are handed to [`join`]. How often to cut is decided from the size of the work alone;
//! what each element's value is never depends on it.

use crate::cpu::{Cpu, Parallelism};
use crate::tensor::{View, ViewMut};

/// Runs both, on two threads if the pool has one to spare.
pub(crate) fn join<A: Send, B: Send>(
    cpu: Cpu,
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
) -> (A, B) {
    match cpu.parallelism() {
        Parallelism::Serial => (a(), b()),
        #[cfg(feature = "rayon")]
        Parallelism::Rayon => rayon::join(a, b),
    }
}

/// Runs `f` on a thread of the pool, so that the joins within it need not wake the pool each time.
pub(crate) fn enter<A: Send>(cpu: Cpu, f: impl FnOnce() -> A + Send) -> A {
    match cpu.parallelism() {
        Parallelism::Serial => f(),
        #[cfg(feature = "rayon")]
        Parallelism::Rayon => rayon::scope(|_| f()),
    }
}

/// Runs `f` in a pool of so many threads.
#[cfg(all(test, feature = "rayon"))]
pub(crate) fn in_pool<A: Send>(threads: usize, f: impl FnOnce() -> A + Send) -> A {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.expect("a pool").install(f)
}

/// Nanoseconds of work that each thread must get before another one is worth it: inside the pool,
/// where it is awake from the pass before, twice what handing over costs; from outside about four times
/// what waking it costs.
#[cfg(feature = "rayon")]
const WORTH_INSIDE_NS: u64 = 5_000;
#[cfg(feature = "rayon")]
const WORTH_OUTSIDE_NS: u64 = 60_000;

/// How many threads to give work that takes one thread `ns` nanoseconds.
#[cfg_attr(not(feature = "rayon"), expect(unused_variables, reason = "one thread for any work"))]
pub(crate) fn threads_for(cpu: Cpu, ns: u64) -> usize {
    match cpu.parallelism() {
        Parallelism::Serial => 1,
        #[cfg(feature = "rayon")]
        Parallelism::Rayon => {
            // The smaller bound first: small work does not even ask rayon about its pool.
            if ns < 2 * WORTH_INSIDE_NS {
                return 1;
            }
            let inside = rayon::current_thread_index().is_some();
            let worth = if inside { WORTH_INSIDE_NS } else { WORTH_OUTSIDE_NS };
            usize::try_from(ns / worth).unwrap_or(usize::MAX).clamp(1, cpu.threads())
        }
    }
}

/// What one core is assumed to do in a nanosecond of a product: multiply-adds (in vectors of eight; how
/// products are cut knows that those of sixteen are twice as fast), or, where each element
/// takes part in few, elements that it reads or writes. Measured with matrices of 1 MiB and rounded to
/// powers of two: 15 to 17 in a product of one row (11 where B is transposed and has to be turned), 7 in
/// one with k = 1.
pub(crate) const MACS_PER_NS: u64 = 50;
const READS_PER_NS: u64 = 16;
const WRITES_PER_NS: u64 = 8;

/// How many threads to give products of so many multiply-adds.
pub(crate) fn threads_for_macs(cpu: Cpu, macs: u64) -> usize {
    threads_for(cpu, macs / MACS_PER_NS)
}

/// How many threads to give a product of `(m, n, k)`.
pub(crate) fn threads_for_product(cpu: Cpu, (m, n, k): (usize, usize, usize)) -> usize {
    let (m, n, k) = (m as u64, n as u64, k as u64);
    let macs = m.saturating_mul(n).saturating_mul(k);
    let reads = m.saturating_mul(k).saturating_add(k.saturating_mul(n));
    let moves = (reads / READS_PER_NS).saturating_add(m.saturating_mul(n) / WRITES_PER_NS);
    threads_for(cpu, moves.max(macs / MACS_PER_NS))
}

/// How many threads to give copying a matrix of `rows x cols`.
pub(crate) fn threads_to_copy(cpu: Cpu, rows: usize, cols: usize) -> usize {
    threads_for(cpu, (rows as u64).saturating_mul(cols as u64) / WRITES_PER_NS)
}

/// Elements in a cache line.
const LINE: usize = 16;

/// Elements that one thread is assumed to handle in a nanosecond, in a pass over slices.
const ELEMENTS_PER_NS: u64 = 4;

/// What is done to pieces of `R` slices to read and `U` to update. A pointer, as in all functions
/// here: it is called once for each piece, and dividing is compiled once and not for each kernel.
type OnPiece<'f, const R: usize, const U: usize> = dyn Fn([&[f32]; R], [&mut [f32]; U]) + Sync + 'f;

/// Calls `f` with all of the slices, or with pieces of them that are cut at the same places, on
/// as many threads as their length is worth.
pub(crate) fn for_each_piece<const R: usize, const U: usize>(
    cpu: Cpu,
    read: [&[f32]; R],
    updated: [&mut [f32]; U],
    f: &OnPiece<'_, R, U>,
) {
    let len = updated.first().map_or(0, |u| u.len());
    let threads = threads_for(cpu, len as u64 / ELEMENTS_PER_NS);
    divide(cpu, threads, read, updated, f);
}

fn divide<const R: usize, const U: usize>(
    cpu: Cpu,
    threads: usize,
    read: [&[f32]; R],
    updated: [&mut [f32]; U],
    f: &OnPiece<'_, R, U>,
) {
    if threads < 2 {
        return f(read, updated);
    }
    // A whole number of cache lines for each.
    let len = updated.first().map_or(0, |u| u.len());
    let cut = len / threads * (threads / 2) / LINE * LINE;
    let (mut head, mut tail) = ([&[][..]; R], [&[][..]; R]);
    for (i, slice) in read.into_iter().enumerate() {
        (head[i], tail[i]) = slice.split_at(cut.min(slice.len()));
    }
    let mut tail_updated = [const { None }; U];
    let mut rest = tail_updated.iter_mut();
    let head_updated = updated.map(|slice| {
        let (head, tail) = slice.split_at_mut(cut.min(slice.len()));
        if let Some(place) = rest.next() {
            *place = Some(tail);
        }
        head
    });
    let tail_updated = tail_updated.map(Option::unwrap_or_default);
    join(
        cpu,
        || divide(cpu, threads / 2, head, head_updated, f),
        || divide(cpu, threads - threads / 2, tail, tail_updated, f),
    );
}

/// Calls `f` with runs of whole cache lines of `values`, each with the place at which it starts, on
/// as many threads as a pass over `elements` elements, as many for each value, is worth.
pub(crate) fn for_each_run(
    cpu: Cpu,
    elements: u64,
    values: &mut [f32],
    f: &(dyn Fn(usize, &mut [f32]) + Sync),
) {
    let threads = threads_for(cpu, elements / ELEMENTS_PER_NS);
    let lines = values.len().div_ceil(LINE);
    divide_run(cpu, threads.min(lines), 0, values, f);
}

fn divide_run(
    cpu: Cpu,
    threads: usize,
    first: usize,
    values: &mut [f32],
    f: &(dyn Fn(usize, &mut [f32]) + Sync),
) {
    if threads < 2 {
        return f(first, values);
    }
    let half = threads / 2;
    let cut = values.len().div_ceil(LINE) * half / threads * LINE;
    let (head, tail) = values.split_at_mut(cut);
    join(
        cpu,
        || divide_run(cpu, half, first, head, f),
        || divide_run(cpu, threads - half, first + cut, tail, f),
    );
}

/// A matrix, borrowed in either way, that can be cut between two rows.
pub(crate) trait Rows: Sized + Send {
    /// `(rows, cols)`
    fn shape(&self) -> (usize, usize);
    /// The rows before `row`, and the rest.
    fn split_rows_at(self, row: usize) -> (Self, Self);
}

impl Rows for View<'_> {
    fn shape(&self) -> (usize, usize) {
        View::shape(self)
    }
    fn split_rows_at(self, row: usize) -> (Self, Self) {
        (self.rows_range(0, row), self.rows_range(row, usize::MAX))
    }
}

impl Rows for ViewMut<'_> {
    fn shape(&self) -> (usize, usize) {
        ViewMut::shape(self)
    }
    fn split_rows_at(self, row: usize) -> (Self, Self) {
        ViewMut::split_rows_at(self, row)
    }
}

/// One element for each row.
impl Rows for &mut [f32] {
    fn shape(&self) -> (usize, usize) {
        (self.len(), 1)
    }
    fn split_rows_at(self, row: usize) -> (Self, Self) {
        self.split_at_mut(row.min(self.len()))
    }
}

/// Two of the same number of rows, cut at the same one; the work is that on the first.
impl<A: Rows, B: Rows> Rows for (A, B) {
    fn shape(&self) -> (usize, usize) {
        self.0.shape()
    }
    fn split_rows_at(self, row: usize) -> (Self, Self) {
        let ((a, a_rest), (b, b_rest)) = (self.0.split_rows_at(row), self.1.split_rows_at(row));
        ((a, b), (a_rest, b_rest))
    }
}

/// Rows that one sum covers: the leaves of [`sum_rows`].
const LEAF_ROWS: usize = 64;

/// The sum of `f` over blocks of rows of `m`, each with the row of the whole at which it starts.
///
/// Blocks have 64 rows and their sums are added in a tree whose shape depends on the number of
/// rows only, so the result does not depend on the number of threads.
pub(crate) fn sum_rows<M: Rows>(cpu: Cpu, m: M, f: &(dyn Fn(usize, M) -> f64 + Sync)) -> f64 {
    let (rows, cols) = m.shape();
    // Without columns no matter how many rows there are, which no memory limits; and one leaf needs no
    // tree.
    if cols == 0 || rows <= LEAF_ROWS {
        return f(0, m);
    }
    let elements = (rows as u64).saturating_mul(cols as u64);
    let threads = threads_for(cpu, elements / ELEMENTS_PER_NS);
    sum_tree(cpu, threads, 0, m, f)
}

/// Calls `f` with blocks of rows of `m`, each with the row of the whole at which it starts.
pub(crate) fn for_each_block<M: Rows>(cpu: Cpu, m: M, f: &(dyn Fn(usize, M) + Sync)) {
    sum_rows(cpu, m, &|first, block| {
        f(first, block);
        0.0
    });
}

fn sum_tree<M: Rows>(
    cpu: Cpu,
    threads: usize,
    first: usize,
    m: M,
    f: &(dyn Fn(usize, M) -> f64 + Sync),
) -> f64 {
    let (rows, _) = m.shape();
    if rows <= LEAF_ROWS {
        return f(first, m);
    }
    let cut = rows.div_ceil(LEAF_ROWS).div_ceil(2) * LEAF_ROWS;
    let (head, tail) = m.split_rows_at(cut);
    let (a, b) = if threads < 2 {
        (sum_tree(cpu, 1, first, head, f), sum_tree(cpu, 1, first + cut, tail, f))
    } else {
        let half = threads / 2;
        join(
            cpu,
            || sum_tree(cpu, half, first, head, f),
            || sum_tree(cpu, threads - half, first + cut, tail, f),
        )
    };
    a + b
}

#[cfg(all(test, feature = "rayon"))]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_divided_by_what_it_computes_or_by_what_it_moves() {
        let cpu = Cpu::detect();
        let threads = |shape| in_pool(2, || threads_for_product(cpu, shape));
        // One row of A, one step of k, and of each as many as compute more than they move.
        for shape in [(1, 512, 512), (512, 512, 1), (784, 128, 1), (64, 128, 128)] {
            assert_eq!(threads(shape), 2, "{shape:?}");
            assert_eq!(threads_for_product(Cpu::serial(), shape), 1, "{shape:?}");
        }
        for shape in [(1, 300, 300), (200, 300, 1), (60, 80, 100), (0, 0, 0), (0, 0, 1 << 20)] {
            assert_eq!(threads(shape), 1, "{shape:?}");
        }
        let most = usize::MAX;
        for shape in [(most, most, most), (most, 1, 0), (0, most, most)] {
            assert_eq!(threads(shape), 2, "{shape:?}");
        }
    }
}

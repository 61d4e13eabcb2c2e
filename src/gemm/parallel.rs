//! Which part of C each thread computes: C is halved until there is a piece for every thread.
//!
//! Pieces are whole tiles of every level. Each thread packs what its piece reads into its own
//! part of the scratch. No element is computed in parts, so the split changes no result.

use super::blocking::{Blocking, Problem};
use super::macro_kernel::{five_loops, one_block};
use super::tile_shape::TileShape;
use super::{Product, portable};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::parallel::{join, threads_for};
use crate::scratch::Scratch;
use crate::simd::{Level, Simd};
use crate::tensor::ViewMut;

/// Rows and columns that pieces are multiples of: whole tiles at every level.
const PIECE: (usize, usize) = (12, 32);

/// Multiply-adds a nanosecond that one core is assumed to do when work is divided.
const MACS_PER_NS: u64 = 50;

/// Computes `product` into `c`, on as many threads as the work is worth.
pub(super) fn product(
    cpu: Cpu,
    scratch: &mut Scratch,
    product: &Product<'_>,
    c: ViewMut<'_>,
) -> Result<()> {
    let (m, n) = c.shape();
    if is_one_block(product, (m, n)) {
        one_block_on(cpu.level(), product, c);
        return Ok(());
    }
    let work = (m as u64).saturating_mul(n as u64).saturating_mul(product.a.cols() as u64);
    let pieces = m.div_ceil(PIECE.0).saturating_mul(n.div_ceil(PIECE.1));
    let threads = threads_for(cpu, work / MACS_PER_NS).min(pieces);
    let blocking = blocking(cpu, product, (m, n));
    let each = blocking.scratch();
    let scratch = scratch.take(each.saturating_mul(threads))?;
    divide(cpu, threads, blocking, scratch, product, c);
    Ok(())
}

/// Whether the product is so small that both operands are best read where they are.
#[inline(always)]
fn is_one_block(product: &Product<'_>, (m, n): (usize, usize)) -> bool {
    let k = product.a.cols();
    product.b.col_step() == 1
        && n <= 256
        && k <= 256
        && m <= 4096
        && k * n <= 10 << 10
        && m * k <= 32 << 10
        && m * n * k <= 1 << 20
}

fn one_block_on(level: Level, product: &Product<'_>, c: ViewMut<'_>) {
    match level {
        Level::Portable => portable::product(product, c),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => s.vectorize(
            #[inline(always)]
            || one_block(s, level, product, c),
        ),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => s.vectorize(
            #[inline(always)]
            || one_block(s, level, product, c),
        ),
    }
}

/// Block sizes for the whole product, which fit any piece of it.
fn blocking(cpu: Cpu, product: &Product<'_>, (m, n): (usize, usize)) -> Blocking {
    fn of<S: TileShape>(_: S, cpu: Cpu, product: &Product<'_>, m: usize, n: usize) -> Blocking {
        let problem = Problem {
            m,
            n,
            k: product.a.cols(),
            mr: S::MR,
            nr: S::NR,
            a_row_step: product.a.row_step(),
            b_rows_contiguous: product.b.col_step() == 1,
        };
        Blocking::new(cpu.caches(), problem)
    }
    match cpu.level() {
        Level::Portable => Blocking { mc: 1, kc: 1, nc: 1, pack_a: false, pack_b: false },
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => of(s, cpu, product, m, n),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => of(s, cpu, product, m, n),
    }
}

/// Halves the longer side of C, counted in pieces, until one thread is left for each part.
fn divide(
    cpu: Cpu,
    threads: usize,
    blocking: Blocking,
    scratch: &mut [f32],
    product: &Product<'_>,
    c: ViewMut<'_>,
) {
    let (m, n) = c.shape();
    let (tall, wide) = (m.div_ceil(PIECE.0), n.div_ceil(PIECE.1));
    if threads < 2 || tall.max(wide) < 2 {
        return serial(cpu.level(), blocking, scratch, product, c);
    }
    let first = threads / 2;
    let by_rows = tall >= wide;
    let cut = |pieces: usize, unit: usize| (pieces * first / threads).max(1) * unit;
    let (head_c, tail_c, head, tail) = if by_rows {
        let cut = cut(tall, PIECE.0);
        let (head_c, tail_c) = c.split_rows_at(cut);
        (head_c, tail_c, product.part((0, 0), (cut, n)), product.part((cut, 0), (m - cut, n)))
    } else {
        let cut = cut(wide, PIECE.1);
        let (head_c, tail_c) = c.split_cols_at(cut);
        (head_c, tail_c, product.part((0, 0), (m, cut)), product.part((0, cut), (m, n - cut)))
    };
    let (head_scratch, tail_scratch) = scratch.split_at_mut(blocking.scratch() * first);
    join(
        cpu,
        || divide(cpu, first, blocking, head_scratch, &head, head_c),
        || divide(cpu, threads - first, blocking, tail_scratch, &tail, tail_c),
    );
}

impl<'a> Product<'a> {
    /// The part that computes `rows x cols` elements of C from `(row, col)` on.
    fn part(&self, (row, col): (usize, usize), (rows, cols): (usize, usize)) -> Product<'a> {
        let k = self.a.cols();
        Product {
            a: self.a.block((row, 0), (rows, k)),
            b: self.b.block((0, col), (k, cols)),
            start: super::macro_kernel::start_at(self.start, col),
            epilogue: self.epilogue,
            origin: (self.origin.0 + row, self.origin.1 + col),
        }
    }
}

/// One piece, on this thread. Dispatch happens here, inside the job.
fn serial(
    level: Level,
    blocking: Blocking,
    scratch: &mut [f32],
    product: &Product<'_>,
    c: ViewMut<'_>,
) {
    match level {
        Level::Portable => portable::product(product, c),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => s.vectorize(
            #[inline(always)]
            || five_loops(s, level, blocking, scratch, product, c),
        ),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => s.vectorize(
            #[inline(always)]
            || five_loops(s, level, blocking, scratch, product, c),
        ),
    }
}

//! Which path a product takes, and which part of C each thread computes.
//!
//! C is halved until there is a piece for every thread. Pieces are whole tiles. Each thread packs
//! what its piece reads into its own part of the scratch. No element is computed in parts, so
//! neither the path nor the split changes a result.

use core::mem::take;

use super::blocking::{Blocking, Problem, is_one_block, is_streamed};
use super::epilogue::Beside;
use super::macro_kernel::{five_loops, one_block};
use super::stream::stream;
use super::tile_shape::TileShape;
use super::{Product, portable};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::parallel::{join, threads_for_product};
use crate::scratch::Scratch;
use crate::simd::{Level, Simd};
use crate::tensor::ViewMut;

/// Elements of a product that are handed to the epilogue at once where it is consumed, or a strip:
/// half of a first-level cache, so that the tiles' own data is not evicted for every few rows.
const CONSUMED: usize = 4096;

/// What the path of a product depends on, and the scratch that it takes.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// `(m, n, k)`
    pub shape: (usize, usize, usize),
    /// Distance between the rows of A.
    pub a_row_step: usize,
    /// Distance between the rows of a B that can be read in place, a row at a time.
    pub b_row_step: Option<usize>,
    /// Steps of k in the blocks of a B that was packed beforehand.
    pub packed_kc: Option<usize>,
    pub is_consumed: bool,
}

impl Form {
    #[inline(always)]
    fn is_read_in_place(&self) -> bool {
        self.b_row_step.is_some() && is_one_block(self.shape)
    }
}

/// How a product is computed.
#[derive(Clone, Copy)]
enum Path {
    /// Tiles alone, both operands read in place.
    OneBlock,
    /// Few rows: B passes by once.
    Stream,
    /// The five loops.
    Blocks(Blocking),
}

/// A path, and what a piece of C is a multiple of.
#[derive(Clone, Copy)]
struct Plan {
    path: Path,
    unit: (usize, usize),
    /// Elements of the buffer of a consumed product.
    strip: usize,
}

/// Computes `product` into `c`, which has elements, on as many threads as the work is worth.
pub(super) fn product(
    cpu: Cpu,
    scratch: &mut Scratch,
    product: &Product<'_>,
    c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) -> Result<()> {
    let Some((threads, plan)) = planned(cpu, product.form(c.shape())) else {
        run_one_block(cpu.level(), &mut [], product, c, beside);
        return Ok(());
    };
    let scratch = scratch.take(plan.scratch().saturating_mul(threads))?;
    divide(cpu, (threads, plan), scratch, product, c, beside);
    Ok(())
}

/// Elements of scratch that a product of that form takes, which has elements.
pub(super) fn scratch(cpu: Cpu, form: Form) -> usize {
    planned(cpu, form).map_or(0, |(threads, plan)| plan.scratch().saturating_mul(threads))
}

/// The threads and the path of a product; none if it is one block for this thread.
#[inline(always)]
fn planned(cpu: Cpu, form: Form) -> Option<(usize, Plan)> {
    let threads = threads_for_product(cpu, form.shape);
    if threads == 1 && !form.is_consumed && form.is_read_in_place() {
        return None;
    }
    let (plan, (m, n, _)) = (plan(cpu, form), form.shape);
    let pieces = m.div_ceil(plan.unit.0).saturating_mul(n.div_ceil(plan.unit.1));
    Some((threads.min(pieces), plan))
}

/// The path of the whole product, which serves any piece of it.
fn plan(cpu: Cpu, form: Form) -> Plan {
    fn of<S: TileShape>(_: S, cpu: Cpu, form: Form) -> Plan {
        let Form { shape: (m, n, k), a_row_step, b_row_step, packed_kc, is_consumed } = form;
        let in_rows = b_row_step.is_some() && !is_consumed;
        let path = if form.is_read_in_place() {
            Path::OneBlock
        } else if in_rows && is_streamed((m, n, k), cpu.caches()) {
            Path::Stream
        } else {
            let (mr, nr) = (S::MR, S::NR);
            let problem =
                Problem { m, n, k, mr, nr, a_row_step, b_row_step, packed_kc, is_consumed };
            Path::Blocks(Blocking::new(cpu.caches(), problem))
        };
        let widest = if let Path::Blocks(blocking) = path { blocking.nc.min(n) } else { n };
        let strip = if is_consumed { CONSUMED.max(S::MR * widest) } else { 0 };
        Plan { path, unit: (S::MR, S::NR), strip }
    }
    match cpu.level() {
        // `portable` knows one path.
        Level::Portable => Plan { path: Path::OneBlock, unit: (8, 8), strip: 0 },
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(s) => of(s, cpu, form),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(s) => of(s, cpu, form),
    }
}

impl Plan {
    /// Elements of scratch for each thread.
    fn scratch(&self) -> usize {
        let packed = match self.path {
            Path::Blocks(blocking) => blocking.scratch(),
            Path::OneBlock | Path::Stream => 0,
        };
        packed.saturating_add(self.strip)
    }

    /// Whether to cut a C of `tall x wide` units by rows: its longer side, but what is packed
    /// should not be packed by several threads.
    fn by_rows(&self, threads: usize, (tall, wide): (usize, usize)) -> bool {
        match self.path {
            Path::Stream => false,
            Path::Blocks(b) if b.pack_b && !b.pack_a && wide >= 2 * threads => false,
            Path::Blocks(b) if b.pack_a && !b.pack_b && tall >= 2 * threads => true,
            _ => tall >= wide,
        }
    }
}

/// Halves C, a side of it counted in units, until one thread is left for each part.
fn divide(
    cpu: Cpu,
    (threads, plan): (usize, Plan),
    scratch: &mut [f32],
    product: &Product<'_>,
    c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) {
    let (m, n) = c.shape();
    let (tall, wide) = (m.div_ceil(plan.unit.0), n.div_ceil(plan.unit.1));
    let by_rows = plan.by_rows(threads, (tall, wide));
    let (pieces, unit) = if by_rows { (tall, plan.unit.0) } else { (wide, plan.unit.1) };
    if threads < 2 || pieces < 2 {
        return run(cpu.level(), plan.path, scratch, product, c, beside);
    }
    let first = threads / 2;
    let cut = (pieces * first / threads).max(1) * unit;
    let (head, tail) = if by_rows {
        (product.part((0, 0), (cut, n)), product.part((cut, 0), (m - cut, n)))
    } else {
        (product.part((0, 0), (m, cut)), product.part((0, cut), (m, n - cut)))
    };
    let (head_c, tail_c) = halves(c, by_rows, cut);
    let beside = beside.map(|beside| take(beside).split(|matrix| halves(matrix, by_rows, cut)));
    let (mut head_beside, mut tail_beside) = beside.unzip();
    let (head_scratch, tail_scratch) = scratch.split_at_mut(plan.scratch() * first);
    let rest = threads - first;
    join(
        cpu,
        || divide(cpu, (first, plan), head_scratch, &head, head_c, head_beside.as_mut()),
        || divide(cpu, (rest, plan), tail_scratch, &tail, tail_c, tail_beside.as_mut()),
    );
}

fn halves(matrix: ViewMut<'_>, by_rows: bool, cut: usize) -> (ViewMut<'_>, ViewMut<'_>) {
    if by_rows { matrix.split_rows_at(cut) } else { matrix.split_cols_at(cut) }
}

impl<'a> Product<'a> {
    /// What its path depends on, for a C of that shape.
    #[inline(always)]
    fn form(&self, (m, n): (usize, usize)) -> Form {
        let packed_kc = self.packed.map(|packed| packed.kc);
        let in_rows = self.b.col_step() == 1 && packed_kc.is_none();
        Form {
            shape: (m, n, self.a.cols()),
            a_row_step: self.a.row_step(),
            b_row_step: in_rows.then_some(self.b.row_step()),
            packed_kc,
            is_consumed: self.is_consumed,
        }
    }

    /// The part that computes `rows x cols` elements of C from `(row, col)` on.
    fn part(&self, (row, col): (usize, usize), (rows, cols): (usize, usize)) -> Product<'a> {
        let k = self.a.cols();
        Product {
            a: self.a.block((row, 0), (rows, k)),
            b: self.b.block((0, col), (k, cols)),
            packed: self.packed,
            start: self.start.columns(col, cols),
            epilogue: self.epilogue,
            origin: (self.origin.0 + row, self.origin.1 + col),
            is_consumed: self.is_consumed,
        }
    }
}

/// Runs `$body` compiled for the level, with its token as `$s`.
macro_rules! at_level {
    ($level:expr, $portable:expr, $s:ident => $body:expr) => {
        match $level {
            Level::Portable => $portable,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2($s) => $s.vectorize(
                #[inline(always)]
                || $body,
            ),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512($s) => $s.vectorize(
                #[inline(always)]
                || $body,
            ),
        }
    };
}

/// One piece, on this thread. Dispatch happens here, inside the job, and each path is compiled on its
/// own: together they are too much for the optimizer.
fn run(
    level: Level,
    path: Path,
    scratch: &mut [f32],
    product: &Product<'_>,
    c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) {
    match path {
        Path::OneBlock => run_one_block(level, scratch, product, c, beside),
        Path::Stream => at_level!(level, portable::product(product, c, beside), s => {
            stream(s, level, product, c, beside)
        }),
        Path::Blocks(blocking) => at_level!(level, portable::product(product, c, beside), s => {
            five_loops(s, level, blocking, scratch, product, c, beside)
        }),
    }
}

fn run_one_block(
    level: Level,
    scratch: &mut [f32],
    product: &Product<'_>,
    c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) {
    at_level!(level, portable::product(product, c, beside), s => {
        one_block(s, level, scratch, product, c, beside)
    })
}

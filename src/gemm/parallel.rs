//! Which path a product takes, and which part of C each thread computes.
//!
//! C is halved until there is a piece for every thread. Pieces are whole tiles. Each thread packs
//! what its piece reads into its own part of the scratch. No element is computed in parts, so
//! neither the path nor the split changes a result.

use core::mem::take;

use super::blocking::{Blocking, Problem, is_one_block, is_streamed, is_turned};
use super::epilogue::Beside;
use super::macro_kernel::{five_loops, one_block};
use super::stream::stream;
use super::tile_shape::TileShape;
use super::turned::turned;
use super::{Product, portable};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::parallel::{join, threads_for_product};
use crate::scratch::Scratch;
use crate::simd::{Caches, Level, Simd};
use crate::tensor::ViewMut;

/// Elements of a product that are handed to the epilogue at once where it is consumed, or a strip:
/// half of a first-level cache, so that the tiles' own data is not evicted for every few rows.
const CONSUMED: usize = 4096;

/// What the path of a product depends on, and the scratch that it takes.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// `(m, n, k)`
    pub shape: (usize, usize, usize),
    /// Distances between the rows and between the columns of A, and of B.
    pub a_steps: (usize, usize),
    pub b_steps: (usize, usize),
    /// Steps of k in the blocks of a B that was packed beforehand.
    pub packed_kc: Option<usize>,
    pub is_consumed: bool,
}

impl Form {
    /// B can be read in place, a row at a time.
    #[inline(always)]
    fn b_has_rows(&self) -> bool {
        self.b_steps.1 == 1 && self.packed_kc.is_none()
    }

    #[inline(always)]
    fn is_read_in_place(&self) -> bool {
        self.b_has_rows() && is_one_block(self.shape)
    }

    #[inline(always)]
    fn is_turned(&self, level: Level) -> bool {
        level != Level::Portable
            && self.packed_kc.is_none()
            && !self.is_consumed
            && is_turned(level.lanes(), self.shape, (self.a_steps.0 == 1, self.b_has_rows()))
    }

    /// That of the transposed product.
    fn turned(&self) -> Form {
        let ((m, n, k), (a_row, a_col), (b_row, b_col)) = (self.shape, self.a_steps, self.b_steps);
        Form { shape: (n, m, k), a_steps: (b_col, b_row), b_steps: (a_col, a_row), ..*self }
    }

    #[inline(always)]
    fn blocking<S: TileShape>(&self, _: S, caches: Caches) -> Blocking {
        let (m, n, k) = self.shape;
        let problem = Problem {
            m,
            n,
            k,
            mr: S::MR,
            nr: S::NR,
            a_row_step: self.a_steps.0,
            b_row_step: self.b_has_rows().then_some(self.b_steps.0),
            packed_kc: self.packed_kc,
            is_consumed: self.is_consumed,
        };
        Blocking::new(caches, problem)
    }
}

/// How a product is computed.
#[derive(Clone, Copy)]
pub(super) enum Path {
    /// Tiles alone, both operands read in place.
    OneBlock,
    /// Few rows: B passes by once.
    Stream,
    /// The five loops.
    Blocks(Blocking),
    /// The five loops, which compute the transposition of C.
    Turned(Blocking),
}

/// A path, and what a piece of C is a multiple of.
#[derive(Clone, Copy)]
struct Plan {
    path: Path,
    unit: (usize, usize),
    /// Elements of the buffer of a consumed product, or of a transposed one.
    buffer: usize,
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
    let is_small = threads == 1 && !form.is_consumed && form.is_read_in_place();
    if is_small && !form.is_turned(cpu.level()) {
        return None;
    }
    let (plan, (m, n, _)) = (plan(cpu, form), form.shape);
    let pieces = m.div_ceil(plan.unit.0).saturating_mul(n.div_ceil(plan.unit.1));
    Some((threads.min(pieces), plan))
}

/// The path of the whole product, which serves any piece of it.
fn plan(cpu: Cpu, form: Form) -> Plan {
    fn of<S: TileShape>(s: S, cpu: Cpu, form: Form) -> Plan {
        let (shape, unit) = (form.shape, (S::MR, S::NR));
        if form.is_turned(cpu.level()) {
            let blocking = form.turned().blocking(s, cpu.caches());
            let (path, unit) = (Path::Turned(blocking), (S::NR, S::MR));
            return Plan { path, unit, buffer: shape.0 * shape.1 };
        }
        if form.is_read_in_place() {
            let buffer = if form.is_consumed { CONSUMED.max(S::MR * shape.1) } else { 0 };
            return Plan { path: Path::OneBlock, unit, buffer };
        }
        if form.b_has_rows() && !form.is_consumed && is_streamed(shape, cpu.caches()) {
            return Plan { path: Path::Stream, unit, buffer: 0 };
        }
        let blocking = form.blocking(s, cpu.caches());
        let widest = blocking.nc.min(shape.1);
        let buffer = if form.is_consumed { CONSUMED.max(S::MR * widest) } else { 0 };
        Plan { path: Path::Blocks(blocking), unit, buffer }
    }
    match cpu.level() {
        // `portable` knows one path.
        Level::Portable => Plan { path: Path::OneBlock, unit: (8, 8), buffer: 0 },
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
            Path::Blocks(blocking) | Path::Turned(blocking) => blocking.scratch(),
            Path::OneBlock | Path::Stream => 0,
        };
        packed.saturating_add(self.buffer)
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
        Form {
            shape: (m, n, self.a.cols()),
            a_steps: (self.a.row_step(), self.a.col_step()),
            b_steps: (self.b.row_step(), self.b.col_step()),
            packed_kc: self.packed.map(|packed| packed.kc),
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
pub(super) use at_level;

/// One piece, on this thread. Dispatch happens here, inside the job, and each path is compiled on its
/// own: together they are too much for the optimizer.
pub(super) fn run(
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
        Path::Turned(blocking) => turned(level, blocking, scratch, product, c, beside),
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

//! Which path a product takes, on how many threads, and how they share it.

use super::blocking::{Blocking, PackB, Problem};
use super::dot_kernel::MOST_COLUMNS;
use super::few_tiles::is_at_most;
use super::narrow;
use super::parts::{COPYING, Costs, Cut, IN_PLACE, MOST, PACKING, TURNING};
use super::paths::{
    are_few_dots, are_turned_dots, is_narrow, is_one_block, is_streamed, is_turned,
};
use super::tile_shape::{TileShape, tallest};
use crate::cpu::Cpu;
use crate::parallel::threads_for_product;
use crate::simd::{Caches, Level, QUAD};

/// Elements of a product that are handed to the epilogue at once where it is consumed, or a strip:
/// half of a first-level cache, so that the tiles' own data is not evicted for every few rows.
const CONSUMED: usize = 4096;

/// Multiply-adds up to which every strip of any number of rows turns a transposed B in registers, if that
/// fills half a tile: planning anything else takes longer.
const ANY_ROWS: usize = 8 << 10;

/// Those up to which one strip does so without a plan: one thread is enough.
const FEW_DOTS: usize = 64 << 10;

/// Columns that a part streams at least, if there are more parts than threads: what is fetched ahead of a row
/// ends with it.
const STREAMED: usize = 512;

/// Nanoseconds that threads take to meet after packing and to begin again, for each level of the two trees
/// in which they do.
const MEETING: f64 = 2_000.0;

/// What the path of a product depends on, and the scratch that it takes.
#[derive(Clone, Copy, Debug)]
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
    fn is_narrow(&self, level: Level) -> bool {
        level != Level::Portable && is_narrow(self.shape.1, self.shape.2)
    }

    #[inline(always)]
    fn is_turned(&self, level: Level) -> bool {
        level != Level::Portable
            && self.packed_kc.is_none()
            && !self.is_consumed
            && is_turned(
                (tallest(level), level.lanes()),
                self.shape,
                (self.a_steps.0 == 1, self.b_has_rows()),
            )
    }

    /// Elements of C are dot products of contiguous rows of A and columns of B.
    #[inline(always)]
    fn are_dots(&self) -> bool {
        let are_contiguous = self.a_steps.1 == 1 && self.b_steps.0 == 1 && self.b_steps.1 != 1;
        are_contiguous && self.packed_kc.is_none() && !self.is_consumed
    }

    /// The same, of few rows of A: [`Path::Dots`].
    #[inline(always)]
    fn are_few_dots(&self, level: Level) -> bool {
        self.are_dots() && are_few_dots(tallest(level), self.shape.0, self.shape.2)
    }

    /// The same, of few columns of B: the transposition is computed.
    #[inline(always)]
    fn are_turned_dots(&self, level: Level) -> bool {
        self.are_dots() && are_turned_dots(tallest(level), self.shape.1, self.shape.2)
    }

    /// The path is [`Path::Dots`], on one thread.
    #[inline(always)]
    pub fn needs_no_plan(&self, level: Level) -> bool {
        let (_, n, k) = self.shape;
        let are_few = is_at_most(ANY_ROWS, self.shape) && n >= MOST_COLUMNS / 2 && k >= QUAD
            || is_at_most(FEW_DOTS, self.shape) && self.are_few_dots(level);
        let has_kernels = level != Level::Portable && !self.is_narrow(level);
        self.are_dots() && are_few && has_kernels && !self.is_turned(level)
    }

    /// Elements of the buffer in which strips of so many columns are consumed, of `mr` rows at least.
    fn buffer(&self, mr: usize, cols: usize) -> usize {
        if self.is_consumed { CONSUMED.max(mr * cols.min(self.shape.1)) } else { 0 }
    }

    /// That of the transposed product.
    fn turned(&self) -> Form {
        let ((m, n, k), (a_row, a_col), (b_row, b_col)) = (self.shape, self.a_steps, self.b_steps);
        Form { shape: (n, m, k), a_steps: (b_col, b_row), b_steps: (a_col, a_row), ..*self }
    }

    /// Whether B passes by once, as it lies (see [`stream`](super::stream)). A row that is one tile does so too,
    /// and its sums stay in registers.
    #[inline(always)]
    fn is_streamed<S: TileShape>(&self, caches: Caches) -> bool {
        let (m, n, _) = self.shape;
        let has_rows = self.b_has_rows() && !self.is_consumed;
        has_rows && is_streamed(self.shape, caches) && !S::is_one_tile(m, n)
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
            b_col_step: self.are_dots().then_some(self.b_steps.1),
            packed_kc: self.packed_kc,
            is_consumed: self.is_consumed,
        };
        Blocking::new(caches, problem)
    }
}

/// How a product is computed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path {
    /// Tiles alone, both operands read in place.
    OneBlock,
    /// Few columns: vectors lie along k.
    Narrow,
    /// Few rows: B passes by once.
    Stream,
    /// Few rows and a transposed B, whose columns are turned in registers.
    Dots,
    /// The five loops.
    Blocks(Blocking),
    /// The transposition of C, by the five loops or as dot products.
    Turned(Option<Blocking>),
}

/// What was decided about a product.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub path: Path,
    pub threads: usize,
    /// The parts of C that the threads compute; all of it, if there is one.
    pub cut: Cut,
    /// Steps of k and columns of the blocks of B that all threads pack together, if they do.
    pub shared: Option<(usize, usize)>,
    /// Elements of the buffer of a consumed product, or of a transposed one; and of what is copied of a narrow B.
    buffer: usize,
}

impl Plan {
    /// None if the product is one block for this thread.
    #[inline(always)]
    pub(super) fn new(cpu: Cpu, form: Form) -> Option<Plan> {
        let threads = threads_for_product(cpu, form.shape);
        if form.is_narrow(cpu.level()) {
            return Some(Self::narrow(cpu, threads, form));
        }
        let is_small = threads == 1 && !form.is_consumed && form.is_read_in_place();
        if is_small && !form.is_turned(cpu.level()) {
            return None;
        }
        Some(match cpu.level() {
            Level::Portable => {
                // It is the only path there. It packs what it needs, in memory that it allocates: so one
                // part for each thread.
                let costs = Costs::new(8, true, PACKING);
                let cut = Cut::new((threads, 1), form.shape, (8, 8), costs);
                let path = Path::OneBlock;
                Plan { path, threads, cut, shared: None, buffer: 0 }.limited(form.shape.1, form)
            }
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(s) => Self::of(s, cpu, threads, form),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(s) => Self::of(s, cpu, threads, form),
        })
    }

    fn narrow(cpu: Cpu, threads: usize, form: Form) -> Plan {
        let cols = form.shape.1;
        let costs = Costs::new(cpu.level().lanes(), false, IN_PLACE).in_lanes();
        let cut = Cut::new((threads, MOST), form.shape, (MOST_COLUMNS, cols), costs);
        let room = narrow::room(cpu.level().lanes(), form.shape, (form.a_steps.1, form.b_steps.0));
        let block = if form.is_consumed { narrow::BLOCK } else { 0 };
        let plan = Plan { path: Path::Narrow, threads, cut, shared: None, buffer: room + block };
        if threads < 2 { plan } else { plan.limited(cols, form) }
    }

    fn of<S: TileShape>(s: S, cpu: Cpu, threads: usize, form: Form) -> Plan {
        let (shape, unit) = (form.shape, (S::MR, S::NR));
        let costs = |packs_a, b| Costs::new(S::LANES, packs_a, b);
        let cut = |unit, costs| Cut::new((threads, MOST), shape, unit, costs);
        let plan = |path, cut, buffer| Plan { path, threads, cut, shared: None, buffer };
        let plan = if form.is_turned(cpu.level()) {
            let turned = form.turned();
            // What is packed is that of the transposition, and dot products alone pack nothing.
            let blocking =
                (!form.are_turned_dots(cpu.level())).then(|| turned.blocking(s, cpu.caches()));
            let (unit, packs_a, b) = match blocking {
                Some(blocking) => {
                    let b = if blocking.pack_a { PACKING } else { IN_PLACE };
                    ((S::NR, S::MR), blocking.packs_b(), b)
                }
                None => ((MOST_COLUMNS, S::MR), false, IN_PLACE),
            };
            plan(Path::Turned(blocking), cut(unit, costs(packs_a, b).in_lanes()), shape.0 * shape.1)
        } else if form.are_few_dots(cpu.level()) {
            plan(Path::Dots, cut((S::MR, MOST_COLUMNS), costs(false, TURNING)), 0)
        } else if form.is_read_in_place() {
            plan(Path::OneBlock, cut(unit, costs(false, IN_PLACE)), form.buffer(S::MR, shape.1))
        } else if form.is_streamed::<S>(cpu.caches()) {
            let parts = MOST.min(shape.1 / STREAMED / threads).max(1);
            let costs = costs(false, IN_PLACE);
            plan(Path::Stream, Cut::new((threads, parts), shape, unit, costs), 0)
        } else {
            let blocking = form.blocking(s, cpu.caches());
            let b = match blocking.pack_b {
                PackB::Never => IN_PLACE,
                PackB::Before => PACKING,
                PackB::Copying | PackB::Turning => COPYING,
            };
            let own = cut(unit, costs(blocking.pack_a, b));
            let plan = plan(Path::Blocks(blocking), own, form.buffer(S::MR, blocking.nc));
            return plan.together(s, cpu, form, blocking).unwrap_or(plan.limited(shape.1, form));
        };
        plan.limited(shape.1, form)
    }

    /// The same where all threads pack B together, if that is expected to take less.
    #[inline(always)]
    fn together<S: TileShape>(&self, s: S, cpu: Cpu, form: Form, own: Blocking) -> Option<Plan> {
        let (m, n, k) = form.shape;
        if self.threads < 2 || !own.packs_b() || k == 0 {
            return None;
        }
        let cols = own.shared_columns(self.threads, n, S::NR)?;
        let shape = (m, cols, own.kc.min(k));
        let costs = Costs::shared(S::LANES, own.pack_a);
        let cut = Cut::new((self.threads, MOST), shape, (S::MR, S::NR), costs);
        let packing = PACKING * (cols * shape.2) as f64 / self.threads as f64;
        let meeting = MEETING * f64::from(1 + self.threads.ilog2());
        let rounds = (n.div_ceil(cols) * k.div_ceil(own.kc)) as f64;
        let takes_less = rounds * (packing + cut.ns + meeting) < self.cut.ns;
        let blocking = Form { packed_kc: Some(own.kc), ..form }.blocking(s, cpu.caches());
        let buffer = form.buffer(S::MR, blocking.nc);
        let (path, shared) = (Path::Blocks(blocking), Some((own.kc, cols)));
        takes_less.then_some(Plan { path, cut, shared, buffer, ..*self }.limited(cols, form))
    }

    /// With no more threads than there are parts in so many columns.
    fn limited(self, cols: usize, form: Form) -> Self {
        let parts = self.cut.count((form.shape.0, cols.min(form.shape.1)));
        Plan { threads: self.threads.min(parts), ..self }
    }

    /// Elements of scratch.
    pub(super) fn scratch(&self) -> usize {
        self.shared_scratch().saturating_add(self.own_scratch().saturating_mul(self.threads))
    }

    /// Elements of what all threads pack together.
    pub(super) fn shared_scratch(&self) -> usize {
        self.shared.map_or(0, |(kc, cols)| kc * cols)
    }

    /// Elements for each thread.
    pub(super) fn own_scratch(&self) -> usize {
        let packed = match self.path {
            Path::Blocks(blocking) | Path::Turned(Some(blocking)) => blocking.scratch(),
            Path::OneBlock | Path::Narrow | Path::Stream | Path::Dots | Path::Turned(None) => 0,
        };
        packed.saturating_add(self.buffer)
    }
}

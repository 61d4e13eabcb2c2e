//! C in parts, handed out to threads as they come for them.
//!
//! A core may have less to give than another: its other half is busy with something else, or it is one
//! of the small ones. So there are more parts than threads, and who is faster computes more of them. What
//! an element is does not depend on the part that it is in.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::epilogue::Beside;
use crate::parallel::MACS_PER_NS;
use crate::tensor::ViewMut;

/// Parts for each thread, at most: their ends are then an eighth of its work apart.
pub(super) const MOST: usize = 8;

/// Multiply-adds of a part at least, if there are more of them than threads: several times what a part
/// costs.
const WORTH: usize = 400_000;

/// Tiles of rows in a thread's only part from which on they are whole ones: so many are as good as even.
const FEW_UNITS: usize = 8;

/// Nanoseconds that an element of B takes to be packed.
pub(super) const PACKING: f64 = 0.25;

/// Nanoseconds that it takes to be packed by the first strip that reads it.
pub(super) const COPYING: f64 = 0.16;

/// Nanoseconds that it takes to be turned in registers.
pub(super) const TURNING: f64 = 0.08;

/// Nanoseconds that it takes to be read in place.
pub(super) const IN_PLACE: f64 = 0.03;

/// Nanoseconds that it takes to be read where all threads packed it: most of it comes from the caches of
/// others.
const SHARED: f64 = 0.1;

/// Nanoseconds for each row of a part, whose piece of C lies on a page of its own.
const ROW: f64 = 16.0;

/// Nanoseconds until a part is under way: its first rows come from a far cache.
const BEGIN: f64 = 1000.0;

/// Multiply-adds from which on a product is long.
const LONG: usize = 1 << 28;

/// What is computed of a part of a long product while other threads have nothing left. The smaller, the
/// fewer parts there are. Beside a core that has 0.6 of its rate a quarter is better for any product.
const LATE: f64 = 0.25;

/// The same of other products: with cores alike, as most are, their small parts cost them 5 to 15 % if they
/// are as many.
const LATE_IF_SHORT: f64 = 0.125;

/// What a part is expected to take.
#[derive(Clone, Copy)]
pub(super) struct Costs {
    macs_per_ns: f64,
    /// Nanoseconds for each element of A and of B that it reads, beside its multiply-adds.
    a: f64,
    b: f64,
    /// C may be cut between any two rows: they are rows of tiles, and none is packed with others.
    cuts_rows: bool,
}

impl Costs {
    /// Of vectors of so many lanes, an A in place, or packed by the part itself, and a B of so many
    /// nanoseconds.
    pub(super) fn new(lanes: usize, packs_a: bool, b: f64) -> Self {
        let macs_per_ns = (MACS_PER_NS as usize * lanes / 8) as f64;
        let a = if packs_a { 0.5 } else { 0.125 };
        Costs { macs_per_ns, a, b, cuts_rows: !packs_a }
    }

    /// The same where the rows of C are lanes of vectors, of which a part has whole ones.
    pub(super) fn in_lanes(self) -> Self {
        Costs { cuts_rows: false, ..self }
    }

    /// With a B that all threads packed.
    pub(super) fn shared(lanes: usize, packs_a: bool) -> Self {
        Self::new(lanes, packs_a, SHARED)
    }

    /// What a part takes, as measured with sides of 64 to 4,096 on one thread, and rounded: the thinner
    /// parts are the oftener are A and B read, and packed.
    fn of_part(self, (rows, cols, k): (usize, usize, usize)) -> f64 {
        let (rows, cols, k) = (rows as f64, cols as f64, k as f64);
        let multiplying = rows * cols * k / self.macs_per_ns;
        multiplying + rows * k * self.a + k * cols * self.b + ROW * rows + BEGIN
    }
}

/// How C is cut.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Rows and columns of a part.
    pub shape: (usize, usize),
    /// Nanoseconds after which all threads are expected to be done.
    pub ns: f64,
}

impl Cut {
    /// The parts, multiples of `unit` and at most so many for each thread, with which the threads are
    /// expected to be done soonest with a C of `(m, n)`, for a product over `k`. Few rows are cut
    /// anywhere if they may be.
    ///
    /// Of `N` parts some thread computes `N / threads`, rounded up, and [`LATE`] more.
    pub(super) fn new(
        (threads, at_most): (usize, usize),
        (m, n, k): (usize, usize, usize),
        unit: (usize, usize),
        costs: Costs,
    ) -> Self {
        let mut best = Cut { shape: (m, n), ns: f64::INFINITY };
        if threads < 2 {
            return best;
        }
        let (tall, wide) = (m.div_ceil(unit.0), n.div_ceil(unit.1));
        let macs = m.saturating_mul(n).saturating_mul(k);
        let late = if macs < LONG { LATE_IF_SHORT } else { LATE };
        let at_most = (macs / threads / WORTH).clamp(1, at_most);
        let most = at_most.saturating_mul(threads);
        // Parts below one another: halves again and again, one or several for each thread, or single units.
        let halves = (0..usize::BITS).map(|i| 1 << i).take_while(|&count| count <= most);
        let below = halves.chain((1..=at_most).map(|i| i * threads)).chain([tall]);
        for below in below.filter(|&count| count <= tall.min(most)) {
            for each in [1, 2, 4, MOST].into_iter().filter(|&each| each <= at_most) {
                let beside = (each * threads).div_ceil(below);
                // Three tiles for two threads are not two and one. (Of several parts for each, the one that
                // is smaller does no harm.)
                let is_each = below * beside <= threads;
                let is_even = costs.cuts_rows && is_each && tall < FEW_UNITS * below;
                let whole = m.min(tall.div_ceil(below) * unit.0);
                let rows = if is_even { m.div_ceil(below) } else { whole };
                let cols = n.min(wide.div_ceil(beside) * unit.1);
                let count = m.div_ceil(rows) * n.div_ceil(cols);
                let rounds = count.div_ceil(threads) as f64 + late;
                let ns = costs.of_part((rows, cols, k)) * rounds;
                if count <= most && ns < best.ns {
                    best = Cut { shape: (rows, cols), ns };
                }
            }
        }
        best
    }

    /// How many parts a C of `(m, n)` has.
    pub(super) fn count(&self, (m, n): (usize, usize)) -> usize {
        m.div_ceil(self.shape.0).saturating_mul(n.div_ceil(self.shape.1))
    }
}

/// A matrix and those beside it, cut into parts.
pub(super) struct Parts<'a> {
    c: ViewMut<'a>,
    beside: Option<Beside<'a>>,
    /// Rows and columns of a part, except for the last ones.
    shape: (usize, usize),
    /// Parts below one another.
    tall: usize,
    count: usize,
    next: AtomicUsize,
}

/// What one thread is to compute.
pub(super) struct Part<'a> {
    /// Where in C it begins.
    pub at: (usize, usize),
    pub c: ViewMut<'a>,
    pub beside: Option<Beside<'a>>,
}

impl<'a> Parts<'a> {
    /// The parts of `c`, which has elements. All that is beside it has its shape.
    pub(super) fn new(c: ViewMut<'a>, beside: Option<Beside<'a>>, cut: Cut) -> Self {
        let (tall, count) = (c.rows().div_ceil(cut.shape.0), cut.count(c.shape()));
        Parts { c, beside, shape: cut.shape, tall, count, next: AtomicUsize::new(0) }
    }

    /// A part that nobody has taken, if there is one: the next below, which needs the same of B.
    pub(super) fn take(&self) -> Option<Part<'a>> {
        // The counter cannot come round: nobody counts on once it is at the end.
        if self.next.load(Ordering::Relaxed) >= self.count {
            return None;
        }
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        if next >= self.count {
            return None;
        }
        let at = (next % self.tall * self.shape.0, next / self.tall * self.shape.1);
        // SAFETY: `next` is a number that no other call was given, so nobody else has this part, and
        // parts do not overlap. The matrices are borrowed for `'a`, and reached in no other way.
        let part = |matrix: &ViewMut<'a>| unsafe { matrix.shared_block(at, self.shape) };
        let beside = self.beside.as_ref().map(|beside| beside.map(part));
        Some(Part { at, c: part(&self.c), beside })
    }
}

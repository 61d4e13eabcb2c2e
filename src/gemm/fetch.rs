//! What is fetched before it is used, and how far ahead.

use super::blocking::Problem;
use super::micro_kernel::PANEL_VECTORS;
use crate::simd::{Caches, Simd};

/// Steps of k between fetching a row of B and using it: 48 cycles on AVX2, some more than L2 takes,
/// and 96 on AVX-512, in the tallest tile.
const STEPS_AHEAD: usize = 8;

/// [`Fetch::first`] of a B that is near, or that the first strip packs.
const NEAR: (usize, usize) = (STEPS_AHEAD, STEPS_AHEAD);

/// That of a packed B which comes from L3. Its panels lie one behind the other, so what is fetched at the end
/// of one is the next: 8 KiB ahead on AVX2 and 16 on AVX-512. L1 has no room for so much of several at once.
const FROM_L3: (usize, usize) = (128, STEPS_AHEAD);

/// That of a packed B which L3 does not hold.
const FROM_MEMORY: (usize, usize) = (128, 32);

/// Lines of a set of L1 that hold what is fetched from rows a multiple of 4 kB apart beside what is
/// in use. A way of it has 4 kB, on every processor with these levels.
const WAYS: usize = 12;

/// What is fetched before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fetch {
    /// Steps of k between fetching a row of B and using it, in the first strip of rows: in tiles of one
    /// panel, and in wider ones. Later strips find B in L2.
    pub first: (usize, usize),
    /// Rows of B that lie far apart.
    pub far: bool,
    /// The next panel of a B in place, instead of the rows of this one: in few steps of k.
    pub panel: bool,
    /// The next rows of A, which passes by from a far cache or from memory, in rows without gaps.
    pub a: bool,
}

impl Fetch {
    /// For blocks of `kc` steps of k; `b_row_step` is that of a B in place.
    pub fn new(caches: Caches, p: Problem, b_row_step: Option<usize>, kc: usize) -> Self {
        let floats = |bytes: usize| bytes / size_of::<f32>();
        let first = match p.n.saturating_mul(p.k) {
            _ if p.packed_kc.is_none() => NEAR,
            size if size > floats(caches.l3) => FROM_MEMORY,
            size if size > floats(caches.l2) => FROM_L3,
            _ => NEAR,
        };
        let none = Fetch { first, far: Self::far(caches), panel: false, a: false };
        // Two micro-panels of A have room in L1, and so have two panels of B beside one.
        let a_is_near = 2 * p.mr * p.k.min(kc) <= floats(caches.l1) && p.k <= kc;
        let is_short = 3 * p.nr * p.k.min(kc) <= floats(caches.l1);
        let step = b_row_step.filter(|&step| none.reaches(step));
        Fetch {
            panel: is_short && step.is_some_and(|step| has_next_panel(p.m, p.mr, step)),
            a: a_is_near && p.a_row_step == p.k && p.m.saturating_mul(p.k) >= floats(caches.l2 / 2),
            ..none
        }
    }

    /// For a problem that is one block of `m` rows and `k` steps, with a B in or near L1.
    pub fn in_one_block(m: usize, k: usize, mr: usize, b_row_step: usize) -> Self {
        let panel = k <= 128 && has_next_panel(m, mr, b_row_step);
        Fetch { first: NEAR, far: false, panel, a: false }
    }

    /// Whether L1 has room for rows of B that lie far apart.
    pub fn far(caches: Caches) -> bool {
        caches.l1 >> 12 >= WAYS
    }

    /// Whether rows of B so far apart are fetched: far apart they share sets of L1, and fetched into too few
    /// ways they evict what is in use.
    #[inline(always)]
    pub fn reaches(&self, step: usize) -> bool {
        step < 512 || self.far
    }

    /// Distance from a row of B to what tiles of so many vectors fetch meanwhile; rows are `step` apart.
    #[inline(always)]
    pub fn ahead<S: Simd>(&self, step: usize, vectors: usize, is_first: bool) -> usize {
        let steps = match self.first {
            _ if self.panel => return PANEL_VECTORS * S::LANES,
            _ if !is_first => STEPS_AHEAD,
            (steps, _) if vectors <= PANEL_VECTORS => steps,
            (_, steps) => steps,
        };
        if self.reaches(step) { steps * step } else { 0 }
    }
}

/// Whether fetching the next panel pays: B is read by more than one strip of rows, whose tiles are narrow
/// then, and its rows do not share sets of L1.
fn has_next_panel(m: usize, mr: usize, b_row_step: usize) -> bool {
    m > mr && !b_row_step.is_multiple_of(256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Portable;

    /// Of 300 rows on AVX-512, with 1 MiB of L2 and 32 of L3.
    fn fetch((n, k): (usize, usize), packed_kc: Option<usize>) -> Fetch {
        let caches = Caches { l1: 32 << 10, l2: 1 << 20, l3: 32 << 20 };
        let problem = Problem {
            m: 300,
            n,
            k,
            mr: 12,
            nr: 32,
            a_row_step: k,
            b_row_step: None,
            b_col_step: None,
            packed_kc,
            is_consumed: false,
        };
        Fetch::new(caches, problem, None, 512)
    }

    #[test]
    fn a_packed_b_is_fetched_from_as_far_as_it_lies() {
        for ((n, k), first) in [
            ((512, 512), NEAR),
            ((512, 513), FROM_L3),
            ((4096, 2048), FROM_L3),
            ((4096, 2049), FROM_MEMORY),
            ((usize::MAX, 2), FROM_MEMORY),
        ] {
            assert_eq!(fetch((n, k), Some(512)).first, first, "{n} {k}");
            assert_eq!(fetch((n, k), None).first, NEAR, "{n} {k}, not packed");
        }
    }

    #[test]
    fn only_the_first_strip_fetches_from_afar_and_wide_tiles_less_of_each_panel() {
        let (near, far) = (fetch((64, 64), Some(64)), fetch((4096, 4096), Some(512)));
        let steps = |fetch: Fetch, vectors, is_first| {
            let ahead = fetch.ahead::<Portable<3>>(6, vectors, is_first);
            assert_eq!(ahead % 6, 0);
            ahead / 6
        };
        for vectors in [1, 2, 3, 12] {
            assert_eq!(steps(far, vectors, true), if vectors <= 2 { 128 } else { 32 });
            assert_eq!(steps(far, vectors, false), STEPS_AHEAD);
            assert_eq!(
                [true, false].map(|is_first| steps(near, vectors, is_first)),
                [STEPS_AHEAD; 2]
            );
        }
    }

    #[test]
    fn rows_that_lie_too_far_apart_are_not_fetched() {
        let near = fetch((64, 64), None);
        let ahead = |fetch: Fetch, step| fetch.ahead::<Portable<3>>(step, 2, true);
        assert_eq!([511, 512].map(|step| ahead(near, step)), [8 * 511, 0]);
        assert_eq!(ahead(Fetch { far: true, ..near }, 512), 8 * 512);
        // The next panel is two vectors of three elements away, however far apart the rows are.
        assert_eq!(ahead(Fetch { panel: true, ..near }, 512), 6);
    }
}

//! The laws of block sizes.

use super::blocking::{Blocking, Problem, block_of_k};
use super::tile_shape::TileShape;
use crate::simd::{Caches, Portable};

const MR: usize = <Portable<3> as TileShape>::MR;
const NR: usize = <Portable<3> as TileShape>::NR;

#[test]
fn blocks_are_equal_shares_in_whole_tiles() {
    let sizes = [0, 1, 5, 6, 7, 16, 31, 32, 33, 255, 256, 257, 1000, 4096];
    // Rows of A as they are, a multiple of 4 kB apart, and transposed; with B packed beforehand, or
    // a product that is consumed.
    let row_steps = |k: usize| {
        let kinds = [(false, false), (true, false), (false, true)];
        [k, 1024, 1].into_iter().flat_map(move |step| kinds.map(|kind| (step, kind)))
    };
    let l2s = [0, 1 << 10, 32 << 10, 256 << 10, 1 << 20, (1 << 20) + 77, usize::MAX];
    for (mr, nr) in [(6, 16), (12, 32), (MR, NR)] {
        for l2 in l2s {
            let shapes = sizes
                .into_iter()
                .flat_map(|m| sizes.into_iter().flat_map(move |n| sizes.map(move |k| (m, n, k))));
            let problems = shapes.flat_map(|s| row_steps(s.2).map(move |step| (s, step)));
            for ((m, n, k), (a_row_step, (b_is_packed, is_consumed))) in problems {
                let caches = Caches { l2, ..Caches::FALLBACK };
                let b_row_step = (n % 2 == 0 && !b_is_packed).then_some(n);
                let packed_kc = b_is_packed.then(|| block_of_k(caches, k));
                let problem =
                    Problem { m, n, k, mr, nr, a_row_step, b_row_step, packed_kc, is_consumed };
                let Blocking { mc, kc, nc, pack_a, pack_b, fetch_far } =
                    Blocking::new(caches, problem);
                assert!(nc >= nr && nc.is_multiple_of(nr), "nc = {nc}, {problem:?} {l2}");
                assert!(kc.is_multiple_of(4) && kc >= 4, "kc = {kc}, {problem:?} {l2}");
                let longest = if l2 >= 2 << 20 { 1024 } else { 512 };
                assert!(
                    if is_consumed { kc >= k } else { kc <= longest },
                    "kc = {kc}, {problem:?}"
                );
                // In bytes: B's block takes half of the second-level cache at most, A's 1 MiB.
                let steps = if is_consumed { k } else { kc.min(512) };
                assert!(
                    nc <= 64.max(nr) || nc * steps * 4 <= l2 / 2,
                    "nc = {nc}, {problem:?} {l2}"
                );
                assert!(!fetch_far, "32 kB have 8 ways");
                if pack_a {
                    assert!(mc >= mr && mc.is_multiple_of(mr), "mc = {mc}, {problem:?} {l2}");
                    assert!(mc * kc * 4 <= 1 << 20, "mc = {mc}, {problem:?} {l2}");
                } else {
                    assert_eq!(mc, m.max(1), "{problem:?} {l2}");
                }
                // No sliver is left at the end: blocks differ by less than a tile on average.
                for (size, block, unit) in [(m, mc, mr), (n, nc, nr), (k, kc, 4)] {
                    let count = size.div_ceil(block).max(1);
                    assert!(
                        block * count < size + unit * count + unit,
                        "{block} {size} {problem:?} {l2}"
                    );
                }
                let is_readable = b_row_step.is_some() || b_is_packed;
                assert!(pack_b || is_readable, "columns of B are packed, {problem:?}");
                assert!(!pack_b || !b_is_packed, "B is packed again, {problem:?}");
                // Where a block of a packed weight starts follows from the blocks of k alone.
                assert!(packed_kc.is_none_or(|long| kc == long), "kc = {kc}, {problem:?} {l2}");
            }
        }
    }
}

#[test]
fn a_is_packed_where_reading_it_in_place_is_slow() {
    // The other tests of packed blocks of A rely on these limits, for both levels.
    for (mr, nr, most) in [(6, 16, 510), (12, 32, 504)] {
        let blocking = |m, n, a_row_step| {
            let problem = Problem {
                m,
                n,
                k: 512,
                mr,
                nr,
                a_row_step,
                b_row_step: Some(n),
                packed_kc: None,
                is_consumed: false,
            };
            Blocking::new(Caches::FALLBACK, problem)
        };
        let wide = 8 * nr + 1;
        assert!(blocking(mr, wide, 1).pack_a);
        assert!(!blocking(mr, wide - 1, 1).pack_a && !blocking(mr - 1, wide, 1).pack_a);
        assert_eq!(
            [most, most + 1, 2 * most + 1].map(|m: usize| m.div_ceil(blocking(m, wide, 1).mc)),
            [1, 2, 3]
        );
        for (row_step, collide) in [(512, false), (1023, false), (1024, true), (2048, true)] {
            assert_eq!(blocking(50, wide, row_step).pack_a, collide && mr == 12, "{row_step}");
        }
    }
}

//! The laws of block sizes.

use super::blocking::{Blocking, PackB, Problem, block_of_k};
use super::paths::{is_streamed, is_turned};
use super::tile_shape::TileShape;
use crate::simd::{Caches, Portable};

const MR: usize = <Portable<3> as TileShape>::MR;
const NR: usize = <Portable<3> as TileShape>::NR;

#[test]
fn blocks_are_equal_shares_in_whole_tiles() {
    let sizes = [0, 1, 3, 4, 5, 6, 7, 16, 31, 32, 33, 255, 256, 257, 1000, 4096, 4097];
    // Rows of A as they are, a multiple of 4 kB apart, and transposed; with B packed beforehand, or
    // a product that is consumed.
    let row_steps = |k: usize| {
        let kinds = [(false, false), (true, false), (false, true)];
        [k, 1024, 1].into_iter().flat_map(move |step| kinds.map(|kind| (step, kind)))
    };
    let l2s = [0, 1 << 10, 32 << 10, 256 << 10, (2 << 20) - 1, 2 << 20, 4 << 20, usize::MAX];
    let all_caches = l2s
        .into_iter()
        .flat_map(|l2| [32 << 10, 48 << 10].map(|l1| Caches { l1, l2, ..Caches::FALLBACK }));
    for ((mr, nr), caches) in
        all_caches.flat_map(|caches| [(6, 16), (12, 32), (MR, NR)].map(|tile| (tile, caches)))
    {
        let shapes = sizes
            .into_iter()
            .flat_map(|m| sizes.into_iter().flat_map(move |n| sizes.map(move |k| (m, n, k))));
        let problems = shapes.flat_map(|s| row_steps(s.2).map(move |step| (s, step)));
        for ((m, n, k), (a_row_step, (b_is_packed, is_consumed))) in problems {
            let problem = Problem {
                m,
                n,
                k,
                mr,
                nr,
                a_row_step,
                b_row_step: (n % 2 == 0 && !b_is_packed).then_some(n),
                b_col_step: (n % 2 == 1 && a_row_step > 1 && !b_is_packed && !is_consumed)
                    .then_some(k),
                packed_kc: b_is_packed.then(|| block_of_k(caches, k)),
                is_consumed,
            };
            laws(caches, problem);
        }
    }
}

fn laws(caches: Caches, problem: Problem) {
    let Problem { m, n, k, mr, nr, b_row_step, b_col_step, packed_kc, is_consumed, .. } = problem;
    let l2 = caches.l2;
    let Blocking { mc, kc, nc, pack_a, pack_b, fetch } = Blocking::new(caches, problem);
    assert!(nc >= nr && nc.is_multiple_of(nr), "nc = {nc}, {problem:?} {l2}");
    assert!(kc.is_multiple_of(4) && kc >= 4, "kc = {kc}, {problem:?} {l2}");
    let longest = if l2 >= 2 << 20 { 1024 } else { 512 };
    assert!(if is_consumed { kc >= k } else { kc <= longest }, "kc = {kc}, {problem:?} {l2}");
    // In bytes: B's block takes half of the second-level cache at most, A's 1 MiB.
    assert!(nc <= 64.max(nr) || nc * kc * 4 <= l2 / 2, "nc = {nc}, {problem:?} {l2}");
    if pack_a {
        assert!(mc >= mr && mc.is_multiple_of(mr), "mc = {mc}, {problem:?} {l2}");
        assert!(mc * kc * 4 <= 1 << 20, "mc = {mc}, {problem:?} {l2}");
    } else {
        assert_eq!(mc, m.max(1), "{problem:?} {l2}");
    }
    // No sliver is left at the end: blocks differ by less than a tile on average.
    for (size, block, unit) in [(m, mc, mr), (n, nc, nr), (k, kc, 4)] {
        let count = size.div_ceil(block).max(1);
        assert!(block * count < size + unit * count + unit, "{block} {size} {problem:?} {l2}");
    }
    match pack_b {
        PackB::Never => {
            assert!(b_row_step.is_some() || packed_kc.is_some(), "columns, {problem:?}")
        }
        PackB::Before => assert!(packed_kc.is_none(), "B is packed again, {problem:?}"),
        PackB::Copying => assert!(b_row_step.is_some(), "columns are copied, {problem:?}"),
        PackB::Turning => {
            let fits = b_col_step.is_some() && m > mr && k >= 4 && !pack_a;
            assert!(fits, "rows are turned, {problem:?}");
        }
    }
    // Where a block of a packed weight starts follows from the blocks of k alone.
    assert!(packed_kc.is_none_or(|packed| kc == packed), "kc = {kc}, {problem:?} {l2}");
    assert_eq!(fetch.far, caches.l1 == 48 << 10);
    assert!(
        !(fetch.a && pack_a && k > 1 || fetch.panel && pack_b != PackB::Never),
        "{fetch:?}, {problem:?} {l2}"
    );
}

/// What is packed of a product without transposed operands, and the steps of k in its blocks.
fn chosen((mr, nr): (usize, usize), l1: usize, shape: (usize, usize, usize)) -> (bool, usize) {
    let (m, n, k) = shape;
    let (a_row_step, b_row_step) = (k, Some(n));
    let (b_col_step, packed_kc, is_consumed) = (None, None, false);
    let problem =
        Problem { m, n, k, mr, nr, a_row_step, b_row_step, b_col_step, packed_kc, is_consumed };
    let caches = Caches { l1, l2: 2 << 20, l3: 8 << 20 };
    let blocking = Blocking::new(caches, problem);
    (blocking.packs_b(), blocking.kc)
}

#[test]
fn b_is_read_in_place_for_few_rows_or_where_l2_holds_it() {
    let (small, large) = (32 << 10, 48 << 10);
    // Three tiles of rows, or sixteen where rows far apart can be fetched, in blocks of 256 steps.
    for (tile, l1, few, kc) in [
        ((6, 16), small, 18, 512),
        ((12, 32), small, 36, 512),
        ((6, 16), large, 96, 256),
        ((12, 32), large, 192, 256),
    ] {
        assert_eq!(chosen(tile, l1, (few, 1500, 512)), (false, kc), "{tile:?}");
        assert_eq!(chosen(tile, l1, (few + 1, 1500, 512)), (true, 512), "{tile:?}");
        let is_packed = |n| chosen(tile, l1, (few, n, 512)).0;
        assert_eq!([2047, 2048].map(is_packed), [false, tile.1 == 16], "{tile:?}");
    }
    // Three again where there is more than 256 Mi to multiply.
    let blocks = [(192, 682), (192, 683), (37, 4096), (36, 4096)];
    let is_packed = blocks.map(|(m, k)| chosen((12, 32), large, (m, 2048, k)).0);
    assert_eq!(is_packed, [false, true, true, false]);
    // Half of 2 MiB holds 512 columns of 512 steps, and 256 of 1024.
    let blocks = [256, 257, 512, 513].map(|n| chosen((12, 32), large, (400, n, 2048)));
    assert_eq!(blocks, [(false, 1024), (false, 512), (false, 512), (true, 1024)]);
    // Rows 4 kB apart are too far apart.
    let is_packed = [1023, 1024].map(|n| chosen((12, 32), large, (400, n, 64)).0);
    assert_eq!(is_packed, [false, true]);
}

#[test]
fn b_is_copied_in_many_rows_where_it_is_fetched() {
    let copied = |(mr, nr), l1, (m, a_row_step), b_row_step| {
        let (n, k, b_col_step, packed_kc, is_consumed) = (4000, 1000, None, None, false);
        let problem =
            Problem { m, n, k, mr, nr, a_row_step, b_row_step, b_col_step, packed_kc, is_consumed };
        let caches = Caches { l1, l2: 512 << 10, l3: 8 << 20 };
        Blocking::new(caches, problem).pack_b == PackB::Copying
    };
    let (small, large) = (32 << 10, 48 << 10);
    for (tile, many) in [((6, 16), 300), ((12, 32), 600)] {
        assert!(copied(tile, large, (many, 1000), Some(4000)));
        assert!(!copied(tile, large, (many, 1000), None), "its columns");
        assert!(!copied(tile, small, (many, 1000), Some(512)), "rows far apart");
        assert!(copied(tile, small, (many, 1000), Some(511)));
    }
    // More than three strips, of twelve or eleven rows; of a packed A, all but the last have twelve.
    let rows = [36, 37, 40, 41, 44, 45, 48, 49, 50, 51];
    let of = |a_row_step| rows.map(|m| copied((12, 32), small, (m, a_row_step), Some(500)));
    assert_eq!(of(1000), [false, false, false, true, true, true, true, false, false, true]);
    assert_eq!(of(1), rows.map(|m| m > 36));
}

#[test]
fn a_product_is_turned_where_that_saves_work() {
    let (nn, nt, tn) = ((false, true), (false, false), (true, true));
    for (lanes, shape, layout, expected) in [
        (16, (32, 130, 300), nt, true),
        (16, (33, 130, 300), nt, false),
        (8, (32, 130, 300), nt, true),
        (8, (33, 130, 300), nt, false),
        (16, (64, 10, 128), tn, true),
        (16, (64, 10, 128), nn, false),
        (16, (1000, 10, 30), tn, true),
        (16, (31, 33, 35), tn, false),
        (16, (13, 100, 50), nt, false),
        // As dot products, where nothing is packed.
        (16, (64, 10, 128), nt, true),
        (16, (1000, 10, 30), nt, false),
        (16, (48, 10, 64), nt, true),
        (16, (48, 10, 3), nt, false),
        (8, (1000, 5, 30), nt, true),
        (8, (1000, 7, 30), nt, false),
        (16, (8, 128, 784), nt, false),
        (16, (12, 2, 784), nt, true),
        (16, (4096, 1, 256), nn, true),
        (16, (4096, 8, 256), nn, false),
        // Up to 64 Ki elements.
        (16, (8192, 8, 40), tn, true),
        (16, (8193, 8, 40), tn, false),
        (16, (usize::MAX, 2, 40), tn, false),
        (16, (64, 10, 0), tn, false),
    ] {
        let tile = (lanes * 3 / 4, lanes);
        assert_eq!(is_turned(tile, shape, layout), expected, "{lanes} {shape:?} {layout:?}");
    }
}

#[test]
fn b_is_turned_by_the_first_strip_where_that_takes_less_than_packing() {
    let (small, large) = (32 << 10, 48 << 10);
    for (mr, nr) in [(6, 16), (12, 32)] {
        let blocking = |(m, n, k), b_col_step, l1, l2| {
            let (a_row_step, b_row_step, packed_kc, is_consumed) = (k, None, None, false);
            let problem = Problem {
                m,
                n,
                k,
                mr,
                nr,
                a_row_step,
                b_row_step,
                b_col_step,
                packed_kc,
                is_consumed,
            };
            Blocking::new(Caches { l1, l2, l3: 8 << 20 }, problem)
        };
        let turns = |shape| {
            let blocking = blocking(shape, Some(shape.2), small, 512 << 10);
            blocking.pack_b == PackB::Turning
        };
        assert_eq!([mr, mr + 1].map(|m| turns((m, 300, 300))), [false, true], "one strip");
        assert_eq!([256, 257].map(|n| turns((300, n, 16))), [false, true], "half of L1");
        assert_eq!([15, 16].map(|k| turns((3 * mr + 1, 300, k))), [false, true], "many strips");
        assert_eq!([3, 4].map(|k| turns((3 * mr, 4000, k))), [false, true], "few strips");
        let columns = |l1, step| blocking((30, 300, 300), step, l1, 512 << 10).pack_b;
        assert_eq!(columns(small, None), PackB::Before, "not contiguous");
        assert_eq!(
            [small, large].map(|l1| columns(l1, Some(2048))),
            [PackB::Before, PackB::Turning]
        );
        // Of 256 KiB, or 128 columns, where half of L2 holds A; elsewhere all that it holds, of all steps.
        let sizes = |(m, k), l2| {
            let Blocking { kc, nc, .. } = blocking((m, 4096, k), Some(k), small, l2);
            (kc, nc)
        };
        assert_eq!([1024, 1025].map(|m| sizes((m, 256), 2 << 20)), [(256, 256), (256, 512)]);
        assert_eq!([262, 263].map(|m| sizes((m, 1000), 2 << 20)), [(1000, 128), (1000, 256)]);
        assert_eq!(sizes((mr + 1, 400), 16 << 10), (400, nr));
    }
}

#[test]
fn few_rows_stream_a_b_that_no_near_cache_holds() {
    let caches = Caches { l2: 512 << 10, ..Caches::FALLBACK };
    let streamed = |m, n, k| is_streamed((m, n, k), caches);
    assert!(streamed(1, 9, 9) && !streamed(5, 4096, 4096));
    for m in [2, 3] {
        assert_eq!([512, 513].map(|n| streamed(m, n, 128)), [false, true]);
    }
    assert_eq!([1024, 1025].map(|n| streamed(4, n, 512)), [false, true]);
    assert!(streamed(3, usize::MAX, 2));
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
                b_col_step: None,
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

#[test]
fn columns_packed_together_fit_in_what_threads_share() {
    for (mr, nr) in [(6, 16), (12, 32), (MR, NR)] {
        for (m, n, k) in [(500, 700, 300), (2000, 60, 5000), (300, 9000, 512), (64, 1 << 20, 4)] {
            for (a_row_step, is_consumed) in [(k, false), (1, false), (1, true)] {
                let problem = Problem {
                    m,
                    n,
                    k,
                    mr,
                    nr,
                    a_row_step,
                    b_row_step: None,
                    b_col_step: (a_row_step == k && !is_consumed).then_some(k),
                    packed_kc: None,
                    is_consumed,
                };
                let blocking = Blocking::new(Caches::FALLBACK, problem);
                for threads in [2, 3, 64] {
                    let Some(cols) = blocking.shared_columns(threads, n, nr) else {
                        // Too few of them where A would be packed again for each few.
                        assert!(
                            blocking.pack_a && 512 * blocking.kc > (threads << 18) - (nr << 12)
                        );
                        continue;
                    };
                    assert!(cols.is_multiple_of(nr) && cols < n + nr, "{cols}, {problem:?}");
                    assert!(cols * blocking.kc * 4 <= threads << 20, "{cols}, {problem:?}");
                    assert!(!blocking.pack_a || cols >= n.min(512), "{cols}, {problem:?}");
                }
            }
        }
    }
}

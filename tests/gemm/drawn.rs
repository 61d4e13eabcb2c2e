//! Products drawn at random, and shrunk where they fail: shape, storage, strides, offsets, blocks,
//! level, threads, what they start at and what follows, on integers and without tolerance.

use proptest::prelude::*;

use super::common::{Check, Layout, Random, in_pool, levels, reference};
use super::epilogues::{Curve, curve, fused};
use super::{Case, SMALL, TINY};
use densecore::Cpu;
use densecore::gemm::{Accum, Epilogue, Identity, Map, Start};
use densecore::simd::Caches;

fn layout() -> impl Strategy<Value = Layout> {
    let gap = prop_oneof![3 => Just(0_usize), 3 => 1..40_usize];
    (gap, 0..17_usize, 0..3_usize).prop_map(|(gap, offset, trailing)| Layout {
        gap,
        offset,
        trailing,
    })
}

/// Sizes mostly around the tiles, now and then large enough to be divided among threads.
fn shape() -> impl Strategy<Value = (usize, usize, usize)> {
    prop_oneof![
        6 => (0..40_usize, 0..100_usize, 0..60_usize),
        2 => (0..20_usize, 0..70_usize, 250..530_usize),
        1 => (60..170_usize, 60..170_usize, 250..300_usize),
        1 => (1..25_usize, 200..2100_usize, 1..150_usize),
        1 => (500..700_usize, 1..180_usize, 1..80_usize),
        // Streamed, by two threads or more.
        1 => (1..5_usize, 1300..2100_usize, 800..900_usize),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let accum = prop_oneof![Just(Accum::Replace), Just(Accum::Add)];
    let layouts = (layout(), layout(), layout());
    (shape(), any::<(bool, bool)>(), accum, layouts, prop::bool::weighted(0.2)).prop_map(
        |((m, n, k), (a_is_transposed, b_is_transposed), accum, (mut a, b, c), collide)| {
            if collide {
                // Rows a multiple of 1024 elements apart.
                let cols = if a_is_transposed { m } else { k };
                a.gap = cols.next_multiple_of(1024) - cols;
            }
            Case { m, n, k, a_is_transposed, b_is_transposed, accum, a, b, c }
        },
    )
}

fn caches() -> impl Strategy<Value = Caches> {
    let l2 = (0..22_u32).prop_map(|log| (1_usize << log) - 1);
    prop_oneof![
        Just(TINY),
        Just(SMALL),
        Just(Caches::FALLBACK),
        l2.prop_map(|l2| Caches { l2, ..SMALL }),
    ]
}

proptest! {
    // What failed is printed; write it down as a test of its own rather than as a seed in a file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_product_of_integers_is_exact(
        case in case(),
        caches in caches(),
        threads in 0..6_usize,
        (has_bias, is_mapped) in any::<(bool, bool)>(),
        seed in any::<u64>(),
    ) {
        let (m, n, k) = case.shape();
        let mut random = Random::new(seed);
        let (a, b, c) = (random.integers(m * k), random.integers(k * n), random.integers(m * n));
        let bias = random.integers(n);
        // With a bias the sums start at it, whatever the output held.
        let rows_of_bias: Vec<f32> = (0..m).flat_map(|_| bias.iter().copied()).collect();
        let (start, before) = match (has_bias, case.accum) {
            (true, _) => (Start::Bias(&bias), Some(&rows_of_bias)),
            (false, Accum::Add) => (Start::Output, Some(&c)),
            (false, Accum::Replace) => (Start::Zero, None),
        };
        let mut expected = reference::exact((m, n, k), &a, &b, before.map(Vec::as_slice));
        let epilogue: &dyn Epilogue = if is_mapped { &Map(Curve) } else { &Identity };
        if is_mapped {
            expected.iter_mut().for_each(|x| *x = curve(*x));
        }
        let mut check = Check::new("any_product_of_integers_is_exact");
        for level in levels() {
            // No threads stands for one without rayon.
            let cpu = if threads == 0 { Cpu::serial() } else { Cpu::detect() };
            let cpu = cpu.with_level(level).with_caches(caches);
            let run = || fused(case, cpu, (&a, &b, &c), start, epilogue);
            let found = if threads == 0 { run() } else { in_pool(threads, run) };
            check.equal(&found, &expected, &(cpu, case));
        }
        check.count(usize::from(expected.is_empty()));
    }
}

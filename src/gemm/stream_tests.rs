//! Which products pass B by once, and in which parts.

use super::plan::{Form, Path, Plan};
use crate::cpu::Cpu;
use crate::parallel::in_pool;
use crate::simd::{Caches, Level};

/// A product with contiguous rows of B.
fn form((m, n, k): (usize, usize, usize)) -> Form {
    let (packed_kc, is_consumed) = (None, false);
    Form { shape: (m, n, k), a_steps: (k, 1), b_steps: (n, 1), packed_kc, is_consumed }
}

/// The levels with tiles, where no cache is large.
fn cpus() -> impl Iterator<Item = Cpu> {
    let levels = Level::available().filter(|&level| level != Level::Portable);
    levels.map(|level| Cpu::detect().with_level(level).with_caches(Caches::FALLBACK))
}

#[test]
fn a_row_that_is_one_tile_stays_in_registers() {
    for cpu in cpus() {
        let lanes = cpu.level().lanes();
        for vectors in 1..=24 {
            let is_tile = [1, 2, 4, 8].contains(&vectors) || vectors == 12 && lanes == 8;
            // A last vector of one element, and a whole one.
            for n in [(vectors - 1) * lanes + 1, vectors * lanes].into_iter().filter(|&n| n > 2) {
                let plan = Plan::new(cpu, form((1, n, 20_000))).expect("no small product");
                let is_streamed = matches!(plan.path, Path::Stream);
                assert_eq!(is_streamed, !is_tile, "{n} at {}", cpu.level());
            }
        }
        let plan = Plan::new(cpu, form((2, 64, 20_000))).expect("no small product");
        assert!(matches!(plan.path, Path::Stream), "two rows at {}", cpu.level());
    }
}

#[test]
fn parts_of_a_streamed_b_are_wide() {
    for (n, widths) in [(700, 352..=352), (1000, 512..=512), (1536, 768..=768), (4096, 512..=1024)]
    {
        for cpu in cpus() {
            let (plan, level) = (in_pool(2, || Plan::new(cpu, form((2, n, 3072)))), cpu.level());
            let plan = plan.expect("no small product");
            assert!(matches!(plan.path, Path::Stream), "{level} {n}");
            assert_eq!((plan.threads, plan.cut.shape.0), (2, 2), "{level} {n}");
            assert!(widths.contains(&plan.cut.shape.1), "{level} {n} {:?}", plan.cut);
        }
    }
}

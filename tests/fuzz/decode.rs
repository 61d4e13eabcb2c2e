//! Bytes to sizes and settings.

use std::sync::OnceLock;

use densecore::simd::{Caches, Level};
use densecore::{Activation, Cpu, Parallelism};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// The bytes of a case, read from front to back, then zeros without end. Zero always means the
/// ordinary thing, so that few bytes make a valid case and each more can spoil it.
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Bytes(bytes)
    }

    pub fn byte(&mut self) -> usize {
        let (&first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        usize::from(first)
    }

    /// True for one byte in `n`.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.byte() % n == n - 1
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.byte() % from.len()]
    }

    pub fn seed(&mut self) -> u64 {
        (self.byte() | self.byte() << 8) as u64
    }

    /// A size: mostly a few tiles, and the sizes beside those where the code changes its way.
    fn size(&mut self) -> usize {
        const EDGES: [usize; 16] = [0, 2, 5, 6, 7, 11, 12, 13, 15, 16, 17, 31, 32, 33, 64, 65];
        match self.byte() % 8 {
            0..=2 => 1 + self.byte() % 24,
            3..=5 => self.pick(&EDGES),
            6 => self.byte() % 128,
            _ => 1,
        }
    }

    /// `[m, k, n]` of a product that the reference can follow.
    pub fn sizes(&mut self) -> [usize; 3] {
        let sizes = match self.byte() % 32 {
            // More than one block of k.
            24 | 25 => [self.size(), self.pick(&[255, 256, 257, 300, 513, 700]), self.size()],
            // Enough work for several threads: in a wide product, a tall one, and in a pass over a
            // matrix.
            22 | 23 => [16 + self.byte() % 8, 128, 500 + self.byte() % 200],
            26 => [96 + self.byte() % 32, 100 + self.byte() % 40, 112 + self.byte() % 32],
            27 => [290 + self.byte() % 16, self.byte() % 5, 280 + self.byte() % 16],
            // One side without end, which only a matrix without elements can have.
            28 => [self.huge(), 0, 0],
            29 => [0, self.huge(), 0],
            30 => [0, 0, self.huge()],
            _ => [self.size(), self.size(), self.size()],
        };
        // Three large sides would take the reference seconds.
        let work = sizes.iter().fold(1_usize, |work, &size| work.saturating_mul(size));
        if work > 1 << 21 { sizes.map(|size| size.min(128)) } else { sizes }
    }

    /// A size whose product with almost any other overflows.
    pub fn huge(&mut self) -> usize {
        const HALF: usize = 1 << (usize::BITS / 2);
        const MOST: usize = isize::MAX as usize / size_of::<f32>();
        self.pick(&[usize::MAX, MOST, MOST + 1, usize::MAX / 2, usize::MAX / 2 + 1, HALF, HALF + 1])
    }

    /// Mostly `size`, else another one.
    pub fn perhaps_not(&mut self, size: usize) -> usize {
        if !self.one_in(32) {
            return size;
        }
        match self.byte() % 5 {
            0 => size.saturating_add(1),
            1 => size.saturating_sub(1),
            2 => 0,
            3 => self.byte(),
            _ => self.huge(),
        }
    }

    pub fn activation(&mut self) -> Activation {
        use Activation::{Identity, Relu, Sigmoid, Tanh};
        self.pick(&[Identity, Relu, Sigmoid, Tanh])
    }

    /// How to run, and another way that must give the same bits.
    pub fn settings(&mut self) -> [Setting; 2] {
        let levels: Vec<Level> = Level::available().collect();
        let level = self.pick(&levels);
        // Every level with fused multiply-adds rounds alike; the portable one only like itself.
        let fused = |level: &Level| *level != Level::Portable;
        let alike: Vec<Level> = levels.into_iter().filter(|l| fused(l) == fused(&level)).collect();
        let threads = self.pick(&[Threads::Serial, Threads::Pool(0), Threads::Pool(1)]);
        let threads = if self.one_in(8) { Threads::Outside } else { threads };
        let setting = Setting { level, caches: self.caches(), threads };
        [setting, Setting { level: self.pick(&alike), caches: self.caches(), ..Setting::SERIAL }]
    }

    /// Small caches make small blocks, so that small matrices have several.
    fn caches(&mut self) -> Option<Caches> {
        let l2 = self.pick(&[usize::MAX, 0, 64 << 10, 256 << 10]);
        (l2 != usize::MAX || self.one_in(8)).then_some(Caches { l1: l2, l2, l3: l2 })
    }
}

/// Which threads run a call.
#[derive(Clone, Copy, Debug)]
enum Threads {
    Serial,
    /// Inside one of the pools.
    Pool(usize),
    /// Rayon's global pool, entered by the call itself.
    Outside,
}

/// How to run a call.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    level: Level,
    caches: Option<Caches>,
    threads: Threads,
}

impl Setting {
    const SERIAL: Setting =
        Setting { level: Level::Portable, caches: None, threads: Threads::Serial };

    pub fn run<R: Send>(&self, call: impl FnOnce(Cpu) -> R + Send) -> R {
        // `detect` runs in parallel if the feature is on.
        let cpu = Cpu::detect().with_level(self.level);
        let cpu = self.caches.map_or(cpu, |caches| cpu.with_caches(caches));
        match self.threads {
            Threads::Serial => call(cpu.with_parallelism(Parallelism::Serial)),
            Threads::Pool(i) => pools()[i].install(|| call(cpu)),
            Threads::Outside => call(cpu),
        }
    }
}

/// Made once: a pool for each case would take longer than the case. The odd one divides unevenly.
fn pools() -> &'static [ThreadPool; 2] {
    static POOLS: OnceLock<[ThreadPool; 2]> = OnceLock::new();
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build();
    POOLS.get_or_init(|| [2, 5].map(|threads| pool(threads).expect("threads for a pool")))
}

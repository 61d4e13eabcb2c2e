//! The sizes of the data caches, which the block sizes of the matrix product follow.

/// Bytes of data cache that one core has or shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caches {
    /// First level, per core.
    pub l1: usize,
    /// Second level, per core.
    pub l2: usize,
    /// Third level, shared by a group of cores.
    pub l3: usize,
}

impl Caches {
    /// What is assumed where the processor does not say: small for anything made since 2015.
    pub const FALLBACK: Caches = Caches { l1: 32 << 10, l2: 512 << 10, l3: 8 << 20 };

    /// What the processor reports, level by level, with [`Caches::FALLBACK`] for what it does not.
    #[cfg(target_arch = "x86_64")]
    pub fn detect() -> Caches {
        use core::arch::x86_64::__cpuid_count;
        // SAFETY: every x86-64 processor has cpuid. (A safe function from Rust 1.94 on.)
        #[allow(unused_unsafe, reason = "unsafe until Rust 1.94, safe from then on")]
        let query = |leaf, index| unsafe { __cpuid_count(leaf, index) };
        let (highest, highest_extended) = (query(0, 0).eax, query(0x8000_0000, 0).eax);
        let mut found = Caches { l1: 0, l2: 0, l3: 0 };
        // Leaf 4 (Intel) and leaf 0x8000_001D (AMD) describe one cache per index, alike.
        for (leaf, known) in [(4, highest >= 4), (0x8000_001D, highest_extended >= 0x8000_001D)] {
            for index in (0..8).take_while(|_| known) {
                let cache = query(leaf, index);
                let (kind, level) = (cache.eax & 31, (cache.eax >> 5) & 7);
                let [line, partitions, ways] =
                    [(0, 12), (12, 10), (22, 10)].map(|(at, bits)| field(cache.ebx, at, bits));
                let bytes = line * partitions * ways * (cache.ecx as usize + 1);
                match (kind, level) {
                    (1 | 3, 1) => found.l1 = bytes,
                    (1 | 3, 2) => found.l2 = bytes,
                    (1 | 3, 3) => found.l3 = bytes,
                    _ => {}
                }
            }
        }
        found.or(Caches::FALLBACK)
    }

    /// What the processor reports; on this target nothing, so [`Caches::FALLBACK`].
    #[cfg(not(target_arch = "x86_64"))]
    pub fn detect() -> Caches {
        Caches::FALLBACK
    }

    #[cfg(target_arch = "x86_64")]
    fn or(self, other: Caches) -> Caches {
        let pick = |found: usize, other: usize| if found == 0 { other } else { found };
        Caches {
            l1: pick(self.l1, other.l1),
            l2: pick(self.l2, other.l2),
            l3: pick(self.l3, other.l3),
        }
    }
}

/// `bits` bits of `word` from bit `at`; the processor stores each of these fields less one.
#[cfg(target_arch = "x86_64")]
fn field(word: u32, at: u32, bits: u32) -> usize {
    ((word >> at) & ((1 << bits) - 1)) as usize + 1
}

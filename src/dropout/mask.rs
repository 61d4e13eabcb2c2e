//! Random factors by counting, in vectors.
//!
//! Each row has a key of its own, a block of Philox addressed by the row. Under that key
//! Threefry-2x32, which needs no multiplication, turns a counter into two words:
//!
//! ```text
//!   key = first two words of block `row` of (seed, stream)
//!   columns come in blocks of 128:  block, place = column / 128, column % 128
//!   word = threefry(key, 64 block + place % 64)[place / 64]
//!   dropped where floor(word / 2^8) < 2^24 p
//! ```
//!
//! Thirteen rounds are the fewest with which it passes BigCrush. Source: J. Salmon, M. Moraes, R.
//! Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

use crate::rng::Rng;
use crate::simd::Simd;
use crate::simd::slice::{self, Update};

/// Columns whose factors are computed at once.
pub(super) const BLOCK: usize = 128;

/// Counters of a block.
const HALF: usize = BLOCK / 2;

/// The numbers below [`HALF`], as the bits of vectors.
static COUNTERS: [f32; HALF] = {
    let mut counters = [0.0; HALF];
    let mut i = 0;
    while i < HALF {
        counters[i] = f32::from_bits(i as u32);
        i += 1;
    }
    counters
};

/// A factor for each row and column: 0 with probability `p`, else `kept`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Mask {
    pub p: f32,
    pub kept: f32,
    pub seed: u64,
    pub stream: u64,
}

impl Mask {
    /// The key of a row.
    pub fn key(&self, row: u64) -> [u32; 2] {
        let [a, b, ..] = Rng::new(self.seed, self.stream).block(row);
        [a, b]
    }

    /// The factors of the first `cols` columns of a block, and maybe of more.
    #[inline(always)]
    pub fn block<S: Simd>(
        &self,
        s: S,
        key: [u32; 2],
        block: u64,
        cols: usize,
        factors: &mut [f32; BLOCK],
    ) {
        let first = block.wrapping_mul(HALF as u64);
        let counter = [first as u32, (first >> 32) as u32];
        let kernel =
            Factors { counter, key, limit: self.p * (1_u32 << 24) as f32, kept: self.kept };
        let (low, high) = factors.split_at_mut(HALF);
        slice::update(s, &kernel, [&COUNTERS[..cols.min(HALF)]], [low, high]);
    }
}

/// The factors of both words of a vector of counters.
struct Factors {
    counter: [u32; 2],
    key: [u32; 2],
    /// `2^24 p`
    limit: f32,
    kept: f32,
}

impl Update<1, 2> for Factors {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [place]: [S::F32; 1], _: [S::F32; 2]) -> [S::F32; 2] {
        // No carry: the counter of a block is a multiple of its number of places.
        let low = s.add_i32(s.to_bits(place), splat(s, self.counter[0]));
        let [a, b] = threefry(s, [low, splat(s, self.counter[1])], self.key);
        [self.factor(s, a), self.factor(s, b)]
    }
}

impl Factors {
    #[inline(always)]
    fn factor<S: Simd>(&self, s: S, word: S::I32) -> S::F32 {
        let bits = s.and_i32(s.shr::<8>(word), s.splat_i32((1 << 24) - 1));
        let is_dropped = s.lt(s.from_i32(bits), s.splat(self.limit));
        s.zero_where(is_dropped, s.splat(self.kept))
    }
}

/// Rounds of additions, rotations by these numbers of bits, and exclusive or.
macro_rules! rounds {
    ($s:ident, $x:ident, $($bits:literal)*) => {$(
        $x[0] = $s.add_i32($x[0], $x[1]);
        let low = $s.and_i32($s.shr::<{ 32 - $bits }>($x[1]), $s.splat_i32((1 << $bits) - 1));
        $x[1] = xor($s, $s.or_i32($s.shl::<$bits>($x[1]), low), $x[0]);
    )*};
}

/// Threefry-2x32 with 13 rounds; after every four the key is added anew.
#[inline(always)]
fn threefry<S: Simd>(s: S, counter: [S::I32; 2], key: [u32; 2]) -> [S::I32; 2] {
    let keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1BD1_1BDA];
    let mut x = inject(s, counter, [keys[0], keys[1]]);
    rounds!(s, x, 13 15 26 6);
    x = inject(s, x, [keys[1], keys[2].wrapping_add(1)]);
    rounds!(s, x, 17 29 16 24);
    x = inject(s, x, [keys[2], keys[0].wrapping_add(2)]);
    rounds!(s, x, 13 15 26 6);
    x = inject(s, x, [keys[0], keys[1].wrapping_add(3)]);
    rounds!(s, x, 17);
    x
}

#[inline(always)]
fn inject<S: Simd>(s: S, [a, b]: [S::I32; 2], key: [u32; 2]) -> [S::I32; 2] {
    [s.add_i32(a, splat(s, key[0])), s.add_i32(b, splat(s, key[1]))]
}

#[inline(always)]
fn splat<S: Simd>(s: S, x: u32) -> S::I32 {
    s.splat_i32(x.cast_signed())
}

/// `a ^ b`, which compilers make one instruction of.
#[inline(always)]
fn xor<S: Simd>(s: S, a: S::I32, b: S::I32) -> S::I32 {
    s.sub_i32(s.or_i32(a, b), s.and_i32(a, b))
}

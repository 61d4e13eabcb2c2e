//! Random numbers by counting: the generator behind initialisation, shuffling and dropout.
//!
//! Philox4x32-10 turns a counter into four random words without any state, so that word `i` of a
//! stream is computed directly, in any order and by any thread. A seed picks the generator, a
//! stream one of its 2^64 independent sequences, an index the place in it:
//!
//! ```text
//! block(i) = philox(counter = [i, stream], key = seed)       4 words of 32 bits
//! sequence = block(0), block(1), block(2), ...               2^66 words, then from the start
//! ```
//!
//! Nothing but integer arithmetic and the IEEE 754 operations `+ - * / sqrt` on `f64` is used, no
//! logarithm of the system's, so a seed gives the same bits on every platform.
//!
//! Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3",
//! SC 2011. It passes BigCrush, and it is not for secrets.

mod normal;

pub use normal::inverse_normal_cdf;
pub(crate) use normal::normal_cdf;

/// First stream of each use within this crate, so that one seed may serve them all without two of
/// them drawing the same numbers. Each owns 2^56 streams; those below [`INIT`](stream::INIT) are
/// the caller's.
pub mod stream {
    /// Initialisers; add the number of the parameter.
    pub const INIT: u64 = 1 << 56;
    /// Order of the samples in training; add the number of the epoch.
    pub const SHUFFLE: u64 = 2 << 56;
    /// Splits of a data set.
    pub const SPLIT: u64 = 3 << 56;
    /// Dropout; add the number of the layer and of the step.
    pub const DROPOUT: u64 = 4 << 56;
}

/// A stream of random numbers: random access by [`block`](Rng::block), and the same words in
/// sequence by the other methods.
///
/// The draws of fixed size say how many words they take, so draw `i` of a kind is a function of
/// `(seed, stream, i)` alone as long as a stream serves one kind of draw.
///
/// ```
/// use densecore::rng::Rng;
/// let mut rng = Rng::new(42, 0);
/// assert_eq!([rng.next_u32(), rng.next_u32()], Rng::new(42, 0).block(0)[..2]);
/// assert!((0.0..1.0).contains(&rng.uniform()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    seed: u64,
    stream: u64,
    /// The block to compute when `words` is used up.
    next: u64,
    words: [u32; 4],
    used: usize,
}

impl Rng {
    /// The start of stream `stream` of seed `seed`. Every pair is as good as any other.
    pub const fn new(seed: u64, stream: u64) -> Self {
        Self { seed, stream, next: 0, words: [0; 4], used: 4 }
    }

    /// Words `4 * index .. 4 * index + 4` of the stream, wherever the sequence stands.
    pub fn block(&self, index: u64) -> [u32; 4] {
        let (ctr, key) = ([index, self.stream].map(halves), halves(self.seed));
        philox([ctr[0][0], ctr[0][1], ctr[1][0], ctr[1][1]], key)
    }

    /// The next word.
    pub fn next_u32(&mut self) -> u32 {
        if self.used >= 4 {
            self.words = self.block(self.next);
            self.next = self.next.wrapping_add(1);
            self.used = 0;
        }
        self.used += 1;
        self.words[self.used - 1]
    }

    /// The next two words, the lower half first.
    pub fn next_u64(&mut self) -> u64 {
        let low = u64::from(self.next_u32());
        low | u64::from(self.next_u32()) << 32
    }

    /// A multiple of 2^-24 in `[0, 1)`, each as likely as any other. Takes one word.
    pub fn uniform(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / (1_u32 << 24) as f32)
    }

    /// A multiple of 2^-53 in `[0, 1)`, each as likely as any other. Takes two words.
    pub fn uniform_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// An integer in `0..n`, each exactly as likely as any other; 0 for `n = 0`.
    ///
    /// Takes two words for each try, and one try nearly always: another is needed with probability
    /// below `n / 2^64`. Source: D. Lemire, "Fast random integer generation in an interval", ACM
    /// TOMACS 29, 2019.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        // The multiples of n below 2^64 would be hit unevenly; these lowest remainders are refused.
        let refused = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            if product as u64 >= refused {
                return (product >> 64) as u64;
            }
        }
    }

    /// A normal deviate of mean 0 and variance 1: [`normal_f64`](Rng::normal_f64), rounded once.
    pub fn normal(&mut self) -> f32 {
        self.normal_f64() as f32
    }

    /// A normal deviate of mean 0 and variance 1, within ±8.21. Takes two words.
    ///
    /// It is [`inverse_normal_cdf`] at `(k + 1/2) / 2^52` for a uniform integer `k < 2^52`: one
    /// uniform for one normal, where rejection methods take a number of words that varies.
    pub fn normal_f64(&mut self) -> f64 {
        self.normal_f64_between(0.0, 1.0)
    }

    /// A deviate from the part of the normal distribution between the values of its distribution
    /// function `from` and `to`. Takes two words.
    pub(crate) fn normal_f64_between(&mut self, from: f64, to: f64) -> f64 {
        let k = self.next_u64() >> 12;
        inverse_normal_cdf(from + (to - from) * ((k as f64 + 0.5) * (1.0 / (1_u64 << 52) as f64)))
    }

    /// Puts `items` in random order, every order equally likely as far as 64 bits of seed can
    /// tell them apart (Fisher and Yates, from the last item down).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            // At most `last`, so the conversion back loses nothing.
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// Fills `out` with the numbers `0..out.len()` in random order.
    pub fn permutation(&mut self, out: &mut [usize]) {
        for (i, item) in out.iter_mut().enumerate() {
            *item = i;
        }
        self.shuffle(out);
    }
}

/// The lower and the upper half.
const fn halves(x: u64) -> [u32; 2] {
    [x as u32, (x >> 32) as u32]
}

/// Ten rounds, each: two 32 x 32 -> 64 bit products, whose upper halves are mixed with the other
/// words and the key, and whose lower halves pass. The key takes a step between rounds.
fn philox(mut c: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
    /// The fractions of the golden ratio and of sqrt 3.
    const STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    for _ in 0..10 {
        let [low0, high0] = halves(u64::from(MULTIPLIERS[0]) * u64::from(c[0]));
        let [low1, high1] = halves(u64::from(MULTIPLIERS[1]) * u64::from(c[2]));
        c = [high1 ^ c[1] ^ key[0], low1, high0 ^ c[3] ^ key[1], low0];
        key = [key[0].wrapping_add(STEPS[0]), key[1].wrapping_add(STEPS[1])];
    }
    c
}

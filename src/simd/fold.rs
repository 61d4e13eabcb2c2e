//! Sums of a fixed number of partial sums, in lanes that one vector has on AVX-512 and a pair of them on
//! AVX2: the same additions on both.

use super::Simd;

/// Partial results of a sum, the lanes of a [`Fold::Wide`] vector.
pub(crate) const PARTIALS: usize = 16;

/// Vectors that are folded together.
pub(crate) const FOLDED: usize = 4;

/// A level that folds vectors of [`PARTIALS`] lanes.
pub(crate) trait Fold: Simd {
    /// The token of such vectors.
    type Wide: Simd;

    fn wide(self) -> Self::Wide;

    /// The sum of the lanes of each vector: lane `i` and lane `i + 8`, of these `i` and `i + 4`, then `i + 2`,
    /// then `i + 1`.
    fn fold(self, x: [Wide<Self>; FOLDED]) -> [f32; FOLDED];

    /// The elements of two vectors at even places, and those at odd ones: columns of a matrix that has two.
    fn evens_and_odds(self, x: [Wide<Self>; 2]) -> [Wide<Self>; 2];
}

/// A vector of [`PARTIALS`] lanes.
pub(crate) type Wide<S> = <<S as Fold>::Wide as Simd>::F32;

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use core::arch::x86_64::*;

    use super::super::twice::Twice;
    use super::super::{Avx2, Avx512};
    use super::{FOLDED, Fold};

    impl Fold for Avx2 {
        type Wide = Twice<Avx2>;

        #[inline(always)]
        fn wide(self) -> Twice<Avx2> {
            Twice(self)
        }

        #[inline(always)]
        fn fold(self, x: [[__m256; 2]; FOLDED]) -> [f32; FOLDED] {
            // SAFETY: the token proves the feature.
            unsafe {
                let [a, b, c, d] = x.map(|[low, high]| _mm256_add_ps(low, high));
                // Four lanes of `a` and of `b`; of `c` and of `d`.
                let ab = _mm256_add_ps(
                    _mm256_permute2f128_ps::<0x20>(a, b),
                    _mm256_permute2f128_ps::<0x31>(a, b),
                );
                let cd = _mm256_add_ps(
                    _mm256_permute2f128_ps::<0x20>(c, d),
                    _mm256_permute2f128_ps::<0x31>(c, d),
                );
                // Two lanes of each, in the order a, c, b, d.
                let two = _mm256_add_ps(
                    _mm256_shuffle_ps::<0x44>(ab, cd),
                    _mm256_shuffle_ps::<0xee>(ab, cd),
                );
                let one = _mm256_add_ps(two, _mm256_permute_ps::<0xb1>(two));
                let (ac, bd) = (_mm256_castps256_ps128(one), _mm256_extractf128_ps::<1>(one));
                let all = _mm_movelh_ps(_mm_unpacklo_ps(ac, bd), _mm_unpackhi_ps(ac, bd));
                let mut sums = [0.0; FOLDED];
                _mm_storeu_ps(sums.as_mut_ptr(), all);
                sums
            }
        }

        #[inline(always)]
        fn evens_and_odds(self, [low, high]: [[__m256; 2]; 2]) -> [[__m256; 2]; 2] {
            let (low, high) = (self.halves(low), self.halves(high));
            [[low[0], high[0]], [low[1], high[1]]]
        }
    }

    impl Avx2 {
        /// The same of eight lanes each.
        #[inline(always)]
        fn halves(self, [low, high]: [__m256; 2]) -> [__m256; 2] {
            // SAFETY: the token proves the feature.
            unsafe {
                let evens = _mm256_castps_pd(_mm256_shuffle_ps::<0x88>(low, high));
                let odds = _mm256_castps_pd(_mm256_shuffle_ps::<0xdd>(low, high));
                // Pairs of them are in the order 0, 2, 1, 3.
                [
                    _mm256_castpd_ps(_mm256_permute4x64_pd::<0xd8>(evens)),
                    _mm256_castpd_ps(_mm256_permute4x64_pd::<0xd8>(odds)),
                ]
            }
        }
    }

    impl Fold for Avx512 {
        type Wide = Avx512;

        #[inline(always)]
        fn wide(self) -> Avx512 {
            self
        }

        #[inline(always)]
        fn fold(self, [a, b, c, d]: [__m512; FOLDED]) -> [f32; FOLDED] {
            // SAFETY: the token proves the features.
            unsafe {
                // Eight lanes of `a` and of `b`; of `c` and of `d`.
                let ab = _mm512_add_ps(
                    _mm512_shuffle_f32x4::<0x44>(a, b),
                    _mm512_shuffle_f32x4::<0xee>(a, b),
                );
                let cd = _mm512_add_ps(
                    _mm512_shuffle_f32x4::<0x44>(c, d),
                    _mm512_shuffle_f32x4::<0xee>(c, d),
                );
                // Four lanes of each, then two, then one.
                let four = _mm512_add_ps(
                    _mm512_shuffle_f32x4::<0x88>(ab, cd),
                    _mm512_shuffle_f32x4::<0xdd>(ab, cd),
                );
                let two = _mm512_add_ps(four, _mm512_permute_ps::<0x4e>(four));
                let one = _mm512_add_ps(two, _mm512_permute_ps::<0xb1>(two));
                let all = _mm512_maskz_compress_ps(0x1111, one);
                let mut sums = [0.0; FOLDED];
                _mm_storeu_ps(sums.as_mut_ptr(), _mm512_castps512_ps128(all));
                sums
            }
        }

        #[inline(always)]
        fn evens_and_odds(self, [low, high]: [__m512; 2]) -> [__m512; 2] {
            // SAFETY: the token proves the features.
            unsafe {
                let evens =
                    _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
                let odds = _mm512_or_si512(evens, _mm512_set1_epi32(1));
                [_mm512_permutex2var_ps(low, evens, high), _mm512_permutex2var_ps(low, odds, high)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    /// The same tree, a sum after the other.
    fn tree(mut x: [f32; PARTIALS]) -> f32 {
        for half in [8, 4, 2, 1] {
            for i in 0..half {
                x[i] += x[i + half];
            }
        }
        x[0]
    }

    #[inline(always)]
    fn check<S: Fold>(s: S) {
        // Sums that round, so that another order of them would have other bits.
        let mut rng = crate::rng::Rng::new(1, 2);
        for _ in 0..100 {
            let x: [[f32; PARTIALS]; FOLDED] =
                core::array::from_fn(|_| core::array::from_fn(|_| rng.normal()));
            assert_eq!(<S::Wide as Simd>::LANES, PARTIALS);
            let sums = s.fold(load(s.wide(), &x));
            assert_eq!(sums.map(f32::to_bits), x.map(|x| tree(x).to_bits()), "{s:?}");
        }
        let (w, pairs) = (s.wide(), [0, 1].map(|half| numbers(|i| (PARTIALS * half + i) as f32)));
        let columns = s.evens_and_odds(load(w, &pairs));
        for (j, column) in columns.into_iter().enumerate() {
            let mut found = [f32::NAN; PARTIALS];
            // SAFETY: a vector has `PARTIALS` lanes.
            unsafe { w.store(found.as_mut_ptr(), column) };
            assert_eq!(found, numbers(|i| (2 * i + j) as f32), "{s:?}");
        }
    }

    #[inline(always)]
    fn load<W: Simd, const N: usize>(w: W, rows: &[[f32; PARTIALS]; N]) -> [W::F32; N] {
        let mut vectors = [w.splat(0.0); N];
        for (vector, row) in vectors.iter_mut().zip(rows) {
            // SAFETY: a vector has `PARTIALS` lanes.
            *vector = unsafe { w.load(row.as_ptr()) };
        }
        vectors
    }

    fn numbers(f: impl Fn(usize) -> f32) -> [f32; PARTIALS] {
        core::array::from_fn(f)
    }

    #[test]
    fn lanes_are_added_and_separated_in_one_order_on_every_level() {
        for level in Level::available() {
            match level {
                Level::Portable => {}
                #[cfg(target_arch = "x86_64")]
                Level::Avx2(s) => s.vectorize(
                    #[inline(always)]
                    || check(s),
                ),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512(s) => s.vectorize(
                    #[inline(always)]
                    || check(s),
                ),
            }
        }
    }
}

//! Vectors, written once and run on every instruction set.
//!
//! A *token* such as [`Avx2`] is a zero-sized proof that the processor has the instructions: one
//! exists only where they were detected. The trait [`Simd`] gives a token its vector type and
//! operations, a kernel is a function generic over the token, and [`Level`] is the token chosen
//! at run time. `dispatch!` turns a level into a token once per call of a kernel:
//!
//! ```text
//! dispatch!(level, s => kernel(s, ...))     one match, then code compiled for that level
//! ```
//!
//! The loops over slices give kernels another token, of vectors in pairs, whose operations are those
//! of its own twice: two chains of operations wait less than one.
//!
//! # The law of inlining
//!
//! Every function generic over the token, and every method of an implementation of [`Simd`], is
//! `#[inline(always)]`. The features are switched on in one place per instruction set (the
//! `vectorize` of its token); whatever is not inlined into that frame is compiled without them,
//! and then each intrinsic in it becomes a *call*: results stay right and speed is lost tenfold.
//! For the same reason a closure handed to rayon must dispatch inside the job, never around it.
//! So may a closure that holds the token: it is `#[inline(always)]` too, or better a loop.
//! `tests/conventions.rs` checks the attributes, and `.ci/run` that no program has such calls.

pub(crate) mod apply;
mod caches;
#[doc(hidden)]
pub mod columns;
mod exponent;
mod fold;
mod level;
mod portable;
mod reduce;
pub mod slice;
mod turn;
mod twice;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_transpose;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_transpose;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use caches::Caches;
pub(crate) use exponent::{MANTISSA, TWO_THIRDS};
pub(crate) use fold::{FOLDED, Fold, PARTIALS};
pub(crate) use level::dispatch;
pub use level::{LEVEL_VARIABLE, Level};
pub use portable::Portable;
pub(crate) use turn::{QUAD, Turn};

/// Rows and columns that [`Simd::transpose`] turns at once on every level.
pub const SQUARE: usize = 8;

mod sealed {
    pub trait Sealed {}
}

/// The operations of one instruction set on vectors of [`LANES`](Simd::LANES) `f32`.
///
/// Arithmetic is IEEE 754, round to nearest. On every level but [`Portable`] `mul_add` rounds
/// once; all other operations give the same bits everywhere, so a kernel that keeps to them gives
/// the same bits on every level with a fused multiply-add.
pub trait Simd: Copy + Send + Sync + core::fmt::Debug + sealed::Sealed + 'static {
    /// A vector of `f32`.
    type F32: Copy;
    /// As many `i32`.
    type I32: Copy;
    /// As many truth values.
    type Mask: Copy;
    /// Elements in a vector.
    const LANES: usize;
    /// Rows that [`transpose`](Self::transpose) turns at most.
    const TURNED: usize = SQUARE;

    /// Runs `f` compiled with the features of this level switched on: the frame that everything
    /// generic over the token must be inlined into.
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R;

    /// `LANES` elements from memory aligned as an `f32`, no more.
    ///
    /// # Safety
    /// `src` is valid for reading `LANES` elements.
    unsafe fn load(self, src: *const f32) -> Self::F32;
    /// Writes `LANES` elements to memory aligned as an `f32`, no more.
    ///
    /// # Safety
    /// `dst` is valid for writing `LANES` elements.
    unsafe fn store(self, dst: *mut f32, x: Self::F32);
    /// The first `count` elements, and zero in the other lanes.
    ///
    /// # Safety
    /// `count <= LANES`, and `src` is valid for reading `count` elements.
    unsafe fn load_partial(self, src: *const f32, count: usize) -> Self::F32;
    /// Writes the first `count` elements; memory beyond them is not touched.
    ///
    /// # Safety
    /// `count <= LANES`, and `dst` is valid for writing `count` elements.
    unsafe fn store_partial(self, dst: *mut f32, count: usize, x: Self::F32);

    /// Transposes at most [`TURNED`](Self::TURNED) rows and [`SQUARE`] columns:
    /// `dst[j * dst_step + i]` becomes `src[i * src_step + j]`.
    ///
    /// # Safety
    /// `rows` is in `1..=TURNED`, `cols` in `1..=SQUARE`; `cols` elements are readable at each of the
    /// `rows` rows of `src`, `rows` elements writable at each of the `cols` rows of `dst`.
    #[inline(always)]
    unsafe fn transpose(
        self,
        (rows, cols): (usize, usize),
        (src, src_step): (*const f32, usize),
        (dst, dst_step): (*mut f32, usize),
    ) {
        for j in 0..cols {
            for i in 0..rows {
                // SAFETY: the caller's promise.
                unsafe { *dst.add(j * dst_step + i) = *src.add(i * src_step + j) };
            }
        }
    }
    /// A hint that the cache line of `p` will be needed; any address will do.
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        let _ = p;
    }
    /// The same, but only as far as the second-level cache.
    #[inline(always)]
    fn prefetch_l2(self, p: *const f32) {
        let _ = p;
    }

    /// `x` in every lane.
    fn splat(self, x: f32) -> Self::F32;
    /// `x` in every lane.
    fn splat_i32(self, x: i32) -> Self::I32;

    /// `a + b`
    fn add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a - b`
    fn sub(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a * b`
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a / b`
    fn div(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a * b + c`; one rounding, except on `Portable`, which may use two.
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// `c - a * b`; one rounding, except on `Portable`, which may use two.
    fn neg_mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// The square root.
    fn sqrt(self, x: Self::F32) -> Self::F32;
    /// `if a > b { a } else { b }`: where either is NaN, **`b`**. To keep the NaN of data, pass
    /// the data second.
    fn max(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `if a < b { a } else { b }`: where either is NaN, **`b`**. To keep the NaN of data, pass
    /// the data second.
    fn min(self, a: Self::F32, b: Self::F32) -> Self::F32;

    /// `a < b`, false where either is NaN.
    fn lt(self, a: Self::F32, b: Self::F32) -> Self::Mask;
    /// `a <= b`, false where either is NaN.
    fn le(self, a: Self::F32, b: Self::F32) -> Self::Mask;
    /// `a < b` of signed integers.
    fn lt_i32(self, a: Self::I32, b: Self::I32) -> Self::Mask;
    /// True where `x` is NaN.
    fn is_nan(self, x: Self::F32) -> Self::Mask;
    /// `yes` where the mask is true, `no` elsewhere.
    fn select(self, mask: Self::Mask, yes: Self::F32, no: Self::F32) -> Self::F32;
    /// Zero where the mask is true, `x` elsewhere.
    #[inline(always)]
    fn zero_where(self, mask: Self::Mask, x: Self::F32) -> Self::F32 {
        self.select(mask, self.splat(0.0), x)
    }
    /// `x` where the mask is true, zero elsewhere.
    #[inline(always)]
    fn zero_unless(self, mask: Self::Mask, x: Self::F32) -> Self::F32 {
        self.select(mask, x, self.splat(0.0))
    }

    /// `x` in the first `count` lanes, `other` in the rest; `count <= LANES`.
    fn keep_first(self, count: usize, x: Self::F32, other: Self::F32) -> Self::F32;

    /// The bits of `x`.
    fn to_bits(self, x: Self::F32) -> Self::I32;
    /// The number whose bits are `x`.
    #[allow(clippy::wrong_self_convention, reason = "`self` is the token, not the value")]
    fn from_bits(self, x: Self::I32) -> Self::F32;
    /// The integers as numbers, rounded to nearest.
    #[allow(clippy::wrong_self_convention, reason = "`self` is the token, not the value")]
    fn from_i32(self, x: Self::I32) -> Self::F32;
    /// `a + b`, wrapping.
    fn add_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// `a - b`, wrapping.
    fn sub_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// `a & b`
    fn and_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// `a | b`
    fn or_i32(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// `x << BITS`; `BITS` of 32 and more do not compile.
    ///
    /// ```compile_fail
    /// use densecore::simd::{Portable, Simd};
    /// Portable::<4>.shl::<32>([1; 4]);
    /// ```
    fn shl<const BITS: u32>(self, x: Self::I32) -> Self::I32;
    /// `x >> BITS` with copies of the sign bit shifted in; `BITS` of 32 and more do not compile.
    ///
    /// ```compile_fail
    /// use densecore::simd::{Portable, Simd};
    /// Portable::<4>.shr::<32>([1; 4]);
    /// ```
    fn shr<const BITS: u32>(self, x: Self::I32) -> Self::I32;

    /// `table[at % 8]` of each lane.
    fn look_up(self, table: &[f32; 8], at: Self::I32) -> Self::F32;

    /// `m r - 1`, rounded once, for `m` in 1..2 and a multiple `r` of 1/64 in 1/2..=1.
    #[inline(always)]
    fn mul_minus_one(self, m: Self::F32, r: Self::F32) -> Self::F32 {
        self.mul_add(m, r, self.splat(-1.0))
    }
    /// `e` and `m` of `x = 2ᵉ m`, 1 <= m < 2, for positive finite `x`, subnormal or not.
    #[inline(always)]
    fn split(self, x: Self::F32) -> (Self::F32, Self::F32) {
        exponent::split(self, x)
    }
    /// `2ⁿ (1 + t)` for an integer `n` in -150..=128: `1 + t` is rounded, and the product again where it
    /// is subnormal. `biased` is `n + 254`, give or take a multiple of 1024: a level takes `n` in the
    /// form that suits it.
    #[inline(always)]
    fn scale(self, t: Self::F32, n: Self::F32, biased: Self::I32) -> Self::F32 {
        let _ = n;
        exponent::scale(self, t, biased)
    }
    /// `y` where `x` is positive and finite; elsewhere the logarithm of `x`: negative infinity of zeros,
    /// NaN of negative numbers and NaN, infinity of infinity.
    #[inline(always)]
    fn log_at_ends(self, x: Self::F32, y: Self::F32) -> Self::F32 {
        exponent::log_at_ends(self, x, y)
    }

    /// The same for a `y` that was computed as `a e + f(m)`, `a > 0`, of what [`split`](Self::split) made of `x`:
    /// nothing, on a level where that is right at the ends too.
    #[inline(always)]
    fn log_of_split(self, x: Self::F32, y: Self::F32) -> Self::F32 {
        self.log_at_ends(x, y)
    }

    /// `|x|`
    #[inline(always)]
    fn abs(self, x: Self::F32) -> Self::F32 {
        self.from_bits(self.and_i32(self.to_bits(x), self.splat_i32(i32::MAX)))
    }
    /// `|magnitude|` with the sign of `sign`.
    #[inline(always)]
    fn copysign(self, magnitude: Self::F32, sign: Self::F32) -> Self::F32 {
        let sign = self.and_i32(self.to_bits(sign), self.splat_i32(i32::MIN));
        self.from_bits(self.or_i32(self.to_bits(self.abs(magnitude)), sign))
    }
    /// `-x`
    #[inline(always)]
    fn neg(self, x: Self::F32) -> Self::F32 {
        self.mul(self.splat(-1.0), x)
    }
    /// `a > b`, false where either is NaN.
    #[inline(always)]
    fn gt(self, a: Self::F32, b: Self::F32) -> Self::Mask {
        self.lt(b, a)
    }
}

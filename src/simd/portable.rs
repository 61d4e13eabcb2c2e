//! `Portable<N>`: vectors as arrays, for every target.
//!
//! Fixed-count loops over `[f32; N]` compile to the vector instructions that the target always
//! has (SSE2 on x86-64, NEON on aarch64). `N = 4` is what [`Level::Portable`](crate::simd::Level)
//! runs; `N = 1` is scalar code, and odd widths let tests find whatever counts on powers of two.
//! `mul_add` rounds twice: a fused one would be a library call per element here.

use super::{Simd, sealed::Sealed};

/// Vectors of `N` elements on any processor; `N` is 1 to 32.
///
/// ```compile_fail
/// use densecore::simd::{Portable, Simd};
/// assert_eq!(<Portable<64> as Simd>::LANES, 64); // does not compile
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portable<const N: usize>;

#[inline(always)]
fn map<T: Copy, U: Copy + Default, const N: usize>(x: [T; N], f: impl Fn(T) -> U) -> [U; N] {
    let mut out = [U::default(); N];
    for i in 0..N {
        out[i] = f(x[i]);
    }
    out
}

#[inline(always)]
fn zip<T: Copy, U: Copy + Default, const N: usize>(
    a: [T; N],
    b: [T; N],
    f: impl Fn(T, T) -> U,
) -> [U; N] {
    let mut out = [U::default(); N];
    for i in 0..N {
        out[i] = f(a[i], b[i]);
    }
    out
}

impl<const N: usize> Sealed for Portable<N> {}

impl<const N: usize> Simd for Portable<N> {
    type F32 = [f32; N];
    type I32 = [i32; N];
    type Mask = [bool; N];
    const LANES: usize = {
        // Sweeps over slices would not advance with none, nor reductions with more than 32.
        assert!(0 < N && N <= 32, "Portable<N> has 1 to 32 lanes");
        N
    };

    #[inline]
    fn vectorize<R>(self, f: impl FnOnce() -> R) -> R {
        f()
    }

    #[inline(always)]
    unsafe fn load(self, src: *const f32) -> [f32; N] {
        // SAFETY: the caller's promise; an array of f32 has the alignment of f32.
        unsafe { src.cast::<[f32; N]>().read() }
    }
    #[inline(always)]
    unsafe fn store(self, dst: *mut f32, x: [f32; N]) {
        // SAFETY: the caller's promise; an array of f32 has the alignment of f32.
        unsafe { dst.cast::<[f32; N]>().write(x) }
    }
    #[inline(always)]
    unsafe fn load_partial(self, src: *const f32, count: usize) -> [f32; N] {
        let mut out = [0.0; N];
        for (i, lane) in out.iter_mut().enumerate().take(count) {
            // SAFETY: `i < count`, which the caller promises to be readable.
            *lane = unsafe { src.add(i).read() };
        }
        out
    }
    #[inline(always)]
    unsafe fn store_partial(self, dst: *mut f32, count: usize, x: [f32; N]) {
        for (i, &lane) in x.iter().enumerate().take(count) {
            // SAFETY: `i < count`, which the caller promises to be writable.
            unsafe { dst.add(i).write(lane) }
        }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> [f32; N] {
        [x; N]
    }
    #[inline(always)]
    fn splat_i32(self, x: i32) -> [i32; N] {
        [x; N]
    }
    #[inline(always)]
    fn add(self, a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn mul_add(self, a: [f32; N], b: [f32; N], c: [f32; N]) -> [f32; N] {
        self.add(self.mul(a, b), c)
    }
    #[inline(always)]
    fn neg_mul_add(self, a: [f32; N], b: [f32; N], c: [f32; N]) -> [f32; N] {
        self.sub(c, self.mul(a, b))
    }
    #[inline(always)]
    fn sqrt(self, x: [f32; N]) -> [f32; N] {
        map(x, f32::sqrt)
    }
    #[inline(always)]
    fn max(self, a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, a: [f32; N], b: [f32; N]) -> [f32; N] {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn lt(self, a: [f32; N], b: [f32; N]) -> [bool; N] {
        zip(a, b, |a, b| a < b)
    }
    #[inline(always)]
    fn le(self, a: [f32; N], b: [f32; N]) -> [bool; N] {
        zip(a, b, |a, b| a <= b)
    }
    #[inline(always)]
    fn lt_i32(self, a: [i32; N], b: [i32; N]) -> [bool; N] {
        zip(a, b, |a, b| a < b)
    }
    #[inline(always)]
    fn is_nan(self, x: [f32; N]) -> [bool; N] {
        map(x, f32::is_nan)
    }
    #[inline(always)]
    fn select(self, mask: [bool; N], yes: [f32; N], no: [f32; N]) -> [f32; N] {
        let mut out = no;
        for i in 0..N {
            out[i] = if mask[i] { yes[i] } else { no[i] };
        }
        out
    }
    #[inline(always)]
    fn keep_first(self, count: usize, x: [f32; N], other: [f32; N]) -> [f32; N] {
        let mut out = other;
        for i in 0..N {
            out[i] = if i < count { x[i] } else { other[i] };
        }
        out
    }
    #[inline(always)]
    fn to_bits(self, x: [f32; N]) -> [i32; N] {
        map(x, |x| x.to_bits().cast_signed())
    }
    #[inline(always)]
    fn from_bits(self, x: [i32; N]) -> [f32; N] {
        map(x, |x| f32::from_bits(x.cast_unsigned()))
    }
    #[inline(always)]
    fn from_i32(self, x: [i32; N]) -> [f32; N] {
        map(x, |x| x as f32)
    }
    #[inline(always)]
    fn add_i32(self, a: [i32; N], b: [i32; N]) -> [i32; N] {
        zip(a, b, i32::wrapping_add)
    }
    #[inline(always)]
    fn sub_i32(self, a: [i32; N], b: [i32; N]) -> [i32; N] {
        zip(a, b, i32::wrapping_sub)
    }
    #[inline(always)]
    fn and_i32(self, a: [i32; N], b: [i32; N]) -> [i32; N] {
        zip(a, b, |a, b| a & b)
    }
    #[inline(always)]
    fn or_i32(self, a: [i32; N], b: [i32; N]) -> [i32; N] {
        zip(a, b, |a, b| a | b)
    }
    #[inline(always)]
    fn shl<const BITS: u32>(self, x: [i32; N]) -> [i32; N] {
        const { assert!(BITS < 32) };
        map(x, |x| x << BITS)
    }
    #[inline(always)]
    fn shr<const BITS: u32>(self, x: [i32; N]) -> [i32; N] {
        const { assert!(BITS < 32) };
        map(x, |x| x >> BITS)
    }
    #[inline(always)]
    fn look_up(self, table: &[f32; 8], at: [i32; N]) -> [f32; N] {
        map(at, |at| table[at as usize % 8])
    }
    #[inline(always)]
    fn mul_minus_one(self, m: [f32; N], r: [f32; N]) -> [f32; N] {
        zip(m, r, |m, r| {
            // Products of half of the bits each are exact, and so is the difference of the upper one.
            let upper = f32::from_bits(m.to_bits() & !0xfff);
            (upper * r - 1.0) + (m - upper) * r
        })
    }
}

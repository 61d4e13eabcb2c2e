//! How long it takes to load and store as many arrays as a function does: what reads and writes each
//! once and computes something besides is hardly faster.

use densecore::simd::{Level, Simd};

use crate::measure::{Batch, Lines, batch, random};

/// What a function does with its arrays.
#[derive(Clone, Copy)]
pub struct Traffic {
    /// Arrays that are only read.
    pub read: usize,
    /// Arrays that are read and written.
    pub updated: usize,
    /// Arrays that are only written.
    pub written: usize,
}

/// Elements from which threads share the arrays; fewer would not be worth waking one.
const SHARED: usize = 1 << 16;

/// A pass over such arrays of `len` elements, a part for each thread.
pub fn alone(traffic: Traffic, len: usize, threads: usize) -> impl FnMut(f64) -> Batch {
    let Traffic { read, updated, written } = traffic;
    let pass = match (read, updated, written) {
        (1, 0, 1) => pass::<1, 1, 2>,
        (2, 0, 1) => pass::<2, 2, 3>,
        (1, 1, 0) => pass::<1, 2, 2>,
        (1, 2, 0) => pass::<1, 3, 3>,
        (1, 3, 0) => pass::<1, 4, 4>,
        _ => unreachable!("no function has such arrays"),
    };
    let mut arrays: Vec<_> =
        (0..read + updated + written).map(|i| Lines::of(&random(len, i as u64))).collect();
    let threads = if len < SHARED { 1 } else { threads };
    // Whole cache lines.
    let each = len.div_ceil(threads).next_multiple_of(16);
    move |seconds| {
        let count = len.div_ceil(each);
        let mut parts: Vec<Vec<&mut [f32]>> = (0..count).map(|_| Vec::new()).collect();
        for array in &mut arrays {
            let pieces = array.chunks_mut(each);
            parts.iter_mut().zip(pieces).for_each(|(part, piece)| part.push(piece));
        }
        batch(seconds, || {
            rayon::scope(|scope| {
                let (own, others) = parts.split_first_mut().expect("there is a thread");
                others.iter_mut().for_each(|part| scope.spawn(|_| pass(part)));
                pass(own);
            });
        })
    }
}

/// Loads the first `LOADED` of `ALL` arrays, and stores something in all but the first `READ`; what is
/// left over by the loop's step is a few elements of thousands.
fn pass<const READ: usize, const LOADED: usize, const ALL: usize>(arrays: &mut [&mut [f32]]) {
    /// # Safety
    /// The arrays are writable for `len` elements.
    unsafe fn vectors<S: Simd, const READ: usize, const LOADED: usize, const ALL: usize>(
        s: S,
        arrays: [*mut f32; ALL],
        len: usize,
    ) {
        s.vectorize(
            #[inline(always)]
            || {
                for block in 0..len / (2 * S::LANES) {
                    for i in [2 * block * S::LANES, (2 * block + 1) * S::LANES] {
                        let mut x = s.splat(f32::MIN);
                        for array in &arrays[..LOADED] {
                            // SAFETY: `i + LANES <= len`, and the caller's promise.
                            x = s.max(x, unsafe { s.load(array.add(i)) });
                        }
                        for array in &arrays[READ..] {
                            // SAFETY: as above.
                            unsafe { s.store(array.add(i), x) };
                        }
                    }
                }
            },
        );
    }
    let len = arrays.iter().map(|array| array.len()).min().unwrap_or(0);
    let arrays = core::array::from_fn(|i| arrays[i].as_mut_ptr());
    // SAFETY: each array is borrowed for writing, and the shortest has `len` elements.
    unsafe {
        match Level::detect() {
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(s) => vectors::<_, READ, LOADED, ALL>(s, arrays, len),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(s) => vectors::<_, READ, LOADED, ALL>(s, arrays, len),
            _ => vectors::<_, READ, LOADED, ALL>(densecore::simd::Portable::<4>, arrays, len),
        }
    }
}

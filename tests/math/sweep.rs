//! A function against its exact values, over all inputs or every so many.

use densecore::simd::Level;

use crate::functions::Function;

/// Two results that are the same number to the bit, or both NaN.
pub fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// The largest errors at each level, in ULP and absolute, and the inputs where they are.
type Worst = Vec<[(f64, f32); 2]>;

/// Compares every `stride`-th bit pattern of `from..to`: each level with the reference, the other
/// widths and the other levels with FMA to the bit.
fn sweep_range(f: &Function, levels: &[Level], from: u64, to: u64, stride: usize) -> Worst {
    const CHUNK: usize = 4096;
    let mut worst = vec![[(0.0, 0.0); 2]; levels.len()];
    let mut all = (from..to).step_by(stride).map(|bits| f32::from_bits(bits as u32)).peekable();
    while all.peek().is_some() {
        let part = all.by_ref().take(CHUNK);
        let src: Vec<f32> = part.filter(|&x| x <= f.up_to || x.is_nan()).collect();
        let want: Vec<f64> = src.iter().map(|&x| f.exact(x.into())).collect();
        let got: Vec<_> = levels.iter().map(|&level| f.run(level, &src)).collect();
        for (worst, got) in worst.iter_mut().zip(&got) {
            for i in 0..src.len() {
                let errors = f.error(src[i], got[i], want[i]);
                for (worst, error) in worst.iter_mut().zip(errors) {
                    *worst = if error <= worst.0 { *worst } else { (error, src[i]) };
                }
            }
        }
        for got in &got {
            let is_ordered = !f.grows || is_ordered(&src, got);
            assert!(is_ordered, "{}: not monotone near {:e}", f.name, src[0]);
        }
        for two in got.windows(2).skip(1) {
            assert!((0..src.len()).all(|i| same(two[0][i], two[1][i])), "{}: levels", f.name);
        }
        if stride > 1 {
            check_widths(f, &src, &got[0]);
        }
    }
    worst
}

/// Of a function that grows, the rounded results must not fall from one input to the next.
fn is_ordered(x: &[f32], y: &[f32]) -> bool {
    (1..x.len()).all(|i| {
        let (low, high) = if x[i] > x[i - 1] { (y[i - 1], y[i]) } else { (y[i], y[i - 1]) };
        low <= high || low.is_nan() || high.is_nan()
    })
}

fn check_widths(f: &Function, src: &[f32], portable: &[f32]) {
    let mut dst = vec![0.0; src.len()];
    for width in f.widths {
        width(src, &mut dst);
        assert!((0..src.len()).all(|i| same(dst[i], portable[i])), "{}: widths", f.name);
    }
}

/// Every 199th bit pattern, or all with `DENSECORE_EXHAUSTIVE=1`.
pub fn sweep(f: &Function) {
    let exhaustive = std::env::var("DENSECORE_EXHAUSTIVE").is_ok_and(|value| value == "1");
    let (stride, threads) = match exhaustive {
        true => (1, std::thread::available_parallelism().map_or(1, usize::from) as u64),
        false => (199, 1),
    };
    let levels: Vec<Level> = Level::available().collect();
    // More parts than threads: some ranges are quick, such as the NaNs.
    let part = (1 << 32) / 64;
    let worst_of = |first: u64| {
        let parts = (first..64).step_by(threads as usize);
        parts.map(|i| sweep_range(f, &levels, i * part, (i + 1) * part, stride)).collect::<Vec<_>>()
    };
    let worst: Vec<Worst> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|t| scope.spawn(move || worst_of(t))).collect();
        started.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (i, level) in levels.iter().enumerate() {
        let larger = |a: (f64, f32), b: (f64, f32)| if b.0 <= a.0 { a } else { b };
        let of = |kind: usize| worst.iter().map(|w| w[i][kind]).fold((0.0, 0.0), larger);
        let ((ulp, at), (absolute, there)) = (of(0), of(1));
        println!(
            "{} {level}: {ulp:.4} ULP at {at:e}, {absolute:.3e} at {there:e}, every {stride}",
            f.name
        );
        assert!(ulp > 0.4 || absolute > 1e-8, "{} {level}: nothing was compared", f.name);
        assert!(ulp <= f.max_ulp, "{} {level}: {ulp} ULP at {at:e}", f.name);
        assert!(absolute <= f.max_error, "{} {level}: {absolute:e} off at {there:e}", f.name);
    }
}

//! What is right, written as plainly as it can be. Matrices are row-major without gaps.

/// `A.B` for `a [m, k]` and `b [k, n]`, in f64.
pub fn matmul((m, n, k): (usize, usize, usize), a: &[f32], b: &[f32]) -> Vec<f64> {
    let term = |i, j, p| f64::from(a[i * k + p]) * f64::from(b[p * n + j]);
    let element = |i, j| (0..k).fold(0.0, |sum, p| sum + term(i, j, p));
    (0..m * n).map(|at| element(at / n, at % n)).collect()
}

/// The product of integers, which f32 holds exactly, added to `start [m, n]` if there is one.
pub fn exact(
    shape: (usize, usize, usize),
    a: &[f32],
    b: &[f32],
    start: Option<&[f32]>,
) -> Vec<f32> {
    let mut product: Vec<f32> = matmul(shape, a, b).into_iter().map(|x| x as f32).collect();
    for (x, &start) in product.iter_mut().zip(start.unwrap_or(&[])) {
        *x += start;
    }
    product
}

/// `|A|.|B|`, in which the error bound of a product is expressed.
pub fn magnitudes(shape: (usize, usize, usize), a: &[f32], b: &[f32]) -> Vec<f64> {
    let abs = |x: &[f32]| -> Vec<f32> { x.iter().map(|x| x.abs()).collect() };
    matmul(shape, &abs(a), &abs(b))
}

/// `start + A.B` as one chain of fused multiply-adds for each element, in the order of k.
#[expect(clippy::disallowed_methods, reason = "the reference wants the library's fused mul_add")]
pub fn chain(
    (m, n, k): (usize, usize, usize),
    a: &[f32],
    b: &[f32],
    start: impl Fn(usize, usize) -> f32,
) -> Vec<f32> {
    let element = |i, j| (0..k).fold(start(i, j), |sum, p| a[i * k + p].mul_add(b[p * n + j], sum));
    (0..m * n).map(|at| element(at / n, at % n)).collect()
}

/// `start + A.B` as sixteen such chains for each element: chain `q` adds up the steps `q`, `q + 16` and so on. Of
/// these, `q` and `q + 8` are added, then `q` and `q + 4`, `q + 2`, `q + 1`, and `start` comes last.
#[expect(clippy::disallowed_methods, reason = "the reference wants the library's fused mul_add")]
pub fn sixteen_chains(
    (m, n, k): (usize, usize, usize),
    a: &[f32],
    b: &[f32],
    start: impl Fn(usize, usize) -> Option<f32>,
) -> Vec<f32> {
    let element = |i: usize, j: usize| {
        let mut chains = [0.0f32; 16];
        for p in 0..k {
            chains[p % 16] = a[i * k + p].mul_add(b[p * n + j], chains[p % 16]);
        }
        for half in [8, 4, 2, 1] {
            for q in 0..half {
                chains[q] += chains[q + half];
            }
        }
        start(i, j).map_or(chains[0], |start| start + chains[0])
    };
    (0..m * n).map(|at| element(at / n, at % n)).collect()
}

/// `a * b + c` with one rounding, from f64: the product is exact, the sum is rounded to odd, and
/// a number rounded to odd may be rounded again without harm (Boldo and Melquiond 2008).
pub fn fused(a: f32, b: f32, c: f32) -> f32 {
    let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + c;
    if !sum.is_finite() {
        return sum as f32;
    }
    // What the rounding of the sum left over, exactly (Knuth's two-sum).
    let c_part = sum - product;
    let error = (product - (sum - c_part)) + (c - c_part);
    let is_even = sum.to_bits() & 1 == 0;
    if error == 0.0 || !is_even {
        return sum as f32;
    }
    // Of the two neighbours that enclose the true sum, the odd one.
    let away_from_zero = (error > 0.0) == (sum > 0.0);
    let bits = if away_from_zero { sum.to_bits() + 1 } else { sum.to_bits() - 1 };
    f64::from_bits(bits) as f32
}

/// `rows x cols` elements with rows and columns exchanged.
pub fn transposed(rows: usize, cols: usize, x: &[f32]) -> Vec<f32> {
    (0..rows * cols).map(|at| x[at % rows * cols + at / rows]).collect()
}

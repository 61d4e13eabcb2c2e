//! The product at `Level::Portable`: the crate `matrixmultiply`, which brings kernels for many
//! processors, then the epilogue on the finished block.
//!
//! It allocates its packing buffers in each call, which this crate's own kernels do not.

use super::epilogue::Beside;
use super::finish::finish_all;
use super::{Product, Start};
use crate::simd::Level;
use crate::tensor::ViewMut;

/// Computes `product`, which is not consumed, into `c`, which has its shape.
pub(super) fn product(product: &Product<'_>, mut c: ViewMut<'_>, beside: Option<&mut Beside<'_>>) {
    debug_assert!(!product.is_consumed);
    let ((m, n), k) = (c.shape(), product.a.cols());
    let beta = match product.start {
        // Written here where nothing else would write: with k = 0 there is no product.
        Start::Zero if k == 0 => fill_rows(&mut c, |row| row.fill(0.0)),
        Start::Zero => 0.0,
        Start::Bias(bias) => fill_rows(&mut c, |row| {
            for (c, &b) in row.iter_mut().zip(bias) {
                *c = if k == 0 { b } else { positive_zero(b) };
            }
        }),
        Start::Output if k == 0 => 1.0,
        Start::Output => fill_rows(&mut c, |row| {
            for c in row {
                *c = positive_zero(*c);
            }
        }),
    };
    if k > 0 {
        let (a, b) = (product.a, product.b);
        let steps = |row: usize, col: usize| (row as isize, col as isize);
        let ((rsa, csa), (rsb, csb)) =
            (steps(a.row_step(), a.col_step()), steps(b.row_step(), b.col_step()));
        let c_row_step = c.stride() as isize;
        // SAFETY: the operands are readable at these strides over `m x k` and `k x n` elements,
        // the shapes having been checked, and `c` is ours to write over `m x n`, apart from both.
        unsafe {
            matrixmultiply::sgemm(
                m,
                k,
                n,
                1.0,
                a.as_ptr(),
                rsa,
                csa,
                b.as_ptr(),
                rsb,
                csb,
                beta,
                c.as_mut_ptr(),
                c_row_step,
                1,
            );
        }
    }
    finish_all(Level::Portable, product, c, beside);
}

/// `x`, but +0 for -0. A sum that starts at -0 and underflows has the sign of its place in the
/// tile: full tiles of `matrixmultiply` add to C, the others to a zero that is then added to C.
fn positive_zero(x: f32) -> f32 {
    x + 0.0
}

/// Prepares C so that the product is added to it; returns the factor that says so.
fn fill_rows(c: &mut ViewMut<'_>, fill: impl Fn(&mut [f32])) -> f32 {
    for row in c.iter_rows_mut() {
        fill(row);
    }
    1.0
}

//! One adapter for each library. densecore comes first.

use densecore::gemm::{Accum, Identity, Operand, PackedWeight, Start, matmul, matmul_packed};
use densecore::{Cpu, Scratch, View, ViewMut};

use super::blas;
use super::rows::{Layout, Row};

/// A library that multiplies matrices.
pub trait Library {
    fn name(&self) -> &'static str;
    /// What may be done once for many products with the same `b`.
    fn prepare(&mut self, _row: &Row, _b: &[f32]) {}
    /// `c = a . b`, the operands stored as the row's layout says.
    fn multiply(&mut self, row: &Row, a: &[f32], b: &[f32], c: &mut [f32]);
}

/// How many of [`all`] are densecore's own: the product, and that with a packed weight.
pub const OURS: usize = 2;

/// All that are there, densecore first.
pub fn all(threads: usize) -> Vec<Box<dyn Library>> {
    let cpu = if threads > 1 { Cpu::detect() } else { Cpu::serial() };
    let mut all: Vec<Box<dyn Library>> = vec![
        Box::new(Densecore { cpu, scratch: Scratch::new() }),
        Box::new(Prepacked { cpu, scratch: Scratch::new(), weight: None }),
        Box::new(MatrixMultiply),
        Box::new(Gemm { threads }),
        Box::new(Gemmkit { threads }),
    ];
    all.extend(blas::found());
    all
}

/// Distances between rows and between columns of A and of B.
fn steps(row: &Row) -> ([isize; 2], [isize; 2]) {
    let [m, n, k] = [row.m, row.n, row.k].map(|size| size as isize);
    let a = if row.layout == Layout::Tn { [1, m] } else { [k, 1] };
    let b = if row.layout == Layout::Nt { [1, k] } else { [n, 1] };
    (a, b)
}

struct Densecore {
    cpu: Cpu,
    scratch: Scratch,
}

impl Library for Densecore {
    fn name(&self) -> &'static str {
        "densecore"
    }
    fn multiply(&mut self, row: &Row, a: &[f32], b: &[f32], c: &mut [f32]) {
        let c = ViewMut::new(row.m, row.n, c).expect("the length fits");
        matmul(self.cpu, &mut self.scratch, left(row, a), right(row, b), Accum::Replace, c)
            .expect("the shapes fit");
    }
}

fn left<'a>(row: &Row, a: &'a [f32]) -> Operand<'a> {
    match row.layout {
        Layout::Tn => View::new(row.k, row.m, a).expect("the length fits").t().into(),
        _ => View::new(row.m, row.k, a).expect("the length fits").into(),
    }
}

fn right<'a>(row: &Row, b: &'a [f32]) -> Operand<'a> {
    match row.layout {
        Layout::Nt => View::new(row.n, row.k, b).expect("the length fits").t().into(),
        _ => View::new(row.k, row.n, b).expect("the length fits").into(),
    }
}

struct Prepacked {
    cpu: Cpu,
    scratch: Scratch,
    weight: Option<PackedWeight>,
}

impl Library for Prepacked {
    fn name(&self) -> &'static str {
        "prepacked"
    }
    fn prepare(&mut self, row: &Row, b: &[f32]) {
        self.weight = Some(PackedWeight::new(self.cpu, right(row, b)).expect("there is memory"));
    }
    fn multiply(&mut self, row: &Row, a: &[f32], _: &[f32], c: &mut [f32]) {
        let weight = self.weight.as_ref().expect("it was prepared");
        let (a, c) = (left(row, a), ViewMut::new(row.m, row.n, c).expect("the length fits"));
        matmul_packed(self.cpu, &mut self.scratch, a, weight, Start::Zero, &Identity, c)
            .expect("the shapes fit");
    }
}

struct MatrixMultiply;

impl Library for MatrixMultiply {
    fn name(&self) -> &'static str {
        "matrixmult."
    }
    fn multiply(&mut self, row: &Row, a: &[f32], b: &[f32], c: &mut [f32]) {
        let Row { m, n, k, .. } = *row;
        let ([rsa, csa], [rsb, csb]) = steps(row);
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: the slices hold `m x k`, `k x n` and `m x n` elements at these strides.
        unsafe {
            matrixmultiply::sgemm(m, k, n, 1.0, a, rsa, csa, b, rsb, csb, 0.0, c, n as isize, 1);
        }
    }
}

struct Gemm {
    threads: usize,
}

impl Library for Gemm {
    fn name(&self) -> &'static str {
        "gemm"
    }
    fn multiply(&mut self, row: &Row, a: &[f32], b: &[f32], c: &mut [f32]) {
        let Row { m, n, k, .. } = *row;
        let ([rsa, csa], [rsb, csb]) = steps(row);
        let parallelism = match self.threads {
            1 => gemm::Parallelism::None,
            threads => gemm::Parallelism::Rayon(threads),
        };
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: the slices hold `m x k`, `k x n` and `m x n` elements at these strides.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                c,
                1,
                n as isize,
                false,
                a,
                csa,
                rsa,
                b,
                csb,
                rsb,
                0.0,
                1.0,
                false,
                false,
                false,
                parallelism,
            );
        }
    }
}

struct Gemmkit {
    threads: usize,
}

impl Library for Gemmkit {
    fn name(&self) -> &'static str {
        "gemmkit"
    }
    fn multiply(&mut self, row: &Row, a: &[f32], b: &[f32], c: &mut [f32]) {
        use gemmkit::{MatMut, MatRef, Parallelism};
        let Row { layout, m, n, k } = *row;
        let parallelism = match self.threads {
            1 => Parallelism::Serial,
            threads => Parallelism::Rayon(threads),
        };
        let a = match layout {
            Layout::Tn => MatRef::from_col_major(a, m, k),
            _ => MatRef::from_row_major(a, m, k),
        };
        let b = match layout {
            Layout::Nt => MatRef::from_col_major(b, k, n),
            _ => MatRef::from_row_major(b, k, n),
        };
        gemmkit::gemm(1.0, a, b, 0.0, MatMut::from_row_major(c, m, n), parallelism);
    }
}

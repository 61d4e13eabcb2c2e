//! The matrix product: NN, NT and TN on one thread and on all, verified before it is timed.
//!
//! `cargo bench --bench gemm`, or `cargo bench --bench gemm -- 512x512x512` for some rows.

mod common;

use common::{dot, group, peak, random, report, verify};
use criterion::{Criterion, criterion_group, criterion_main};
use densecore::gemm::{Accum, matmul};
use densecore::{Cpu, Scratch, Tensor};

/// m, n, k: layers of small and large networks, and the shapes between.
const SHAPES: [(usize, usize, usize); 12] = [
    (4, 3, 2),
    (16, 16, 16),
    (100, 100, 100),
    (1, 128, 784),
    (10, 30, 784),
    (64, 128, 784),
    (256, 512, 512),
    (512, 512, 512),
    (333, 777, 555),
    (1024, 1024, 1024),
    (512, 4096, 4096),
    (2000, 2000, 17),
];

fn products(criterion: &mut Criterion) {
    let peak = peak();
    println!("peak of one core: {:.1} GF/s", peak / 1e9);
    for (m, n, k) in SHAPES {
        let mut group = group(criterion, &format!("gemm/{m}x{n}x{k}"));
        let (a, b) = (random(m, k, 1), random(k, n, 2));
        let (at, bt) = (transposed(&a), transposed(&b));
        let mut c = random(m, n, 3);
        let mut scratch = Scratch::new();
        for cpu in [Cpu::serial(), Cpu::detect()] {
            let threads = cpu.threads();
            for layout in ["NN", "NT", "TN"] {
                let mut run = |c: &mut Tensor| {
                    let (a, at, b, bt) = (a.view(), at.view(), b.view(), bt.view());
                    let c = c.view_mut();
                    match layout {
                        "NN" => matmul(cpu, &mut scratch, a, b, Accum::Replace, c),
                        "NT" => matmul(cpu, &mut scratch, a, bt.t(), Accum::Replace, c),
                        _ => matmul(cpu, &mut scratch, at.t(), b, Accum::Replace, c),
                    }
                    .expect("the shapes fit");
                };
                let name = format!("{layout} {threads} thread(s)");
                run(&mut c);
                verify(&name, &c, |i, j| dot(k, |p| row(&a, i)[p], |p| row(&bt, j)[p]));
                report(&mut group, peak, (&name, threads), 2 * m * n * k, || run(&mut c));
                c.as_mut_slice().fill(f32::NAN);
            }
        }
        group.finish();
    }
}

fn transposed(t: &Tensor) -> Tensor {
    let (rows, cols) = t.shape();
    let data = (0..rows * cols).map(|i| t.as_slice()[i % rows * cols + i / rows]).collect();
    Tensor::from_vec(cols, rows, data).expect("the length is rows * cols")
}

fn row(t: &Tensor, i: usize) -> &[f32] {
    t.row(i).unwrap_or(&[])
}

criterion_group!(benches, products);
criterion_main!(benches);

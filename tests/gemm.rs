//! The laws of the matrix product, by name: one file per subject, one [`Case`] for all.
//!
//! Most laws are tested on integers, whose sums f32 holds exactly in any order: no tolerance.

mod common;

#[path = "gemm/beside.rs"]
mod beside;
#[path = "gemm/bits.rs"]
mod bits;
#[path = "gemm/boundaries.rs"]
mod boundaries;
#[path = "gemm/counting.rs"]
mod counting;
#[path = "gemm/drawn.rs"]
mod drawn;
#[path = "gemm/epilogues.rs"]
mod epilogues;
#[path = "gemm/errors.rs"]
mod errors;
#[path = "gemm/exact.rs"]
mod exact;
#[path = "gemm/laws.rs"]
mod laws;
#[path = "gemm/memory.rs"]
mod memory;
#[path = "gemm/packed.rs"]
mod packed;
#[path = "gemm/paths.rs"]
mod paths;

use common::{Layout, Matrix, Stored, reference};
use densecore::gemm::{Accum, matmul};
use densecore::simd::Caches;
use densecore::{Cpu, Scratch};

/// Caches so small that a block of B is one panel wide, so that loop 3 turns on small matrices.
/// (No cache moves the boundaries of k and m: the file `boundaries` is about those.)
const TINY: Caches = Caches { l1: 0, l2: 0, l3: 0 };

/// Caches with a block of B of a few panels: `nc` is at most 64.
const SMALL: Caches = Caches { l1: 4 << 10, l2: 256 << 10, l3: 1 << 20 };

/// One product: shape, how its operands are stored, and what happens to the output's values.
#[derive(Clone, Copy, Debug)]
struct Case {
    m: usize,
    n: usize,
    k: usize,
    a_is_transposed: bool,
    b_is_transposed: bool,
    accum: Accum,
    a: Layout,
    b: Layout,
    c: Layout,
}

impl Case {
    /// NN, replacing, operands in memory of exactly their size, the output guarded.
    fn new((m, n, k): (usize, usize, usize)) -> Self {
        Case {
            m,
            n,
            k,
            a_is_transposed: false,
            b_is_transposed: false,
            accum: Accum::Replace,
            a: Layout::EXACT,
            b: Layout::EXACT,
            c: Layout::GUARDED,
        }
    }

    fn shape(&self) -> (usize, usize, usize) {
        (self.m, self.n, self.k)
    }

    /// The same with the operands stored as variant `i` of NN, NT, TN, TT says.
    fn stored(self, i: usize) -> Self {
        Case { a_is_transposed: i & 2 != 0, b_is_transposed: i & 1 != 0, ..self }
    }

    /// The same with another treatment of the output's values.
    fn with(self, accum: Accum) -> Self {
        Case { accum, ..self }
    }

    /// The product of `a [m, k]` and `b [k, n]`, added to `c [m, n]` with `Accum::Add`. Otherwise
    /// the output is NaN before. Checks that nothing was written outside of the output.
    fn run(&self, cpu: Cpu, scratch: &mut Scratch, a: &[f32], b: &[f32], c: &[f32]) -> Vec<f32> {
        let a = Stored::new((self.m, self.k), self.a_is_transposed, self.a, a);
        let b = Stored::new((self.k, self.n), self.b_is_transposed, self.b, b);
        let mut output = match self.accum {
            Accum::Replace => Matrix::filled(self.m, self.n, self.c, f32::NAN),
            Accum::Add => Matrix::new(self.m, self.n, self.c, c),
        };
        scratch.poison();
        matmul(cpu, scratch, a.operand(), b.operand(), self.accum, output.view_mut())
            .unwrap_or_else(|error| panic!("{error}; {self:?}"));
        output.assert_intact(self);
        output.values()
    }

    /// What [`run`](Case::run) must return for integers.
    fn exact(&self, a: &[f32], b: &[f32], c: &[f32]) -> Vec<f32> {
        reference::exact(self.shape(), a, b, (self.accum == Accum::Add).then_some(c))
    }
}

/// The first `cols` columns of the first `rows` rows of a matrix with `stride` columns.
fn corner(x: &[f32], stride: usize, rows: usize, cols: usize) -> Vec<f32> {
    (0..rows).flat_map(|i| x[i * stride..][..cols].iter().copied()).collect()
}

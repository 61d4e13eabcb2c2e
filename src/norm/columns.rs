//! Sums over columns, each in an order that depends on the number of rows only.
//!
//! A column is summed in blocks of 64 rows, whose sums are added: an error grows with `64 +
//! rows / 64` roundings instead of `rows`. Threads divide the columns.

use crate::cpu::Cpu;
use crate::gemm::Accum;
use crate::parallel::for_each_run;
use crate::simd::slice::{self, Update};
use crate::simd::{Simd, dispatch};
use crate::tensor::View;
use core::ops::Range;

/// Rows of a block.
const ROWS: usize = 64;

/// Columns that are summed at once: 1 KiB of sums in the first-level cache.
const COLS: usize = 256;

/// What is summed.
pub(super) trait Term: Sync {
    /// Adds the terms of row `i` in the columns `cols` to `sums`, as many.
    fn add<S: Simd>(&self, s: S, i: usize, cols: Range<usize>, sums: &mut [f32]);
}

/// `sums[j] = sum over i < rows of the term of (i, j)`, or added to what is there.
pub(super) fn column_sums(cpu: Cpu, rows: usize, accum: Accum, sums: &mut [f32], term: &impl Term) {
    let elements = (rows as u64).saturating_mul(sums.len() as u64);
    for_each_run(cpu, elements, sums, &|first, sums| {
        for (part, sums) in sums.chunks_mut(COLS).enumerate() {
            let start = first + part * COLS;
            let cols = start..start + sums.len();
            if accum == Accum::Replace {
                sums.fill(0.0);
            }
            dispatch!(cpu.level(), s => strip(s, rows, cols, sums, term));
        }
    });
}

/// Adds the sums of the columns `cols`.
#[inline(always)]
fn strip<S: Simd>(s: S, rows: usize, cols: Range<usize>, sums: &mut [f32], term: &impl Term) {
    let mut block = [0.0; COLS];
    let block = &mut block[..sums.len().min(COLS)];
    let mut first = 0;
    while first < rows {
        block.fill(0.0);
        for i in first..rows.min(first + ROWS) {
            term.add(s, i, cols.clone(), block);
        }
        slice::update(s, &AddTo, [&*block], [&mut *sums]);
        first += ROWS;
    }
}

/// The elements of row `i` in the columns `cols`; none where the matrix has none.
#[inline(always)]
pub(super) fn part<'a>(matrix: View<'a>, i: usize, cols: Range<usize>) -> &'a [f32] {
    matrix.row(i).and_then(|row| row.get(cols)).unwrap_or(&[])
}

/// The elements of a matrix.
pub(super) struct Elements<'a>(pub View<'a>);

impl Term for Elements<'_> {
    #[inline(always)]
    fn add<S: Simd>(&self, s: S, i: usize, cols: Range<usize>, sums: &mut [f32]) {
        slice::update(s, &AddTo, [part(self.0, i, cols)], [sums]);
    }
}

/// `sum + x`
struct AddTo;

impl Update<1, 1> for AddTo {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x]: [S::F32; 1], [sum]: [S::F32; 1]) -> [S::F32; 1] {
        [s.add(sum, x)]
    }
}

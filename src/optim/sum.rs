//! Sums over parameters or gradients, in f64 and in a fixed order.
//!
//! Runs of 64 elements, each in 16 partial sums; blocks of 64 runs; then a tree over the blocks
//! whose shape depends on the length only. So neither threads nor levels change a bit. The square of
//! an f32 is exact in f64, and too small to overflow there.

use crate::cpu::Cpu;
use crate::parallel::{Rows, sum_rows};
use crate::simd::dispatch;

/// Elements of a run.
const RUN: usize = 64;

/// Partial sums, as independent chains.
const PARTIALS: usize = 16;

/// A term of the sum.
pub(super) trait Term: Sync {
    fn of(x: f64) -> f64;
}

/// The sum of the terms of all values.
pub(super) fn sum<T: Term>(cpu: Cpu, values: &[f32]) -> f64 {
    sum_rows(cpu, Runs(values), &|_, Runs(block)| block_sum::<T>(cpu, block))
}

/// Compiled once for each level: wider vectors, and the same operations.
fn block_sum<T: Term>(cpu: Cpu, block: &[f32]) -> f64 {
    dispatch!(cpu.level(), _s => in_partials::<T>(block))
}

#[inline(always)]
fn in_partials<T: Term>(block: &[f32]) -> f64 {
    let mut partials = [0.0; PARTIALS];
    let (whole, rest) = block.as_chunks::<PARTIALS>();
    for values in whole {
        for i in 0..PARTIALS {
            partials[i] += T::of(f64::from(values[i]));
        }
    }
    for (partial, &value) in partials.iter_mut().zip(rest) {
        *partial += T::of(f64::from(value));
    }
    let mut half = PARTIALS / 2;
    while half > 0 {
        for i in 0..half {
            partials[i] += partials[i + half];
        }
        half /= 2;
    }
    partials[0]
}

/// A slice as rows of [`RUN`] elements, the last of which may be shorter.
struct Runs<'a>(&'a [f32]);

impl Rows for Runs<'_> {
    fn shape(&self) -> (usize, usize) {
        (self.0.len().div_ceil(RUN), RUN)
    }

    fn split_rows_at(self, row: usize) -> (Self, Self) {
        let (head, tail) = self.0.split_at((row * RUN).min(self.0.len()));
        (Runs(head), Runs(tail))
    }
}

//! The parts of C, and the threads that compute them.
//!
//! Each thread packs what its part needs into its own part of the scratch, or all of them have packed B
//! before. No element is computed in parts, so neither the path nor the cut changes a result.

use core::mem::take;

use super::blocking::Blocking;
use super::dots::dots;
use super::epilogue::Beside;
use super::lines::columns_before_line;
use super::macro_kernel::{five_loops, one_block};
use super::narrow::narrow;
use super::packed::Packed;
use super::parts::Parts;
use super::plan::{Path, Plan};
use super::shared::pack_all;
use super::stream::stream;
use super::tile_shape::at_level;
use super::turned::turned;
use super::{Product, portable};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::parallel::join;
use crate::scratch::Scratch;
use crate::simd::{Level, Simd};
use crate::tensor::ViewMut;

/// Computes `product` into `c`, which has elements, on as many threads as the work is worth.
pub(super) fn product(
    cpu: Cpu,
    scratch: &mut Scratch,
    product: &Product<'_>,
    c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) -> Result<()> {
    let form = product.form(c.shape());
    if form.needs_no_plan(cpu.level()) {
        run(cpu.level(), Path::Dots, &mut [], product, c, beside);
        return Ok(());
    }
    let Some(plan) = Plan::new(cpu, form) else {
        run_one_block(cpu.level(), &mut [], product, c, beside);
        return Ok(());
    };
    let scratch = scratch.take(plan.scratch())?;
    match plan.shared {
        Some(size) => share(cpu, &plan, size, scratch, product, c, beside),
        None => divide(cpu, &plan, scratch, product, c, beside),
    }
    Ok(())
}

/// Pieces for each thread that packs, so that one that has less to give packs less.
const PIECES: usize = 4;

/// Blocks of B of `kc x cols`, each packed by all threads before they compute with it.
pub(super) fn share(
    cpu: Cpu,
    plan: &Plan,
    (kc, cols): (usize, usize),
    scratch: &mut [f32],
    product: &Product<'_>,
    mut c: ViewMut<'_>,
    mut beside: Option<&mut Beside<'_>>,
) {
    let ((m, n), k) = (c.shape(), product.a.cols());
    let (shared, scratch) = scratch.split_at_mut(plan.shared_scratch());
    for j in (0..n).step_by(cols) {
        let (at, shape) = ((0, j), (m, cols.min(n - j)));
        let range = product.part(at, shape);
        for p in (0..k).step_by(kc) {
            let mut block = range.steps(p, kc);
            let (data, cols) = pack_all(cpu, PIECES * plan.threads, shared, block.b, kc);
            block.packed = Some(Packed { data, cols, kc, first: block.origin.1 });
            let mut beside = beside.as_deref_mut().map(|beside| beside.block_mut(at, shape));
            divide(cpu, plan, scratch, &block, c.block_mut(at, shape), beside.as_mut());
        }
    }
}

/// Computes the parts of C.
pub(super) fn divide(
    cpu: Cpu,
    plan: &Plan,
    scratch: &mut [f32],
    product: &Product<'_>,
    c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) {
    if plan.threads < 2 {
        return run(cpu.level(), plan.path, scratch, product, c, beside);
    }
    let parts = Parts::new(c, beside.map(take), plan.cut);
    work(cpu, plan, plan.threads, scratch, product, &parts);
}

/// Takes parts until there are no more, on so many threads.
fn work(
    cpu: Cpu,
    plan: &Plan,
    threads: usize,
    scratch: &mut [f32],
    product: &Product<'_>,
    parts: &Parts<'_>,
) {
    if threads < 2 {
        while let Some(mut part) = parts.take() {
            let piece = product.part(part.at, part.c.shape());
            run(cpu.level(), plan.path, scratch, &piece, part.c, part.beside.as_mut());
        }
        return;
    }
    let first = threads / 2;
    let (head, tail) = scratch.split_at_mut(plan.own_scratch() * first);
    join(
        cpu,
        || work(cpu, plan, first, head, product, parts),
        || work(cpu, plan, threads - first, tail, product, parts),
    );
}

/// One piece, on this thread. Dispatch happens here, inside the job, and each path is compiled on its
/// own: together they are too much for the optimizer.
pub(super) fn run(
    level: Level,
    path: Path,
    scratch: &mut [f32],
    product: &Product<'_>,
    c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) {
    match path {
        Path::OneBlock => run_one_block(level, scratch, product, c, beside),
        Path::Narrow => at_level!(level, portable::product(product, c, beside), s => {
            narrow(s, level, scratch, product, c, beside)
        }),
        Path::Stream => at_level!(level, portable::product(product, c, beside), s => {
            stream(s, level, product, c, beside)
        }),
        Path::Blocks(blocking) => run_blocks(level, blocking, scratch, product, c, beside),
        Path::Dots => at_level!(level, portable::product(product, c, beside), s => {
            dots(s, level, product, c, beside)
        }),
        Path::Turned(blocking) => turned(level, blocking, scratch, product, c, beside),
    }
}

fn run_blocks(
    level: Level,
    blocking: Blocking,
    scratch: &mut [f32],
    product: &Product<'_>,
    mut c: ViewMut<'_>,
    mut beside: Option<&mut Beside<'_>>,
) {
    let ((m, n), k) = (c.shape(), product.a.cols());
    // A product that is consumed is stored in a buffer, and a B packed beforehand has its own panels.
    let is_stored = !product.is_consumed && product.packed.is_none();
    let head = if is_stored { columns_before_line(&mut c, k) } else { 0 };
    for (col, cols) in [(0, head), (head, n - head)].into_iter().filter(|&(_, cols)| cols > 0) {
        let (at, shape) = ((0, col), (m, cols));
        let (product, c) = (product.part(at, shape), c.block_mut(at, shape));
        let mut beside = beside.as_deref_mut().map(|beside| beside.block_mut(at, shape));
        at_level!(level, portable::product(&product, c, beside.as_mut()), s => {
            five_loops(s, level, blocking, scratch, &product, c, beside.as_mut())
        });
    }
}

fn run_one_block(
    level: Level,
    scratch: &mut [f32],
    product: &Product<'_>,
    c: ViewMut<'_>,
    beside: Option<&mut Beside<'_>>,
) {
    at_level!(level, portable::product(product, c, beside), s => {
        one_block(s, level, scratch, product, c, beside)
    })
}

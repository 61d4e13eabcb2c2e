//! The scratch that a product will take, before there are matrices.

use super::plan::{Form, Plan};
use super::{few_tiles, narrow};
use crate::cpu::Cpu;
use crate::simd::Level;

/// The products of a layer, by which of A and B are transposed; see [`gemm`](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Nn,
    Tn,
    Nt,
}

/// Elements of scratch that a product of `(m, n, k)` takes, or one that is consumed, called from where
/// this is called: inside the pool that it will run on, or outside. Its matrices have no gaps between
/// rows.
pub(crate) fn scratch(
    cpu: Cpu,
    (m, n, k): (usize, usize, usize),
    layout: Layout,
    is_consumed: bool,
) -> usize {
    let a_steps = if layout == Layout::Tn { (1, m) } else { (k, 1) };
    let b_steps = if layout == Layout::Nt { (1, k) } else { (n, 1) };
    let shape = (m, n, k);
    let form = Form { shape, a_steps, b_steps, packed_kc: None, is_consumed };
    let (is_tn, is_nt) = (layout == Layout::Tn, layout == Layout::Nt);
    let level = cpu.level();
    let is_here = few_tiles::is_here(level, shape, is_tn, (!is_nt, false))
        || few_tiles::is_narrow_here(shape)
            && narrow::takes_no_scratch(level, shape, (a_steps.1, b_steps.0));
    let is_here = level != Level::Portable && is_here;
    if m == 0 || n == 0 || !is_consumed && is_here || form.needs_no_plan(level) {
        return 0;
    }
    Plan::new(cpu, form).map_or(0, |plan| plan.scratch())
}

//! What nodes without parameters do in both directions: values copied or added, row by row.
//!
//! ```text
//!   add      Y = A + B            dA = dB = dY
//!   concat   Y = [A | B]          dA, dB = the columns of dY
//! ```

use crate::cpu::Cpu;
use crate::dense::AddTo;
use crate::gemm::Accum;
use crate::parallel::for_each_block;
use crate::simd::{dispatch, slice};
use crate::tensor::{View, ViewMut};

/// `to = from` or `to = to + from`, of the columns of `from` from `first_col` on, as many as `to`
/// has. The two have the same number of rows.
pub(super) fn transfer(
    cpu: Cpu,
    (from, first_col): (View<'_>, usize),
    (accum, to): (Accum, ViewMut<'_>),
) {
    for_each_block(cpu, to, &|first, mut block| {
        dispatch!(cpu.level(), s => for (i, to) in block.iter_rows_mut().enumerate() {
            let from = from.row(first + i).and_then(|row| row.get(first_col..)).unwrap_or(&[]);
            match accum {
                Accum::Replace => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
                Accum::Add => slice::update(s, &AddTo, [from], [to]),
            }
        });
    });
}

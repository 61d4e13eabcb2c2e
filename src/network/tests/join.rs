//! Rows copied and added.

use super::{cpus, integers};
use crate::cpu::Cpu;
use crate::error::Result;
use crate::gemm::Accum;
use crate::network::join::transfer;
use crate::tensor::{View, ViewMut};

#[test]
fn columns_are_copied_or_added_in_their_rows_and_nowhere_else() -> Result<()> {
    // Less and more than the 64 rows of a block, and enough for several threads.
    for (rows, cols) in [(1, 1), (5, 17), (63, 3), (200, 33), (3000, 200)] {
        let (first_col, gap) = (2, 3);
        let (from_stride, to_stride) = (first_col + cols + 1, cols + gap);
        let from_data = integers(rows * from_stride, 1);
        let from = View::new(rows, from_stride, &from_data)?;
        for cpu in cpus().chain([Cpu::serial()]) {
            for accum in [Accum::Replace, Accum::Add] {
                let before = match accum {
                    Accum::Replace => vec![f32::NAN; rows * to_stride],
                    Accum::Add => integers(rows * to_stride, 4),
                };
                let mut found = before.clone();
                let to = ViewMut::with_stride(rows, cols, to_stride, &mut found)?;
                transfer(cpu, (from, first_col), (accum, to));
                for (at, (found, before)) in found.iter().zip(&before).enumerate() {
                    let (i, j) = (at / to_stride, at % to_stride);
                    let value = from_data.get(i * from_stride + first_col + j);
                    let expected = match (value, accum) {
                        (Some(value), Accum::Replace) if j < cols => *value,
                        (Some(value), Accum::Add) if j < cols => before + value,
                        _ => *before,
                    };
                    assert_eq!(found.to_bits(), expected.to_bits(), "{rows} x {cols}: {i}, {j}");
                }
            }
        }
    }
    Ok(())
}

//! Rows of C that begin within a cache line.
//!
//! So does every large matrix that an allocator places 16 bytes behind a page. A vector of 64 bytes stored
//! there is written to two lines, and of 32 bytes each second one. Where steps of k are few, storing C is
//! most of the work: then the columns before the next line are computed by themselves, and every vector
//! of the others is stored into one line.

use crate::tensor::ViewMut;

/// Elements in a cache line.
const LINE: usize = 64 / size_of::<f32>();

/// Steps of k up to which storing is as much work as that.
const FEW_STEPS: usize = 48;

/// Columns from which on the tile that the first of them take in each strip is little work.
const MANY_COLUMNS: usize = 512;

/// Columns of C before the first that begins a line, if they are to be computed by themselves in a product of
/// `k` steps.
pub(super) fn columns_before_line(c: &mut ViewMut<'_>, k: usize) -> usize {
    let is_worth_it = k <= FEW_STEPS && c.cols() >= MANY_COLUMNS;
    // Rows at other places in their lines would need other columns.
    if !is_worth_it || !c.stride().is_multiple_of(LINE) {
        return 0;
    }
    let at = c.as_mut_ptr().addr() / size_of::<f32>() % LINE;
    (LINE - at) % LINE
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The columns of a matrix that begins `offset` elements behind a line.
    fn columns((m, n, k): (usize, usize, usize), stride: usize, offset: usize) -> usize {
        let mut memory = vec![f32::NAN; m * stride + 2 * LINE];
        let line = memory.as_ptr().align_offset(64);
        let c = &mut memory[line + offset..];
        columns_before_line(&mut ViewMut::with_stride(m, n, stride, c).expect("c"), k)
    }

    #[test]
    fn columns_of_their_own_end_where_a_line_begins() {
        for offset in 0..LINE {
            let expected = if offset == 0 { 0 } else { LINE - offset };
            assert_eq!(columns((20, 512, 10), 512, offset), expected);
            assert_eq!(columns((20, 513, 48), 528, offset), expected);
            // Too little is gained, or nothing.
            let none = [((20, 511, 10), 512), ((20, 512, 49), 512), ((20, 520, 10), 520)];
            for (shape, stride) in none {
                assert_eq!(columns(shape, stride, offset), 0, "{shape:?}");
            }
        }
    }
}

//! Addresses of the rows of a tile's A.

use core::hint::black_box;

use super::tile_shape::MOST_ROWS;

/// Where rows are: the odd multiples of their distance, in bytes.
///
/// An address on x86 is a register plus one, two, four or eight times another, so from the place of
/// the first row these reach every row without arithmetic. A kernel finds them in memory and does not
/// know what they are multiples of: if it did, the compiler would keep fewer of them and add the rest
/// up in every step of k.
pub(super) struct RowSteps([usize; MOST_ROWS / 2]);

impl RowSteps {
    /// Of so many rows, `step` elements apart.
    #[inline(always)]
    pub fn new(rows: usize, step: usize) -> Self {
        const { assert!(MOST_ROWS <= 16, "eight is the greatest factor") };
        let bytes = step.wrapping_mul(size_of::<f32>());
        // One by one: as a vector they would take longer than what is done with them.
        let times = |odd: usize| black_box(bytes.wrapping_mul(odd));
        if rows <= 4 {
            return RowSteps([bytes, times(3), 0, 0, 0, 0, 0, 0]);
        }
        RowSteps([bytes, times(3), times(5), times(7), times(9), times(11), times(13), times(15)])
    }

    /// What is in row `i` where the first has `first`.
    #[inline(always)]
    pub fn row(&self, first: *const f32, i: usize) -> *const f32 {
        if i == 0 {
            return first;
        }
        let even = i.trailing_zeros();
        first.wrapping_byte_add(self.0[i >> even >> 1] << even)
    }
}

//! [`View`] and [`ViewMut`]: matrices that borrow any slice.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::error::{Error, Result, check_len, checked_size};

/// A borrowed matrix.
///
/// ```
/// use densecore::View;
/// let pixels = [1.0, 2.0, -1.0, 3.0, 4.0, -1.0]; // 2 x 2, each row followed by a gap
/// let v = View::with_stride(2, 2, 3, &pixels)?;
/// assert_eq!(v.row(1), Some(&[3.0, 4.0][..]));
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct View<'a> {
    data: NonNull<f32>,
    rows: usize,
    cols: usize,
    stride: usize,
    lifetime: PhantomData<&'a [f32]>,
}

// SAFETY: a view is a shared borrow of f32s, and `&[f32]` is Send and Sync.
unsafe impl Send for View<'_> {}
// SAFETY: as above.
unsafe impl Sync for View<'_> {}

/// A borrowed matrix that may be written.
pub struct ViewMut<'a>(View<'a>, PhantomData<&'a mut [f32]>);

/// Checks that `rows` rows of `cols` elements, `stride` apart, lie within `len` elements.
fn check_view(rows: usize, cols: usize, stride: usize, len: usize) -> Result<()> {
    if stride < cols {
        return Err(Error::Stride { argument: "stride", expected: cols, found: stride });
    }
    if rows == 0 || cols == 0 {
        return Ok(());
    }
    let needed = checked_size("view", rows - 1, stride)?
        .checked_add(cols)
        .ok_or(Error::Overflow { argument: "view", found: (rows, stride) })?;
    if len < needed {
        return Err(Error::TooShort { argument: "data", expected: needed, found: len });
    }
    Ok(())
}

impl<'a> View<'a> {
    /// The caller has checked the extent, or owns it. A stride nobody steps over is set to
    /// `cols`, so that offsets such as `rows * stride` can never overflow.
    fn raw(data: NonNull<f32>, rows: usize, cols: usize, stride: usize) -> Self {
        let stride = match (rows, cols) {
            (_, 0) => 0,
            (0 | 1, _) => cols,
            _ => stride,
        };
        View { data, rows, cols, stride, lifetime: PhantomData }
    }

    /// For data whose length is known to be `rows * cols`.
    pub(crate) fn contiguous(rows: usize, cols: usize, data: &'a [f32]) -> Self {
        debug_assert_eq!(rows * cols, data.len());
        Self::raw(NonNull::from(data).cast(), rows, cols, cols)
    }

    /// `data` as a matrix; it has exactly `rows * cols` elements.
    pub fn new(rows: usize, cols: usize, data: &'a [f32]) -> Result<Self> {
        check_len("data", checked_size("view", rows, cols)?, data.len())?;
        Ok(Self::raw(NonNull::from(data).cast(), rows, cols, cols))
    }

    /// A matrix whose row `i` starts at `data[i * stride]`; `stride >= cols`, and `data` reaches
    /// at least to the end of the last row.
    pub fn with_stride(rows: usize, cols: usize, stride: usize, data: &'a [f32]) -> Result<Self> {
        check_view(rows, cols, stride, data.len())?;
        Ok(Self::raw(NonNull::from(data).cast(), rows, cols, stride))
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// `(rows, cols)`.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Elements from the start of one row to the start of the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The first element; valid to read in the `rows x cols` elements of the view.
    pub(crate) fn as_ptr(&self) -> *const f32 {
        self.data.as_ptr()
    }

    /// Row `i`, if there is one.
    pub fn row(&self, i: usize) -> Option<&'a [f32]> {
        if i >= self.rows {
            return None;
        }
        // SAFETY: `i < rows`, so the row lies within the borrow that the view was made from.
        Some(unsafe { core::slice::from_raw_parts(self.as_ptr().add(i * self.stride), self.cols) })
    }

    /// The rows, first to last. A view without columns has no rows to visit.
    pub fn iter_rows(self) -> impl Iterator<Item = &'a [f32]> {
        let visited = if self.cols == 0 { 0 } else { self.rows };
        (0..visited).map_while(move |i| self.row(i))
    }

    /// All elements as one slice, if no gaps lie between the rows.
    pub fn as_contiguous(&self) -> Option<&'a [f32]> {
        if self.stride != self.cols && self.rows > 1 {
            return None;
        }
        // SAFETY: `rows * cols` elements without gaps, all within the view's borrow.
        Some(unsafe { core::slice::from_raw_parts(self.as_ptr(), self.rows * self.cols) })
    }

    /// The rows from `first` on, `count` of them, or as many as there are.
    pub fn rows_range(self, first: usize, count: usize) -> View<'a> {
        let first = first.min(self.rows);
        let count = count.min(self.rows - first);
        if count == 0 {
            return View::raw(self.data, 0, self.cols, self.stride);
        }
        // SAFETY: `first < rows`, so the offset stays within the borrow.
        let data = unsafe { self.data.add(first * self.stride) };
        View::raw(data, count, self.cols, self.stride)
    }

    /// The transposed matrix, for a product: element `(i, j)` of the operand is `(j, i)` of this
    /// view. Nothing is moved.
    pub fn t(self) -> Transposed<'a> {
        Transposed(self)
    }
}

/// A view to be read with rows and columns exchanged; see [`View::t`].
#[derive(Clone, Copy, Debug)]
pub struct Transposed<'a>(pub(crate) View<'a>);

impl<'a> Transposed<'a> {
    /// The view this one transposes.
    pub fn t(self) -> View<'a> {
        self.0
    }
}

impl<'a> ViewMut<'a> {
    /// For data whose length is known to be `rows * cols`.
    pub(crate) fn contiguous(rows: usize, cols: usize, data: &'a mut [f32]) -> Self {
        debug_assert_eq!(rows * cols, data.len());
        Self(View::raw(NonNull::from(data).cast(), rows, cols, cols), PhantomData)
    }

    /// `data` as a matrix; it has exactly `rows * cols` elements.
    pub fn new(rows: usize, cols: usize, data: &'a mut [f32]) -> Result<Self> {
        check_len("data", checked_size("view", rows, cols)?, data.len())?;
        Ok(Self(View::raw(NonNull::from(data).cast(), rows, cols, cols), PhantomData))
    }

    /// A matrix whose row `i` starts at `data[i * stride]`; `stride >= cols`, and `data` reaches
    /// at least to the end of the last row. The gaps between rows are never read or written.
    pub fn with_stride(
        rows: usize,
        cols: usize,
        stride: usize,
        data: &'a mut [f32],
    ) -> Result<Self> {
        check_view(rows, cols, stride, data.len())?;
        Ok(Self(View::raw(NonNull::from(data).cast(), rows, cols, stride), PhantomData))
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.0.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.0.cols
    }

    /// `(rows, cols)`.
    pub fn shape(&self) -> (usize, usize) {
        self.0.shape()
    }

    /// Elements from the start of one row to the start of the next.
    pub fn stride(&self) -> usize {
        self.0.stride
    }

    /// The first element; valid to read and write in the `rows x cols` elements of the view.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut f32 {
        self.0.data.as_ptr()
    }

    /// The same matrix for reading.
    pub fn as_view(&self) -> View<'_> {
        self.0
    }

    /// The same matrix for a shorter time.
    pub fn reborrow(&mut self) -> ViewMut<'_> {
        ViewMut(self.0, PhantomData)
    }

    /// Row `i`, if there is one.
    pub fn row_mut(&mut self, i: usize) -> Option<&mut [f32]> {
        if i >= self.0.rows {
            return None;
        }
        // SAFETY: `i < rows`, so the row lies within the unique borrow the view was made from.
        Some(unsafe {
            core::slice::from_raw_parts_mut(
                self.0.data.as_ptr().add(i * self.0.stride),
                self.0.cols,
            )
        })
    }

    /// The rows, first to last. A view without columns has no rows to visit.
    pub fn iter_rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let View { data, rows, cols, stride, .. } = self.0;
        let visited = if cols == 0 { 0 } else { rows };
        // SAFETY: each row lies within the unique borrow the view was made from, and apart from the others.
        let row = move |i| unsafe {
            core::slice::from_raw_parts_mut(data.as_ptr().add(i * stride), cols)
        };
        (0..visited).map(row)
    }

    /// All elements as one slice, if no gaps lie between the rows.
    pub fn as_contiguous_mut(&mut self) -> Option<&mut [f32]> {
        if self.0.stride != self.0.cols && self.0.rows > 1 {
            return None;
        }
        // SAFETY: `rows * cols` elements without gaps, all within the view's unique borrow.
        Some(unsafe {
            core::slice::from_raw_parts_mut(self.0.data.as_ptr(), self.0.rows * self.0.cols)
        })
    }

    /// The `rows x cols` elements from `(row, col)` on, cut off at the matrix's edges.
    pub fn block_mut(
        &mut self,
        (row, col): (usize, usize),
        (rows, cols): (usize, usize),
    ) -> ViewMut<'_> {
        let block = self.reborrow().split_rows_at(row).1.split_cols_at(col).1;
        block.split_rows_at(rows).0.split_cols_at(cols).0
    }

    /// The same through a shared reference.
    ///
    /// # Safety
    /// While the block is in use, nothing else reads or writes its elements.
    pub(crate) unsafe fn shared_block(
        &self,
        (row, col): (usize, usize),
        (rows, cols): (usize, usize),
    ) -> ViewMut<'a> {
        let whole = ViewMut::<'a>(self.0, PhantomData);
        let block = whole.split_rows_at(row).1.split_cols_at(col).1;
        block.split_rows_at(rows).0.split_cols_at(cols).0
    }

    /// The rows before `row` and those from `row` on (all before, if there are fewer).
    pub fn split_rows_at(self, row: usize) -> (ViewMut<'a>, ViewMut<'a>) {
        let View { rows, cols, stride, .. } = self.0;
        let top = row.min(rows);
        let bottom = self.0.rows_range(top, rows);
        (
            ViewMut(View::raw(self.0.data, top, cols, stride), PhantomData),
            ViewMut(bottom, PhantomData),
        )
    }

    /// The columns before `col` and those from `col` on (all before, if there are fewer).
    pub fn split_cols_at(self, col: usize) -> (ViewMut<'a>, ViewMut<'a>) {
        let View { data, rows, cols, stride, .. } = self.0;
        let left = col.min(cols);
        // SAFETY: `left <= cols`, at most one past a row's end and so within or at the end of the
        // borrow. The two views share no element: the first owns the columns below `left`.
        let middle = if rows == 0 { data } else { unsafe { data.add(left) } };
        (
            ViewMut(View::raw(data, rows, left, stride), PhantomData),
            ViewMut(View::raw(middle, rows, cols - left, stride), PhantomData),
        )
    }
}

// SAFETY: a `ViewMut` is a unique borrow of its elements, like `&mut [f32]`, which is Send.
unsafe impl Send for ViewMut<'_> {}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View[{}, {}; stride {}]", self.rows, self.cols, self.stride)
    }
}

impl fmt::Debug for ViewMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ViewMut[{}, {}; stride {}]", self.rows(), self.cols(), self.stride())
    }
}

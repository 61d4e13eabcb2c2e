//! The laws of `View` and `ViewMut`: what they accept, refuse and divide.

mod common;

use common::{Layout, Matrix};
use densecore::{Error, View, ViewMut};

const HUGE: usize = usize::MAX;
/// The most `f32`s that a slice can have, and one more.
const MOST: usize = isize::MAX as usize / 4;

fn length(expected: usize, found: usize) -> Error {
    Error::Length { argument: "data", expected, found }
}

fn too_short(expected: usize, found: usize) -> Error {
    Error::TooShort { argument: "data", expected, found }
}

/// What each constructor says: with a view, its shape and stride.
type Outcome = Result<((usize, usize), usize), Error>;

fn new(rows: usize, cols: usize, data: &mut [f32]) -> Outcome {
    let outcome = View::new(rows, cols, data).map(|v| (v.shape(), v.stride()));
    let outcome_mut = ViewMut::new(rows, cols, data).map(|v| (v.shape(), v.stride()));
    assert_eq!(outcome, outcome_mut);
    outcome
}

fn with_stride(rows: usize, cols: usize, stride: usize, data: &mut [f32]) -> Outcome {
    let outcome = View::with_stride(rows, cols, stride, data).map(|v| (v.shape(), v.stride()));
    let outcome_mut =
        ViewMut::with_stride(rows, cols, stride, data).map(|v| (v.shape(), v.stride()));
    assert_eq!(outcome, outcome_mut);
    outcome
}

#[test]
fn a_view_takes_exactly_its_elements() {
    for (rows, cols) in [(1, 1), (2, 3), (3, 2), (1, 6), (6, 1), (0, 0), (0, 4), (4, 0)] {
        let size = rows * cols;
        for len in 0..10 {
            let expected = if len == size { Ok((rows, cols)) } else { Err(length(size, len)) };
            let found = new(rows, cols, &mut vec![0.0; len]).map(|(shape, _)| shape);
            assert_eq!(found, expected, "{rows} x {cols} of {len}");
        }
    }
}

#[test]
fn a_view_with_stride_reaches_to_the_end_of_its_last_row() {
    for (rows, cols, stride) in [(1, 3, 3), (1, 3, 99), (2, 3, 3), (2, 3, 7), (4, 1, 2), (3, 5, 6)]
    {
        let needed = (rows - 1) * stride + cols;
        for len in 0..needed + 3 {
            let expected =
                if len >= needed { Ok((rows, cols)) } else { Err(too_short(needed, len)) };
            let found =
                with_stride(rows, cols, stride, &mut vec![0.0; len]).map(|(shape, _)| shape);
            assert_eq!(found, expected, "{rows} x {cols} by {stride} of {len}");
        }
    }
    assert_eq!(with_stride(2, 3, 7, &mut [0.0; 10]), Ok(((2, 3), 7)));
}

#[test]
fn rows_do_not_overlap() {
    for rows in [0, 1, 2, HUGE] {
        for (cols, stride) in [(3, 2), (1, 0), (HUGE, 5), (HUGE, HUGE - 1)] {
            let expected = Error::Stride { argument: "stride", expected: cols, found: stride };
            assert_eq!(with_stride(rows, cols, stride, &mut [0.0; 16]), Err(expected));
        }
    }
}

#[test]
fn views_without_elements_may_have_any_shape() {
    for (rows, cols) in [(0, 0), (0, 5), (5, 0), (0, HUGE), (HUGE, 0)] {
        assert_eq!(new(rows, cols, &mut []).map(|(shape, _)| shape), Ok((rows, cols)));
        assert_eq!(new(rows, cols, &mut [0.0]), Err(length(0, 1)));
        for stride in [cols, cols.saturating_add(3), HUGE] {
            let found = with_stride(rows, cols, stride, &mut []).map(|(shape, _)| shape);
            assert_eq!(found, Ok((rows, cols)));
        }
        let view = View::new(rows, cols, &[]).expect("a view");
        assert_eq!(view.iter_rows().count(), 0);
        let mut none = [];
        let mut written = ViewMut::new(rows, cols, &mut none).expect("a view");
        assert_eq!(written.iter_rows_mut().count(), 0);
        assert_eq!(view.as_contiguous(), Some(&[][..]));
        assert_eq!(view.row(0), (rows > 0).then_some(&[][..]));
        assert_eq!(view.row(HUGE), None);
        for first in [0, 1, 7, HUGE] {
            for count in [0, 1, HUGE] {
                let part = view.rows_range(first, count);
                let left = rows - first.min(rows);
                assert_eq!(part.shape(), (count.min(left), cols));
            }
        }
        assert_eq!(view.t().t().shape(), (rows, cols));
    }
}

#[test]
fn sizes_that_no_memory_has_are_errors() {
    for (rows, cols) in [(HUGE, 1), (1, HUGE), (2, HUGE), (HUGE, HUGE), (MOST, 2), (2, MOST)] {
        let argument = "view";
        let expected = Err(Error::Overflow { argument, found: (rows, cols) });
        assert_eq!(new(rows, cols, &mut [0.0; 8]), expected);
    }
    // Sizes that can be expressed, of memory that is not there.
    assert_eq!(new(1, MOST, &mut [0.0; 8]), Err(length(MOST, 8)));
    assert_eq!(new(MOST, 1, &mut [0.0; 8]), Err(length(MOST, 8)));
}

#[test]
fn strides_that_no_memory_has_are_errors() {
    let data = &mut [0.0; 8];
    for (rows, cols, stride) in [
        (2, 1, HUGE),
        (3, 1, HUGE / 2 + 1),
        (HUGE, 1, 1),
        (HUGE, HUGE, HUGE),
        (HUGE, 1, HUGE),
        (MOST, 4, 5),
        (2, HUGE, HUGE),
        (2, 1, MOST + 1),
    ] {
        let found = with_stride(rows, cols, stride, data);
        assert!(matches!(found, Err(Error::Overflow { argument: "view", .. })), "{found:?}");
    }
    assert_eq!(with_stride(2, 1, MOST, data), Err(too_short(MOST + 1, 8)));
    assert_eq!(with_stride(MOST, 1, 1, data), Err(too_short(MOST, 8)));
    // One row never takes the step.
    assert_eq!(with_stride(1, 8, HUGE, data).map(|(shape, _)| shape), Ok((1, 8)));
    let error = with_stride(1, HUGE, HUGE, data);
    assert!(matches!(error, Err(Error::TooShort { .. } | Error::Overflow { .. })), "{error:?}");
}

#[test]
fn rows_are_where_the_stride_puts_them() {
    let data: Vec<f32> = (0..23).map(|i| i as f32).collect();
    let view = View::with_stride(4, 3, 6, &data).expect("a view");
    for i in 0..4 {
        assert_eq!(view.row(i), Some(&data[i * 6..i * 6 + 3]));
    }
    assert_eq!(view.row(4), None);
    assert_eq!(view.iter_rows().count(), 4);
    assert!(view.iter_rows().enumerate().all(|(i, row)| row[0] == 6.0 * i as f32));
    assert_eq!(view.as_contiguous(), None);
    for first in 0..6 {
        for count in [0, 1, 2, 4, HUGE] {
            let part = view.rows_range(first, count);
            let expected: Vec<_> = view.iter_rows().skip(first).take(count).collect();
            assert_eq!(part.iter_rows().collect::<Vec<_>>(), expected);
            assert_eq!(part.shape(), (expected.len(), 3));
        }
    }
    // Without gaps, or with one row, the elements are one slice.
    assert_eq!(View::new(4, 5, &data[..20]).expect("a view").as_contiguous(), Some(&data[..20]));
    let row = View::with_stride(1, 5, 9, &data).expect("a view");
    assert_eq!(row.as_contiguous(), Some(&data[..5]));
}

#[test]
fn a_mutable_view_writes_its_rows_and_nothing_else() {
    let mut matrix = Matrix::filled(3, 4, Layout::GUARDED, 0.0);
    let mut view = matrix.view_mut();
    for i in 0..3 {
        view.row_mut(i).expect("a row").fill(i as f32);
    }
    assert!(view.row_mut(3).is_none() && view.row_mut(HUGE).is_none());
    assert!(view.as_contiguous_mut().is_none());
    assert_eq!(view.as_view().row(2), Some(&[2.0; 4][..]));
    assert_eq!(view.reborrow().shape(), (3, 4));
    matrix.assert_intact(&"rows");
    assert_eq!(matrix.values(), [0., 0., 0., 0., 1., 1., 1., 1., 2., 2., 2., 2.]);
    // All at once, so that none may be part of another.
    let mut view = matrix.view_mut();
    let rows: Vec<_> = view.iter_rows_mut().collect();
    assert_eq!(rows.len(), 3);
    for (i, row) in rows.into_iter().enumerate() {
        assert_eq!(row, [i as f32; 4]);
        row.fill(10.0 + i as f32);
    }
    matrix.assert_intact(&"rows, one after the other");
    assert_eq!(matrix.values(), [10., 10., 10., 10., 11., 11., 11., 11., 12., 12., 12., 12.]);
    let mut data = [0.0; 6];
    ViewMut::new(2, 3, &mut data).expect("a view").as_contiguous_mut().expect("a slice").fill(5.0);
    assert_eq!(data, [5.0; 6]);
}

/// Marks each element of a block with `value`; fails where another block has been.
fn mark(mut block: ViewMut<'_>, value: f32) {
    for i in 0..block.rows() {
        for x in block.row_mut(i).expect("a row") {
            assert_eq!(*x, 0.0, "two blocks share an element");
            *x = value;
        }
    }
}

#[test]
fn the_halves_of_a_split_share_nothing_and_leave_nothing() {
    let (rows, cols) = (5, 7);
    for gap in [0, 3] {
        for at in [0, 1, 4, 5, 6, 7, 8, HUGE] {
            let layout = Layout { gap, ..Layout::GUARDED };
            let mut matrix = Matrix::filled(rows, cols, layout, 0.0);
            let (top, bottom) = matrix.view_mut().split_rows_at(at);
            let above = at.min(rows);
            assert_eq!((top.shape(), bottom.shape()), ((above, cols), (rows - above, cols)));
            mark(top, 1.0);
            mark(bottom, 2.0);
            matrix.assert_intact(&("rows", at));
            let side = |i: usize| if i < above { 1.0 } else { 2.0 };
            assert!(matrix.values().iter().enumerate().all(|(e, &x)| x == side(e / cols)));

            let mut matrix = Matrix::filled(rows, cols, layout, 0.0);
            let (left, right) = matrix.view_mut().split_cols_at(at);
            let before = at.min(cols);
            assert_eq!((left.shape(), right.shape()), ((rows, before), (rows, cols - before)));
            mark(left, 1.0);
            mark(right, 2.0);
            matrix.assert_intact(&("columns", at));
            let side = |j: usize| if j < before { 1.0 } else { 2.0 };
            assert!(matrix.values().iter().enumerate().all(|(e, &x)| x == side(e % cols)));
        }
    }
}

#[test]
fn a_block_is_cut_off_at_the_edges() {
    let (rows, cols) = (4, 5);
    let indices = [0, 1, 3, 4, 5, 6, HUGE];
    for (row, col) in indices.iter().flat_map(|&r| indices.map(|c| (r, c))) {
        for (r, c) in indices.iter().flat_map(|&r| indices.map(|c| (r, c))) {
            let mut matrix = Matrix::filled(rows, cols, Layout::GUARDED, 0.0);
            let mut view = matrix.view_mut();
            let block = view.block_mut((row, col), (r, c));
            let shape = (r.min(rows - row.min(rows)), c.min(cols - col.min(cols)));
            assert_eq!(block.shape(), shape, "({row}, {col}) of {r} x {c}");
            mark(block, 1.0);
            matrix.assert_intact(&(row, col, r, c));
            for (e, x) in matrix.values().into_iter().enumerate() {
                let (i, j) = (e / cols, e % cols);
                let inside = i >= row && i - row < r && j >= col && j - col < c;
                assert_eq!(x, if inside { 1.0 } else { 0.0 });
            }
        }
    }
}

#[test]
fn views_without_elements_are_divided_like_others() {
    for (rows, cols) in [(0, 0), (0, HUGE), (HUGE, 0), (3, 0), (0, 3)] {
        for at in [0, 1, 2, HUGE] {
            let view = || ViewMut::new(rows, cols, &mut []).expect("a view");
            let (top, bottom) = view().split_rows_at(at);
            let above = at.min(rows);
            assert_eq!((top.shape(), bottom.shape()), ((above, cols), (rows - above, cols)));
            let (left, right) = view().split_cols_at(at);
            let before = at.min(cols);
            assert_eq!((left.shape(), right.shape()), ((rows, before), (rows, cols - before)));
            let block = ((at, at), (at, at));
            let shape = (at.min(rows - above), at.min(cols - before));
            assert_eq!(view().block_mut(block.0, block.1).shape(), shape);
            assert!(view().as_contiguous_mut().is_some_and(|all| all.is_empty()));
        }
    }
}

#[test]
fn quarters_may_be_written_from_different_threads() {
    let mut matrix = Matrix::filled(9, 11, Layout::GUARDED, 0.0);
    let (top, bottom) = matrix.view_mut().split_rows_at(4);
    let ((a, b), (c, d)) = (top.split_cols_at(5), bottom.split_cols_at(3));
    std::thread::scope(|scope| {
        for (quarter, value) in [(a, 1.0), (b, 2.0), (c, 3.0), (d, 4.0)] {
            scope.spawn(move || mark(quarter, value));
        }
    });
    matrix.assert_intact(&"quarters");
    for (e, x) in matrix.values().into_iter().enumerate() {
        let (i, j) = (e / 11, e % 11);
        let expected = if i < 4 { 1.0 + f32::from(j >= 5) } else { 3.0 + f32::from(j >= 3) };
        assert_eq!(x, expected);
    }
}

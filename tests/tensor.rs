//! The laws of `Tensor` and `Scratch`, and what errors say.

use densecore::{Error, Scratch, Tensor};

const HUGE: usize = usize::MAX;
/// The most `f32`s that a slice can have.
const MOST: usize = isize::MAX as usize / 4;

fn length(expected: usize, found: usize) -> Error {
    Error::Length { argument: "data", expected, found }
}

#[test]
fn sizes_that_no_memory_has_are_errors() {
    for (rows, cols) in [(HUGE, 1), (1, HUGE), (2, HUGE), (HUGE, HUGE), (MOST, 2), (2, MOST)] {
        let overflow = Error::Overflow { argument: "tensor", found: (rows, cols) };
        assert_eq!(Tensor::zeros(rows, cols), Err(overflow));
        assert_eq!(Tensor::from_vec(rows, cols, vec![0.0; 8]), Err(overflow));
    }
    // Sizes that can be expressed, of memory that is not there.
    assert_eq!(Tensor::from_vec(MOST, 1, vec![0.0; 8]), Err(length(MOST, 8)));
    let no_memory = Error::OutOfMemory { bytes: MOST * 4 };
    assert_eq!(Tensor::zeros(MOST, 1), Err(no_memory));
    assert_eq!(Tensor::zeros(1, MOST), Err(no_memory));
}

#[test]
fn a_tensor_is_its_rows_one_after_the_other() {
    let mut t = Tensor::from_vec(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).expect("a tensor");
    assert_eq!((t.rows(), t.cols(), t.shape()), (2, 3, (2, 3)));
    assert_eq!((t.row(1), t.row(2)), (Some(&[4.0, 5.0, 6.0][..]), None));
    assert_eq!(t.view().as_contiguous(), Some(t.as_slice()));
    t.as_mut_slice()[0] = 9.0;
    t.view_mut().row_mut(1).expect("a row")[2] = 7.0;
    assert_eq!(t.clone().into_vec(), [9.0, 2.0, 3.0, 4.0, 5.0, 7.0]);
    assert_eq!(Tensor::from_vec(2, 3, vec![0.0; 5]), Err(length(6, 5)));
    assert_eq!(Tensor::from_vec(2, 3, vec![0.0; 7]), Err(length(6, 7)));
    assert_eq!(Tensor::zeros(2, 3).expect("a tensor").as_slice(), [0.0; 6]);
    assert_eq!(Tensor::default().shape(), (0, 0));
    for (rows, cols) in [(0, HUGE), (HUGE, 0), (0, 0)] {
        let mut empty = Tensor::zeros(rows, cols).expect("a tensor");
        assert_eq!((empty.shape(), empty.view().shape()), ((rows, cols), (rows, cols)));
        assert_eq!(empty.view_mut().shape(), (rows, cols));
    }
}

#[test]
fn scratch_holds_nothing_until_it_is_used() {
    let mut scratch = Scratch::new();
    scratch.poison();
    assert_eq!(scratch.bytes(), 0);
    assert_eq!(Scratch::default().bytes(), 0);
}

#[test]
fn errors_read_as_sentences() {
    let overflow = format!("view: expected a size that fits the address space, found [2, {HUGE}]");
    for (error, expected) in [
        (length(6, 5), "data: expected 6 elements, found 5"),
        (
            Error::Stride { argument: "stride", expected: 3, found: 2 },
            "stride: expected a row stride of at least 3, found 2",
        ),
        (Error::Overflow { argument: "view", found: (2, HUGE) }, &overflow[..]),
        (Error::OutOfMemory { bytes: 12 }, "no memory for a buffer of 12 bytes"),
    ] {
        assert_eq!(error.to_string(), expected);
    }
}

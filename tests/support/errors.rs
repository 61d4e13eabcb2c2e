//! Calls that must fail, and what must not be written then.

use std::fmt::Debug;

use densecore::{Error, Result, Tensor};

pub fn shape(argument: &'static str, expected: (usize, usize), found: (usize, usize)) -> Error {
    Error::Shape { argument, expected, found }
}

pub fn length(argument: &'static str, expected: usize, found: usize) -> Error {
    Error::Length { argument, expected, found }
}

/// The call failed with this error, and its text names what the error holds.
#[track_caller]
pub fn refused<T: Debug>(result: Result<T>, error: Error) {
    // As text, in which NaN equals itself.
    assert_eq!(format!("{:?}", result.err()), format!("{:?}", Some(error)));
    let text = error.to_string();
    let parts = match error {
        Error::Shape { argument, expected, found } => {
            let [expected, found] = [expected, found].map(|(r, c)| format!("[{r}, {c}]"));
            [argument.to_string(), format!("expected shape {expected}"), format!("found {found}")]
        }
        Error::Length { argument, expected, found } => {
            [argument.to_string(), format!("expected {expected}"), format!("found {found}")]
        }
        Error::TooShort { argument, expected, found } => {
            [argument.to_string(), format!("at least {expected}"), format!("found {found}")]
        }
        Error::Stride { argument, expected, found } => {
            [argument.to_string(), format!("at least {expected}"), format!("found {found}")]
        }
        Error::Overflow { argument, found: (r, c) } => {
            [argument.to_string(), "expected".to_string(), format!("found [{r}, {c}]")]
        }
        Error::Mismatch { argument, expected, found } => {
            [argument.to_string(), format!("expected {expected}"), format!("found {found}")]
        }
        Error::Class { row, found, classes } => {
            [format!("below {classes}"), format!("found {found}"), format!("row {row}")]
        }
        Error::Value { argument, expected, found } => {
            [argument.to_string(), format!("expected {expected}"), format!("found {found}")]
        }
        other => panic!("{other:?}"),
    };
    for part in parts {
        assert!(text.contains(&part), "'{part}' is missing in '{text}'");
    }
}

pub fn filled(rows: usize, cols: usize) -> Tensor {
    Tensor::from_vec(rows, cols, vec![7.0; rows * cols]).expect("a small tensor")
}

/// Nothing was written into what [`filled`] made.
#[track_caller]
pub fn untouched(tensor: &Tensor) {
    assert!(!tensor.as_slice().is_empty() && tensor.as_slice().iter().all(|&x| x == 7.0));
}

/// The call failed because of a setting of this name with this value.
#[track_caller]
pub fn bad_value<T: std::fmt::Debug>(result: Result<T>, name: &str, value: f64) {
    match result {
        Err(error @ Error::Value { argument, found, .. }) => {
            assert_eq!((argument, found.to_bits()), (name, value.to_bits()));
            refused::<()>(Err(error), error);
        }
        other => panic!("{name} {value}: {other:?}"),
    }
}

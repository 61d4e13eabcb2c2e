//! Which settings have a meaning. Errors name the setting.

use crate::error::{Error, Result};

/// Steps are taken in f32: a number that is infinite there is one here.
pub fn not_negative(argument: &'static str, value: f64) -> Result<()> {
    let expected = "a finite f32 not below 0";
    within(argument, expected, value, value >= 0.0 && (value as f32).is_finite())
}

pub fn below_one(argument: &'static str, value: f64) -> Result<()> {
    within(argument, "a number from 0 to below 1", value, (0.0..1.0).contains(&value))
}

pub fn within(argument: &'static str, expected: &'static str, found: f64, is: bool) -> Result<()> {
    if is { Ok(()) } else { Err(Error::Value { argument, expected, found }) }
}

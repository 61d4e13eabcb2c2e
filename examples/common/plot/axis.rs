//! An axis whose grid lies at round numbers, linear or logarithmic.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// A part of the real numbers, and where its grid lies.
#[derive(Clone)]
pub struct Axis {
    pub low: f64,
    pub high: f64,
    ticks: Vec<f64>,
}

impl Axis {
    pub fn linear(low: f64, high: f64) -> Self {
        Self { low, high, ticks: linear(low, high) }
    }

    /// Of things that are counted.
    pub fn counts(low: f64, high: f64) -> Self {
        let ticks = linear(low, high).into_iter().filter(|tick| tick.fract() == 0.0).collect();
        Self { low, high, ticks }
    }

    /// Of the logarithms to base ten of what is shown.
    pub fn logarithmic(low: f64, high: f64) -> Self {
        Self { low, high, ticks: logarithmic(low, high) }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let share = (value - self.low) / (self.high - self.low).max(f64::MIN_POSITIVE);
        (f64::from(first) + share * f64::from(last - first)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

/// Round numbers from `low` to `high`, ten at most: steps of 1, 2 or 5 times a power of ten.
fn linear(low: f64, high: f64) -> Vec<f64> {
    let width = (high - low).max(f64::MIN_POSITIVE);
    let power = 10.0_f64.powf((width / 10.0).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
    let step = steps.into_iter().find(|step| width / step <= 10.0).unwrap_or(width);
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Logarithms to base ten, between `low` and `high`, of round numbers: within one power of ten of
/// equal steps, over a few of 1, 2 and 5 times each, over many of the powers alone.
fn logarithmic(low: f64, high: f64) -> Vec<f64> {
    if high - low < 1.0 {
        let numbers = linear(10.0_f64.powf(low), 10.0_f64.powf(high));
        return numbers.into_iter().map(f64::log10).collect();
    }
    let digits: &[f64] = if high - low > 4.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let powers = low.floor() as i32..=high.ceil() as i32;
    let of = |power| digits.iter().map(move |digit| digit.log10() + f64::from(power));
    powers.flat_map(of).filter(|tick| (low..=high).contains(tick)).collect()
}

/// A number in as few digits as tell it: four that count, without zeros at the end.
pub fn number(value: f64) -> String {
    let digits = 3 - value.abs().max(1e-9).log10().floor() as i32;
    let text = format!("{value:.*}", digits.clamp(0, 9) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

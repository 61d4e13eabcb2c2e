//! The curves that schedules are made of, in plain arithmetic: the system's functions differ between
//! platforms in the last place.

use core::f64::consts::PI;

/// Half a period of a cosine: from `from` at 0 to `to` at 1.
///
/// ```text
/// to + (from - to) (1 + cos(pi x)) / 2
/// ```
pub(super) fn half_cosine(from: f64, to: f64, x: f64) -> f64 {
    to + (from - to) * (0.5 + 0.5 * cos_pi(x))
}

/// `cos(pi x)` for x from 0 to 1.
fn cos_pi(x: f64) -> f64 {
    if x > 0.5 {
        return -cos_pi(1.0 - x);
    }
    // On a quarter of pi the terms left out are below 1e-17.
    if x <= 0.25 { series(PI * x, 0) } else { series(PI * (0.5 - x), 1) }
}

/// The Taylor series of the cosine, or with `first = 1` of the sine:
/// `x^first / first! - x^(first + 2) / (first + 2)! + ...`, nested.
fn series(x: f64, first: u32) -> f64 {
    let mut sum = 1.0;
    for i in (0..8).rev() {
        let n = f64::from(first + 2 * i);
        sum = 1.0 - sum * x * x / ((n + 1.0) * (n + 2.0));
    }
    if first == 0 { sum } else { x * sum }
}

/// `base^exponent`, by repeated squaring.
pub(super) fn power(mut base: f64, mut exponent: u64) -> f64 {
    let mut product = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            product *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_and_powers_are_close_to_the_systems() {
        for i in 0..=2000 {
            let x = f64::from(i) / 2000.0;
            // A few roundings of numbers up to 1, and that of pi x, on either side.
            let error = (cos_pi(x) - (PI * x).cos()).abs();
            assert!(error <= 10.0 * f64::EPSILON, "cos {x} pi: {error:e}");
        }
        assert_eq!([0.0, 0.5, 1.0].map(cos_pi), [1.0, 0.0, -1.0]);
        for exponent in 0..300 {
            let (found, expected) = (power(0.97, exponent), 0.97_f64.powf(exponent as f64));
            // Each of at most `exponent` multiplications adds a rounding.
            let tolerance = (1.0 + exponent as f64) * f64::EPSILON * expected;
            assert!((found - expected).abs() <= tolerance, "{exponent}");
        }
        assert_eq!(power(0.5, u64::MAX), 0.0);
        assert_eq!(power(1.0, u64::MAX), 1.0);
    }
}

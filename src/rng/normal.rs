//! The inverse of the normal distribution function, and the logarithm it needs: the same bits on
//! every platform, which the system's logarithm does not promise.

/// The `x` below which a normal deviate lies with probability `p`; infinite at 0 and 1, NaN
/// outside `[0, 1]`. Relative error below 1e-14.
///
/// Three rational functions of degree 7 over 7: of `(p - 1/2)^2` in the middle, of
/// `sqrt(-ln(tail))` in the tails. Source: M. Wichura, "Algorithm AS 241: the percentage points of
/// the normal distribution", Applied Statistics 37, 1988, PPND16.
///
/// ```
/// use densecore::rng::inverse_normal_cdf;
/// assert!((inverse_normal_cdf(0.975) - 1.959963984540054).abs() < 1e-14);
/// ```
pub fn inverse_normal_cdf(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * MIDDLE.at(0.180625 - q * q);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    if tail == 0.0 {
        return f64::INFINITY.copysign(q);
    }
    let r = (-ln(tail)).sqrt();
    let x = if r <= 5.0 { TAIL.at(r - 1.6) } else { FAR_TAIL.at(r - 5.0) };
    x.copysign(q)
}

/// The probability that a normal deviate is below `x`, found by bisection of
/// [`inverse_normal_cdf`]: for the ends of an interval, and not for each of many numbers.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    if x > 0.0 {
        return 1.0 - normal_cdf(-x);
    }
    // Positive numbers are in the order of their bits.
    let (mut below, mut above) = (0, 0.5_f64.to_bits());
    while below < above {
        let middle = below + (above - below).div_ceil(2);
        if inverse_normal_cdf(f64::from_bits(middle)) <= x {
            below = middle;
        } else {
            above = middle - 1;
        }
    }
    f64::from_bits(below)
}

/// Quotient of two polynomials, coefficients from the highest degree down.
struct Rational {
    numerator: [f64; 8],
    denominator: [f64; 8],
}

impl Rational {
    fn at(&self, x: f64) -> f64 {
        horner(&self.numerator, x) / horner(&self.denominator, x)
    }
}

fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}

// Wichura's coefficients, as the shortest decimals that give the same f64.

/// `p` in `[0.075, 0.925]`.
const MIDDLE: Rational = Rational {
    numerator: [
        2509.0809287301227,
        33430.57558358813,
        67265.7709270087,
        45921.95393154987,
        13731.69376550946,
        1971.5909503065513,
        133.14166789178438,
        3.3871328727963665,
    ],
    denominator: [
        5226.495278852854,
        28729.085735721943,
        39307.89580009271,
        21213.794301586597,
        5394.196021424751,
        687.1870074920579,
        42.31333070160091,
        1.0,
    ],
};

/// Tails down to `exp(-25)`, about 1.4e-11.
const TAIL: Rational = Rational {
    numerator: [
        0.0007745450142783414,
        0.022723844989269184,
        0.2417807251774506,
        1.2704582524523684,
        3.6478483247632045,
        5.769497221460691,
        4.630337846156546,
        1.4234371107496835,
    ],
    denominator: [
        1.0507500716444169e-9,
        0.0005475938084995345,
        0.015198666563616457,
        0.14810397642748008,
        0.6897673349851,
        1.6763848301838038,
        2.053191626637759,
        1.0,
    ],
};

/// Tails beyond.
const FAR_TAIL: Rational = Rational {
    numerator: [
        2.0103343992922881e-7,
        2.7115555687434876e-5,
        0.0012426609473880784,
        0.026532189526576124,
        0.29656057182850487,
        1.7848265399172913,
        5.463784911164114,
        6.657904643501103,
    ],
    denominator: [
        2.0442631033899397e-15,
        1.421511758316446e-7,
        1.8463183175100548e-5,
        0.0007868691311456133,
        0.014875361290850615,
        0.1369298809227358,
        0.599832206555888,
        1.0,
    ],
};

/// The natural logarithm of a positive finite `x`, to about one unit in the last place.
///
/// With `x = 2^k m` and `m` in `[sqrt 1/2, sqrt 2)`: `ln x = k ln 2 + 2 atanh z`, where
/// `z = (m - 1) / (m + 1)` and `atanh z = z + z^3/3 + z^5/5 + ...`. As `|z| < 0.172`, what is left
/// out after `z^21` is below 2e-19.
fn ln(x: f64) -> f64 {
    /// ln 2 in two parts; the first has 32 bits, so that its product with `k` is exact.
    const LN_2: [f64; 2] = [6.931471803691238e-1, 1.9082149292705877e-10];
    const ODD_RECIPROCALS: [f64; 10] = [
        1.0 / 21.0,
        1.0 / 19.0,
        1.0 / 17.0,
        1.0 / 15.0,
        1.0 / 13.0,
        1.0 / 11.0,
        1.0 / 9.0,
        1.0 / 7.0,
        1.0 / 5.0,
        1.0 / 3.0,
    ];
    const TWO_54: f64 = (1_u64 << 54) as f64;
    // A subnormal number has its exponent elsewhere.
    let (bits, shift) =
        if x < f64::MIN_POSITIVE { ((x * TWO_54).to_bits(), 54) } else { (x.to_bits(), 0) };
    let above = bits.wrapping_sub(core::f64::consts::FRAC_1_SQRT_2.to_bits());
    let exponent = (above as i64) >> 52;
    let m = f64::from_bits(bits.wrapping_sub((exponent << 52) as u64));
    let k = (exponent - shift) as f64;
    let z = (m - 1.0) / (m + 1.0);
    let s = z * z;
    let series = z + z * s * horner(&ODD_RECIPROCALS, s);
    k * LN_2[0] + (2.0 * series + k * LN_2[1])
}

#[cfg(test)]
mod tests {
    use super::ln;

    #[test]
    fn ln_is_within_two_units_of_the_systems() {
        // Every exponent, subnormal ones too, and in each over a hundred mantissas.
        let step = 0x0000_1DF7_3A5C_9B31;
        let mut compared = 0;
        for bits in (1..f64::INFINITY.to_bits()).step_by(step) {
            let x = f64::from_bits(bits);
            let (found, expected) = (ln(x), x.ln());
            assert!((found - expected).abs() <= 2.0 * f64::EPSILON * expected.abs(), "at {x:e}");
            compared += 1;
        }
        assert!(compared > 100_000);
        assert_eq!(ln(1.0), 0.0);
    }
}

//! Initialisers: what the weights are before the first step.
//!
//! A weight is `[in, out]`; `fan_in` and `fan_out` are its rows and columns. Every scheme is one of
//! these draws:
//!
//! ```text
//! constant c             w = c
//! uniform [lo, hi)       w = lo + (hi - lo) u    u: two words of the stream for each element
//! normal m, s            w = m + s z             z: likewise
//! normal cut to an interval                      likewise
//! orthogonal             of a matrix of z
//! ```
//!
//! computed in `f64` and rounded once, the same bits on every platform, level and number of
//! threads. Element `i` in row-major order is a function of `(seed, stream, i)` and the settings
//! alone, except of an orthogonal matrix, whose elements depend on each other. No other library has
//! this stream; compare distributions, not values.
//!
//! Keras' and JAX's `*_normal` are normals cut at two standard deviations; here, as in PyTorch,
//! they are plain normals.

pub mod gain;
mod orthogonal;
mod truncated;

use crate::error::{Error, Result};
use crate::rng::Rng;
use truncated::Truncated;

/// Which of a weight's dimensions keeps its variance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fan {
    /// Rows, the number of inputs: the activations keep their size in the forward pass.
    #[default]
    In,
    /// Columns, the number of outputs: the gradients keep theirs in the backward pass.
    Out,
}

/// An initialiser.
///
/// `U[-b, b)` is uniform, with `b` rounded to `f32`; `N(m, s)` is normal with standard deviation
/// `s`. A fan of 0, where there is no weight to speak of, makes `b` or `s` 0.
///
/// ```
/// use densecore::init::Init;
/// let (fan_in, fan_out) = (784, 128);
/// let mut weight = vec![0.0; fan_in * fan_out];
/// Init::HeNormal.fill(&mut weight, fan_in, fan_out, 42, 0)?;
/// # Ok::<(), densecore::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// Every element 0. For biases; as weights, all units of a layer would stay alike for ever.
    Zeros,
    /// Every element this value, which is finite.
    Constant(f32),
    /// `U[low, high)`, or `low` everywhere if both are the same. Both are finite.
    Uniform {
        /// Smallest value.
        low: f32,
        /// Above the largest value.
        high: f32,
    },
    /// `N(mean, std)`. `mean` is finite, `std` at least 0, and nine `std` from `mean` still finite.
    Normal {
        /// Mean.
        mean: f32,
        /// Standard deviation.
        std: f32,
    },
    /// `N(mean, std)` cut to `[low, high]`: what lies outside is not drawn. The bounds are values of
    /// the weight, not multiples of `std`. All are finite, `std` is above 0, `low` below `high`, and
    /// the interval reaches to within 38 `std` of `mean`. `torch.nn.init.trunc_normal_`.
    TruncatedNormal {
        /// Mean of the distribution that is cut.
        mean: f32,
        /// Standard deviation of the distribution that is cut.
        std: f32,
        /// Smallest value.
        low: f32,
        /// Largest value.
        high: f32,
    },
    /// `U[-b, b)`, `b = gain sqrt(6 / (fan_in + fan_out))`: a compromise between the sizes of the
    /// activations and of the gradients, for sigmoid and tanh. `gain` is finite and at least 0.
    ///
    /// Source: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward
    /// neural networks", AISTATS 2010; `torch.nn.init.xavier_uniform_`.
    XavierUniform {
        /// Factor; see [`gain`].
        gain: f32,
    },
    /// `N(0, s)`, `s = gain sqrt(2 / (fan_in + fan_out))`; else as
    /// [`XavierUniform`](Init::XavierUniform). `torch.nn.init.xavier_normal_`.
    XavierNormal {
        /// Factor; see [`gain`].
        gain: f32,
    },
    /// `U[-b, b)`, `b = sqrt(6 / fan_in)`: keeps the size of the activations through ReLUs.
    ///
    /// Source: K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015;
    /// `torch.nn.init.kaiming_uniform_` with its defaults.
    HeUniform,
    /// `N(0, s)`, `s = sqrt(2 / fan_in)`; else as [`HeUniform`](Init::HeUniform).
    /// `torch.nn.init.kaiming_normal_` with its defaults.
    HeNormal,
    /// `U[-b, b)`, `b = gain sqrt(3 / fan)`: [`HeUniform`](Init::HeUniform) for any activation and
    /// either fan. `gain` is finite and at least 0.
    KaimingUniform {
        /// Factor; see [`gain`].
        gain: f32,
        /// The dimension that counts.
        fan: Fan,
    },
    /// `N(0, s)`, `s = gain / sqrt(fan)`: [`HeNormal`](Init::HeNormal) for any activation and
    /// either fan. `gain` is finite and at least 0.
    KaimingNormal {
        /// Factor; see [`gain`].
        gain: f32,
        /// The dimension that counts.
        fan: Fan,
    },
    /// `U[-b, b)`, `b = sqrt(3 / fan_in)`, for SELU and the identity.
    ///
    /// Source: Y. LeCun, L. Bottou, G. Orr, K.-R. Müller, "Efficient backprop", 1998.
    LecunUniform,
    /// `N(0, s)`, `s = sqrt(1 / fan_in)`; else as [`LecunUniform`](Init::LecunUniform).
    LecunNormal,
    /// `U[-b, b)`, `b = sqrt(1 / fan_in)`: what `torch.nn.Linear` does by default, to its weight
    /// and to its bias (with the `fan_in` of the weight). It calls it `kaiming_uniform_` with
    /// `a = sqrt 5`, which is the same.
    TorchLinear,
    /// A matrix whose columns are orthogonal, or its rows if it has more columns than rows, each of
    /// length `gain`: signals keep their length in both directions. `gain` is finite and at least 0.
    /// For whole weights only; it takes memory and time, `4 rows cols min(rows, cols)` operations.
    ///
    /// Source: A. Saxe, J. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of
    /// learning in deep linear neural networks", ICLR 2014; `torch.nn.init.orthogonal_`.
    Orthogonal {
        /// Factor; see [`gain`].
        gain: f32,
    },
}

/// What an initialiser comes to once the fans are known.
#[derive(Clone, Copy)]
enum Draw {
    Constant(f32),
    Uniform { low: f32, high: f32 },
    Normal { mean: f64, std: f64 },
    Truncated(Truncated),
    Orthogonal { gain: f64 },
}

impl Init {
    /// Uniform in `[-1, 1)`, the textbook's choice for small networks.
    pub const UNIT_UNIFORM: Self = Init::Uniform { low: -1.0, high: 1.0 };

    /// The normal distribution cut at two standard deviations: the defaults of
    /// `torch.nn.init.trunc_normal_`.
    pub const TRUNCATED_NORMAL: Self =
        Init::TruncatedNormal { mean: 0.0, std: 1.0, low: -2.0, high: 2.0 };

    /// How the bias of a layer starts whose weight starts like this: at zero, unless the scheme
    /// says otherwise.
    pub fn bias(self) -> Init {
        match self {
            Init::TorchLinear => Init::TorchLinear,
            _ => Init::Zeros,
        }
    }

    /// Fills `weights`, the elements of a `[fan_in, fan_out]` weight row after row, from stream
    /// `stream` of seed `seed`.
    ///
    /// `weights` may have any length, as a bias has `fan_out` elements and the fans of its weight;
    /// only an orthogonal matrix is whole.
    /// Give each parameter a stream of its own, such as [`INIT`](crate::rng::stream::INIT) plus
    /// its number.
    ///
    /// [`Error::Value`] names a setting without a meaning, whatever the length of `weights`. Of an
    /// orthogonal matrix [`Error::Length`] or [`Error::Overflow`] names `weights`, and
    /// [`Error::OutOfMemory`] says that it is too large. The weights are left alone then.
    pub fn fill(
        &self,
        weights: &mut [f32],
        fan_in: usize,
        fan_out: usize,
        seed: u64,
        stream: u64,
    ) -> Result<()> {
        let draw = self.draw(fan_in, fan_out)?;
        let mut rng = Rng::new(seed, stream);
        match draw {
            Draw::Constant(value) => weights.fill(value),
            Draw::Uniform { low, high } => {
                let (start, width) = (f64::from(low), f64::from(high) - f64::from(low));
                for w in weights {
                    let value = (start + width * rng.uniform_f64()) as f32;
                    // The rounding to f32 may reach `high`.
                    *w = if value < high { value } else { high.next_down() };
                }
            }
            Draw::Normal { mean, std } => {
                for w in weights {
                    *w = (mean + std * rng.normal_f64()) as f32;
                }
            }
            Draw::Truncated(truncated) => truncated.fill(weights, &mut rng),
            Draw::Orthogonal { gain } => {
                orthogonal::fill(weights, (fan_in, fan_out), gain, &mut rng)?;
            }
        }
        Ok(())
    }

    /// The formulas of the variants, and all checks.
    fn draw(&self, fan_in: usize, fan_out: usize) -> Result<Draw> {
        let (fi, fo) = (fan_in as f64, fan_out as f64);
        let by = |fan| if fan == Fan::In { fi } else { fo };
        match *self {
            Init::Zeros => Ok(Draw::Constant(0.0)),
            Init::Constant(value) => Ok(Draw::Constant(finite("constant", value)?)),
            Init::Uniform { low, high } => {
                let (low, high) = (finite("low", low)?, finite("high", high)?);
                if low > high {
                    return Err(invalid("low", "a value of at most high", low));
                }
                Ok(interval(low, high))
            }
            Init::Normal { mean, std } => {
                normal("std", std, f64::from(finite("mean", mean)?), not_negative("std", std)?)
            }
            Init::TruncatedNormal { mean, std, low, high } => {
                Ok(Draw::Truncated(Truncated::new(mean, std, low, high)?))
            }
            Init::XavierUniform { gain } => uniform(gain, 6.0, fi + fo),
            Init::XavierNormal { gain } => symmetric_normal(gain, 2.0, fi + fo),
            Init::HeUniform => uniform(1.0, 6.0, fi),
            Init::HeNormal => symmetric_normal(1.0, 2.0, fi),
            Init::KaimingUniform { gain, fan } => uniform(gain, 3.0, by(fan)),
            Init::KaimingNormal { gain, fan } => symmetric_normal(gain, 1.0, by(fan)),
            Init::LecunUniform => uniform(1.0, 3.0, fi),
            Init::LecunNormal => symmetric_normal(1.0, 1.0, fi),
            Init::TorchLinear => uniform(1.0, 1.0, fi),
            Init::Orthogonal { gain } => Ok(Draw::Orthogonal { gain: not_negative("gain", gain)? }),
        }
    }
}

/// `gain sqrt(numerator / fan)`.
fn scale(gain: f32, numerator: f64, fan: f64) -> Result<f64> {
    let gain = not_negative("gain", gain)?;
    Ok(if fan > 0.0 { gain * (numerator / fan).sqrt() } else { 0.0 })
}

fn uniform(gain: f32, numerator: f64, fan: f64) -> Result<Draw> {
    let bound = scale(gain, numerator, fan)? as f32;
    if !bound.is_finite() {
        return Err(invalid("gain", "a value whose bound is finite", gain));
    }
    // Not `-bound`, which would be -0 for 0.
    Ok(interval(0.0 - bound, bound))
}

/// `[low, high)`; the point itself where that is empty.
fn interval(low: f32, high: f32) -> Draw {
    if low < high { Draw::Uniform { low, high } } else { Draw::Constant(low) }
}

fn symmetric_normal(gain: f32, numerator: f64, fan: f64) -> Result<Draw> {
    normal("gain", gain, 0.0, scale(gain, numerator, fan)?)
}

/// `N(mean, std)`; `argument` with its value `found` is what to blame for a spread too wide.
fn normal(argument: &'static str, found: f32, mean: f64, std: f64) -> Result<Draw> {
    // No deviate of the generator lies farther out than 8.21, so nothing drawn is infinite.
    if ((mean.abs() + 9.0 * std) as f32).is_finite() {
        return Ok(Draw::Normal { mean, std });
    }
    Err(invalid(argument, "a value with nine standard deviations still finite", found))
}

fn finite(argument: &'static str, value: f32) -> Result<f32> {
    if value.is_finite() { Ok(value) } else { Err(invalid(argument, "a finite value", value)) }
}

fn not_negative(argument: &'static str, value: f32) -> Result<f64> {
    if value.is_finite() && value >= 0.0 {
        return Ok(f64::from(value));
    }
    Err(invalid(argument, "a finite value of at least 0", value))
}

fn positive(argument: &'static str, value: f32) -> Result<f64> {
    if value.is_finite() && value > 0.0 {
        return Ok(f64::from(value));
    }
    Err(invalid(argument, "a finite value above 0", value))
}

fn invalid(argument: &'static str, expected: &'static str, found: f32) -> Error {
    Error::Value { argument, expected, found: f64::from(found) }
}

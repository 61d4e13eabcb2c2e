//! The functions under test, with their exact values in `f64` and their bounds.

use core::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2};

use densecore::math::{self, *};
use densecore::simd::{Level, Portable, slice, slice::Unary};
use densecore::{Cpu, Result};

use crate::ulp::ulp_error;

type Run = fn(&[f32], &mut [f32]);
type Slice = fn(Cpu, &[f32], &mut [f32]) -> Result<()>;
type Reference = fn(f64) -> f64;

/// A function under test.
#[derive(Clone, Copy)]
pub struct Function {
    pub name: &'static str,
    pub slice: Slice,
    /// The same with vectors of 1, 3 and 5.
    pub widths: [Run; 3],
    /// In `f64`.
    reference: Reference,
    /// The first terms of its series at 0, as the reference below 1e-6; `None` if it has none.
    near_zero: Option<[f64; 3]>,
    /// The reference below -128 and above 128, where it is plain.
    beyond: [Reference; 2],
    /// The bound for inputs from `ulp_from` on.
    pub max_ulp: f64,
    pub ulp_from: f32,
    /// The bound of the absolute error for the other inputs.
    pub max_error: f64,
    /// Results smaller than this may be 0 instead.
    pub flushes: f64,
    /// The largest input that it takes.
    pub up_to: f32,
    /// Its results never fall where its inputs grow.
    pub grows: bool,
}

fn width<const N: usize, F: Unary + Default>(src: &[f32], dst: &mut [f32]) {
    slice::map(Portable::<N>, &F::default(), src, dst);
}

/// A function whose results never fall, with a bound in ULP everywhere.
const fn growing<F: Unary + Default>(
    name: &'static str,
    slice: Slice,
    reference: Reference,
    max_ulp: f64,
) -> Function {
    Function {
        name,
        slice,
        widths: [width::<1, F>, width::<3, F>, width::<5, F>],
        reference,
        near_zero: None,
        beyond: [reference; 2],
        max_ulp,
        ulp_from: f32::NEG_INFINITY,
        max_error: 0.0,
        flushes: 0.0,
        up_to: f32::INFINITY,
        grows: true,
    }
}

/// A derivative, with a bound of its absolute error.
const fn derivative<F: Unary + Default>(
    name: &'static str,
    slice: Slice,
    reference: Reference,
    max_error: f64,
) -> Function {
    Function {
        max_error,
        ulp_from: f32::INFINITY,
        beyond: [ZERO, ONE],
        grows: false,
        ..growing::<F>(name, slice, reference, 0.0)
    }
}

/// The smallest normal number.
const NORMAL: f64 = f32::MIN_POSITIVE as f64;

const ZERO: Reference = |_| 0.0;
const ONE: Reference = |_| 1.0;
const SAME: Reference = |x| x;
const OVERFLOW: Reference = |_| f64::INFINITY;

pub const EXP: Function = Function {
    near_zero: Some([1.0, 1.0, 0.5]),
    beyond: [ZERO, OVERFLOW],
    ..growing::<Exp>("exp", math::exp_slice, f64::exp, EXP_MAX_ULP)
};
pub const EXP_NONPOSITIVE: Function = Function {
    near_zero: EXP.near_zero,
    beyond: EXP.beyond,
    flushes: NORMAL,
    up_to: 0.0,
    ..growing::<ExpNonpositive>(
        "exp_nonpositive",
        math::exp_nonpositive_slice,
        f64::exp,
        EXP_NONPOSITIVE_MAX_ULP,
    )
};
pub const EXPM1: Function = Function {
    near_zero: Some([0.0, 1.0, 0.5]),
    beyond: [|_| -1.0, OVERFLOW],
    grows: false,
    ..growing::<Expm1>("expm1", math::expm1_slice, f64::exp_m1, EXPM1_MAX_ULP)
};
pub const EXPM1_NONPOSITIVE: Function = Function {
    near_zero: EXPM1.near_zero,
    beyond: EXPM1.beyond,
    grows: false,
    max_ulp: EXPM1_NONPOSITIVE_MAX_ULP,
    up_to: 0.0,
    ..growing::<Expm1Nonpositive>(
        "expm1_nonpositive",
        math::expm1_nonpositive_slice,
        f64::exp_m1,
        EXPM1_NONPOSITIVE_MAX_ULP,
    )
};
pub const LOG: Function = growing::<Log>("log", math::log_slice, f64::ln, LOG_MAX_ULP);
pub const LOG1P: Function = Function {
    near_zero: Some([0.0, 1.0, -0.5]),
    ..growing::<Log1p>("log1p", math::log1p_slice, f64::ln_1p, LOG1P_MAX_ULP)
};
pub const TANH: Function = Function {
    near_zero: Some([0.0, 1.0, 0.0]),
    beyond: [|_| -1.0, ONE],
    ..growing::<Tanh>("tanh", math::tanh_slice, f64::tanh, TANH_MAX_ULP)
};
pub const ATAN: Function = Function {
    near_zero: Some([0.0, 1.0, 0.0]),
    grows: false,
    ..growing::<Atan>("atan", math::atan_slice, f64::atan, ATAN_MAX_ULP)
};
pub const ERF: Function = Function {
    near_zero: Some([0.0, FRAC_2_SQRT_PI, 0.0]),
    beyond: [|_| -1.0, ONE],
    grows: false,
    ..growing::<Erf>("erf", math::erf_slice, libm::erf, ERF_MAX_ULP)
};
pub const SIGMOID: Function = Function {
    near_zero: Some([0.5, 0.25, 0.0]),
    beyond: [ZERO, ONE],
    flushes: NORMAL,
    ..growing::<Sigmoid>("sigmoid", math::sigmoid_slice, logistic, SIGMOID_MAX_ULP)
};
pub const LOG_SIGMOID: Function = Function {
    near_zero: Some([-LN_2, 0.5, -0.125]),
    beyond: [SAME, ZERO],
    flushes: NORMAL,
    grows: false,
    ..growing::<LogSigmoid>(
        "log_sigmoid",
        math::log_sigmoid_slice,
        |x| -softplus(-x),
        LOG_SIGMOID_MAX_ULP,
    )
};
pub const SOFTPLUS: Function = Function {
    near_zero: Some([LN_2, 0.5, 0.125]),
    beyond: [ZERO, SAME],
    flushes: NORMAL,
    grows: false,
    ..growing::<Softplus>("softplus", math::softplus_slice, softplus, SOFTPLUS_MAX_ULP)
};
pub const SILU: Function = Function {
    near_zero: Some([0.0, 0.5, 0.25]),
    beyond: [ZERO, SAME],
    flushes: 4e-37,
    grows: false,
    ..growing::<Silu>("silu", math::silu_slice, |x| x * logistic(x), SILU_MAX_ULP)
};
pub const MISH: Function = Function {
    near_zero: Some([0.0, 0.6, 0.32]),
    beyond: [ZERO, SAME],
    flushes: 8e-37,
    grows: false,
    ..growing::<Mish>("mish", math::mish_slice, |x| x * softplus(x).tanh(), MISH_MAX_ULP)
};
pub const GELU: Function = Function {
    near_zero: Some([0.0, 0.5, DENSITY_AT_0]),
    beyond: [ZERO, SAME],
    ulp_from: -1.0,
    max_error: GELU_MAX_ERROR,
    grows: false,
    ..growing::<Gelu>("gelu", math::gelu_slice, |x| x * normal(x), GELU_MAX_ULP)
};
pub const GELU_TANH: Function = Function {
    near_zero: GELU.near_zero,
    beyond: GELU.beyond,
    ulp_from: -1.0,
    max_error: GELU_TANH_MAX_ERROR,
    grows: false,
    // With `tanh` itself the sum would cancel.
    ..growing::<GeluTanh>(
        "gelu_tanh",
        math::gelu_tanh_slice,
        |x| x * logistic(2.0 * inner(x)),
        GELU_TANH_MAX_ULP,
    )
};
pub const SOFTPLUS_DERIVATIVE: Function = Function {
    near_zero: Some([0.5, 0.25, 0.0]),
    ..derivative::<SoftplusDerivative>(
        "softplus_derivative",
        math::softplus_derivative_slice,
        logistic,
        SOFTPLUS_DERIVATIVE_MAX_ERROR,
    )
};
pub const SILU_DERIVATIVE: Function = Function {
    near_zero: Some([0.5, 0.5, 0.0]),
    ..derivative::<SiluDerivative>(
        "silu_derivative",
        math::silu_derivative_slice,
        |x| logistic(x) * (1.0 + x * logistic(-x)),
        SILU_DERIVATIVE_MAX_ERROR,
    )
};
pub const MISH_DERIVATIVE: Function = Function {
    near_zero: Some([0.6, 0.64, 0.0]),
    ..derivative::<MishDerivative>(
        "mish_derivative",
        math::mish_derivative_slice,
        |x| {
            let t = softplus(x).tanh();
            t + x * logistic(x) * (1.0 - t * t)
        },
        MISH_DERIVATIVE_MAX_ERROR,
    )
};
pub const GELU_DERIVATIVE: Function = Function {
    near_zero: Some([0.5, 2.0 * DENSITY_AT_0, 0.0]),
    ..derivative::<GeluDerivative>(
        "gelu_derivative",
        math::gelu_derivative_slice,
        |x| normal(x) + x * DENSITY_AT_0 * (-0.5 * x * x).exp(),
        GELU_DERIVATIVE_MAX_ERROR,
    )
};
pub const GELU_TANH_DERIVATIVE: Function = Function {
    near_zero: GELU_DERIVATIVE.near_zero,
    ..derivative::<GeluTanhDerivative>(
        "gelu_tanh_derivative",
        math::gelu_tanh_derivative_slice,
        |x| {
            let t = inner(x).tanh();
            let slope = 2.0 * DENSITY_AT_0 * (1.0 + 3.0 * 0.044715 * x * x);
            0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope
        },
        GELU_TANH_DERIVATIVE_MAX_ERROR,
    )
};

/// The density of the normal distribution at 0, 1 / √(2π).
const DENSITY_AT_0: f64 = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// The distribution function of the normal distribution.
fn normal(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// The argument of the hyperbolic tangent in GELU's approximation, √(2/π) (x + 0.044715 x³).
fn inner(x: f64) -> f64 {
    2.0 * DENSITY_AT_0 * (x + 0.044715 * x * x * x)
}

impl Function {
    pub fn run(&self, level: Level, src: &[f32]) -> Vec<f32> {
        let mut dst = vec![f32::NAN; src.len()];
        (self.slice)(Cpu::serial().with_level(level), src, &mut dst).unwrap();
        dst
    }

    /// The exact value, without the cost of calculating where it is plain.
    pub fn exact(&self, x: f64) -> f64 {
        match self.near_zero {
            Some(c) if x.abs() < 1e-6 => c[0] + x * (c[1] + x * c[2]),
            _ if x < -128.0 => (self.beyond[0])(x),
            _ if x > 128.0 => (self.beyond[1])(x),
            _ => (self.reference)(x),
        }
    }

    /// The error in ULP where that is bounded, and the absolute one elsewhere; 0 for the other.
    pub fn error(&self, x: f32, got: f32, want: f64) -> [f64; 2] {
        let is_flushed = got == 0.0 && want.abs() < self.flushes;
        if is_flushed {
            return [0.0; 2];
        }
        let by_ulp = x >= self.ulp_from || x.is_nan();
        if by_ulp { [ulp_error(got, want), 0.0] } else { [0.0, absolute_error(got, want)] }
    }
}

/// The distance; infinite where only one is NaN, so that no bound admits it.
fn absolute_error(got: f32, want: f64) -> f64 {
    let distance = (f64::from(got) - want).abs();
    if distance.is_nan() { f64::INFINITY } else { distance }
}

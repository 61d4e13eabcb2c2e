//! The functions under test, with their exact values in `f64` and their bounds.

use core::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

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
    /// In `f64`, without the cost of calculating where the result is plain.
    pub reference: Reference,
    /// The bound for inputs from `ulp_from` on.
    pub max_ulp: f64,
    pub ulp_from: f32,
    /// The bound of the absolute error for the other inputs.
    pub max_error: f64,
    /// Results smaller than this may be 0 instead.
    pub flushes: f64,
    /// The largest input that it takes.
    pub up_to: f32,
    /// Its results grow with its inputs.
    pub grows: bool,
}

fn width<const N: usize, F: Unary + Default>(src: &[f32], dst: &mut [f32]) {
    slice::map(Portable::<N>, &F::default(), src, dst);
}

/// A function that grows, with a bound in ULP everywhere.
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
        grows: false,
        ..growing::<F>(name, slice, reference, 0.0)
    }
}

/// The smallest normal number.
const NORMAL: f64 = f32::MIN_POSITIVE as f64;

pub const EXP: Function = growing::<Exp>(
    "exp",
    math::exp_slice,
    |x| if x.abs() < 1e-9 { 1.0 + x } else { x.clamp(-200.0, 200.0).exp() },
    EXP_MAX_ULP,
);
pub const EXP_NONPOSITIVE: Function = Function {
    flushes: NORMAL,
    up_to: 0.0,
    ..growing::<ExpNonpositive>(
        "exp_nonpositive",
        math::exp_nonpositive_slice,
        EXP.reference,
        EXP_NONPOSITIVE_MAX_ULP,
    )
};
pub const EXPM1: Function = growing::<Expm1>(
    "expm1",
    math::expm1_slice,
    |x| if x.abs() < 1e-9 { x + 0.5 * x * x } else { x.clamp(-60.0, 200.0).exp_m1() },
    EXPM1_MAX_ULP,
);
pub const LOG: Function = growing::<Log>("log", math::log_slice, f64::ln, LOG_MAX_ULP);
pub const LOG1P: Function = growing::<Log1p>(
    "log1p",
    math::log1p_slice,
    |x| if x.abs() < 1e-9 { x - 0.5 * x * x } else { x.ln_1p() },
    LOG1P_MAX_ULP,
);
pub const TANH: Function = growing::<Tanh>(
    "tanh",
    math::tanh_slice,
    |x| if x.abs() < 1e-6 { x } else { x.clamp(-30.0, 30.0).tanh() },
    TANH_MAX_ULP,
);
pub const ATAN: Function = growing::<Atan>(
    "atan",
    math::atan_slice,
    |x| if x.abs() < 1e-6 { x } else { x.atan() },
    ATAN_MAX_ULP,
);
pub const ERF: Function = growing::<Erf>(
    "erf",
    math::erf_slice,
    |x| if x.abs() < 1e-8 { x * FRAC_2_SQRT_PI } else { libm::erf(x) },
    ERF_MAX_ULP,
);
pub const SIGMOID: Function = Function {
    flushes: NORMAL,
    ..growing::<Sigmoid>("sigmoid", math::sigmoid_slice, logistic, SIGMOID_MAX_ULP)
};
pub const LOG_SIGMOID: Function = Function {
    flushes: NORMAL,
    ..growing::<LogSigmoid>(
        "log_sigmoid",
        math::log_sigmoid_slice,
        |x| x.min(0.0) - log1p_exp_neg_abs(x),
        LOG_SIGMOID_MAX_ULP,
    )
};
pub const SOFTPLUS: Function = Function {
    flushes: NORMAL,
    ..growing::<Softplus>(
        "softplus",
        math::softplus_slice,
        |x| x.max(0.0) + log1p_exp_neg_abs(x),
        SOFTPLUS_MAX_ULP,
    )
};
pub const SILU: Function = Function {
    flushes: 4e-37,
    grows: false,
    ..growing::<Silu>("silu", math::silu_slice, |x| at_least(x, -800.0) * logistic(x), SILU_MAX_ULP)
};
pub const MISH: Function = Function {
    flushes: 8e-37,
    grows: false,
    ..growing::<Mish>(
        "mish",
        math::mish_slice,
        |x| at_least(x, -800.0) * softplus(x).tanh(),
        MISH_MAX_ULP,
    )
};
pub const GELU: Function = Function {
    ulp_from: -1.0,
    max_error: GELU_MAX_ERROR,
    grows: false,
    ..growing::<Gelu>("gelu", math::gelu_slice, |x| at_least(x, -40.0) * phi(x), GELU_MAX_ULP)
};
pub const GELU_TANH: Function = Function {
    ulp_from: -1.0,
    max_error: GELU_TANH_MAX_ERROR,
    grows: false,
    ..growing::<GeluTanh>(
        "gelu_tanh",
        math::gelu_tanh_slice,
        |x| at_least(x, -40.0) * logistic(2.0 * inner(at_least(x, -40.0))),
        GELU_TANH_MAX_ULP,
    )
};
pub const SILU_DERIVATIVE: Function = derivative::<SiluDerivative>(
    "silu_derivative",
    math::silu_derivative_slice,
    |x| logistic(x) * (1.0 + x.clamp(-800.0, 800.0) * logistic(-x)),
    SILU_DERIVATIVE_MAX_ERROR,
);
pub const MISH_DERIVATIVE: Function = derivative::<MishDerivative>(
    "mish_derivative",
    math::mish_derivative_slice,
    |x| {
        let t = softplus(x).tanh();
        t + x.clamp(-800.0, 800.0) * logistic(x) * (1.0 - t * t)
    },
    MISH_DERIVATIVE_MAX_ERROR,
);
pub const GELU_DERIVATIVE: Function = derivative::<GeluDerivative>(
    "gelu_derivative",
    math::gelu_derivative_slice,
    |x| {
        let t = x.clamp(-40.0, 40.0);
        phi(x) + t * (-0.5 * t * t).exp() * 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2
    },
    GELU_DERIVATIVE_MAX_ERROR,
);
pub const GELU_TANH_DERIVATIVE: Function = derivative::<GeluTanhDerivative>(
    "gelu_tanh_derivative",
    math::gelu_tanh_derivative_slice,
    |x| {
        let x = x.clamp(-40.0, 40.0);
        let t = inner(x).tanh();
        let slope = FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (1.0 + 3.0 * 0.044715 * x * x);
        0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope
    },
    GELU_TANH_DERIVATIVE_MAX_ERROR,
);

fn logistic(x: f64) -> f64 {
    if x.abs() < 1e-10 { 0.5 } else { 1.0 / (1.0 + (-x).exp()) }
}

fn log1p_exp_neg_abs(x: f64) -> f64 {
    (-x.abs()).exp().ln_1p()
}

fn softplus(x: f64) -> f64 {
    if x > 700.0 { x } else { x.exp().ln_1p() }
}

/// The distribution function of the normal distribution.
fn phi(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

fn inner(x: f64) -> f64 {
    FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * (x + 0.044715 * x * x * x)
}

/// Minus infinity times 0 is NaN; the limit of the product is that from some number on.
fn at_least(x: f64, low: f64) -> f64 {
    if x < low { low } else { x }
}

impl Function {
    pub fn run(&self, level: Level, src: &[f32]) -> Vec<f32> {
        let mut dst = vec![f32::NAN; src.len()];
        (self.slice)(Cpu::serial().with_level(level), src, &mut dst).unwrap();
        dst
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

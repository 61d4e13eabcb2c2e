//! Elementary functions, generic over the instruction set.
//!
//! They use only the operations of [`Simd`]: an integer shift to build a power of two, and IEEE
//! division. Each function therefore gives the same bits on every level with a fused multiply-add;
//! `Portable`, which rounds `mul_add` twice, may differ in the last places, within the same bound.
//!
//! | function | bound | NaN | -inf | -0, +0 | +inf | note |
//! |---|---|---|---|---|---|---|
//! | [`exp`] | [`EXP_MAX_ULP`] | NaN | 0 | 1, 1 | +inf | subnormal results are right |
//! | [`exp_nonpositive`] | [`EXP_NONPOSITIVE_MAX_ULP`] | NaN | 0 | 1, 1 | - | `x <= 0` only; 0 below -87.68 |
//! | [`expm1`] | [`EXPM1_MAX_ULP`] | NaN | -1 | -0, +0 | +inf | |
//! | [`expm1_nonpositive`] | [`EXPM1_NONPOSITIVE_MAX_ULP`] | NaN | -1 | +0, +0 | - | `x <= 0` only |
//! | [`log`] | [`LOG_MAX_ULP`] | NaN | NaN | -inf, -inf | +inf | subnormal `x` are right; NaN below 0 |
//! | [`log1p`] | [`LOG1P_MAX_ULP`] | NaN | NaN | -0, +0 | +inf | -inf at -1, NaN below |
//! | [`tanh`] | [`TANH_MAX_ULP`] | NaN | -1 | -0, +0 | 1 | odd to the bit |
//! | [`atan`] | [`ATAN_MAX_ULP`] | NaN | -π/2 | -0, +0 | π/2 | odd to the bit |
//! | [`erf`] | [`ERF_MAX_ULP`] | NaN | -1 | -0, +0 | 1 | odd to the bit |
//! | [`sigmoid`] | [`SIGMOID_MAX_ULP`] | NaN | 0 | 1/2, 1/2 | 1 | 0 below -88.37 |
//! | [`log_sigmoid`] | [`LOG_SIGMOID_MAX_ULP`] | NaN | -inf | -log 2, -log 2 | 0 | 0 above 87.68 |
//! | [`softplus`] | [`SOFTPLUS_MAX_ULP`] | NaN | 0 | log 2, log 2 | +inf | 0 below -87.68 |
//! | [`silu`] | [`SILU_MAX_ULP`] | NaN | -0 | -0, +0 | +inf | -0 below -88.37 |
//! | [`mish`] | [`MISH_MAX_ULP`] | NaN | -0 | -0, +0 | +inf | -0 below -87.68 |
//! | [`gelu`] | [`GELU_MAX_ULP`], [`GELU_MAX_ERROR`] | NaN | -0 | -0, +0 | +inf | ULP for x >= -1 |
//! | [`gelu_tanh`] | [`GELU_TANH_MAX_ULP`], [`GELU_TANH_MAX_ERROR`] | NaN | -0 | -0, +0 | +inf | ULP for x >= -1 |
//! | [`softplus_derivative`] | [`SOFTPLUS_DERIVATIVE_MAX_ERROR`] | NaN | 0 | 1/2, 1/2 | 1 | absolute |
//! | [`silu_derivative`] | [`SILU_DERIVATIVE_MAX_ERROR`] | NaN | -0 | 1/2, 1/2 | 1 | absolute |
//! | [`mish_derivative`] | [`MISH_DERIVATIVE_MAX_ERROR`] | NaN | -0 | 3/5, 3/5 | 1 | absolute |
//! | [`gelu_derivative`] | [`GELU_DERIVATIVE_MAX_ERROR`] | NaN | 0 | 1/2, 1/2 | 1 | absolute |
//! | [`gelu_tanh_derivative`] | [`GELU_TANH_DERIVATIVE_MAX_ERROR`] | NaN | -0 | 1/2, 1/2 | 1 | absolute |
//!
//! A bound in ULP is the distance from the exact result in units of the last place of an `f32` of
//! that size; one named `ERROR` is absolute. It holds on every level, for every input (of a
//! `nonpositive` function: for those that it takes). Each constant says over which inputs it was
//! measured, as a rule all 2³². Where a result becomes 0 early, its function says how small the exact
//! one is. No function but a derivative returns a value outside its mathematical range, and `exp`,
//! `log`, `tanh` and `sigmoid` never fall where `x` grows; the others may, within their bound.
//!
//! A kernel calls the generic functions; the unit structs ([`Exp`], ...) pass them to the loops of
//! [`simd::slice`](crate::simd::slice), and the `_slice` functions run them from outside.

mod atan;
mod erf;
mod exp;
mod exp2;
mod expm1;
mod gelu;
mod gelu_tanh;
mod log;
mod log1p;
mod log_sigmoid;
mod mish;
mod polynomial;
mod sigmoid;
mod silu;
mod softplus;
mod tanh;

pub use atan::{ATAN_MAX_ULP, atan};
pub use erf::{ERF_MAX_ULP, erf};
pub use exp::{EXP_MAX_ULP, EXP_NONPOSITIVE_MAX_ULP, exp, exp_nonpositive};
pub use expm1::{EXPM1_MAX_ULP, EXPM1_NONPOSITIVE_MAX_ULP, expm1, expm1_nonpositive};
pub use gelu::{GELU_DERIVATIVE_MAX_ERROR, GELU_MAX_ERROR, GELU_MAX_ULP, gelu, gelu_derivative};
pub use gelu_tanh::{
    GELU_TANH_DERIVATIVE_MAX_ERROR, GELU_TANH_MAX_ERROR, GELU_TANH_MAX_ULP, gelu_tanh,
    gelu_tanh_derivative,
};
pub use log::{LOG_MAX_ULP, log};
pub use log_sigmoid::{LOG_SIGMOID_MAX_ULP, log_sigmoid};
pub use log1p::{LOG1P_MAX_ULP, log1p};
pub use mish::{MISH_DERIVATIVE_MAX_ERROR, MISH_MAX_ULP, mish, mish_derivative};
pub use sigmoid::{SIGMOID_MAX_ULP, sigmoid};
pub use silu::{SILU_DERIVATIVE_MAX_ERROR, SILU_MAX_ULP, silu, silu_derivative};
pub use softplus::{
    SOFTPLUS_BETA_MAX_ULP, SOFTPLUS_DERIVATIVE_MAX_ERROR, SOFTPLUS_MAX_ULP, softplus,
    softplus_beta, softplus_derivative,
};
pub use tanh::{TANH_MAX_ULP, tanh};

use crate::cpu::Cpu;
use crate::error::{Error, Result, check_len};
use crate::parallel::for_each_piece;
use crate::simd::slice::{self, Unary};
use crate::simd::{Simd, dispatch};

/// ln 2 to 16 bits: its product with an integer of up to 8 bits is exact, with or without FMA.
const LN_2_HI: f32 = 45_426.0 / 65_536.0;
/// ln 2 - [`LN_2_HI`].
const LN_2_LO: f32 = 1.428_606_8e-6;

/// The list of functions: `function, kernel, loop`, and `true` if it [is long](Unary::IS_LONG). Each gets a unit
/// struct that is its elementwise kernel, and a public function that runs it over a slice.
macro_rules! functions {
    ($($(#[$doc:meta])* $function:ident, $kernel:ident, $slice:ident $(, $long:literal)?;)*) => {$(
        #[doc = concat!("[`", stringify!($function), "`] as an elementwise kernel.")]
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $kernel;

        impl Unary for $kernel {
            $(const IS_LONG: bool = $long;)?

            #[inline(always)]
            fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
                $function(s, x)
            }
        }

        #[doc = concat!("[`", stringify!($function), "`] of every element: `dst[i] = f(src[i])`.")]
        ///
        /// Error: [`Length`](Error::Length) names `dst`.
        $(#[$doc])*
        pub fn $slice(cpu: Cpu, src: &[f32], dst: &mut [f32]) -> Result<()> {
            map(cpu, &$kernel, src, dst)
        }
    )*};
}

functions! {
    ///
    /// ```
    /// use densecore::{Cpu, math};
    /// let mut y = [0.0; 3];
    /// math::exp_slice(Cpu::detect(), &[0.0, f32::NEG_INFINITY, 1e3], &mut y)?;
    /// assert_eq!(y, [1.0, 0.0, f32::INFINITY]);
    /// # Ok::<(), densecore::Error>(())
    /// ```
    exp, Exp, exp_slice;
    exp_nonpositive, ExpNonpositive, exp_nonpositive_slice;
    expm1, Expm1, expm1_slice;
    expm1_nonpositive, Expm1Nonpositive, expm1_nonpositive_slice;
    log, Log, log_slice;
    log1p, Log1p, log1p_slice, true;
    tanh, Tanh, tanh_slice;
    atan, Atan, atan_slice, true;
    erf, Erf, erf_slice;
    sigmoid, Sigmoid, sigmoid_slice;
    log_sigmoid, LogSigmoid, log_sigmoid_slice;
    softplus, Softplus, softplus_slice;
    softplus_derivative, SoftplusDerivative, softplus_derivative_slice;
    silu, Silu, silu_slice;
    silu_derivative, SiluDerivative, silu_derivative_slice;
    mish, Mish, mish_slice;
    mish_derivative, MishDerivative, mish_derivative_slice;
    gelu, Gelu, gelu_slice, true;
    gelu_derivative, GeluDerivative, gelu_derivative_slice;
    gelu_tanh, GeluTanh, gelu_tanh_slice;
    gelu_tanh_derivative, GeluTanhDerivative, gelu_tanh_derivative_slice;
}

/// [`softplus_beta`] as an elementwise kernel, with its β.
#[derive(Clone, Copy, Debug)]
pub struct SoftplusBeta(pub f32);

impl Unary for SoftplusBeta {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        softplus_beta(s, x, self.0)
    }
}

/// `dst[i] = log(1 + exp(β src[i])) / β`, see [`softplus_beta`].
///
/// Errors: [`Value`](Error::Value) names `beta`, [`Length`](Error::Length) names `dst`.
pub fn softplus_beta_slice(cpu: Cpu, beta: f32, src: &[f32], dst: &mut [f32]) -> Result<()> {
    if !(beta > 0.0 && beta.is_finite() && (1.0 / beta).is_finite()) {
        let expected = "a finite f32 above 0, with a finite reciprocal";
        return Err(Error::Value { argument: "beta", expected, found: beta.into() });
    }
    map(cpu, &SoftplusBeta(beta), src, dst)
}

fn map<F: Unary + Sync>(cpu: Cpu, f: &F, src: &[f32], dst: &mut [f32]) -> Result<()> {
    check_len("dst", src.len(), dst.len())?;
    for_each_piece(cpu, [src], [dst], &|[x], [y]| {
        dispatch!(cpu.level(), s => slice::map(s, f, x, y));
    });
    Ok(())
}

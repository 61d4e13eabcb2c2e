//! Elementary functions, generic over the instruction set.
//!
//! They use only the operations of [`Simd`](crate::simd::Simd): an integer shift to build a power
//! of two, and IEEE division. Each function therefore gives the same bits on every level with a
//! fused multiply-add; `Portable`, which rounds `mul_add` twice, may differ in the last places,
//! within the same bound.
//!
//! | function | bound, in ULP | NaN | -inf | -0, +0 | +inf | note |
//! |---|---|---|---|---|---|---|
//! | [`exp`] | [`EXP_MAX_ULP`] | NaN | 0 | 1, 1 | +inf | subnormal results are right |
//! | [`exp_nonpositive`] | [`EXP_NONPOSITIVE_MAX_ULP`] | NaN | 0 | 1, 1 | - | `x <= 0` only; 0 below -87.68 |
//! | [`log`] | [`LOG_MAX_ULP`] | NaN | NaN | -inf, -inf | +inf | subnormal `x` are right; NaN below 0 |
//! | [`tanh`] | [`TANH_MAX_ULP`] | NaN | -1 | -0, +0 | 1 | odd to the bit |
//! | [`sigmoid`] | [`SIGMOID_MAX_ULP`] | NaN | 0 | 1/2, 1/2 | 1 | 0 below -88.37 |
//!
//! A bound holds for every one of the 2³² inputs (of `exp_nonpositive`: for those that it takes),
//! on every level, as the distance from the exact result in units of the last place of an `f32` of
//! that size. Where a table row says that results become 0 early, the exact result is smaller than
//! [`f32::MIN_POSITIVE`]. No function returns a value outside its mathematical range, and
//! none ever falls where `x` grows.
//!
//! A kernel calls the generic functions; the unit structs ([`Exp`], ...) pass them to the loops of
//! [`simd::slice`](crate::simd::slice), and the `_slice` functions run them from outside.

mod exp;
mod log;
mod sigmoid;
mod tanh;

pub use exp::{EXP_MAX_ULP, EXP_NONPOSITIVE_MAX_ULP, Exp, ExpNonpositive, exp, exp_nonpositive};
pub use log::{LOG_MAX_ULP, Log, log};
pub use sigmoid::{SIGMOID_MAX_ULP, Sigmoid, sigmoid};
pub use tanh::{TANH_MAX_ULP, Tanh, tanh};

use crate::cpu::Cpu;
use crate::error::{Result, check_len};
use crate::parallel::for_each_piece;
use crate::simd::dispatch;
use crate::simd::slice::{self, Unary};

/// ln 2 to 16 bits: its product with an integer of up to 8 bits is exact, with or without FMA.
const LN_2_HI: f32 = 45_426.0 / 65_536.0;
/// ln 2 - [`LN_2_HI`].
const LN_2_LO: f32 = 1.428_606_8e-6;

/// `dst[i] = exp(src[i])`, see [`exp`].
///
/// ```
/// use densecore::{Cpu, math};
/// let mut y = [0.0; 3];
/// math::exp_slice(Cpu::detect(), &[0.0, f32::NEG_INFINITY, 1e3], &mut y)?;
/// assert_eq!(y, [1.0, 0.0, f32::INFINITY]);
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn exp_slice(cpu: Cpu, src: &[f32], dst: &mut [f32]) -> Result<()> {
    map(cpu, &Exp, src, dst)
}

/// `dst[i] = exp(src[i])` for `src[i] <= 0`, see [`exp_nonpositive`].
pub fn exp_nonpositive_slice(cpu: Cpu, src: &[f32], dst: &mut [f32]) -> Result<()> {
    map(cpu, &ExpNonpositive, src, dst)
}

/// `dst[i] = log(src[i])`, the natural logarithm, see [`log`].
pub fn log_slice(cpu: Cpu, src: &[f32], dst: &mut [f32]) -> Result<()> {
    map(cpu, &Log, src, dst)
}

/// `dst[i] = tanh(src[i])`, see [`tanh`].
pub fn tanh_slice(cpu: Cpu, src: &[f32], dst: &mut [f32]) -> Result<()> {
    map(cpu, &Tanh, src, dst)
}

/// `dst[i] = 1 / (1 + exp(-src[i]))`, see [`sigmoid`].
pub fn sigmoid_slice(cpu: Cpu, src: &[f32], dst: &mut [f32]) -> Result<()> {
    map(cpu, &Sigmoid, src, dst)
}

fn map<F: Unary + Sync>(cpu: Cpu, f: &F, src: &[f32], dst: &mut [f32]) -> Result<()> {
    check_len("dst", src.len(), dst.len())?;
    for_each_piece(cpu, [src], [dst], &|[x], [y]| {
        dispatch!(cpu.level(), s => slice::map(s, f, x, y));
    });
    Ok(())
}

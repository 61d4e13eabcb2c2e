//! math
mod exp;
mod log;
mod sigmoid;
mod tanh;
use crate::cpu::Cpu;
use crate::error::{Result, check_len};
use crate::simd::{
    Simd, dispatch,
    slice::{self, Unary},
};
pub use exp::{exp, exp_nonpositive};
pub use log::log;
pub use sigmoid::sigmoid;
pub use tanh::tanh_a as tanh_tmp;
pub use tanh::*;
macro_rules! f { ($($n:ident $f:ident $s:ident),*) => { $(
/// x
pub struct $n;
impl Unary for $n { #[inline(always)] fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 { $f(s, x) } }
/// x
pub fn $s(cpu: Cpu, src: &[f32], dst: &mut [f32]) -> Result<()> {
    check_len("dst", src.len(), dst.len())?;
    dispatch!(cpu.level(), s => slice::map(s, &$n, src, dst));
    Ok(())
}
)* } }
f!(Exp exp exp_slice, ExpNonpositive exp_nonpositive exp_nonpositive_slice, Log log log_slice, TanhA tanh_a tanh_a_slice, TanhB tanh_b tanh_b_slice, Sigmoid sigmoid sigmoid_slice);

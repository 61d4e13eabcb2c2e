//! Activations: `y = f(z)` and the derivative `f'`, side by side, one file each.
//!
//! Every function here can be fused: [`dense::forward`](crate::dense::forward) applies `f` to
//! finished rows of the product while they are in the first-level cache, and
//! [`dense::backward`](crate::dense::backward) multiplies by `f'` in the same way. Most derivatives
//! are computed from the output `y`, so that a layer keeps one matrix and not two; those that need
//! `z`, or would lose digits without it, say so ([`Reads`]).
//!
//! | activation | f(z) | f' | at the kink | source |
//! |---|---|---|---|---|
//! | [`Identity`] | z | 1 | | |
//! | [`Relu`] | max(0, z) | 0 if y <= 0, else 1 | 0 at 0 | Nair and Hinton 2010 |
//! | [`LeakyRelu`] | z if z > 0, else a z | 1 if y > 0, else a | a at 0 | Maas, Hannun and Ng 2013 |
//! | [`Relu6`] | min(max(z, 0), 6) | 1 if 0 < y < 6, else 0 | 0 at both | Krizhevsky 2010 |
//! | [`Hardtanh`] | min(max(z, lo), hi) | 1 if lo < y < hi, else 0 | 0 at both | Collobert 2004 |
//! | [`Elu`] | z if z > 0, else a (e^z - 1) | 1 if y > 0, else y + a | a at 0 | Clevert et al. 2016 |
//! | [`Celu`] | z if z > 0, else a (e^(z/a) - 1) | 1 if y > 0, else y/a + 1 | 1 at 0 | Barron 2017 |
//! | [`Selu`] | S (z if z > 0, else A (e^z - 1)) | S if y > 0, else y + S A | S A at 0 | Klambauer et al. 2017 |
//! | [`Softplus`] | log(1 + e^(b z)) / b | 1 / (1 + e^(-b z)) | | Dugas et al. 2001 |
//! | [`Silu`] | z s(z), s the sigmoid | s (1 + z (1 - s)) | | Elfwing et al. 2018 |
//! | [`Mish`] | z tanh(log(1 + e^z)) | t + z s (1 - t^2), t the tanh | | Misra 2019 |
//! | [`Gelu`] | z P(z), P the normal distribution | P(z) + z P'(z) | | Hendrycks and Gimpel 2016 |
//! | [`GeluTanh`] | z (1 + tanh(k (z + c z^3))) / 2 | see its file | | Hendrycks and Gimpel 2016 |
//! | [`Sigmoid`] | 1 / (1 + e^-z) | y (1 - y) | | |
//! | [`LogSigmoid`] | log(1 / (1 + e^-z)) | 1 - e^y | | |
//! | [`Hardsigmoid`] | min(max(z + 3, 0), 6) / 6 | 1/6 if 0 < y < 1, else 0 | 0 at both | Courbariaux et al. 2015 |
//! | [`Tanh`] | tanh z | 1 - y^2 | | |
//! | [`Arctan`] | atan z | 1 / (1 + z^2) | | |
//! | [`Tanhshrink`] | z - tanh z | tanh^2 z | | |
//! | [`Softsign`] | z / (1 + abs z) | 1 / (1 + abs z)^2 | | Bergstra et al. 2009 |
//! | [`Sqnl`] | z - z abs(z) / 4 up to 2, sign(z) beyond | 1 - abs(z) / 2, 0 | | Wuraola and Patel 2018 |
//! | [`Hardswish`] | z min(max(z + 3, 0), 6) / 6 | 0, z/3 + 1/2, 1 | 0 at -3, 1 at 3 | Howard et al. 2019 |
//! | [`Hardshrink`] | z if abs z > k, else 0 | 0 if y = 0, else 1 | 0 at both | |
//! | [`Softshrink`] | z moved by k towards 0, and not across | 0 if y = 0, else 1 | 0 at both | |
//! | [`Exp`] | e^z | y | | |
//!
//! A function of your own is an [`ActivationFn`], and is fused and run in the same way.
//!
//! NaN in gives NaN out; at infinity a function returns its limit. What works on whole rows or
//! learns has a module of its own: [`softmax`], [`log_softmax`], the gated linear units [`glu`], and
//! [`prelu`].

mod arctan;
mod celu;
mod elu;
mod exp;
mod gelu;
mod gelu_tanh;
pub mod glu;
mod hardshrink;
mod hardsigmoid;
mod hardswish;
mod hardtanh;
mod identity;
mod leaky_relu;
mod list;
pub mod log_softmax;
mod logsigmoid;
mod mish;
pub mod prelu;
mod relu;
mod relu6;
mod selu;
mod sigmoid;
mod silu;
pub mod softmax;
mod softplus;
mod softshrink;
mod softsign;
mod sqnl;
mod tanh;
mod tanhshrink;

pub use list::*;

use crate::cpu::Cpu;
use crate::error::{Result, check_len};
use crate::parallel::for_each_piece;
use crate::simd::slice::Unary;
use crate::simd::{Simd, apply};

/// An activation and its derivative.
///
/// Methods are generic over the vector type and must be `#[inline(always)]`; see
/// [`simd`](crate::simd). [`Forward`] and [`Derivative`] fuse them into products, and
/// [`forward`], [`forward_in_place`] and [`backward_in_place`] run them over slices:
///
/// ```
/// use densecore::activation::{self, ActivationFn, Derivative, Forward};
/// use densecore::gemm::{Map, MulMap, Start, matmul_fused};
/// use densecore::{Cpu, Scratch, View, ViewMut, simd::Simd};
///
/// /// `z` where it is positive, `z / 4` elsewhere.
/// struct Leaky;
///
/// impl ActivationFn for Leaky {
///     #[inline(always)]
///     fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
///         s.max(s.mul(s.splat(0.25), z), z)
///     }
///
///     #[inline(always)]
///     fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
///         s.select(s.gt(y, s.splat(0.0)), s.splat(1.0), s.splat(0.25))
///     }
/// }
///
/// // forward    Y = f(X.W + b)             X [2, 1]   W [1, 2]   Y [2, 2]
/// let (cpu, mut scratch) = (Cpu::detect(), Scratch::new());
/// let (x, w) = (View::new(2, 1, &[1.0, -1.0])?, View::new(1, 2, &[2.0, 4.0])?);
/// let mut y = [f32::NAN; 4];
/// let (factors, to) = ((x.into(), w.into()), ViewMut::new(2, 2, &mut y)?);
/// let bias = Start::Bias(&[1.0, 0.0]);
/// matmul_fused(cpu, &mut scratch, factors, bias, &Map(Forward(Leaky)), to)?;
/// assert_eq!(y, [3.0, 4.0, -0.25, -1.0]);
///
/// // backward  dZ = (dZ2.W2^T) * f'(Y)     dZ2 [2, 1] and W2 [2, 1] of the layer above
/// let (d_z2, w2) = (View::new(2, 1, &[1.0, 2.0])?, View::new(2, 1, &[4.0, 8.0])?);
/// let mut d_z = [f32::NAN; 4];
/// let (factors, to) = ((d_z2.into(), w2.t().into()), ViewMut::new(2, 2, &mut d_z)?);
/// let slope = MulMap { f: Derivative(Leaky), other: View::new(2, 2, &y)? };
/// matmul_fused(cpu, &mut scratch, factors, Start::Zero, &slope, to)?;
/// assert_eq!(d_z, [4.0, 8.0, 2.0, 4.0]);
///
/// // The same from a dY of one's own, over slices.
/// let mut delta = [4.0, 8.0, 8.0, 16.0];
/// activation::backward_in_place(cpu, &Leaky, &y, &mut delta)?;
/// assert_eq!(delta, d_z);
/// # Ok::<(), densecore::Error>(())
/// ```
pub trait ActivationFn: Sync {
    /// What [`df`](ActivationFn::df) is given.
    const READS: Reads = Reads::Output;
    /// That of its [`Forward`]: see [`Unary::IS_LONG`].
    const IS_LONG: bool = false;
    /// `y = f(z)`
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32;
    /// `f'(z)`, computed from `y = f(z)` or from `z`, as [`READS`](ActivationFn::READS) says.
    fn df<S: Simd>(&self, s: S, y_or_z: S::F32) -> S::F32;
}

/// What a derivative is computed from, and what a layer therefore keeps for its backward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// z, what the function was applied to.
    Input,
    /// y, what it returned: the next layer needs it anyway.
    Output,
}

impl<F: ActivationFn> ActivationFn for &F {
    const READS: Reads = F::READS;
    const IS_LONG: bool = F::IS_LONG;

    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        (**self).f(s, z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y_or_z: S::F32) -> S::F32 {
        (**self).df(s, y_or_z)
    }
}

/// `output[i] = f(input[i])`; `output` is not read. Error: [`Length`](crate::Error::Length) names
/// `output`.
pub fn forward(cpu: Cpu, f: &impl ActivationFn, input: &[f32], output: &mut [f32]) -> Result<()> {
    check_len("output", input.len(), output.len())?;
    for_each_piece(cpu, [input], [output], &|[x], [y]| {
        apply::map(cpu.level(), &Forward(f), x, y);
    });
    Ok(())
}

/// `values[i] = f(values[i])`.
pub fn forward_in_place(cpu: Cpu, f: &impl ActivationFn, values: &mut [f32]) {
    for_each_piece(cpu, [], [values], &|[], [y]| {
        apply::map_in_place(cpu.level(), &Forward(f), y);
    });
}

/// `d_input[i] = d_output[i] * f'(z[i])`. `saved` is what f' reads, z or `y = f(z)`
/// ([`ActivationFn::READS`]); `d_input` is not read. Error: [`Length`](crate::Error::Length) names
/// `d_output` or `d_input`.
pub fn backward(
    cpu: Cpu,
    f: &impl ActivationFn,
    saved: &[f32],
    d_output: &[f32],
    d_input: &mut [f32],
) -> Result<()> {
    check_len("d_output", saved.len(), d_output.len())?;
    check_len("d_input", saved.len(), d_input.len())?;
    for_each_piece(cpu, [saved, d_output], [d_input], &|[y, d], [to]| {
        apply::multiply(cpu.level(), &Derivative(f), y, (d, to));
    });
    Ok(())
}

/// `delta[i] = delta[i] * f'(z[i])`: the gradient with respect to the output becomes the one with
/// respect to the input. `saved` is what f' reads, z or `y = f(z)` ([`ActivationFn::READS`]). Error:
/// [`Length`](crate::Error::Length) names `delta`.
pub fn backward_in_place(
    cpu: Cpu,
    f: &impl ActivationFn,
    saved: &[f32],
    delta: &mut [f32],
) -> Result<()> {
    check_len("delta", saved.len(), delta.len())?;
    for_each_piece(cpu, [saved], [delta], &|[y], [d]| {
        apply::multiply_in_place(cpu.level(), &Derivative(f), y, d);
    });
    Ok(())
}

impl Activation {
    /// `output[i] = f(input[i])`. Error: [`Length`](crate::Error::Length) names `output`.
    ///
    /// ```
    /// use densecore::{Activation, Cpu};
    /// let mut y = [0.0; 3];
    /// Activation::Relu.forward(Cpu::detect(), &[-1.0, 0.0, 2.0], &mut y)?;
    /// assert_eq!(y, [0.0, 0.0, 2.0]);
    /// # Ok::<(), densecore::Error>(())
    /// ```
    pub fn forward(self, cpu: Cpu, input: &[f32], output: &mut [f32]) -> Result<()> {
        with_activation!(self, f => forward(cpu, &f, input, output))
    }

    /// `values[i] = f(values[i])`.
    pub fn forward_in_place(self, cpu: Cpu, values: &mut [f32]) {
        with_activation!(self, f => forward_in_place(cpu, &f, values));
    }

    /// `d_input[i] = d_output[i] * f'(z[i])`. `saved` is what f' reads, z or `y = f(z)`
    /// ([`reads`](Activation::reads)); `d_input` is not read. Errors:
    /// [`Length`](crate::Error::Length) names `d_output` or `d_input`,
    /// [`Value`](crate::Error::Value) a setting without a meaning.
    pub fn backward(
        self,
        cpu: Cpu,
        saved: &[f32],
        d_output: &[f32],
        d_input: &mut [f32],
    ) -> Result<()> {
        self.check()?;
        with_activation!(self, f => backward(cpu, &f, saved, d_output, d_input))
    }

    /// `delta[i] = delta[i] * f'(z[i])`: the gradient with respect to the output becomes the one
    /// with respect to the input. `saved` is what f' reads, z or `y = f(z)`
    /// ([`reads`](Activation::reads)). Errors: [`Length`](crate::Error::Length) names `delta`,
    /// [`Value`](crate::Error::Value) a setting without a meaning.
    pub fn backward_in_place(self, cpu: Cpu, saved: &[f32], delta: &mut [f32]) -> Result<()> {
        self.check()?;
        with_activation!(self, f => backward_in_place(cpu, &f, saved, delta))
    }
}

/// `y = f(z)`, as an elementwise kernel: [`Map`](crate::gemm::Map)`(Forward(f))` finishes the rows
/// of a layer's product.
#[derive(Clone, Copy, Debug)]
pub struct Forward<F>(pub F);

impl<F: ActivationFn> Unary for Forward<F> {
    const IS_LONG: bool = F::IS_LONG;

    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        self.0.f(s, z)
    }
}

/// `f'` from what it reads, as an elementwise kernel: [`MulMap`](crate::gemm::MulMap) with it makes dZ of the
/// rows of a product that is dY.
#[derive(Clone, Copy, Debug)]
pub struct Derivative<F>(pub F);

impl<F: ActivationFn> Unary for Derivative<F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, y_or_z: S::F32) -> S::F32 {
        self.0.df(s, y_or_z)
    }
}

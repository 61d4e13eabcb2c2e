//! Activations: `y = f(z)` and the derivative `f'`, side by side, one file each.
//!
//! Every function here can be fused: [`dense::forward`](crate::dense::forward) applies `f` to
//! finished rows of the product while they are in the first-level cache, and
//! [`dense::backward`](crate::dense::backward) multiplies by `f'` in the same way. The derivative
//! is computed from the output `y`, so that a layer keeps one matrix and not two.
//!
//! | activation | f(z) | f' from y | at the kink | source |
//! |---|---|---|---|---|
//! | [`Identity`] | z | 1 | | |
//! | [`Relu`] | max(0, z) | 1 if y > 0, else 0 | 0 at 0 | Nair and Hinton 2010 |
//! | [`Sigmoid`] | 1 / (1 + e^-z) | y (1 - y) | | |
//! | [`Tanh`] | tanh z | 1 - y^2 | | |
//!
//! NaN in gives NaN out; at infinity a function returns its limit. Softmax works on whole rows
//! and has a module of its own: [`softmax`].

mod identity;
mod relu;
mod sigmoid;
pub mod softmax;
mod tanh;

pub use identity::Identity;
pub use relu::Relu;
pub use sigmoid::Sigmoid;
pub use tanh::Tanh;

use crate::cpu::Cpu;
use crate::error::{Result, check_len};
use crate::parallel::for_each_piece;
use crate::simd::slice::{self, Unary, Update};
use crate::simd::{Simd, dispatch};

/// An activation and its derivative.
///
/// Methods are generic over the vector type and must be `#[inline(always)]`; see
/// [`simd`](crate::simd).
pub trait ActivationFn: Sync {
    /// `y = f(z)`
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32;
    /// `f'(z)`, computed from `y = f(z)`.
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32;
}

/// An activation chosen at run time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Activation {
    /// [`Identity`]: a linear layer.
    #[default]
    Identity,
    /// [`Relu`].
    Relu,
    /// [`Sigmoid`].
    Sigmoid,
    /// [`Tanh`].
    Tanh,
}

/// Runs `$body` with `$f` bound to the function that `$activation` names.
macro_rules! with_activation {
    ($activation:expr, $f:ident => $body:expr) => {
        match $activation {
            $crate::activation::Activation::Identity => {
                let $f = $crate::activation::Identity;
                $body
            }
            $crate::activation::Activation::Relu => {
                let $f = $crate::activation::Relu;
                $body
            }
            $crate::activation::Activation::Sigmoid => {
                let $f = $crate::activation::Sigmoid;
                $body
            }
            $crate::activation::Activation::Tanh => {
                let $f = $crate::activation::Tanh;
                $body
            }
        }
    };
}
pub(crate) use with_activation;

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
        check_len("output", input.len(), output.len())?;
        with_activation!(self, f => for_each_piece(cpu, [input], [output], &|[x], [y]| {
            dispatch!(cpu.level(), s => slice::map(s, &Forward(f), x, y));
        }));
        Ok(())
    }

    /// `values[i] = f(values[i])`.
    pub fn forward_in_place(self, cpu: Cpu, values: &mut [f32]) {
        with_activation!(self, f => for_each_piece(cpu, [], [values], &|[], [y]| {
            dispatch!(cpu.level(), s => slice::update(s, &Forward(f), [], [y]));
        }));
    }

    /// `delta[i] = delta[i] * f'(z[i])`, from `output[i] = f(z[i])`: the gradient with respect to
    /// the output becomes the one with respect to the input. Error:
    /// [`Length`](crate::Error::Length) names `delta`.
    pub fn backward_in_place(self, cpu: Cpu, output: &[f32], delta: &mut [f32]) -> Result<()> {
        check_len("delta", output.len(), delta.len())?;
        with_activation!(self, f => for_each_piece(cpu, [output], [delta], &|[y], [d]| {
            dispatch!(cpu.level(), s => slice::update(s, &Backward(f), [y], [d]));
        }));
        Ok(())
    }

    /// The function's name in lower case, such as `relu`.
    pub fn name(self) -> &'static str {
        match self {
            Activation::Identity => "identity",
            Activation::Relu => "relu",
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
        }
    }

    /// The activation with this [`name`](Activation::name), if there is one.
    ///
    /// ```
    /// use densecore::Activation;
    /// assert_eq!(Activation::from_name("relu"), Some(Activation::Relu));
    /// assert_eq!(Activation::from_name("ReLU"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        use Activation::{Identity, Relu, Sigmoid, Tanh};
        [Identity, Relu, Sigmoid, Tanh].into_iter().find(|activation| activation.name() == name)
    }
}

/// `y = f(z)`, as an elementwise kernel.
pub(crate) struct Forward<F>(pub F);

impl<F: ActivationFn> Unary for Forward<F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        self.0.f(s, z)
    }
}

impl<F: ActivationFn> Update<0, 1> for Forward<F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, _: [S::F32; 0], [z]: [S::F32; 1]) -> [S::F32; 1] {
        [self.0.f(s, z)]
    }
}

/// `f'` from y, as an elementwise kernel.
pub(crate) struct Derivative<F>(pub F);

impl<F: ActivationFn> Unary for Derivative<F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        self.0.df(s, y)
    }
}

/// `d f'`, from y: the gradient with respect to z from the one with respect to y.
pub(crate) struct Backward<F>(pub F);

impl<F: ActivationFn> Update<1, 1> for Backward<F> {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [y]: [S::F32; 1], [d]: [S::F32; 1]) -> [S::F32; 1] {
        [s.mul(d, self.0.df(s, y))]
    }
}

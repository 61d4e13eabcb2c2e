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
//! | [`Relu`] | max(0, z) | 0 if y <= 0, else 1 | 0 at 0 | Nair and Hinton 2010 |
//! | [`Sigmoid`] | 1 / (1 + e^-z) | y (1 - y) | | |
//! | [`Tanh`] | tanh z | 1 - y^2 | | |
//!
//! A function of your own is an [`ActivationFn`], and is fused and run in the same way.
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
    /// `y = f(z)`
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32;
    /// `f'(z)`, computed from `y = f(z)`.
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32;
}

impl<F: ActivationFn> ActivationFn for &F {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        (**self).f(s, z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        (**self).df(s, y)
    }
}

/// `output[i] = f(input[i])`; `output` is not read. Error: [`Length`](crate::Error::Length) names
/// `output`.
pub fn forward(cpu: Cpu, f: &impl ActivationFn, input: &[f32], output: &mut [f32]) -> Result<()> {
    check_len("output", input.len(), output.len())?;
    for_each_piece(cpu, [input], [output], &|[x], [y]| {
        dispatch!(cpu.level(), s => slice::map(s, &Forward(f), x, y));
    });
    Ok(())
}

/// `values[i] = f(values[i])`.
pub fn forward_in_place(cpu: Cpu, f: &impl ActivationFn, values: &mut [f32]) {
    for_each_piece(cpu, [], [values], &|[], [y]| {
        dispatch!(cpu.level(), s => slice::update(s, &Forward(f), [], [y]));
    });
}

/// `delta[i] = delta[i] * f'(z[i])`, from `output[i] = f(z[i])`: the gradient with respect to the
/// output becomes the one with respect to the input. Error: [`Length`](crate::Error::Length) names
/// `delta`.
pub fn backward_in_place(
    cpu: Cpu,
    f: &impl ActivationFn,
    output: &[f32],
    delta: &mut [f32],
) -> Result<()> {
    check_len("delta", output.len(), delta.len())?;
    for_each_piece(cpu, [output], [delta], &|[y], [d]| {
        dispatch!(cpu.level(), s => slice::update(s, &Backward(f), [y], [d]));
    });
    Ok(())
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
        with_activation!(self, f => forward(cpu, &f, input, output))
    }

    /// `values[i] = f(values[i])`.
    pub fn forward_in_place(self, cpu: Cpu, values: &mut [f32]) {
        with_activation!(self, f => forward_in_place(cpu, &f, values));
    }

    /// `delta[i] = delta[i] * f'(z[i])`, from `output[i] = f(z[i])`: the gradient with respect to
    /// the output becomes the one with respect to the input. Error:
    /// [`Length`](crate::Error::Length) names `delta`.
    pub fn backward_in_place(self, cpu: Cpu, output: &[f32], delta: &mut [f32]) -> Result<()> {
        with_activation!(self, f => backward_in_place(cpu, &f, output, delta))
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

/// `y = f(z)`, as an elementwise kernel: [`Map`](crate::gemm::Map)`(Forward(f))` finishes the rows
/// of a layer's product.
#[derive(Clone, Copy, Debug)]
pub struct Forward<F>(pub F);

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

/// `f'` from y, as an elementwise kernel: [`MulMap`](crate::gemm::MulMap) with it makes dZ of the
/// rows of a product that is dY.
#[derive(Clone, Copy, Debug)]
pub struct Derivative<F>(pub F);

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

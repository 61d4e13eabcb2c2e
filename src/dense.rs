//! One fully connected layer, forward and backward, on views of the caller's memory.
//!
//! ```text
//!   forward     Z = X.W + b             X [batch, in]   W [in, out]   b [out]   Z, Y [batch, out]
//!               Y = f(Z)                fused: b starts the sums, f runs on finished rows
//!
//!   backward   dZ = dY * f'             from Y, or from Z where f' needs it: then Z is stored too
//!              dX = dZ.W^T              fused: dZ of the layer below, dX * f', if `below` is given
//!              dW = X^T.dZ
//!              db = column sums of dZ
//! ```
//!
//! [`forward`] and [`backward`] are the whole layer; [`forward_packed`] is the forward pass with a
//! weight that was packed once for many calls, [`forward_saving`] that of a training step where f'
//! reads Z. A network calls the parts of the backward pass
//! one by one, as a node that is read several times sums its gradients before they are derived.

use crate::activation::{Activation, Derivative, Forward, with_activation};
use crate::cpu::Cpu;
use crate::error::{Result, check_len, check_shape};
use crate::gemm::{
    self, Accum, Beside, Epilogue, Map, MapBeside, MulMap, PackedWeight, Start, matmul,
    matmul_fused, matmul_packed,
};
use crate::parallel::{for_each_block, for_each_run};
use crate::scratch::Scratch;
use crate::simd::slice::{self, Update};
use crate::simd::{Simd, apply, dispatch};
use crate::tensor::{View, ViewMut};

/// The parameters of a layer, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Dense<'a> {
    /// W, `[in, out]`.
    pub weight: View<'a>,
    /// b, `[out]`; `None` is zero.
    pub bias: Option<&'a [f32]>,
    /// f
    pub activation: Activation,
}

/// The same with a weight that is packed.
#[derive(Clone, Copy, Debug)]
pub struct PackedDense<'a> {
    /// W, `[in, out]`.
    pub weight: &'a PackedWeight,
    /// b, `[out]`; `None` is zero.
    pub bias: Option<&'a [f32]>,
    /// f
    pub activation: Activation,
}

/// What the forward pass read and wrote, which the backward pass reads again.
#[derive(Clone, Copy, Debug)]
pub struct Saved<'a> {
    /// X, `[batch, in]`.
    pub input: View<'a>,
    /// What f' is computed from, `[batch, out]`: Y, or Z where [`Activation::reads`] says so.
    pub slope_from: View<'a>,
}

/// The layer whose output X is.
#[derive(Clone, Copy, Debug)]
pub struct Below<'a> {
    /// Its f.
    pub activation: Activation,
    /// What its f' is computed from, `[batch, in]`: its Y, which is X unless something else happened
    /// to it on the way, or its Z where [`Activation::reads`] says so.
    pub slope_from: View<'a>,
}

/// Where the gradients of a layer go.
#[derive(Debug)]
pub struct Gradients<'a> {
    /// dX, `[batch, in]`, or dZ of the layer below; `None` skips that product, for a first layer.
    pub d_input: Option<ViewMut<'a>>,
    /// With the layer below, `d_input` is its dZ, `dX * f'`: its rows are multiplied while they
    /// are in the first-level cache. That layer's own backward pass then starts from dZ, as that of
    /// a layer without an activation.
    pub below: Option<Below<'a>>,
    /// dW, `[in, out]`.
    pub d_weight: ViewMut<'a>,
    /// db, `[out]`, if there is a bias.
    pub d_bias: Option<&'a mut [f32]>,
    /// Whether dW and db are overwritten or added to. dX is overwritten.
    pub accum: Accum,
}

/// `output = f(input . weight + bias)`; `output [batch, out]` is not read.
///
/// Errors: [`Shape`](crate::Error::Shape) names `weight` or `output`,
/// [`Length`](crate::Error::Length) names `bias`.
///
/// ```
/// use densecore::{Activation, Cpu, Scratch, View, ViewMut, dense::{self, Dense}};
/// let (weight, bias) = ([1.0, -1.0, 2.0, 0.5], [0.5, 0.0]);
/// let layer = Dense {
///     weight: View::new(2, 2, &weight)?,
///     bias: Some(&bias),
///     activation: Activation::Relu,
/// };
/// let mut y = [f32::NAN; 2];
/// let x = View::new(1, 2, &[1.0, 1.0])?;
/// dense::forward(Cpu::detect(), &mut Scratch::new(), layer, x, ViewMut::new(1, 2, &mut y)?)?;
/// assert_eq!(y, [3.5, 0.0]);
/// # Ok::<(), densecore::Error>(())
/// ```
pub fn forward(
    cpu: Cpu,
    scratch: &mut Scratch,
    layer: Dense<'_>,
    input: View<'_>,
    output: ViewMut<'_>,
) -> Result<()> {
    let Dense { weight, bias, activation } = layer;
    check_layer(layer, input.cols())?;
    check_shape("output", (input.rows(), weight.cols()), output.shape())?;
    let start = bias.map_or(Start::Zero, Start::Bias);
    let factors = (input.into(), weight.into());
    fused(activation, |f| matmul_fused(cpu, scratch, factors, start, f, output))
}

/// The same bits as at the level the weight was packed for, whatever that of `cpu`, in less time:
/// nothing has to be packed in the call. Errors as for [`forward`].
pub fn forward_packed(
    cpu: Cpu,
    scratch: &mut Scratch,
    layer: PackedDense<'_>,
    input: View<'_>,
    output: ViewMut<'_>,
) -> Result<()> {
    let PackedDense { weight, bias, activation } = layer;
    let (inputs, outputs) = weight.shape();
    check_shape("weight", (input.cols(), outputs), (inputs, outputs))?;
    bias.map_or(Ok(()), |bias| check_len("bias", outputs, bias.len()))?;
    check_shape("output", (input.rows(), outputs), output.shape())?;
    let start = bias.map_or(Start::Zero, Start::Bias);
    fused(activation, |f| matmul_packed(cpu, scratch, input, weight, start, f, output))
}

/// Calls `product` with what makes Y of Z.
fn fused(activation: Activation, product: impl FnOnce(&dyn Epilogue) -> Result<()>) -> Result<()> {
    if activation == Activation::Identity {
        return product(&gemm::Identity);
    }
    with_activation!(activation, f => product(&Map(Forward(f))))
}

/// `z = input . weight + bias` and `output = f(z)`, both `[batch, out]` and not read: the forward pass
/// of a training step with an activation whose derivative reads Z. (For any other [`forward`] is
/// enough.)
///
/// Errors as for [`forward`], and [`Shape`](crate::Error::Shape) names `z`.
pub fn forward_saving(
    cpu: Cpu,
    scratch: &mut Scratch,
    layer: Dense<'_>,
    input: View<'_>,
    (z, output): (ViewMut<'_>, ViewMut<'_>),
) -> Result<()> {
    let Dense { weight, bias, activation } = layer;
    check_layer(layer, input.cols())?;
    let shape = (input.rows(), weight.cols());
    check_shape("z", shape, z.shape())?;
    check_shape("output", shape, output.shape())?;
    let start = bias.map_or(Start::Zero, Start::Bias);
    let (factors, beside) = ((input.into(), weight.into()), Beside::one(output));
    with_activation!(activation, f => {
        let epilogue = MapBeside(Forward(f));
        gemm::matmul_fused_beside(cpu, scratch, factors, start, &epilogue, z, beside)
    })
}

/// The gradients of a layer from `d_output = dY [batch, out]`, which becomes dZ in place.
///
/// Errors: a shape error names `weight`, `bias`, `slope_from`, `d_output`, `d_input`, `below`,
/// `d_weight` or `d_bias`, and [`Value`](crate::Error::Value) a setting of an activation without a
/// meaning; then nothing is written.
pub fn backward(
    cpu: Cpu,
    scratch: &mut Scratch,
    layer: Dense<'_>,
    saved: Saved<'_>,
    mut d_output: ViewMut<'_>,
    gradients: Gradients<'_>,
) -> Result<()> {
    let Dense { weight, bias, activation } = layer;
    let Gradients { d_input, below, d_weight, d_bias, accum } = gradients;
    let Saved { input, slope_from } = saved;
    check_layer(layer, input.cols())?;
    activation.check()?;
    check_shape("slope_from", (input.rows(), weight.cols()), slope_from.shape())?;
    check_shape("d_output", slope_from.shape(), d_output.shape())?;
    check_shape("d_weight", weight.shape(), d_weight.shape())?;
    if let Some(d_input) = &d_input {
        check_shape("d_input", input.shape(), d_input.shape())?;
    }
    if let Some(below) = &below {
        below.activation.check()?;
        check_shape("below", input.shape(), below.slope_from.shape())?;
    }
    check_len("d_bias", bias.map_or(0, |b| b.len()), d_bias.as_ref().map_or(0, |b| b.len()))?;

    output_gradient(cpu, activation, slope_from, d_output.reborrow())?;
    let d_z = d_output.as_view();
    if let Some(d_input) = d_input {
        input_gradient(cpu, scratch, d_z, weight, below, (Accum::Replace, d_input))?;
    }
    weight_gradient(cpu, scratch, input, d_z, accum, d_weight)?;
    match d_bias {
        // An empty gradient where there is no bias is none.
        Some(d_bias) if bias.is_some() => bias_gradient(cpu, d_z, accum, d_bias),
        _ => Ok(()),
    }
}

fn check_layer(layer: Dense<'_>, inputs: usize) -> Result<()> {
    let outputs = layer.weight.cols();
    check_shape("weight", (inputs, outputs), layer.weight.shape())?;
    layer.bias.map_or(Ok(()), |bias| check_len("bias", outputs, bias.len()))
}

/// `dZ = dY * f'`, in place of dY.
pub(crate) fn output_gradient(
    cpu: Cpu,
    activation: Activation,
    slope_from: View<'_>,
    d_output: ViewMut<'_>,
) -> Result<()> {
    check_shape("d_output", slope_from.shape(), d_output.shape())?;
    if activation == Activation::Identity {
        return Ok(());
    }
    with_activation!(activation, f => for_each_block(cpu, d_output, &|first, mut block| {
        for (i, d) in block.iter_rows_mut().enumerate() {
            let from = slope_from.row(first + i).unwrap_or(&[]);
            apply::multiply_in_place(cpu.level(), &Derivative(f), from, d);
        }
    }));
    Ok(())
}

/// `dX = dZ.W^T`, or dZ of the layer below.
pub(crate) fn input_gradient(
    cpu: Cpu,
    scratch: &mut Scratch,
    d_z: View<'_>,
    weight: View<'_>,
    below: Option<Below<'_>>,
    (accum, d_input): (Accum, ViewMut<'_>),
) -> Result<()> {
    match below {
        None | Some(Below { activation: Activation::Identity, .. }) => {
            matmul(cpu, scratch, d_z, weight.t(), accum, d_input)
        }
        Some(Below { activation, slope_from: other }) => with_activation!(activation, f => {
            let epilogue = MulMap { f: Derivative(f), other };
            let factors = (d_z.into(), weight.t().into());
            matmul_fused(cpu, scratch, factors, accum.into(), &epilogue, d_input)
        }),
    }
}

/// `dW = X^T.dZ`
pub(crate) fn weight_gradient(
    cpu: Cpu,
    scratch: &mut Scratch,
    input: View<'_>,
    d_z: View<'_>,
    accum: Accum,
    d_weight: ViewMut<'_>,
) -> Result<()> {
    matmul(cpu, scratch, input.t(), d_z, accum, d_weight)
}

/// `db[j] = sum over i of dZ[i, j]`, one row after the other; threads divide the columns.
pub(crate) fn bias_gradient(
    cpu: Cpu,
    d_z: View<'_>,
    accum: Accum,
    d_bias: &mut [f32],
) -> Result<()> {
    check_len("d_bias", d_z.cols(), d_bias.len())?;
    let elements = (d_z.rows() as u64).saturating_mul(d_z.cols() as u64);
    for_each_run(cpu, elements, d_bias, &|first, sums| {
        if accum == Accum::Replace {
            sums.fill(0.0);
        }
        dispatch!(cpu.level(), s => {
            for row in d_z.iter_rows() {
                let row = row.get(first..).unwrap_or(&[]);
                slice::update(s, &AddTo, [row], [&mut *sums]);
            }
        });
    });
    Ok(())
}

/// `sum + x`
pub(crate) struct AddTo;

impl Update<1, 1> for AddTo {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [x]: [S::F32; 1], [sum]: [S::F32; 1]) -> [S::F32; 1] {
        [s.add(sum, x)]
    }
}

//! Wrong shapes: every public function that takes shapes returns an error which names the
//! argument, what was expected and what was found, and leaves its outputs alone. Nothing panics.

mod support;

use densecore::activation::{log_softmax, softmax};
use densecore::dense::{self, Below, Dense, Gradients, Saved};
use densecore::gemm::{Accum, Identity, Map, MulMap, Operand, Start, matmul, matmul_fused};
use densecore::loss::{CrossEntropy, ElementLoss, Reduction, RowLoss, SquaredError};
use densecore::simd::{Simd, slice::Unary};
use densecore::{Activation, Cpu, Error, Loss, Network, Result, Scratch, Target};
use densecore::{Tensor, View, ViewMut, Workspace};
use support::cpus;
use support::errors::{filled, length, refused, shape, untouched};

const HUGE: usize = usize::MAX;

#[test]
fn tensors_and_views_of_sizes_that_do_not_fit() {
    let overflow = |argument, found| Error::Overflow { argument, found };
    for (rows, cols) in [(HUGE, 2), (2, HUGE), (HUGE, HUGE), (HUGE / 2, 3), (1 << 61, 1)] {
        let mut data = [0.0; 4];
        refused(Tensor::zeros(rows, cols), overflow("tensor", (rows, cols)));
        refused(Tensor::from_vec(rows, cols, vec![]), overflow("tensor", (rows, cols)));
        refused(View::new(rows, cols, &data), overflow("view", (rows, cols)));
        refused(ViewMut::new(rows, cols, &mut data), overflow("view", (rows, cols)));
    }
    // 2^62 bytes are more than any address space has.
    assert_eq!(Tensor::zeros(1 << 30, 1 << 30), Err(Error::OutOfMemory { bytes: 1 << 62 }));
    for (rows, cols, len) in [(2, 3, 5), (2, 3, 7), (0, 3, 1), (3, 0, 1), (1, 1, 0)] {
        let mut data = vec![0.0; len];
        refused(View::new(rows, cols, &data), length("data", rows * cols, len));
        refused(ViewMut::new(rows, cols, &mut data), length("data", rows * cols, len));
        refused(Tensor::from_vec(rows, cols, data), length("data", rows * cols, len));
    }
    let mut data = [0.0; 10];
    let stride = Error::Stride { argument: "stride", expected: 3, found: 2 };
    refused(View::with_stride(2, 3, 2, &data), stride);
    refused(ViewMut::with_stride(2, 3, 2, &mut data), stride);
    let too_short = Error::TooShort { argument: "data", expected: 11, found: 10 };
    refused(View::with_stride(3, 3, 4, &data), too_short);
    refused(ViewMut::with_stride(3, 3, 4, &mut data), too_short);
    refused(View::with_stride(3, 3, HUGE, &data), overflow("view", (2, HUGE)));
    refused(View::with_stride(HUGE, 1, 1, &data), overflow("view", (HUGE - 1, 1)));
    refused(View::with_stride(2, HUGE, HUGE, &data), overflow("view", (1, HUGE)));
    // What nobody steps over does not matter, and empty matrices may be huge.
    assert!(View::with_stride(1, 3, HUGE, &data).is_ok());
    assert!(View::with_stride(HUGE, 0, HUGE, &data).is_ok());
    assert!(View::with_stride(0, HUGE, HUGE, &data).is_ok());
    assert_eq!(Tensor::zeros(HUGE, 0).map(|t| t.shape()), Ok((HUGE, 0)));
}

#[derive(Clone, Copy)]
struct Same;

impl Unary for Same {
    #[inline(always)]
    fn eval<S: Simd>(&self, _: S, x: S::F32) -> S::F32 {
        x
    }
}

#[test]
fn products_of_shapes_that_do_not_fit() -> Result<()> {
    let mut scratch = Scratch::new();
    for cpu in cpus() {
        let (a, b, mut c) = (filled(2, 3), filled(3, 4), filled(2, 4));
        let bad = filled(5, 6);
        let mut product = |a: Operand<'_>, b: Operand<'_>, c: &mut Tensor| {
            let result = matmul(cpu, &mut scratch, a, b, Accum::Add, c.view_mut());
            untouched(c);
            result
        };
        let (a, b) = (a.view(), b.view());
        refused(product(bad.view().into(), b.into(), &mut c), shape("b", (6, 4), (3, 4)));
        refused(product(a.t().into(), b.into(), &mut c), shape("b", (2, 4), (3, 4)));
        refused(product(a.into(), bad.view().into(), &mut c), shape("b", (3, 6), (5, 6)));
        refused(product(a.into(), b.t().into(), &mut c), shape("b", (3, 3), (4, 3)));
        refused(product(a.into(), b.into(), &mut filled(2, 5)), shape("c", (2, 4), (2, 5)));
        refused(product(a.into(), b.into(), &mut filled(1, 4)), shape("c", (2, 4), (1, 4)));
        refused(product(a.into(), b.into(), &mut filled(4, 2)), shape("c", (2, 4), (4, 2)));

        let factors = (a.into(), b.into());
        let mut fused = |start, epilogue: &dyn densecore::gemm::Epilogue| {
            let result = matmul_fused(cpu, &mut scratch, factors, start, epilogue, c.view_mut());
            untouched(&c);
            result
        };
        refused(fused(Start::Bias(&[0.0; 3]), &Identity), length("bias", 4, 3));
        refused(fused(Start::Bias(&[]), &Map(Same)), length("bias", 4, 0));
        let epilogue = MulMap { f: Same, other: bad.view() };
        refused(fused(Start::Zero, &epilogue), shape("other", (2, 4), (5, 6)));
    }
    Ok(())
}

#[test]
fn layers_of_shapes_that_do_not_fit() -> Result<()> {
    let mut scratch = Scratch::new();
    for cpu in cpus() {
        for activation in [Activation::Identity, Activation::Tanh] {
            let (x, w, b, y) = (filled(4, 2), filled(2, 3), [7.0; 3], filled(4, 3));
            let good = Dense { weight: w.view(), bias: Some(&b), activation };
            let mut forward = |layer, x: &Tensor, (rows, cols)| {
                let mut y = filled(rows, cols);
                let result = dense::forward(cpu, &mut scratch, layer, x.view(), y.view_mut());
                untouched(&y);
                result
            };
            refused(forward(good, &filled(4, 5), (4, 3)), shape("weight", (5, 3), (2, 3)));
            refused(forward(good, &filled(5, 2), (4, 3)), shape("output", (5, 3), (4, 3)));
            refused(forward(good, &x, (4, 2)), shape("output", (4, 3), (4, 2)));
            refused(forward(good, &x, (3, 4)), shape("output", (4, 3), (3, 4)));
            let bias = Dense { bias: Some(&b[..2]), ..good };
            refused(forward(bias, &x, (4, 3)), length("bias", 3, 2));

            // Backward: each argument in turn, the gradients of the others being right.
            type Sizes = [(usize, usize); 7];
            let right: Sizes = [(4, 2), (4, 3), (4, 3), (4, 2), (2, 3), (1, 3), (4, 2)];
            let mut backward = |layer, sizes: Sizes| {
                let [input, output, y] = [0, 1, 6].map(|i| filled(sizes[i].0, sizes[i].1));
                let [mut d_y, mut d_x, mut d_w] = [2, 3, 4].map(|i| filled(sizes[i].0, sizes[i].1));
                let mut d_b = vec![7.0; sizes[5].1];
                let to = Gradients {
                    d_input: Some(d_x.view_mut()),
                    below: Some(Below { activation, slope_from: y.view() }),
                    d_weight: d_w.view_mut(),
                    d_bias: Some(&mut d_b),
                    accum: Accum::Replace,
                };
                let saved = Saved { input: input.view(), slope_from: output.view() };
                let result = dense::backward(cpu, &mut scratch, layer, saved, d_y.view_mut(), to);
                [&d_y, &d_x, &d_w].into_iter().for_each(untouched);
                assert!(d_b.iter().all(|&x| x == 7.0));
                result
            };
            let wrong = [
                (0, (4, 9), shape("weight", (9, 3), (2, 3))),
                (0, (5, 2), shape("slope_from", (5, 3), (4, 3))),
                (1, (4, 2), shape("slope_from", (4, 3), (4, 2))),
                (2, (3, 3), shape("d_output", (4, 3), (3, 3))),
                (3, (2, 4), shape("d_input", (4, 2), (2, 4))),
                (4, (3, 2), shape("d_weight", (2, 3), (3, 2))),
                (6, (2, 4), shape("below", (4, 2), (2, 4))),
                (5, (1, 4), length("d_bias", 3, 4)),
                (5, (1, 0), length("d_bias", 3, 0)),
            ];
            for (argument, size, error) in wrong {
                let mut sizes = right;
                sizes[argument] = size;
                refused(backward(good, sizes), error);
            }
            refused(backward(Dense { bias: None, ..good }, right), length("d_bias", 0, 3));
            refused(backward(bias, right), length("bias", 3, 2));
            assert_eq!(y.shape(), (4, 3));
        }
    }
    Ok(())
}

#[test]
fn activations_and_losses_of_shapes_that_do_not_fit() -> Result<()> {
    let r = Reduction::Mean;
    for cpu in cpus() {
        let mut out = filled(2, 3);
        let f = Activation::Sigmoid;
        refused(f.forward(cpu, &[0.0; 5], out.as_mut_slice()), length("output", 5, 6));
        refused(f.backward_in_place(cpu, &[0.0; 7], out.as_mut_slice()), length("delta", 7, 6));
        let x = filled(2, 4);
        let wrong = shape("delta", (2, 4), (2, 3));
        refused(softmax::backward_in_place(cpu, x.view(), out.view_mut()), wrong);
        let wrong = || shape("output", (2, 4), (2, 3));
        refused(softmax::forward(cpu, x.view(), out.view_mut()), wrong());
        refused(log_softmax::forward(cpu, x.view(), out.view_mut()), wrong());

        let (y, t) = (filled(2, 3), filled(3, 2));
        let target = shape("target", (2, 3), (3, 2));
        refused(SquaredError.value(cpu, y.view(), t.view(), r), target);
        refused(
            SquaredError.value_and_gradient(cpu, y.view(), t.view(), r, out.view_mut()),
            target,
        );
        refused(SquaredError.in_place(cpu, out.view_mut(), t.view(), r), target);
        let wrong = shape("d_prediction", (2, 4), (2, 3));
        refused(SquaredError.value_and_gradient(cpu, x.view(), x.view(), r, out.view_mut()), wrong);

        let class = |row, found| Error::Class { row, found, classes: 3 };
        for (ids, error) in [
            (&[0, 1, 2][..], length("classes", 2, 3)),
            (&[], length("classes", 2, 0)),
            (&[2, 3], class(1, 3)),
            (&[u32::MAX, 9], class(0, u32::MAX as usize)),
        ] {
            refused(CrossEntropy::new(ids).value(cpu, y.view(), r), error);
            let d = out.view_mut();
            refused(CrossEntropy::new(ids).value_and_gradient(cpu, y.view(), r, d), error);
            refused(CrossEntropy::new(ids).in_place(cpu, out.view_mut(), r), error);
            let loss = Loss::CrossEntropy(r);
            refused(loss.value(cpu, y.view(), Target::Classes(ids)), error);
            refused(loss.in_place(cpu, out.view_mut(), Target::Classes(ids)), error);
        }
        let wrong = shape("d_prediction", (2, 4), (2, 3));
        refused(
            CrossEntropy::new(&[0, 0]).value_and_gradient(cpu, x.view(), r, out.view_mut()),
            wrong,
        );

        let mismatch = |expected, found| Error::Mismatch { argument: "target", expected, found };
        let (values, classes) = (Target::Values(y.view()), Target::Classes(&[0, 0]));
        let error = mismatch("class ids, for a likelihood", "values");
        refused(Loss::Nll(r).value(cpu, y.view(), values), error);
        refused(Loss::Nll(r).in_place(cpu, out.view_mut(), values), error);
        let error = mismatch("values, for a squared error", "class ids");
        refused(Loss::SquaredError(r).value(cpu, y.view(), classes), error);
        refused(Loss::SquaredError(r).in_place(cpu, out.view_mut(), classes), error);
        untouched(&out);
    }
    Ok(())
}

/// Matrices without elements that have as many rows as can be counted.
#[test]
fn empty_matrices_of_any_number_of_rows_are_quickly_done() -> Result<()> {
    for cpu in cpus() {
        for rows in [0, 1, HUGE] {
            let empty = View::new(rows, 0, &[])?;
            let target = Target::Values(empty);
            let to = || ViewMut::new(rows, 0, &mut []);
            let mut scratch = Scratch::new();
            matmul(cpu, &mut scratch, empty, View::new(0, 0, &[])?, Accum::Replace, to()?)?;
            let mut square = [7.0; 4];
            let (a, b) = (View::new(0, 2, &[])?, View::new(0, 2, &[])?);
            matmul(cpu, &mut scratch, a.t(), b, Accum::Replace, ViewMut::new(2, 2, &mut square)?)?;
            assert_eq!(square, [0.0; 4], "a sum of no terms");
            softmax::forward(cpu, empty, to()?)?;
            softmax::forward_in_place(cpu, to()?);
            softmax::backward_in_place(cpu, empty, to()?)?;
            let loss = Loss::SquaredError(Reduction::Sum);
            assert_eq!(loss.value(cpu, empty, target)?, 0.0);
            assert_eq!(loss.in_place(cpu, to()?, target)?, 0.0);
            assert!(Loss::SquaredError(Reduction::Mean).in_place(cpu, to()?, target)?.is_nan());
            let weight = View::new(0, 0, &[])?;
            let layer = Dense { weight, bias: Some(&[]), activation: Activation::Relu };
            dense::forward(cpu, &mut scratch, layer, empty, to()?)?;
            let saved = Saved { input: empty, slope_from: empty };
            let to_gradients = Gradients {
                d_input: Some(to()?),
                below: None,
                d_weight: ViewMut::new(0, 0, &mut [])?,
                d_bias: Some(&mut []),
                accum: Accum::Add,
            };
            dense::backward(cpu, &mut scratch, layer, saved, to()?, to_gradients)?;
        }
    }
    Ok(())
}

#[test]
fn a_pass_of_another_network_in_the_same_arena_is_refused() {
    let input = vec![1.0; 2 * 16];
    let input = View::new(2, 16, &input).expect("2 x 16");
    let wide = Network::builder(16).dense_without_bias(32, Activation::Relu).build();
    let deep = Network::builder(16)
        .dense_without_bias(16, Activation::Relu)
        .dense_without_bias(16, Activation::Identity)
        .build();
    let (wide, deep) = (wide.expect("a network"), deep.expect("a network"));
    assert_eq!(wide.parameters().len(), deep.parameters().len());
    for (first, second) in [(&wide, &deep), (&deep, &wide)] {
        let mut workspace = Workspace::new();
        first.forward(Cpu::detect(), &mut workspace, input).expect("a pass");
        let d_output = vec![1.0; 2 * second.outputs()];
        let d_output = View::new(2, second.outputs(), &d_output).expect("2 x out");
        let refused = second.backward(Cpu::detect(), &mut workspace, input, d_output, None);
        assert!(matches!(refused, Err(Error::Mismatch { argument: "workspace", .. })));
    }
}

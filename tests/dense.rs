//! What a layer's backward pass promises beside its numbers: fused or not, and on any number of
//! threads, the same bits.

mod support;

use densecore::dense::{self, Below, Dense, Gradients, Saved};
use densecore::gemm::Accum;
use densecore::{Activation, Result, Scratch, Tensor, View, ViewMut};
use support::{bits, cpus, numbers};

const ACTIVATIONS: [Activation; 4] =
    [Activation::Identity, Activation::Relu, Activation::Sigmoid, Activation::Tanh];

#[test]
fn the_fused_delta_of_the_layer_below_equals_the_unfused_one() -> Result<()> {
    let mut scratch = Scratch::new();
    for cpu in cpus() {
        for (batch, inputs, outputs) in [(1, 1, 1), (5, 17, 3), (67, 70, 130)] {
            let (x, y) = (numbers(batch * inputs, 1), numbers(batch * outputs, 2));
            let (w, d_y) = (numbers(inputs * outputs, 3), numbers(batch * outputs, 4));
            let weight = View::new(inputs, outputs, &w)?;
            let input = View::new(batch, inputs, &x)?;
            // As if dropout stood between: not X.
            let y_below = numbers(batch * inputs, 5);
            let saved = Saved { input, output: View::new(batch, outputs, &y)? };
            let layer = Dense { weight, bias: None, activation: Activation::Tanh };
            let mut d_input = |below: Option<Below<'_>>| -> Result<Vec<f32>> {
                let mut d_x = vec![f32::NAN; batch * inputs];
                let (mut d_y, mut d_w) = (d_y.clone(), Tensor::zeros(inputs, outputs)?);
                let to = Gradients {
                    d_input: Some(ViewMut::new(batch, inputs, &mut d_x)?),
                    below,
                    d_weight: d_w.view_mut(),
                    d_bias: None,
                    accum: Accum::Replace,
                };
                let d_y = ViewMut::new(batch, outputs, &mut d_y)?;
                dense::backward(cpu, &mut scratch, layer, saved, d_y, to)?;
                Ok(d_x)
            };
            let plain = d_input(None)?;
            for activation in ACTIVATIONS {
                let mut expected = plain.clone();
                activation.backward_in_place(cpu, &y_below, &mut expected)?;
                assert!(expected.iter().all(|d| d.is_finite()));
                assert!(activation == Activation::Identity || batch == 1 || expected != plain);
                let output = View::new(batch, inputs, &y_below)?;
                let found = d_input(Some(Below { activation, output }))?;
                assert_eq!(bits(&found), bits(&expected), "{} at {cpu:?}", activation.name());
            }
        }
    }
    Ok(())
}

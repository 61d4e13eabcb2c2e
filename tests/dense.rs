//! What a layer's backward pass promises beside its numbers: fused or not, and on any number of
//! threads, the same bits.

mod support;

use densecore::dense::{self, Below, Dense, Gradients, Saved};
use densecore::gemm::Accum;
use densecore::{Activation, Cpu, Result, Scratch, Tensor, View, ViewMut};
use support::{bits, cpus, levels, numbers};

const ACTIVATIONS: &[Activation] = Activation::ALL;

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
            let y_below: Vec<f32> = numbers(batch * inputs, 5)
                .iter()
                .enumerate()
                .map(|(i, y)| if i % 3 == 0 { 0.0 } else { 4.0 * y })
                .collect();
            let saved = Saved { input, slope_from: View::new(batch, outputs, &y)? };
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
            for &activation in ACTIVATIONS {
                let mut expected = plain.clone();
                activation.backward_in_place(cpu, &y_below, &mut expected)?;
                assert!(expected.iter().all(|d| d.is_finite()));
                assert!(activation == Activation::Identity || batch == 1 || expected != plain);
                let output = View::new(batch, inputs, &y_below)?;
                let found = d_input(Some(Below { activation, slope_from: output }))?;
                assert_eq!(bits(&found), bits(&expected), "{} at {cpu:?}", activation.name());
            }
        }
    }
    Ok(())
}

#[test]
fn a_fused_activation_gives_the_bits_of_the_parts_and_keeps_z() -> Result<()> {
    let mut scratch = Scratch::new();
    for cpu in cpus() {
        for (batch, inputs, outputs) in [(1, 1, 1), (5, 17, 3), (3, 300, 270), (67, 70, 130)] {
            let (x, w) = (numbers(batch * inputs, 1), numbers(inputs * outputs, 2));
            let bias = numbers(outputs, 3);
            let (x, weight) = (View::new(batch, inputs, &x)?, View::new(inputs, outputs, &w)?);
            let layer = |activation| Dense { weight, bias: Some(&bias), activation };
            let mut plain = vec![f32::NAN; batch * outputs];
            let to = ViewMut::new(batch, outputs, &mut plain)?;
            dense::forward(cpu, &mut scratch, layer(Activation::Identity), x, to)?;
            for &activation in ACTIVATIONS {
                let mut expected = vec![f32::NAN; batch * outputs];
                activation.forward(cpu, &plain, &mut expected)?;
                let [mut fused, mut z, mut y] = [(); 3].map(|()| vec![f32::NAN; batch * outputs]);
                let to = ViewMut::new(batch, outputs, &mut fused)?;
                dense::forward(cpu, &mut scratch, layer(activation), x, to)?;
                let z_and_y =
                    (ViewMut::new(batch, outputs, &mut z)?, ViewMut::new(batch, outputs, &mut y)?);
                dense::forward_saving(cpu, &mut scratch, layer(activation), x, z_and_y)?;
                let what = format!("{activation} at {cpu:?}");
                assert_eq!(bits(&fused), bits(&expected), "{what}");
                assert_eq!(bits(&y), bits(&expected), "{what}");
                assert_eq!(bits(&z), bits(&plain), "{what}");
            }
        }
    }
    Ok(())
}

/// db of a layer of `cols` outputs and no inputs, added to `before` or overwriting it, from dZ in
/// rows `stride` apart.
fn bias_gradient(
    cpu: Cpu,
    (rows, cols, stride): (usize, usize, usize),
    d_z: &[f32],
    before: Option<&[f32]>,
) -> Result<Vec<f32>> {
    let (mut d_z, zero) = (d_z.to_vec(), vec![0.0; cols]);
    let layer = Dense {
        weight: View::new(0, cols, &[])?,
        bias: Some(&zero),
        activation: Activation::Identity,
    };
    let output = vec![0.0; rows * cols];
    let saved =
        Saved { input: View::new(rows, 0, &[])?, slope_from: View::new(rows, cols, &output)? };
    let mut d_bias = before.map_or(vec![f32::NAN; cols], <[f32]>::to_vec);
    let to = Gradients {
        d_input: None,
        below: None,
        d_weight: ViewMut::new(0, cols, &mut [])?,
        d_bias: Some(&mut d_bias),
        accum: if before.is_some() { Accum::Add } else { Accum::Replace },
    };
    let d_z = ViewMut::with_stride(rows, cols, stride, &mut d_z)?;
    dense::backward(cpu, &mut Scratch::new(), layer, saved, d_z, to)?;
    Ok(d_bias)
}

#[test]
fn the_bias_gradient_has_the_same_bits_on_any_number_of_threads() -> Result<()> {
    // Each of them is worth several threads: narrow ones that have no more cache lines than two or
    // one, whole cache lines and parts, a gap between the rows.
    for (rows, cols, stride) in
        [(20_000, 10, 10), (12_000, 32, 35), (301, 1031, 1031), (300, 1600, 1607)]
    {
        let (d_z, start) = (numbers(rows * stride, 1), numbers(cols, 2));
        let sums = |before: &[f32]| -> Vec<f32> {
            let column = |j: usize| d_z.iter().skip(j).step_by(stride).take(rows);
            (0..cols).map(|j| column(j).fold(before[j], |sum, d| sum + d)).collect()
        };
        for before in [None, Some(&start[..])] {
            // Rows in their order, whatever the vector: a sum of f32 one after the other.
            let expected = bits(&sums(before.unwrap_or(&vec![0.0; cols])));
            for level in levels() {
                let shape = (rows, cols, stride);
                let cpu = Cpu::serial().with_level(level);
                assert_eq!(bits(&bias_gradient(cpu, shape, &d_z, before)?), expected, "{level}");
                let cpu = Cpu::detect().with_level(level);
                for threads in [1, 2, 3, 5] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                    let pool = pool.expect("a pool");
                    let found = pool.install(|| bias_gradient(cpu, shape, &d_z, before))?;
                    assert!(bits(&found) == expected, "{shape:?} on {threads} threads at {level}");
                }
            }
        }
    }
    Ok(())
}

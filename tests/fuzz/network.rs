//! A small network: built, run forward, backward and for prediction.

use densecore::{Activation, Network, Rng, View, Workspace};

use super::buffer::{Buffer, Fill, vector};
use super::decode::{Bytes, Setting};
use super::reference::Matrix;
use super::{Checked, Tally, outcome};

/// One network, one batch.
pub fn check(bytes: &[u8]) -> Checked<Tally> {
    let bytes = &mut Bytes::new(bytes);
    let layers = if bytes.one_in(32) { 0 } else { 1 + bytes.byte() % 3 };
    let mut width = |most| {
        let width = 1 + bytes.byte() % most;
        bytes.perhaps_not(width)
    };
    let inputs = width(40);
    let widths: Vec<usize> = (0..layers).map(|_| width(24)).collect();
    let layers: Vec<_> =
        widths.iter().map(|&width| (width, bytes.activation(), !bytes.one_in(4))).collect();
    let mut builder = Network::builder(inputs).seed(bytes.seed());
    for &(width, activation, bias) in &layers {
        builder = match bias {
            true => builder.dense(width, activation),
            false => builder.dense_without_bias(width, activation),
        };
    }
    let (wrong, elements) = wrong_widths(inputs, &widths);
    if wrong.is_empty() && elements > 1 << 20 {
        // It would be an allocation of any size, which may or may not succeed.
        return Ok(Tally::default());
    }
    let Some(mut network) = outcome("build", builder.build(), &wrong)? else {
        return Ok(Tally::refused());
    };
    let fill = Fill::decode(bytes);
    let activations = layers.iter().map(|layer| layer.1).collect();
    set_parameters(&mut network, &vector(bytes, 97, fill));
    Case { network, activations, fill, settings: bytes.settings() }.check(bytes)
}

/// The arguments of a network that are wrong, and the elements of its parameters.
fn wrong_widths(inputs: usize, widths: &[usize]) -> (Vec<&'static str>, u128) {
    let most = isize::MAX as u128 / 4;
    let (mut wrong, mut below, mut total) = (Vec::new(), inputs as u128, 0_u128);
    let mut must = |right: bool, name| {
        if !right {
            wrong.push(name)
        }
    };
    must(!widths.is_empty(), "layers");
    must(inputs > 0, "inputs");
    for &width in widths {
        let width = width as u128;
        must(width > 0, "width");
        must(below * width <= most, "weight");
        total = total.saturating_add(below * width + width + 32);
        below = width;
    }
    must(total <= most, "parameters");
    (wrong, total)
}

/// Parameters of the kind that the case is about, in place of the initial ones.
fn set_parameters(network: &mut Network, values: &[f32]) {
    let mut rng = Rng::new(values.len() as u64, 2);
    let mut next = || values.get(rng.below(values.len() as u64) as usize).copied().unwrap_or(1.0);
    for i in 0..network.layers() {
        let Some(mut layer) = network.layer_mut(i) else { continue };
        for row in 0..layer.weight.rows() {
            layer.weight.row_mut(row).unwrap_or_default().fill_with(&mut next);
        }
        layer.bias.fill_with(&mut next);
    }
}

struct Case {
    network: Network,
    activations: Vec<Activation>,
    fill: Fill,
    settings: [Setting; 2],
}

impl Case {
    fn check(&self, bytes: &mut Bytes) -> Checked<Tally> {
        let Case { network, fill, settings, .. } = self;
        let batch = bytes.byte() % 32;
        let (inputs, outputs) = (network.inputs(), network.outputs());
        let x = Buffer::decode(bytes, (batch, inputs), *fill);
        let d_y = Buffer::decode(bytes, (batch, outputs), *fill);
        let mut d_x =
            (!bytes.one_in(4)).then(|| Buffer::decode(bytes, (batch, inputs), Fill::Untouched));
        let mut predicted = Buffer::decode(bytes, (batch, outputs), Fill::Untouched);
        let forgets = bytes.one_in(32);

        // Forward.
        let Some(input) = x.view()? else { return Ok(Tally::refused()) };
        let wrong: &[&str] = if input.cols() == inputs { &[] } else { &["input"] };
        let mut workspace = Workspace::new();
        let result = settings[0].run(|cpu| network.forward(cpu, &mut workspace, input));
        let Some(output) = outcome("Network::forward", result, wrong)? else {
            return Ok(Tally::refused());
        };
        let nodes = self.forward(x.matrix());
        let mut tally = compare("output", output, &nodes[nodes.len() - 1])?;
        let output: Vec<f32> = output.iter_rows().flatten().copied().collect();

        // Backward, with another setting, from what the workspace holds.
        let (rows, before) = (input.rows(), d_x.clone());
        let mut d_input = None;
        if let Some(d_x) = &mut d_x {
            let Some(view) = d_x.view_mut()? else { return Ok(Tally::refused()) };
            d_input = Some(view);
        }
        let Some(d_output) = d_y.view()? else { return Ok(Tally::refused()) };
        let mut wrong = Vec::new();
        let mut must = |right: bool, name| {
            if !right {
                wrong.push(name)
            }
        };
        must(d_output.shape() == (rows, outputs), "d_output");
        must(d_input.as_ref().is_none_or(|d| d.shape() == input.shape()), "d_input");
        must(!forgets, "workspace");
        if forgets {
            workspace.poison();
        }
        let result =
            settings[1].run(|cpu| network.backward(cpu, &mut workspace, input, d_output, d_input));
        if outcome("Network::backward", result, &wrong)?.is_none() {
            if let (Some(d_x), Some(before)) = (&d_x, &before) {
                d_x.same_bits("d_input after an error", before)?;
            }
            return Ok(Tally::refused());
        }
        let (d_input, gradients) = self.backward(&nodes, d_y.matrix());
        if let (Some(d_x), Some(before)) = (&d_x, &before) {
            tally.add(d_x.compare("d_input", before, &d_input)?);
        }
        for (i, (weight, bias)) in gradients.iter().enumerate() {
            let Some(layer) = network.layer_gradients(&workspace, i) else {
                return Err(format!("layer {i}: expected gradients, found none"));
            };
            tally.add(compare(&format!("d_weight {i}"), layer.weight, weight)?);
            if !layer.bias.is_empty() {
                let d_bias = View::new(1, layer.bias.len(), layer.bias);
                let d_bias = d_bias.map_err(|error| error.to_string())?;
                tally.add(compare(&format!("d_bias {i}"), d_bias, bias)?);
            }
        }

        // Prediction: the bits of the forward pass.
        let mut expected = predicted.clone();
        let Some(view) = predicted.view_mut()? else { return Ok(Tally::refused()) };
        let wrong: &[&str] = if view.shape() == (rows, outputs) { &[] } else { &["output"] };
        let result = settings[1].run(|cpu| network.predict(cpu, &mut workspace, input, view));
        if outcome("Network::predict", result, wrong)?.is_some() {
            expected.set(&output);
        } else {
            tally.err += 1;
        }
        predicted.same_bits("prediction", &expected)?;
        Ok(tally)
    }

    /// The reference of every node, the input first.
    fn forward(&self, input: Matrix) -> Vec<Matrix> {
        let mut nodes = vec![input];
        for (i, &activation) in self.activations.iter().enumerate() {
            let Some(layer) = self.network.layer(i) else { continue };
            let bias = Matrix::exact(1, layer.bias.len(), layer.bias.iter().copied());
            let z = nodes[i].product(&weight_of(layer.weight), &bias.data);
            nodes.push(z.activated(activation));
        }
        nodes
    }

    /// The reference of `dX`, and of `(dW, db)` of every layer.
    fn backward(&self, nodes: &[Matrix], d_output: Matrix) -> (Matrix, Vec<(Matrix, Matrix)>) {
        let mut gradients = Vec::new();
        let mut d = d_output;
        for (i, &activation) in self.activations.iter().enumerate().rev() {
            let Some(layer) = self.network.layer(i) else { continue };
            let d_z = d.times_slope(activation, &nodes[i + 1]);
            gradients.push((nodes[i].t().product(&d_z, &[]), d_z.column_sums(&[])));
            d = d_z.product(&weight_of(layer.weight).t(), &[]);
        }
        gradients.reverse();
        (d, gradients)
    }
}

fn weight_of(weight: View<'_>) -> Matrix {
    Matrix::exact(weight.rows(), weight.cols(), weight.iter_rows().flatten().copied())
}

fn compare(name: &str, found: View<'_>, expected: &Matrix) -> Checked<Tally> {
    let mut tally = Tally { ok: 1, ..Tally::default() };
    if found.shape() != (expected.rows, expected.cols) {
        return Err(format!("{name}: found shape {:?}", found.shape()));
    }
    for (i, (&found, expected)) in found.iter_rows().flatten().zip(&expected.data).enumerate() {
        let compared = expected.compare(found);
        tally.compared += compared.map_err(|wrong| format!("{name}, element {i}: {wrong}"))?;
    }
    Ok(tally)
}

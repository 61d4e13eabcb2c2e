//! One dense layer, forward and backward.

use densecore::dense::{self, Dense, Gradients, Saved};
use densecore::gemm::Accum;
use densecore::{Activation, Cpu, Scratch, View, ViewMut};

use super::buffer::{Buffer, Fill, vector};
use super::decode::Bytes;
use super::reference::Approx;
use super::{Checked, Tally, outcome};

fn exact(values: &[f32]) -> Vec<Approx> {
    values.iter().copied().map(Approx::exact).collect()
}

/// A bias, or none.
fn bias(bytes: &mut Bytes, len: usize, fill: Fill) -> Option<Vec<f32>> {
    (!bytes.one_in(4)).then(|| vector(bytes, len, fill))
}

/// `Y = f(X.W + b)`
pub fn check_forward(bytes: &[u8]) -> Checked<Tally> {
    let bytes = &mut Bytes::new(bytes);
    let [batch, inputs, outputs] = bytes.sizes();
    let [setting, other] = bytes.settings();
    let (fill, activation) = (Fill::decode(bytes), bytes.activation());
    let x = Buffer::decode(bytes, (batch, inputs), fill);
    let weight = Buffer::decode(bytes, (inputs, outputs), fill);
    let bias = bias(bytes, outputs, fill);
    let mut y = Buffer::decode(bytes, (batch, outputs), Fill::Untouched);

    let before = y.clone();
    let (Some(input), Some(weights), Some(output)) = (x.view()?, weight.view()?, y.view_mut()?)
    else {
        return Ok(Tally::refused());
    };
    let mut wrong = wrong_layer(input.cols(), weights, bias.as_deref());
    if output.shape() != (input.rows(), weights.cols()) {
        wrong.push("output");
    }
    let layer = Dense { weight: weights, bias: bias.as_deref(), activation };
    let mut scratch = Scratch::new();
    let call = |cpu: Cpu, scratch: &mut Scratch, x: View<'_>, y: ViewMut<'_>| {
        dense::forward(cpu, scratch, layer, x, y)
    };
    let result = setting.run(|cpu| call(cpu, &mut scratch, input, output));
    if outcome("dense::forward", result, &wrong)?.is_none() {
        y.same_bits("output after an error", &before)?;
        return Ok(Tally::refused());
    }
    let start = bias.as_deref().map_or(Vec::new(), exact);
    let z = x.matrix().product(&weight.matrix(), &start);
    let tally = y.compare("output", &before, &z.activated(activation))?;

    // The same bits in another way, whatever the scratch holds; and so has a row by itself.
    let mut again = before.clone();
    scratch.poison();
    if let Some(mut output) = again.view_mut()? {
        // Rows first, those before `row` in one batch, so that all are written once.
        let row = bytes.byte() % 64;
        let (above, rest) = output.reborrow().split_rows_at(row);
        let (alone, below) = rest.split_rows_at(1);
        let ranges = [(0, above), (row, alone), (row.saturating_add(1), below)];
        for (first, part) in ranges {
            let x = input.rows_range(first, part.rows());
            let result = other.run(|cpu| call(cpu, &mut scratch, x, part));
            outcome("dense::forward on a part", result, &[])?;
        }
    }
    again.same_bits("output in parts", &y)?;
    Ok(tally)
}

/// `dZ = dY f'(Y)`, `dX = dZ.W^T`, `dW = X^T.dZ`, `db` = the sums of the columns of dZ.
pub fn check_backward(bytes: &[u8]) -> Checked<Tally> {
    let bytes = &mut Bytes::new(bytes);
    let [batch, inputs, outputs] = bytes.sizes();
    let settings = bytes.settings();
    let (fill, activation) = (Fill::decode(bytes), bytes.activation());
    let accum = bytes.pick(&[Accum::Replace, Accum::Add]);
    let old = if accum == Accum::Add { fill } else { Fill::Untouched };
    let given = Given {
        x: Buffer::decode(bytes, (batch, inputs), fill),
        weight: Buffer::decode(bytes, (inputs, outputs), fill),
        y: Buffer::decode(bytes, (batch, outputs), fill),
        bias: bias(bytes, outputs, fill),
        activation,
        accum,
    };
    let d_bias = match &given.bias {
        Some(_) if !bytes.one_in(32) => Some(vector(bytes, outputs, old)),
        None if bytes.one_in(8) => Some(vector(bytes, 0, old)),
        _ => None,
    };
    let before = Written {
        d_y: Buffer::decode(bytes, (batch, outputs), fill),
        d_weight: Buffer::decode(bytes, (inputs, outputs), old),
        d_x: (!bytes.one_in(4)).then(|| Buffer::decode(bytes, (batch, inputs), Fill::Untouched)),
        d_bias,
    };

    let mut scratch = Scratch::new();
    let mut after = before.clone();
    let Some(is_ok) =
        given.call(&mut after, |backward| settings[0].run(|cpu| backward(cpu, &mut scratch)))?
    else {
        return Ok(Tally::refused());
    };
    if !is_ok {
        after.same_bits("after an error", &before)?;
        return Ok(Tally::refused());
    }
    let tally = given.compare(&before, &after)?;
    let mut again = before.clone();
    scratch.poison();
    given.call(&mut again, |backward| settings[1].run(|cpu| backward(cpu, &mut scratch)))?;
    again.same_bits("in another way", &after)?;
    Ok(tally)
}

/// The arguments of a layer that are wrong.
fn wrong_layer(inputs: usize, weight: View<'_>, bias: Option<&[f32]>) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    if inputs != weight.rows() {
        wrong.push("weight");
    }
    if bias.is_some_and(|bias| bias.len() != weight.cols()) {
        wrong.push("bias");
    }
    wrong
}

/// What a backward pass reads.
struct Given {
    x: Buffer,
    weight: Buffer,
    y: Buffer,
    bias: Option<Vec<f32>>,
    activation: Activation,
    accum: Accum,
}

/// What it writes.
#[derive(Clone)]
struct Written {
    d_y: Buffer,
    d_weight: Buffer,
    d_x: Option<Buffer>,
    d_bias: Option<Vec<f32>>,
}

/// The pass itself, for [`Given::call`] to be told how to run.
type Backward<'a> = &'a mut (dyn FnMut(Cpu, &mut Scratch) -> densecore::Result<()> + Send);

impl Given {
    /// None if a view was refused, else whether the call was Ok; either as it had to be.
    fn call(
        &self,
        out: &mut Written,
        run: impl FnOnce(Backward<'_>) -> densecore::Result<()>,
    ) -> Checked<Option<bool>> {
        let views = (self.x.view()?, self.weight.view()?, self.y.view()?);
        let (Some(input), Some(weight), Some(output)) = views else { return Ok(None) };
        let (Some(mut d_output), Some(mut d_weight)) =
            (out.d_y.view_mut()?, out.d_weight.view_mut()?)
        else {
            return Ok(None);
        };
        let mut d_input = None;
        if let Some(d_x) = &mut out.d_x {
            let Some(view) = d_x.view_mut()? else { return Ok(None) };
            d_input = Some(view);
        }
        let bias = self.bias.as_deref();
        let mut wrong = wrong_layer(input.cols(), weight, bias);
        let mut must = |right: bool, name| {
            if !right {
                wrong.push(name)
            }
        };
        must(output.shape() == (input.rows(), weight.cols()), "slope_from");
        must(d_output.shape() == output.shape(), "d_output");
        must(d_weight.shape() == weight.shape(), "d_weight");
        must(d_input.as_ref().is_none_or(|d| d.shape() == input.shape()), "d_input");
        // Where there is no bias, no elements are as good as no gradient.
        let lens = [bias.map_or(0, |b| b.len()), out.d_bias.as_ref().map_or(0, |d| d.len())];
        must(lens[0] == lens[1], "d_bias");

        let layer = Dense { weight, bias, activation: self.activation };
        let d_bias = &mut out.d_bias;
        let result = run(&mut |cpu, scratch| {
            let gradients = Gradients {
                d_input: d_input.as_mut().map(|d| d.reborrow()),
                below: None,
                d_weight: d_weight.reborrow(),
                d_bias: d_bias.as_deref_mut(),
                accum: self.accum,
            };
            let saved = Saved { input, slope_from: output };
            dense::backward(cpu, scratch, layer, saved, d_output.reborrow(), gradients)
        });
        Ok(Some(outcome("dense::backward", result, &wrong)?.is_some()))
    }

    /// dZ against the reference, and the rest against what the reference makes of that dZ.
    fn compare(&self, before: &Written, after: &Written) -> Checked<Tally> {
        let d_z = before.d_y.matrix().times_slope(self.activation, &self.y.matrix());
        let mut tally = after.d_y.compare("d_output", &before.d_y, &d_z)?;
        let d_z = after.d_y.matrix();
        if let (Some(d_x), Some(before)) = (&after.d_x, &before.d_x) {
            let expected = d_z.product(&self.weight.matrix().t(), &[]);
            tally.add(d_x.compare("d_input", before, &expected)?);
        }
        let adds = self.accum == Accum::Add;
        let start = if adds { before.d_weight.matrix().data } else { Vec::new() };
        let expected = self.x.matrix().t().product(&d_z, &start);
        tally.add(after.d_weight.compare("d_weight", &before.d_weight, &expected)?);
        if let (Some(_), Some(d_bias), Some(before)) = (&self.bias, &after.d_bias, &before.d_bias) {
            let start = if adds { exact(before) } else { Vec::new() };
            let expected = d_z.column_sums(&start);
            for (j, (expected, &found)) in expected.data.iter().zip(d_bias).enumerate() {
                let compared = expected.compare(found);
                tally.compared += compared.map_err(|wrong| format!("d_bias[{j}]: {wrong}"))?;
            }
        }
        // Four results of one call.
        Ok(Tally { ok: 1, ..tally })
    }
}

impl Written {
    fn same_bits(&self, name: &str, other: &Written) -> Checked<()> {
        self.d_y.same_bits(&format!("d_output {name}"), &other.d_y)?;
        self.d_weight.same_bits(&format!("d_weight {name}"), &other.d_weight)?;
        if let (Some(d_x), Some(other)) = (&self.d_x, &other.d_x) {
            d_x.same_bits(&format!("d_input {name}"), other)?;
        }
        let bits = |d_bias: &Option<Vec<f32>>| -> Option<Vec<u32>> {
            let quiet = |x: &f32| if x.is_nan() { f32::NAN.to_bits() } else { x.to_bits() };
            d_bias.as_ref().map(|d_bias| d_bias.iter().map(quiet).collect())
        };
        match bits(&self.d_bias) == bits(&other.d_bias) {
            true => Ok(()),
            false => Err(format!("d_bias {name}: found {:?}", self.d_bias)),
        }
    }
}

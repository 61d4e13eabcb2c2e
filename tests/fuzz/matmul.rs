//! Products: `C = A.B`, onto what C held or a bias, with an epilogue that knows where it is.

use densecore::gemm::{Accum, Epilogue, Finished, Identity, Operand, Start, matmul, matmul_fused};
use densecore::simd::Level;
use densecore::{Cpu, Scratch, View, ViewMut};

use super::buffer::{Buffer, Fill, vector};
use super::decode::Bytes;
use super::reference::Approx;
use super::{Checked, Tally, outcome};

/// Where the sums start, and how the call is made.
enum Begin {
    Plain(Accum),
    Fused(Accum),
    Bias(Vec<f32>),
}

/// Adds to each element a number that its position determines: a block that is finished twice, not
/// at all or in another's name is seen.
struct Stamp;

impl Stamp {
    fn at(row: usize, col: usize) -> f32 {
        (1 + (3 * row + 7 * col) % 61) as f32
    }
}

impl Epilogue for Stamp {
    fn finish(&self, _: Level, Finished { mut block, row, col, .. }: Finished<'_>) {
        for i in 0..block.rows() {
            for (j, c) in block.row_mut(i).unwrap_or_default().iter_mut().enumerate() {
                *c += Self::at(row + i, col + j);
            }
        }
    }
}

/// One product.
pub fn check(bytes: &[u8]) -> Checked<Tally> {
    let bytes = &mut Bytes::new(bytes);
    let [m, k, n] = bytes.sizes();
    let [setting, other] = bytes.settings();
    let fill = Fill::decode(bytes);
    let [a_turned, b_turned] = [(); 2].map(|()| bytes.one_in(2));
    let turn = |turned: bool, (rows, cols)| if turned { (cols, rows) } else { (rows, cols) };
    let a = Buffer::decode(bytes, turn(a_turned, (m, k)), fill);
    let b = Buffer::decode(bytes, turn(b_turned, (k, n)), fill);
    let stamped = bytes.one_in(3);
    let (begin, c_fill) = match bytes.byte() % 5 {
        0 => (Begin::Plain(Accum::Replace), Fill::Untouched),
        1 => (Begin::Plain(Accum::Add), fill),
        2 => (Begin::Fused(Accum::Replace), Fill::Untouched),
        3 => (Begin::Fused(Accum::Add), fill),
        _ => (Begin::Bias(vector(bytes, n, fill)), Fill::Untouched),
    };
    let mut c = Buffer::decode(bytes, (m, n), c_fill);
    let stamped = stamped && !matches!(begin, Begin::Plain(_));

    let before = c.clone();
    let (Some(a_view), Some(b_view), Some(c_view)) = (a.view()?, b.view()?, c.view_mut()?) else {
        return Ok(Tally::refused());
    };
    let (a_shape, b_shape) = (turn(a_turned, a.shape()), turn(b_turned, b.shape()));
    let wrong = wrong_arguments(a_shape, b_shape, before.shape(), &begin);
    let call = |cpu: Cpu, scratch: &mut Scratch, c: ViewMut<'_>| {
        let (a, b) = (operand(a_view, a_turned), operand(b_view, b_turned));
        let epilogue: &dyn Epilogue = if stamped { &Stamp } else { &Identity };
        match &begin {
            Begin::Plain(accum) => matmul(cpu, scratch, a, b, *accum, c),
            Begin::Fused(accum) => matmul_fused(cpu, scratch, (a, b), (*accum).into(), epilogue, c),
            Begin::Bias(bias) => matmul_fused(cpu, scratch, (a, b), Start::Bias(bias), epilogue, c),
        }
    };
    let mut scratch = Scratch::new();
    let result = setting.run(|cpu| call(cpu, &mut scratch, c_view));
    if outcome("matmul", result, &wrong)?.is_none() {
        c.same_bits("c after an error", &before)?;
        return Ok(Tally::refused());
    }

    let (a, b) = (a.matrix(), b.matrix());
    let (a, b) = (if a_turned { a.t() } else { a }, if b_turned { b.t() } else { b });
    let start: Vec<Approx> = match &begin {
        Begin::Plain(Accum::Add) | Begin::Fused(Accum::Add) => before.matrix().data,
        Begin::Bias(bias) => bias.iter().copied().map(Approx::exact).collect(),
        _ => Vec::new(),
    };
    let mut expected = a.product(&b, &start);
    if stamped {
        for (i, x) in expected.data.iter_mut().enumerate() {
            *x = x.plus(Stamp::at(i / expected.cols, i % expected.cols));
        }
    }
    let tally = c.compare("c", &before, &expected)?;

    // The same bits in another way, whatever the scratch holds.
    let mut again = before.clone();
    scratch.poison();
    if let Some(view) = again.view_mut()? {
        let result = other.run(|cpu| call(cpu, &mut scratch, view));
        outcome("matmul in another way", result, &[])?;
    }
    again.same_bits("c in another way", &c)?;
    Ok(tally)
}

fn operand(view: View<'_>, turned: bool) -> Operand<'_> {
    if turned { view.t().into() } else { view.into() }
}

/// The arguments that an error may name; none if there must not be any.
fn wrong_arguments(
    a: (usize, usize),
    b: (usize, usize),
    c: (usize, usize),
    begin: &Begin,
) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    if a.1 != b.0 || b.1 != c.1 {
        wrong.push("b");
    }
    if a.0 != c.0 || b.1 != c.1 {
        wrong.push("c");
    }
    if matches!(begin, Begin::Bias(bias) if bias.len() != c.1) {
        wrong.push("bias");
    }
    wrong
}

//! The same numbers as PyTorch: losses, and in files of their own optimizers and networks, compared with
//! `tests/golden/`, which PyTorch computed in f64.
//!
//! Tolerances are not chosen but computed: each expected value comes with a bound on the rounding
//! errors of its formula in f32, from running error analysis (`support/bounded.rs`). It grants an
//! elementary function 4 ulp and a sum of k terms `k eps sum |terms|`; everything else is one
//! rounding for each operation, carried through layers and steps. The same run in f64 must agree
//! with PyTorch to 1e-11, so a bound belongs to the number that it is used for.

mod support;

use densecore::loss::{Reduction, cross_entropy, mse};
use densecore::{Loss, Result, Target, Tensor, View};
use support::golden::{Compared, Golden};
use support::reference::{self, flat, matrix};
use support::{cpus, levels};

#[test]
fn losses_and_their_gradients() -> Result<()> {
    let golden = Golden::read("losses");
    let mut compared = Compared::default();
    for (name, reduction) in [
        ("mse/mean", Reduction::Mean),
        ("mse/sum", Reduction::Sum),
        ("ce/mean", Reduction::Mean),
        ("ce/sum", Reduction::Sum),
    ] {
        golden.case(name);
        let [input, target, value, d_input] =
            ["input", "target", "loss", "d_input"].map(|n| golden.tensor(&format!("{name}/{n}")));
        let (rows, cols) = (input.shape[0], input.shape[1]);
        let (x, ids) = (input.to_f32(), target.to_ids());
        let values = if name.starts_with("ce") { vec![0.0; rows * cols] } else { target.to_f32() };
        let (x, values) = (View::new(rows, cols, &x)?, View::new(rows, cols, &values)?);
        let (loss, target) = match name.starts_with("ce") {
            true => (Loss::CrossEntropy(reduction), Target::Classes(&ids)),
            false => (Loss::SquaredError(reduction), Target::Values(values)),
        };
        let (bound, slopes) = reference::loss(loss, &matrix(rows, &input.data), target);
        for cpu in cpus() {
            let mut slope = Tensor::from_vec(rows, cols, vec![f32::NAN; rows * cols])?;
            let both = match loss {
                Loss::CrossEntropy(r) => {
                    cross_entropy::value_and_gradient(cpu, x, &ids, r, slope.view_mut())?
                }
                _ => mse::value_and_gradient(cpu, x, values, reduction, slope.view_mut())?,
            };
            let alone = loss.value(cpu, x, target)?;
            compared.close(name, &[both], &value.data, &[bound]);
            compared.close(name, &[alone], &value.data, &[bound]);
            compared.close(name, slope.as_slice(), &d_input.data, &flat(&slopes));
        }
    }
    assert!(compared.loosest < 4e-5, "a bound without teeth: {compared:?}");
    assert_eq!(compared.count, levels().len() * 2 * ((2 + 30) + (2 + 42)));
    Ok(())
}

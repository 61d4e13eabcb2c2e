//! The optimizers give PyTorch's numbers for twelve steps, and clipping its norm and gradients. The
//! tolerances are computed as in `golden.rs`: each expected value comes with a bound on the rounding
//! errors of its formula in f32, carried from step to step (`support/rules.rs`).

mod support;

use densecore::Result;
use densecore::optim::{Optimizer, clip};
use support::golden::{Compared, Golden, rule};
use support::reference::matrix;
use support::rules::Steps;
use support::{cpus, levels};

#[test]
fn golden_optimizers_for_twelve_steps() -> Result<()> {
    let golden = Golden::read("optimizers");
    let (p0, grads) = (golden.tensor("p0"), golden.tensor("grads"));
    let (steps, len) = (grads.shape[0], grads.shape[1]);
    let cases = golden.cases();
    assert_eq!(cases.len(), 20, "every case of the file");
    let mut compared = Compared::default();
    for case in &cases {
        let (name, rule) = (case["name"].as_str().unwrap_or_default(), rule(case));
        let params = golden.tensor(&format!("{name}/params"));
        // PyTorch keeps NAdam's product of momenta in f32: it is off by up to 12 roundings of 2^-24,
        // and 1 - P, which is 0.55 and more, by twice that share. Of all steps of up to 0.02
        // together, twelve of them, that is 12 * 0.02 * 24 * 2^-24.
        let apart = (name == "nadam").then_some(3.5e-7);
        for cpu in cpus() {
            let mut bounds = matrix(1, &p0.data).concat();
            let mut reference = Steps::new(rule, len);
            let mut parameters = p0.to_f32();
            let mut optimizer = Optimizer::new(rule, len)?;
            for step in 0..steps {
                let row = step * len..(step + 1) * len;
                optimizer.step(cpu, &mut parameters, &grads.to_f32()[row.clone()])?;
                reference.step(&mut bounds, &matrix(1, &grads.data[row.clone()]).concat());
                let what = format!("{name}, {}, step {}", cpu.level(), step + 1);
                let golden = &params.data[row];
                match apart {
                    Some(apart) => compared.close_to(&what, &parameters, golden, &bounds, apart),
                    None => compared.close(&what, &parameters, golden, &bounds),
                }
            }
        }
    }
    assert!(compared.loosest < 4e-5, "a bound without teeth: {compared:?}");
    assert_eq!(compared.count, levels().len() * 20 * 12 * 37);
    Ok(())
}

#[test]
fn golden_clipping_by_the_global_norm() -> Result<()> {
    let golden = Golden::read("schedules");
    let max_norm = golden.case("clip_global")["max_norm"].as_f64().expect("a number");
    let [g1, g2, norm, o1, o2] =
        ["g1", "g2", "norm", "o1", "o2"].map(|n| golden.tensor(&format!("clip_global/{n}")));
    let expected = [o1.data, o2.data].concat();
    assert!(norm.data[0] > max_norm && expected.len() == 23);
    for cpu in cpus() {
        let mut gradients = [g1.to_f32(), g2.to_f32()].concat();
        let found = clip::by_global_norm(cpu, &mut gradients, max_norm)?;
        // PyTorch takes the norm of the tensors' norms, in f64 as we do: some thirty roundings of
        // 2^-53 each.
        assert!((found - norm.data[0]).abs() <= 64.0 * f64::EPSILON * norm.data[0], "{found}");
        for (&found, &expected) in gradients.iter().zip(&expected) {
            // The factor is rounded to f32, and then the product.
            let bound = 2.0_f64.powi(-23) * expected.abs();
            assert!((f64::from(found) - expected).abs() <= bound, "{found} for {expected}");
        }
    }
    Ok(())
}

//! Laws of the optimizers at the edges of f32; `tests/golden.rs` compares them with PyTorch.

mod support;

use densecore::optim::{Adam, Optimizer, Rule, Sgd};
use densecore::{Cpu, Result};
use support::cpus;

/// Parameters enough for whole vectors and a tail at every level.
const LEN: usize = 77;

/// Parameters of value `p` after steps with these gradients, the same for all of them.
fn trained(cpu: Cpu, rule: impl Into<Rule>, p: f32, gradients: &[f32]) -> Result<f32> {
    let mut parameters = [p; LEN];
    let mut optimizer = Optimizer::new(rule, LEN)?;
    for &g in gradients {
        optimizer.step(cpu, &mut parameters, &[g; LEN])?;
    }
    let [first, ..] = parameters;
    assert!(parameters.iter().all(|p| p.to_bits() == first.to_bits()), "{parameters:?}");
    Ok(first)
}

#[test]
fn adam_with_a_tiny_epsilon_steps_by_the_learning_rate_however_small_the_gradient() -> Result<()> {
    for cpu in cpus() {
        for epsilon in [0.0, 1e-40, 1e-30] {
            for g in [1.0, 1e-15, 1e-18, 1e-19, -1e-19, 1e-20] {
                let adam = Adam { epsilon, ..Adam::new(0.5) };
                // The first step is lr g / |g|. The square is rounded to a multiple of 2^-149,
                // and 1e-3 g^2 is at least 1e-43, 71 of them: v is off by less than one in 140.
                let p = trained(cpu, adam, 0.0, &[g])?;
                let expected = -0.5 * g.signum();
                assert!((p - expected).abs() < 0.5 / 140.0, "{p} for {g}, eps {epsilon}");
            }
        }
    }
    Ok(())
}

#[test]
fn adam_leaves_a_parameter_without_a_gradient_where_it_is() -> Result<()> {
    for cpu in cpus() {
        for epsilon in [0.0, 1e-300, 1e-8] {
            let adam = Adam { epsilon, ..Adam::new(0.5) };
            assert_eq!(trained(cpu, adam, 3.0, &[0.0; 5])?, 3.0);
        }
    }
    Ok(())
}

#[test]
fn moments_leave_the_subnormal_numbers() -> Result<()> {
    let is_subnormal = |x: &f32| x.is_subnormal();
    for cpu in cpus() {
        let (mut p, mut m, mut v, mut b) = ([1.0; LEN], [0.0; LEN], [0.0; LEN], [0.0; LEN]);
        let (adam, sgd) = (Adam { beta2: 0.9, ..Adam::new(1e-3) }, Sgd::new(1e-3).momentum(0.9));
        for step in 1..=1000 {
            let g = if step == 1 { [1e-3; LEN] } else { [0.0; LEN] };
            adam.update(cpu, step, &mut p, &g, (&mut m, &mut v))?;
            sgd.update(cpu, step, &mut p, &g, &mut b)?;
            assert!(!m.iter().chain(&v).chain(&b).any(is_subnormal), "step {step}");
        }
        // 0.9^1000 is 2^-152.
        assert_eq!((m, v, b), ([0.0; LEN], [0.0; LEN], [0.0; LEN]));
    }
    Ok(())
}

#[test]
fn flushing_changes_no_step_whatever_epsilon_is() -> Result<()> {
    // All of their v are subnormal.
    let gradients = [1e-18_f32, 3e-18, 2e-18, 1e-18, 2e-18];
    for cpu in cpus() {
        for epsilon in [1e-8, 1e-10, 1e-12, 1e-14, 1e-15, 1e-16, 1e-17, 1e-18, 1e-20, 0.0] {
            let (mut p, mut m, mut v) = (0.0, 0.0, 0.0);
            for (t, &g) in (1..).zip(&gradients) {
                let g = f64::from(g);
                m += (1.0 - 0.9) * (g - m);
                v += (1.0 - 0.999) * (g * g - v);
                let (c1, c2) = (1.0 - 0.9_f64.powi(t), 1.0 - 0.999_f64.powi(t));
                p -= 0.5 / c1 * m / (f64::sqrt(v / c2) + epsilon);
            }
            let found = trained(cpu, Adam { epsilon, ..Adam::new(0.5) }, 0.0, &gradients)?;
            // Up to three roundings of v a step, each of half of 2^-149, are 1e-5 of 1e-39; its
            // root is off by half of that. All else is a few dozen roundings of 2^-24.
            assert!((f64::from(found) - p).abs() < 1e-5 * p.abs(), "{found} {p}, eps {epsilon}");
        }
    }
    Ok(())
}

#[test]
fn without_weight_decay_an_infinite_parameter_stays_so() -> Result<()> {
    let sgd = Sgd::new(0.5);
    let rules = [
        sgd.into(),
        sgd.momentum(0.9).into(),
        sgd.momentum(0.9).nesterov().into(),
        Rule::from(Adam::new(0.5)),
        Adam::adamw(0.5).into(),
        Adam::adamw(0.5).weight_decay(0.0).into(),
    ];
    for cpu in cpus() {
        for rule in rules {
            for p in [f32::INFINITY, f32::NEG_INFINITY] {
                assert_eq!(trained(cpu, rule, p, &[1.0, -2.0])?, p, "{rule:?}");
            }
        }
        // With decay the gradient is infinite too.
        assert!(trained(cpu, sgd.weight_decay(0.1), f32::INFINITY, &[1.0])?.is_nan());
    }
    Ok(())
}

//! Laws of the optimizers at the edges of f32; `tests/golden_optimizers.rs` compares
//! them with PyTorch.

mod support;

use densecore::optim::{
    Adadelta, Adagrad, Adam, Adamax, Lion, NAdam, Optimizer, RAdam, RmsProp, Rprop, Rule, Sgd,
};
use densecore::{Cpu, Result};
use support::{cpus, rules};

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
fn a_parameter_without_a_gradient_stays_where_it_is() -> Result<()> {
    let mut rules = rules::all(0.5);
    for epsilon in [0.0, 1e-300, 1e-8] {
        rules.extend([
            Rule::from(Adam { epsilon, ..Adam::new(0.5) }),
            Adam { epsilon, ..Adam::new(0.5).amsgrad() }.into(),
            Adamax { epsilon, ..Adamax::new(0.5) }.into(),
            NAdam { epsilon, ..NAdam::new(0.5) }.into(),
            RAdam { epsilon, ..RAdam::new(0.5) }.into(),
            Adagrad { epsilon, ..Adagrad::new(0.5) }.into(),
            Adadelta { epsilon, ..Adadelta::new(0.5) }.into(),
            RmsProp { epsilon, ..RmsProp::new(0.5).centered() }.into(),
        ]);
    }
    for cpu in cpus() {
        for &rule in &rules {
            for p in [3.0, 0.0] {
                assert_eq!(trained(cpu, rule, p, &[0.0; 9])?, p, "{rule:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn averages_leave_the_subnormal_numbers() -> Result<()> {
    let (beta1, beta2, rms) = (0.9, 0.9, RmsProp { alpha: 0.9, ..RmsProp::new(1e-3) });
    let rules: [Rule; 12] = [
        Sgd::new(1e-3).momentum(0.9).into(),
        Adam { beta2, ..Adam::new(1e-3) }.into(),
        // At step 6 the rule turns to the division: n is 19.
        RAdam { beta2, ..RAdam::new(1e-3) }.into(),
        NAdam { beta2, ..NAdam::new(1e-3) }.into(),
        Adadelta::new(1.0).into(),
        rms.into(),
        rms.momentum(0.9).into(),
        rms.centered().into(),
        rms.momentum(0.9).centered().into(),
        Lion { beta1, beta2, ..Lion::new(1e-3) }.into(),
        // These have an array that does not become zero.
        Adam { beta2, ..Adam::new(1e-3).amsgrad() }.into(),
        Adamax { beta2, ..Adamax::new(1e-3) }.into(),
    ];
    for cpu in cpus() {
        for (i, rule) in rules.into_iter().enumerate() {
            let mut optimizer = Optimizer::new(rule, LEN)?;
            let mut p = [1.0; LEN];
            for step in 1..=1000 {
                let g = if step == 1 { [1e-3; LEN] } else { [0.0; LEN] };
                optimizer.step(cpu, &mut p, &g)?;
                let subnormal = optimizer.state().iter().find(|x| x.is_subnormal());
                assert_eq!(subnormal, None, "{rule:?}, step {step}");
            }
            // 0.9^1000 is 2^-152.
            let zeros = optimizer.state().iter().filter(|&&x| x == 0.0).count();
            let kept = usize::from(i >= 10) * LEN;
            assert_eq!(zeros + kept, optimizer.state().len(), "{rule:?}");
        }
    }
    Ok(())
}

#[test]
fn flushing_changes_no_step_whatever_epsilon_is() -> Result<()> {
    // All of their v are subnormal.
    let gradients = [1e-18_f32, 3e-18, 2e-18, 1e-18, 2e-18];
    for cpu in cpus() {
        for epsilon in [1e-8, 1e-10, 1e-12, 1e-14, 1e-15, 1e-16, 1e-17, 1e-18, 1e-20, 0.0] {
            // Adam; RMSprop; and Adadelta, with eps under the roots, where u is the scale of steps.
            let (mut p, mut m, mut v) = ([0.0; 3], 0.0, [0.0; 3]);
            let (mut u, inside) = (0.0, f64::max(epsilon * epsilon, 1e-36));
            for (t, &g) in (1..).zip(&gradients) {
                let g = f64::from(g);
                m += (1.0 - 0.9) * (g - m);
                for (v, beta) in v.iter_mut().zip([0.999, 0.99, 0.9]) {
                    *v += (1.0 - beta) * (g * g - *v);
                }
                let (c1, c2) = (1.0 - 0.9_f64.powi(t), 1.0 - 0.999_f64.powi(t));
                p[0] -= 0.5 / c1 * m / (f64::sqrt(v[0] / c2) + epsilon);
                p[1] -= 0.5 * g / (f64::sqrt(v[1]) + epsilon);
                let d = f64::sqrt((u + inside) / (v[2] + inside)) * g;
                u += (1.0 - 0.9) * (d * d - u);
                p[2] -= d;
            }
            let rules: [Rule; 3] = [
                Adam { epsilon, ..Adam::new(0.5) }.into(),
                RmsProp { epsilon, ..RmsProp::new(0.5) }.into(),
                Adadelta { epsilon: inside, ..Adadelta::new(1.0) }.into(),
            ];
            for (rule, p) in rules.into_iter().zip(p) {
                let found = trained(cpu, rule, 0.0, &gradients)?;
                // Up to three roundings of v a step, each of half of 2^-149, are 1e-5 of 1e-39, the
                // least v; its root is off by half of that. All else is a few dozen roundings of
                // 2^-24.
                let error = (f64::from(found) - p).abs();
                assert!(error < 1e-5 * p.abs(), "{found} {p}, {rule:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn without_weight_decay_an_infinite_parameter_stays_so() -> Result<()> {
    let adamw = Rule::from(Adam::adamw(0.5));
    let rising = Rule::from(Sgd { maximize: true, ..Sgd::new(0.5) });
    for cpu in cpus() {
        for rule in rules::all(0.5).into_iter().chain([adamw, rising]) {
            for p in [f32::INFINITY, f32::NEG_INFINITY] {
                assert_eq!(trained(cpu, rule, p, &[1.0, -2.0])?, p, "{rule:?}");
            }
        }
        // With decay the gradient is infinite too.
        assert!(trained(cpu, Sgd::new(0.5).weight_decay(0.1), f32::INFINITY, &[1.0])?.is_nan());
    }
    Ok(())
}

#[test]
fn a_gradient_that_is_not_a_number_is_seen_in_the_parameter() -> Result<()> {
    for cpu in cpus() {
        for rule in rules::all(0.5) {
            assert!(trained(cpu, rule, 1.0, &[f32::NAN])?.is_nan(), "{rule:?}");
        }
    }
    Ok(())
}

#[test]
fn maximizing_is_descending_against_the_gradient() -> Result<()> {
    let (gradients, negated) = ([1.0, -0.25, 3.0, 2.0], [-1.0, 0.25, -3.0, -2.0]);
    for cpu in cpus() {
        for rule in rules::all(0.125) {
            let mut climbing = rule;
            match &mut climbing {
                Rule::Sgd(rule) => rule.maximize = true,
                Rule::Adam(rule) => rule.maximize = true,
                Rule::Adamax(rule) => rule.maximize = true,
                Rule::NAdam(rule) => rule.maximize = true,
                Rule::RAdam(rule) => rule.maximize = true,
                Rule::Adagrad(rule) => rule.maximize = true,
                Rule::Adadelta(rule) => rule.maximize = true,
                Rule::RmsProp(rule) => rule.maximize = true,
                Rule::Rprop(rule) => rule.maximize = true,
                Rule::Lion(rule) => rule.maximize = true,
                other => panic!("{other:?}"),
            }
            let expected = trained(cpu, rule, 1.0, &negated)?;
            assert_eq!(trained(cpu, climbing, 1.0, &gradients)?, expected, "{rule:?}");
            assert_ne!(trained(cpu, rule, 1.0, &gradients)?, expected, "{rule:?}");
        }
    }
    Ok(())
}

#[test]
fn decoupled_decay_shrinks_and_coupled_decay_adds_to_the_gradient() -> Result<()> {
    let weight_decay = 0.5;
    for cpu in cpus() {
        // Without a gradient, decoupled decay is all that happens: 1 - lr wd = 1 - 1/8.
        for rule in [
            Rule::from(Adam::adamw(0.25).weight_decay(weight_decay)),
            NAdam { weight_decay, decoupled: true, ..NAdam::new(0.25) }.into(),
            RAdam { weight_decay, decoupled: true, ..RAdam::new(0.25) }.into(),
            Lion { weight_decay, ..Lion::new(0.25) }.into(),
        ] {
            assert_eq!(trained(cpu, rule, 1.0, &[0.0])?, 0.875, "{rule:?}");
        }
        // Coupled, it is a gradient of wd p = 1/2.
        for (rule, without) in [
            (Rule::from(Sgd { weight_decay, ..Sgd::new(0.25) }), Rule::from(Sgd::new(0.25))),
            (Adam { weight_decay, ..Adam::new(0.25) }.into(), Adam::new(0.25).into()),
            (Adamax { weight_decay, ..Adamax::new(0.25) }.into(), Adamax::new(0.25).into()),
            (NAdam { weight_decay, ..NAdam::new(0.25) }.into(), NAdam::new(0.25).into()),
            (RAdam { weight_decay, ..RAdam::new(0.25) }.into(), RAdam::new(0.25).into()),
            (Adagrad { weight_decay, ..Adagrad::new(0.25) }.into(), Adagrad::new(0.25).into()),
            (Adadelta { weight_decay, ..Adadelta::new(0.25) }.into(), Adadelta::new(0.25).into()),
            (RmsProp { weight_decay, ..RmsProp::new(0.25) }.into(), RmsProp::new(0.25).into()),
        ] {
            let expected = trained(cpu, without, 1.0, &[0.5])?;
            assert_eq!(trained(cpu, rule, 1.0, &[0.0])?, expected, "{rule:?}");
        }
    }
    Ok(())
}

#[test]
fn amsgrad_divides_by_the_largest_uncorrected_square() -> Result<()> {
    // A large gradient and small ones: m / sqrt(w) with w the first v, for as long as it is larger.
    let gradients = [4.0_f32, 0.25, 0.25];
    for cpu in cpus() {
        let (mut p, mut m, mut v, mut w) = (1.0, 0.0, 0.0, 0.0);
        for (t, &g) in (1..).zip(&gradients) {
            let g = f64::from(g);
            m += 0.5 * (g - m);
            v += 0.5 * (g * g - v);
            w = f64::max(w, v);
            p -= 0.125 / (1.0 - 0.5_f64.powi(t)) * m / (w / (1.0 - 0.5_f64.powi(t))).sqrt();
        }
        let adam = Adam { beta1: 0.5, beta2: 0.5, epsilon: 0.0, ..Adam::new(0.125).amsgrad() };
        let found = f64::from(trained(cpu, adam, 1.0, &gradients)?);
        // A dozen roundings in each of three steps of about 1/8.
        assert!((found - p).abs() < 36.0 * 2.0_f64.powi(-24), "{found} {p}");
        assert_eq!(w, 8.0);
    }
    Ok(())
}

#[test]
fn rprop_keeps_its_steps_within_their_limits_and_waits_after_a_turn() -> Result<()> {
    let rprop = Rprop { eta_plus: 2.0, step_min: 0.125, step_max: 1.0, ..Rprop::new(0.5) };
    for cpu in cpus() {
        // 1/2, then 1, and no more. The product of such gradients would be zero.
        assert_eq!(trained(cpu, rprop, 0.0, &[-1e-30; 4])?, 3.5);
        // 1/2, a turn, whose step is halved and not taken; then halves without a comparison.
        assert_eq!(trained(cpu, rprop, 0.0, &[-1.0, 1.0])?, 0.5);
        assert_eq!(trained(cpu, rprop, 0.0, &[-1.0, 1.0, 1.0])?, 0.25);
        // Turns at every other step: 1/2, 1/4, 1/8, 1/8.
        assert_eq!(trained(cpu, rprop, 0.0, &[-1.0, 1.0, 1.0, -1.0, -1.0, 1.0, 1.0])?, 0.25);
    }
    Ok(())
}

#[test]
fn centred_rmsprop_of_a_constant_gradient_has_a_root() -> Result<()> {
    let centred = RmsProp { alpha: 0.9, ..RmsProp::new(1e-9).centered() };
    for cpu in cpus() {
        for rule in [centred, centred.momentum(0.5)] {
            // V - A^2 goes to zero, and after about 140 steps rounding takes it below.
            for g in [0.1, 0.5, 0.9] {
                assert!(trained(cpu, rule, 1.0, &[g; 400])?.is_finite(), "{rule:?}, {g}");
            }
        }
    }
    Ok(())
}

//! Optimizers, and what stands around their steps, with settings and slices that have no meaning: an
//! error names the culprit, and nothing changes. Nothing panics.

mod support;

use densecore::optim::{
    Adadelta, Adagrad, Adam, Adamax, Ema, Group, Lion, NAdam, Optimizer, Progress, RAdam, RmsProp,
    Rprop, Rule, Sgd, Strip, UpdateRule, clip, max_norm, penalty,
};
use densecore::{Cpu, Error, ViewMut};
use support::errors::{bad_value, length, refused};
use support::{cpus, rules};

const HUGE: usize = usize::MAX;

#[test]
fn settings_of_optimizers_without_a_meaning() {
    let bad = [-1.0, f64::NEG_INFINITY, f64::INFINITY, f64::NAN, -f64::MIN_POSITIVE];
    let rejected =
        |rule: Rule, name: &str, value: f64| bad_value(Optimizer::new(rule, 3), name, value);
    let (sgd, adam, adamw) = (Sgd::new(0.1), Adam::new(0.1), Adam::adamw(0.1));
    for x in bad {
        rejected(Sgd::new(x).into(), "learning_rate", x);
        rejected(sgd.momentum(x).into(), "momentum", x);
        rejected(sgd.weight_decay(x).into(), "weight_decay", x);
        rejected(Adam::new(x).into(), "learning_rate", x);
        rejected(adam.weight_decay(x).into(), "weight_decay", x);
        rejected(Adam { epsilon: x, ..adam }.into(), "epsilon", x);
        rejected(Adam::adamw(x).into(), "learning_rate", x);
        rejected(adamw.weight_decay(x).into(), "weight_decay", x);
        rejected(Adam { epsilon: x, ..adamw }.into(), "epsilon", x);
        for x in [x, 1.0] {
            rejected(Adam { beta1: x, ..adam }.into(), "beta1", x);
            rejected(Adam { beta2: x, ..adam }.into(), "beta2", x);
            rejected(Adam { beta1: x, ..adamw }.into(), "beta1", x);
            rejected(Adam { beta2: x, ..adamw }.into(), "beta2", x);
        }
    }
    for x in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        rejected(sgd.dampening(x).into(), "dampening", x);
    }
    for x in bad {
        let rms = RmsProp::new(0.1);
        for (rule, name) in [
            (Rule::from(Adamax { epsilon: x, ..Adamax::new(0.1) }), "epsilon"),
            (NAdam { momentum_decay: x, ..NAdam::new(0.1) }.into(), "momentum_decay"),
            (RAdam { epsilon: x, ..RAdam::new(0.1) }.into(), "epsilon"),
            (Adagrad { epsilon: x, ..Adagrad::new(0.1) }.into(), "epsilon"),
            (Adagrad { learning_rate_decay: x, ..Adagrad::new(0.1) }.into(), "learning_rate_decay"),
            (Adagrad { initial_accumulator: x, ..Adagrad::new(0.1) }.into(), "initial_accumulator"),
            (Adadelta { rho: x, ..Adadelta::new(0.1) }.into(), "rho"),
            (RmsProp { alpha: x, ..rms }.into(), "alpha"),
            (rms.momentum(x).into(), "momentum"),
            (Rprop { eta_minus: x, ..Rprop::new(0.1) }.into(), "eta_minus"),
            (Rprop { eta_plus: x, ..Rprop::new(0.1) }.into(), "eta_plus"),
            (Rprop { step_min: x, ..Rprop::new(0.1) }.into(), "step_min"),
            (Rprop { step_max: x, ..Rprop::new(0.1) }.into(), "step_max"),
            (Lion { weight_decay: x, ..Lion::new(0.1) }.into(), "weight_decay"),
            (Lion { beta2: x, ..Lion::new(0.1) }.into(), "beta2"),
        ] {
            rejected(rule, name, x);
        }
        for mut rule in rules::all(0.1) {
            if let Some(weight_decay) = rule.weight_decay_mut() {
                *weight_decay = x;
                rejected(rule, "weight_decay", x);
            }
        }
    }
    rejected(Rprop { step_min: 2.0, step_max: 1.0, ..Rprop::new(0.1) }.into(), "step_max", 1.0);
    rejected(sgd.nesterov().into(), "momentum", 0.0);
    rejected(sgd.momentum(0.9).dampening(0.5).nesterov().into(), "dampening", 0.5);

    // A rate that is refused later leaves the old one.
    let mut optimizer = Optimizer::new(sgd, 3).expect("a good setting");
    for x in bad {
        bad_value(optimizer.set_learning_rate(x), "learning_rate", x);
    }
    assert_eq!(optimizer.rule(), sgd.into());
    // 2^61 bytes of state.
    let huge = Optimizer::new(adam, 1 << 58).map(|_| ());
    assert_eq!(huge, Err(Error::OutOfMemory { bytes: 1 << 61 }));
    assert!(matches!(Optimizer::new(adam, HUGE), Err(Error::Overflow { .. })));
}

#[test]
fn steps_of_optimizers_with_slices_of_other_lengths() {
    for cpu in cpus() {
        let (mut p, g) = ([7.0; 5], [1.0; 5]);
        for rule in rules::all(0.1) {
            let (mut progress, arrays) = (Progress::START, rule.state_arrays());
            let mut update = |rule: Rule, p: &mut [f32], g: &[f32], lens: [usize; 3]| {
                let [mut a, mut b, mut c] = lens.map(|len| vec![7.0; len]);
                let state = [&mut a[..], &mut b, &mut c];
                let strip = Strip { gradients: g, parameters: p, state };
                let result = rule.update(cpu, &mut progress, strip);
                assert!([a, b, c].concat().iter().all(|&x| x == 7.0));
                assert_eq!(progress, Progress::START);
                result
            };
            let lens: [usize; 3] = core::array::from_fn(|i| if i < arrays { 5 } else { 0 });
            refused(update(rule, &mut p, &g[1..], lens), length("gradients", 5, 4));
            for (i, len) in lens.into_iter().enumerate() {
                let mut other = lens;
                other[i] += 1;
                refused(update(rule, &mut p, &g, other), length("state", len, len + 1));
            }
            let mut backwards = rule;
            *backwards.learning_rate_mut() = -1.0;
            bad_value(update(backwards, &mut p, &g, lens), "learning_rate", -1.0);
        }
        for rule in rules::all(0.1) {
            let mut optimizer = Optimizer::new(rule, 5).expect("good settings");
            refused(optimizer.step(cpu, &mut p[..4], &g), length("parameters", 5, 4));
            refused(optimizer.step(cpu, &mut p, &g[..3]), length("gradients", 5, 3));
            let arrays = rule.state_arrays();
            let state = vec![0.0; 5 * arrays + 1];
            let result = optimizer.restore(Progress { steps: 3, scalar: 1.0 }, &state);
            refused(result, length("state", 5 * arrays, 5 * arrays + 1));
            let nan = Progress { steps: 3, scalar: f64::NAN };
            bad_value(optimizer.restore(nan, &state[1..]), "scalar", f64::NAN);
            assert_eq!(optimizer.progress(), Progress::START);
        }
        assert_eq!(p, [7.0; 5]);
    }
}

#[test]
fn groups_of_parameters_without_a_meaning() {
    let make = |rule: Rule, groups: &[Group]| Optimizer::with_groups(rule, 10, groups).map(|_| ());
    let (sgd, rprop) = (Rule::from(Sgd::new(0.1)), Rule::from(Rprop::new(0.1)));
    bad_value(make(sgd, &[Group::ranges([2..4, 3..5])]), "ranges", 3.0);
    bad_value(make(sgd, &[Group::range(2..4), Group::range(0..3)]), "ranges", 2.0);
    bad_value(make(sgd, &[Group::range(2..11)]), "ranges", 11.0);
    bad_value(make(sgd, &[Group::range(0..1).learning_rate(-1.0)]), "learning_rate", -1.0);
    bad_value(make(sgd, &[Group::range(0..1).weight_decay(-1.0)]), "weight_decay", -1.0);
    bad_value(make(rprop, &[Group::range(0..1).weight_decay(0.5)]), "weight_decay", 0.5);
    assert_eq!(make(rprop, &[Group::range(0..1).weight_decay(0.0)]), Ok(()));
    assert_eq!(make(sgd, &[Group::ranges([9..9, 0..10, 12..12])]), Ok(()));
    // The product of a rate and a factor is what counts.
    let group = Group::range(0..1).learning_rate(1e30);
    let mut optimizer = Optimizer::with_groups(sgd, 10, &[group]).expect("a finite product");
    bad_value(optimizer.set_learning_rate(1e10), "learning_rate", 1e40);
    assert_eq!(optimizer.rule(), sgd);
}

#[test]
fn what_stands_around_a_step_with_settings_without_a_meaning() {
    let (cpu, mut g, w) = (Cpu::detect(), [7.0; 4], [1.0; 4]);
    for x in [-1.0, f64::INFINITY, f64::NAN] {
        bad_value(clip::by_value(cpu, &mut g, x), "limit", x);
        bad_value(clip::by_global_norm(cpu, &mut g, x), "max_norm", x);
        bad_value(penalty::l1(cpu, x, &w, &mut g), "lambda", x);
        bad_value(penalty::l2(cpu, x, &w, &mut g), "lambda", x);
        let weight = ViewMut::new(2, 2, &mut g).expect("four elements");
        bad_value(max_norm(cpu, weight, x), "max_norm", x);
        bad_value(Ema::new(x, &w), "decay", x);
    }
    bad_value(Ema::new(1.0, &w), "decay", 1.0);
    refused(penalty::l1(cpu, 1.0, &w[..3], &mut g), length("gradients", 3, 4));
    refused(penalty::l2(cpu, 1.0, &w[..3], &mut g), length("gradients", 3, 4));
    let mut ema = Ema::new(0.5, &w).expect("a good decay");
    refused(ema.update(cpu, &w[..3]), length("parameters", 4, 3));
    refused(ema.swap(&mut g[..3]), length("parameters", 4, 3));
    assert_eq!((g, ema.parameters()), ([7.0; 4], &w[..]));
}

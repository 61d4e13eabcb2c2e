//! Steps of optimizers on one thread and on all, beside a copy of as many bytes; verified before
//! they are timed.
//!
//! `cargo bench --bench optim`, or `cargo bench --bench optim -- adam/1048576` for some rows.

mod common;

use common::{copy_rate, group, random, report_bytes};
use criterion::{Criterion, criterion_group, criterion_main};
use densecore::Cpu;
use densecore::optim::{
    Adadelta, Adagrad, Adam, Adamax, Ema, Lion, NAdam, Optimizer, RAdam, RmsProp, Rprop, Rule, Sgd,
    UpdateRule, clip,
};

/// Parameters: a small network in L1, one in L2 or L3, and two that only DRAM holds.
const LENGTHS: [usize; 4] = [1 << 11, 1 << 17, 1 << 20, 1 << 24];

/// Rates so small that thousands of steps leave ordinary numbers.
fn rules() -> Vec<(&'static str, Rule)> {
    let rms = RmsProp::new(1e-7);
    vec![
        ("sgd", Sgd::new(1e-7).into()),
        ("momentum", Sgd::new(1e-7).momentum(0.9).into()),
        ("adagrad", Adagrad::new(1e-7).into()),
        ("adam", Adam::new(1e-7).into()),
        ("adamw", Adam::adamw(1e-7).into()),
        ("amsgrad", Adam::new(1e-7).amsgrad().into()),
        ("adamax", Adamax::new(1e-7).into()),
        ("nadam", NAdam::new(1e-7).into()),
        ("radam", RAdam::new(1e-7).into()),
        ("adadelta", Adadelta::new(1e-4).into()),
        ("rmsprop", rms.into()),
        ("rmsprop_centered", rms.momentum(0.9).centered().into()),
        ("rprop", Rprop { step_max: 1e-6, ..Rprop::new(1e-7) }.into()),
        ("lion", Lion::new(1e-7).into()),
    ]
}

fn steps(criterion: &mut Criterion) {
    verify();
    for len in LENGTHS {
        let gradients = random(1, len, 1);
        let copied = copy_rate(len);
        for (name, rule) in rules() {
            let mut group = group(criterion, &format!("optim/{name}/{len}"));
            // Gradients and parameters are read, parameters written; state read and written.
            let bytes = 4 * len * (3 + 2 * rule.state_arrays());
            for cpu in [Cpu::serial(), Cpu::detect()] {
                let mut parameters = random(1, len, 2);
                let mut optimizer = Optimizer::new(rule, len).expect("sound settings");
                let name = format!("{} thread(s)", cpu.threads());
                report_bytes(&mut group, (&name, copied), (len, bytes), || {
                    let (p, g) = (parameters.as_mut_slice(), gradients.as_slice());
                    optimizer.step(cpu, p, g).expect("the lengths fit");
                });
            }
            group.finish();
        }
        around(criterion, len, copied);
    }
}

/// What stands around a step.
fn around(criterion: &mut Criterion, len: usize, copied: f64) {
    let (mut gradients, parameters) = (random(1, len, 1), random(1, len, 2));
    let mut ema = Ema::new(0.999, parameters.as_slice()).expect("a good decay");
    let mut group = group(criterion, &format!("optim/around/{len}"));
    for cpu in [Cpu::serial(), Cpu::detect()] {
        let name = format!("norm {} thread(s)", cpu.threads());
        report_bytes(&mut group, (&name, copied), (len, 4 * len), || {
            clip::norm(cpu, gradients.as_slice())
        });
        let name = format!("clip by value {} thread(s)", cpu.threads());
        report_bytes(&mut group, (&name, copied), (len, 8 * len), || {
            clip::by_value(cpu, gradients.as_mut_slice(), 3.0).expect("a good limit");
        });
        let name = format!("average of weights {} thread(s)", cpu.threads());
        report_bytes(&mut group, (&name, copied), (len, 12 * len), || {
            ema.update(cpu, parameters.as_slice()).expect("the lengths fit");
        });
    }
    group.finish();
}

/// Panics if a first step does not go where the rule says.
fn verify() {
    for cpu in [Cpu::serial(), Cpu::detect()] {
        for (name, mut rule) in rules() {
            // Adadelta's is scaled by sqrt(eps / V), Lion's and Rprop's are signs; all go down.
            *rule.learning_rate_mut() = 0.5;
            let mut p = vec![1.0; 1000];
            let mut optimizer = Optimizer::new(rule, p.len()).expect("sound settings");
            optimizer.step(cpu, &mut p, &[2.0; 1000]).expect("the lengths fit");
            assert!(p.iter().all(|&x| x < 1.0 && x == p[0]), "{name}: {}", p[0]);
        }
        let (mut p, adam) = ([1.0; 100], Adam::new(0.5));
        let mut optimizer = Optimizer::new(adam, 100).expect("sound settings");
        optimizer.step(cpu, &mut p, &[2.0; 100]).expect("the lengths fit");
        assert!(p.iter().all(|p| (p - 0.5).abs() < 1e-6), "{p:?}");
        assert_eq!(clip::norm(cpu, &[3.0, 4.0]), 5.0);
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);

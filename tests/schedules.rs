//! Learning-rate schedules: the rates of PyTorch, and what holds of each.

mod support;

use std::ops::ControlFlow::Continue;

use densecore::optim::{Rule, Sgd};
use densecore::schedule::{
    Better, Constant, Cosine, Exponential, LearningRate, Linear, MultiStep, OneCycle, Polynomial,
    ReduceOnPlateau, Schedule, Step, Threshold, WarmRestarts,
};
use densecore::train::Fit;
use densecore::{Activation, Cpu, Error, Loss, Network, Result, data};
use support::golden::Golden;

/// The settings of the golden cases.
fn golden_cases() -> Vec<(&'static str, Schedule)> {
    vec![
        ("step", Step::new(0.1, 5, 0.5).into()),
        ("multistep", MultiStep::new(0.1, &[3, 8, 15], 0.3).into()),
        ("exponential", Exponential::new(0.1, 0.9).into()),
        ("linear", Linear::new(0.1, 0.2, 1.0, 8).into()),
        ("polynomial", Polynomial::new(0.1, 20, 2.0).into()),
        ("cosine", Cosine::new(0.1, 20).eta_min(0.001).into()),
        ("warm_restarts", WarmRestarts::new(0.1, 5).t_mult(2).eta_min(0.001).into()),
        ("one_cycle", OneCycle::new(0.1, 25).into()),
    ]
}

/// One schedule of each kind.
fn schedules() -> Vec<Schedule> {
    let cases = golden_cases().into_iter().map(|(_, schedule)| schedule);
    let more = [Constant::new(0.1).into(), Schedule::from(Step::new(0.1, 3, 0.5)).warm_up(0.2, 7)];
    cases.chain(more).collect()
}

fn golden(name: &str) {
    let (file, cases) = (Golden::read("schedules"), golden_cases());
    let (_, schedule) = cases.iter().find(|(case, _)| *case == name).expect("a case");
    let expected = file.tensor(&format!("{name}/lr")).data;
    assert_eq!((expected.len(), schedule.check()), (25, Ok(())));
    // Rates are at most 0.1. PyTorch computes most of them from the one before, in up to 24 steps of
    // no more than 8 roundings each; none of these recursions makes an earlier error larger than
    // the rate grows. The formulas here take no more than 48 roundings (a power of 24).
    let tolerance = (24.0 * 8.0 + 48.0) * 2_f64.powi(-53) * 0.1;
    for (step, expected) in expected.into_iter().enumerate() {
        let found = schedule.learning_rate(step as u64);
        let error = (found - expected).abs();
        assert!(error <= tolerance, "{name} at {step}: {found}, expected {expected}");
    }
}

#[test]
fn golden_step() {
    golden("step");
}

#[test]
fn golden_multistep() {
    golden("multistep");
}

#[test]
fn golden_exponential() {
    golden("exponential");
}

#[test]
fn golden_linear() {
    golden("linear");
}

#[test]
fn golden_polynomial() {
    golden("polynomial");
}

#[test]
fn golden_cosine() {
    golden("cosine");
}

#[test]
fn golden_warm_restarts() {
    golden("warm_restarts");
}

#[test]
fn golden_one_cycle() {
    golden("one_cycle");
}

#[test]
fn golden_cases_are_all_compared() {
    let file = Golden::read("schedules");
    let named = golden_cases();
    for case in file.cases() {
        let name = case["name"].as_str().expect("a name");
        // The gradients of a clipping are in this file too.
        assert!(name == "clip_global" || named.iter().any(|(case, _)| *case == name), "{name}");
    }
}

#[test]
fn a_constant_starts_with_a_factor_if_told_so() {
    let rates = |schedule: Constant| [0, 4, 5, u64::MAX].map(|step| schedule.learning_rate(step));
    assert_eq!(rates(Constant::new(0.5)), [0.5; 4]);
    assert_eq!(rates(Constant::new(0.5).factor(0.25, 5)), [0.125, 0.125, 0.5, 0.5]);
}

#[test]
fn a_warm_up_ends_at_the_first_rate_of_what_follows() {
    for then in schedules() {
        let schedule = then.clone().warm_up(0.25, 4);
        let first = then.learning_rate(0);
        let expected = [0.25, 0.4375, 0.625, 0.8125].map(|factor| first * factor);
        assert_eq!([0, 1, 2, 3].map(|step| schedule.learning_rate(step)), expected, "{then:?}");
        for step in [0, 1, 2, 17, 1000] {
            assert_eq!(schedule.learning_rate(4 + step), then.learning_rate(step), "{then:?}");
        }
        // Without steps there is none; and a warm-up may precede another.
        assert_eq!(then.clone().warm_up(0.25, 0).learning_rate(0), first);
        let twice = schedule.warm_up(0.5, 2);
        assert_eq!(
            [0, 1].map(|step| twice.learning_rate(step)),
            [0.125, 0.1875].map(|f| first * f)
        );
    }
}

#[test]
fn curves_beyond_their_end() {
    let far = [20, 1000, u64::MAX];
    let rates = |schedule: Schedule| far.map(|step| schedule.learning_rate(step));
    assert_eq!(rates(Linear::new(0.5, 0.0, 0.5, 20).into()), [0.25; 3]);
    assert_eq!(rates(Polynomial::new(0.5, 20, 1.5).into()), [0.0; 3]);
    let cycle = OneCycle::new(0.5, 20);
    assert_eq!(rates(cycle.into()), [0.5 / 25.0 / 1e4; 3]);
    // A cosine goes on as a wave.
    let wave = Cosine::new(0.5, 10);
    for step in 0..30 {
        assert_eq!(wave.learning_rate(step + 20), wave.learning_rate(step));
        assert_eq!(wave.learning_rate(40 - step), wave.learning_rate(step));
    }
    assert_eq!([0, 5, 10].map(|step| wave.learning_rate(step)), [0.5, 0.25, 0.0]);
    assert_eq!(Polynomial::new(0.5, 4, 0.5).learning_rate(3), 0.25);
}

#[test]
fn milestones_may_stand_in_any_order_and_twice() {
    let rates = |milestones: &[u64]| {
        let schedule = MultiStep::new(1.0, milestones, 0.5);
        [0, 2, 3, 8].map(|step| schedule.learning_rate(step))
    };
    assert_eq!(rates(&[3, 8]), [1.0, 1.0, 0.5, 0.25]);
    assert_eq!(rates(&[8, 3]), rates(&[3, 8]));
    assert_eq!(rates(&[3, 3]), [1.0, 1.0, 0.25, 0.25]);
    assert_eq!(rates(&[]), [1.0; 4]);
}

#[test]
fn one_cycle_of_very_few_steps() {
    for total_steps in 1..8 {
        for pct_start in [0.0, 0.3, 0.5, 1.0 - 1e-9] {
            let cycle = OneCycle { pct_start, ..OneCycle::new(0.1, total_steps) };
            assert_eq!(cycle.check(), Ok(()));
            let last = 0.1 / 25.0 / 1e4;
            for step in 0..10 {
                let rate = cycle.learning_rate(step);
                assert!((last * 0.999..=0.1).contains(&rate), "{cycle:?} at {step}: {rate}");
            }
        }
    }
}

#[test]
fn any_step_has_a_rate_within_the_bounds() {
    for schedule in schedules() {
        for step in [0, 1, 1 << 20, (1 << 53) + 1, u64::MAX - 1, u64::MAX] {
            let rate = schedule.learning_rate(step);
            assert!((0.0..=0.1000000001).contains(&rate), "{schedule:?} at {step}: {rate}");
        }
    }
}

#[test]
fn settings_without_a_meaning_are_named_and_panic_nowhere() {
    let bad = [-1.0, f64::NAN, f64::INFINITY, 1e39];
    let mut cases: Vec<(&str, Schedule)> = vec![
        ("step_size", Step::new(0.1, 0, 0.5).into()),
        ("total_iters", Linear::new(0.1, 0.2, 1.0, 0).into()),
        ("total_iters", Polynomial::new(0.1, 0, 1.0).into()),
        ("power", Polynomial::new(0.1, 5, 0.0).into()),
        ("t_max", Cosine::new(0.1, 0).into()),
        ("t_0", WarmRestarts::new(0.1, 0).into()),
        ("t_mult", WarmRestarts::new(0.1, 5).t_mult(0).into()),
        ("total_steps", OneCycle::new(0.1, 0).into()),
        ("pct_start", OneCycle { pct_start: 1.0, ..OneCycle::new(0.1, 5) }.into()),
        ("div_factor", OneCycle { div_factor: 0.0, ..OneCycle::new(0.1, 5) }.into()),
        ("div_factor", OneCycle { div_factor: 1e-300, ..OneCycle::new(0.1, 5) }.into()),
        ("final_div_factor", OneCycle { final_div_factor: 0.0, ..OneCycle::new(0.1, 5) }.into()),
        ("t_max", Schedule::from(Cosine::new(0.1, 0)).warm_up(0.1, 5)),
    ];
    for x in bad {
        let rate = "learning_rate";
        cases.extend([
            (rate, Constant::new(x).into()),
            ("factor", Constant::new(0.1).factor(x, 5).into()),
            (rate, Step::new(x, 5, 0.5).into()),
            ("gamma", Step::new(0.1, 5, x).into()),
            (rate, MultiStep::new(x, &[5], 0.5).into()),
            ("gamma", MultiStep::new(0.1, &[5], x).into()),
            (rate, Exponential::new(x, 0.5).into()),
            ("gamma", Exponential::new(0.1, x).into()),
            (rate, Linear::new(x, 0.5, 1.0, 5).into()),
            ("start_factor", Linear::new(0.1, x, 1.0, 5).into()),
            ("end_factor", Linear::new(0.1, 0.5, x, 5).into()),
            (rate, Polynomial::new(x, 5, 1.0).into()),
            (rate, Cosine::new(x, 5).into()),
            ("eta_min", Cosine::new(0.1, 5).eta_min(x).into()),
            (rate, WarmRestarts::new(x, 5).into()),
            ("eta_min", WarmRestarts::new(0.1, 5).eta_min(x).into()),
            ("max_lr", OneCycle::new(x, 5).into()),
            ("start_factor", Schedule::from(Cosine::new(0.1, 5)).warm_up(x, 5)),
        ]);
    }
    for (name, schedule) in cases {
        match schedule.check() {
            Err(Error::Value { argument, .. }) => assert_eq!(argument, name, "{schedule:?}"),
            other => panic!("{schedule:?}: {other:?}"),
        }
        for step in [0, 1, 7, u64::MAX] {
            let _ = schedule.learning_rate(step);
        }
    }
}

/// The rates after each of the metrics.
fn observed(mut plateau: ReduceOnPlateau, metrics: &[f64]) -> Vec<f64> {
    assert_eq!(plateau.check(), Ok(()));
    metrics.iter().map(|&metric| plateau.observe(metric)).collect()
}

/// Halves a rate of 1 after more than two metrics that are not better.
fn plateau() -> ReduceOnPlateau {
    let mut plateau = ReduceOnPlateau::new(1.0);
    (plateau.factor, plateau.patience) = (0.5, 2);
    plateau
}

#[test]
fn a_plateau_reduces_the_rate_after_patience() {
    // 0.99995 is better, but not by a share of 1e-4.
    let metrics = [1.0, 1.0, 0.99995, 1.0, 0.9, 0.95, f64::NAN, 0.9, 0.9, 0.9, 0.9];
    let expected = [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125];
    assert_eq!(observed(plateau(), &metrics), expected);
}

#[test]
fn a_plateau_of_accuracies_and_of_absolute_improvements() {
    let mut larger = plateau();
    (larger.better, larger.patience) = (Better::Larger, 0);
    let rates = observed(larger, &[0.5, 0.6, 0.60005, 0.7, 0.7]);
    assert_eq!(rates, [1.0, 1.0, 0.5, 0.5, 0.25]);
    larger.threshold = Threshold::Absolute(0.25);
    assert_eq!(observed(larger, &[0.5, 1.0, 1.25, 1.5]), [1.0, 1.0, 0.5, 0.5]);
    let mut smaller = plateau();
    (smaller.threshold, smaller.patience) = (Threshold::Absolute(0.25), 0);
    assert_eq!(observed(smaller, &[1.0, 0.5, 0.25, 0.0]), [1.0, 1.0, 0.5, 0.5]);
    // Nothing has been seen yet that infinity could be better than.
    assert_eq!(observed(smaller, &[f64::INFINITY, 1.0]), [0.5, 0.5]);
}

#[test]
fn metrics_of_a_cooldown_do_not_count() {
    let mut cooling = plateau();
    (cooling.patience, cooling.cooldown) = (1, 3);
    // Better, two worse ones, three that do not count, two worse ones.
    let expected = [1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25];
    assert_eq!(observed(cooling, &[1.0; 8]), expected);
}

#[test]
fn a_plateau_stops_at_the_lowest_rate_and_at_tiny_changes() {
    let mut lowest = plateau();
    (lowest.patience, lowest.min_lr) = (0, 0.375);
    assert_eq!(observed(lowest, &[1.0; 4]), [1.0, 0.5, 0.375, 0.375]);
    let mut tiny = plateau();
    (tiny.patience, tiny.eps) = (0, 0.25);
    assert_eq!(observed(tiny, &[1.0; 4]), [1.0, 0.5, 0.5, 0.5]);
}

#[test]
fn settings_of_a_plateau_without_a_meaning_are_named() {
    type Change = fn(&mut ReduceOnPlateau);
    let cases: [(&str, Change); 8] = [
        ("learning_rate", |p| p.learning_rate = -1.0),
        ("factor", |p| p.factor = 1.0),
        ("factor", |p| p.factor = -0.1),
        ("factor", |p| p.factor = f64::NAN),
        ("threshold", |p| p.threshold = Threshold::Relative(-1.0)),
        ("threshold", |p| p.threshold = Threshold::Absolute(f64::NAN)),
        ("min_lr", |p| p.min_lr = -1.0),
        ("eps", |p| p.eps = f64::INFINITY),
    ];
    for (name, change) in cases {
        let mut plateau = plateau();
        change(&mut plateau);
        match plateau.check() {
            Err(Error::Value { argument, .. }) => assert_eq!(argument, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_fit_sets_the_rate_of_each_step_and_goes_on_where_it_stopped() -> Result<()> {
    let set = data::digits().split(0.1, 1)?.0;
    let steps = set.len().div_ceil(32) as u64;
    let schedule = Schedule::from(Cosine::new(0.2, 4 * steps)).warm_up(0.1, 3);
    let start = || -> Result<_> {
        let network = Network::mlp(&[64, 12, 10], Activation::Tanh, 1)?;
        let sgd = network.optimizer(Sgd::new(7.0))?;
        Ok((network, sgd))
    };
    let fit = || Fit::new(Loss::CROSS_ENTROPY).cpu(Cpu::serial()).schedule(schedule.clone());
    let (mut whole, mut sgd) = start()?;
    let mut rates = Vec::new();
    fit().epochs(4).run(&mut whole, &mut sgd, &set, None, |_, _| Continue(()))?;
    // The last step of an epoch leaves its rate.
    let (mut parts, mut sgd) = start()?;
    for epoch in 0..4 {
        let mut fit = fit().after(epoch).epochs(1);
        fit.run(&mut parts, &mut sgd, &set, None, |_, _| Continue(()))?;
        let Rule::Sgd(rule) = sgd.rule() else { panic!("{:?}", sgd.rule()) };
        rates.push(rule.learning_rate);
    }
    let expected = [1, 2, 3, 4].map(|epoch| schedule.learning_rate(epoch * steps - 1));
    assert_eq!(rates, expected);
    assert_eq!(whole.parameters(), parts.parameters());

    let before = parts.parameters().to_vec();
    let mut refused = fit().schedule(Cosine::new(0.1, 0));
    let error = refused.run(&mut parts, &mut sgd, &set, None, |_, _| Continue(()));
    assert!(matches!(error, Err(Error::Value { argument: "t_max", .. })), "{error:?}");
    assert_eq!(parts.parameters(), before);
    Ok(())
}

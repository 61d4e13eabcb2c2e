//! Laws of a step: how the arrays are cut, who computes which part, and where a training is resumed
//! changes no bit; groups are optimizers of their own; a user's rule is no different.

mod support;

use densecore::optim::{
    Adam, Group, NAdam, Optimizer, Prepared, Progress, Rprop, Rule, Sgd, Strip, UpdateRule,
};
use densecore::simd::slice::Update;
use densecore::simd::{Level, Simd};
use densecore::{Activation, Cpu, Network, Result};
use support::{POOLS, bits, cpus, fma_levels, in_pool, levels, numbers, rules};

/// Whole vectors and a tail at every level.
const LEN: usize = 133;

/// Gradients of step `t`, some of them zero.
fn gradients(len: usize, t: u64) -> Vec<f32> {
    let mut gradients = numbers(len, 100 + t);
    gradients.iter_mut().skip(t as usize % 5).step_by(5).for_each(|g| *g = 0.0);
    gradients
}

/// Bits of parameters and state after some steps.
fn trained(cpu: Cpu, mut optimizer: Optimizer, p: &mut [f32], steps: u64) -> Result<Vec<u32>> {
    for _ in 0..steps {
        let g = gradients(p.len(), optimizer.steps());
        optimizer.step(cpu, p, &g)?;
    }
    Ok([bits(p), bits(optimizer.state())].concat())
}

#[test]
fn a_step_gives_the_same_bits_however_the_arrays_are_cut() -> Result<()> {
    for cpu in cpus() {
        for rule in rules::all(0.1) {
            let mut p = numbers(LEN, 1);
            let expected = trained(cpu, Optimizer::new(rule, LEN)?, &mut p, 4)?;
            for cuts in [vec![1], vec![16, 17, 100], vec![5, 63, 64, 65, 131], vec![132]] {
                let mut p = numbers(LEN, 1);
                let initial = rule.initial_state();
                let mut state = initial.map(|x| vec![x; LEN]);
                let mut progress = Progress::START;
                for t in 0..4 {
                    progress = rule.advance(progress);
                    let kernel = rule.prepare(progress);
                    let g = gradients(LEN, t);
                    // The last part first.
                    let mut end = LEN;
                    for &start in cuts.iter().rev().chain(&[0]) {
                        let [a, b, c] = &mut state;
                        let strip = Strip {
                            gradients: &g[start..end],
                            parameters: &mut p[start..end],
                            state: [&mut a[start..end], &mut b[start..end], &mut c[start..end]],
                        };
                        kernel.update(cpu.level(), strip);
                        end = start;
                    }
                }
                let state = state[..rule.state_arrays()].concat();
                assert!([bits(&p), bits(&state)].concat() == expected, "{rule:?}, {cuts:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn threads_and_fma_levels_change_no_bit() -> Result<()> {
    // Enough for several threads, with a tail.
    let len = 300_003;
    for rule in rules::all(0.1) {
        let mut all = Vec::new();
        for level in levels() {
            let run = |cpu: Cpu| {
                trained(cpu.with_level(level), Optimizer::new(rule, len)?, &mut numbers(len, 1), 2)
            };
            let expected = run(Cpu::serial())?;
            for threads in POOLS {
                assert!(in_pool(threads, || run(Cpu::detect()))? == expected, "{rule:?}");
            }
            if fma_levels().contains(&level) {
                all.push(expected);
            }
        }
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{rule:?}");
    }
    Ok(())
}

#[test]
fn a_restored_optimizer_goes_on_with_the_same_bits() -> Result<()> {
    for cpu in cpus() {
        for rule in rules::all(0.1) {
            let mut p = numbers(LEN, 1);
            let mut first = Optimizer::new(rule, LEN)?;
            for t in 0..3 {
                first.step(cpu, &mut p, &gradients(LEN, t))?;
            }
            let mut second = Optimizer::new(rule, LEN)?;
            second.restore(first.progress(), first.state())?;
            let mut again = p.clone();
            let expected = trained(cpu, first, &mut p, 3)?;
            assert!(trained(cpu, second.clone(), &mut again, 3)? == expected, "{rule:?}");
            // After a reset it is new.
            second.reset();
            let new = trained(cpu, Optimizer::new(rule, LEN)?, &mut numbers(LEN, 2), 3)?;
            assert!(trained(cpu, second, &mut numbers(LEN, 2), 3)? == new, "{rule:?}");
        }
        // What is not an array counts: NAdam's product.
        let (mut p, nadam) = (numbers(LEN, 1), NAdam::new(0.1));
        let mut right = Optimizer::new(nadam, LEN)?;
        right.step(cpu, &mut p, &gradients(LEN, 0))?;
        let mut wrong = right.clone();
        wrong.restore(Progress { scalar: 1.0, ..right.progress() }, right.state())?;
        let found = trained(cpu, wrong, &mut p.clone(), 1)?;
        assert!(found != trained(cpu, right, &mut p, 1)?);
    }
    Ok(())
}

#[test]
fn groups_are_optimizers_with_settings_of_their_own() -> Result<()> {
    let ranges = [3..20, 20..50, 90..133];
    for cpu in cpus() {
        for rule in rules::all(0.125) {
            let mut own = rule;
            *own.learning_rate_mut() = 0.03125;
            let group = match own.weight_decay_mut() {
                Some(weight_decay) => {
                    *weight_decay = 0.5;
                    Group::ranges(ranges.clone()).weight_decay(0.5)
                }
                None => Group::ranges(ranges.clone()),
            };
            let groups = [group.learning_rate(0.25)];
            let mut optimizer = Optimizer::with_groups(rule, LEN, &groups)?;
            let mut others = [Optimizer::new(rule, LEN)?, Optimizer::new(own, LEN)?];
            let mut p = numbers(LEN, 1);
            let mut expected = [p.clone(), p.clone()];
            for t in 0..4 {
                optimizer.step(cpu, &mut p, &gradients(LEN, t))?;
                for (other, p) in others.iter_mut().zip(&mut expected) {
                    other.step(cpu, p, &gradients(LEN, t))?;
                }
            }
            for i in 0..LEN {
                let group = usize::from(ranges.iter().any(|range| range.contains(&i)));
                assert_eq!(p[i].to_bits(), expected[group][i].to_bits(), "{rule:?} at {i}");
            }
            let apart = expected[0].iter().zip(&expected[1]).filter(|(a, b)| a != b).count();
            assert!(apart > LEN / 2, "{rule:?}: settings that make no difference");
        }
    }
    Ok(())
}

#[test]
fn a_rate_set_later_is_multiplied_by_the_factor_of_a_group() -> Result<()> {
    let group = Group::range(1..2).learning_rate(0.5);
    let mut optimizer = Optimizer::with_groups(Rule::from(Sgd::new(1.0)), 3, &[group])?;
    let mut p = [0.0; 3];
    optimizer.step(Cpu::detect(), &mut p, &[-1.0; 3])?;
    optimizer.set_learning_rate(4.0)?;
    optimizer.step(Cpu::detect(), &mut p, &[-1.0; 3])?;
    assert_eq!(p, [5.0, 2.5, 5.0]);
    Ok(())
}

#[test]
fn a_group_with_factor_0_stays_as_it_is() -> Result<()> {
    let frozen = [Group::range(3..LEN - 5).learning_rate(0.0)];
    for cpu in cpus() {
        for rule in rules::all(0.125) {
            let mut optimizer = Optimizer::with_groups(rule, LEN, &frozen)?;
            let (mut p, before) = (numbers(LEN, 1), numbers(LEN, 1));
            // Not even a gradient that is no number reaches them.
            let mut g = gradients(LEN, 0);
            g[7] = f32::NAN;
            for _ in 0..3 {
                optimizer.step(cpu, &mut p, &g)?;
            }
            assert_eq!(bits(&p[3..LEN - 5]), bits(&before[3..LEN - 5]), "{rule:?}");
            assert!(p[..3] != before[..3] && p[LEN - 5..] != before[LEN - 5..], "{rule:?}");
        }
    }
    Ok(())
}

#[test]
fn biases_are_exempt_from_decay_and_weights_are_not() -> Result<()> {
    for cpu in cpus() {
        let mut network = Network::mlp(&[5, 7, 3], Activation::Relu, 1)?;
        network.parameters_mut().fill(1.0);
        let zeros = vec![0.0; network.parameters().len()];
        let rule = Adam::adamw(0.25).weight_decay(0.5);
        let mut optimizer = network.optimizer_without_bias_decay(rule)?;
        optimizer.step(cpu, network.parameters_mut(), &zeros)?;
        for i in 0..2 {
            let layer = network.layer(i).expect("a layer");
            assert!(layer.weight.iter_rows().flatten().all(|&w| w == 0.875));
            assert!(layer.bias.iter().all(|&b| b == 1.0) && !layer.bias.is_empty());
            let [weight, bias] = network.layer_ranges(i).expect("a layer");
            assert_eq!(network.parameters()[weight], *layer.weight.as_contiguous().expect("all"));
            assert_eq!(network.parameters()[bias], *layer.bias);
        }
        assert_eq!(network.layer_ranges(2), None);
    }
    Ok(())
}

/// SGD with momentum as a user would write it.
#[derive(Clone, Copy, Debug)]
struct Own {
    rate: f64,
}

#[derive(Clone, Copy)]
struct OwnKernel(f32);

impl Update<1, 2> for OwnKernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, b]: [S::F32; 2]) -> [S::F32; 2] {
        let b = s.mul_add(s.splat(0.5), b, g);
        [s.neg_mul_add(s.splat(self.0), b, p), b]
    }
}

impl Prepared for OwnKernel {
    fn update(&self, level: Level, strip: Strip<'_>) {
        strip.run::<2>(level, self);
    }
}

impl UpdateRule for Own {
    type Kernel = OwnKernel;
    fn state_arrays(&self) -> usize {
        1
    }
    fn learning_rate_mut(&mut self) -> &mut f64 {
        &mut self.rate
    }
    fn prepare(&self, _: Progress) -> OwnKernel {
        OwnKernel(self.rate as f32)
    }
}

#[test]
fn a_rule_of_the_users_own_is_no_different() -> Result<()> {
    for cpu in cpus() {
        let (mut p, mut q) = (numbers(LEN, 1), numbers(LEN, 1));
        let group = [Group::range(7..40).learning_rate(3.0)];
        let sgd = Rule::from(Sgd::new(0.1).momentum(0.5));
        let mut sgd = Optimizer::with_groups(sgd, LEN, &group)?;
        let mut own = Optimizer::with_groups(Own { rate: 0.1 }, LEN, &group)?;
        for t in 0..5 {
            sgd.step(cpu, &mut p, &gradients(LEN, t))?;
            own.step(cpu, &mut q, &gradients(LEN, t))?;
        }
        assert_eq!(bits(&p), bits(&q));
        assert_eq!(bits(sgd.state()), bits(own.state()));
    }
    Ok(())
}

#[test]
fn rules_begin_with_the_state_that_they_name() -> Result<()> {
    let optimizer = Optimizer::new(Rprop::new(0.5), 2)?;
    assert_eq!(optimizer.state(), [0.0, 0.0, 0.5, 0.5]);
    assert_eq!((optimizer.progress(), optimizer.parameters()), (Progress::START, 2));
    let names: Vec<_> = rules::all(0.1).iter().map(Rule::name).collect();
    assert!(names.contains(&"rmsprop") && names.contains(&"lion"), "{names:?}");
    Ok(())
}

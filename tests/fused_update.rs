//! A training step applies the gradients of a weight as they come out of the product: the results are
//! those of gradients that are kept and applied afterwards, bit for bit.

#[path = "support/mod.rs"]
mod support;

use densecore::optim::{Adam, Group, Optimizer, Rule, Sgd, UpdateRule};
use densecore::simd::{Caches, Level};
use densecore::{Activation, Cpu, Error, Loss, Network, Result, Target, Tensor, View, Workspace};
use support::{POOLS, bits, classes, cpus, in_pool, numbers, rules};

/// Widths and batch: narrower than a vector, odd, wider than a block of columns, deeper than a block
/// of k, and more samples than are fused.
const CASES: [(&[usize], usize); 9] = [
    (&[2, 3, 1], 4),
    (&[1, 1], 1),
    (&[7, 19, 33, 5], 13),
    (&[40, 150, 10], 65),
    (&[3, 700, 4], 21),
    (&[13, 50, 9], 600),
    (&[5, 17, 3], 1100),
    (&[9, 40, 1], 50),
    (&[2100, 2], 40),
];

struct Training {
    network: Network,
    optimizer: Optimizer,
    workspace: Workspace,
    input: Tensor,
    target: Tensor,
}

impl Training {
    fn new(widths: &[usize], batch: usize, rule: Rule, groups: &[Group]) -> Result<Self> {
        let network = Network::mlp(widths, Activation::Tanh, 5)?;
        let optimizer = Optimizer::with_groups(rule, network.parameters().len(), groups)?;
        let (inputs, outputs) = (network.inputs(), network.outputs());
        let input = Tensor::from_vec(batch, inputs, numbers(batch * inputs, 1))?;
        let target = Tensor::from_vec(batch, outputs, numbers(batch * outputs, 2))?;
        Ok(Self { network, optimizer, workspace: Workspace::new(), input, target })
    }

    /// As if the caches were just too small for the network, so that a step is fused.
    fn small(&self, cpu: Cpu) -> Cpu {
        let bytes = 4 * self.network.parameters().len() - 4;
        cpu.with_caches(Caches { l2: bytes, l3: bytes, ..cpu.caches() })
    }

    fn step(&mut self, cpu: Cpu) -> Result<f32> {
        let cpu = self.small(cpu);
        let sample = (self.input.view(), Target::Values(self.target.view()));
        let (workspace, optimizer) = (&mut self.workspace, &mut self.optimizer);
        self.network.train_step(cpu, workspace, sample, Loss::MSE, optimizer)
    }

    /// The same with the gradients kept in between.
    fn step_in_two(&mut self, cpu: Cpu) -> Result<f32> {
        let target = Target::Values(self.target.view());
        let (network, workspace) = (&mut self.network, &mut self.workspace);
        let loss =
            network.loss_and_gradients(cpu, workspace, self.input.view(), target, Loss::MSE)?;
        network.update(cpu, workspace, &mut self.optimizer)?;
        Ok(loss)
    }

    fn assert_same(&self, other: &Self, what: &str) {
        let (p, q) = (self.network.parameters(), other.network.parameters());
        assert_eq!(bits(p), bits(q), "{what}");
        // Between tensors there is state that no parameter has.
        let ranges =
            (0..self.network.layers()).filter_map(|i| self.network.layer_ranges(i)).flatten();
        for range in ranges {
            let (a, b) = (self.optimizer.state(), other.optimizer.state());
            for (a, b) in a.chunks_exact(p.len()).zip(b.chunks_exact(p.len())) {
                assert_eq!(bits(&a[range.clone()]), bits(&b[range.clone()]), "state, {what}");
            }
        }
        assert_eq!(self.optimizer.progress(), other.optimizer.progress(), "{what}");
        assert!(p.iter().all(|x| x.is_finite()), "{what}");
    }
}

/// Three steps both ways, the fused ones with garbage in the workspace before each. They are not fused
/// if the groups cut a tensor.
fn compare(
    cpu: Cpu,
    case: (&[usize], usize),
    rule: Rule,
    (groups, cut): (&[Group], bool),
) -> Result<()> {
    let (widths, batch) = case;
    let has_kernels = cpu.level() != Level::Portable;
    let mut fused = Training::new(widths, batch, rule, groups)?;
    let mut two = Training::new(widths, batch, rule, groups)?;
    let start = bits(fused.network.parameters());
    for step in 0..3 {
        fused.workspace.poison();
        let loss = fused.step(cpu)?;
        assert_eq!(loss.to_bits(), two.step_in_two(cpu)?.to_bits());
        let is_fused = fused.network.gradients(&fused.workspace).is_empty();
        assert_eq!(is_fused, has_kernels && batch <= 1024 && !cut, "{widths:?}/{batch}");
        fused.assert_same(&two, &format!("{widths:?}/{batch}, {rule:?}, {cpu:?}, step {step}"));
    }
    assert_ne!(bits(fused.network.parameters()), start, "nothing was trained");
    Ok(())
}

#[test]
fn a_fused_step_has_the_bits_of_gradients_and_update() -> Result<()> {
    for cpu in cpus() {
        for rule in rules::all(0.01) {
            for case in CASES {
                compare(cpu, case, rule, (&[], false))?;
            }
        }
    }
    Ok(())
}

#[test]
fn a_fused_step_has_the_same_bits_on_any_number_of_threads() -> Result<()> {
    let case: (&[usize], _) = (&[300, 401, 203, 10], 96);
    for rule in [Rule::from(Sgd::new(0.01)), Adam::new(0.01).amsgrad().into()] {
        let mut serial = Training::new(case.0, case.1, rule, &[])?;
        for _ in 0..3 {
            serial.step(Cpu::serial())?;
        }
        for threads in POOLS {
            in_pool(threads, || -> Result<()> {
                compare(Cpu::detect(), case, rule, (&[], false))?;
                let mut parallel = Training::new(case.0, case.1, rule, &[])?;
                for _ in 0..3 {
                    parallel.step(Cpu::detect())?;
                }
                parallel.assert_same(&serial, &format!("{threads} threads"));
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// Biases without decay, a layer at another rate, a frozen layer, and groups that end within a tensor.
#[test]
fn groups_hold_in_a_fused_step() -> Result<()> {
    let case: (&[usize], _) = (&[7, 19, 33, 5], 13);
    let network = Network::mlp(case.0, Activation::Tanh, 5)?;
    let ranges = |layer: usize| network.layer_ranges(layer).into_iter().flatten();
    let biases = (0..3).filter_map(|layer| network.layer_ranges(layer)).map(|[_, bias]| bias);
    let rule = Rule::from(Adam::adamw(0.01));
    let arrangements = [
        vec![Group::ranges(biases).weight_decay(0.0)],
        vec![Group::ranges(ranges(1)).learning_rate(0.25)],
        vec![
            Group::ranges(ranges(0)).learning_rate(0.0),
            Group::ranges(ranges(2)).weight_decay(0.5),
        ],
        vec![Group::range(10..100).learning_rate(2.0)],
        vec![
            Group::range(network.parameters().len() - 17..network.parameters().len() - 14)
                .learning_rate(0.5),
        ],
    ];
    for cpu in cpus() {
        for (i, groups) in arrangements.iter().enumerate() {
            compare(cpu, case, rule, (groups, i >= 3))?;
        }
    }
    Ok(())
}

#[test]
fn a_frozen_layer_stays_and_those_below_it_learn() -> Result<()> {
    let (widths, rule): (&[usize], _) = (&[7, 19, 5], Rule::from(Sgd::new(0.1)));
    let network = Network::mlp(widths, Activation::Tanh, 5)?;
    let frozen = Group::ranges(network.layer_ranges(1).into_iter().flatten()).learning_rate(0.0);
    for cpu in cpus() {
        let mut training = Training::new(widths, 9, rule, std::slice::from_ref(&frozen))?;
        training.step(cpu)?;
        let layer = |network: &Network, i| {
            network.layer(i).map(|l| bits(l.weight.as_contiguous().unwrap_or(&[])))
        };
        assert_eq!(layer(&training.network, 1), layer(&network, 1));
        assert_ne!(layer(&training.network, 0), layer(&network, 0));
    }
    Ok(())
}

/// Classes, so that the loss has a gradient of its own kind, and a rule of a user's.
#[test]
fn a_rule_of_your_own_is_fused_too() -> Result<()> {
    let (batch, rule) = (11, Sgd::new(0.1).momentum(0.5));
    let (x, ids) = (numbers(batch * 8, 3), classes(batch, 5, 4));
    let input = View::new(batch, 8, &x)?;
    for cpu in cpus() {
        let mut both = Vec::new();
        for fused in [true, false] {
            let mut network = Network::mlp(&[8, 21, 5], Activation::Relu, 1)?;
            let cpu = cpu.with_caches(Caches { l2: 64, ..cpu.caches() });
            let mut optimizer = Optimizer::custom(rule, network.parameters().len())?;
            let (mut workspace, target) = (Workspace::new(), Target::Classes(&ids));
            for _ in 0..2 {
                let loss = Loss::CROSS_ENTROPY;
                if fused {
                    network.train_step(
                        cpu,
                        &mut workspace,
                        (input, target),
                        loss,
                        &mut optimizer,
                    )?;
                } else {
                    network.loss_and_gradients(cpu, &mut workspace, input, target, loss)?;
                    network.update(cpu, &workspace, &mut optimizer)?;
                }
            }
            both.push(bits(network.parameters()));
        }
        assert_eq!(both[0], both[1]);
    }
    Ok(())
}

/// Its gradients are zero, which moves what decays.
#[test]
fn an_empty_batch_is_a_step_too() -> Result<()> {
    for cpu in cpus() {
        compare(cpu, (&[7, 19, 5], 0), Sgd::new(0.1).weight_decay(0.5).into(), (&[], false))?;
    }
    Ok(())
}

#[test]
fn a_fused_step_leaves_no_gradients() -> Result<()> {
    let mismatch = Error::Mismatch {
        argument: "workspace",
        expected: "gradients of this network",
        found: "those of another one, or none",
    };
    for cpu in cpus().filter(|cpu| cpu.level() != Level::Portable) {
        let mut training = Training::new(&[300, 200, 5], 9, Sgd::new(0.1).into(), &[])?;
        // Not those of an earlier pass either.
        training.step_in_two(cpu)?;
        assert!(!training.network.gradients(&training.workspace).is_empty());
        training.step(cpu)?;
        let Training { network, workspace, optimizer, .. } = &mut training;
        assert!(network.gradients(workspace).is_empty());
        assert!(network.gradients_mut(workspace).is_empty());
        assert!(network.layer_gradients(workspace, 0).is_none());
        let before = (bits(network.parameters()), optimizer.progress());
        assert_eq!(network.update(cpu, workspace, optimizer), Err(mismatch));
        assert_eq!((bits(network.parameters()), optimizer.progress()), before);
    }
    Ok(())
}

#[test]
fn a_fused_step_needs_no_memory_of_the_size_of_the_weights() -> Result<()> {
    for cpu in cpus().filter(|cpu| cpu.level() != Level::Portable) {
        let mut training = Training::new(&[600, 1500, 10], 2, Adam::new(0.1).into(), &[])?;
        training.step(cpu)?;
        let held = training.workspace.bytes();
        assert!(held < 600 * 1500 * 4 / 2, "{held} bytes");
    }
    Ok(())
}

#[test]
fn an_optimizer_of_another_length_is_an_error_and_nothing_happens() -> Result<()> {
    let mut training = Training::new(&[7, 19, 5], 9, Adam::new(0.1).into(), &[])?;
    let right = training.network.parameters().len();
    training.optimizer = Optimizer::new(Adam::new(0.1), right + 1)?;
    let before = bits(training.network.parameters());
    let error = Error::Length { argument: "parameters", expected: right + 1, found: right };
    assert_eq!(training.step(Cpu::detect()), Err(error));
    assert_eq!(bits(training.network.parameters()), before);
    assert_eq!(training.optimizer.steps(), 0);
    assert_eq!(training.optimizer.rule().state_arrays(), 2);
    Ok(())
}

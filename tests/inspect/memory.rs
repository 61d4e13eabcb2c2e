use densecore::network::WorkspaceBytes;
use densecore::optim::{Adam, Optimizer, Sgd};
use densecore::simd::{Caches, Level};
use densecore::{Activation, Cpu, Error, Loss, Network, Objective, Result, Target, Tensor};
use densecore::{Parallelism, ViewMut, Workspace};

use super::support::{cpus, in_pool};
use super::{LINEAR, Tested, drawn, every_kind};

/// What products, layouts and paths differ in: widths of one, of many panels, of more than a block of
/// k, and rows that share sets of a cache; one activation that keeps Z.
fn networks() -> Tested<Vec<Network>> {
    let chain = |widths: &[usize], hidden| Network::mlp(widths, hidden, 1);
    let dropped = Network::builder(40)
        .dropout(0.1)
        .dense(150, Activation::Tanh)
        .dropout(0.5)
        .dense_without_bias(10, LINEAR);
    let repeated = Network::graph(30)
        .concat("twice", &["input", "input"])
        .dense("a", "twice", 60, Activation::Gelu)
        .add("sum", &["a", "twice"])
        .dense("b", "sum", 33, Activation::Relu)
        .output("sum")
        .output("b");
    Ok(vec![
        chain(&[1, 1], Activation::Relu)?,
        chain(&[5, 1, 7, 1], Activation::Relu)?,
        chain(&[5, 40, 1], Activation::Relu)?,
        chain(&[4, 32, 1], Activation::Relu)?,
        chain(&[20, 2], Activation::Relu)?,
        chain(&[1, 300, 2], Activation::Relu)?,
        chain(&[7, 19, 33, 5], Activation::Softplus(Default::default()))?,
        chain(&[64, 128, 10], Activation::Relu)?,
        chain(&[3, 700, 4], Activation::Gelu)?,
        chain(&[520, 513, 9], Activation::Tanh)?,
        chain(&[1024, 40, 2100, 3], Activation::Relu)?,
        chain(&[700, 600, 500], Activation::Mish)?,
        dropped.build()?,
        repeated.build()?,
        every_kind().build()?,
    ])
}

struct Case<'n> {
    network: &'n Network,
    cpu: Cpu,
    batch: usize,
    input: Tensor,
    targets: Vec<Tensor>,
}

impl Case<'_> {
    fn objectives(&self) -> Vec<Objective<'_>> {
        let values = self.targets.iter().map(|target| Target::Values(target.view()));
        values.map(|target| Objective::new(target, Loss::MSE)).collect()
    }

    fn predict(&self, workspace: &mut Workspace) -> Result<WorkspaceBytes> {
        let forecast = self.network.predict_bytes(self.cpu, self.batch)?;
        let mut outputs = self.targets.clone();
        let mut outputs: Vec<ViewMut<'_>> = outputs.iter_mut().map(Tensor::view_mut).collect();
        self.network.predict_all(self.cpu, workspace, self.input.view(), &mut outputs)?;
        Ok(forecast)
    }

    fn gradients(&self, workspace: &mut Workspace) -> Result<WorkspaceBytes> {
        let forecast = self.network.gradient_bytes(self.cpu, self.batch)?;
        let (input, objectives) = (self.input.view(), self.objectives());
        let accum = densecore::gemm::Accum::Replace;
        self.network.loss_and_gradients_all(self.cpu, workspace, input, &objectives, accum)?;
        Ok(forecast)
    }

    fn train(&self, workspace: &mut Workspace, cpu: Cpu) -> Result<WorkspaceBytes> {
        let mut network = self.network.clone();
        let mut optimizer: Optimizer = network.optimizer(Sgd::new(1e-3))?;
        let forecast = network.train_step_bytes(cpu, self.batch, &optimizer)?;
        let (input, objectives) = (self.input.view(), self.objectives());
        network.train_step_all(cpu, workspace, input, &objectives, &mut optimizer)?;
        Ok(forecast)
    }
}

/// The caches as they are, except that the network is just too large for L2, or just fits.
fn cpu_with_l2(cpu: Cpu, network: &Network, fits: bool) -> Cpu {
    let bytes = 4 * network.parameters().len();
    let l2 = if fits { bytes } else { bytes - 4 };
    cpu.with_caches(Caches { l2, ..cpu.caches() })
}

#[track_caller]
fn assert_exact(forecast: WorkspaceBytes, workspace: &Workspace, case: &Case<'_>, pass: &str) {
    let Case { network, cpu, batch, .. } = case;
    let (found, expected) = (forecast.total(), workspace.bytes());
    assert_eq!(found, expected, "{pass} of {batch}: {forecast:?}\n{network:?}\n{cpu:?}");
}

#[test]
fn a_workspace_takes_what_was_said() -> Tested {
    let (mut packed, mut consumed, mut shared) = (0, 0, 0);
    for network in networks()? {
        // Not the largest batches of the largest networks, for time. The last one is never fused.
        let fits = |batch: &usize| batch * network.parameter_count() < 30_000_000;
        for batch in [0, 1, 3, 4, 19, 64, 1000, 1100].into_iter().filter(fits) {
            for cpu in cpus() {
                let targets = (0..network.heads())
                    .map(|k| drawn(batch, network.output_width(k).unwrap_or(0), 2))
                    .collect::<Tested<_>>()?;
                let input = drawn(batch, network.inputs(), 1)?;
                let mut case = Case { network: &network, cpu, batch, input, targets };
                let mut scratch = Vec::new();
                for threads in [0, 1, 2, 5] {
                    // None: from outside of any pool.
                    let serial = cpu.with_parallelism(Parallelism::Serial);
                    case.cpu = if threads == 0 { serial } else { cpu };
                    let forecasts = in_pool(threads.max(1), || exact_in_every_pass(&case))?;
                    packed += usize::from(forecasts[0].scratch > 0);
                    consumed += usize::from(forecasts[2].gradients < forecasts[1].gradients);
                    scratch.push(forecasts[1].scratch);
                }
                shared += usize::from(scratch[3] > scratch[0]);
            }
        }
    }
    // At the portable level there is nothing to say.
    let is_all_portable = cpus().all(|cpu| cpu.level() == Level::Portable);
    assert!(is_all_portable || (packed > 20 && consumed > 20), "{packed} {consumed}");
    assert!(is_all_portable || cfg!(not(feature = "rayon")) || shared > 5, "{shared}");
    Ok(())
}

fn exact_in_every_pass(case: &Case<'_>) -> Result<[WorkspaceBytes; 3]> {
    let fused = cpu_with_l2(case.cpu, case.network, false);
    let kept = cpu_with_l2(case.cpu, case.network, true);
    let mut workspaces: [Workspace; 4] = Default::default();
    let [a, b, c, d] = &mut workspaces;
    let forecasts = [case.predict(a)?, case.gradients(b)?, case.train(c, fused)?];
    let with_kept = case.train(d, kept)?;
    for (i, pass) in ["predict", "gradients", "fused step"].into_iter().enumerate() {
        assert_exact(forecasts[i], &workspaces[i], case, pass);
    }
    assert_exact(with_kept, &workspaces[3], case, "step");
    assert!(forecasts[2].gradients <= with_kept.gradients);
    // Used for one after the other, in any order.
    case.predict(&mut workspaces[1])?;
    assert_exact(forecasts[1].and(forecasts[0]), &workspaces[1], case, "gradients and predict");
    case.gradients(&mut workspaces[0])?;
    assert_exact(forecasts[1].and(forecasts[0]), &workspaces[0], case, "predict and gradients");
    Ok(forecasts)
}

#[test]
fn from_outside_of_any_pool_too() -> Tested {
    let network = Network::mlp(&[300, 400, 10], Activation::Relu, 1)?;
    for cpu in cpus() {
        let (input, targets) = (drawn(200, 300, 1)?, vec![drawn(200, 10, 2)?]);
        exact_in_every_pass(&Case { network: &network, cpu, batch: 200, input, targets })?;
    }
    Ok(())
}

#[test]
fn batches_divided_by_samples_add_nothing_to_the_largest() -> Tested {
    let network = Network::mlp(&[64, 128, 10], Activation::Relu, 1)?;
    for (cpu, threads) in cpus().flat_map(|cpu| [2, 3, 5].map(|threads| (cpu, threads))) {
        in_pool(threads, || -> Tested {
            let (mut workspace, mut forecast) = (Workspace::new(), WorkspaceBytes::default());
            for batch in [999, 1000, 998, 700, 1000] {
                let (input, targets) = (drawn(batch, 64, 1)?, vec![drawn(batch, 10, 2)?]);
                let case = Case { network: &network, cpu, batch, input, targets };
                let one = case.predict(&mut workspace)?;
                let is_divided = one.other_predictions > 0;
                assert_eq!(is_divided, cpu.threads() > 1, "{batch} on {threads} threads");
                forecast = forecast.and(one);
                assert_exact(forecast, &workspace, &case, "predictions");
            }
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn the_parts_are_counted_by_hand() -> Tested {
    // Z of the silu only; deltas of 3 and 1 for the outputs, and of 10 and 6 at the same time.
    let network = every_kind().build()?;
    let bytes = network.gradient_bytes(Cpu::serial(), 16)?;
    assert_eq!(bytes.activations, (4 + 6 + 6 + 6 + 10 + 3 + 1) * 16 * 4);
    assert_eq!(bytes.pre_activations, 6 * 16 * 4);
    assert_eq!(bytes.gradients, 4 * network.parameters().len());
    assert_eq!(bytes.predictions, 0);
    assert!(bytes.deltas >= (3 + 10) * 16 * 4 && bytes.deltas <= bytes.activations);
    let bytes = network.predict_bytes(Cpu::serial(), 16)?;
    assert_eq!((bytes.activations, bytes.deltas, bytes.gradients), (0, 0, 0));
    assert!(bytes.predictions >= (6 + 6 + 6) * 16 * 4 && bytes.predictions <= 28 * 16 * 4);
    // An odd batch fills its cache lines: each matrix starts on one.
    let network = Network::mlp(&[3, 5, 2], Activation::Gelu, 1)?;
    let bytes = network.gradient_bytes(Cpu::serial(), 3)?;
    assert_eq!(bytes.activations, 64 + 64);
    assert_eq!((bytes.pre_activations, bytes.deltas), (64, 64 + 64));
    assert_eq!(bytes.gradients, 4 * 64);
    let text = bytes.to_string();
    assert_eq!(text.lines().count(), 10);
    assert!(text.ends_with(&bytes.total().to_string()), "{text}");
    Ok(())
}

#[test]
fn sizes_beyond_the_address_space_are_errors() -> Tested {
    for network in networks()? {
        let adam = network.optimizer(Adam::new(0.1))?;
        for cpu in cpus() {
            let all = |batch: usize| {
                [
                    network.predict_bytes(cpu, batch),
                    network.gradient_bytes(cpu, batch),
                    network.train_step_bytes(cpu, batch, &adam),
                ]
            };
            let found = (usize::MAX, network.inputs());
            let expected = Error::Overflow { argument: "batch", found };
            assert_eq!(all(usize::MAX), [Err(expected); 3]);
            // Whatever is said of those between, there is no panic.
            for bits in 20..usize::BITS {
                for found in all((1 << bits) - 1).into_iter().chain(all(1 << bits)) {
                    match found {
                        Ok(bytes) => assert!(bytes.total() >= bytes.activations),
                        Err(error) => assert!(matches!(error, Error::Overflow { .. }), "{error}"),
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn an_optimizer_of_another_length_is_an_error() -> Tested {
    let network = Network::mlp(&[4, 3], Activation::Relu, 1)?;
    let other = Network::mlp(&[40, 3], Activation::Relu, 1)?.optimizer(Sgd::new(0.1))?;
    let found = network.train_step_bytes(Cpu::detect(), 1, &other);
    assert!(matches!(found, Err(Error::Length { argument: "parameters", .. })), "{found:?}");
    Ok(())
}

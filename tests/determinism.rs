//! Contracts 3, 4 and 5 of the design: the same bits for any number of threads, on every level
//! with a fused multiply-add, and for a row alone as in a batch.

mod support;

use densecore::loss::Reduction;
use densecore::optim::{Adam, Rule, Sgd};
use densecore::simd::Level;
use densecore::{Activation, Cpu, Loss, Network, Result, Target, Tensor, View, ViewMut, Workspace};
use support::{POOLS, bits, classes, fma_levels, in_pool, levels, numbers};

/// Something to train: sizes at which work is divided (`src/parallel.rs` gives a thread 5 us,
/// which the products of the first exceed a hundred times), and sizes at which it is not.
struct Run {
    widths: &'static [usize],
    hidden: Activation,
    batch: usize,
    rule: Rule,
    squared: bool,
}

fn runs() -> [Run; 3] {
    let adam = Adam::new(1e-3).into();
    let momentum = Sgd::new(0.05).momentum(0.9).into();
    let (large, small): (&[usize], &[usize]) = (&[300, 512, 512, 10], &[5, 7, 3]);
    [
        Run { widths: large, hidden: Activation::Relu, batch: 128, rule: adam, squared: false },
        // A loss that is divided too, into blocks of 64 rows, and sizes that are no multiples.
        Run {
            widths: &[31, 65, 1031],
            hidden: Activation::Tanh,
            batch: 131,
            rule: momentum,
            squared: true,
        },
        Run { widths: small, hidden: Activation::Sigmoid, batch: 9, rule: adam, squared: false },
    ]
}

/// All that 20 steps leave behind: losses, parameters, gradients, and a prediction.
#[derive(PartialEq)]
struct Outcome(Vec<u32>);

impl Run {
    fn inputs(&self) -> usize {
        self.widths[0]
    }

    fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    fn network(&self) -> Result<Network> {
        Network::mlp(self.widths, self.hidden, 7)
    }

    fn input(&self) -> Result<Tensor> {
        Tensor::from_vec(self.batch, self.inputs(), numbers(self.batch * self.inputs(), 1))
    }

    /// Trains for 20 steps, calling `between` before each.
    fn train(&self, cpu: Cpu, between: impl Fn(&mut Workspace)) -> Result<Outcome> {
        let (batch, outputs) = (self.batch, self.outputs());
        let input = self.input()?;
        let (ids, values) = (classes(batch, outputs as u32, 2), numbers(batch * outputs, 3));
        let (loss, target) = match self.squared {
            true => (
                Loss::SquaredError(Reduction::Mean),
                Target::Values(View::new(batch, outputs, &values)?),
            ),
            false => (Loss::CrossEntropy(Reduction::Mean), Target::Classes(&ids)),
        };
        let (mut network, mut workspace) = (self.network()?, Workspace::new());
        let mut optimizer = network.optimizer(self.rule)?;
        let mut losses = Vec::new();
        for _ in 0..20 {
            between(&mut workspace);
            let sample = (input.view(), target);
            losses.push(network.train_step(cpu, &mut workspace, sample, loss, &mut optimizer)?);
        }
        assert!(losses.iter().all(|loss| loss.is_finite()) && losses[19] < losses[0], "{losses:?}");
        let gradients = network.gradients(&workspace).to_vec();
        let mut output = Tensor::zeros(batch, outputs)?;
        between(&mut workspace);
        network.predict(cpu, &mut workspace, input.view(), output.view_mut())?;
        let parts = [&losses[..], network.parameters(), &gradients, output.as_slice()];
        Ok(Outcome(bits(&parts.concat())))
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() -> Result<()> {
    for level in levels() {
        let (serial, parallel) = (Cpu::serial().with_level(level), Cpu::detect().with_level(level));
        for run in runs() {
            let expected = run.train(serial, |_| ())?;
            for threads in [1, 2, 3, 4, 7] {
                let pool =
                    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
                let found = pool.install(|| {
                    assert_eq!(rayon::current_num_threads(), threads);
                    run.train(parallel, |_| ())
                })?;
                assert!(found == expected, "{:?} at {level} on {threads} threads", run.widths);
            }
        }
    }
    Ok(())
}

#[test]
fn few_rows_of_a_wide_network_give_the_same_bits_on_any_number_of_threads() -> Result<()> {
    // So wide that one row is work for two threads, each with its part of the bias.
    let mut network = Network::mlp(&[1024, 1024, 10], Activation::Relu, 5)?;
    let parameters = numbers(network.parameters().len(), 6);
    network.parameters_mut().copy_from_slice(&parameters);
    let input = numbers(4 * 1024, 7);
    for (level, rows) in levels().into_iter().flat_map(|level| (1..=4).map(move |m| (level, m))) {
        let predict = |cpu: Cpu| {
            let (mut workspace, mut output) = (Workspace::new(), vec![f32::NAN; rows * 10]);
            let input = View::new(rows, 1024, &input[..rows * 1024])?;
            let view = ViewMut::new(rows, 10, &mut output)?;
            network.predict(cpu.with_level(level), &mut workspace, input, view)?;
            Ok(bits(&output))
        };
        let expected = predict(Cpu::serial())?;
        assert!(expected.iter().all(|&x| f32::from_bits(x).is_finite()), "{level}, {rows} rows");
        for threads in POOLS {
            let found = in_pool(threads, || predict(Cpu::detect()))?;
            assert!(found == expected, "{rows} rows at {level} on {threads} threads");
        }
    }
    Ok(())
}

#[test]
fn outside_of_a_pool_gives_the_same_bits() -> Result<()> {
    for level in levels() {
        let run = &runs()[0];
        let expected = run.train(Cpu::serial().with_level(level), |_| ())?;
        // On rayon's global pool, entered anew for each product.
        assert!(run.train(Cpu::detect().with_level(level), |_| ())? == expected, "{level}");
    }
    Ok(())
}

#[test]
fn levels_with_a_fused_multiply_add_give_the_same_bits() -> Result<()> {
    // Without such a level, or with one, there is nothing to compare; CI has machines with two.
    for run in runs() {
        let outcomes = fma_levels()
            .into_iter()
            .map(|level| run.train(Cpu::serial().with_level(level), |_| ()));
        let outcomes = outcomes.collect::<Result<Vec<_>>>()?;
        for pair in outcomes.windows(2) {
            assert!(pair[0] == pair[1], "{:?}", run.widths);
        }
    }
    Ok(())
}

#[test]
fn garbage_in_the_workspace_changes_nothing() -> Result<()> {
    for level in levels() {
        let cpu = Cpu::detect().with_level(level);
        for run in runs() {
            let expected = run.train(cpu, |_| ())?;
            assert!(run.train(cpu, Workspace::poison)? == expected, "{:?}", run.widths);
            // One that has served another, larger network.
            let mut used = Workspace::new();
            let mut wide = vec![0.0; 900 * 150];
            let other = Network::mlp(&[40, 1200, 900], Activation::Relu, 1)?;
            let output = ViewMut::new(150, 900, &mut wide)?;
            other.predict(cpu, &mut used, View::new(150, 40, &[1.0; 6000])?, output)?;
            other.forward(cpu, &mut used, View::new(150, 40, &[1.0; 6000])?)?;
            let handed = |workspace: &mut Workspace| workspace.clone_from(&used);
            assert!(run.train(cpu, handed)? == expected, "{:?}", run.widths);
        }
    }
    Ok(())
}

#[test]
fn a_row_of_a_batch_equals_that_row_alone() -> Result<()> {
    for level in levels() {
        for cpu in [Cpu::serial(), Cpu::detect()].map(|cpu| cpu.with_level(level)) {
            let mut compared = 0;
            for run in runs() {
                let (network, input) = (run.network()?, run.input()?);
                let (mut whole, mut alone) = (Workspace::new(), Workspace::new());
                let mut predicted = Tensor::zeros(run.batch, run.outputs())?;
                network.predict(cpu, &mut whole, input.view(), predicted.view_mut())?;
                let forward = network.forward(cpu, &mut whole, input.view())?;
                // Every row, alone and among two others, and so at another place in a tile.
                for i in 0..run.batch {
                    let expected = bits(predicted.row(i).expect("a row"));
                    assert_eq!(bits(forward.row(i).expect("a row")), expected);
                    let first = i.min(run.batch - 3);
                    for (first, count) in [(i, 1), (first, 3)] {
                        let rows = input.view().rows_range(first, count);
                        let mut output = Tensor::zeros(count, run.outputs())?;
                        network.predict(cpu, &mut alone, rows, output.view_mut())?;
                        let row = output.row(i - first).expect("a row");
                        assert!(
                            bits(row) == expected,
                            "predict, row {i} of {:?}, {level}",
                            run.widths
                        );
                        let output = network.forward(cpu, &mut alone, rows)?;
                        let row = output.row(i - first).expect("a row");
                        assert!(
                            bits(row) == expected,
                            "forward, row {i} of {:?}, {level}",
                            run.widths
                        );
                        compared += 1;
                    }
                }
            }
            assert_eq!(compared, 2 * (128 + 131 + 9));
        }
    }
    Ok(())
}

#[test]
fn threads_that_share_a_network_predict_the_same_bits() -> Result<()> {
    for level in levels() {
        for cpu in [Cpu::serial(), Cpu::detect()].map(|cpu| cpu.with_level(level)) {
            let run = &runs()[0];
            let (network, input) = (run.network()?, run.input()?);
            let predict = || {
                let mut workspace = Workspace::new();
                let mut output = Tensor::zeros(run.batch, run.outputs())?;
                for _ in 0..10 {
                    output.as_mut_slice().fill(f32::NAN);
                    network.predict(cpu, &mut workspace, input.view(), output.view_mut())?;
                }
                Ok(bits(output.as_slice()))
            };
            let expected = predict()?;
            std::thread::scope(|scope| {
                let threads = [(); 4].map(|()| scope.spawn(predict));
                for thread in threads {
                    assert!(thread.join().expect("no panic")? == expected, "{level}");
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

#[test]
fn trainings_at_once_do_not_disturb_each_other() -> Result<()> {
    // From threads that are none of the pool's, from jobs of the pool within which others wait, and from
    // a pool of one thread inside another.
    for level in levels() {
        let cpu = Cpu::detect().with_level(level);
        let runs = runs();
        let expected =
            runs.each_ref().map(|run| run.train(Cpu::serial().with_level(level), |_| ()));
        let expected = expected.into_iter().collect::<Result<Vec<_>>>()?;
        let check = |i: usize| {
            let found = runs[i].train(cpu, |_| ()).expect("it trains");
            assert!(found == expected[i], "{:?} at {level}", runs[i].widths);
        };
        std::thread::scope(|scope| (0..6).for_each(|i| drop(scope.spawn(move || check(i % 3)))));
        for threads in [1, 3] {
            in_pool(threads, || {
                rayon::scope(|scope| (0..6).for_each(|i| scope.spawn(move |_| check(i % 3))));
                rayon::join(|| in_pool(1, || check(0)), || in_pool(2, || check(1)));
            });
        }
    }
    Ok(())
}

/// Says what the child process that the next test starts is to do.
const CHILD: &str = "DENSECORE_TEST_CHILD";

#[test]
fn serial_never_enters_rayon() -> Result<()> {
    // Asking for the number of threads is enough to start rayon's global pool, and a global pool
    // can be built only once. So in a process in which nothing but serial work was done, one can
    // be built, and after work with threads none can. Other tests use the global pool: a process
    // of its own for each.
    let Ok(task) = std::env::var(CHILD) else {
        let tasks: &[&str] =
            if cfg!(feature = "rayon") { &["serial", "rayon"] } else { &["serial"] };
        for task in tasks {
            let program = std::env::current_exe().expect("a path");
            let child = std::process::Command::new(program)
                .args(["--exact", "serial_never_enters_rayon", "--test-threads=1"])
                .env(CHILD, task)
                .output()
                .expect("a process");
            let text = String::from_utf8_lossy(&child.stdout);
            assert!(child.status.success() && text.contains("1 passed"), "{task}: {text}");
        }
        return Ok(());
    };
    let cpu = if task == "serial" { Cpu::serial() } else { Cpu::detect() };
    for level in Level::available() {
        let cpu = cpu.with_level(level);
        assert!(task == "rayon" || cpu.threads() == 1);
        for run in runs() {
            run.train(cpu, |_| ())?;
        }
    }
    let built = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    assert_eq!(built.is_ok(), task == "serial", "{task}: {built:?}");
    Ok(())
}

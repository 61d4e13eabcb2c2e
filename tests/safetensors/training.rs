//! Laws of saved trainings: a training goes on with the same bits, and the network in it is one like
//! any other.

use std::fs;
use std::ops::ControlFlow::Continue;

use densecore::io::{
    from_bytes, load, load_training, save_training, to_bytes, training_from_bytes,
    training_to_bytes,
};
use densecore::loss::Reduction;
use densecore::optim::{Adam, NAdam, Optimizer, Prepared, Progress, Strip, UpdateRule};
use densecore::schedule::Cosine;
use densecore::simd::slice::Update;
use densecore::simd::{Level, Simd};
use densecore::train::{Best, EarlyStopping, Fit, Origin, State, Watch};
use densecore::{Activation, Cpu, Loss, Network, Target, View, Workspace, data};

use super::support::{numbers, rules};
use super::{Result, bits, folder, names, names_the_path};

pub fn network(seed: u64) -> Result<Network> {
    let leaky = "leaky_relu(0.2)".parse()?;
    Ok(Network::builder(3)
        .dense(5, leaky)
        .dense_without_bias(4, Activation::Tanh)
        .dense(2, Activation::Identity)
        .seed(seed)
        .build()?)
}

/// Steps on samples that follow from the number of the step.
pub fn train<R: UpdateRule>(
    network: &mut Network,
    optimizer: &mut Optimizer<R>,
    steps: u64,
) -> Result {
    let (mut workspace, loss) = (Workspace::new(), Loss::SquaredError(Reduction::Mean));
    for _ in 0..steps {
        let (x, t) = (numbers(18, optimizer.steps()), numbers(12, 1000 + optimizer.steps()));
        let sample = (View::new(6, 3, &x)?, Target::Values(View::new(6, 2, &t)?));
        network.train_step(Cpu::detect(), &mut workspace, sample, loss, optimizer)?;
    }
    Ok(())
}

/// All there is to know about a training, bit for bit.
pub fn known<R: UpdateRule>(
    network: &Network,
    optimizer: &Optimizer<R>,
) -> (Vec<u32>, Vec<u32>, [u64; 3]) {
    let (progress, mut rule) = (optimizer.progress(), optimizer.rule());
    let numbers = [progress.steps, progress.scalar.to_bits(), rule.learning_rate_mut().to_bits()];
    (bits(network.parameters()), bits(optimizer.state()), numbers)
}

pub fn state(network: &Network) -> State {
    let parameters = network.parameters().iter().map(|x| x - 1.0).collect();
    let best = Some(Best { epoch: 10, value: 0.1, parameters });
    let watch = Some(Watch::Accuracy);
    let origin = Origin { seed: u64::MAX, samples: 7, batch_size: 3, accumulate: 2, watch };
    let origin = Some(origin);
    State { epochs: 12, waited: 2, best, settled: 1, last_loss: Some(0.3), origin }
}

/// A network and an optimizer after some steps, and the file of it.
pub fn saved() -> Result<(Network, Optimizer, Vec<u8>)> {
    let mut network = network(1)?;
    let mut optimizer = network.optimizer(Adam::new(0.01))?;
    train(&mut network, &mut optimizer, 2)?;
    let bytes = training_to_bytes(&network, &optimizer, &state(&network))?;
    Ok((network, optimizer, bytes))
}

#[test]
fn every_rule_goes_on_with_the_same_bits() -> Result {
    let path = folder("goes-on")?.join("training.safetensors");
    let mut arrays = [0; 4];
    for rule in rules::all(0.01) {
        let mut network = network(1)?;
        let mut optimizer = network.optimizer(rule)?;
        train(&mut network, &mut optimizer, 4)?;
        optimizer.set_learning_rate(0.1 + 0.2)?; // no short decimal
        train(&mut network, &mut optimizer, 3)?;
        save_training(&path, &network, &optimizer, &state(&network))?;

        let mut again = self::network(2)?;
        let mut optimizer_again = again.optimizer(rule)?;
        let found = load_training(&path, &mut again, &mut optimizer_again)?;
        assert_eq!(found, state(&network), "{rule:?}");
        assert_eq!(known(&again, &optimizer_again), known(&network, &optimizer), "{rule:?}");

        let before = bits(network.parameters());
        train(&mut network, &mut optimizer, 5)?;
        train(&mut again, &mut optimizer_again, 5)?;
        assert_eq!(known(&again, &optimizer_again), known(&network, &optimizer), "{rule:?}");
        assert_ne!(bits(network.parameters()), before);
        arrays[rule.state_arrays()] += 1;
    }
    assert!(arrays.iter().all(|&count| count > 0), "{arrays:?}");
    Ok(())
}

#[test]
fn a_fit_goes_on_from_its_file_with_the_same_bits() -> Result {
    let path = folder("fit")?.join("training.safetensors");
    let (train, validation) = data::digits().split(0.9, 1)?;
    let (train, _) = train.split(0.1, 2)?;
    let network = |seed| {
        let builder = Network::builder(64).dense(12, Activation::Gelu).dropout(0.3);
        builder.dense(10, Activation::Identity).seed(seed).build()
    };
    let fit = |epochs| {
        let fit = Fit::new(Loss::CROSS_ENTROPY).schedule(Cosine::new(1e-2, 30)).seed(3);
        fit.early_stopping(EarlyStopping::new(20)).until_converged(1e-9, 20).epochs(epochs)
    };
    let (mut whole, mut whole_fit) = (network(1)?, fit(5));
    let mut nadam = whole.optimizer(NAdam::new(0.1))?;
    whole_fit.run(&mut whole, &mut nadam, &train, Some(&validation), |_, _| Continue(()))?;

    let (mut first, mut first_fit) = (network(1)?, fit(2));
    let mut first_nadam = first.optimizer(NAdam::new(0.1))?;
    first_fit.run(&mut first, &mut first_nadam, &train, Some(&validation), |_, _| Continue(()))?;
    save_training(&path, &first, &first_nadam, first_fit.state())?;
    assert!(first_fit.state().best.is_some() && first_fit.state().last_loss.is_some());

    let mut second = network(2)?;
    let mut second_nadam = second.optimizer(NAdam::new(0.1))?;
    let state = load_training(&path, &mut second, &mut second_nadam)?;
    let mut rest = fit(3).resume(state);
    rest.run(&mut second, &mut second_nadam, &train, Some(&validation), |_, _| Continue(()))?;
    assert_eq!(known(&second, &second_nadam), known(&whole, &nadam));
    assert_eq!(rest.state(), whole_fit.state());
    assert_eq!(rest.state().epochs, 5);
    Ok(())
}

#[test]
fn every_number_comes_back_bit_for_bit() -> Result {
    let (network, mut optimizer, _) = saved()?;
    let (mut other, mut other_optimizer) = (self::network(3)?, network.optimizer(Adam::new(1.0))?);
    let special = [f32::NAN, -f32::NAN, f32::INFINITY, -0.0, 1e-45, f32::from_bits(0x7fc1_2345)];
    let mut arrays = optimizer.state().to_vec();
    arrays[..6].copy_from_slice(&special);
    for (steps, scalar, learning_rate, value) in [
        (0, 1.0, 0.0, f64::INFINITY),
        (u64::MAX, -0.0, f64::MIN_POSITIVE, f64::NAN),
        ((1 << 53) + 1, 0.1 + 0.2, 5e-324, f64::from_bits(0xfff8_0000_0000_1234)),
        (u64::MAX - 1, f64::MAX, 1.0 / 3.0, f64::NEG_INFINITY),
    ] {
        optimizer.restore(Progress { steps, scalar }, &arrays)?;
        optimizer.set_learning_rate(learning_rate)?;
        let mut state = state(&network);
        (state.epochs, state.waited, state.settled) = (usize::MAX, usize::MAX - 1, usize::MAX - 3);
        state.last_loss = Some(-value);
        if let Some(best) = &mut state.best {
            (best.epoch, best.value) = (usize::MAX - 2, value);
            best.parameters[..6].copy_from_slice(&special);
        }
        let bytes = training_to_bytes(&network, &optimizer, &state)?;
        let found = training_from_bytes(&bytes, &mut other, &mut other_optimizer)?;
        assert_eq!(known(&other, &other_optimizer), known(&network, &optimizer));
        assert_eq!((found.epochs, found.waited), (state.epochs, state.waited));
        assert_eq!(found.settled, state.settled);
        assert_eq!(found.last_loss.map(f64::to_bits), Some((-value).to_bits()));
        let (found, best) = (found.best.ok_or("a best")?, state.best.ok_or("a best")?);
        assert_eq!((found.epoch, found.value.to_bits()), (best.epoch, best.value.to_bits()));
        assert_eq!(bits(&found.parameters), bits(&best.parameters));
        // Nothing in the bytes changes from one saving to the next.
        let state = State { best: Some(found), ..state };
        assert_eq!(training_to_bytes(&other, &other_optimizer, &state)?, bytes);
    }
    let bytes = training_to_bytes(&network, &optimizer, &State::default())?;
    let found = training_from_bytes(&bytes, &mut other, &mut other_optimizer)?;
    assert_eq!(found, State::default());
    Ok(())
}

#[test]
fn the_network_of_a_training_can_be_loaded_alone() -> Result {
    let (network, optimizer, bytes) = saved()?;
    assert_eq!(to_bytes(&from_bytes(&bytes)?)?, to_bytes(&network)?);
    let path = folder("alone")?.join("training.safetensors");
    save_training(&path, &network, &optimizer, &State::default())?;
    assert_eq!(to_bytes(&load(&path)?)?, to_bytes(&network)?);

    Ok(())
}

/// `m <- m / 2 + g`, `p <- p - lr m`
#[derive(Clone, Copy, Debug)]
pub struct Halving(pub f64);

#[derive(Clone, Copy)]
pub struct HalvingKernel(f32);

impl Update<1, 2> for HalvingKernel {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, [g]: [S::F32; 1], [p, m]: [S::F32; 2]) -> [S::F32; 2] {
        let m = s.mul_add(s.splat(0.5), m, g);
        [s.neg_mul_add(s.splat(self.0), m, p), m]
    }
}

impl Prepared for HalvingKernel {
    fn update(&self, level: Level, strip: Strip<'_>) {
        strip.run::<2>(level, self);
    }
}

impl UpdateRule for Halving {
    type Kernel = HalvingKernel;
    fn state_arrays(&self) -> usize {
        1
    }
    fn learning_rate_mut(&mut self) -> &mut f64 {
        &mut self.0
    }
    fn prepare(&self, _: Progress) -> HalvingKernel {
        HalvingKernel(self.0 as f32)
    }
}

#[test]
fn a_users_own_rule_is_no_different() -> Result {
    let mut network = network(1)?;
    let mut optimizer = Optimizer::custom(Halving(0.01), network.parameters().len())?;
    train(&mut network, &mut optimizer, 3)?;
    let bytes = training_to_bytes(&network, &optimizer, &State::default())?;
    let (mut again, mut optimizer_again) = (self::network(2)?, optimizer.clone());
    optimizer_again.reset();
    training_from_bytes(&bytes, &mut again, &mut optimizer_again)?;
    train(&mut network, &mut optimizer, 3)?;
    train(&mut again, &mut optimizer_again, 3)?;
    assert_eq!(known(&again, &optimizer_again), known(&network, &optimizer));
    Ok(())
}

#[test]
fn saving_a_training_that_fails_leaves_the_old_one() -> Result {
    let folder = folder("training-fails")?;
    let path = folder.join("training.safetensors");
    let (network, optimizer, bytes) = saved()?;
    save_training(&path, &network, &optimizer, &state(&network))?;
    assert_eq!(fs::read(&path)?, bytes);

    let shorter = Optimizer::new(Adam::new(0.01), 16)?;
    assert!(save_training(&path, &network, &shorter, &State::default()).is_err());
    assert_eq!(fs::read(&path)?, bytes);

    let (taken, missing) = (folder.join("taken"), folder.join("missing").join("file"));
    fs::create_dir(&taken)?;
    fs::write(taken.join("inside"), b"")?;
    for path in [taken, missing] {
        names_the_path(save_training(&path, &network, &optimizer, &State::default()), &path);
    }
    let (mut again, mut optimizer_again) = (self::network(2)?, optimizer.clone());
    let path = folder.join("none");
    names_the_path(load_training(&path, &mut again, &mut optimizer_again), &path);
    let mut names = names(&folder)?;
    names.sort();
    assert_eq!(names, ["taken", "training.safetensors"]);
    Ok(())
}

//! Laws of the gradient check, and through it of the gradients: what is right passes at every
//! level, what is wrong does not.

#[path = "gradcheck/differences.rs"]
mod differences;
#[path = "gradcheck/prelu.rs"]
mod prelu;
mod support;
#[path = "gradcheck/wrong.rs"]
mod wrong;

use densecore::gradcheck::{Report, check_gradients, check_network};
use densecore::loss::Reduction;
use densecore::simd::Level;
use densecore::{
    Activation, Cpu, Error, Loss, Network, Result, Rng, Target, Tensor, View, Workspace,
};

const ACTIVATIONS: &[Activation] = Activation::ALL;

/// Whether the derivative jumps somewhere.
fn has_kinks(activation: Activation) -> bool {
    let at = |i: i32| activation.exact(f64::from(i) / 256.0).1;
    (-2048..2048).any(|i| (at(i) - at(i + 1)).abs() > 0.25 * at(i).abs().max(at(i + 1).abs()))
}

const LOSSES: [Loss; 4] = [
    Loss::SquaredError(Reduction::Mean),
    Loss::SquaredError(Reduction::Sum),
    Loss::CrossEntropy(Reduction::Mean),
    Loss::CrossEntropy(Reduction::Sum),
];

/// Random inputs and targets of both kinds.
struct Batch {
    input: Tensor,
    values: Tensor,
    classes: Vec<u32>,
}

impl Batch {
    fn new(rows: usize, inputs: usize, outputs: usize, seed: u64) -> Result<Self> {
        let mut rng = Rng::new(seed, 900);
        let mut normal = |len: usize| (0..len).map(|_| rng.normal()).collect::<Vec<f32>>();
        let input = Tensor::from_vec(rows, inputs, normal(rows * inputs))?;
        let values = Tensor::from_vec(rows, outputs, normal(rows * outputs))?;
        let classes = (0..rows).map(|_| rng.below(outputs as u64) as u32).collect();
        Ok(Self { input, values, classes })
    }

    fn target(&self, loss: Loss) -> Target<'_> {
        match loss {
            Loss::CrossEntropy(_) => Target::Classes(&self.classes),
            _ => Target::Values(self.values.view()),
        }
    }
}

/// The report on a network's own gradients at a level.
fn report_at(level: Level, network: &Network, batch: &Batch, loss: Loss) -> Result<Report> {
    let mut workspace = Workspace::new();
    let cpu = Cpu::detect().with_level(level);
    let (input, target) = (batch.input.view(), batch.target(loss));
    let value = network.loss_and_gradients(cpu, &mut workspace, input, target, loss)?;
    check_gradients(network, input, target, loss, (value, network.gradients(&workspace)))
}

/// `[3, 7, 5, 4]` with the activation in all layers.
fn network(activation: Activation, bias: bool, seed: u64) -> Result<Network> {
    let mut builder = Network::builder(3).seed(seed);
    for width in [7, 5, 4] {
        builder = match bias {
            true => builder.dense(width, activation),
            false => builder.dense_without_bias(width, activation),
        };
    }
    let mut network = builder.build()?;
    let mut rng = Rng::new(seed, 901);
    for i in 0..network.layers() {
        // Biases start at zero, where a wrong one would not show.
        for b in network.layer_mut(i).map(|layer| layer.bias).into_iter().flatten() {
            *b = rng.normal() / 4.0;
        }
    }
    Ok(network)
}

#[test]
fn class_weights_are_not_transcribed_and_refused() -> Result<()> {
    let network = Network::mlp(&[2, 3], Activation::Identity, 1)?;
    let target = Target::WeightedClasses { ids: &[1], weights: &[1.0, 2.0, 3.0] };
    let found = check_network(&network, View::new(1, 2, &[0.5, 1.0])?, target, Loss::CROSS_ENTROPY);
    let is_refused = matches!(found, Err(Error::Mismatch { argument: "target", .. }));
    assert!(is_refused, "{found:?}");
    Ok(())
}

#[test]
fn all_activations_with_all_losses_pass_at_every_level() -> Result<()> {
    let (mut runs, mut worst, mut skipped) = (0, [0.0_f64; 3], 0);
    for level in Level::available() {
        for (i, activation) in ACTIVATIONS.iter().copied().enumerate() {
            for loss in LOSSES {
                for bias in [false, true] {
                    let batch = Batch::new(6, 3, 4, i as u64)?;
                    let network = network(activation, bias, i as u64)?;
                    let report = report_at(level, &network, &batch, loss)?;
                    let what = format!("{level:?} {activation:?} {loss:?} bias {bias}: {report}");
                    assert!(report.passes(), "{what}");
                    assert!(report.skipped == 0 || has_kinks(activation), "{what}");
                    let all = report.mathematics.compared + report.skipped;
                    assert_eq!(all, network.parameter_count());
                    assert_eq!(report.kernels.compared, network.parameter_count());
                    let errors =
                        [report.mathematics.error, report.kernels.error, report.loss_error];
                    worst = [0, 1, 2].map(|i| worst[i].max(errors[i]));
                    skipped += report.skipped;
                    runs += 1;
                }
            }
        }
    }
    assert_eq!(runs, Level::available().count() * ACTIVATIONS.len() * 8);
    println!(
        "worst: mathematics {:.1e}, kernels {:.2}, loss {:.2}; {skipped} skipped",
        worst[0], worst[1], worst[2]
    );
    Ok(())
}

#[test]
fn layers_of_different_activations_and_widths_pass() -> Result<()> {
    for seed in 0..4 {
        for (rows, widths) in [(1, [2, 9, 1, 3]), (5, [1, 2, 17, 2]), (9, [6, 3, 4, 5])] {
            let network = Network::builder(widths[0])
                .dense(widths[1], ACTIVATIONS[(seed as usize + 1) % 4])
                .dense_without_bias(widths[2], ACTIVATIONS[(seed as usize + 2) % 4])
                .dense(widths[3], ACTIVATIONS[(seed as usize + 3) % 4])
                .seed(seed)
                .build()?;
            let batch = Batch::new(rows, widths[0], widths[3], seed)?;
            for loss in LOSSES {
                let report = check_network(&network, batch.input.view(), batch.target(loss), loss)?;
                assert!(report.passes(), "{seed} {widths:?} {loss:?}: {report}");
            }
        }
    }
    Ok(())
}

#[test]
fn gradients_that_cancel_pass() -> Result<()> {
    // Each sample twice, with targets on either side of the output: the terms of the sums cancel.
    let network = network(Activation::Tanh, true, 3)?;
    let once = Batch::new(8, 3, 4, 3)?;
    let mut output = Tensor::zeros(8, 4)?;
    let (cpu, input) = (Cpu::detect(), once.input.view());
    network.predict(cpu, &mut Workspace::new(), input, output.view_mut())?;
    let side = |sign: f32| output.as_slice().iter().map(move |y| y + sign * (1.0 + y.abs()));
    let input = [once.input.as_slice(), once.input.as_slice()].concat();
    let batch = Batch {
        input: Tensor::from_vec(16, 3, input)?,
        values: Tensor::from_vec(16, 4, side(1.0).chain(side(-1.0)).collect())?,
        classes: Vec::new(),
    };
    for level in Level::available() {
        let report = report_at(level, &network, &batch, Loss::SquaredError(Reduction::Sum))?;
        assert!(report.passes(), "{level:?}: {report}");
    }
    Ok(())
}

#[test]
fn large_logits_and_saturated_units_pass() -> Result<()> {
    // Exponentials of exponentials are infinite.
    for activation in ACTIVATIONS.iter().filter(|&&f| f != Activation::Exp) {
        let mut network = network(*activation, true, 4)?;
        network.parameters_mut().iter_mut().for_each(|w| *w *= 4.0);
        let batch = Batch::new(5, 3, 4, 4)?;
        for loss in LOSSES {
            for level in Level::available() {
                let report = report_at(level, &network, &batch, loss)?;
                assert!(report.kernels.passes(1.0), "{level:?} {activation:?} {loss:?}: {report}");
                assert!(report.loss_error <= 1.0, "{level:?} {activation:?} {loss:?}: {report}");
                assert!(
                    report.mathematics.passes(Report::TOLERANCE),
                    "{level:?} {activation:?} {loss:?}: {report}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn a_unit_at_its_kink_is_skipped() -> Result<()> {
    // The second unit is at 0 exactly, where its bias and the weight of the input that is not 0
    // bend the loss; its other weight and all other parameters do not.
    let mut network = Network::builder(2)
        .dense(3, Activation::Relu)
        .dense(4, Activation::Identity)
        .seed(1)
        .build()?;
    let first = network.layer_mut(0).map(|layer| (layer.weight, layer.bias));
    let Some((mut weight, bias)) = first else { panic!("no layer") };
    for (i, row) in [[0.5, 0.0, -1.0], [1.0, 2.0, -1.0]].iter().enumerate() {
        weight.row_mut(i).unwrap_or_default().copy_from_slice(row);
    }
    bias.copy_from_slice(&[0.5, 0.0, 0.5]);
    let input = View::new(1, 2, &[1.0, 0.0])?;
    let report = check_network(&network, input, Target::Classes(&[2]), Loss::CROSS_ENTROPY)?;
    assert_eq!(report.skipped, 2, "{report}");
    assert!(report.passes(), "{report}");
    assert!(report.to_string().contains("23 compared, 2 skipped"), "{report}");
    Ok(())
}

#[test]
fn what_could_not_be_compared_does_not_pass() -> Result<()> {
    let batch = Batch::new(6, 3, 4, 5)?;
    let loss = Loss::CROSS_ENTROPY;
    let mut broken = network(Activation::Tanh, true, 5)?;
    broken.parameters_mut()[0] = f32::NAN;
    let report = check_network(&broken, batch.input.view(), batch.target(loss), loss)?;
    assert!(!report.passes(), "{report}");
    // All units at their kinks.
    let mut zero = Network::builder(3).dense(4, Activation::Relu).build()?;
    zero.parameters_mut().fill(0.0);
    let report = check_network(&zero, batch.input.view(), batch.target(loss), loss)?;
    assert_eq!((report.skipped, report.mathematics.compared), (16, 0));
    assert!(!report.passes(), "{report}");
    // The mean over nothing.
    let network = network(Activation::Tanh, true, 5)?;
    let none = View::new(0, 3, &[])?;
    assert!(!check_network(&network, none, Target::Classes(&[]), loss)?.passes());
    Ok(())
}

#[test]
fn arguments_that_do_not_fit_are_named() -> Result<()> {
    let (network, batch) = (network(Activation::Tanh, true, 5)?, Batch::new(6, 3, 4, 5)?);
    let (input, loss) = (batch.input.view(), Loss::CROSS_ENTROPY);
    let error = |input, target, loss| check_network(&network, input, target, loss).err();

    let wrong = Error::Shape { argument: "input", expected: (6, 3), found: (6, 4) };
    assert_eq!(error(batch.values.view(), batch.target(loss), loss), Some(wrong));
    let wrong = Error::Length { argument: "classes", expected: 6, found: 2 };
    assert_eq!(error(input, Target::Classes(&[1, 2]), loss), Some(wrong));
    let wrong = Error::Class { row: 1, found: 4, classes: 4 };
    assert_eq!(error(input, Target::Classes(&[1, 4, 0, 0, 0, 0]), loss), Some(wrong));
    let wrong = Error::Shape { argument: "target", expected: (6, 4), found: (6, 3) };
    let mse = Loss::MSE;
    assert_eq!(error(input, Target::Values(input), mse), Some(wrong));
    let mismatch = error(input, batch.target(loss), mse);
    assert!(matches!(mismatch, Some(Error::Mismatch { argument: "target", .. })), "{mismatch:?}");

    let expected = network.parameters().len();
    let wrong = Error::Length { argument: "gradients", expected, found: 1 };
    let found = check_gradients(&network, input, batch.target(loss), loss, (0.0, &[0.0]));
    assert_eq!(found.err(), Some(wrong));
    Ok(())
}

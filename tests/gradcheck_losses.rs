//! The gradient of every loss, through a network: in f64 against differences, and in f32 at every
//! level against f64.

use densecore::gradcheck::check_gradients;
use densecore::loss::{
    BinaryCrossEntropyWithLogits, CrossEntropyOptions, Hinge, Huber, KlDivergence, Margin,
    PoissonNll, Reduction, SmoothL1, SquaredHinge,
};
use densecore::simd::Level;
use densecore::{Activation, Cpu, Loss, Network, Result, Rng, Target, Tensor, Workspace};

const ROWS: usize = 7;
const CLASSES: usize = 5;

/// What a loss takes as targets.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Numbers,
    Signs,
    Counts,
    Probabilities,
    LogProbabilities,
    Classes,
}

/// The losses with what they take; the last layer's activation makes its numbers.
fn losses(r: Reduction) -> Vec<(Loss, Kind, Activation)> {
    use Activation::{Identity, Sigmoid};
    use Kind::*;
    let rate = PoissonNll { log_input: false, full: false, epsilon: 1e-3 };
    let full = PoissonNll { full: true, ..PoissonNll::default() };
    let smooth = |ignore_index| CrossEntropyOptions { label_smoothing: 0.3, ignore_index };
    vec![
        (Loss::SquaredError(r), Numbers, Identity),
        (Loss::AbsoluteError(r), Numbers, Identity),
        (Loss::Huber(Huber { delta: 0.75 }, r), Numbers, Identity),
        (Loss::SmoothL1(SmoothL1 { beta: 0.75 }, r), Numbers, Identity),
        (Loss::LogCosh(r), Numbers, Identity),
        (Loss::BinaryCrossEntropy(r), Probabilities, Sigmoid),
        (
            Loss::BinaryCrossEntropyWithLogits(BinaryCrossEntropyWithLogits { pos_weight: 2.5 }, r),
            Probabilities,
            Identity,
        ),
        (Loss::Hinge(Hinge { margin: 0.5 }, r), Signs, Identity),
        (Loss::SquaredHinge(SquaredHinge { margin: 1.5 }, r), Signs, Identity),
        (Loss::SoftMargin(r), Signs, Identity),
        (Loss::PoissonNll(full, r), Counts, Identity),
        (Loss::PoissonNll(rate, r), Counts, Sigmoid),
        (Loss::KlDivergence(KlDivergence { log_target: false }, r), Probabilities, Identity),
        (Loss::KlDivergence(KlDivergence { log_target: true }, r), LogProbabilities, Identity),
        (Loss::CrossEntropy(r), Classes, Identity),
        (Loss::CrossEntropy(r), Probabilities, Identity),
        (Loss::CrossEntropyWith(smooth(None), r), Classes, Identity),
        (Loss::CrossEntropyWith(smooth(Some(1)), r), Classes, Identity),
        (Loss::CrossEntropyWith(smooth(None), r), Probabilities, Identity),
        (Loss::Nll(r), Classes, Identity),
        (Loss::MultiMargin(Margin { p: 1, margin: 0.5 }, r), Classes, Identity),
        (Loss::MultiMargin(Margin { p: 2, margin: 1.5 }, r), Classes, Identity),
    ]
}

#[test]
fn every_loss_has_the_gradient_that_differences_show() -> Result<()> {
    let mut rng = Rng::new(11, 0);
    let input = Tensor::from_vec(ROWS, 3, (0..ROWS * 3).map(|_| rng.normal()).collect())?;
    let ids: Vec<u32> = (0..ROWS).map(|i| (i % CLASSES) as u32).collect();
    for reduction in [Reduction::Mean, Reduction::Sum, Reduction::BatchMean] {
        for (loss, kind, last) in losses(reduction) {
            let network = Network::builder(3)
                .dense(4, Activation::Tanh)
                .dense(CLASSES, last)
                .seed(3)
                .build()?;
            let number = |_| match kind {
                Kind::Signs => {
                    if rng.uniform() < 0.5 {
                        -1.0
                    } else {
                        1.0
                    }
                }
                Kind::Counts => rng.below(5) as f32,
                Kind::Probabilities => 0.05 + 0.9 * rng.uniform(),
                Kind::LogProbabilities => -3.0 * rng.uniform(),
                Kind::Numbers | Kind::Classes => rng.normal(),
            };
            let values = (0..ROWS * CLASSES).map(number).collect();
            let values = Tensor::from_vec(ROWS, CLASSES, values)?;
            let target = match kind {
                Kind::Classes => Target::Classes(&ids),
                _ => Target::Values(values.view()),
            };
            for level in Level::available() {
                let (cpu, mut workspace) = (Cpu::detect().with_level(level), Workspace::new());
                let x = input.view();
                let value = network.loss_and_gradients(cpu, &mut workspace, x, target, loss)?;
                let found = (value, network.gradients(&workspace));
                let report = check_gradients(&network, x, target, loss, found)?;
                assert!(report.passes(), "{loss:?} {kind:?} {level}: {report}");
                assert_eq!(report.kernels.compared, network.parameter_count());
            }
        }
    }
    Ok(())
}

//! The losses to run through.

use densecore::Loss;
use densecore::loss::{CrossEntropyOptions, Margin, Reduction};

/// Every loss with settings that are not the defaults.
pub fn all(r: Reduction) -> Vec<Loss> {
    use Loss::*;
    let options = CrossEntropyOptions { label_smoothing: 0.25, ignore_index: Some(1) };
    vec![
        SquaredError(r),
        AbsoluteError(r),
        Huber(densecore::loss::Huber { delta: 0.25 }, r),
        SmoothL1(densecore::loss::SmoothL1 { beta: 0.25 }, r),
        LogCosh(r),
        BinaryCrossEntropy(r),
        BinaryCrossEntropyWithLogits(
            densecore::loss::BinaryCrossEntropyWithLogits { pos_weight: 3.0 },
            r,
        ),
        Hinge(densecore::loss::Hinge { margin: 0.5 }, r),
        SquaredHinge(densecore::loss::SquaredHinge { margin: 0.5 }, r),
        SoftMargin(r),
        PoissonNll(densecore::loss::PoissonNll { full: true, ..Default::default() }, r),
        KlDivergence(densecore::loss::KlDivergence { log_target: true }, r),
        CrossEntropy(r),
        CrossEntropyWith(options, r),
        Nll(r),
        MultiMargin(Margin { p: 2, margin: 0.5 }, r),
    ]
}

/// Whether its targets are class ids.
pub fn takes_classes(loss: Loss) -> bool {
    use Loss::*;
    matches!(loss, CrossEntropy(_) | CrossEntropyWith(..) | Nll(_) | MultiMargin(..))
}

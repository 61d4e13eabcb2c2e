//! A real data set that is always at hand.

use super::{Dataset, Targets};
use crate::tensor::Tensor;

const SAMPLES: usize = 1797;
const PIXELS: usize = 8 * 8;
const CLASSES: usize = 10;

/// Pixels, then the digit, for one sample after the other; `data/README.md` tells where from.
static DIGITS: &[u8; SAMPLES * (PIXELS + 1)] = include_bytes!("../../data/digits.bin");

/// 1,797 handwritten digits of 8 x 8 pixels: `inputs [1797, 64]`, row after row of the picture,
/// ink from 0 to 1 in steps of 1/16; 10 classes, each digit its own id.
///
/// The writers come in turn, so [`split`](Dataset::split), which shuffles, rather than cutting. A
/// network of one hidden layer reaches 97 % on the fifth that it did not see.
///
/// Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
/// Learning Repository, 1998; the test set, as shipped by scikit-learn (BSD 3-clause; the notice
/// is in `data/README.md`). It is part of this crate: 117 kB in the programs that call this.
///
/// ```
/// let digits = densecore::data::digits();
/// assert_eq!(digits.inputs().shape(), (1797, 64));
/// ```
pub fn digits() -> Dataset {
    let (samples, _) = DIGITS.as_chunks::<{ PIXELS + 1 }>();
    let pixels = samples.iter().flat_map(|sample| &sample[..PIXELS]);
    let inputs = pixels.map(|&ink| f32::from(ink) / 16.0).collect();
    let ids = samples.iter().map(|sample| u32::from(sample[PIXELS])).collect();
    // The type of `DIGITS` fixes the number of samples, so this cannot fail.
    let inputs = Tensor::from_vec(SAMPLES, PIXELS, inputs).unwrap_or_default();
    Dataset { inputs, targets: Targets::Classes { ids, classes: CLASSES } }
}

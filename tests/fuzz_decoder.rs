//! The fuzz targets for a second: their cases cannot rot, and failures found by hours of fuzzing
//! stay as tests. `fuzz/README.md` says how to fuzz.
//!
//! `DENSECORE_FUZZ_SEED` sets the seed of the random cases, `DENSECORE_FUZZ_CASES` their number.

mod fuzz;

use densecore::Rng;
use fuzz::{Case, Tally, replay};

/// Longest case, in bytes: as many as the decoders ever read.
const LONGEST: u64 = 128;

/// Runs random cases; asserts that they compared something and saw success and refusal.
fn run_random(name: &str, case: Case, cases: u64) {
    let (seed, cases) = (variable("SEED", 42), variable("CASES", cases));
    println!("DENSECORE_FUZZ_SEED={seed} DENSECORE_FUZZ_CASES={cases}");
    let mut total = Tally::default();
    for i in 0..cases {
        // A stream for each case, so that one does not depend on how many there are.
        let mut rng = Rng::new(seed, i);
        let len = rng.below(LONGEST + 1);
        let bytes: Vec<u8> = (0..len).map(|_| rng.next_u32() as u8).collect();
        total.add(fuzz::run(name, case, &bytes));
    }
    println!("{name}: {total:?}");
    assert!(total.compared > 100 * cases, "expected something to compare, found {total:?}");
    assert!(total.ok > cases / 4 && total.err > cases / 16, "expected both, found {total:?}");
}

/// A number from the environment.
fn variable(name: &str, default: u64) -> u64 {
    let name = format!("DENSECORE_FUZZ_{name}");
    match std::env::var(&name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name}: found `{value}`")),
        Err(_) => default,
    }
}

#[test]
fn random_products_agree_with_the_reference() {
    run_random("matmul", fuzz::matmul::check, 2000);
}

#[test]
fn random_layers_and_networks_agree_with_the_reference() {
    run_random("dense", fuzz::dense, 2000);
}

#[test]
fn no_bytes_are_a_valid_case() {
    for (name, case) in [("matmul", fuzz::matmul::check as Case), ("dense", fuzz::dense)] {
        let tally = replay(name, case, "");
        assert!(tally.ok > 0 && tally.err == 0, "{name}: found {tally:?}");
    }
}

/// Found by fuzzing: the blocks of a matrix without columns were visited, all 2^58 of them.
#[test]
fn a_layer_without_outputs_takes_any_batch() -> densecore::Result<()> {
    use densecore::dense::{self, Dense, Gradients, Saved};
    use densecore::gemm::Accum;
    use densecore::{Activation, Cpu, Scratch, View, ViewMut};
    let batch = usize::MAX;
    let nothing = View::new(batch, 0, &[])?;
    let layer = Dense { weight: View::new(0, 0, &[])?, bias: None, activation: Activation::Tanh };
    let gradients = Gradients {
        d_input: None,
        below: None,
        d_weight: ViewMut::new(0, 0, &mut [])?,
        d_bias: None,
        accum: Accum::Replace,
    };
    let saved = Saved { input: nothing, slope_from: nothing };
    let d_output = ViewMut::new(batch, 0, &mut [])?;
    dense::backward(Cpu::detect(), &mut Scratch::new(), layer, saved, d_output, gradients)
}

/// Found by fuzzing: the error came after dX and dW were written.
#[test]
fn an_empty_bias_gradient_without_a_bias_is_none() {
    let line = "018be15de413f426a8d786a5d68fbc65e53b7814d3bad6b3f76c21341b7b81a2fb3943c247ec7e6fda\
                291a6f2b87b740e0fc709855b4c21edc6a042c7e8d702f17e1840c4b0cacf5";
    assert!(replay("dense", fuzz::dense, line).ok > 0);
}

/// Found by fuzzing: at the portable level, a product that underflowed onto a bias of -0 was -0 or
/// +0, depending on where in a tile it stood.
#[test]
fn the_sign_of_an_underflowed_sum_does_not_depend_on_its_place() {
    let line = "22fb48567f327fe859e609b74543b0f52f847b19e64d914da3f20237fdc9a8832e741d007117240dd2\
                1bfe33e88eca";
    assert!(replay("dense", fuzz::dense, line).ok > 0);
}

//! PReLU by differences: with respect to its input and to its slopes, shared and one for each column.

use densecore::activation::prelu;
use densecore::gemm::Accum;
use densecore::gradcheck::{compare, numeric_gradient};
use densecore::{Result, Rng, Tensor, View};

use crate::support::cpus;

const ROWS: usize = 7;
const COLS: usize = 37;

/// `sum of d y` in f64, of the inputs followed by the slopes.
fn value(point: &[f64], d: &[f32]) -> f64 {
    let (x, slopes) = point.split_at(ROWS * COLS);
    let term = |(i, (&x, &d)): (usize, (&f64, &f32))| {
        let y = if x > 0.0 { x } else { slopes[i % COLS % slopes.len()] * x };
        f64::from(d) * y
    };
    x.iter().zip(d).enumerate().map(term).sum()
}

/// The formulas of `activation::prelu`, in f64: d_x, followed by the gradient of the slopes.
fn gradient(point: &[f64], d: &[f32]) -> Vec<f64> {
    let (x, slopes) = point.split_at(ROWS * COLS);
    let mut all = vec![0.0; point.len()];
    for (i, (&x, &d)) in x.iter().zip(d).enumerate() {
        let (slope, d) = (i % COLS % slopes.len(), f64::from(d));
        all[i] = if x > 0.0 { d } else { slopes[slope] * d };
        all[ROWS * COLS + slope] += if x > 0.0 { 0.0 } else { d * x };
    }
    all
}

#[test]
fn prelu_has_the_gradients_that_differences_show() -> Result<()> {
    let mut rng = Rng::new(11, 1);
    // Off the kink, where there is no slope.
    let x: Vec<f32> =
        (0..ROWS * COLS).map(|_| rng.normal()).map(|x| x + 0.1_f32.copysign(x)).collect();
    let d: Vec<f32> = (0..ROWS * COLS).map(|_| rng.normal()).collect();
    for count in [1, COLS] {
        let slopes: Vec<f32> = (0..count).map(|_| rng.normal()).collect();
        let point: Vec<f64> = x.iter().chain(&slopes).map(|&x| x.into()).collect();
        let exact = gradient(&point, &d);
        let numeric = numeric_gradient(|point| value(point, &d), &point, 1e-3);
        let found = compare(&exact, &numeric, 1.0)?;
        // Linear in either, so that only f64's rounding of the sum is left, over the step.
        assert!(found.passes(1e-9), "{count}: {found:?}");
        for cpu in cpus() {
            let mut d_x = Tensor::from_vec(ROWS, COLS, d.clone())?;
            let mut d_slopes = vec![f32::NAN; count];
            let (input, accum) = (View::new(ROWS, COLS, &x)?, Accum::Replace);
            prelu::backward_in_place(cpu, &slopes, input, d_x.view_mut(), accum, &mut d_slopes)?;
            let all = d_x.as_slice().iter().chain(&d_slopes).map(|&x| x.into());
            let found = compare(&all.collect::<Vec<f64>>(), &exact, 1.0)?;
            // At most 259 roundings, of sums that stay below 20.
            assert!(found.passes(259.0 * 20.0 / (1 << 24) as f64), "{count}: {found:?}");
        }
    }
    Ok(())
}

//! Laws of the losses in large batches and rows; `tests/golden.rs` compares them with PyTorch.

mod support;

use densecore::loss::{CrossEntropy, ElementLoss, Reduction, RowLoss, SquaredError};
use densecore::{Cpu, Loss, Result, Target, Tensor, View};
use support::{POOLS, classes, cpus, in_pool, levels, numbers};

#[test]
fn the_squares_of_a_long_row_are_added_as_in_f64() -> Result<()> {
    let len = 1_000_000;
    // Equal squares: in one long sum in f32 every rounding would go the same way.
    for x in [vec![0.1; len], numbers(len, 1)] {
        let target = vec![0.0; len];
        let (x, t) = (View::new(1, len, &x)?, View::new(1, len, &target)?);
        let squares = x.iter_rows().flatten().map(|&x| f64::from(x) * f64::from(x));
        let expected: f64 = squares.sum();
        // A run of 1,024 has 32 partial sums of 32 terms, and 5 additions combine them; with the
        // rounding of the square and of the result 39 roundings, each of at most 2^-24.
        let tolerance = 39.0 * 2_f64.powi(-24) * expected;
        for cpu in cpus() {
            let mut d = Tensor::from_vec(1, len, vec![f32::NAN; len])?;
            let alone = SquaredError.value(cpu, x, t, Reduction::Sum)?;
            let both = SquaredError.value_and_gradient(cpu, x, t, Reduction::Sum, d.view_mut())?;
            for found in [alone, both] {
                let error = (f64::from(found) - expected).abs();
                assert!(error <= tolerance, "{found}, {expected}, {}", cpu.level());
            }
        }
    }
    Ok(())
}

/// A loss by both functions: alone, and with the gradient.
fn both(cpu: Cpu, loss: Loss, x: View<'_>, target: Target<'_>) -> Result<[u32; 2]> {
    let mut d = Tensor::from_vec(x.rows(), x.cols(), vec![f32::NAN; x.rows() * x.cols()])?;
    let with_gradient = match (loss, target) {
        (Loss::SquaredError(r), Target::Values(t)) => {
            SquaredError.value_and_gradient(cpu, x, t, r, d.view_mut())?
        }
        (Loss::CrossEntropy(r), Target::Classes(t)) => {
            CrossEntropy::new(t).value_and_gradient(cpu, x, r, d.view_mut())?
        }
        other => panic!("{other:?}"),
    };
    assert!(d.as_slice().iter().all(|d| d.is_finite()));
    Ok([loss.value(cpu, x, target)?.to_bits(), with_gradient.to_bits()])
}

#[test]
fn a_value_has_the_same_bits_with_and_without_gradient_and_on_any_number_of_threads() -> Result<()>
{
    // More than the 64 rows of one block, more than the 1,024 elements of one run, and enough of
    // both to be divided among threads: 300,000 elements are taken for 75 us of work.
    for (rows, cols) in [(1, 1), (64, 3), (65, 1025), (300, 1000), (3, 100_000)] {
        let (x, t) = (numbers(rows * cols, 1), numbers(rows * cols, 2));
        let ids = classes(rows, cols as u32, 3);
        let (x, t) = (View::new(rows, cols, &x)?, View::new(rows, cols, &t)?);
        for (loss, target) in
            [(Loss::MSE, Target::Values(t)), (Loss::CROSS_ENTROPY, Target::Classes(&ids))]
        {
            for level in levels() {
                let [expected, with_gradient] =
                    both(Cpu::serial().with_level(level), loss, x, target)?;
                assert_eq!(with_gradient, expected, "{loss:?}, {level}, {rows} x {cols}");
                for threads in POOLS {
                    let cpu = Cpu::detect().with_level(level);
                    let found = in_pool(threads, || both(cpu, loss, x, target))?;
                    assert_eq!(found, [expected; 2], "{loss:?}, {level}, {threads} threads");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn rows_are_added_in_the_same_tree_on_any_number_of_threads() -> Result<()> {
    // 1 + 2^-24 lies between two f32, and what the other rows add decides where it goes. Those of
    // a block of 64 add 2^-54, a quarter of the spacing of f64 beside 1: block after block all of
    // them would be lost, while the last four of the tree's eight come to 2^-52 first.
    let (rows, cols) = (512, 256);
    let mut x = Tensor::zeros(rows, cols)?;
    let first = [1.0, 2_f32.powi(-12)].into_iter().chain(std::iter::repeat(2_f32.powi(-30)));
    for (row, first) in x.as_mut_slice().chunks_mut(cols).zip(first) {
        row[0] = first;
    }
    let zeros = Tensor::zeros(rows, cols)?;
    let target = Target::Values(zeros.view());
    let expected = [(1.0 + f32::EPSILON).to_bits(); 2];
    let loss = Loss::SquaredError(Reduction::Sum);
    for level in levels() {
        assert_eq!(both(Cpu::serial().with_level(level), loss, x.view(), target)?, expected);
        for threads in POOLS {
            let cpu = Cpu::detect().with_level(level);
            let found = in_pool(threads, || both(cpu, loss, x.view(), target))?;
            assert_eq!(found, expected, "{level}, {threads} threads");
        }
    }
    Ok(())
}

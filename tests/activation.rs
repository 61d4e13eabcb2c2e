//! An activation of the user's own, exact on integers: fused into products and over slices it is
//! what a loop over the elements makes of it.

mod support;

use densecore::activation::{self, ActivationFn, Derivative, Forward, log_softmax, prelu, softmax};
use densecore::gemm::{Epilogue, Identity, Map, MulMap, Start, matmul, matmul_fused};
use densecore::simd::Simd;
use densecore::{Cpu, Error, Result, Scratch, Tensor, View, gemm::Accum};
use support::{bits, cpus};

/// `z` where it is positive, `z / 4` elsewhere.
struct Leaky;

impl ActivationFn for Leaky {
    #[inline(always)]
    fn f<S: Simd>(&self, s: S, z: S::F32) -> S::F32 {
        s.max(s.mul(s.splat(0.25), z), z)
    }

    #[inline(always)]
    fn df<S: Simd>(&self, s: S, y: S::F32) -> S::F32 {
        s.select(s.gt(y, s.splat(0.0)), s.splat(1.0), s.splat(0.25))
    }
}

fn f(z: f32) -> f32 {
    if z > 0.0 { z } else { z / 4.0 }
}

fn df(y: f32) -> f32 {
    if y > 0.0 { 1.0 } else { 0.25 }
}

/// Integers from -8 to 8.
fn integers(rows: usize, cols: usize, first: usize) -> Result<Tensor> {
    let data = (0..rows * cols).map(|i| ((first + 7 * i + i * i) % 17) as f32 - 8.0).collect();
    Tensor::from_vec(rows, cols, data)
}

fn nan(rows: usize, cols: usize) -> Result<Tensor> {
    Tensor::from_vec(rows, cols, vec![f32::NAN; rows * cols])
}

/// The product alone.
fn product(cpu: Cpu, a: View<'_>, b: &Tensor) -> Result<Tensor> {
    let mut c = nan(a.rows(), b.cols())?;
    matmul(cpu, &mut Scratch::new(), a, b.view(), Accum::Replace, c.view_mut())?;
    Ok(c)
}

#[test]
fn a_user_s_activation_is_fused_like_any_other() -> Result<()> {
    let mut scratch = Scratch::new();
    for cpu in cpus() {
        for (m, k, n) in [(1, 1, 1), (7, 5, 19), (150, 300, 70)] {
            let (x, w, bias) = (integers(m, k, 1)?, integers(k, n, 2)?, integers(1, n, 3)?);
            let (mut y, factors) = (nan(m, n)?, (x.view().into(), w.view().into()));
            let start = Start::Bias(bias.as_slice());
            matmul_fused(cpu, &mut scratch, factors, start, &Map(Forward(Leaky)), y.view_mut())?;
            let plain = product(cpu, x.view(), &w)?;
            let biases = bias.as_slice().iter().cycle();
            let expected: Vec<_> =
                plain.as_slice().iter().zip(biases).map(|(z, b)| f(z + b)).collect();
            assert_eq!(y.as_slice(), expected);
            assert!(m == 1 || y.as_slice().iter().any(|&y| y < 0.0));

            let (d_z, mut below) = (integers(m, k, 4)?, nan(m, n)?);
            let slope = MulMap { f: Derivative(&Leaky), other: y.view() };
            let factors = (d_z.view().into(), w.view().into());
            matmul_fused(cpu, &mut scratch, factors, Start::Zero, &slope, below.view_mut())?;
            let plain = product(cpu, d_z.view(), &w)?;
            let both = plain.as_slice().iter().zip(y.as_slice());
            assert_eq!(below.as_slice(), both.map(|(d, &y)| d * df(y)).collect::<Vec<_>>());
        }
    }
    Ok(())
}

#[test]
fn a_user_s_activation_runs_over_slices_of_any_length() -> Result<()> {
    for cpu in cpus() {
        // The last one is worth several threads.
        for len in (0..70).chain([600_001]) {
            let (z, d) = (integers(1, len, 1)?, integers(1, len, 2)?);
            let y: Vec<_> = z.as_slice().iter().map(|&z| f(z)).collect();
            let mut found = vec![f32::NAN; len];
            activation::forward(cpu, &Leaky, z.as_slice(), &mut found)?;
            assert!(found == y, "{len} elements");
            let mut found = z.as_slice().to_vec();
            activation::forward_in_place(cpu, &Leaky, &mut found);
            assert!(found == y, "{len} elements in place");
            let expected: Vec<_> = d.as_slice().iter().zip(&y).map(|(d, &y)| d * df(y)).collect();
            let mut found = d.as_slice().to_vec();
            activation::backward_in_place(cpu, &Leaky, &y, &mut found)?;
            assert!(found == expected, "{len} elements back");
        }
        let refused = |argument| Err(Error::Length { argument, expected: 3, found: 2 });
        let mut two = [7.0; 2];
        assert_eq!(activation::forward(cpu, &Leaky, &[1.0; 3], &mut two), refused("output"));
        let found = activation::backward_in_place(cpu, &Leaky, &[1.0; 3], &mut two);
        assert_eq!(found, refused("delta"));
        assert_eq!(two, [7.0; 2]);
    }
    Ok(())
}

/// Into an output that was NaN, from rows that stand apart.
#[test]
fn softmax_elsewhere_has_the_bits_of_softmax_in_place() -> Result<()> {
    for cpu in cpus() {
        for (rows, cols) in [(1, 1), (3, 7), (40, 33), (5, 1000)] {
            let z = integers(rows, cols + 2, 5)?;
            let z = View::with_stride(rows, cols, cols + 2, z.as_slice())?;
            let [mut p, mut l, mut p_in_place] =
                [nan(rows, cols)?, nan(rows, cols)?, nan(rows, cols)?];
            (0..rows).for_each(|i| {
                let to = &mut p_in_place.as_mut_slice()[i * cols..][..cols];
                to.copy_from_slice(z.row(i).expect("there are so many rows"));
            });
            let mut l_in_place = p_in_place.clone();
            softmax::forward(cpu, z, p.view_mut())?;
            softmax::forward_in_place(cpu, p_in_place.view_mut());
            assert_eq!(bits(p.as_slice()), bits(p_in_place.as_slice()));
            log_softmax::forward(cpu, z, l.view_mut())?;
            log_softmax::forward_in_place(cpu, l_in_place.view_mut());
            assert_eq!(bits(l.as_slice()), bits(l_in_place.as_slice()));
            assert!(p.as_slice().iter().all(|p| (0.0..=1.0).contains(p)));
        }
    }
    Ok(())
}

/// Each column has its slope wherever its part of C begins: one that is several blocks of columns
/// wide, and is divided among threads.
#[test]
fn prelu_fused_into_a_product_is_prelu_of_the_product() -> Result<()> {
    let mut scratch = Scratch::new();
    for cpu in cpus() {
        for (m, k, n) in [(1, 3, 1), (7, 5, 19), (150, 300, 70), (40, 300, 1500)] {
            let (a, b, bias) = (integers(m, k, 1)?, integers(k, n, 2)?, integers(1, n, 3)?);
            let each: Vec<f32> = (0..n).map(|j| [0.5, -2.0, 0.25, 4.0, -1.0][j % 5]).collect();
            for slopes in [&each[..], &each[..1]] {
                let (mut y, mut expected) = (nan(m, n)?, nan(m, n)?);
                let fused = prelu::Prelu { slopes };
                for (epilogue, to) in
                    [(&fused as &dyn Epilogue, &mut y), (&Identity, &mut expected)]
                {
                    let factors = (a.view().into(), b.view().into());
                    let start = Start::Bias(bias.as_slice());
                    matmul_fused(cpu, &mut scratch, factors, start, epilogue, to.view_mut())?;
                }
                assert!(n == 1 || expected.as_slice().iter().any(|&z| z < 0.0));
                prelu::forward_in_place(cpu, slopes, expected.view_mut())?;
                assert_eq!(y.as_slice(), expected.as_slice(), "{m}x{n}x{k}");
            }
            let fused = prelu::Prelu { slopes: &[1.0; 1501] };
            let (factors, mut y) = ((a.view().into(), b.view().into()), nan(m, n)?);
            let found = matmul_fused(cpu, &mut scratch, factors, Start::Zero, &fused, y.view_mut());
            let wrong = Error::Length { argument: "slopes", expected: n, found: 1501 };
            assert_eq!(found, Err(wrong));
        }
    }
    Ok(())
}

//! Matrices beside the output, which an epilogue changes together with it.

use super::Case;
use super::common::{Check, Layout, Matrix, POOLS, Random, Stored, in_pool, levels, serial};
use super::epilogues::{Curve, SHAPES, caches, curve};
use densecore::gemm::{
    Accum, Beside, Both, Epilogue, Finished, Identity, MapBeside, Start, matmul_fused_beside,
};
use densecore::simd::Level;
use densecore::{Cpu, Error, Result, Scratch, ViewMut};

/// Adds to matrix `i` beside the output `i + 1` times the finished product, which is negated.
struct Spread(usize);

impl Epilogue for Spread {
    fn beside(&self) -> usize {
        self.0
    }

    fn finish(&self, _: Level, Finished { mut block, beside, .. }: Finished<'_>) {
        for (i, matrix) in beside.0.into_iter().flatten().enumerate() {
            let mut matrix = matrix;
            assert_eq!(matrix.shape(), block.shape());
            for row in 0..block.rows() {
                let sums = matrix.row_mut(row).expect("a row").iter_mut();
                let finished = block.row_mut(row).expect("a row").iter();
                sums.zip(finished).for_each(|(sum, c)| *sum += (i + 1) as f32 * c);
            }
        }
        for row in 0..block.rows() {
            block.row_mut(row).expect("a row").iter_mut().for_each(|c| *c = -*c);
        }
    }
}

/// Runs the product with matrices beside it, and returns it and them.
fn beside(
    case: Case,
    cpu: Cpu,
    (a, b): (&[f32], &[f32]),
    epilogue: &dyn Epilogue,
    before: &[Vec<f32>],
) -> Vec<Vec<f32>> {
    let a = Stored::new((case.m, case.k), case.a_is_transposed, case.a, a);
    let b = Stored::new((case.k, case.n), case.b_is_transposed, case.b, b);
    let mut c = Matrix::filled(case.m, case.n, case.c, f32::NAN);
    let mut matrices: Vec<Matrix> = (0..)
        .zip(before)
        .map(|(i, values)| {
            let layout = Layout { gap: 3 * i, offset: 1 + i, trailing: i };
            Matrix::new(case.m, case.n, layout, values)
        })
        .collect();
    let mut list = Beside::NONE;
    list.0.iter_mut().zip(&mut matrices).for_each(|(to, from)| *to = Some(from.view_mut()));
    let factors = (a.operand(), b.operand());
    let mut scratch = Scratch::new();
    matmul_fused_beside(cpu, &mut scratch, factors, Start::Zero, epilogue, c.view_mut(), list)
        .unwrap_or_else(|error| panic!("{error}; {case:?}"));
    matrices.iter().for_each(|matrix| matrix.assert_intact(&case));
    c.assert_intact(&case);
    [c.values()].into_iter().chain(matrices.iter().map(Matrix::values)).collect()
}

#[test]
fn matrices_beside_the_output_are_cut_as_it_is() {
    let mut check = Check::new("matrices_beside_the_output_are_cut_as_it_is");
    let mut random = Random::new(60);
    for (shape, count) in SHAPES
        .into_iter()
        .chain([(509, 37, 190), (48, 320, 200), (30, 525, 20)])
        .zip([4, 1, 2, 3].into_iter().cycle())
    {
        let (m, n, k) = shape;
        let (a, b) = (random.integers(m * k), random.integers(k * n));
        let before: Vec<_> = (0..count).map(|_| random.integers(m * n)).collect();
        let product = super::common::reference::exact(shape, &a, &b, None);
        for level in levels() {
            for stored in 0..4 {
                let case = Case::new(shape).stored(stored);
                let mut compare = |found: Vec<Vec<f32>>, cpu: Cpu| {
                    let negated: Vec<f32> = product.iter().map(|c| -c).collect();
                    check.equal(&found[0], &negated, &(cpu, case));
                    for (i, before) in before.iter().enumerate() {
                        let sums = before.iter().zip(&product);
                        let sums: Vec<f32> = sums.map(|(x, c)| x + (i + 1) as f32 * c).collect();
                        check.equal(&found[i + 1], &sums, &(cpu, case, i));
                    }
                };
                for caches in caches() {
                    let cpu = serial(level).with_caches(caches);
                    compare(beside(case, cpu, (&a, &b), &Spread(count), &before), cpu);
                }
                for threads in POOLS {
                    let cpu = Cpu::detect().with_level(level);
                    let run = || beside(case, cpu, (&a, &b), &Spread(count), &before);
                    compare(in_pool(threads, run), cpu);
                }
            }
        }
    }
}

#[test]
fn map_beside_keeps_the_product() {
    let mut check = Check::new("map_beside_keeps_the_product");
    let mut random = Random::new(61);
    for shape in SHAPES {
        let (m, n, k) = shape;
        let (a, b) = (random.integers(m * k), random.integers(k * n));
        let product = super::common::reference::exact(shape, &a, &b, None);
        let mapped: Vec<f32> = product.iter().map(|&c| curve(c)).collect();
        for level in levels() {
            let nan = vec![vec![f32::NAN; m * n]];
            let case = Case::new(shape).with(Accum::Replace);
            let found = beside(case, serial(level), (&a, &b), &MapBeside(Curve), &nan);
            check.equal(&found[0], &product, &(level, case));
            check.equal(&found[1], &mapped, &(level, case));
        }
    }
}

#[test]
fn other_matrices_than_the_epilogue_takes_are_an_error() {
    fn run(epilogue: &dyn Epilogue, list: Beside<'_>) -> Result<()> {
        let mut memory = [7.0; 8];
        let c = ViewMut::new(2, 4, &mut memory)?;
        let (a, b) =
            (Matrix::filled(2, 3, Layout::EXACT, 1.0), Matrix::filled(3, 4, Layout::EXACT, 1.0));
        let factors = (a.view().into(), b.view().into());
        let (cpu, mut scratch) = (Cpu::detect(), Scratch::new());
        let result =
            matmul_fused_beside(cpu, &mut scratch, factors, Start::Zero, epilogue, c, list);
        assert!(result.is_ok() || memory == [7.0; 8]);
        result
    }
    let [mut x, mut y] = [[0.0; 8]; 2];
    let mut run_on_two = |epilogue: &dyn Epilogue| {
        let two = [&mut x, &mut y].map(|matrix| ViewMut::new(2, 4, matrix).ok());
        let [first, second] = two;
        run(epilogue, Beside([first, second, None, None]))
    };
    let wrong = |expected, found| Err(Error::Length { argument: "beside", expected, found });
    assert_eq!(run_on_two(&Spread(2)), Ok(()));
    assert_eq!(run_on_two(&Spread(1)), wrong(1, 2));
    assert_eq!(run_on_two(&Spread(3)), wrong(3, 2));
    assert_eq!(run_on_two(&Identity), wrong(0, 2));
    assert_eq!(run(&MapBeside(Curve), Beside::NONE), wrong(1, 0));
    let mut z = [0.0; 8];
    let second = Beside([None, ViewMut::new(2, 4, &mut z).ok(), None, None]);
    assert_eq!(run(&Spread(1), second), wrong(1, 0));
    let second = Beside([None, ViewMut::new(2, 4, &mut z).ok(), None, None]);
    assert_eq!(run(&Identity, second), wrong(0, 1));
    let turned = Beside::one(ViewMut::new(4, 2, &mut z).expect("8 elements"));
    let shape = Error::Shape { argument: "beside", expected: (2, 4), found: (4, 2) };
    assert_eq!(run(&Spread(1), turned), Err(shape));
}

#[test]
fn each_of_two_epilogues_gets_its_own_matrices() {
    let mut check = Check::new("each_of_two_epilogues_gets_its_own_matrices");
    let mut random = Random::new(62);
    let (m, n, k) = (26, 67, 30);
    let (a, b) = (random.integers(m * k), random.integers(k * n));
    let before: Vec<_> = (0..3).map(|_| random.integers(m * n)).collect();
    let product = super::common::reference::exact((m, n, k), &a, &b, None);
    // The second one sees what the first has negated.
    let both = Both(Spread(1), Spread(2));
    for level in levels() {
        let case = Case::new((m, n, k));
        let found = beside(case, serial(level), (&a, &b), &both, &before);
        check.equal(&found[0], &product, &case);
        for (i, factor) in [1.0, -1.0, -2.0].into_iter().enumerate() {
            let sums = before[i].iter().zip(&product);
            let sums: Vec<f32> = sums.map(|(x, c)| x + factor * c).collect();
            check.equal(&found[i + 1], &sums, &(case, i));
        }
    }
}

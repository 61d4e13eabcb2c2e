//! What comes before and after the product in one call: bias, activation, and the user's own.

use super::common::{
    Check, Layout, Matrix, POOLS, Random, Stored, in_pool, levels, reference, serial,
};
use super::{Case, SMALL, TINY};
use densecore::gemm::{Accum, Epilogue, Identity, Map, MulMap, Start, matmul_fused};
use densecore::simd::slice::Unary;
use densecore::simd::{Caches, Simd};
use densecore::{Cpu, Scratch};

/// `1 - x + x^2`, which is 1 at 0, where a kernel that skips k = 0 or padding would show.
#[derive(Clone, Copy, Debug)]
pub struct Curve;

impl Unary for Curve {
    #[inline(always)]
    fn eval<S: Simd>(&self, s: S, x: S::F32) -> S::F32 {
        s.add(s.sub(s.splat(1.0), x), s.mul(x, x))
    }
}

pub fn curve(x: f32) -> f32 {
    (1.0 - x) + x * x
}

/// Runs `matmul_fused` on the case's operands; the output is NaN before, or `c` if it is read.
pub fn fused(
    case: Case,
    cpu: Cpu,
    (a, b, c): (&[f32], &[f32], &[f32]),
    start: Start<'_>,
    epilogue: &dyn Epilogue,
) -> Vec<f32> {
    let a = Stored::new((case.m, case.k), case.a_is_transposed, case.a, a);
    let b = Stored::new((case.k, case.n), case.b_is_transposed, case.b, b);
    let mut output = Matrix::filled(case.m, case.n, case.c, f32::NAN);
    if let Start::Output = start {
        output = Matrix::new(case.m, case.n, case.c, c);
    }
    let operands = (a.operand(), b.operand());
    let mut scratch = Scratch::new();
    matmul_fused(cpu, &mut scratch, operands, start, epilogue, output.view_mut())
        .unwrap_or_else(|error| panic!("{error}; {case:?}"));
    output.assert_intact(&case);
    output.values()
}

pub const SHAPES: [(usize, usize, usize); 12] = [
    (1, 1, 1),
    (1, 35, 9),
    (7, 1, 9),
    (13, 33, 40),
    (26, 67, 300),
    (50, 130, 20),
    (6, 16, 0),
    (14, 35, 0),
    // Dot products of the transposition, where B is transposed; streamed, few rows packed, wide.
    (64, 5, 131),
    (3, 270, 131),
    (18, 40, 270),
    (5, 2050, 9),
];

/// Blocks of one tile, of a few, and the processor's own.
pub fn caches() -> [Caches; 3] {
    [TINY, SMALL, Cpu::detect().caches()]
}

#[test]
fn bias_and_activation_fused_equal_unfused() {
    let mut check = Check::new("bias_and_activation_fused_equal_unfused");
    let mut random = Random::new(30);
    for shape in SHAPES {
        let (m, n, k) = shape;
        let (a, b, c) = (random.integers(m * k), random.integers(k * n), random.integers(m * n));
        // Exact-size: a kernel that reads a whole vector of it reads too far.
        let bias = random.integers(n);
        let rows_of_bias: Vec<f32> = (0..m).flat_map(|_| bias.iter().copied()).collect();
        for level in levels() {
            for stored in 0..4 {
                for caches in caches() {
                    let case = Case::new(shape).stored(stored);
                    let cpu = serial(level).with_caches(caches);
                    for (start, before) in [
                        (Start::Zero, None),
                        (Start::Bias(&bias), Some(&rows_of_bias)),
                        (Start::Output, Some(&c)),
                    ] {
                        let mut expected = reference::exact(shape, &a, &b, before.map(|x| &x[..]));
                        let found = fused(case, cpu, (&a, &b, &c), start, &Identity);
                        check.equal(&found, &expected, &(level, case, start));
                        expected.iter_mut().for_each(|x| *x = curve(*x));
                        let found = fused(case, cpu, (&a, &b, &c), start, &Map(Curve));
                        check.equal(&found, &expected, &(level, case, start));
                    }
                }
            }
        }
    }
}

#[test]
fn fused_bias_and_activation_give_the_bits_of_the_parts() {
    // On random data: the bias is where the chain starts, and the activation sees the finished sum.
    let mut check = Check::new("fused_bias_and_activation_give_the_bits_of_the_parts");
    let mut random = Random::new(31);
    for shape in SHAPES {
        let (m, n, k) = shape;
        let (a, b, bias) = (random.normals(m * k), random.normals(k * n), random.normals(n));
        let rows_of_bias: Vec<f32> = (0..m).flat_map(|_| bias.iter().copied()).collect();
        for level in levels() {
            let case = Case::new(shape);
            let mut scratch = Scratch::new();
            let added =
                case.with(Accum::Add).run(serial(level), &mut scratch, &a, &b, &rows_of_bias);
            let expected: Vec<f32> = added.iter().map(|&x| curve(x)).collect();
            let start = Start::Bias(&bias);
            let found = fused(case, serial(level), (&a, &b, &[]), start, &Map(Curve));
            check.same_bits(&found, &expected, &(level, case));
        }
    }
}

#[test]
fn without_k_bias_and_activation_of_zero_are_written() {
    let mut check = Check::new("without_k_bias_and_activation_of_zero_are_written");
    let (m, n) = (15, 37);
    let bias = Random::new(32).normals(n);
    for level in levels() {
        for stored in 0..4 {
            let case = Case::new((m, n, 0)).stored(stored);
            let run = |start, epilogue: &dyn Epilogue| {
                fused(case, serial(level), (&[], &[], &[]), start, epilogue)
            };
            check.same_bits(&run(Start::Zero, &Map(Curve)), &vec![1.0; m * n], &level);
            let found = run(Start::Bias(&bias), &Identity);
            found.chunks(n).for_each(|row| check.same_bits(row, &bias, &level));
            let activated: Vec<f32> = bias.iter().map(|&x| curve(x)).collect();
            let found = run(Start::Bias(&bias), &Map(Curve));
            found.chunks(n).for_each(|row| check.same_bits(row, &activated, &level));
        }
    }
}

#[test]
fn multiplication_by_a_derivative_fused_equals_unfused() {
    let mut check = Check::new("multiplication_by_a_derivative_fused_equals_unfused");
    let mut random = Random::new(33);
    for shape in SHAPES {
        let (m, n, k) = shape;
        let (a, b) = (random.integers(m * k), random.integers(k * n));
        let other = random.integers(m * n);
        let product = reference::exact(shape, &a, &b, None);
        let expected: Vec<f32> = product.iter().zip(&other).map(|(c, &x)| c * curve(x)).collect();
        for gap in [0, 2] {
            let other = Matrix::new(m, n, Layout { gap, offset: 3, trailing: 0 }, &other);
            let epilogue = MulMap { f: Curve, other: other.view() };
            for level in levels() {
                for stored in 0..4 {
                    for caches in caches() {
                        let case = Case::new(shape).stored(stored);
                        let cpu = serial(level).with_caches(caches);
                        let found = fused(case, cpu, (&a, &b, &[]), Start::Zero, &epilogue);
                        check.equal(&found, &expected, &(level, case, gap));
                    }
                }
            }
        }
    }
}

#[test]
fn epilogues_give_the_same_bits_for_any_number_of_threads() {
    let mut check = Check::new("epilogues_give_the_same_bits_for_any_number_of_threads");
    let mut random = Random::new(34);
    // The last ones are streamed: B passes by once, each thread reading some of its columns.
    for shape in [
        (509, 37, 190),
        (13, 1030, 250),
        (157, 161, 129),
        (1, 3001, 1100),
        (3, 2003, 700),
        (4, 1501, 1100),
    ] {
        let (m, n, k) = shape;
        let (a, b, bias) = (random.normals(m * k), random.normals(k * n), random.normals(n));
        let other = Matrix::new(m, n, Layout::EXACT, &random.normals(m * n));
        let mul = MulMap { f: Curve, other: other.view() };
        let (case, start) = (Case::new(shape), Start::Bias(&bias));
        for level in levels() {
            for epilogue in [&Identity as &dyn Epilogue, &Map(Curve), &mul] {
                let run = |cpu| fused(case, cpu, (&a, &b, &[]), start, epilogue);
                let expected = run(serial(level));
                for threads in POOLS {
                    let found = in_pool(threads, || run(Cpu::detect().with_level(level)));
                    check.same_bits(&found, &expected, &(level, threads, case));
                }
            }
        }
    }
}

//! Wrong calls: an error that names the argument, what was expected and what was found; never a
//! panic, an overflow or a write.

use super::common::{Check, POOLS, in_pool, levels, serial};
use densecore::gemm::{
    Accum, Epilogue, Finished, Identity, MulMap, Operand, Start, matmul, matmul_fused,
};
use densecore::simd::Level;
use densecore::simd::Simd;
use densecore::simd::slice::Unary;
use densecore::{Cpu, Error, Result, Scratch, View, ViewMut};

const HUGE: usize = usize::MAX;

/// A view of that shape without elements, or of zeros.
fn zeros(rows: usize, cols: usize) -> View<'static> {
    static ZEROS: [f32; 256] = [0.0; 256];
    View::with_stride(rows, cols, cols, &ZEROS).expect("a small or an empty view")
}

/// `matmul` on such views; fails if an error left a trace in the output or the scratch.
fn product(a: Operand<'_>, b: Operand<'_>, (rows, cols): (usize, usize)) -> Vec<Result<()>> {
    let run = |level: Level, accum: Accum| {
        let mut memory = [7.0; 256];
        let mut scratch = Scratch::new();
        let c = ViewMut::with_stride(rows, cols, cols, &mut memory).expect("an output");
        let result = matmul(serial(level), &mut scratch, a, b, accum, c);
        assert!(result.is_ok() || (memory == [7.0; 256] && scratch.bytes() == 0));
        result
    };
    let accums = [Accum::Replace, Accum::Add];
    levels().into_iter().flat_map(|level| accums.map(|accum| run(level, accum))).collect()
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let mut check = Check::new("shapes_that_do_not_fit_are_named");
    let shape = |argument, expected, found| Error::Shape { argument, expected, found };
    let (a, b) = (zeros(2, 3), zeros(3, 4));
    let cases = [
        (a.into(), b.into(), (2, 5), shape("c", (2, 4), (2, 5))),
        (a.into(), b.into(), (4, 2), shape("c", (2, 4), (4, 2))),
        (a.into(), b.into(), (3, 4), shape("c", (2, 4), (3, 4))),
        (a.into(), b.into(), (0, 4), shape("c", (2, 4), (0, 4))),
        (a.into(), b.t().into(), (2, 4), shape("b", (3, 3), (4, 3))),
        (a.t().into(), b.into(), (2, 4), shape("b", (2, 4), (3, 4))),
        (a.into(), zeros(0, 4).into(), (2, 4), shape("b", (3, 4), (0, 4))),
        (zeros(2, 0).into(), b.into(), (2, 4), shape("b", (0, 4), (3, 4))),
        // Shapes as large as they come, on matrices without elements.
        (zeros(HUGE, 0).into(), zeros(0, 4).into(), (2, 4), shape("c", (HUGE, 4), (2, 4))),
        (zeros(0, HUGE).into(), b.into(), (0, 4), shape("b", (HUGE, 4), (3, 4))),
        (zeros(0, HUGE).t().into(), b.into(), (2, 4), shape("b", (0, 4), (3, 4))),
        (zeros(2, 0).into(), zeros(0, HUGE).into(), (2, 4), shape("c", (2, HUGE), (2, 4))),
        (a.into(), zeros(HUGE, 0).into(), (2, 0), shape("b", (3, 0), (HUGE, 0))),
    ];
    for (a, b, c, expected) in cases {
        for result in product(a, b, c) {
            assert_eq!(result, Err(expected));
            check.count(1);
        }
    }
}

#[test]
fn huge_shapes_without_elements_are_products_like_others() {
    let mut check = Check::new("huge_shapes_without_elements_are_products_like_others");
    let cases: [(Operand<'_>, Operand<'_>, (usize, usize)); 8] = [
        (zeros(HUGE, 0).into(), zeros(0, 0).into(), (HUGE, 0)),
        (zeros(0, 0).into(), zeros(0, HUGE).into(), (0, HUGE)),
        (zeros(0, HUGE).into(), zeros(HUGE, 0).into(), (0, 0)),
        (zeros(0, HUGE).t().into(), zeros(0, 0).into(), (HUGE, 0)),
        (zeros(HUGE, 0).t().into(), zeros(HUGE, 0).into(), (0, 0)),
        (zeros(0, 0).into(), zeros(HUGE, 0).t().into(), (0, HUGE)),
        (zeros(0, HUGE).into(), zeros(0, HUGE).t().into(), (0, 0)),
        (zeros(0, 3).into(), zeros(3, 4).into(), (0, 4)),
    ];
    for (a, b, c) in cases {
        for result in product(a, b, c) {
            assert_eq!(result, Ok(()));
            check.count(1);
        }
        for threads in POOLS {
            let run = || {
                let c = ViewMut::new(c.0, c.1, &mut []).expect("an output without elements");
                matmul(Cpu::detect(), &mut Scratch::new(), a, b, Accum::Add, c)
            };
            assert_eq!(in_pool(threads, run), Ok(()));
        }
    }
}

#[test]
fn a_bias_of_another_length_is_named() {
    let mut check = Check::new("a_bias_of_another_length_is_named");
    for (m, n) in [(2, 4), (0, 4), (2, 0)] {
        for found in (0..7).filter(|&found| found != n) {
            for level in levels() {
                let mut memory = vec![7.0; m * n];
                let c = ViewMut::new(m, n, &mut memory).expect("c");
                let operands = (zeros(m, 3).into(), zeros(3, n).into());
                let start = Start::Bias(&[0.0; 7][..found]);
                let result =
                    matmul_fused(serial(level), &mut Scratch::new(), operands, start, &Identity, c);
                assert_eq!(result, Err(Error::Length { argument: "bias", expected: n, found }));
                assert!(memory.iter().all(|&x| x == 7.0));
                check.count(1);
            }
        }
    }
}

/// `x -> x`.
struct Same;

impl Unary for Same {
    #[inline(always)]
    fn eval<S: Simd>(&self, _: S, x: S::F32) -> S::F32 {
        x
    }
}

/// Refuses every output.
struct Refusing;

impl Epilogue for Refusing {
    fn check(&self, output: (usize, usize)) -> Result<()> {
        Err(Error::Shape { argument: "refused", expected: (0, 0), found: output })
    }

    fn finish(&self, _: Level, _: Finished<'_>) {
        panic!("called in spite of its error");
    }
}

#[test]
fn an_epilogue_may_refuse_an_output() {
    let mut check = Check::new("an_epilogue_may_refuse_an_output");
    for level in levels() {
        let run = |epilogue: &dyn Epilogue| {
            let mut memory = [7.0; 8];
            let c = ViewMut::new(2, 4, &mut memory).expect("c");
            let operands = (zeros(2, 3).into(), zeros(3, 4).into());
            let start = Start::Zero;
            let result =
                matmul_fused(serial(level), &mut Scratch::new(), operands, start, epilogue, c);
            assert_eq!(memory, [7.0; 8]);
            result
        };
        let refused = Error::Shape { argument: "refused", expected: (0, 0), found: (2, 4) };
        assert_eq!(run(&Refusing), Err(refused));
        for found in [(2, 3), (3, 4), (0, 4), (2, HUGE), (HUGE, 0), (4, 2)] {
            let Ok(other) = View::with_stride(found.0, found.1, found.1, &[0.0; 16]) else {
                continue;
            };
            let expected = Error::Shape { argument: "other", expected: (2, 4), found };
            assert_eq!(run(&MulMap { f: Same, other }), Err(expected));
            check.count(1);
        }
    }
}

#[test]
fn an_error_reads_as_a_sentence() {
    let (a, b) = (zeros(2, 3), zeros(4, 5));
    let result = product(a.into(), b.into(), (2, 5));
    let error = result[0].expect_err("shapes that do not fit");
    assert_eq!(error.to_string(), "b: expected shape [3, 5], found [4, 5]");
}

//! A weight packed once gives the same bits as the matrix that was packed.

use super::Case;
use super::common::{Check, POOLS, Random, Stored, in_pool, levels, serial};
use super::epilogues::{Curve, fused};
use densecore::gemm::{Epilogue, Identity, Map, Operand, PackedWeight, Start, matmul_packed};
use densecore::simd::Caches;
use densecore::{Cpu, Error, Scratch, View, ViewMut};

/// One element; every remainder of panels; a few tiles, also of several strips; several blocks of k, of n
/// and of a packed A; few columns, in few steps of k and in many.
const SHAPES: [(usize, usize, usize); 23] = [
    (1, 1, 1),
    (1, 35, 9),
    (3, 16, 40),
    (25, 40, 30),
    (31, 33, 35),
    (40, 100, 60),
    (64, 64, 64),
    (7, 33, 300),
    (1, 1000, 513),
    (4, 64, 1030),
    (19, 130, 700),
    (530, 70, 520),
    (530, 140, 520),
    (530, 260, 520),
    (13, 300, 64),
    (5, 2, 31),
    (1, 1, 32),
    (9, 2, 33),
    (70, 1, 1030),
    (600, 2, 70),
    (6, 16, 0),
    (0, 16, 8),
    (5, 0, 8),
];

fn run(
    cpu: Cpu,
    case: Case,
    a: &[f32],
    w: &PackedWeight,
    start: Start<'_>,
    f: &dyn Epilogue,
) -> Vec<f32> {
    let a = Stored::new((case.m, case.k), case.a_is_transposed, case.a, a);
    let mut c = vec![f32::NAN; case.m * case.n];
    let view = ViewMut::new(case.m, case.n, &mut c).expect("c");
    matmul_packed(cpu, &mut Scratch::new(), a.operand(), w, start, f, view)
        .unwrap_or_else(|error| panic!("{error}; {case:?}"));
    c
}

#[test]
fn a_packed_weight_gives_the_bits_of_its_matrix() {
    let mut check = Check::new("a_packed_weight_gives_the_bits_of_its_matrix");
    let mut random = Random::new(50);
    for shape in SHAPES {
        let (m, n, k) = shape;
        let (a, b, bias) = (random.normals(m * k), random.normals(k * n), random.normals(n));
        for level in levels() {
            for stored in 0..4 {
                let case = Case::new(shape).stored(stored);
                let w = Stored::new((k, n), case.b_is_transposed, case.b, &b);
                let packed = PackedWeight::new(serial(level), w.operand()).expect("packed");
                assert_eq!((packed.shape(), packed.level()), ((k, n), level));
                for (start, epilogue) in
                    [(Start::Zero, &Identity as &dyn Epilogue), (Start::Bias(&bias), &Map(Curve))]
                {
                    let found = run(serial(level), case, &a, &packed, start, epilogue);
                    let expected = fused(case, serial(level), (&a, &b, &[]), start, epilogue);
                    check.same_bits(&found, &expected, &(level, case));
                    check.count(usize::from(found.is_empty()));
                }
            }
        }
    }
}

#[test]
fn a_weight_packed_for_other_caches_gives_the_same_bits() {
    let mut check = Check::new("a_weight_packed_for_other_caches_gives_the_same_bits");
    let mut random = Random::new(51);
    // Blocks of 512 and of 1024 steps of k.
    let caches = [512 << 10, 2 << 20].map(|l2| Caches { l2, ..Caches::FALLBACK });
    for shape in [(19, 130, 1030), (530, 260, 1030)] {
        let (m, n, k) = shape;
        let (a, b) = (random.normals(m * k), random.normals(k * n));
        let case = Case::new(shape);
        for level in levels() {
            let cpus = caches.map(|caches| serial(level).with_caches(caches));
            let expected = fused(case, cpus[0], (&a, &b, &[]), Start::Zero, &Identity);
            for (packing, multiplying) in [(cpus[0], cpus[1]), (cpus[1], cpus[0])] {
                let w = View::new(k, n, &b).expect("w");
                let packed = PackedWeight::new(packing, w).expect("packed");
                let found = run(multiplying, case, &a, &packed, Start::Zero, &Identity);
                check.same_bits(&found, &expected, &(level, case));
            }
        }
    }
}

#[test]
fn an_empty_weight_of_any_length_is_packed() {
    let mut check = Check::new("an_empty_weight_of_any_length_is_packed");
    let most = usize::MAX;
    for level in levels() {
        for (k, n, stride) in [(0, most, most), (most, 0, 0), (0, 0, 0), (0, 9, 9)] {
            let w = View::with_stride(k, n, stride, &[]).expect("w");
            for (w, shape) in [(w.into(), (k, n)), (Operand::from(w.t()), (n, k))] {
                let packed = PackedWeight::new(serial(level), w).expect("packed");
                assert_eq!((packed.shape(), packed.bytes()), (shape, 0), "{level}");
                // A product of no rows, which fits whatever the shape.
                let a = View::with_stride(0, shape.0, most, &[]).expect("a");
                let c = ViewMut::with_stride(0, shape.1, most, &mut []).expect("c");
                let (mut scratch, start) = (Scratch::new(), Start::Zero);
                let result =
                    matmul_packed(serial(level), &mut scratch, a, &packed, start, &Identity, c);
                assert_eq!(result, Ok(()), "{level} {shape:?}");
                check.count(1);
            }
        }
    }
}

#[test]
fn threads_pack_a_weight_as_one_does() {
    let mut check = Check::new("threads_pack_a_weight_as_one_does");
    let mut random = Random::new(52);
    // Several blocks of k, and a last panel that is not full.
    let (k, n) = (2100, 1003);
    let (w, x) = (random.normals(k * n), random.normals(3 * k));
    for level in levels() {
        for w in
            [View::new(k, n, &w).expect("w").into(), View::new(n, k, &w).expect("w^T").t().into()]
        {
            let w: densecore::gemm::Operand<'_> = w;
            let run = |cpu: Cpu| {
                let packed = PackedWeight::new(cpu.with_level(level), w).expect("packed");
                let case = Case::new((3, n, k));
                run(serial(level), case, &x, &packed, Start::Zero, &Identity)
            };
            let expected = run(serial(level));
            for threads in POOLS {
                let found = in_pool(threads, || run(Cpu::detect()));
                check.same_bits(&found, &expected, &(level, threads));
            }
        }
    }
}

#[test]
fn threads_change_no_bit_of_a_product_with_a_packed_weight() {
    let mut check = Check::new("threads_change_no_bit_of_a_product_with_a_packed_weight");
    let mut random = Random::new(51);
    // In the last one a transposed A is packed.
    for (m, n, k) in [(1, 3000, 1100), (40, 530, 700), (600, 90, 130), (1100, 140, 60)] {
        let (a, b, bias) = (random.normals(m * k), random.normals(k * n), random.normals(n));
        let view = View::new(k, n, &b).expect("b");
        let starts: [(_, &dyn Epilogue); 2] =
            [(Start::Zero, &Identity), (Start::Bias(&bias), &Map(Curve))];
        for level in levels() {
            let packed = PackedWeight::new(serial(level), view).expect("packed");
            // A as it is, and transposed.
            for (stored, (start, epilogue)) in
                [0, 2].into_iter().flat_map(|i| starts.map(|s| (i, s)))
            {
                let case = Case::new((m, n, k)).stored(stored);
                let run = |cpu| run(cpu, case, &a, &packed, start, epilogue);
                let expected = run(serial(level));
                for threads in POOLS {
                    let found = in_pool(threads, || run(Cpu::detect()));
                    check.same_bits(&found, &expected, &(level, threads, case));
                }
            }
        }
    }
}

#[test]
fn shapes_that_do_not_fit_a_packed_weight_are_named() {
    let packed = PackedWeight::new(Cpu::detect(), View::new(2, 3, &[0.0; 6]).expect("w"));
    let packed = packed.expect("packed");
    let call = |k: usize, (rows, cols): (usize, usize), bias: usize| {
        let (a, bias) = (vec![0.0; 4 * k], vec![0.0; bias]);
        let mut c = vec![0.0; rows * cols];
        let a = View::new(4, k, &a).expect("a");
        let c = ViewMut::new(rows, cols, &mut c).expect("c");
        let start = Start::Bias(&bias);
        matmul_packed(Cpu::detect(), &mut Scratch::new(), a, &packed, start, &Identity, c)
    };
    assert_eq!(call(2, (4, 3), 3), Ok(()));
    let shape = |argument, expected, found| Err(Error::Shape { argument, expected, found });
    assert_eq!(call(5, (4, 3), 3), shape("w", (5, 3), (2, 3)));
    assert_eq!(call(2, (4, 2), 3), shape("c", (4, 3), (4, 2)));
    let bias = Error::Length { argument: "bias", expected: 3, found: 2 };
    assert_eq!(call(2, (4, 3), 2), Err(bias));
}

//! Laws of data sets, their splits and batches, and of the digits.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use densecore::data::digits;
use densecore::{Dataset, Error, Result, Targets, Tensor, ViewMut};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, counting the allocations of each thread.
struct Counting;

// SAFETY: every call is handed to the system's allocator as it is; `realloc` and `alloc_zeroed`
// of the trait call `alloc`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise about `layout`, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: `ptr` came from `alloc` above with this `layout`, as the caller promises.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations() -> usize {
    ALLOCATIONS.with(Cell::get)
}

/// Sample `i` has the inputs `[i, -i]` and the class `i % 3`.
fn classes(len: usize) -> Result<Dataset> {
    let inputs = (0..len).flat_map(|i| [i as f32, -(i as f32)]).collect();
    let ids = (0..len).map(|i| i as u32 % 3).collect();
    Dataset::new(Tensor::from_vec(len, 2, inputs)?, Targets::Classes { ids, classes: 3 })
}

/// Sample `i` has the inputs `[i]` and the values `[10 i, 10 i + 1, 10 i + 2]`.
fn values(len: usize) -> Result<Dataset> {
    let inputs = (0..len).map(|i| i as f32).collect();
    let values = (0..3 * len).map(|i| (i / 3 * 10 + i % 3) as f32).collect();
    let targets = Targets::Values(Tensor::from_vec(len, 3, values)?);
    Dataset::new(Tensor::from_vec(len, 1, inputs)?, targets)
}

fn ids(set: &Dataset) -> &[u32] {
    match set.targets() {
        Targets::Classes { ids, .. } => ids,
        other => panic!("{other:?}"),
    }
}

/// The number of each sample of a part of [`classes`] or [`values`], having checked its target.
fn samples(part: &Dataset) -> Vec<usize> {
    let check = |i: usize, sample: usize| match part.targets() {
        Targets::Classes { ids, .. } => assert_eq!(ids[i] as usize, sample % 3),
        Targets::Values(values) => {
            let first = 10.0 * sample as f32;
            assert_eq!(values.row(i), Some(&[first, first + 1.0, first + 2.0][..]));
        }
        other => panic!("{other:?}"),
    };
    let numbers = (0..part.len()).map(|i| part.inputs().row(i).map_or(0, |row| row[0] as usize));
    numbers.enumerate().inspect(|&(i, sample)| check(i, sample)).map(|(_, sample)| sample).collect()
}

#[test]
fn targets_must_fit_the_inputs() -> Result<()> {
    let inputs = || Tensor::zeros(3, 2);
    let of = |ids: &[u32], classes| Targets::Classes { ids: ids.to_vec(), classes };

    let length = Error::Length { argument: "ids", expected: 3, found: 2 };
    assert_eq!(Dataset::new(inputs()?, of(&[0, 1], 2)), Err(length));
    let shape = Error::Shape { argument: "values", expected: (3, 5), found: (4, 5) };
    assert_eq!(Dataset::new(inputs()?, Targets::Values(Tensor::zeros(4, 5)?)), Err(shape));
    let class = Error::Class { row: 1, found: 2, classes: 2 };
    assert_eq!(Dataset::new(inputs()?, of(&[0, 2, 7], 2)), Err(class));
    let class = Error::Class { row: 0, found: 0, classes: 0 };
    assert_eq!(Dataset::new(inputs()?, of(&[0, 0, 0], 0)), Err(class));

    assert!(Dataset::new(inputs()?, of(&[0, 1, 1], 2)).is_ok());
    assert!(Dataset::new(Tensor::zeros(0, 2)?, of(&[], 0))?.is_empty());
    Ok(())
}

#[test]
fn select_takes_rows_in_order_and_again() -> Result<()> {
    for set in [classes(5)?, values(5)?] {
        assert_eq!(samples(&set.select(&[4, 0, 0, 2])?), [4, 0, 0, 2]);
        assert_eq!(set.select(&[0, 1, 2, 3, 4])?, set);
        let none = set.select(&[])?;
        assert!(none.is_empty());
        assert_eq!(none.inputs().cols(), set.inputs().cols());
        let expected = "numbers below the number of samples";
        let error = Error::Value { argument: "rows", expected, found: 5.0 };
        assert_eq!(set.select(&[0, 5]), Err(error));
    }
    Ok(())
}

#[test]
fn a_split_is_a_partition() -> Result<()> {
    for len in [0, 1, 2, 3, 10, 101] {
        for set in [classes(len)?, values(len)?] {
            for fraction in [0.0, 0.1, 0.5, 0.8, 1.0] {
                let (first, second) = set.split(fraction, 7)?;
                assert_eq!(first.len(), (fraction * len as f64 + 0.5).floor() as usize);
                let mut all = samples(&first);
                all.extend(samples(&second));
                all.sort_unstable();
                assert!(all.into_iter().eq(0..len), "{len} by {fraction}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_split_is_the_same_for_the_same_seed_only() -> Result<()> {
    let set = classes(100)?;
    assert_eq!(set.split(0.5, 1)?, set.split(0.5, 1)?);
    assert_ne!(set.split(0.5, 1)?, set.split(0.5, 2)?);
    // The order does not depend on where the cut is.
    let (whole, _) = set.split(1.0, 1)?;
    let (first, second) = set.split(0.3, 1)?;
    assert_eq!([samples(&first), samples(&second)].concat(), samples(&whole));
    assert_ne!(samples(&whole), (0..100).collect::<Vec<_>>());
    // Computed by a second implementation, like the golden values of tests/rng.rs.
    assert_eq!(samples(&classes(10)?.split(1.0, 42)?.0), [6, 5, 3, 7, 1, 0, 2, 9, 4, 8]);
    Ok(())
}

#[test]
fn a_fraction_outside_0_to_1_is_named() -> Result<()> {
    for fraction in [-0.1, -f64::MIN_POSITIVE, 1.0_f64.next_up(), f64::INFINITY, f64::NAN] {
        match classes(4)?.split(fraction, 0) {
            Err(Error::Value { argument: "fraction", .. }) => {}
            other => panic!("{fraction}: {other:?}"),
        }
    }
    Ok(())
}

#[test]
fn gather_writes_the_rows_and_not_the_gaps() -> Result<()> {
    let set = values(4)?;
    let mut out = [7.0; 9];
    set.gather_values(&[3, 1], ViewMut::with_stride(2, 3, 5, &mut out)?)?;
    assert_eq!(out, [30.0, 31.0, 32.0, 7.0, 7.0, 10.0, 11.0, 12.0, 7.0]);
    let mut out = [7.0; 2];
    set.gather_inputs(&[2, 0], ViewMut::new(2, 1, &mut out)?)?;
    assert_eq!(out, [2.0, 0.0]);
    let mut out = [7; 4];
    classes(4)?.gather_ids(&[3, 2, 1, 2], &mut out)?;
    assert_eq!(out, [0, 2, 1, 2]);
    Ok(())
}

#[test]
fn a_wrong_gather_is_named_and_writes_nothing() -> Result<()> {
    let (classes, values) = (classes(4)?, values(4)?);
    let mut out = Tensor::from_vec(2, 3, vec![7.0; 6])?;
    let mut found = [7; 2];

    let shape = |expected| Err(Error::Shape { argument: "out", expected, found: (2, 3) });
    assert_eq!(values.gather_inputs(&[0, 1], out.view_mut()), shape((2, 1)));
    assert_eq!(values.gather_values(&[0], out.view_mut()), shape((1, 3)));
    let length = Error::Length { argument: "out", expected: 3, found: 2 };
    assert_eq!(classes.gather_ids(&[0, 1, 2], &mut found), Err(length));

    let expected = "numbers below the number of samples";
    let rows = |found| Err(Error::Value { argument: "rows", expected, found });
    assert_eq!(values.gather_values(&[0, 4], out.view_mut()), rows(4.0));
    assert_eq!(classes.gather_ids(&[0, usize::MAX], &mut found), rows(usize::MAX as f64));

    let mismatch = |expected, found| Err(Error::Mismatch { argument: "targets", expected, found });
    assert_eq!(values.gather_ids(&[0, 1], &mut found), mismatch("class ids", "values"));
    assert_eq!(classes.gather_values(&[0, 1], out.view_mut()), mismatch("values", "class ids"));

    assert_eq!((out.as_slice(), found), (&[7.0; 6][..], [7; 2]));
    Ok(())
}

#[test]
fn gather_does_not_allocate() -> Result<()> {
    let (classes, values) = (classes(50)?, values(50)?);
    let (mut inputs, mut out) = (Tensor::zeros(3, 2)?, Tensor::zeros(3, 3)?);
    let mut found = [0; 3];
    let before = allocations();
    assert!(before > 0, "the counter counts");
    for first in 0..40 {
        let rows = [first, first + 5, first + 1];
        classes.gather_inputs(&rows, inputs.view_mut())?;
        classes.gather_ids(&rows, &mut found)?;
        values.gather_values(&rows, out.view_mut())?;
    }
    assert_eq!(allocations(), before);
    Ok(())
}

#[test]
fn digits_are_those_of_scikit_learn() {
    let digits = digits();
    assert_eq!(digits.inputs().shape(), (1797, 64));
    assert!(matches!(digits.targets(), Targets::Classes { classes: 10, .. }));

    let mut histogram = [0; 10];
    for &id in ids(&digits) {
        histogram[id as usize] += 1;
    }
    assert_eq!(histogram, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);

    // Sixteenths: the sum is exact.
    let pixels = digits.inputs().as_slice();
    assert!(pixels.iter().all(|&p| (0.0..=1.0).contains(&p) && (p * 16.0).fract() == 0.0));
    assert_eq!(pixels.iter().map(|&p| f64::from(p) * 16.0).sum::<f64>(), 561_718.0);
    let second_row_of_the_first = [0.0, 0.0, 13.0, 15.0, 10.0, 15.0, 5.0, 0.0].map(|p| p / 16.0);
    assert_eq!(pixels[8..16], second_row_of_the_first);
    assert_eq!(ids(&digits)[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);

    // What `Dataset::new` would have checked.
    let (inputs, targets) = digits.into_parts();
    assert!(Dataset::new(inputs, targets).is_ok());
}

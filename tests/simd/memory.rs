//! Loads and stores: full vectors at any address, partial ones that touch their elements only.

use super::common::{Check, GUARD};
use super::{EveryWidth, at_every_width};
use densecore::simd::Simd;

struct Partial(Check);

impl EveryWidth for Partial {
    fn check<S: Simd>(&mut self, s: S, _: bool) {
        let lanes = S::LANES;
        let x: Vec<f32> = (0..lanes).map(|i| i as f32 + 1.0).collect();
        for count in 0..=lanes {
            for offset in 0..4 {
                let case = (s, count, offset);
                // Memory that ends with the last element, so that a sanitizer sees the next.
                let mut source = vec![GUARD; offset];
                source.extend(&x[..count]);
                let mut loaded = vec![f32::NAN; lanes];
                let mut target = vec![GUARD; offset + count];
                let mut roomy = vec![GUARD; offset + count + lanes];
                // SAFETY: `count` elements are readable at `source + offset` and writable at both
                // targets, and `loaded` and `x` have LANES elements.
                unsafe {
                    let vector = s.load_partial(source.as_ptr().add(offset), count);
                    s.store(loaded.as_mut_ptr(), vector);
                    let vector = s.load(x.as_ptr());
                    s.store_partial(target.as_mut_ptr().add(offset), count, vector);
                    s.store_partial(roomy.as_mut_ptr().add(offset), count, vector);
                }
                let mut expected = x[..count].to_vec();
                expected.resize(lanes, 0.0);
                self.0.same_bits(&loaded, &expected, &case);
                self.0.same_bits(&target, &source, &case);
                source.resize(offset + count + lanes, GUARD);
                self.0.same_bits(&roomy, &source, &case);
            }
            let (mut kept, mut expected) = (vec![f32::NAN; lanes], x[..count].to_vec());
            // SAFETY: `x` and `kept` have LANES elements.
            unsafe {
                let vector = s.keep_first(count, s.load(x.as_ptr()), s.splat(GUARD));
                s.store(kept.as_mut_ptr(), vector);
            }
            expected.resize(lanes, GUARD);
            self.0.same_bits(&kept, &expected, &(s, count));
        }
    }
}

#[test]
fn partial_vectors_touch_their_elements_only() {
    at_every_width(&mut Partial(Check::new("partial_vectors_touch_their_elements_only")));
}

struct Unaligned(Check);

impl EveryWidth for Unaligned {
    fn check<S: Simd>(&mut self, s: S, _: bool) {
        for offset in 0..16 {
            let source: Vec<f32> = (0..offset + S::LANES).map(|i| i as f32).collect();
            let mut target = vec![GUARD; offset + S::LANES];
            // SAFETY: LANES elements are readable and writable from `offset` on.
            unsafe {
                let vector = s.load(source.as_ptr().add(offset));
                s.store(target.as_mut_ptr().add(offset), vector);
            }
            let mut expected = vec![GUARD; offset];
            expected.extend(&source[offset..]);
            self.0.same_bits(&target, &expected, &(s, offset));
        }
    }
}

#[test]
fn full_vectors_need_no_alignment() {
    at_every_width(&mut Unaligned(Check::new("full_vectors_need_no_alignment")));
}

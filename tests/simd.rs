//! The laws of `simd`: each operation does what its scalar does, bit for bit, at every level and
//! at widths that no processor has; and the sweeps over slices do it for every length.

mod common;

#[path = "simd/memory.rs"]
mod memory;
#[path = "simd/operations.rs"]
mod operations;
#[path = "simd/reductions.rs"]
mod reductions;
#[path = "simd/slices.rs"]
mod slices;

use densecore::simd::{Level, Portable, Simd};

/// Something to check with the token of a level; `is_fused` says whether `mul_add` rounds once.
trait EveryWidth {
    fn check<S: Simd>(&mut self, s: S, is_fused: bool);
}

/// Runs the check at each level of this processor, and at widths odd, single and largest.
fn at_every_width<C: EveryWidth>(check: &mut C) {
    check.check(Portable::<1>, false);
    check.check(Portable::<3>, false);
    check.check(Portable::<4>, false);
    check.check(Portable::<5>, false);
    check.check(Portable::<32>, false);
    for level in common::levels() {
        common::at_level(level, Run { check, is_fused: level != Level::Portable });
    }
}

struct Run<'a, C> {
    check: &'a mut C,
    is_fused: bool,
}

impl<C: EveryWidth> common::Job for Run<'_, C> {
    type Out = ();
    fn run<S: Simd>(self, s: S) {
        self.check.check(s, self.is_fused);
    }
}

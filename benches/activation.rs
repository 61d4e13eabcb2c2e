//! Activations and softmax over slices on one thread, beside a copy of as many bytes; verified
//! before they are timed.
//!
//! `cargo bench --bench activation`, or `cargo bench --bench activation -- gelu` for some rows.

mod common;

use std::time::Duration;

use common::{copy_rate, group, random, report_bytes};
use criterion::{Criterion, criterion_group, criterion_main};
use densecore::activation::{Reads, log_softmax, softmax};
use densecore::{Activation, Cpu};

/// Elements: in L1, in L2 or L3, and in DRAM.
const LENGTHS: [usize; 3] = [1 << 12, 1 << 18, 1 << 24];

/// Rows and columns of softmax.
const ROWS: [(usize, usize); 3] = [(128, 10), (256, 1000), (512, 4096)];

fn elementwise(criterion: &mut Criterion) {
    verify();
    let cpu = Cpu::serial();
    for len in LENGTHS {
        let [z, mut y, d_y, mut d_z] = [1, 2, 3, 4].map(|stream| random(1, len, stream));
        let copied = copy_rate(len);
        for f in Activation::ALL {
            let mut group = group(criterion, &format!("activation/{}/{len}", f.name()));
            group
                .measurement_time(Duration::from_millis(300))
                .warm_up_time(Duration::from_millis(50));
            report_bytes(&mut group, ("forward", copied), (len, 8 * len), || {
                f.forward(cpu, z.as_slice(), y.as_mut_slice()).expect("the lengths fit");
            });
            let saved = if f.reads() == Reads::Input { &z } else { &y };
            report_bytes(&mut group, ("backward", copied), (len, 12 * len), || {
                f.backward(cpu, saved.as_slice(), d_y.as_slice(), d_z.as_mut_slice())
                    .expect("the lengths fit");
            });
            group.finish();
        }
    }
}

fn rows(criterion: &mut Criterion) {
    let cpu = Cpu::serial();
    for (rows, cols) in ROWS {
        let (len, copied) = (rows * cols, copy_rate(rows * cols));
        let (z, mut y) = (random(rows, cols, 1), random(rows, cols, 2));
        let mut group = group(criterion, &format!("activation/rows/{rows}x{cols}"));
        report_bytes(&mut group, ("softmax", copied), (len, 8 * len), || {
            softmax::forward(cpu, z.view(), y.view_mut()).expect("the shapes fit");
        });
        report_bytes(&mut group, ("log_softmax", copied), (len, 8 * len), || {
            log_softmax::forward(cpu, z.view(), y.view_mut()).expect("the shapes fit");
        });
        group.finish();
    }
}

/// Panics if a function is not near its f64 form.
fn verify() {
    let z = random(1, 1000, 1);
    for f in Activation::ALL {
        let mut y = vec![f32::NAN; 1000];
        f.forward(Cpu::serial(), z.as_slice(), &mut y).expect("the lengths fit");
        for (&z, &y) in z.as_slice().iter().zip(&y) {
            let expected = f.exact(z.into()).0;
            let error = (f64::from(y) - expected).abs();
            assert!(error <= 1e-6 * (1.0 + expected.abs()), "{f} of {z}: {y}");
        }
    }
}

criterion_group!(benches, elementwise, rows);
criterion_main!(benches);

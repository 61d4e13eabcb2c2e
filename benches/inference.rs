//! Predictions of whole networks, for one sample and for the batch, with weights as they are and
//! packed; verified before they are timed.
//!
//! `cargo bench --bench inference`

mod common;

use common::networks::{ROWS, expected};
use common::{group, peak, random, report, verify};
use criterion::{Criterion, criterion_group, criterion_main};
use densecore::{Cpu, PackedNetwork, Tensor, Workspace};

fn predictions(criterion: &mut Criterion) {
    let peak = peak();
    println!("peak of one core: {:.1} GF/s", peak / 1e9);
    for row in &ROWS {
        let mut group = group(criterion, &format!("predict/{}", row.name()));
        let network = row.network();
        let (input, mut workspace) = (random(row.batch, network.inputs(), 1), Workspace::new());
        let mut output = random(row.batch, network.outputs(), 2);
        let mut batches = vec![1, row.batch];
        batches.dedup();
        for cpu in [Cpu::serial(), Cpu::detect()] {
            let packed = PackedNetwork::new(cpu, &network).expect("there is memory for both");
            for &rows in &batches {
                for is_packed in [false, true] {
                    let mut predict = |output: &mut Tensor| {
                        let x = input.view().rows_range(0, rows);
                        let y = output.view_mut().split_rows_at(rows).0;
                        let done = match is_packed {
                            false => network.predict(cpu, &mut workspace, x, y),
                            true => packed.predict(cpu, &mut workspace, x, y),
                        };
                        done.expect("the shapes fit");
                    };
                    output.as_mut_slice().fill(f32::NAN);
                    predict(&mut output);
                    for i in [0, rows / 2, rows - 1] {
                        let found = output.row(i).unwrap_or(&[]).to_vec();
                        let found = Tensor::from_vec(1, found.len(), found).expect("one row");
                        let expected = expected(&network, &input, i);
                        verify("predict", &found, |_, j| expected[j]);
                    }
                    let how = if is_packed { "packed" } else { "as it is" };
                    let id = format!("{how}, batch {rows}, {} thread(s)", cpu.threads());
                    let (id, flops) = ((id.as_str(), cpu.threads()), 2 * rows * row.weights());
                    report(&mut group, peak, id, flops, || predict(&mut output));
                }
            }
        }
        group.finish();
    }
}

criterion_group!(benches, predictions);
criterion_main!(benches);

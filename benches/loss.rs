//! Losses with their gradients in place, verified before they are timed.
//!
//! `cargo bench --bench loss`
//!
//! A loss reads prediction and target and writes the gradient: 12 bytes for each element, or 8 with
//! class ids. Beside each shape stands a copy of as many elements.

mod common;

use common::{copy_rate, group, random, report_bytes};
use criterion::{Criterion, criterion_group, criterion_main};
use densecore::loss::{Huber, PoissonNll, Reduction};
use densecore::{Cpu, Loss, Target, Tensor};

/// batch, outputs
const SHAPES: [(usize, usize); 4] = [(128, 10), (256, 1000), (512, 4096), (4096, 1)];

fn losses(criterion: &mut Criterion) {
    let r = Reduction::Mean;
    let all = [
        ("cross entropy", Loss::CrossEntropy(r)),
        ("squared error", Loss::SquaredError(r)),
        ("Huber", Loss::Huber(Huber::default(), r)),
        ("log-cosh", Loss::LogCosh(r)),
        ("binary cross entropy", Loss::BinaryCrossEntropyWithLogits(Default::default(), r)),
        ("Poisson", Loss::PoissonNll(PoissonNll::default(), r)),
    ];
    for (batch, outputs) in SHAPES {
        let copied = copy_rate(batch * outputs);
        let mut group = group(criterion, &format!("loss/{batch}x{outputs}"));
        let logits = random(batch, outputs, 1);
        // Targets from 0 to 1 serve every loss.
        let mut values = random(batch, outputs, 2);
        values.as_mut_slice().iter_mut().for_each(|t| *t = t.abs().min(1.0));
        let ids: Vec<u32> = (0..batch).map(|i| (i * 7 % outputs) as u32).collect();
        for cpu in [Cpu::serial(), Cpu::detect()] {
            for (name, loss) in all {
                let (target, bytes) = match loss {
                    Loss::CrossEntropy(_) => (Target::Classes(&ids), 8),
                    _ => (Target::Values(values.view()), 12),
                };
                verify(cpu, name, loss, (&logits, target));
                let mut x = logits.clone();
                let id = format!("{name} {} thread(s)", cpu.threads());
                let size = (batch * outputs, batch * outputs * bytes);
                // The gradient of a gradient is as much work, and stays as small.
                report_bytes(&mut group, (&id, copied), size, || {
                    loss.in_place(cpu, x.view_mut(), target).expect("the shapes fit")
                });
            }
        }
        group.finish();
    }
}

/// Panics unless the gradient is the slope of the value: along the gradient g itself the loss rises
/// by `h g.g`, up to its curvature, which is below 1 here, and f32's roundings of both values.
fn verify(cpu: Cpu, name: &str, loss: Loss, (x, target): (&Tensor, Target<'_>)) {
    let mut gradient = x.clone();
    let value = loss.in_place(cpu, gradient.view_mut(), target).expect("the shapes fit");
    let square: f64 = gradient.as_slice().iter().map(|&g| f64::from(g).powi(2)).sum();
    let h = 0.01 / square.sqrt().max(1e-30);
    let mut moved = x.clone();
    for (x, &g) in moved.as_mut_slice().iter_mut().zip(gradient.as_slice()) {
        *x += (h * f64::from(g)) as f32;
    }
    let there = loss.value(cpu, moved.view(), target).expect("the shapes fit");
    let (rise, expected) = (f64::from(there) - f64::from(value), h * square);
    // e^x bends most: its second derivative is below 60 where |x| < 4.
    let tolerance = 60.0 * 0.01 * 0.01 + 4.0 * f64::from(f32::EPSILON) * f64::from(value.abs());
    assert!((rise - expected).abs() <= tolerance, "{name}: {rise}, expected {expected}");
}

criterion_group!(benches, losses);
criterion_main!(benches);

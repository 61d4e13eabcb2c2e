use densecore::Activation::{Relu, Tanh};
use densecore::network::Statistics;
use densecore::optim::Sgd;
use densecore::simd::Caches;
use densecore::{Activation, Cpu, Loss, Network, Target, Workspace};

use super::support::numbers;
use super::{Tested, drawn, every_kind};

/// With every sum in the other direction.
fn reference(values: &[f32]) -> (f64, f64) {
    let finite: Vec<f64> =
        values.iter().rev().copied().filter(|x| x.is_finite()).map(f64::from).collect();
    let n = finite.len() as f64;
    let mean = finite.iter().sum::<f64>() / n;
    (mean, (finite.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt())
}

#[test]
fn statistics_are_those_of_a_reference() {
    for len in [1, 2, 15, 16, 17, 1000] {
        // Multiples of 2^-24 below 1, so that the sum is exact in any order, and the mean the same.
        let mut values = numbers(len, len as u64);
        values[len / 2] = 0.0;
        let (found, (mean, std)) = (Statistics::of(&values), reference(&values));
        assert_eq!(found.mean, mean);
        // Each square has an error of 1.5 ulp of f64, a sum of n of them n more, half of it after the root.
        assert!((found.std - std).abs() <= std * (len as f64 + 4.0) * f64::EPSILON, "{found}");
        let least = values.iter().copied().fold(f32::INFINITY, f32::min);
        let greatest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        assert_eq!((found.min, found.max), (least, greatest));
        assert_eq!((found.count, found.not_finite), (len, 0));
        assert_eq!(found.zeros, values.iter().filter(|&&x| x == 0.0).count() as f64 / len as f64);
    }
}

#[test]
fn nan_and_infinity_are_counted_and_spoil_nothing() {
    let clean = Statistics::of(&[-3.0, 1.0, 0.0, -0.0, 7.0]);
    assert_eq!((clean.mean, clean.min, clean.max, clean.zeros), (1.0, -3.0, 7.0, 0.4));
    assert_eq!(clean.std, 10.8_f64.sqrt()); // (16 + 0 + 1 + 1 + 36) / 5
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    let found = Statistics::of(&[nan, -3.0, inf, 1.0, 0.0, -0.0, 7.0, -inf, -nan, nan]);
    assert_eq!((found.count, found.not_finite, found.zeros), (10, 5, 0.2));
    assert_eq!((found.mean, found.std), (clean.mean, clean.std));
    assert_eq!((found.min, found.max), (clean.min, clean.max));
}

#[test]
fn nothing_finite_has_no_mean() {
    for values in [&[][..], &[f32::NAN, f32::INFINITY]] {
        let found = Statistics::of(values);
        assert_eq!((found.count, found.not_finite), (values.len(), values.len()));
        assert!([found.mean, found.std].iter().all(|x| x.is_nan()));
        assert!(found.min.is_nan() && found.max.is_nan());
        assert_eq!(found.zeros.is_nan(), values.is_empty());
        assert!(!found.to_string().contains('\n'));
    }
}

#[test]
fn the_greatest_numbers_do_not_overflow() {
    let found = Statistics::of(&[f32::MAX, f32::MIN]);
    assert_eq!((found.mean, found.std), (0.0, f64::from(f32::MAX)));
    let text =
        "2 numbers, mean 0, std 3.403e38, min -3.403e38, max 3.403e38, zeros 0.0 %, not finite 0";
    assert_eq!(found.to_string(), text);
}

#[test]
fn parameters_are_those_of_each_tensor() -> Tested {
    let network = every_kind().build()?;
    let table = network.parameter_statistics();
    let names: Vec<_> = table.rows.iter().map(|row| row.0.as_str()).collect();
    let expected = [
        "first.weight",
        "first.bias",
        "second.weight",
        "class.weight",
        "class.bias",
        "size.weight",
        "size.bias",
    ];
    assert_eq!(names, expected);
    let first = network.layer(0).and_then(|layer| layer.weight.as_contiguous());
    assert_eq!(table.get("first.weight"), first.map(Statistics::of).as_ref());
    assert_eq!(table.get("second.bias"), None);
    let text = table.to_string();
    assert_eq!(text.lines().count(), 8);
    let width = text.lines().next().map(str::len);
    assert!(text.lines().all(|line| Some(line.len()) == width), "\n{text}");
    Ok(())
}

#[test]
fn activations_are_exact_matrices_of_the_last_forward_pass() -> Tested {
    let network = every_kind().build()?;
    let mut workspace = Workspace::new();
    assert_eq!(network.activation_statistics(&workspace), None);
    for batch in [7, 3] {
        // After the larger batch there is garbage behind every matrix.
        workspace.poison();
        assert_eq!(network.activation_statistics(&workspace), None);
        let input = drawn(batch, 4, 1)?;
        let class = network.forward(Cpu::detect(), &mut workspace, input.view())?.as_contiguous();
        let class = class.map(Statistics::of);
        let table = network.activation_statistics(&workspace).expect("a forward pass");
        let counts: Vec<_> =
            table.rows.iter().map(|(name, of)| (name.as_str(), of.count / batch)).collect();
        let nodes: Vec<_> = network.nodes().skip(1).map(|node| (node.name, node.width)).collect();
        assert_eq!(counts, nodes);
        assert!(table.rows.iter().all(|(_, of)| of.not_finite == 0 && of.count % batch == 0));
        assert_eq!(table.get("class"), class.as_ref());
        let size = network.output(&workspace, 1).and_then(|y| y.as_contiguous());
        assert_eq!(table.get("size"), size.map(Statistics::of).as_ref());
        // A network of other shapes has nothing in there.
        let other = Network::mlp(&[4, 6, 3], Relu, 1)?;
        assert_eq!(other.activation_statistics(&workspace), None);
        assert_eq!(other.dead_units(&workspace), None);
    }
    Ok(())
}

#[test]
fn gradients_are_those_in_the_workspace() -> Tested {
    let mut network = Network::mlp(&[5, 9, 2], Tanh, 3)?;
    let (cpu, mut workspace) = (Cpu::detect(), Workspace::new());
    let (input, target) = (drawn(11, 5, 1)?, drawn(11, 2, 2)?);
    assert_eq!(network.gradient_statistics(&workspace), None);
    let target = Target::Values(target.view());
    network.loss_and_gradients(cpu, &mut workspace, input.view(), target, Loss::MSE)?;
    let table = network.gradient_statistics(&workspace).expect("gradients");
    for i in 0..2 {
        let layer = network.layer_gradients(&workspace, i).expect("gradients");
        let weight = layer.weight.as_contiguous().map(Statistics::of);
        assert_eq!(table.get(&format!("layers.{i}.weight")), weight.as_ref());
        let bias = Statistics::of(layer.bias);
        assert_eq!(table.get(&format!("layers.{i}.bias")), Some(&bias));
        assert_eq!((bias.count, bias.zeros), (layer.bias.len(), 0.0));
    }
    assert_eq!(Network::mlp(&[5, 40, 2], Tanh, 3)?.gradient_statistics(&workspace), None);

    // Applied as they come, they are gone, and the activations are those of other parameters.
    let small = Caches { l1: 64, l2: 64, l3: 64 };
    let mut sgd = network.optimizer(Sgd::new(0.1))?;
    let batch = (input.view(), target);
    let is_fused = cpu.level() != densecore::simd::Level::Portable;
    network.train_step(cpu.with_caches(small), &mut workspace, batch, Loss::MSE, &mut sgd)?;
    assert_eq!(network.gradient_statistics(&workspace).is_none(), is_fused);
    assert_eq!(network.activation_statistics(&workspace).is_none(), is_fused);
    Ok(())
}

#[test]
fn an_empty_batch_has_statistics_of_nothing() -> Tested {
    let network = Network::mlp(&[3, 4, 2], Activation::Relu, 1)?;
    let mut workspace = Workspace::new();
    network.forward(Cpu::detect(), &mut workspace, drawn(0, 3, 1)?.view())?;
    let table = network.activation_statistics(&workspace).expect("a forward pass");
    assert!(table.rows.iter().all(|(_, of)| of.count == 0 && of.mean.is_nan()));
    let found = network.dead_units(&workspace).expect("a forward pass");
    assert!(found.iter().all(|layer| layer.dead.is_none()));
    Ok(())
}

use densecore::activation::{Elu, Hardshrink, Hardtanh, LeakyRelu, Softshrink};
use densecore::network::DeadUnits;
use densecore::{Activation, Cpu, Loss, Network, Target, View, Workspace};

use super::{Tested, drawn};

/// The dead of the hidden layer of `units`, on the rows of `input`, if its weights are 1 and its biases these.
fn dead(activation: Activation, biases: &[f32], input: &[f32]) -> Tested<DeadUnits> {
    let mut network = Network::mlp(&[1, biases.len(), 1], activation, 1)?;
    let mut layer = network.layer_mut(0).expect("a layer");
    layer.weight.as_contiguous_mut().expect("no gaps").fill(1.0);
    layer.bias.copy_from_slice(biases);
    let (input, mut workspace) = (View::new(input.len(), 1, input)?, Workspace::new());
    network.forward(Cpu::detect(), &mut workspace, input)?;
    let mut found = network.dead_units(&workspace).expect("a forward pass");
    assert_eq!(found.len(), 2);
    Ok(found.swap_remove(0))
}

#[test]
fn a_layer_with_a_bias_of_minus_a_thousand_is_all_dead() -> Tested {
    let mut network = Network::mlp(&[6, 37, 5, 2], Activation::Relu, 1)?;
    network.layer_mut(0).expect("a layer").bias.fill(-1000.0);
    // What is above gets zeros, and lives by its bias.
    network.layer_mut(1).expect("a layer").bias.fill(1.0);
    let (input, target) = (drawn(20, 6, 1)?, drawn(20, 2, 2)?);
    let (mut workspace, target) = (Workspace::new(), Target::Values(target.view()));
    network.loss_and_gradients(Cpu::detect(), &mut workspace, input.view(), target, Loss::MSE)?;
    let found = network.dead_units(&workspace).expect("a forward pass");
    let counts: Vec<_> = found.iter().map(|f| (&f.name[..], f.layer, f.units, f.dead)).collect();
    let expected =
        [("layers.0", 0, 37, Some(37)), ("layers.1", 1, 5, Some(0)), ("layers.2", 2, 2, None)];
    assert_eq!(counts, expected);
    assert_eq!((found[0].share(), found[1].share()), (Some(1.0), Some(0.0)));
    // And that is what it means: no gradient.
    let gradients = network.gradient_statistics(&workspace).expect("gradients");
    let zeros = |name| gradients.get(name).map(|of| of.zeros);
    assert_eq!((zeros("layers.0.weight"), zeros("layers.0.bias")), (Some(1.0), Some(1.0)));
    assert_eq!(zeros("layers.1.bias"), Some(0.0));
    Ok(())
}

#[test]
fn a_unit_is_dead_if_every_sample_gives_zero() -> Tested {
    // z = x + b of x = -1, 2: the third lives on one sample, the second is at 0 on one.
    let biases = [-3.0, -2.0, -1.0, 0.0, 5.0];
    let found = dead(Activation::Relu, &biases, &[-1.0, 2.0])?;
    assert_eq!((found.units, found.dead), (5, Some(2)));
    assert_eq!(found.to_string(), "layers.0: 2 of 5 units are dead");
    assert_eq!(dead(Activation::Relu, &biases, &[2.0, -1.0])?.dead, Some(2));
    assert_eq!(dead(Activation::Relu, &biases, &[-1.0])?.dead, Some(4));
    // NaN is not zero.
    assert_eq!(dead(Activation::Relu, &[f32::NAN, -9.0], &[1.0])?.dead, Some(1));
    // The other end of ReLU6 returns something.
    assert_eq!(dead(Activation::Relu6, &[-9.0, 0.5, 9.0], &[1.0])?.dead, Some(1));
    assert_eq!(dead(Activation::Gelu, &[-9.0], &[1.0])?.dead, None);
    Ok(())
}

#[test]
fn asked_are_the_activations_that_are_flat_at_zero() -> Tested {
    let hardtanh = |min, max| Activation::Hardtanh(Hardtanh { min, max });
    let special = [
        LeakyRelu { slope: 0.0 }.into(),
        Elu { alpha: 0.0 }.into(),
        hardtanh(0.0, 2.0),
        hardtanh(-2.0, 0.0),
        hardtanh(-2.0, 2.0),
        Hardshrink { lambda: 0.0 }.into(),
        Softshrink { lambda: 0.0 }.into(),
    ];
    let mut asked = 0;
    for &activation in Activation::ALL.iter().chain(&special) {
        // Two neighbours are zero with slope zero. (Beyond 4 some others round to zero.)
        let is_zero = |i: i32| activation.exact(f64::from(i) / 64.0) == (0.0, 0.0);
        let stretch = (-256..256).find(|&i| is_zero(i) && is_zero(i + 1));
        let z = stretch.map_or(-3.5, |i| i as f32 / 64.0);
        let found = dead(activation, &[z], &[0.0])?;
        assert_eq!(found.dead, stretch.map(|_| 1), "{activation}");
        asked += usize::from(stretch.is_some());
    }
    // ReLU, ReLU6, two of the hard ones, two shrinks, and four of the special ones.
    assert_eq!(asked, 10);
    Ok(())
}

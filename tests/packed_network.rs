//! A network with packed weights predicts the bits of the network itself.

mod support;

use std::sync::Arc;

use densecore::simd::{Caches, Level};
use densecore::{
    Activation, Cpu, Error, Network, PackedNetwork, Result, Tensor, View, ViewMut, Workspace,
};
use support::{POOLS, bits, in_pool, levels, numbers};

/// The same network with numbers for biases, too.
fn with_biases(mut network: Network) -> Network {
    for i in 0..network.layers() {
        let Some(layer) = network.layer_mut(i) else { continue };
        let bias = numbers(layer.bias.len(), i as u64);
        layer.bias.copy_from_slice(&bias);
    }
    network
}

/// Weights that are read where they are, others that are packed, in one block of k and in several, widths
/// of whole panels and of parts of one; large enough for several threads.
fn networks() -> Result<Vec<Network>> {
    let widths: [&[usize]; 6] =
        [&[2, 3, 1], &[40, 51, 52, 3], &[64, 32, 64], &[1100, 33], &[784, 512, 10], &[300, 1031]];
    let chains = widths.iter().zip([
        Activation::Tanh,
        Activation::Relu,
        Activation::Gelu,
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Relu,
    ]);
    let mut networks = Vec::new();
    for (widths, activation) in chains {
        networks.push(with_biases(Network::mlp(widths, activation, 3)?));
    }
    networks.push(
        Network::builder(70)
            .dense_without_bias(65, Activation::Silu)
            .dropout(0.5)
            .dense_without_bias(48, Activation::Relu)
            .build()?,
    );
    Ok(networks)
}

/// What a prediction writes over NaN, with nothing in the workspace but NaN.
fn predicted(
    rows: usize,
    cols: usize,
    mut call: impl FnMut(&mut Workspace, ViewMut<'_>) -> Result<()>,
) -> Result<Vec<u32>> {
    let (mut workspace, mut output) = (Workspace::new(), vec![f32::NAN; rows * cols]);
    // The first call makes room.
    call(&mut workspace, ViewMut::new(rows, cols, &mut output)?)?;
    workspace.poison();
    output.fill(f32::NAN);
    call(&mut workspace, ViewMut::new(rows, cols, &mut output)?)?;
    assert!(output.iter().all(|x| x.is_finite()));
    Ok(bits(&output))
}

#[test]
fn it_predicts_the_bits_of_the_network() -> Result<()> {
    let networks = networks()?;
    for (level, network) in
        levels().into_iter().flat_map(|level| networks.iter().map(move |n| (level, n)))
    {
        let serial = Cpu::serial().with_level(level);
        let packed = PackedNetwork::new(serial, network)?;
        assert_eq!(packed.level(), level);
        let (inputs, outputs) = (network.inputs(), network.outputs());
        for rows in [0, 1, 2, 3, 4, 5, 6, 7, 13, 19, 64, 129] {
            let input = numbers(rows * inputs, rows as u64);
            let x = View::new(rows, inputs, &input)?;
            let expected = predicted(rows, outputs, |w, y| network.predict(serial, w, x, y))?;
            let found = predicted(rows, outputs, |w, y| packed.predict(serial, w, x, y))?;
            assert!(found == expected, "{network:?}, {rows} rows, {level}");
            for threads in POOLS {
                let cpu = Cpu::detect().with_level(level);
                let found = in_pool(threads, || {
                    predicted(rows, outputs, |w, y| packed.predict(cpu, w, x, y))
                })?;
                assert!(found == expected, "{network:?}, {rows} rows, {threads} threads");
            }
        }
    }
    Ok(())
}

#[test]
fn nothing_is_packed_in_a_call() -> Result<()> {
    // Bits cannot tell whether the packed weights are read; room for packing can, where L2 is so small
    // that weights are not read in place anyway.
    let network = Network::mlp(&[784, 512, 10], Activation::Relu, 3)?;
    let input = numbers(64 * 784, 1);
    let x = View::new(64, 784, &input)?;
    for level in levels().into_iter().filter(|&level| level != Level::Portable) {
        let cpu = Cpu::serial().with_level(level).with_caches(Caches::FALLBACK);
        let packed = PackedNetwork::new(cpu, &network)?;
        let (mut mine, mut theirs) = (Workspace::new(), Workspace::new());
        predicted(64, 10, |_, y| packed.predict(cpu, &mut mine, x, y))?;
        predicted(64, 10, |_, y| network.predict(cpu, &mut theirs, x, y))?;
        assert_eq!(mine.bytes(), 64 * 512 * 4, "{level}");
        assert!(theirs.bytes() > mine.bytes(), "{level}");
    }
    Ok(())
}

#[test]
fn every_output_of_a_graph_is_predicted() -> Result<()> {
    let network = Network::graph(60)
        .dense("trunk", "input", 61, Activation::Tanh)
        .dense("branch", "trunk", 61, Activation::Relu)
        .add("sum", &["trunk", "branch"])
        .concat("both", &["sum", "branch"])
        .dense("classes", "both", 50, Activation::Identity)
        .dense("value", "trunk", 1, Activation::Identity)
        .output("classes")
        .output("value")
        .output("sum")
        .seed(5)
        .build()?;
    let input = Tensor::from_vec(9, 60, numbers(9 * 60, 1))?;
    for level in levels() {
        let cpu = Cpu::serial().with_level(level);
        let outputs = |packed: Option<&PackedNetwork<&Network>>| {
            let mut workspace = Workspace::new();
            let mut tensors = [Tensor::zeros(9, 50)?, Tensor::zeros(9, 1)?, Tensor::zeros(9, 61)?];
            for tensor in &mut tensors {
                tensor.as_mut_slice().fill(f32::NAN);
            }
            let mut views = tensors.each_mut().map(Tensor::view_mut);
            match packed {
                Some(packed) => {
                    packed.predict_all(cpu, &mut workspace, input.view(), &mut views)?
                }
                None => network.predict_all(cpu, &mut workspace, input.view(), &mut views)?,
            }
            Ok::<_, Error>(tensors.map(|tensor| bits(tensor.as_slice())))
        };
        let packed = PackedNetwork::new(cpu, &network)?;
        assert!(packed.bytes() >= 4 * (60 * 61 + 61 * 61 + 122 * 50), "{}", packed.bytes());
        assert_eq!(outputs(Some(&packed))?, outputs(None)?, "{level}");
    }
    Ok(())
}

#[test]
fn the_level_is_that_of_packing() -> Result<()> {
    let network = with_biases(Network::mlp(&[80, 90, 40], Activation::Tanh, 3)?);
    let input = numbers(5 * 80, 1);
    let x = View::new(5, 80, &input)?;
    for packed_at in levels() {
        let cpu = Cpu::serial().with_level(packed_at);
        let packed = PackedNetwork::new(cpu, &network)?;
        let expected = predicted(5, 40, |w, y| network.predict(cpu, w, x, y))?;
        for level in levels() {
            let cpu = Cpu::serial().with_level(level);
            let found = predicted(5, 40, |w, y| packed.predict(cpu, w, x, y))?;
            assert!(found == expected, "packed at {packed_at}, called at {level}");
        }
    }
    Ok(())
}

#[test]
fn what_was_packed_comes_back_to_be_changed() -> Result<()> {
    let cpu = Cpu::detect();
    let network = Network::mlp(&[80, 90, 40], Activation::Tanh, 3)?;
    let mut packed = PackedNetwork::new(cpu, network)?;
    let input = numbers(80, 1);
    let x = View::new(1, 80, &input)?;
    let before = predicted(1, 40, |w, y| packed.predict(cpu, w, x, y))?;
    let mut network = packed.into_network();
    network.parameters_mut().iter_mut().for_each(|p| *p *= 0.5);
    packed = PackedNetwork::new(cpu, network)?;
    let after = predicted(1, 40, |w, y| packed.predict(cpu, w, x, y))?;
    assert_ne!(before, after);
    assert_eq!(after, predicted(1, 40, |w, y| packed.network().predict(cpu, w, x, y))?);

    // Threads that share one each have a workspace.
    let shared = PackedNetwork::new(cpu, Arc::new(packed.into_network()))?;
    std::thread::scope(|scope| {
        let predict = || predicted(1, 40, |w, y| shared.predict(cpu, w, x, y));
        for thread in [(); 3].map(|()| scope.spawn(predict)) {
            assert_eq!(thread.join().expect("no panic")?, after);
        }
        Ok(())
    })
}

#[test]
fn shapes_that_do_not_fit_are_errors_of_the_network() -> Result<()> {
    let network = Network::mlp(&[80, 90, 40], Activation::Relu, 3)?;
    let cpu = Cpu::detect();
    let packed = PackedNetwork::new(cpu, &network)?;
    let zeros = [0.0; 6 * 80];
    for (x, y) in [((2, 79), (2, 40)), ((2, 80), (2, 39)), ((2, 80), (3, 40)), ((2, 80), (0, 0))] {
        let mut output = [f32::NAN; 120];
        let call = |call: &dyn Fn(&mut Workspace, View<'_>, ViewMut<'_>) -> Result<()>,
                    output: &mut [f32]| {
            let input = View::new(x.0, x.1, &zeros[..x.0 * x.1])?;
            let output = ViewMut::new(y.0, y.1, &mut output[..y.0 * y.1])?;
            Ok::<_, Error>(call(&mut Workspace::new(), input, output))
        };
        let expected = call(&|w, x, y| network.predict(cpu, w, x, y), &mut output)?;
        let found = call(&|w, x, y| packed.predict(cpu, w, x, y), &mut output)?;
        assert!(found.is_err(), "{x:?} {y:?}");
        assert_eq!(found, expected);
        assert!(output.iter().all(|x| x.is_nan()), "an output was written");
    }
    let (mut a, mut b) = ([0.0; 40], [0.0; 40]);
    let mut two = [ViewMut::new(1, 40, &mut a)?, ViewMut::new(1, 40, &mut b)?];
    let input = View::new(1, 80, &zeros[..80])?;
    let found = packed.predict_all(cpu, &mut Workspace::new(), input, &mut two);
    assert_eq!(found, Err(Error::Length { argument: "output", expected: 1, found: 2 }));
    Ok(())
}

#[test]
fn a_layer_alone_can_be_packed() -> Result<()> {
    use densecore::dense::{Dense, PackedDense, forward, forward_packed};
    use densecore::gemm::PackedWeight;
    let (weight, bias) = (numbers(70 * 45, 1), numbers(45, 2));
    let weight = View::new(70, 45, &weight)?;
    let input = numbers(8 * 70, 3);
    let x = View::new(8, 70, &input)?;
    for level in levels() {
        let cpu = Cpu::serial().with_level(level);
        let packed = PackedWeight::new(cpu, weight)?;
        for (bias, activation) in
            [(None, Activation::Identity), (Some(&bias[..]), Activation::Gelu)]
        {
            let layer = Dense { weight, bias, activation };
            let mut scratch = densecore::Scratch::new();
            let expected = predicted(8, 45, |_, y| forward(cpu, &mut scratch, layer, x, y))?;
            let layer = PackedDense { weight: &packed, bias, activation };
            let found = predicted(8, 45, |_, y| forward_packed(cpu, &mut scratch, layer, x, y))?;
            assert!(found == expected, "{activation:?} at {level}");
        }
        let (mut scratch, mut y) = (densecore::Scratch::new(), [0.0; 8 * 45]);
        let layer = PackedDense { weight: &packed, bias: None, activation: Activation::Relu };
        let mut call = |layer, (rows, cols), to: (usize, usize)| {
            let x = View::new(rows, cols, &input[..rows * cols])?;
            let y = ViewMut::new(to.0, to.1, &mut y[..to.0 * to.1])?;
            forward_packed(cpu, &mut scratch, layer, x, y)
        };
        let shape = |argument, expected, found| Err(Error::Shape { argument, expected, found });
        assert_eq!(call(layer, (8, 69), (8, 45)), shape("weight", (69, 45), (70, 45)));
        assert_eq!(call(layer, (8, 70), (7, 45)), shape("output", (8, 45), (7, 45)));
        let layer = PackedDense { bias: Some(&bias[1..]), ..layer };
        let found = Err(Error::Length { argument: "bias", expected: 45, found: 44 });
        assert_eq!(call(layer, (8, 70), (8, 45)), found);
    }
    Ok(())
}

#[test]
fn a_debug_text_has_no_weights() -> Result<()> {
    let packed = PackedNetwork::new(Cpu::detect(), Network::mlp(&[80, 90], Activation::Relu, 1)?)?;
    let text = format!("{packed:?}");
    assert!(text.starts_with("PackedNetwork") && text.len() < 1000, "{text}");
    assert!(text.contains(&format!("level: {:?}", Level::detect())), "{text}");
    Ok(())
}

//! Weights of PyTorch: those of a file that it wrote come in transposed, and give its numbers.

use std::fs;

use densecore::io::{FileError, import_torch, import_torch_from_bytes, tensors};
use densecore::{Activation, Error, Network, Tensor, View, Workspace};
use safetensors::{Dtype, SafeTensors};

use super::support::bounded::exact;
use super::support::golden::Compared;
use super::support::reference::{Layer, Net, flat, matrix, transpose};
use super::support::{cpus, levels};
use super::{Result, Tensors, bits, file, folder, names_the_path};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/linear.safetensors");

/// The layers of that file.
fn model() -> Result<Network> {
    Ok(Network::mlp(&[5, 7, 3], Activation::Tanh, 9)?)
}

/// An F32 tensor of that file.
fn tensor(bytes: &[u8], name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
    let tensors = SafeTensors::deserialize(bytes)?;
    let tensor = tensors.tensor(name)?;
    assert_eq!(tensor.dtype(), Dtype::F32);
    let words = tensor.data().as_chunks().0.iter();
    Ok((tensor.shape().to_vec(), words.map(|&word| f32::from_le_bytes(word)).collect()))
}

#[test]
fn weights_are_transposed_and_no_bit_is_lost() -> Result {
    let (bytes, mut network) = (fs::read(PATH)?, model()?);
    import_torch(&mut network, PATH, &["0", "2"])?;
    for (i, name) in ["0", "2"].into_iter().enumerate() {
        let layer = network.layer(i).ok_or("a layer")?;
        let (shape, weight) = tensor(&bytes, &format!("{name}.weight"))?;
        let (outputs, inputs) = (shape[0], shape[1]);
        assert_eq!(layer.weight.shape(), (inputs, outputs));
        let elements = layer.weight.as_contiguous().ok_or("no gaps")?;
        for output in 0..outputs {
            for input in 0..inputs {
                let (found, expected) =
                    (elements[input * outputs + output], weight[output * inputs + input]);
                assert_eq!(found.to_bits(), expected.to_bits(), "{name} [{output}, {input}]");
            }
        }
        assert_eq!(bits(layer.bias), bits(&tensor(&bytes, &format!("{name}.bias"))?.1));
    }
    Ok(())
}

#[test]
fn an_imported_network_gives_the_numbers_of_pytorch() -> Result {
    let (bytes, mut network) = (fs::read(PATH)?, model()?);
    import_torch_from_bytes(&mut network, &bytes, &["0", "2"])?;
    let f64s = |name: &str| -> Result<Vec<f64>> {
        Ok(tensor(&bytes, name)?.1.into_iter().map(f64::from).collect())
    };
    let layer = |name: &str, inputs: usize, activation| -> Result<Layer> {
        let weight = f64s(&format!("{name}.weight"))?;
        let weight = transpose(&matrix(weight.len() / inputs, &weight));
        let bias = f64s(&format!("{name}.bias"))?.into_iter().map(exact).collect();
        Ok(Layer { weight, bias, activation })
    };
    // The tolerance of each output is the running error of these products and tanh.
    let net = Net(vec![layer("0", 5, Activation::Tanh)?, layer("2", 7, Activation::Identity)?]);
    let passed = net.forward(&matrix(4, &f64s("input")?));
    let bounds = flat(&passed[2].0);

    let file = SafeTensors::deserialize(&bytes)?;
    let golden = file.tensor("output")?;
    assert_eq!((golden.dtype(), golden.shape()), (Dtype::F64, &[4, 3][..]));
    let golden: Vec<_> =
        golden.data().as_chunks().0.iter().map(|&word| f64::from_le_bytes(word)).collect();
    let (input, mut compared) = (tensor(&bytes, "input")?.1, Compared::default());
    for cpu in cpus() {
        let mut output = Tensor::from_vec(4, 3, vec![f32::NAN; 12])?;
        let input = View::new(4, 5, &input)?;
        network.predict(cpu, &mut Workspace::new(), input, output.view_mut())?;
        compared.close(&cpu.level().to_string(), output.as_slice(), &golden, &bounds);
    }
    assert_eq!(compared.count, 12 * levels().len());
    assert!(compared.loosest < 1e-5, "{compared:?}");
    Ok(())
}

#[test]
fn what_does_not_fit_is_named_and_changes_nothing() -> Result {
    let linear = |name: &str, outputs: usize, inputs: usize| -> Tensors {
        vec![
            (format!("{name}.weight"), Dtype::F32, vec![outputs, inputs]),
            (format!("{name}.bias"), Dtype::F32, vec![outputs]),
        ]
    };
    let good = [linear("net.0", 5, 3), linear("net.2", 2, 5)].concat();
    let change = |i: usize, dtype: Dtype, shape: &[usize]| {
        let mut changed = good.clone();
        (changed[i].1, changed[i].2) = (dtype, shape.to_vec());
        changed
    };
    let without = |i: usize| {
        let mut changed = good.clone();
        changed.remove(i);
        changed
    };
    let mut network = Network::mlp(&[3, 5, 2], Activation::Relu, 4)?;
    let names = ["net.0", "net.2"];
    let before = bits(network.parameters());
    for (tensors, message) in [
        (change(2, Dtype::F32, &[5, 2]), "net.2.weight: expected F32 [2, 5], found F32 [5, 2]"),
        (change(2, Dtype::F64, &[2, 5]), "net.2.weight: expected F32 [2, 5], found F64 [2, 5]"),
        (change(2, Dtype::BF16, &[2, 5]), "net.2.weight: expected F32 [2, 5], found BF16 [2, 5]"),
        (change(3, Dtype::F32, &[1, 2]), "net.2.bias: expected F32 [2], found F32 [1, 2]"),
        (without(2), "net.2.weight: expected F32 [2, 5], found nothing"),
        (without(3), "net.2.bias: expected F32 [2], found nothing"),
    ] {
        let error = import_torch_from_bytes(&mut network, &file(None, &tensors)?, &names).err();
        assert!(matches!(error, Some(FileError::Tensor { .. })), "{error:?}");
        assert_eq!(error.map(|error| error.to_string()).as_deref(), Some(message));
        assert_eq!(bits(network.parameters()), before, "{message}");
    }
    let bytes = file(None, &good)?;
    for names in [&["net.0"][..], &[], &["net.0", "net.2", "net.4"]] {
        let found = names.len();
        let error = import_torch_from_bytes(&mut network, &bytes, names).err();
        let expected = Error::Length { argument: "names", expected: 2, found };
        assert!(matches!(error, Some(FileError::Network(e)) if e == expected), "{error:?}");
        assert_eq!(bits(network.parameters()), before);
    }
    // The same with nothing amiss: these zeros do arrive.
    import_torch_from_bytes(&mut network, &bytes, &names)?;
    assert!(network.parameters().iter().all(|&x| x == 0.0));
    Ok(())
}

#[test]
fn a_bias_that_has_no_place_is_refused() -> Result {
    let mut network = Network::builder(3).dense_without_bias(2, Activation::Relu).build()?;
    let weight = ("a.weight".to_string(), Dtype::F32, vec![2, 3]);
    let bias = ("a.bias".to_string(), Dtype::F32, vec![2]);
    let before = bits(network.parameters());
    let both = file(None, &vec![weight.clone(), bias])?;
    let error = import_torch_from_bytes(&mut network, &both, &["a"]).err();
    let message = error.map(|error| error.to_string());
    assert_eq!(message.as_deref(), Some("a.bias: expected nothing, found F32 [2]"));
    assert_eq!(bits(network.parameters()), before);
    import_torch_from_bytes(&mut network, &file(None, &vec![weight])?, &["a"])?;
    assert!(network.parameters().iter().all(|&x| x == 0.0));
    Ok(())
}

#[test]
fn a_file_of_pytorch_that_is_damaged_changes_nothing() -> Result {
    let (bytes, mut network) = (fs::read(PATH)?, model()?);
    let before = bits(network.parameters());
    for len in 0..bytes.len() {
        let error = import_torch_from_bytes(&mut network, &bytes[..len], &["0", "2"]).err();
        assert!(matches!(error, Some(FileError::Malformed(_))), "{len}: {error:?}");
    }
    // A pickle, which is what torch.save writes, is a zip archive.
    let error = import_torch_from_bytes(&mut network, b"PK\x03\x04 and more bytes", &["0", "2"]);
    assert!(matches!(error, Err(FileError::Malformed(_))), "{error:?}");
    let missing = folder("torch-missing")?.join("model.safetensors");
    names_the_path(import_torch(&mut network, &missing, &["0", "2"]), &missing);
    names_the_path(tensors(&missing), &missing);
    assert_eq!(bits(network.parameters()), before);
    // A network of this crate is no file of PyTorch's: its weights are not transposed.
    let own = densecore::io::to_bytes(&network)?;
    let error = import_torch_from_bytes(&mut network, &own, &["layers.0", "layers.1"]).err();
    let message = error.map(|error| error.to_string());
    assert_eq!(message.as_deref(), Some("layers.0.weight: expected F32 [7, 5], found F32 [5, 7]"));
    Ok(())
}

#[test]
fn names_and_shapes_of_any_file_are_listed() -> Result {
    let expected: Vec<(String, Vec<usize>)> = vec![
        ("output".into(), vec![4, 3]),
        ("0.bias".into(), vec![7]),
        ("0.weight".into(), vec![7, 5]),
        ("2.bias".into(), vec![3]),
        ("2.weight".into(), vec![3, 7]),
        ("input".into(), vec![4, 5]),
    ];
    assert_eq!(tensors(PATH)?, expected);
    Ok(())
}

#[test]
fn digits_in_names_and_texts_are_no_sizes() -> Result {
    let weight = ("a.weight".to_string(), Dtype::F32, vec![2, 3]);
    // A quote and a backslash are escaped in the header; c follows the name that ends with one.
    for name in ["", "\"", "\\", "\\\""] {
        let digits = "3.14159265358979323846264338327950288";
        let tensor = |name: String| (name, Dtype::F32, vec![1]);
        let others = [format!("a{name}{digits}"), format!("b{name}"), format!("c{digits}")];
        let tensors = [&others.map(tensor)[..], std::slice::from_ref(&weight)].concat();
        let bytes = file(Some(digits), &tensors)?;
        let mut network = Network::builder(3).dense_without_bias(2, Activation::Relu).build()?;
        import_torch_from_bytes(&mut network, &bytes, &["a"])?;
        assert!(network.parameters().iter().all(|&x| x == 0.0));
    }
    Ok(())
}

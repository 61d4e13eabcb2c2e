//! Laws of saved networks and trainings, and of weights of PyTorch: what is saved comes back, what is
//! damaged or does not fit is refused, and a file is never half written.
#![cfg(feature = "safetensors")]

#[path = "safetensors/damage.rs"]
mod damage;
#[path = "safetensors/graphs.rs"]
mod graphs;
#[path = "safetensors/misfits.rs"]
mod misfits;
mod support;
#[path = "safetensors/torch.rs"]
mod torch;
#[path = "safetensors/training.rs"]
mod training;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use densecore::io::{FileError, from_bytes, load, save, to_bytes};
use densecore::{Activation, Cpu, Network, Tensor, View, Workspace};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// All activations, layers with and without a bias, unequal widths.
fn network() -> Result<Network> {
    Ok(Network::builder(3)
        .dense(5, Activation::Relu)
        .dense_without_bias(2, Activation::Sigmoid)
        .dense(4, Activation::Tanh)
        .dense_without_bias(1, Activation::Identity)
        .seed(11)
        .build()?)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// What there is to know about the layers of a network.
fn layers(network: &Network) -> Vec<(Activation, (usize, usize), usize)> {
    let layers = (0..network.layers()).filter_map(|i| network.layer(i));
    layers.map(|l| (l.activation, l.weight.shape(), l.bias.len())).collect()
}

/// An empty folder of this test's own.
fn folder(test: &str) -> Result<PathBuf> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("safetensors-{test}"));
    if path.exists() {
        fs::remove_dir_all(&path)?;
    }
    fs::create_dir_all(&path)?;
    Ok(path)
}

fn names(folder: &PathBuf) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    Ok(entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

/// Tensors of a file that somebody else writes.
type Tensors = Vec<(String, Dtype, Vec<usize>)>;

/// A file with these tensors, all bytes 0, and this description.
fn file(description: Option<&str>, tensors: &Tensors) -> Result<Vec<u8>> {
    let zeros = vec![0; 4096];
    let views = tensors.iter().map(|(name, dtype, shape)| {
        let bytes = shape.iter().product::<usize>() * dtype.bitsize() / 8;
        Ok((name.clone(), TensorView::new(*dtype, shape.clone(), &zeros[..bytes])?))
    });
    let views = views.collect::<Result<Vec<_>>>()?;
    let metadata = description.map(|text| HashMap::from([("densecore".into(), text.into())]));
    Ok(safetensors::serialize(views, metadata)?)
}

const DESCRIPTION: &str = "version 1; inputs 4; dense 8 tanh; dense_without_bias 3 identity";

/// The tensors that [`DESCRIPTION`] asks for.
fn tensors() -> Tensors {
    vec![
        ("layers.0.weight".into(), Dtype::F32, vec![4, 8]),
        ("layers.0.bias".into(), Dtype::F32, vec![8]),
        ("layers.1.weight".into(), Dtype::F32, vec![8, 3]),
    ]
}

#[test]
fn a_network_comes_back_bit_for_bit() -> Result {
    let mut network = network()?;
    let special = [f32::NAN, -f32::NAN, f32::INFINITY, -0.0, 1e-45, f32::MAX];
    if let Some(mut layer) = network.layer_mut(0) {
        layer.weight.as_contiguous_mut().unwrap_or(&mut [])[..6].copy_from_slice(&special);
        layer.weight.as_contiguous_mut().unwrap_or(&mut [])[6] = f32::from_bits(0x7fc1_2345);
    }
    let again = from_bytes(&to_bytes(&network)?)?;
    assert_eq!(layers(&again), layers(&network));
    assert_eq!(bits(again.parameters()), bits(network.parameters()));
    assert_eq!(again.widths().collect::<Vec<_>>(), [3, 5, 2, 4, 1]);
    Ok(())
}

#[test]
fn a_loaded_network_predicts_the_same_bits() -> Result {
    let network = network()?;
    let path = folder("predicts")?.join("network.safetensors");
    save(&network, &path)?;
    let predict = |network: &Network| -> Result<Vec<u32>> {
        let mut output = Tensor::zeros(2, 1)?;
        let input = View::new(2, 3, &[0.5, -1.0, 2.0, 1.5, 0.25, -0.75])?;
        network.predict(Cpu::detect(), &mut Workspace::new(), input, output.view_mut())?;
        Ok(bits(output.as_slice()))
    };
    assert_eq!(predict(&load(&path)?)?, predict(&network)?);
    Ok(())
}

#[test]
fn the_same_network_gives_the_same_bytes() -> Result {
    let bytes = to_bytes(&network()?)?;
    assert_eq!(to_bytes(&network()?)?, bytes);
    assert_eq!(to_bytes(&from_bytes(&bytes)?)?, bytes);
    Ok(())
}

#[test]
fn other_readers_find_tensors_and_description() -> Result {
    let network = network()?;
    let bytes = to_bytes(&network)?;
    let file = SafeTensors::deserialize(&bytes)?;
    assert_eq!(file.len(), 6);
    let weight = file.tensor("layers.1.weight")?;
    assert_eq!((weight.dtype(), weight.shape()), (Dtype::F32, &[5, 2][..]));
    let expected = network.layer(1).and_then(|layer| layer.weight.as_contiguous()).unwrap_or(&[]);
    let expected: Vec<u8> = expected.iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(weight.data(), expected);
    assert_eq!(file.tensor("layers.2.bias")?.shape(), [4]);

    let (_, metadata) = SafeTensors::read_metadata(&bytes)?;
    let text = "version 1; inputs 3; dense 5 relu; dense_without_bias 2 sigmoid; dense 4 tanh; \
                dense_without_bias 1 identity";
    let entries = metadata.metadata().clone().unwrap_or_default();
    assert_eq!(entries, HashMap::from([("densecore".into(), text.into())]));
    Ok(())
}

#[test]
fn files_of_other_writers_are_read_in_any_order() -> Result {
    let mut tensors = tensors();
    tensors.reverse();
    let network = from_bytes(&file(Some(DESCRIPTION), &tensors)?)?;
    let expected = [(Activation::Tanh, (4, 8), 8), (Activation::Identity, (8, 3), 0)];
    assert_eq!(layers(&network), expected);
    Ok(())
}

#[test]
fn saving_replaces_a_file_and_leaves_nothing_else() -> Result {
    let folder = folder("replaces")?;
    let path = folder.join("network.safetensors");
    fs::write(&path, b"something older, and longer than nothing")?;
    save(&network()?, &path)?;
    assert_eq!(fs::read(&path)?, to_bytes(&network()?)?);
    // One that an earlier crash has left is neither used nor removed.
    fs::write(folder.join(".densecore-0.tmp"), b"left")?;
    save(&Network::mlp(&[2, 1], Activation::Relu, 1)?, &path)?;
    assert_eq!(load(&path)?.inputs(), 2);
    assert_eq!(fs::read(folder.join(".densecore-0.tmp"))?, b"left");
    let mut names = names(&folder)?;
    names.sort();
    assert_eq!(names, [".densecore-0.tmp", "network.safetensors"]);
    Ok(())
}

/// Fails unless this is an error of the system that says at which path.
#[track_caller]
fn names_the_path<T>(result: std::result::Result<T, FileError>, path: &Path) {
    let error = result.err().expect("an error");
    assert!(matches!(error, FileError::Io(_)), "{path:?}: {error:?}");
    assert!(error.to_string().starts_with(&format!("{}: ", path.display())), "{error}");
}

#[test]
fn saving_that_fails_leaves_nothing_behind() -> Result {
    let folder = folder("fails")?;
    // A folder cannot be replaced by a file, so it is the last step that fails.
    fs::create_dir(folder.join("taken"))?;
    fs::write(folder.join("taken").join("inside"), b"")?;
    for path in [folder.join("taken"), folder.join("missing").join("file"), folder.join("..")] {
        names_the_path(save(&network()?, &path), &path);
    }
    assert_eq!(names(&folder)?, ["taken"]);
    names_the_path(load(folder.join("missing")), &folder.join("missing"));
    assert!(load(&folder).is_err());
    Ok(())
}

#[test]
fn threads_that_save_to_one_path_leave_one_whole_file() -> Result {
    let folder = folder("threads")?;
    let path = folder.join("network.safetensors");
    std::thread::scope(|scope| {
        let save_often = |seed| {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..10 {
                    let network = Network::mlp(&[3, 5, 2], Activation::Tanh, seed)?;
                    save(&network, path)?;
                    load(path)?;
                }
                Ok::<(), FileError>(())
            })
        };
        let threads = [1, 2, 3, 4].map(save_often);
        threads.into_iter().all(|thread| matches!(thread.join(), Ok(Ok(()))))
    })
    .then_some(())
    .ok_or("a thread failed")?;
    assert_eq!(names(&folder)?, ["network.safetensors"]);
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_what_is_replaced_and_nothing_but_a_file_is() -> Result {
    let folder = folder("links")?;
    let (file, link) = (folder.join("file"), folder.join("link"));
    fs::write(&file, "old")?;
    std::os::unix::fs::symlink(&file, &link)?;
    save(&network()?, &link)?;
    assert!(fs::symlink_metadata(&link)?.is_symlink());
    assert_eq!(bits(load(&file)?.parameters()), bits(network()?.parameters()));

    // A socket, which as little as a device may give its name away.
    let socket = folder.join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket)?;
    for path in [&socket, &folder] {
        let error = save(&network()?, path).expect_err("an error").to_string();
        assert!(error.ends_with("not a regular file"), "{error}");
    }
    let mut names = names(&folder)?;
    names.sort();
    assert_eq!(names, ["file", "link", "socket"]);
    Ok(())
}

/// A disk without room, as far as one process can have it: the shell forbids its child to write more
/// than a few kB into a file, which is an error like that of a full disk.
#[cfg(unix)]
#[test]
fn a_save_that_does_not_fit_leaves_the_old_file_and_nothing_else() -> Result {
    let folder = folder("full")?;
    let path = folder.join("network");
    save(&network()?, &path)?;
    let before = fs::read(&path)?;
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" --ignored --exact child --nocapture";
    let child = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe()?)
        .env("DENSECORE_TEST_PATH", &path)
        .output()?;
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && text.contains("1 passed"), "{child:?}");
    assert_eq!(fs::read(&path)?, before);
    assert_eq!(names(&folder)?, ["network"]);
    Ok(())
}

#[cfg(unix)]
#[test]
#[ignore = "run by the test above in a process of its own"]
fn child() -> Result {
    let path = PathBuf::from(std::env::var("DENSECORE_TEST_PATH")?);
    let large = Network::mlp(&[300, 100, 10], Activation::Relu, 1)?;
    let result = save(&large, &path);
    let is_full = |error: &FileError| matches!(error, FileError::Io(error) if error.kind() == std::io::ErrorKind::FileTooLarge);
    assert!(result.as_ref().is_err_and(is_full), "{result:?}");
    names_the_path(result, &path);
    Ok(())
}

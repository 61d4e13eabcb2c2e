//! Files that are damaged, foreign or made up: each gives an error that says what is wrong.

use std::error::Error as _;

use densecore::io::{FileError, from_bytes, to_bytes};
use densecore::{Activation, Error, Network};
use safetensors::Dtype;

use super::{DESCRIPTION, Result, file, network, tensors};

/// A file with this header and no tensors behind it.
fn header(json: &str) -> Vec<u8> {
    [&(json.len() as u64).to_le_bytes()[..], json.as_bytes()].concat()
}

#[test]
fn a_file_cut_off_anywhere_is_malformed() -> Result {
    let bytes = to_bytes(&network()?)?;
    for len in 0..bytes.len() {
        let error = from_bytes(&bytes[..len]).err();
        assert!(matches!(error, Some(FileError::Malformed(_))), "{len}: {error:?}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(from_bytes(&longer), Err(FileError::Malformed(_))));
    Ok(())
}

#[test]
fn a_flipped_bit_gives_an_error_or_a_network() -> Result {
    let bytes = to_bytes(&network()?)?;
    let size = u64::from_le_bytes(bytes[..8].try_into()?) as usize + 8;
    let (mut errors, mut networks) = (0, 0);
    for i in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[i] ^= 1 << bit;
            match from_bytes(&damaged) {
                Ok(_) => networks += 1,
                Err(error) => {
                    assert!(i < size, "an element cannot be wrong: {error}");
                    assert!(!error.to_string().is_empty());
                    errors += 1;
                }
            }
        }
    }
    assert!(errors > 8 * size * 9 / 10, "{errors} of {}", 8 * size);
    assert!(networks >= 8 * (bytes.len() - size));
    Ok(())
}

#[test]
fn every_byte_of_the_header_may_be_any_byte() -> Result {
    let bytes = to_bytes(&Network::mlp(&[2, 3, 1], Activation::Relu, 1)?)?;
    let size = u64::from_le_bytes(bytes[..8].try_into()?) as usize + 8;
    for i in 0..size {
        for byte in [0, b' ', b'"', b'\\', b'0', b'9', b'-', b'{', b'}', b'[', b']', b',', 255] {
            let mut damaged = bytes.clone();
            damaged[i] = byte;
            if let Ok(network) = from_bytes(&damaged) {
                assert_eq!(network.widths().collect::<Vec<_>>(), [2, 3, 1]);
            }
        }
    }
    Ok(())
}

#[test]
fn foreign_files_are_told_from_damaged_ones() -> Result {
    let foreign = file(None, &tensors())?;
    assert!(matches!(from_bytes(&foreign), Err(FileError::Foreign)));
    for text in [&b""[..], b"not a file of any kind, but longer than eight bytes", &[255; 64]] {
        assert!(matches!(from_bytes(text), Err(FileError::Malformed(_))));
    }
    Ok(())
}

#[test]
fn a_description_that_is_not_understood_is_quoted() -> Result {
    for (description, clause) in [
        ("version 3; inputs 4; dense 8 tanh", "version 3"),
        ("version 12; inputs 4; dense 8 tanh", "version 12"),
        ("", ""),
        ("version 1", ""),
        ("version 1; inputs -4", "inputs -4"),
        ("version 1; inputs 4; dense 8 softmax", "dense 8 softmax"),
        ("version 1; inputs 4; dense 8", "dense 8"),
        ("version 1; inputs 4; dense x tanh", "dense x tanh"),
        ("version 1; inputs 4; conv 8 tanh", "conv 8 tanh"),
        ("version 1; inputs 4; dense 8 tanh; dropout 0.5", "dropout 0.5"),
        ("version 1; inputs 4; dense 8 tanh ", "dense 8 tanh "),
        ("version 1; inputs 4; dense 8 tanh; ", ""),
    ] {
        match from_bytes(&file(Some(description), &tensors())?) {
            Err(FileError::Description { found }) => assert_eq!(found, clause),
            other => panic!("{description}: {other:?}"),
        }
    }
    Ok(())
}

#[test]
fn a_tensor_that_does_not_fit_is_named() -> Result {
    let change = |i: usize, dtype: Dtype, shape: &[usize]| {
        let mut changed = tensors();
        (changed[i].1, changed[i].2) = (dtype, shape.to_vec());
        changed
    };
    let mut missing = tensors();
    missing.remove(1);
    let mut more = tensors();
    more.push(("layers.1.bias".into(), Dtype::F32, vec![3]));
    for (tensors, message) in [
        (change(0, Dtype::F32, &[8, 4]), "layers.0.weight: expected F32 [4, 8], found F32 [8, 4]"),
        (change(0, Dtype::F32, &[32]), "layers.0.weight: expected F32 [4, 8], found F32 [32]"),
        (change(2, Dtype::F16, &[8, 3]), "layers.1.weight: expected F32 [8, 3], found F16 [8, 3]"),
        (change(1, Dtype::F32, &[]), "layers.0.bias: expected F32 [8], found F32 []"),
        (missing, "layers.0.bias: expected F32 [8], found nothing"),
        (more, "layers.1.bias: expected nothing, found F32 [3]"),
    ] {
        match from_bytes(&file(Some(DESCRIPTION), &tensors)?) {
            Err(error @ FileError::Tensor { .. }) => assert_eq!(error.to_string(), message),
            other => panic!("{message}: {other:?}"),
        }
    }
    Ok(())
}

#[test]
fn a_network_that_cannot_be_is_refused() -> Result {
    let none = file(Some("version 1; inputs 4"), &Vec::new())?;
    let error = from_bytes(&none).err();
    assert!(
        matches!(error, Some(FileError::Network(Error::Value { argument: "outputs", .. }))),
        "{error:?}"
    );
    let widths = "version 1; inputs 4; dense_without_bias 0 relu; dense_without_bias 99999 relu";
    let tensors = vec![
        ("layers.0.weight".into(), Dtype::F32, vec![4, 0]),
        ("layers.1.weight".into(), Dtype::F32, vec![0, 99999]),
    ];
    let error = from_bytes(&file(Some(widths), &tensors)?).err();
    assert!(matches!(error, Some(FileError::Network(Error::Node { .. }))), "{error:?}");
    let source = error.as_ref().and_then(|error| error.source()).map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("node layers.0: expected a width of at least 1, found 0"));
    Ok(())
}

#[test]
fn huge_numbers_are_errors_without_allocation_or_overflow() -> Result {
    // Widths that no tensor backs.
    let huge = format!("version 1; inputs 4; dense {} tanh", isize::MAX);
    let error = from_bytes(&file(Some(&huge), &Vec::new())?).err();
    assert!(matches!(error, Some(FileError::Tensor { .. })), "{error:?}");
    // Offsets whose end is just below 2^64, each tensor below the limit of its own.
    let step = (1_u64 << 61) - 4;
    let tensor = |i: u64| {
        let (start, end) = (i * step, (i + 1) * step);
        let elements = step / 4;
        format!(r#""{i}":{{"dtype":"F32","shape":[{elements}],"data_offsets":[{start},{end}]}}"#)
    };
    let json = (0..8).map(tensor).collect::<Vec<_>>().join(",");
    let error = from_bytes(&header(&format!("{{{json}}}"))).err();
    assert!(matches!(error, Some(FileError::Malformed(_))), "{error:?}");
    // The size of the header itself.
    for size in [u64::MAX, u64::MAX - 8, 1 << 63, 100_000_001] {
        let bytes = [&size.to_le_bytes()[..], b"{}"].concat();
        assert!(matches!(from_bytes(&bytes), Err(FileError::Malformed(_))));
    }
    Ok(())
}

//! Compressed files, by whatever name: the same content, and checks of their own.

use std::io::Write;

use densecore::data::idx::{Problem, dataset, open};
use flate2::{Compression, write::GzEncoder};

use super::{Folder, Result, pictures_and_labels};

fn compressed(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

#[test]
fn a_compressed_file_is_the_plain_one() -> Result {
    let folder = Folder::new("gzip-same")?;
    let [pictures, labels] = pictures_and_labels(30);
    let plain = dataset(folder.with("a", &pictures)?, folder.with("b", &labels)?, 10)?;
    let (images, ids) = (compressed(&pictures)?, compressed(&labels)?);
    // The name says nothing: one with and one without the ending.
    let set = dataset(folder.with("c.gz", &images)?, folder.with("d", &ids)?, 10)?;
    assert_eq!(set, plain);

    let parts = [compressed(&pictures[..20])?, compressed(&pictures[20..])?].concat();
    let array = open::<3>(folder.with("parts.gz", &parts)?)?;
    assert_eq!(array.bytes, pictures[16..]);
    Ok(())
}

#[test]
fn a_compressed_file_cut_off_anywhere_is_an_error() -> Result {
    let folder = Folder::new("gzip-cut")?;
    let whole = compressed(&pictures_and_labels(30)[0])?;
    for len in 2..whole.len() {
        let error = open::<3>(folder.with("cut", &whole[..len])?).err().ok_or(len.to_string())?;
        assert!(matches!(error.problem, Problem::Io(_) | Problem::Header), "{len}: {error}");
    }
    Ok(())
}

#[test]
fn a_flipped_bit_is_an_error_or_without_effect() -> Result {
    let folder = Folder::new("gzip-bit")?;
    let [pictures, _] = pictures_and_labels(30);
    let whole = compressed(&pictures)?;
    let mut errors = 0;
    // Behind ten bytes of header, of which time and system may be any.
    for bit in 8 * 10..8 * whole.len() {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        match open::<3>(folder.with("damaged", &damaged)?) {
            Ok(array) => assert_eq!(array.bytes, pictures[16..], "bit {bit}"),
            Err(_) => errors += 1,
        }
    }
    // A length of a code that no byte has may be any.
    assert!(errors > 8 * (whole.len() - 10) * 9 / 10, "{errors} of {} bytes", whole.len());
    Ok(())
}

#[test]
fn what_is_wrong_inside_is_said_as_for_plain_files() -> Result {
    let folder = Folder::new("gzip-inside")?;
    let [mut pictures, _] = pictures_and_labels(4);
    let cut = open::<3>(folder.with("cut", &compressed(&pictures[..30])?)?).err();
    let problem = cut.map(|error| error.problem);
    assert!(matches!(problem, Some(Problem::Truncated { expected: 24, found: 14 })), "{problem:?}");
    pictures.push(1);
    let long = open::<3>(folder.with("long", &compressed(&pictures)?)?).err();
    let problem = long.map(|error| error.problem);
    assert!(matches!(problem, Some(Problem::Trailing { expected: 24 })), "{problem:?}");
    Ok(())
}

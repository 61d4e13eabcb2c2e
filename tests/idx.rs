//! Laws of the reader of idx files: what was written comes back, and whatever else a file holds is
//! an error that says what is wrong, without a panic and without memory for what is not there.

#[path = "idx/damage.rs"]
mod damage;
#[path = "idx/files.rs"]
mod files;
#[cfg(feature = "gzip")]
#[path = "idx/gzip.rs"]
mod gzip;

use std::path::PathBuf;

use densecore::data::idx::{Array, read};
use proptest::prelude::*;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A file of unsigned bytes with these sizes in its header.
fn file(sizes: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, sizes.len() as u8];
    file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    file.extend(bytes);
    file
}

/// A file of so many pictures of 2 x 3 pixels, all different, and their labels, `i % 10`.
fn pictures_and_labels(count: u8) -> [Vec<u8>; 2] {
    let n = u32::from(count);
    let pixels: Vec<u8> = (0..6 * n).map(|i| (i * 5 % 256) as u8).collect();
    let labels: Vec<u8> = (0..count).map(|i| i % 10).collect();
    [file(&[n, 2, 3], &pixels), file(&[n], &labels)]
}

/// A folder of its own for a test, which goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("densecore-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// The path of a file with this content.
    fn with(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        let path = self.0.join(name);
        std::fs::write(&path, content)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // a test that failed matters more
    }
}

#[test]
fn sizes_are_big_endian_and_the_last_dimension_is_fastest() -> Result {
    let bytes: Vec<u8> = (0..=255).chain(0..44).collect();
    let expected = || bytes.clone();
    assert_eq!(read(&file(&[300], &bytes)[..])?, Array { shape: [300], bytes: expected() });
    let sizes = [2, 3, 5, 10];
    let array = Array { shape: [2, 3, 5, 10], bytes: expected() };
    assert_eq!(read(&file(&sizes, &bytes)[..])?, array);
    assert_eq!(read(&file(&[0, 28, 28], &[])[..])?, Array { shape: [0, 28, 28], bytes: vec![] });
    Ok(())
}

proptest! {
    #[test]
    fn what_was_written_comes_back(a in 0..9_u32, b in 0..9_u32, c in 0..9_u32, seed: u8) {
        let bytes: Vec<u8> = (0..a * b * c).map(|i| (i as u8).wrapping_mul(seed)).collect();
        let array = read::<3>(&file(&[a, b, c], &bytes)[..])?;
        prop_assert_eq!(array.shape, [a, b, c].map(|size| size as usize));
        prop_assert_eq!(array.bytes, bytes);
    }

    #[test]
    fn any_bytes_are_an_array_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        check_any::<1>(&bytes)?;
        check_any::<3>(&bytes)?;
        // With a header that is right so far, the sizes and the length are what is drawn.
        check_any::<1>(&[&[0, 0, 8, 1], &bytes[..]].concat())?;
        check_any::<3>(&[&[0, 0, 8, 3], &bytes[..]].concat())?;
    }

    #[test]
    fn small_sizes_with_any_length_behind_them(sizes: [u8; 3], length in 0..2000_usize) {
        let sizes = sizes.map(|size| u32::from(size % 16));
        let announced = sizes.iter().product::<u32>() as usize;
        let file = file(&sizes, &vec![7; length]);
        check_any::<3>(&file)?;
        prop_assert_eq!(read::<3>(&file[..]).is_ok(), announced == length);
    }
}

/// What is read has as many bytes as its shape and its file say; an error is one line.
fn check_any<const RANK: usize>(bytes: &[u8]) -> std::result::Result<(), TestCaseError> {
    match read::<RANK>(bytes) {
        Ok(array) => {
            prop_assert_eq!(array.bytes.len(), array.shape.iter().product::<usize>());
            prop_assert_eq!(array.bytes.len(), bytes.len() - 4 - 4 * RANK);
        }
        Err(error) => prop_assert_eq!(error.to_string().lines().count(), 1),
    }
    Ok(())
}

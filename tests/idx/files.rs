//! Files by name, alone and as the two halves of a data set: an error names the one to blame.

use densecore::data::idx::{FileError, Problem, dataset, open};
use densecore::{Error, Targets};

use super::{Folder, Result, file, pictures_and_labels};

#[test]
fn pictures_and_labels_make_a_data_set() -> Result {
    let folder = Folder::new("idx-set")?;
    let [pictures, labels] = pictures_and_labels(30);
    let (images, labels) = (folder.with("images", &pictures)?, folder.with("labels", &labels)?);
    let set = dataset(images, labels, 10)?;
    assert_eq!(set.inputs().shape(), (30, 6));
    for (i, &x) in set.inputs().as_slice().iter().enumerate() {
        assert_eq!(x, (i * 5 % 256) as f32 / 255.0);
    }
    let Targets::Classes { ids, classes: 10 } = set.targets() else {
        panic!("{:?}", set.targets());
    };
    assert!(ids.iter().copied().eq((0..30).map(|i| i % 10)));
    Ok(())
}

/// The error of two files with these contents, which is one line and begins with the path of the
/// file called `to_blame`.
fn refused(name: &str, contents: [&[u8]; 2], to_blame: &str) -> Result<FileError> {
    let folder = Folder::new(name)?;
    let (images, labels) =
        (folder.with("images", contents[0])?, folder.with("labels", contents[1])?);
    let error = dataset(images, labels, 10).err().ok_or("no error")?;
    assert_eq!(error.path, folder.0.join(to_blame), "{error}");
    let text = error.to_string();
    assert_eq!(text, format!("{}: {}", error.path.display(), error.problem));
    assert_eq!(text.lines().count(), 1);
    Ok(error)
}

#[test]
fn the_file_to_blame_is_named() -> Result {
    let [pictures, labels] = &pictures_and_labels(12);
    let [_, fewer] = &pictures_and_labels(11);

    let swapped = refused("idx-swapped", [labels, pictures], "images")?;
    assert!(matches!(swapped.problem, Problem::Rank { expected: 3, found: 1 }), "{swapped}");
    let twice = refused("idx-twice", [pictures, pictures], "labels")?;
    assert!(matches!(twice.problem, Problem::Rank { expected: 1, found: 3 }), "{twice}");
    let cut = refused("idx-cut", [&pictures[..80], labels], "images")?;
    assert!(matches!(cut.problem, Problem::Truncated { expected: 72, found: 64 }), "{cut}");
    let count = refused("idx-count", [pictures, fewer], "labels")?;
    assert!(matches!(count.problem, Problem::Count { expected: 12, found: 11 }), "{count}");
    let not_idx = refused("idx-text", [pictures, b"label\n1\n2\n"], "labels")?;
    assert!(matches!(not_idx.problem, Problem::Format), "{not_idx}");

    let wrong = file(&[12], &[0, 1, 2, 3, 4, 5, 6, 10, 8, 9, 255, 1]);
    let label = refused("idx-label", [pictures, &wrong], "labels")?;
    let expected = Error::Class { row: 7, found: 10, classes: 10 };
    assert!(matches!(label.problem, Problem::Data(error) if error == expected), "{label}");
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_named() -> Result {
    let folder = Folder::new("idx-missing")?;
    let missing = open::<1>(folder.0.join("nothing")).err().ok_or("no error")?;
    assert_eq!(missing.path, folder.0.join("nothing"));
    assert!(
        matches!(&missing.problem, Problem::Io(error) if error.kind() == std::io::ErrorKind::NotFound)
    );
    // A folder.
    let error = open::<1>(&folder.0).err().ok_or("no error")?;
    assert!(matches!(error.problem, Problem::Io(_)), "{error}");
    // Less than the two bytes that tell a compressed file.
    for content in [&[][..], &[0], &[0x1f]] {
        let error = open::<1>(folder.with("short", content)?).err().ok_or("no error")?;
        assert!(matches!(error.problem, Problem::Header), "{error}");
    }
    Ok(())
}

#[cfg(not(feature = "gzip"))]
#[test]
fn a_compressed_file_asks_for_the_feature() -> Result {
    let folder = Folder::new("idx-compressed")?;
    let error =
        open::<1>(folder.with("labels.gz", &[0x1f, 0x8b, 8, 0])?).err().ok_or("no error")?;
    assert!(matches!(error.problem, Problem::Compressed), "{error}");
    Ok(())
}

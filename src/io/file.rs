//! Whole files: read, and replaced all at once.

use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use super::FileError;

/// The content of a file. Error: [`Io`](FileError::Io), which names the path.
pub(super) fn read(path: &Path) -> core::result::Result<Vec<u8>, FileError> {
    fs::read(path).map_err(at(path))
}

/// Puts a file with this content at `path`, in the place of one that is there. Error:
/// [`Io`](FileError::Io), which names the path; then the old file is as it was.
///
/// The content goes to a new file next to it, and to the disk, before that file gets the name:
/// whatever happens, `path` is the old file or the new one, whole.
pub(super) fn replace(path: &Path, content: &[u8]) -> core::result::Result<(), FileError> {
    let end = target(path).map_err(at(path))?;
    let replace = || {
        let (mut file, temporary) = create_beside(&end)?;
        let written = file.write_all(content).and_then(|()| file.sync_all());
        drop(file); // an open file cannot be renamed everywhere
        let result = written.and_then(|()| fs::rename(&temporary, &end));
        if result.is_err() {
            let _ = fs::remove_file(&temporary); // the first error is the one to tell
        }
        result
    };
    replace().map_err(at(path))?;
    sync_folder(&end);
    Ok(())
}

/// What is to be replaced: a link's end, not the link. A device or a folder is not replaced.
fn target(path: &Path) -> Result<PathBuf> {
    match fs::metadata(path) {
        Ok(there) if there.is_file() => fs::canonicalize(path),
        Ok(_) => Err(Error::new(ErrorKind::InvalidInput, "not a regular file")),
        Err(_) => Ok(path.to_path_buf()),
    }
}

/// The error of the system with the path in front of it, which it does not say by itself.
fn at(path: &Path) -> impl Fn(Error) -> FileError {
    move |error| {
        let text = format!("{}: {error}", path.display());
        FileError::Io(Error::new(error.kind(), text))
    }
}

/// A new file in the folder of `path`, which no other call has got.
fn create_beside(path: &Path) -> Result<(File, PathBuf)> {
    if path.file_name().is_none() {
        return Err(Error::new(ErrorKind::InvalidInput, "the path names no file"));
    }
    for number in 0..u16::MAX {
        let temporary = path.with_file_name(format!(".densecore-{number}.tmp"));
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(ErrorKind::AlreadyExists, "too many temporary files in the folder"))
}

/// Puts the new name on the disk too, where a folder can be synchronised: without that a crash may
/// bring the old file back.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _ = folder.sync_all(); // the file is replaced, and whole, whatever this says
    }
}

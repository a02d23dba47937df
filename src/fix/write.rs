//! Writes changed files, each at once or not at all: the new text goes to a file beside it, which takes its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A file and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file's absolute path, without links in it.
    pub path: PathBuf,
    /// What the user is shown as its path.
    pub shown: String,
    /// What it holds.
    pub before: Vec<u8>,
    /// What it is to hold.
    pub after: Vec<u8>,
}

/// Names that are tried for the file that takes another one's place.
const MOST_NAMES: u32 = 100;

/// Writes `change`. The file keeps its permissions, and on Unix its owner if that is allowed.
///
/// # Errors
///
/// When the file does not hold what it held when it was read, or cannot be written. It is as it was then.
pub fn write(change: &Change) -> io::Result<()> {
    let file = File::open(&change.path)?;
    let metadata = file.metadata()?;
    let mut bytes = Vec::new();
    file.take(change.before.len() as u64 + 1).read_to_end(&mut bytes)?;
    if bytes != change.before {
        return Err(io::Error::other("it was changed meanwhile; run the program again"));
    }
    let (path, mut replacement) = create_beside(&change.path)?;
    let written = replacement
        .write_all(&change.after)
        .and_then(|()| keep_owner(&replacement, &metadata))
        .and_then(|()| replacement.set_permissions(metadata.permissions()))
        .and_then(|()| replacement.sync_all())
        .and_then(|()| fs::rename(&path, &change.path));
    if written.is_err() {
        // It is the first error that matters.
        let _ = fs::remove_file(&path);
    }
    written
}

/// A new file in the folder of the file at `path`.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for number in 0..MOST_NAMES {
        let beside = path.with_file_name(format!(".{name}.imdslint-{number}"));
        match OpenOptions::new().write(true).create_new(true).open(&beside) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return Ok((beside, result?)),
        }
    }
    Err(io::Error::other("there are too many files of earlier runs beside it"))
}

#[cfg(unix)]
fn keep_owner(file: &File, metadata: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};

    match fchown(file, Some(metadata.uid()), Some(metadata.gid())) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: PathBuf, before: &str, after: &str) -> Change {
        Change { path, shown: "a".into(), before: before.into(), after: after.into() }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tf");
        fs::write(&path, "old").unwrap();
        fs::write(folder.path().join(".a.tf.imdslint-0"), "of an earlier run").unwrap();
        write(&change(path.clone(), "old", "new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), [".a.tf.imdslint-0", "a.tf"]);
    }

    #[test]
    fn a_file_that_was_changed_meanwhile_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.tf");
        for held in ["older", "ol", ""] {
            fs::write(&path, held).unwrap();
            assert!(write(&change(path.clone(), "old", "new")).unwrap_err().to_string().contains("meanwhile"));
            assert_eq!(fs::read_to_string(&path).unwrap(), held);
        }
        assert_eq!(names(folder.path()), ["a.tf"]);
        assert!(write(&change(folder.path().join("b.tf"), "", "new")).is_err(), "no file is made");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_kept() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("boot.sh");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        write(&change(path.clone(), "old", "new")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
    }
}

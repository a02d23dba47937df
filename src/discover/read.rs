//! Reads one regular file inside the workspace root, and nothing else.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::finding::ProblemCode;
use crate::source::Limits;

/// Why a file was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// Nothing has that path.
    Missing,
    /// The path, or what a link on its way leads to, lies outside the workspace root or in a `.git` folder.
    OutsideRoot,
    /// A folder, FIFO, socket or device.
    NotRegular,
    /// The file is larger than the limit; both in bytes.
    TooLarge {
        /// The file's length.
        bytes: u64,
        /// The longest that is read.
        limit: u64,
    },
    /// The system refused, and says why.
    Unreadable(String),
}

impl LoadError {
    /// The code of a problem that reports this error.
    #[must_use]
    pub fn code(&self) -> ProblemCode {
        match self {
            Self::Missing => ProblemCode::Missing,
            Self::OutsideRoot => ProblemCode::OutsideRoot,
            Self::TooLarge { .. } => ProblemCode::Limit,
            Self::NotRegular | Self::Unreadable(_) => ProblemCode::Unreadable,
        }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.write_str("the file does not exist; create it or correct the path"),
            Self::OutsideRoot => formatter.write_str(
                "the file lies outside the workspace root or in `.git`, where nothing is read; \
                 move it into the workspace or name a wider one with --root",
            ),
            Self::NotRegular => {
                formatter.write_str("this is no regular file and is not opened; put a regular file in its place")
            }
            Self::TooLarge { bytes, limit } => write!(
                formatter,
                "the file has {bytes} bytes and at most {limit} are read; split it, or exclude it if it is generated"
            ),
            Self::Unreadable(why) => write!(formatter, "the file cannot be read: {why}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<io::Error> for LoadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Missing,
            _ => Self::Unreadable(error.to_string()),
        }
    }
}

/// How much of a file that is too large is looked at, to see whether it may be a plan.
const BEGINNING_BYTES: usize = 64 << 10;

/// What is needed to read a file of one workspace.
#[derive(Debug)]
pub(super) struct Reader {
    /// The workspace root without links in it.
    pub(super) root: PathBuf,
    pub(super) limits: Limits,
    /// What is read in place of files, by paths relative to the root.
    pub(super) overlays: BTreeMap<String, Vec<u8>>,
}

impl Reader {
    /// The bytes of the file at `path`, relative to the root, no part of which but the last is a link.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        self.read_up_to(self.limits.file_bytes, path)
    }

    /// The bytes of a file that may be a plan, for which there is another limit.
    pub(super) fn read_plan(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        self.read_up_to(self.limits.plan_bytes, path)
    }

    /// The first bytes of the file at `path`, as [`Reader::read`], however long it is.
    pub(super) fn read_beginning(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        if let Some(bytes) = self.overlays.get(path) {
            return Ok(bytes.iter().copied().take(BEGINNING_BYTES).collect());
        }
        let (file, _) = self.open(path)?;
        let mut bytes = Vec::new();
        file.take(BEGINNING_BYTES as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read_up_to(&self, limit: u64, path: &str) -> Result<Vec<u8>, LoadError> {
        let check = |bytes: u64| if bytes > limit { Err(LoadError::TooLarge { bytes, limit }) } else { Ok(()) };
        if let Some(bytes) = self.overlays.get(path) {
            check(bytes.len() as u64)?;
            return Ok(bytes.clone());
        }
        let (file, length) = self.open(path)?;
        check(length)?;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        // The file may grow meanwhile.
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        check(bytes.len() as u64)?;
        Ok(bytes)
    }

    /// The regular file at `path` and its length in bytes.
    fn open(&self, path: &str) -> Result<(File, u64), LoadError> {
        let mut absolute = self.root.join(path);
        let mut metadata = fs::symlink_metadata(&absolute)?;
        if metadata.is_symlink() {
            absolute = absolute.canonicalize()?;
            metadata = fs::metadata(&absolute)?;
        }
        let inside = relative(&self.root, &absolute).ok_or(LoadError::OutsideRoot)?;
        if inside.split('/').any(|part| part == ".git") {
            return Err(LoadError::OutsideRoot);
        }
        // A FIFO blocks when it is opened, so this is asked before.
        if !metadata.is_file() {
            return Err(LoadError::NotRegular);
        }
        Ok((File::open(&absolute)?, metadata.len()))
    }

    /// `path`, normalised and relative to the root, with the links among its folders resolved.
    pub(super) fn real_path(&self, path: &str) -> Result<String, LoadError> {
        let (folder, name) = split(path);
        let folder = self.real_folder(folder)?;
        Ok(join(&folder, name))
    }

    /// The folder `path`, normalised and relative to the root, with all links resolved.
    pub(super) fn real_folder(&self, path: &str) -> Result<String, LoadError> {
        if path.is_empty() {
            return Ok(String::new());
        }
        let absolute = self.root.join(path).canonicalize()?;
        relative(&self.root, &absolute).ok_or(LoadError::OutsideRoot)
    }
}

/// `absolute` relative to `root`, with `/` between the parts; `None` when it lies outside or is not UTF-8.
pub(super) fn relative(root: &Path, absolute: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> =
        absolute.strip_prefix(root).ok()?.components().map(|part| part.as_os_str().to_str()).collect();
    Some(parts?.join("/"))
}

/// `path` with `.` and `..` resolved; `None` when it is absolute or leaves the root.
pub(super) fn normalise(path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            // On Windows `C:` and `\` have a meaning inside a part.
            _ if Path::new(part).components().eq([Component::Normal(part.as_ref())]) => parts.push(part),
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

/// The folder and the last part of a normalised path.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The path of `name` in `folder`.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// Whether `path` is `folder` or lies below it.
pub(super) fn lies_in(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_and_never_leave_the_root() {
        assert_eq!(normalise("./a//b/../c").as_deref(), Some("a/c"));
        assert_eq!(normalise("a/..").as_deref(), Some(""));
        for path in ["/etc/passwd", "..", "a/../../b", "../a"] {
            assert_eq!(normalise(path), None, "{path}");
        }
    }

    #[test]
    fn a_folder_with_the_same_beginning_is_another_one() {
        assert!(lies_in("a/b", "a") && lies_in("a", "a") && lies_in("a", ""));
        assert!(!lies_in("ab/c", "a") && !lies_in("a", "a/b"));
    }
}

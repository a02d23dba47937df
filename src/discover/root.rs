//! Where the workspace begins, what the user named in it, and the configuration file that belongs to it.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::Options;
use super::plan::may_be_plan;
use super::read::relative;
use crate::source::Limits;

/// The names of a configuration file, the preferred one first.
pub const CONFIGURATION_NAMES: [&str; 2] = ["imdslint.yaml", ".imdslint.yaml"];

/// Why there is no workspace: a mistake in how the program was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// A given path does not exist.
    Missing(PathBuf),
    /// The path given as `--root` is no folder.
    NoFolder(PathBuf),
    /// A given path lies outside the workspace root.
    OutsideRoot {
        /// The path as given.
        path: PathBuf,
        /// The workspace root.
        root: PathBuf,
    },
    /// A glob of the excludes is malformed.
    Glob {
        /// The glob as given.
        glob: String,
        /// What is wrong with it.
        message: String,
    },
    /// The system refused, and says why.
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// The reason.
        message: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => {
                write!(formatter, "{} does not exist; name an existing file or folder", path.display())
            }
            Self::NoFolder(path) => {
                write!(formatter, "{} is no folder; --root takes the folder of the workspace", path.display())
            }
            Self::OutsideRoot { path, root } => write!(
                formatter,
                "{} lies outside the workspace root {}; name a folder that holds both with --root",
                path.display(),
                root.display()
            ),
            Self::Glob { glob, message } => {
                write!(formatter, "`{glob}` is no valid glob: {message}; write it as in a .gitignore file")
            }
            Self::Unreadable { path, message } => write!(formatter, "{} cannot be read: {message}", path.display()),
        }
    }
}

impl std::error::Error for OpenError {}

fn unreadable(path: &Path, error: &std::io::Error) -> OpenError {
    match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => OpenError::Missing(path.to_owned()),
        _ => OpenError::Unreadable { path: path.to_owned(), message: error.to_string() },
    }
}

/// The root and what was named in it. All strings are paths relative to the root.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) root: PathBuf,
    /// The folder from which the configuration is looked for, upwards.
    start: PathBuf,
    pub(super) files: BTreeSet<String>,
    pub(super) folders: BTreeSet<String>,
    pub(super) overlay: Option<String>,
}

struct Target {
    given: PathBuf,
    /// Without links, except that a file's own name may be one.
    absolute: PathBuf,
    is_folder: bool,
}

impl Target {
    fn existing(given: &Path, current: &Path) -> Result<Self, OpenError> {
        let whole = current.join(given);
        let real = whole.canonicalize().map_err(|error| unreadable(given, &error))?;
        let is_folder = real.is_dir();
        let absolute = match (whole.parent(), whole.file_name()) {
            (Some(parent), Some(name)) if !is_folder => {
                parent.canonicalize().map_err(|error| unreadable(given, &error))?.join(name)
            }
            _ => real,
        };
        Ok(Self { given: given.to_owned(), absolute, is_folder })
    }

    /// A buffer's path, of which only some folder above must exist.
    fn buffer(given: &Path, current: &Path) -> Result<Self, OpenError> {
        let whole = current.join(given);
        let missing = || OpenError::Missing(given.to_owned());
        let name = whole.file_name().ok_or_else(missing)?;
        let folder = whole.parent().ok_or_else(missing)?;
        let existing = folder.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
        let (above, mut absolute) = existing.ok_or_else(missing)?;
        for part in folder.strip_prefix(above).unwrap_or(Path::new("")).components() {
            match part {
                std::path::Component::ParentDir => {
                    absolute.pop();
                }
                part => absolute.push(part),
            }
        }
        Ok(Self { given: given.to_owned(), absolute: absolute.join(name), is_folder: false })
    }

    fn folder(&self) -> &Path {
        if self.is_folder { &self.absolute } else { self.absolute.parent().unwrap_or(&self.absolute) }
    }

    fn relative_to(&self, root: &Path) -> Result<String, OpenError> {
        relative(root, &self.absolute)
            .ok_or_else(|| OpenError::OutsideRoot { path: self.given.clone(), root: root.to_owned() })
    }
}

impl Named {
    /// Finds the root for `options`, whose relative paths start at `current`, a path without links.
    pub(super) fn find(options: &Options, current: &Path) -> Result<Self, OpenError> {
        let mut targets: Vec<_> =
            options.paths.iter().map(|path| Target::existing(path, current)).collect::<Result<_, _>>()?;
        let overlay = options.overlay.as_ref().map(|overlay| Target::buffer(&overlay.path, current)).transpose()?;
        if targets.is_empty() && overlay.is_none() {
            targets.push(Target::existing(Path::new("."), current)?);
        }
        let start = targets.first().or(overlay.as_ref()).map_or(current, Target::folder).to_owned();
        let root = match &options.root {
            Some(given) => {
                let root = current.join(given).canonicalize().map_err(|error| unreadable(given, &error))?;
                if !root.is_dir() {
                    return Err(OpenError::NoFolder(given.clone()));
                }
                root
            }
            None => start.ancestors().find(|folder| begins_workspace(folder)).map_or_else(
                || if start.starts_with(current) { current.to_owned() } else { start.clone() },
                Path::to_owned,
            ),
        };
        let overlay = overlay.map(|target| target.relative_to(&root)).transpose()?;
        let mut named =
            Self { start, files: overlay.iter().cloned().collect(), folders: BTreeSet::new(), overlay, root };
        for target in targets {
            let path = target.relative_to(&named.root)?;
            let real = target.absolute.canonicalize().map_err(|error| unreadable(&target.given, &error))?;
            if !real.starts_with(&named.root) {
                return Err(OpenError::OutsideRoot { path: target.given, root: named.root });
            }
            if target.is_folder { &mut named.folders } else { &mut named.files }.insert(path);
        }
        Ok(named)
    }

    /// The nearest configuration file, from the first path upwards to the root.
    fn configuration(&self) -> Result<Option<PathBuf>, OpenError> {
        let folders = self.start.ancestors().take_while(|folder| folder.starts_with(&self.root));
        let Some(path) = folders.flat_map(configurations_in).find(|path| path.is_file()) else { return Ok(None) };
        let real = path.canonicalize().map_err(|error| unreadable(&path, &error))?;
        if real.starts_with(&self.root) {
            Ok(Some(path))
        } else {
            Err(OpenError::OutsideRoot { path, root: self.root.clone() })
        }
    }
}

fn configurations_in(folder: &Path) -> impl Iterator<Item = PathBuf> {
    CONFIGURATION_NAMES.iter().map(|name| folder.join(name))
}

fn begins_workspace(folder: &Path) -> bool {
    fs::symlink_metadata(folder.join(".git")).is_ok() || configurations_in(folder).any(|path| path.is_file())
}

/// The folders above `root` up to that of the git repository that it is a part of, the nearest first.
///
/// There are none when the root begins a repository of its own, or is in none.
pub(super) fn repository_above(root: &Path) -> Vec<PathBuf> {
    let mut above = Vec::new();
    for folder in root.ancestors() {
        if folder != root {
            above.push(folder.to_owned());
        }
        if fs::symlink_metadata(folder.join(".git")).is_ok() {
            return above;
        }
    }
    Vec::new()
}

/// The working directory without links in it.
pub(super) fn current_folder() -> Result<PathBuf, OpenError> {
    std::env::current_dir()
        .and_then(|folder| folder.canonicalize())
        .map_err(|error| OpenError::Unreadable { path: PathBuf::from("."), message: error.to_string() })
}

/// The nearest configuration file, from the first of the paths upwards to the workspace root.
///
/// # Errors
///
/// As [`super::Workspace::open`]; also when the file is a link that leaves the root.
pub fn find_configuration(options: &Options) -> Result<Option<PathBuf>, OpenError> {
    Named::find(options, &current_folder()?)?.configuration()
}

/// The folder of the configuration file `path`, relative to the workspace root with `/` between the parts; the root
/// itself when the file lies elsewhere.
///
/// # Errors
///
/// As [`super::Workspace::open`].
pub fn folder_of_configuration(options: &Options, path: &Path) -> Result<String, OpenError> {
    let current = current_folder()?;
    let root = Named::find(options, &current)?.root;
    let folder = current.join(path).canonicalize().map_err(|error| unreadable(path, &error))?;
    Ok(folder.parent().and_then(|folder| relative(&root, folder)).unwrap_or_default())
}

/// All of standard input.
///
/// # Errors
///
/// When it cannot be read, or is longer than a file may be: than a plan, if it begins as one.
pub fn read_standard_input(limits: &Limits) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut input = std::io::stdin().lock();
    let mut limit = limits.file_bytes;
    input.by_ref().take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit && may_be_plan(&String::from_utf8_lossy(&bytes)) {
        input.take(limits.plan_bytes.saturating_sub(limit)).read_to_end(&mut bytes)?;
        limit = limits.plan_bytes;
    }
    if bytes.len() as u64 > limit {
        return Err(std::io::Error::other(format!("it is longer than {limit} bytes")));
    }
    Ok(bytes)
}

/// The text of the configuration file `path`, which must be a regular file within `limits`.
///
/// # Errors
///
/// When it is not, or cannot be read.
pub fn read_configuration(path: &Path, limits: &Limits) -> Result<String, OpenError> {
    let refuse = |message: String| OpenError::Unreadable { path: path.to_owned(), message };
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() {
        return Err(refuse("it is no regular file".to_owned()));
    }
    let mut text = String::new();
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    file.take(limits.file_bytes.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(|error| unreadable(path, &error))?;
    if text.len() as u64 > limits.file_bytes {
        return Err(refuse(format!("it is longer than {} bytes", limits.file_bytes)));
    }
    Ok(text)
}

/// The text of the baseline `path`, which must be a regular file within `limits`; `None` when there is none.
///
/// With a folder in `below` it, or the place where it would be, must lie below that folder, links resolved.
///
/// # Errors
///
/// When it is not such a file, or cannot be read.
pub fn read_baseline(path: &Path, below: Option<&Path>, limits: &Limits) -> Result<Option<String>, OpenError> {
    let absolute = current_folder()?.join(path);
    let resolve = |path: &Path| path.canonicalize().map_err(|error| unreadable(path, &error));
    if let Some(folder) = below {
        let folder = resolve(&current_folder()?.join(folder))?;
        let is_there = fs::symlink_metadata(&absolute).is_ok();
        let place = absolute.parent().filter(|_| !is_there).unwrap_or(&absolute);
        if relative(&folder, &resolve(place)?).is_none() {
            let message = "it does not lie below the folder of the configuration; name another one".to_owned();
            return Err(OpenError::Unreadable { path: path.to_owned(), message });
        }
    }
    match fs::symlink_metadata(&absolute) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        _ => read_configuration(path, limits).map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        (folder, root)
    }

    fn options(paths: &[&Path]) -> Options {
        Options { paths: paths.iter().map(|path| (*path).to_owned()).collect(), ..Options::default() }
    }

    #[test]
    fn the_root_is_the_nearest_folder_with_a_marker() {
        let (_guard, base) = folder_with(&["r/.git/HEAD", "r/a/b/x.tf", "r/c/imdslint.yaml", "r/c/d/y.tf"]);
        let root = |path: &str| Named::find(&options(&[&base.join(path)]), &base).unwrap().root;
        assert_eq!(root("r/a/b"), base.join("r"));
        assert_eq!(root("r/a/b/x.tf"), base.join("r"));
        assert_eq!(root("r/c/d"), base.join("r/c"));
        let given = Options { root: Some("r/a".into()), ..options(&[Path::new("r/a/b")]) };
        assert_eq!(Named::find(&given, &base).unwrap().root, base.join("r/a"));
    }

    #[test]
    fn without_a_marker_it_is_the_working_directory_or_the_named_folder() {
        let (_guard, base) = folder_with(&["here/a/x.tf", "there/b/y.tf"]);
        let root = |path: &str| Named::find(&options(&[&base.join(path)]), &base.join("here")).unwrap().root;
        assert_eq!(root("here/a"), base.join("here"));
        assert_eq!(root("there/b"), base.join("there/b"));
        assert_eq!(root("there/b/y.tf"), base.join("there/b"));
    }

    #[test]
    fn mistakes_are_named() {
        let (_guard, base) = folder_with(&["r/.git/HEAD", "r/x.tf", "other/y.tf"]);
        let fail = |options: &Options| Named::find(options, &base).unwrap_err();
        assert_eq!(fail(&options(&[Path::new("nowhere")])), OpenError::Missing("nowhere".into()));
        let outside = fail(&options(&[Path::new("r"), Path::new("other")]));
        assert_eq!(outside, OpenError::OutsideRoot { path: "other".into(), root: base.join("r") });
        assert!(outside.to_string().contains("--root"), "{outside}");
        let file_as_root = Options { root: Some("r/x.tf".into()), ..Options::default() };
        assert_eq!(fail(&file_as_root), OpenError::NoFolder("r/x.tf".into()));
    }

    #[cfg(unix)]
    #[test]
    fn a_named_link_may_not_leave_the_root() {
        let (_guard, base) = folder_with(&["r/.git/HEAD", "secret"]);
        std::os::unix::fs::symlink(base.join("secret"), base.join("r/link.tf")).unwrap();
        let error = Named::find(&options(&[&base.join("r/link.tf")]), &base).unwrap_err();
        assert!(matches!(error, OpenError::OutsideRoot { .. }), "{error}");
    }

    #[test]
    fn a_buffer_need_not_exist() {
        let (_guard, base) = folder_with(&["r/.git/HEAD"]);
        let overlay = super::super::Overlay { path: "r/new/folder/../x.tf".into(), bytes: Vec::new() };
        let named = Named::find(&Options { overlay: Some(overlay), ..Options::default() }, &base).unwrap();
        assert_eq!(named.root, base.join("r"));
        assert_eq!(named.overlay.as_deref(), Some("new/x.tf"));
    }

    #[test]
    fn the_nearest_configuration_within_the_root_is_found() {
        let (_guard, base) = folder_with(&["imdslint.yaml", "r/a/.imdslint.yaml", "r/a/b/x.tf", "r/c/y.tf"]);
        let find = |path: &str| {
            let options = Options { root: Some(base.join("r")), ..options(&[&base.join(path)]) };
            Named::find(&options, &base).unwrap().configuration().unwrap()
        };
        assert_eq!(find("r/a/b/x.tf"), Some(base.join("r/a/.imdslint.yaml")));
        assert_eq!(find("r/c/y.tf"), None, "the one above the root is not ours");
    }

    #[test]
    fn a_configuration_that_is_no_regular_or_too_long_a_file_is_refused() {
        let (_guard, base) = folder_with(&["c.yaml"]);
        fs::write(base.join("c.yaml"), "0123456789").unwrap();
        let limits = |file_bytes| Limits { file_bytes, ..Limits::default() };
        assert_eq!(read_configuration(&base.join("c.yaml"), &limits(10)).as_deref(), Ok("0123456789"));
        assert!(read_configuration(&base.join("c.yaml"), &limits(9)).is_err());
        assert!(read_configuration(&base, &limits(9)).is_err());
    }
}

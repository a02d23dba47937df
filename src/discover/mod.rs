//! The workspace: its root, the files that are ours and their kinds, and unsaved buffers laid over files.
//!
//! This is the only reader of files. Nothing but regular files inside the root is read, whatever a link, a path in
//! the input or a strange kind of file suggests, and nothing larger than the limits allow.

mod builds;
mod component;
mod encoding;
mod handed;
mod json_keys;
mod kind;
mod literal;
mod packer;
mod parameters;
mod plan;
mod read;
mod references;
mod root;
mod template;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rayon::prelude::*;

use crate::finding::{Place, Problem, ProblemCode};
use crate::source::{FileId, Limits, SourceFile};

pub use builds::PackerTemplates;
pub use handed::HandedFiles;
pub use kind::{Kind, Reason, configures_beanstalk};
pub use parameters::Owners;
pub use read::LoadError;
pub use root::{
    CONFIGURATION_NAMES, OpenError, find_configuration, folder_of_configuration, read_baseline, read_configuration,
    read_standard_input,
};

use encoding::{in_utf8, is_utf16, may_be_utf16};
use kind::{
    ByName, begins_as_user_data, by_content, by_name, given_as_packer, given_as_terraform, is_marked, is_variables_file,
};
use parameters::is_assignments;
use plan::{is_plan, may_be_plan};
use read::{Reader, lies_in, normalise, relative, split};
use references::References;
use root::{Named, current_folder, repository_above};
use walk::{Passing, Rules, SKIPPED, Walked, walk};

/// What to look at, as the user said it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Files and folders as given. Without any, and without a buffer, it is the working directory.
    pub paths: Vec<PathBuf>,
    /// The workspace root as given, if it was.
    pub root: Option<PathBuf>,
    /// Globs as in a `.gitignore` file at the root: what they match is read where it is needed, but not linted.
    pub exclude: Vec<String>,
    /// Whether the excludes also hold for files that are named.
    pub force_exclude: bool,
    /// An unsaved buffer; it counts as a named file.
    pub overlay: Option<Overlay>,
    /// Texts that are tried out: each is read in place of the file with this path relative to the root, and of the
    /// buffer if it is there.
    pub edited: BTreeMap<String, Vec<u8>>,
    /// The kind of the named files and the buffer, whatever their names and content say.
    pub kind: Option<Kind>,
    /// Says whether a script is ours that nobody named: whether its text concerns the metadata service or an agent.
    pub marker: Marker,
    /// What may be read.
    pub limits: Limits,
}

/// Says of texts whether they make a script ours; by default none does.
#[derive(Clone, Copy, Debug)]
pub struct Marker {
    /// Whether a script's own text does.
    pub script: fn(&str) -> bool,
    /// Whether a script may hand files to a program that matters.
    pub caller: fn(&str) -> bool,
    /// Whether the text of a file that it hands over does.
    pub file: fn(&str) -> bool,
}

impl Default for Marker {
    fn default() -> Self {
        Self { script: |_| false, caller: |_| false, file: |_| false }
    }
}

/// An unsaved buffer that is read in place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// The file's path as given. The file need not exist.
    pub path: PathBuf,
    /// The buffer's content.
    pub bytes: Vec<u8>,
}

/// A file of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path relative to the workspace root, with `/` between the parts.
    pub path: Arc<str>,
    /// How spans name the file.
    pub id: FileId,
    /// What it is read as.
    pub kind: Kind,
    /// Why it is of that kind.
    pub reason: Reason,
    /// Whether it is to be linted: it is named or lies below a named folder, and is not excluded.
    pub selected: bool,
}

/// A tree of files, and which of them are to be linted.
#[derive(Debug)]
pub struct Workspace {
    reader: Reader,
    current: PathBuf,
    named: Named,
    overlay_name: String,
    marker: Marker,
    excluded: Gitignore,
    force_exclude: bool,
    entries: Vec<Entry>,
    /// What each entry holds, in the same order; filled when it is first asked for.
    contents: Vec<OnceLock<Content>>,
    /// The names of the variables files in each folder that was walked.
    variables: BTreeMap<String, Vec<String>>,
    problems: Vec<Problem>,
    /// The files that scripts hand to programs, and whether each makes them ours; nothing for what cannot be read.
    handed: Mutex<BTreeMap<String, Option<bool>>>,
    loaded: Mutex<Loaded>,
    references: OnceLock<References>,
}

#[derive(Debug)]
struct Content {
    file: Arc<SourceFile>,
    error: Option<LoadError>,
}

/// The files beside the entries that were asked for.
#[derive(Debug, Default)]
struct Loaded {
    by_path: BTreeMap<String, Result<Arc<SourceFile>, LoadError>>,
    /// In the order of their ids, which follow those of the entries.
    files: Vec<Arc<SourceFile>>,
    virtual_names: BTreeSet<String>,
}

/// A file that turned out to be ours, and its content if that was read already.
struct Examined {
    path: String,
    kind: Kind,
    reason: Reason,
    content: Option<Result<Vec<u8>, LoadError>>,
}

impl Workspace {
    /// Finds the root and all files of ours below it, and reads those that are to be linted.
    ///
    /// # Errors
    ///
    /// When a given path or the root does not exist, a path lies outside the root, or a glob is malformed.
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        Self::open_in(options, current_folder()?)
    }

    fn open_in(options: &Options, current: PathBuf) -> Result<Self, OpenError> {
        let named = Named::find(options, &current)?;
        let buffer = named.overlay.clone().zip(options.overlay.as_ref());
        let mut overlays: BTreeMap<_, _> =
            buffer.map(|(path, overlay)| (path, overlay.bytes.clone())).into_iter().collect();
        overlays.extend(options.edited.clone());
        let mut workspace = Self {
            reader: Reader { root: named.root.clone(), limits: options.limits, overlays },
            current,
            overlay_name: options
                .overlay
                .as_ref()
                .map_or_else(String::new, |it| it.path.to_string_lossy().into_owned()),
            marker: options.marker,
            excluded: excludes(&options.exclude)?,
            force_exclude: options.force_exclude,
            named,
            entries: Vec::new(),
            contents: Vec::new(),
            variables: BTreeMap::new(),
            problems: Vec::new(),
            handed: Mutex::default(),
            loaded: Mutex::default(),
            references: OnceLock::new(),
        };
        let candidates = workspace.candidates();
        // The order is kept, so that ids and entries are in the order of the paths.
        let examined: Vec<_> =
            candidates.into_par_iter().filter_map(|path| workspace.examine(path, options.kind).transpose()).collect();
        for result in examined {
            match result {
                Ok(examined) => workspace.add_entry(examined),
                Err(problem) => workspace.problems.push(problem),
            }
        }
        Ok(workspace)
    }

    /// The files whose names say that they may be ours, sorted: all in the workspace, and those named.
    fn candidates(&mut self) -> BTreeSet<String> {
        let wanted = |name: &str| by_name(name) != ByName::Never;
        let above = repository_above(self.root()).iter().rev().fold(None, |above, folder| {
            let text = read_configuration(&folder.join(".gitignore"), &self.reader.limits).unwrap_or_default();
            Rules::new(folder, &[text], above)
        });
        let mut walked = walk(&self.reader, "", Passing::Ignored, above, wanted);
        for folder in &self.named.folders {
            // A folder that is passed over because it is ignored is entered when it is named.
            if !walked.folders.iter().any(|(path, _)| path == folder) {
                let Walked { files, folders, unreadable, cut_short } =
                    walk(&self.reader, folder, Passing::Ignored, None, wanted);
                walked.files.extend(files);
                walked.folders.extend(folders);
                walked.unreadable.extend(unreadable);
                walked.cut_short |= cut_short;
            }
        }
        for (path, why) in walked.unreadable {
            if self.is_selected(&path) {
                let message = format!("this cannot be read: {why}; mend that, or exclude it");
                self.problems.push(Problem::unread(ProblemCode::Unreadable, path, message));
            }
        }
        self.variables = walked.folders.into_iter().collect();
        let mut candidates: BTreeSet<String> = walked.files.into_iter().chain(self.named.files.clone()).collect();
        let limit = self.reader.limits.files;
        if walked.cut_short || candidates.len() > limit {
            let message = format!(
                "the workspace has more than {limit} files, of which the rest is not read; name a smaller --root"
            );
            self.problems.push(Problem::unread(ProblemCode::Limit, ".", message));
            candidates = candidates.into_iter().take(limit).collect();
        }
        candidates
    }

    /// What the candidate `path` is, and its content if that was needed to tell or is to be linted.
    fn examine(&self, path: String, given: Option<Kind>) -> Result<Option<Examined>, Problem> {
        let selected = self.is_selected(&path);
        let by_name = match given {
            Some(kind) if self.named.files.contains(&path) => ByName::Ours(kind, Reason::Given),
            _ => match by_name(split(&path).1) {
                ByName::BeanstalkConfiguration if configures_beanstalk(&path) => ByName::Script,
                ByName::BeanstalkConfiguration => ByName::Never,
                by_name => by_name,
            },
        };
        let is_named = self.named.files.contains(&path);
        match by_name {
            ByName::Never if !is_named => Ok(None),
            // A plan that is named may be called anything.
            ByName::Never if selected && self.begins_as_plan(&path) => {
                let content = self.read_perhaps_plan(&path);
                let is_plan = content.as_ref().map_or(true, |bytes| is_plan(&String::from_utf8_lossy(bytes)));
                let (kind, reason) = (Kind::TerraformPlan, Reason::PlannedValues);
                Ok(is_plan.then_some(Examined { path, kind, reason, content: Some(content) }))
            }
            ByName::Never | ByName::BeanstalkConfiguration | ByName::Script => {
                let is_script = by_name == ByName::Script;
                // Nobody is helped by a script that is not to be linted and that nothing refers to.
                if !selected {
                    return Ok(None);
                }
                let Ok(bytes) = self.reader.read(&path) else { return Ok(None) };
                let bytes = if may_be_utf16(Kind::UserData, &path) { in_utf8(bytes) } else { bytes };
                let reason = if is_named && (is_script || begins_as_user_data(split(&path).1, &bytes)) {
                    Reason::Beginning
                } else if is_script
                    && (is_marked(&bytes, self.marker)
                        || self.hands_marked_file(&path, &String::from_utf8_lossy(&bytes)))
                {
                    Reason::Marker
                } else {
                    return Ok(None);
                };
                Ok(Some(Examined { path, kind: Kind::UserData, reason, content: Some(Ok(bytes)) }))
            }
            ByName::Ours(kind, reason) => {
                let content = selected.then(|| match (kind, reason) {
                    (Kind::Terraform, Reason::Given) => self.read_perhaps_plan(&path),
                    _ => self.reader.read(&path),
                });
                let kind = match (kind, reason, &content) {
                    (Kind::Packer, Reason::Given, Some(Ok(bytes))) => given_as_packer(split(&path).1, bytes),
                    (Kind::Terraform, Reason::Given, Some(Ok(bytes))) => given_as_terraform(bytes),
                    _ => kind,
                };
                Ok(Some(Examined { path, kind, reason, content }))
            }
            ByName::Assignments => {
                let Ok(bytes) = self.reader.read(&path) else { return Ok(None) };
                let is_ours = is_assignments(&String::from_utf8_lossy(&bytes));
                let (kind, reason) = (Kind::CloudFormationParameters, Reason::ParameterValues);
                Ok(is_ours.then_some(Examined { path, kind, reason, content: Some(Ok(bytes)) }))
            }
            ByName::Perhaps => match self.read_perhaps_plan(&path) {
                Ok(bytes) => {
                    let begins_so = || begins_as_user_data(split(&path).1, &bytes);
                    // As with scripts, nobody is helped by a document that is about something else.
                    let concerns = |kind| kind != Kind::SystemsManager || is_named || is_marked(&bytes, self.marker);
                    let found = by_content(&bytes).filter(|(kind, _)| concerns(*kind));
                    let found = found.or_else(|| {
                        (is_named && selected && begins_so()).then_some((Kind::UserData, Reason::Beginning))
                    });
                    Ok(found.map(|(kind, reason)| Examined { path, kind, reason, content: Some(Ok(bytes)) }))
                }
                // It may be ours. One that is no regular file, or too large and no plan, is hardly a template.
                Err(error) if selected && (matches!(error, LoadError::Unreadable(_)) || self.begins_as_plan(&path)) => {
                    Err(Problem::unread(error.code(), path, error.to_string()))
                }
                Err(_) => Ok(None),
            },
        }
    }

    /// The bytes of a file, which may be longer than others when it is a plan.
    fn read_perhaps_plan(&self, path: &str) -> Result<Vec<u8>, LoadError> {
        let result = self.reader.read(path).map(in_utf8);
        if !matches!(result, Err(LoadError::TooLarge { .. })) || !self.begins_as_plan(path) {
            return result;
        }
        let bytes = in_utf8(self.reader.read_plan(path)?);
        if is_plan(&String::from_utf8_lossy(&bytes)) { Ok(bytes) } else { result }
    }

    fn begins_as_plan(&self, path: &str) -> bool {
        let beginning = self.reader.read_beginning(path).map(in_utf8);
        beginning.is_ok_and(|bytes| may_be_plan(&String::from_utf8_lossy(&bytes)))
    }

    fn add_entry(&mut self, examined: Examined) {
        let Examined { path, kind, reason, content } = examined;
        let id = file_id(self.entries.len());
        let selected = self.is_selected(&path);
        let path: Arc<str> = path.into();
        let content = content.map(|bytes| Content::new(id, &path, bytes));
        self.contents.push(content.map_or_else(OnceLock::new, OnceLock::from));
        self.entries.push(Entry { path, id, kind, reason, selected });
    }

    /// The workspace root, absolute and without links.
    pub fn root(&self) -> &Path {
        &self.reader.root
    }

    /// Every file of ours, sorted by path. Git-ignored ones are among them only when they are named.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of `path`, relative to the root.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        self.entries.binary_search_by(|entry| (*entry.path).cmp(path)).ok().and_then(|index| self.entries.get(index))
    }

    /// Whether `path`, relative to the root, is named or lies below a named folder, and is not excluded.
    ///
    /// This also tells about files that are not ours by themselves, such as scripts.
    pub fn is_selected(&self, path: &str) -> bool {
        let excluded = || self.is_excluded(path);
        if self.named.files.contains(path) {
            return !(self.force_exclude && excluded());
        }
        self.named.folders.iter().any(|folder| lies_in(path, folder)) && !excluded()
    }

    /// Whether the excludes match `path`, relative to the root.
    pub fn is_excluded(&self, path: &str) -> bool {
        self.excluded.matched_path_or_any_parents(path, false).is_ignore()
    }

    /// Whether `path`, relative to the root, is a file that nobody edits: it lies where a tool keeps what it fetched, and
    /// nobody named it.
    pub fn is_fetched(&self, path: &str) -> bool {
        path.split('/').any(|part| SKIPPED.contains(&part)) && self.entry(path).is_none()
    }

    /// Whether only files were named, so that it is no mistake when none of them is ours.
    pub fn named_files_only(&self) -> bool {
        self.named.folders.is_empty()
    }

    /// What went wrong with the files that were read so far, sorted by place. All selected files are read at once.
    ///
    /// The bytes of a loaded file that is not ours need not be text, so their encoding is no problem here.
    pub fn problems(&self) -> Vec<Problem> {
        let read = self.contents.iter().filter_map(|content| content.get()?.problem());
        let mut problems: Vec<_> = self.problems.iter().cloned().chain(read).collect();
        problems.sort_by_cached_key(|problem| {
            let (path, start) = match &problem.place {
                Place::Path(path) => (path.clone(), 0),
                Place::Span(span) => (self.source(span.file).path.clone(), span.start),
            };
            (path, start, problem.code, problem.message.clone())
        });
        problems
    }

    /// The file `id`; an empty one when it could not be read, which is a problem then.
    pub fn source(&self, id: FileId) -> Arc<SourceFile> {
        let index = id.0 as usize;
        if let Some(content) = self.content(index) {
            return content.file.clone();
        }
        let file = self.loaded().files.get(index - self.entries.len()).cloned();
        file.unwrap_or_else(|| Arc::new(SourceFile::new(id, "", Vec::new())))
    }

    /// The regular file at `path`, relative to the root with `/` between the parts; git-ignored ones too.
    ///
    /// Two paths that lead to one file through linked folders give the same file.
    ///
    /// # Errors
    ///
    /// When there is none, it lies outside the root, or cannot be read.
    pub fn load(&self, path: &str) -> Result<Arc<SourceFile>, LoadError> {
        let path = normalise(path).ok_or(LoadError::OutsideRoot)?;
        if let Some(known) = self.known(&path) {
            return known;
        }
        let result = self.reader.real_path(&path).and_then(|real| {
            self.known(&real).unwrap_or_else(|| {
                let bytes = self.reader.read(&real)?;
                self.remember(&real, bytes)
            })
        });
        self.loaded().by_path.entry(path).or_insert(result).clone()
    }

    /// A file that the user names by `path`, as given. It must lie inside the workspace root.
    ///
    /// # Errors
    ///
    /// When it does not, does not exist, or cannot be read.
    pub fn load_given(&self, path: &Path) -> Result<Arc<SourceFile>, OpenError> {
        let absolute = self.current.join(path).canonicalize().map_err(|_| OpenError::Missing(path.to_owned()))?;
        let outside = || OpenError::OutsideRoot { path: path.to_owned(), root: self.root().to_owned() };
        let inside = relative(self.root(), &absolute).ok_or_else(outside)?;
        let refused = |error: LoadError| OpenError::Unreadable { path: path.to_owned(), message: error.to_string() };
        self.load(&inside).map_err(refused)
    }

    /// The file that the unsaved buffer is laid over, when there is a buffer and it is a file of ours.
    #[must_use]
    pub fn buffer(&self) -> Option<FileId> {
        self.named.overlay.as_deref().and_then(|path| self.entry(path)).map(|entry| entry.id)
    }

    /// Whether the text of the file `id` is not that of the disk: it is the unsaved buffer, or tried out.
    pub fn is_laid_over(&self, id: FileId) -> bool {
        self.reader.overlays.contains_key(&*self.source(id).path)
    }

    /// Whether the text at `path`, relative to the root, can be edited: it is the unsaved buffer, or a regular file to
    /// which no link leads.
    pub fn is_editable(&self, path: &str) -> bool {
        if self.named.overlay.as_deref() == Some(path) {
            return true;
        }
        let absolute = self.root().join(path);
        let is_real = absolute.canonicalize().is_ok_and(|real| real == absolute);
        // What is written is UTF-8.
        let is_utf16 = || self.reader.read_beginning(path).is_ok_and(|bytes| is_utf16(&bytes));
        !self.loaded().virtual_names.contains(path)
            && !self.is_fetched(path)
            && is_real
            && absolute.is_file()
            && !is_utf16()
    }

    /// What is known already of the file at the normalised `path`.
    fn known(&self, path: &str) -> Option<Result<Arc<SourceFile>, LoadError>> {
        if let Some(content) = self.entry(path).and_then(|entry| self.content(entry.id.0 as usize)) {
            return Some(content.error.clone().map_or_else(|| Ok(content.file.clone()), Err));
        }
        if let Some(known) = self.loaded().by_path.get(path) {
            return Some(known.clone());
        }
        // The buffer's folder need not exist, so its links cannot be resolved.
        let is_overlay = self.named.overlay.as_deref() == Some(path);
        is_overlay.then(|| self.reader.read(path).and_then(|bytes| self.remember(path, bytes)))
    }

    fn remember(&self, path: &str, bytes: Vec<u8>) -> Result<Arc<SourceFile>, LoadError> {
        let mut loaded = self.loaded();
        if let Some(known) = loaded.by_path.get(path) {
            return known.clone();
        }
        let limit = self.reader.limits.files;
        let count = self.entries.len() + loaded.files.len();
        if count >= limit {
            return Err(LoadError::Unreadable(format!("more than {limit} files were read; check a smaller part")));
        }
        let file = Arc::new(SourceFile::new(file_id(count), path, bytes));
        loaded.files.push(file.clone());
        loaded.by_path.insert(path.to_owned(), Ok(file.clone()));
        Ok(file)
    }

    /// The names of the regular files directly in `folder`, relative to the root, sorted; git-ignored ones too.
    ///
    /// A folder that does not exist, or lies outside the root, is empty.
    pub fn list(&self, folder: &str) -> Vec<String> {
        let Some(real) = self.real_folder(folder) else { return Vec::new() };
        let regular = |entry: std::fs::DirEntry| {
            let file_type = entry.file_type().ok()?;
            let is_file = file_type.is_file() || file_type.is_symlink() && entry.path().is_file();
            if is_file { entry.file_name().into_string().ok() } else { None }
        };
        let entries = self.root().join(&real).read_dir().into_iter().flatten().flatten();
        let mut names: BTreeSet<_> = entries.filter_map(regular).take(self.reader.limits.files).collect();
        names.extend(self.overlay_below(&real).filter(|name| !name.contains('/')));
        names.into_iter().collect()
    }

    /// The names of the files with values of variables in `folder`, sorted; git-ignored ones too, as in [`Workspace::list`].
    pub fn list_variables(&self, folder: &str) -> Vec<String> {
        let Some(known) = self.variables.get(folder) else {
            return self.list(folder).into_iter().filter(|name| is_variables_file(name)).collect();
        };
        let is_file = |name: &&String| self.root().join(folder).join(name).is_file();
        let overlay = self.overlay_below(folder).filter(|name| !name.contains('/') && is_variables_file(name));
        let names: BTreeSet<String> = known.iter().filter(is_file).cloned().chain(overlay).collect();
        names.into_iter().collect()
    }

    /// The paths, relative to `folder`, of the files at any depth below it, sorted; git-ignored ones too, but not
    /// those in `.git` or in linked folders. At most [`Limits::files`] are given.
    pub fn files_below(&self, folder: &str) -> Vec<String> {
        let Some(real) = self.real_folder(folder) else { return Vec::new() };
        let walked = walk(&self.reader, &real, Passing::Nothing, None, |_| true);
        let strip = |path: String| path.strip_prefix(&*real).map(|rest| rest.trim_start_matches('/').to_owned());
        let paths: BTreeSet<_> = walked.files.into_iter().filter_map(strip).chain(self.overlay_below(&real)).collect();
        paths.into_iter().take(self.reader.limits.files).collect()
    }

    /// The path of `folder` without links in it, if it lies inside the root; it need not exist.
    pub fn real_folder(&self, folder: &str) -> Option<String> {
        let folder = normalise(folder)?;
        match self.reader.real_folder(&folder) {
            Err(LoadError::Missing) => Some(folder),
            result => result.ok(),
        }
    }

    /// The path of the unsaved buffer relative to `folder`, if it lies below it.
    fn overlay_below(&self, folder: &str) -> impl Iterator<Item = String> {
        let path = self.named.overlay.as_deref().filter(|path| lies_in(path, folder));
        path.and_then(|path| Some(path.strip_prefix(folder)?.trim_start_matches('/').to_owned())).into_iter()
    }

    /// A text that is in no file, such as values given on the command line, under a `name` such as `<command line>`.
    pub fn add_virtual(&self, name: &str, text: String) -> Arc<SourceFile> {
        let mut loaded = self.loaded();
        let id = file_id(self.entries.len() + loaded.files.len());
        let file = Arc::new(SourceFile::new(id, name, text.into_bytes()));
        loaded.files.push(file.clone());
        loaded.virtual_names.insert(name.to_owned());
        file
    }

    /// What to call `path`, relative to the root, in a report: the path relative to the working directory, with `/`.
    ///
    /// The unsaved buffer and virtual files are called as they were given.
    pub fn display_path(&self, path: &str) -> String {
        if self.named.overlay.as_deref() == Some(path) {
            return self.overlay_name.clone();
        }
        if self.loaded().virtual_names.contains(path) {
            return path.to_owned();
        }
        let absolute = self.root().join(path);
        for (steps, folder) in self.current.ancestors().enumerate() {
            if let Some(below) = relative(folder, &absolute) {
                let parts = std::iter::repeat_n("..", steps).chain(below.split('/')).filter(|part| !part.is_empty());
                let shown = parts.collect::<Vec<_>>().join("/");
                return if shown.is_empty() { ".".to_owned() } else { shown };
            }
        }
        absolute.to_string_lossy().into_owned()
    }

    fn content(&self, index: usize) -> Option<&Content> {
        let entry = self.entries.get(index)?;
        let in_text = |bytes| if may_be_utf16(entry.kind, &entry.path) { in_utf8(bytes) } else { bytes };
        let read = || Content::new(entry.id, &entry.path, self.reader.read(&entry.path).map(in_text));
        Some(self.contents.get(index)?.get_or_init(read))
    }

    fn loaded(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn new(id: FileId, path: &Arc<str>, bytes: Result<Vec<u8>, LoadError>) -> Self {
        let (bytes, error) = match bytes {
            Ok(bytes) => (bytes, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        Self { file: Arc::new(SourceFile::new(id, path.clone(), bytes)), error }
    }

    fn problem(&self) -> Option<Problem> {
        let file = &self.file;
        if let Some(error) = &self.error {
            return Some(Problem::unread(error.code(), file.path.clone(), error.to_string()));
        }
        let first = *file.invalid_utf8().first()?;
        let count = file.invalid_utf8().len();
        let message = format!("{count} bytes, of which this is the first, are not valid UTF-8; save the file as UTF-8");
        Some(Problem::error(ProblemCode::Encoding, file.span(first..first + 1), message))
    }
}

fn file_id(index: usize) -> FileId {
    FileId(u32::try_from(index).unwrap_or(u32::MAX))
}

fn excludes(globs: &[String]) -> Result<Gitignore, OpenError> {
    let mut builder = GitignoreBuilder::new("");
    builder.allow_unclosed_class(false);
    let malformed =
        |glob: &str, error: &ignore::Error| OpenError::Glob { glob: glob.to_owned(), message: error.to_string() };
    for glob in globs {
        builder.add_line(None, glob).map_err(|error| malformed(glob, &error))?;
    }
    builder.build().map_err(|error| malformed(&globs.join(", "), &error))
}

#[cfg(test)]
mod tests;

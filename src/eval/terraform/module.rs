//! A Terraform module: what the files of one folder declare, merged as Terraform merges them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::finding::{Problem, ProblemCode};
use crate::source::Span;
use crate::syntax::hcl::{Attribute, Block, Body, ExpressionKind};

/// The type and the name of a resource or data source.
pub(super) type ResourceName = (Arc<str>, Arc<str>);

/// What the files of one folder declare.
///
/// The declarations are behind pointers: a map has room for eleven entries even when a module declares one variable.
#[derive(Debug, Default)]
pub struct Module {
    /// The folder, relative to the workspace root; empty for the root itself.
    pub folder: Arc<str>,
    pub(super) variables: BTreeMap<Arc<str>, Box<Block>>,
    pub(super) locals: BTreeMap<Arc<str>, Box<Attribute>>,
    pub(super) outputs: BTreeMap<Arc<str>, Box<Block>>,
    pub(super) resources: BTreeMap<ResourceName, Box<Block>>,
    pub(super) data: BTreeMap<ResourceName, Box<Block>>,
    pub(super) calls: BTreeMap<Arc<str>, Box<ModuleCall>>,
    /// What is wrong with declarations that occur twice: a problem only in modules that are evaluated.
    pub(super) repeated: Vec<Problem>,
}

/// A call of another module.
#[derive(Debug)]
pub(super) struct ModuleCall {
    pub(super) block: Block,
    pub(super) source: ModuleSource,
}

/// Where a called module is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ModuleSource {
    /// A folder of the workspace, relative to its root.
    Local { folder: Arc<str>, span: Span },
    /// A registry address, a git address, an archive: not in the workspace, unless it was fetched.
    Remote { source: Arc<str>, span: Span },
    /// A path that leaves the workspace root.
    Outside(Span),
    /// No source, or one that is not a literal string.
    None,
}

/// The content of one file of a module.
#[derive(Debug)]
pub struct ModuleFile {
    /// The file's path; only its last part matters.
    pub name: String,
    /// What it declares.
    pub body: Body,
}

impl Module {
    /// Merges the files of `folder`, given in the order of their names. Override files (`override.tf`,
    /// `*_override.tf`) are laid over the rest. Of what is declared twice the first declaration counts.
    #[must_use]
    pub fn new(folder: Arc<str>, files: Vec<ModuleFile>) -> Self {
        let mut module = Self { folder, ..Self::default() };
        let (overrides, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_override(&file.name));
        for file in files {
            for block in file.body.blocks {
                module.declare(block);
            }
        }
        for file in overrides {
            for block in file.body.blocks {
                module.lay_over(block);
            }
        }
        module
    }

    /// The folders of the workspace that this module calls, sorted.
    #[must_use]
    pub fn called_folders(&self) -> Vec<Arc<str>> {
        let local = |call: &ModuleCall| match &call.source {
            ModuleSource::Local { folder, .. } => Some(Arc::clone(folder)),
            _ => None,
        };
        self.calls.values().filter_map(|call| local(call)).collect()
    }

    fn declare(&mut self, block: Block) {
        let label = |index: usize| block.labels.get(index).map(|label| Arc::clone(&label.text)).unwrap_or_default();
        let repeated = &mut self.repeated;
        match (&*block.kind.text, block.labels.len()) {
            ("locals", 0) => {
                for attribute in block.body.attributes {
                    self.locals.entry(Arc::clone(&attribute.name.text)).or_insert_with(|| Box::new(attribute));
                }
            }
            ("variable", 1) => insert(&mut self.variables, label(0), block, repeated),
            // The outputs of a root decide nothing, and several generated files may each bring the same ones.
            ("output", 1) => {
                self.outputs.entry(label(0)).or_insert_with(|| Box::new(block));
            }
            ("resource", 2) => insert(&mut self.resources, (label(0), label(1)), block, repeated),
            ("data", 2) => insert(&mut self.data, (label(0), label(1)), block, repeated),
            ("module", 1) => match self.calls.entry(label(0)) {
                Entry::Vacant(place) => {
                    let source = module_source(&block, &self.folder);
                    place.insert(Box::new(ModuleCall { block, source }));
                }
                Entry::Occupied(_) => repeated.push(declared_twice(&block)),
            },
            _ => {}
        }
    }

    fn lay_over(&mut self, block: Block) {
        let target = match (&*block.kind.text, block.labels.as_slice()) {
            ("locals", []) => {
                for attribute in block.body.attributes {
                    self.locals.insert(Arc::clone(&attribute.name.text), Box::new(attribute));
                }
                return;
            }
            ("variable", [name]) => self.variables.get_mut(&name.text),
            ("output", [name]) => self.outputs.get_mut(&name.text),
            ("resource", [kind, name]) => self.resources.get_mut(&(Arc::clone(&kind.text), Arc::clone(&name.text))),
            ("data", [kind, name]) => self.data.get_mut(&(Arc::clone(&kind.text), Arc::clone(&name.text))),
            ("module", [name]) => {
                if let Some(call) = self.calls.get_mut(&name.text) {
                    override_body(&mut call.block.body, block.body);
                    call.source = module_source(&call.block, &self.folder);
                }
                return;
            }
            _ => return,
        };
        if let Some(target) = target {
            override_body(&mut target.body, block.body);
        }
    }
}

fn is_override(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let stem = stem.strip_suffix(".tf").unwrap_or(stem);
    stem == "override" || stem.ends_with("_override")
}

fn insert<Name: Ord>(declared: &mut BTreeMap<Name, Box<Block>>, name: Name, block: Block, repeated: &mut Vec<Problem>) {
    match declared.entry(name) {
        Entry::Vacant(place) => {
            place.insert(Box::new(block));
        }
        Entry::Occupied(_) => repeated.push(declared_twice(&block)),
    }
}

fn declared_twice(block: &Block) -> Problem {
    let labels: Vec<_> = block.labels.iter().map(|label| &*label.text).collect();
    let message = format!(
        "{} `{}` is declared twice in this module; only the first declaration is used",
        block.kind.text,
        labels.join(".")
    );
    Problem::warning(ProblemCode::Evaluation, block.header, message)
}

/// Lays `over` over `body`: attributes one by one, nested blocks by type as a whole.
fn override_body(body: &mut Body, over: Body) {
    for attribute in over.attributes {
        body.attributes.retain(|other| other.name.text != attribute.name.text);
        body.attributes.push(attribute);
    }
    let overridden = |block: &Block| {
        let kind = block_type(block);
        over.blocks.iter().any(|other| block_type(other) == kind)
    };
    body.blocks.retain(|block| !overridden(block));
    body.blocks.extend(over.blocks);
}

/// The type that a block has in the resource: the label of a dynamic block, else its own type.
pub(super) fn block_type(block: &Block) -> &Arc<str> {
    match block.labels.first() {
        Some(label) if &*block.kind.text == "dynamic" => &label.text,
        _ => &block.kind.text,
    }
}

fn module_source(block: &Block, folder: &str) -> ModuleSource {
    let Some(attribute) = block.body.attribute("source") else { return ModuleSource::None };
    let ExpressionKind::Literal(text) = &attribute.value.kind else { return ModuleSource::None };
    let source = text.as_str();
    let is_local = source == "." || source == ".." || source.starts_with("./") || source.starts_with("../");
    if !is_local {
        return ModuleSource::Remote { source: source.into(), span: attribute.value.span };
    }
    match join_path(folder, source) {
        Some(folder) => ModuleSource::Local { folder: folder.into(), span: attribute.value.span },
        None => ModuleSource::Outside(attribute.value.span),
    }
}

/// The path `relative` as seen from `folder`, both with `/`, without `.` and `..`; `None` when it leaves the root.
pub(in crate::eval) fn join_path(folder: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_the_root() {
        assert_eq!(join_path("a/b", "../c/./d").as_deref(), Some("a/c/d"));
        assert_eq!(join_path("a", "..").as_deref(), Some(""));
        assert_eq!(join_path("a", "../.."), None);
    }

    #[test]
    fn override_files_are_known_by_name() {
        assert!(is_override("override.tf") && is_override("web_override.tf") && is_override("web_override.tf.json"));
        assert!(!is_override("overrides.tf") && !is_override("main.tf"));
    }
}

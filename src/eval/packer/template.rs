//! Packer templates in HCL: what the files of one folder declare.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::eval::terraform::{Module, ModuleFile};
use crate::source::Span;
use crate::syntax::hcl::{Attribute, Block, Body, Name};

/// A folder with Packer files in HCL or its JSON syntax.
#[derive(Debug)]
pub struct TemplateFolder {
    /// The folder, relative to the workspace root; empty for the root itself.
    pub folder: Arc<str>,
    /// Its files, in the order of their names.
    pub files: Vec<ModuleFile>,
}

/// The type and the name of a source.
pub(super) type SourceName = (Arc<str>, Arc<str>);

/// What is built together.
#[derive(Debug, Default)]
pub(super) struct Template {
    /// The folder, or the path of the file that stands for itself.
    pub(super) project: Arc<str>,
    /// The variables, local values and data sources, which are what Terraform's are.
    pub(super) module: Arc<Module>,
    pub(super) sources: BTreeMap<SourceName, Block>,
    pub(super) builds: Vec<Block>,
}

impl TemplateFolder {
    /// The templates of the folder: one, unless two of its files declare the same. Packer would refuse the folder then,
    /// so each file is a template of its own.
    pub(super) fn into_templates(self) -> Vec<Template> {
        let Self { folder, files } = self;
        if !is_declared_twice(&files) {
            let bodies = files.into_iter().map(|file| file.body).collect();
            return vec![Template::new(&folder, Arc::clone(&folder), bodies)];
        }
        files.into_iter().map(|file| Template::new(&folder, file.name.into(), vec![file.body])).collect()
    }
}

impl Template {
    fn new(folder: &Arc<str>, project: Arc<str>, bodies: Vec<Body>) -> Self {
        let mut template = Self { project, ..Self::default() };
        let mut declarations = Vec::new();
        let mut span = None;
        for body in bodies {
            span = span.or(Some(body.span));
            for block in body.blocks {
                match (&*block.kind.text, block.labels.as_slice()) {
                    ("source", [kind, name]) => {
                        let name = (Arc::clone(&kind.text), Arc::clone(&name.text));
                        template.sources.entry(name).or_insert(block);
                    }
                    ("build", _) => template.builds.push(block),
                    ("variable", [_]) | ("locals", []) | ("data", [_, _]) => declarations.push(block),
                    ("variables", _) => declarations.extend(block.body.attributes.into_iter().map(variable)),
                    ("local", [name]) => {
                        let name = name.clone();
                        let expression = block.body.attribute("expression").cloned();
                        declarations.extend(expression.map(|expression| local(name, expression)));
                    }
                    _ => {}
                }
            }
        }
        if let Some(span) = span {
            let body = Body { attributes: Vec::new(), blocks: declarations, span };
            let files = vec![ModuleFile { name: String::new(), body }];
            template.module = Arc::new(Module::new(Arc::clone(folder), files));
        }
        template
    }
}

/// `variables { name = default }` as the block that declares one of them.
fn variable(mut default: Attribute) -> Block {
    let (name, span) = (default.name.clone(), default.span);
    default.name.text = "default".into();
    block("variable", vec![name], default, span)
}

/// `local "name" { expression = … }` as the block that declares it.
fn local(name: Name, mut expression: Attribute) -> Block {
    let span = name.span;
    expression.name = name;
    block("locals", Vec::new(), expression, span)
}

fn block(kind: &str, labels: Vec<Name>, attribute: Attribute, header: Span) -> Block {
    let span = attribute.span;
    let body = Body { attributes: vec![attribute], blocks: Vec::new(), span };
    Block { kind: Name { text: kind.into(), span: header }, labels, body, header, span }
}

/// Whether two of the files declare the same name.
fn is_declared_twice(files: &[ModuleFile]) -> bool {
    let mut all: BTreeSet<(&str, Vec<&str>)> = BTreeSet::new();
    for file in files {
        let mut own = BTreeSet::new();
        for block in &file.body.blocks {
            let labels = || block.labels.iter().map(|label| &*label.text).collect();
            let attributes = || block.body.attributes.iter().map(|attribute| vec![&*attribute.name.text]);
            match &*block.kind.text {
                "locals" => own.extend(attributes().map(|name| ("local", name))),
                "variables" => own.extend(attributes().map(|name| ("variable", name))),
                kind @ ("variable" | "local" | "source" | "data") => {
                    own.insert((kind, labels()));
                }
                _ => {}
            }
        }
        if own.iter().any(|name| all.contains(name)) {
            return true;
        }
        all.extend(own);
    }
    false
}

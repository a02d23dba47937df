//! Recipes: components in order, each with the parameters that it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Components;
use super::document::{Budget, Document};
use crate::catalog::{self, ComponentRow, ManagedComponent, Path, PathStep, RecipeRow};
use crate::eval::{Build, BuildStep, BuildStepKind, Resource, Unknown, Value, ValueKind};
use crate::source::{Limits, Span, Text};

/// What the recipes and components among `resources` come to.
#[must_use]
pub fn read(resources: &[Resource], limits: &Limits) -> Components {
    let tables = catalog::images();
    let budget = Budget::new(limits);
    let mut shelf =
        Shelf { components: Vec::new(), by_address: BTreeMap::new(), by_name: BTreeMap::new(), budget, limits };
    let mut read = Components::default();
    for resource in resources {
        if let Some(row) = tables.components.iter().find(|row| *row.kind == *resource.kind) {
            shelf.add(resource, row, &mut read);
        }
    }
    for resource in resources {
        if let Some(row) = tables.recipes.iter().find(|row| *row.kind == *resource.kind) {
            let build = shelf.build(resource, row, &mut read);
            read.builds.extend((!row.of_containers).then_some(build));
        }
    }
    for component in std::mem::take(&mut shelf.components).into_iter().filter(|component| !component.is_used) {
        let Some(document) = component.document.as_ref().filter(|document| document.is_read()) else { continue };
        let (steps, problems) = document.steps(&BTreeMap::new(), &mut shelf.budget, limits);
        read.problems.extend(problems);
        read.builds.push(Build { is_part: true, ..build_of(component.resource, BTreeMap::new(), steps) });
    }
    read
}

fn build_of(resource: &Resource, machine: BTreeMap<Arc<str>, Value>, steps: Vec<BuildStep>) -> Build {
    Build {
        language: resource.language,
        project: Arc::clone(&resource.project),
        address: Arc::clone(resource.name()),
        header: resource.header,
        trail: resource.trail.clone(),
        machine: Value::map(machine, resource.header),
        steps,
        is_part: false,
    }
}

/// A component that the workspace describes.
struct Component<'a> {
    resource: &'a Resource,
    /// Absent when its text is not known here.
    document: Option<Document>,
    /// Whether a recipe uses it.
    is_used: bool,
}

/// The components of all projects.
struct Shelf<'a> {
    components: Vec<Component<'a>>,
    by_address: BTreeMap<(&'a str, &'a str), usize>,
    /// By project and name.
    by_name: BTreeMap<(&'a str, String), Vec<usize>>,
    budget: Budget,
    limits: &'a Limits,
}

impl<'a> Shelf<'a> {
    fn add(&mut self, resource: &'a Resource, row: &ComponentRow, read: &mut Components) {
        let text = value_at(&resource.properties, &row.document);
        let text = text.to_text().filter(|_| matches!(text.kind, ValueKind::String(_)));
        let document = text.map(|text| {
            let document = Document::parse(&text, self.limits);
            read.documents.push(text);
            document
        });
        if let Some(document) = &document {
            read.problems.extend(document.problems.iter().cloned());
        }
        // Image Builder writes names so in addresses.
        let name = value_at(&resource.properties, &row.name);
        if let Some(name) = name.as_str() {
            let name = name.to_lowercase().replace([' ', '.'], "-");
            self.by_name.entry((&resource.project, name)).or_default().push(self.components.len());
        }
        self.by_address.insert((&resource.project, &resource.address), self.components.len());
        self.components.push(Component { resource, document, is_used: false });
    }

    /// The image that a recipe makes.
    fn build(&mut self, recipe: &Resource, row: &RecipeRow, read: &mut Components) -> Build {
        let machine = row.machine.iter();
        let machine = machine.map(|(name, path)| (Arc::from(name.as_str()), value_at(&recipe.properties, path)));
        let machine: BTreeMap<Arc<str>, Value> = machine.filter(|(_, value)| !value.is_null()).collect();
        let mut steps = Vec::new();
        let components = value_at(&recipe.properties, &row.components);
        match elements(&components) {
            Some(components) => {
                for component in components {
                    self.run(recipe, row, &component, &mut steps, read);
                }
            }
            None => steps.push(opaque("components that are not known", recipe.header)),
        }
        build_of(recipe, machine, steps)
    }

    /// Adds what one component of a recipe does.
    fn run(
        &mut self,
        recipe: &Resource,
        row: &RecipeRow,
        component: &Value,
        steps: &mut Vec<BuildStep>,
        read: &mut Components,
    ) {
        let address = value_at(component, &row.component);
        let span = address.origin.span;
        let found: BTreeSet<usize> =
            address.alternatives().iter().flat_map(|address| self.find(&recipe.project, address)).collect();
        for index in &found {
            if let Some(component) = self.components.get_mut(*index) {
                component.is_used = true;
            }
        }
        if let ([only], ValueKind::String(_) | ValueKind::Unknown(_)) =
            (Vec::from_iter(found).as_slice(), &address.kind)
        {
            let Some(found) = self.components.get(*only) else { return };
            let Some(document) = found.document.as_ref().filter(|document| document.is_read()) else {
                steps.push(opaque(&format!("the component `{}`", found.resource.address), span));
                return;
            };
            let given = given(component, row);
            let (more, problems) = document.steps(&given, &mut self.budget, self.limits);
            steps.extend(more);
            read.problems.extend(problems);
            return;
        }
        let address_text = address.to_text().unwrap_or_default();
        match managed(&address_text) {
            Some(known) => {
                steps.extend(kinds_of(known, span).into_iter().map(|kind| BuildStep { kind, header: span }));
            }
            None => steps.push(opaque(&format!("the component `{}`", called(&address, &address_text)), span)),
        }
    }

    /// The components of `project` that an address may mean.
    fn find(&self, project: &str, address: &Value) -> Vec<usize> {
        match &address.kind {
            ValueKind::Unknown(Unknown::Computed(computed)) => {
                let (project, resource) = (computed.project.as_deref().unwrap_or(project), &computed.resource);
                if let Some(index) = self.by_address.get(&(project, resource)) {
                    return vec![*index];
                }
                let prefix = format!("{resource}[");
                let copies = self.by_address.range((project, prefix.as_str())..);
                copies
                    .take_while(|((other, copy), _)| *other == project && copy.starts_with(&prefix))
                    .map(|(_, index)| *index)
                    .collect()
            }
            ValueKind::String(text) => {
                let own = owner_and_name(text.as_str()).filter(|(owner, _)| *owner != "aws");
                let Some((_, name)) = own else { return Vec::new() };
                self.by_name.get(&(project, name.to_owned())).cloned().unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }
}

/// The owner and the name in the address of a component: `arn:aws:imagebuilder:eu-west-1:aws:component/NAME/x.x.x`.
fn owner_and_name(address: &str) -> Option<(&str, &str)> {
    let (before, after) = address.split_once(":component/")?;
    let name = after.split('/').next()?;
    Some((before.rsplit(':').next()?, name))
}

/// What is known of the component of Amazon's at `address`. Region and partition need not be known.
pub(super) fn managed(address: &Text) -> Option<&'static ManagedComponent> {
    let (owner, name) = owner_and_name(address.as_str())?;
    if owner == "aws" { catalog::images().managed_component(name) } else { None }
}

/// What a component of Amazon's does, named at `span`.
pub(super) fn kinds_of(component: &ManagedComponent, span: Span) -> Vec<BuildStepKind> {
    let package = component.package.as_ref().map(|name| BuildStepKind::Package(Value::encoded(name.as_str(), span)));
    package.into_iter().chain(component.restarts.then_some(BuildStepKind::Restart)).collect()
}

/// What to call a component that is not here.
fn called(address: &Value, text: &Text) -> String {
    match (&address.kind, owner_and_name(text.as_str())) {
        (_, Some((_, name))) => name.to_owned(),
        (ValueKind::Unknown(Unknown::Computed(computed)), _) => computed.resource.to_string(),
        (ValueKind::Unknown(Unknown::NotGiven(name)), _) => name.to_string(),
        _ => text.known().unwrap_or("?").to_owned(),
    }
}

fn opaque(name: &str, span: Span) -> BuildStep {
    BuildStep { kind: BuildStepKind::Opaque(name.into()), header: span }
}

/// The parameters that a component of a recipe is given.
fn given(component: &Value, row: &RecipeRow) -> BTreeMap<Arc<str>, Value> {
    let parameters = value_at(component, &row.parameters);
    let parameter = |parameter: Value| {
        let name = value_at(&parameter, &row.parameter_name);
        let value = value_at(&parameter, &row.parameter_value);
        let value = match value.as_list() {
            Some([only]) => only.clone().through(&value.origin.trail),
            _ => value,
        };
        Some((Arc::from(name.as_str()?), value))
    };
    elements(&parameters).unwrap_or_default().into_iter().filter_map(parameter).collect()
}

/// The elements of a list, or of a single block; nothing when they are not known.
fn elements(value: &Value) -> Option<Vec<Value>> {
    match &value.kind {
        ValueKind::List(items) | ValueKind::Set(items) => {
            Some(items.iter().map(|item| item.clone().through(&value.origin.trail)).collect())
        }
        ValueKind::Map(_) => Some(vec![value.clone()]),
        ValueKind::Null => Some(Vec::new()),
        _ => None,
    }
}

/// The value at `path`, which is null when nothing is there. Blocks are lists of one map.
fn value_at(value: &Value, path: &Path) -> Value {
    let mut found = value.clone();
    for step in path.steps() {
        let PathStep::Name(name) = step else { return Value::null(value.origin.span) };
        if let Some([only]) = found.as_list() {
            found = only.clone().through(&found.origin.trail);
        }
        found = match &found.kind {
            ValueKind::Map(map) => match map.entries.get(&**name) {
                Some(entry) => entry.clone().through(&found.origin.trail),
                None => return Value::null(found.origin.span),
            },
            ValueKind::Unknown(_) | ValueKind::OneOf(_) => return found,
            _ => return Value::null(found.origin.span),
        };
    }
    found
}

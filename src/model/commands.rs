//! What Systems Manager runs on hosts that are there: the documents of associations, and documents by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::links::{Register, Target};
use super::read::{value_at, value_under, values_at};
use super::{Decider, Effective, Estate, Host, Metadata, Setting, Subject, Written};
use crate::catalog::{self, AssociationRow, Role};
use crate::eval::systems_manager::{Budget, Document, Given, managed};
use crate::eval::{BuildStep, BuildStepKind, Language, Resource, Value, ValueKind};
use crate::source::{Limits, Span};

/// What the values of a target are when they are instances.
const INSTANCES: &str = "InstanceIds";

/// Adds to the hosts of the `estate` what the associations among `resources` run on them. What they run on hosts that
/// are not described here, and the `documents` that none of them runs, become hosts of their own, of which nothing
/// else is known, when they name the metadata service or an agent.
pub fn run_documents(estate: &mut Estate, resources: &[Resource], documents: &[Document], limits: &Limits) {
    let tables = catalog::systems_manager();
    let associations = resources.iter().filter_map(|resource| Some((resource, tables.association(&resource.kind)?)));
    let associations: Vec<(&Resource, &AssociationRow)> = associations.collect();
    let own: Vec<(&Resource, Association)> = resources.iter().flat_map(|resource| own(resource, limits)).collect();
    if associations.is_empty() && own.is_empty() && documents.is_empty() {
        return;
    }
    let instances = Register::new(resources, |kind| Some(&catalog::resource(kind)?.names), limits);
    let held = Register::new(resources, |kind| Some(&tables.document(kind)?.names), limits);
    let mut run = Run {
        documents,
        of_resource: documents.iter().enumerate().filter_map(|(index, held)| Some((held.resource?, index))).collect(),
        held,
        used: BTreeSet::new(),
        budget: Budget::new(limits),
    };
    let mut alone = Vec::new();
    for (resource, association) in own {
        let Some(steps) = run.steps(resource, &association) else { continue };
        let name = (&*resource.project, &**resource.name());
        for host in &mut estate.hosts {
            if (&*host.subject.project, &*host.subject.address) == name {
                host.commands.extend(steps.iter().cloned());
            }
        }
    }
    for (resource, row) in associations {
        let association = Association {
            document: value_at(&resource.properties, &row.document, limits),
            given: given(&value_at(&resource.properties, &row.parameters, limits)),
        };
        let Some(steps) = run.steps(resource, &association) else { continue };
        let targets = targets(resource, row, &instances, resources, limits);
        let is_target = |host: &&mut Host| targets.contains(&(&*host.subject.project, &*host.subject.address));
        let mut is_run = false;
        for host in estate.hosts.iter_mut().filter(is_target) {
            host.commands.extend(steps.iter().cloned());
            is_run = true;
        }
        if !is_run {
            let subject = Subject {
                project: Arc::clone(&resource.project),
                address: Arc::clone(resource.name()),
                header: resource.header,
                calls: resource.trail.clone(),
            };
            alone.extend(host(subject, resource.language, steps, false));
        }
    }
    let Run { used, mut budget, .. } = run;
    for (_, document) in documents.iter().enumerate().filter(|(index, _)| !used.contains(index)) {
        let subject = Subject {
            project: Arc::clone(&document.project),
            address: Arc::clone(&document.address),
            header: document.header,
            calls: document.trail.clone(),
        };
        // A file that is about something else is read only when it is named.
        let is_asked_for = document.resource.is_none();
        alone.extend(host(subject, document.language, document.steps(&Given::new(), &mut budget), is_asked_for));
    }
    estate.hosts.extend(alone);
    let key = |host: &Host| (Arc::clone(&host.subject.project), Arc::clone(&host.subject.address));
    estate.hosts.sort_by_cached_key(key);
}

/// What is run on hosts: the name of a document, and its parameters.
struct Association {
    document: Value,
    given: Given,
}

/// The documents that are run, and what they may still come to.
struct Run<'a> {
    documents: &'a [Document],
    /// The index of the document that a resource holds, by the index of the resource.
    of_resource: BTreeMap<usize, usize>,
    held: Register<'a>,
    /// The documents that something runs.
    used: BTreeSet<usize>,
    budget: Budget,
}

impl Run<'_> {
    /// What the document that `resource` names does; `None` when it is not known.
    fn steps(&mut self, resource: &Resource, association: &Association) -> Option<Vec<BuildStep>> {
        let Association { document, given } = association;
        let mut target = Target::default();
        self.held.resolve(&resource.project, document, &mut target);
        let found = target.resources.iter().filter_map(|found| self.of_resource.get(found));
        let found: Vec<usize> = found.copied().collect();
        self.used.extend(found.iter().copied());
        match (found.as_slice(), document.as_str()) {
            ([only], _) => self.documents.get(*only).map(|document| document.steps(given, &mut self.budget)),
            (_, Some(name)) => managed(name, given, resource.header, &mut self.budget),
            _ => None,
        }
    }
}

/// What the properties of an instance say is run on it, unless it is open whether it is.
fn own<'a>(resource: &'a Resource, limits: &Limits) -> Vec<(&'a Resource, Association)> {
    let Some(row) = catalog::systems_manager().own_association(&resource.kind) else { return Vec::new() };
    let is_open = |(_, association): &(String, Value)| association.as_map().is_none();
    let associations = values_at(&resource.properties, &row.associations, limits);
    let written = row.associations.first_name().map(|name| value_under(&resource.properties, name, limits));
    if written.is_some_and(|written| written.alternatives().len() > 1) || associations.iter().any(is_open) {
        return Vec::new();
    }
    let association = |(_, association): (String, Value)| {
        let parameters = values_at(&association, &row.parameters, limits).into_iter().filter_map(|(_, parameter)| {
            let name = value_under(&parameter, &row.parameter_name, limits);
            Some((name.as_str()?.into(), value_under(&parameter, &row.parameter_value, limits)))
        });
        let given = parameters.collect();
        (resource, Association { document: value_under(&association, &row.document, limits), given })
    };
    associations.into_iter().map(association).collect()
}

/// The parameters in a map.
fn given(parameters: &Value) -> Given {
    let entries = parameters.as_map().into_iter().flat_map(|map| &map.entries);
    entries.map(|(name, value)| (name.clone(), value.clone().through(&parameters.origin.trail))).collect()
}

/// The projects and addresses of the resources that an association names as instances.
fn targets<'a>(
    association: &Resource,
    row: &AssociationRow,
    instances: &Register<'_>,
    resources: &'a [Resource],
    limits: &Limits,
) -> BTreeSet<(&'a str, &'a str)> {
    let mut target = Target::default();
    let mut add = |value: &Value| {
        for value in value.as_list().unwrap_or(std::slice::from_ref(value)) {
            instances.resolve(&association.project, value, &mut target);
        }
    };
    add(&value_at(&association.properties, &row.instance, limits));
    for (_, one) in values_at(&association.properties, &row.targets, limits) {
        if value_under(&one, &row.target_key, limits).as_str() == Some(INSTANCES) {
            add(&value_under(&one, &row.target_values, limits));
        }
    }
    let found = target.resources.iter().filter_map(|index| resources.get(*index));
    found.map(|resource| (&*resource.project, &**resource.name())).collect()
}

/// The host that `steps` are run on, of which nothing else is known, if one of them is about the metadata service or an
/// agent, or it `is_asked_for`. What they do on another platform than the first such step is left out.
fn host(subject: Subject, language: Language, mut steps: Vec<BuildStep>, is_asked_for: bool) -> Option<Host> {
    let scripts = || {
        steps.iter().filter_map(|step| match &step.kind {
            BuildStepKind::Script { text, interpreter, .. } => Some((text, *interpreter)),
            _ => None,
        })
    };
    let marked = scripts().find(|(text, _)| is_marked(text));
    let (_, concerned) = marked.or_else(|| scripts().next().filter(|_| is_asked_for))?;
    steps.retain(|step| match &step.kind {
        BuildStepKind::Script { interpreter, .. } => *interpreter == concerned,
        _ => true,
    });
    let span = subject.header;
    Some(Host { commands: steps, ..bare(subject, language, Vec::new(), span) })
}

fn is_marked(text: &Value) -> bool {
    let ValueKind::String(text) = &text.kind else { return false };
    catalog::marks_script(text.as_str())
}

/// A host of which nothing is known but its user data.
pub(super) fn bare(subject: Subject, language: Language, user_data: Vec<Value>, span: Span) -> Host {
    let unset = || Setting {
        declared: vec![Written::Unset],
        effective: vec![Effective { written: Written::Unset, decided_by: Decider::Service }],
    };
    Host {
        subject,
        language,
        role: Role::Instance,
        provider: "".into(),
        metadata: Metadata { endpoint: unset(), tokens: unset(), hop_limit: unset(), ipv6: unset() },
        user_data,
        init: None,
        commands: Vec::new(),
        image: Value::null(span),
        launches: Vec::new(),
        sets_variables: false,
        files: Vec::new(),
    }
}

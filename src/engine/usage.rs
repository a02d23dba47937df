//! Which hosts and images something in a file decides about.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Analysis;
use crate::assess::Assessments;
use crate::discover::Kind;
use crate::eval::{BuildStep, BuildStepKind, Value, ValueKind};
use crate::model::{Setting, Subject, Written};
use crate::report::Listed;
use crate::source::{FileId, Origin};

/// The files that matter here, sorted by path: those that are linted, and those that decide about a host that is
/// described in them or elsewhere.
pub(super) fn list_files(analysis: &Analysis) -> Vec<Listed> {
    let workspace = &analysis.workspace;
    let mut users: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
    for assessment in &analysis.assessments.hosts {
        let host = &assessment.host;
        let metadata = &host.metadata;
        let mut files = BTreeSet::new();
        of_subject(&host.subject, &mut files);
        for setting in [&metadata.endpoint, &metadata.tokens, &metadata.hop_limit, &metadata.ipv6] {
            of_setting(setting, &mut files);
        }
        for value in &host.user_data {
            of_value(value, &mut files);
        }
        host.commands.iter().for_each(|step| of_step(step, &mut files));
        files.extend(host.files.iter().flat_map(|(_, text)| text.pieces()).map(|piece| piece.span.file));
        for file in files {
            let path = Arc::clone(&workspace.source(file).path);
            users.entry(path).or_default().insert(Arc::clone(&host.subject.address));
        }
    }
    for assessment in &analysis.assessments.images {
        let image = &assessment.image;
        let mut files = BTreeSet::new();
        of_subject(&image.subject, &mut files);
        of_machine(&image.machine, &mut files);
        image.steps.iter().for_each(|step| of_step(step, &mut files));
        for file in files {
            let path = Arc::clone(&workspace.source(file).path);
            users.entry(path).or_default().insert(Arc::clone(&image.subject.address));
        }
    }
    for assessment in &analysis.assessments.accounts {
        let mut files = BTreeSet::new();
        of_subject(&assessment.account.subject, &mut files);
        for written in &assessment.account.endpoint {
            of_written(written, &mut files);
        }
        for file in files {
            let path = Arc::clone(&workspace.source(file).path);
            users.entry(path).or_default().insert(Arc::clone(&assessment.account.subject.address));
        }
    }

    let mut listed: BTreeMap<Arc<str>, Listed> = BTreeMap::new();
    let subjects =
        |path: &Arc<str>| -> Vec<String> { users.get(path).into_iter().flatten().map(ToString::to_string).collect() };
    for entry in workspace.entries() {
        let item = Listed {
            path: workspace.display_path(&entry.path),
            kind: Kind::name(entry.kind),
            reason: entry.reason.to_string(),
            linted: entry.selected,
            used_by: subjects(&entry.path),
        };
        listed.insert(Arc::clone(&entry.path), item);
    }
    for path in users.keys() {
        let (kind, reason) = if workspace.is_fetched(path) && path.ends_with(".tf") {
            (Kind::Terraform.name(), "part of a module that was fetched")
        } else {
            ("text", "something refers to it")
        };
        listed.entry(Arc::clone(path)).or_insert_with(|| Listed {
            path: workspace.display_path(path),
            kind,
            reason: reason.into(),
            linted: false,
            used_by: subjects(path),
        });
    }
    listed.into_values().filter(|file| file.linted || !file.used_by.is_empty()).collect()
}

/// The files that the user data of hosts, and what is done to hosts and images, was written in.
pub(super) fn files_of_scripts(assessments: &Assessments) -> BTreeSet<FileId> {
    let mut files = BTreeSet::new();
    for assessment in &assessments.hosts {
        assessment.host.user_data.iter().for_each(|value| of_value(value, &mut files));
        assessment.host.commands.iter().for_each(|step| of_step(step, &mut files));
    }
    for assessment in &assessments.images {
        assessment.image.user_data().iter().for_each(|value| of_value(value, &mut files));
        assessment.image.steps.iter().for_each(|step| of_step(step, &mut files));
    }
    files
}

/// Adds the files that the attributes of a build's machine were written in.
fn of_machine(machine: &Value, files: &mut BTreeSet<FileId>) {
    of_value(machine, files);
    machine.as_map().into_iter().flat_map(|map| map.entries.values()).for_each(|value| of_value(value, files));
}

fn of_step(step: &BuildStep, files: &mut BTreeSet<FileId>) {
    files.insert(step.header.file);
    match &step.kind {
        BuildStepKind::Script { text, environment, .. } => {
            of_value(text, files);
            for (_, value) in environment {
                of_value(value, files);
            }
        }
        BuildStepKind::File { content, destination } => {
            of_value(content, files);
            of_value(destination, files);
        }
        BuildStepKind::Removal(paths) => paths.iter().for_each(|path| of_value(path, files)),
        BuildStepKind::Package(package) => of_value(package, files),
        BuildStepKind::Restart | BuildStepKind::Opaque(_) => {}
    }
}

fn of_subject(subject: &Subject, files: &mut BTreeSet<FileId>) {
    files.insert(subject.header.file);
    files.extend(subject.calls.steps().iter().map(|step| step.span.file));
}

fn of_setting(setting: &Setting, files: &mut BTreeSet<FileId>) {
    for effective in &setting.effective {
        of_written(&effective.written, files);
    }
}

fn of_written(written: &Written, files: &mut BTreeSet<FileId>) {
    match written {
        Written::Known { origin, .. } | Written::Unknown { origin, .. } => of_origin(origin, files),
        Written::Unset => {}
    }
}

fn of_origin(origin: &Origin, files: &mut BTreeSet<FileId>) {
    files.insert(origin.span.file);
    files.extend(origin.trail.steps().iter().map(|step| step.span.file));
}

fn of_value(value: &Value, files: &mut BTreeSet<FileId>) {
    for value in &*value.alternatives() {
        of_origin(&value.origin, files);
        if let ValueKind::String(text) = &value.kind {
            let text = text.decoded().unwrap_or(text);
            files.extend(text.pieces().iter().map(|piece| piece.span.file));
        }
    }
}

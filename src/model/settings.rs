//! The settings of the metadata service: as they are written, and as they take effect.
//!
//! For each option the launch (the instance, else its launch template) beats the account's default for the Region, and
//! that beats the image ("Order of precedence for instance metadata options" in the EC2 User Guide). What nobody says is
//! left to the service. An image cannot disable the endpoint.

use std::sync::Arc;

use super::read::{holder, spelling, value_at_steps};
use super::{AccountDefault, Decider, Effective, Setting, Written};
use crate::catalog::{self, Path, PathStep, SettingName};
use crate::eval::{Unknown, Value, ValueKind};
use crate::source::{Limits, Origin, Step, StepRole};

/// Reads the settings that one description writes.
pub(super) struct Reader<'a> {
    description: &'a Value,
    /// What stands in for a description that lacks the first name of a path.
    fallbacks: &'a [Value],
    limits: &'a Limits,
    /// The block that was looked into last, by the path that leads to it: the settings mostly stand in one.
    last: Option<(&'a [PathStep], Value)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(description: &'a Value, fallbacks: &'a [Value], limits: &'a Limits) -> Self {
        Self { description, fallbacks, limits, last: None }
    }

    /// What is written at `path` for `setting`; `block_default` is what holds when the block around the setting is
    /// written but the setting is not.
    pub(super) fn declared(
        &mut self,
        setting: SettingName,
        path: Option<&'a Path>,
        block_default: Option<&str>,
    ) -> Vec<Written> {
        let Some(path) = path else { return vec![Written::Unset] };
        let Some((last, around)) = path.steps().split_last() else { return vec![Written::Unset] };
        let block = match self.last.take() {
            Some((steps, block)) if steps == around && !around.is_empty() => block,
            _ => {
                let holder = holder(path, self.description, self.fallbacks, self.limits);
                value_at_steps(holder, around, self.limits)
            }
        };
        let declared = declared_in(&block, setting, last, block_default, self.limits);
        self.last = Some((around, block));
        declared
    }
}

/// What is written for `setting` after the `last` step of its path in a block, of which there may be alternatives.
fn declared_in(
    blocks: &Value,
    setting: SettingName,
    last: &PathStep,
    block_default: Option<&str>,
    limits: &Limits,
) -> Vec<Written> {
    let mut all: Vec<Written> = Vec::with_capacity(1);
    for block in &*blocks.alternatives() {
        for value in &*value_at_steps(block, std::slice::from_ref(last), limits).alternatives() {
            let one = match (written(setting, value), block_default) {
                // A plan has an empty list where no block is written.
                (Written::Unset, Some(default)) if !block.is_null() && block.as_list() != Some(&[]) => {
                    Written::Known { meaning: default.into(), origin: block.origin.clone() }
                }
                (written, _) => written,
            };
            if !all.contains(&one) {
                all.push(one);
            }
        }
    }
    all
}

pub(super) fn written(setting: SettingName, value: &Value) -> Written {
    let origin = value.origin.clone();
    match &value.kind {
        ValueKind::Null => return Written::Unset,
        ValueKind::Unknown(why) => return Written::Unknown { why: why.clone(), origin },
        _ => {}
    }
    let Some(text) = spelling(value) else {
        return Written::Unknown { why: Unknown::NotEvaluated("a partly known string".into()), origin };
    };
    match catalog::meaning(setting, &text) {
        Some("unset") => Written::Unset,
        Some(meaning) => Written::Known { meaning: meaning.into(), origin },
        None if setting == SettingName::HopLimit && text.parse::<u8>().is_ok() => {
            Written::Known { meaning: text, origin }
        }
        None => Written::Unknown { why: Unknown::Invalid(text), origin },
    }
}

/// What a host takes a setting from where it does not set it itself.
pub(super) struct Inheritance<'a> {
    /// The launch templates that it may be launched from, with what they declare; empty when there is none.
    pub(super) templates: Vec<(Arc<str>, Vec<Written>)>,
    /// Why it is not known which launch template it is, when that is so.
    pub(super) unresolved: Option<(Unknown, Origin)>,
    /// What the module that describes the host sets by default.
    pub(super) module_default: Option<Arc<str>>,
    /// The default of the account, with what it declares.
    pub(super) account: Option<(&'a AccountDefault, &'a [Written])>,
    /// What the images that it may be launched from set, those included that set nothing.
    pub(super) images: Vec<(Arc<str>, Written)>,
    /// The step that leads from an inherited value to the host.
    pub(super) step: Step,
}

/// The setting that takes effect.
pub(super) fn effective(declared: Vec<Written>, inheritance: &Inheritance, default_origin: &Origin) -> Setting {
    let mut effective = Vec::with_capacity(1);
    for written in &declared {
        match written {
            Written::Unset => effective.extend(inherited(inheritance, default_origin)),
            _ => effective.push(Effective { written: written.clone(), decided_by: Decider::Host }),
        }
    }
    let mut distinct: Vec<Effective> = Vec::with_capacity(1);
    for one in effective {
        if !distinct.contains(&one) {
            distinct.push(one);
        }
    }
    Setting { declared, effective: distinct }
}

fn inherited(inheritance: &Inheritance, default_origin: &Origin) -> Vec<Effective> {
    if let Some(meaning) = &inheritance.module_default {
        let written = Written::Known { meaning: Arc::clone(meaning), origin: default_origin.clone() };
        return vec![Effective { written, decided_by: Decider::Module }];
    }
    let mut effective = Vec::new();
    for (address, declared) in &inheritance.templates {
        for written in declared {
            match written {
                Written::Unset => effective.extend(from_account(inheritance)),
                _ => effective.push(Effective {
                    written: arrived(written, &inheritance.step),
                    decided_by: Decider::Template(Arc::clone(address)),
                }),
            }
        }
    }
    if let Some((why, origin)) = &inheritance.unresolved {
        let written = Written::Unknown { why: why.clone(), origin: origin.clone() };
        effective.push(Effective { written, decided_by: Decider::Template(Arc::default()) });
    }
    if effective.is_empty() {
        effective.extend(from_account(inheritance));
    }
    effective
}

fn from_account(inheritance: &Inheritance) -> Vec<Effective> {
    match &inheritance.account {
        None | Some((_, [Written::Unset] | [])) => from_images(inheritance),
        Some((account, declared @ [first, ..])) => {
            let written = if declared.len() == 1 { arrived(first, &inheritance.step) } else { several(first) };
            vec![Effective { written, decided_by: Decider::Account(Arc::clone(&account.subject.address)) }]
        }
    }
}

fn from_images(inheritance: &Inheritance) -> Vec<Effective> {
    let service = || Effective { written: Written::Unset, decided_by: Decider::Service };
    let from_image = |(address, written): &(Arc<str>, Written)| match written {
        Written::Unset => service(),
        _ => {
            Effective { written: arrived(written, &inheritance.step), decided_by: Decider::Image(Arc::clone(address)) }
        }
    };
    let effective: Vec<_> = inheritance.images.iter().map(from_image).collect();
    if effective.is_empty() { vec![service()] } else { effective }
}

/// An account default with alternatives is reported where it is declared; for its hosts it is not known.
fn several(first: &Written) -> Written {
    match first {
        Written::Known { origin, .. } | Written::Unknown { origin, .. } => {
            let why = Unknown::NotEvaluated("an account default with several values".into());
            Written::Unknown { why, origin: origin.clone() }
        }
        Written::Unset => Written::Unset,
    }
}

fn arrived(written: &Written, step: &Step) -> Written {
    match written {
        Written::Known { meaning, origin } => {
            Written::Known { meaning: Arc::clone(meaning), origin: origin.then(step.clone()) }
        }
        Written::Unknown { why, origin } => Written::Unknown { why: why.clone(), origin: origin.then(step.clone()) },
        Written::Unset => Written::Unset,
    }
}

/// The step by which `address` takes a setting over.
pub(super) fn inheriting(address: &Arc<str>, header: crate::source::Span) -> Step {
    Step { span: header, role: StepRole::Inherited, name: Arc::clone(address) }
}

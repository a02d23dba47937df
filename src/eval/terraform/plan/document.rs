//! A plan file as it is written. Only its outline is read here: a plan holds far more than what is known of hosts, so the
//! values of a resource are parsed when they are wanted.
//!
//! The format is that of <https://developer.hashicorp.com/terraform/internals/json-format>.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::scope::InstanceKey;
use super::address::{Part, absolute, calls, parts};
use super::json::Name;
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, SourceFile, Span};

/// The parts of a plan that matter here.
pub(super) struct Document<'a> {
    pub(super) file: &'a SourceFile,
    /// The resources that exist once the plan is carried out, in the order of the file.
    pub(super) resources: Vec<PlannedResource<'a>>,
    /// The values of the root module's variables.
    pub(super) variables: BTreeMap<Arc<str>, Raw<'a>>,
    pub(super) configuration: Option<Configuration<'a>>,
    /// Where the plan says what will be.
    pub(super) place: Span,
}

/// A value of the file that is not parsed yet.
pub(super) type Raw<'a> = &'a RawValue;

/// A managed resource that exists once the plan is carried out.
pub(super) struct PlannedResource<'a> {
    pub(super) module: Arc<[Part]>,
    pub(super) kind: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) key: InstanceKey,
    /// Where its address is written.
    pub(super) header: Span,
    /// What is known of its attributes.
    pub(super) values: Raw<'a>,
    /// Which of them are known only after the plan was carried out; absent when the plan does not say.
    pub(super) unknown: Option<Raw<'a>>,
}

impl PlannedResource<'_> {
    /// Its address, as the evaluator writes it.
    pub(super) fn address(&self) -> String {
        absolute(&self.module, &self.key.apply(&format!("{}.{}", self.kind, self.name)))
    }
}

/// What is declared, without values: which expression refers to what.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct Configuration<'a> {
    #[serde(borrow, default)]
    pub(super) provider_config: BTreeMap<String, Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) root_module: ConfiguredModule<'a>,
}

/// A module as it is declared.
#[derive(Default, Deserialize)]
#[serde(default, expecting = "an object")]
pub(super) struct ConfiguredModule<'a> {
    #[serde(borrow)]
    pub(super) resources: Vec<ConfiguredResource<'a>>,
    #[serde(borrow)]
    pub(super) module_calls: BTreeMap<String, ConfiguredCall<'a>>,
    #[serde(borrow)]
    pub(super) outputs: BTreeMap<String, ConfiguredOutput<'a>>,
    #[serde(borrow)]
    pub(super) variables: BTreeMap<String, ConfiguredVariable<'a>>,
}

/// A resource as it is declared.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct ConfiguredResource<'a> {
    #[serde(default)]
    pub(super) mode: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) provider_config_key: String,
    #[serde(borrow)]
    pub(super) expressions: Option<Raw<'a>>,
}

/// A call of a module.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct ConfiguredCall<'a> {
    #[serde(borrow)]
    pub(super) expressions: Option<Raw<'a>>,
    #[serde(borrow, default)]
    pub(super) module: ConfiguredModule<'a>,
}

/// A variable of a module.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct ConfiguredVariable<'a> {
    #[serde(borrow)]
    pub(super) default: Option<Raw<'a>>,
}

/// An output of a module.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
pub(super) struct ConfiguredOutput<'a> {
    #[serde(borrow)]
    pub(super) expression: Option<Raw<'a>>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Outline<'a> {
    #[serde(borrow)]
    format_version: Option<Raw<'a>>,
    #[serde(borrow)]
    variables: Option<BTreeMap<String, Variable<'a>>>,
    #[serde(borrow)]
    planned_values: Option<Raw<'a>>,
    #[serde(borrow)]
    resource_changes: Option<Raw<'a>>,
    #[serde(borrow)]
    configuration: Option<Raw<'a>>,
    #[serde(borrow)]
    errored: Option<Raw<'a>>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Variable<'a> {
    #[serde(borrow)]
    value: Option<Raw<'a>>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct PlannedValues<'a> {
    #[serde(borrow, default)]
    root_module: PlannedModule<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, expecting = "an object")]
struct PlannedModule<'a> {
    #[serde(borrow)]
    address: Option<Raw<'a>>,
    #[serde(borrow)]
    resources: Vec<Planned<'a>>,
    #[serde(borrow)]
    child_modules: Vec<Self>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Planned<'a> {
    #[serde(borrow)]
    address: Raw<'a>,
    #[serde(borrow, default = "managed")]
    mode: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    index: Option<Raw<'a>>,
    #[serde(borrow)]
    values: Option<Raw<'a>>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct ResourceChange<'a> {
    #[serde(borrow)]
    address: Raw<'a>,
    #[serde(borrow)]
    module_address: Option<Raw<'a>>,
    #[serde(borrow, default = "managed")]
    mode: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    index: Option<Raw<'a>>,
    deposed: Option<IgnoredAny>,
    #[serde(borrow)]
    change: Change<'a>,
}

/// The type `kind`, which the last of `resources` mostly has as well.
fn same_kind(resources: &[PlannedResource<'_>], kind: &str) -> Arc<str> {
    let last = resources.last().filter(|last| *last.kind == *kind);
    last.map_or_else(|| kind.into(), |last| Arc::clone(&last.kind))
}

/// What a resource is of which nothing is said: plans that were made by hand, for tests of policies, leave it out.
fn managed() -> Cow<'static, str> {
    Cow::Borrowed("managed")
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Change<'a> {
    actions: Vec<String>,
    #[serde(borrow)]
    after: Option<Raw<'a>>,
    #[serde(borrow)]
    after_unknown: Option<Raw<'a>>,
}

/// Reads the outline of a plan. What is malformed in it is a problem, and nothing of the plan is known then.
pub(super) fn read<'a>(file: &'a SourceFile, limits: &Limits) -> (Option<Document<'a>>, Vec<Problem>) {
    let mut reader = Reader { file, problems: Vec::new(), limits };
    let document = reader.document();
    (document, reader.problems)
}

/// Where `raw` stands in `file`.
pub(super) fn span_of(file: &SourceFile, raw: Raw<'_>) -> Span {
    let text = raw.get();
    let start = text.as_ptr().addr().saturating_sub(file.text().as_ptr().addr());
    file.span(start..start + text.len())
}

/// The entries of the object `raw` that are `wanted`; of those with the same name the last one. None when it is no object.
pub(super) fn entries<'a>(raw: Raw<'a>, wanted: &[&str]) -> BTreeMap<Cow<'a, str>, Raw<'a>> {
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    Entries { wanted }.deserialize(&mut reader).unwrap_or_default()
}

struct Entries<'w> {
    wanted: &'w [&'w str],
}

impl<'a> DeserializeSeed<'a> for Entries<'_> {
    type Value = BTreeMap<Cow<'a, str>, Raw<'a>>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Entries<'_> {
    type Value = BTreeMap<Cow<'a, str>, Raw<'a>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some(Name(name)) = map.next_key()? {
            if self.wanted.contains(&&*name) {
                entries.insert(name, map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(entries)
    }
}

struct Reader<'a, 'l> {
    file: &'a SourceFile,
    problems: Vec<Problem>,
    limits: &'l Limits,
}

impl<'a> Reader<'a, '_> {
    fn document(&mut self) -> Option<Document<'a>> {
        let text = self.file.text();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let whole: Outline<'a> = self.typed(text)?;
        self.check_version(whole.format_version)?;
        if let Some(errored) = whole.errored.filter(|errored| errored.get() == "true") {
            let message = "this plan is of a run that failed, so that it may lack resources; mend that, and plan again";
            self.problems.push(Problem::warning(ProblemCode::Evaluation, span_of(self.file, errored), message));
        }
        let changes: Vec<ResourceChange<'a>> = match whole.resource_changes {
            Some(raw) => self.typed(raw.get())?,
            None => Vec::new(),
        };
        let resources = match whole.planned_values {
            Some(raw) => {
                let values: PlannedValues<'a> = self.typed(raw.get())?;
                self.planned(values, &changes)
            }
            None => self.changed(&changes),
        };
        let configuration = whole.configuration.and_then(|raw| self.typed(raw.get()));
        let variables = whole.variables.into_iter().flatten();
        let variables = variables.filter_map(|(name, variable)| Some((name.into(), variable.value?))).collect();
        let place = whole.planned_values.or(whole.resource_changes);
        let place = place.map_or_else(|| self.file.span(0..0), |raw| self.key_before(span_of(self.file, raw)));
        Some(Document { file: self.file, resources, variables, configuration, place })
    }

    /// What `text`, a part of the file, is.
    fn typed<T: Deserialize<'a>>(&mut self, text: &'a str) -> Option<T> {
        match serde_json::from_str(text) {
            Ok(typed) => Some(typed),
            Err(error) => {
                self.report(text, &error);
                None
            }
        }
    }

    fn report(&mut self, text: &str, error: &serde_json::Error) {
        let start = text.as_ptr().addr().saturating_sub(self.file.text().as_ptr().addr());
        let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
        let at = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        let at = (start + at).min(self.file.text().len());
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        let code = if error.is_data() { ProblemCode::Evaluation } else { ProblemCode::Syntax };
        let message = format!("this plan cannot be read: {message}; write it anew with `terraform show -json PLAN`");
        self.problems.push(Problem::error(code, self.file.span(at..at), message));
    }

    fn check_version(&mut self, version: Option<Raw<'a>>) -> Option<()> {
        let version = version?;
        let number = version.get().trim_matches('"');
        if number.split('.').next().is_some_and(|major| matches!(major, "0" | "1")) {
            return Some(());
        }
        let message = format!("plans of the format {number} are not known, only those of version 1; update imdslint");
        self.problems.push(Problem::error(ProblemCode::Evaluation, span_of(self.file, version), message));
        None
    }

    fn planned(&mut self, values: PlannedValues<'a>, changes: &[ResourceChange<'a>]) -> Vec<PlannedResource<'a>> {
        let current = changes.iter().filter(|change| change.deposed.is_none());
        let unknown: BTreeMap<&str, Raw<'a>> =
            current.filter_map(|change| Some((change.address.get(), change.change.after_unknown?))).collect();
        let mut resources = Vec::new();
        let mut open = vec![values.root_module];
        while let Some(module) = open.pop() {
            // The last one is the next.
            open.extend(module.child_modules.into_iter().rev());
            let Some(path) = self.path(module.address) else { continue };
            for planned in module.resources.into_iter().filter(|planned| planned.mode == "managed") {
                let Some(values) = planned.values else { continue };
                let kind = same_kind(&resources, &planned.kind);
                let Some((name, key)) = self.name(planned.address, planned.name, planned.index) else { continue };
                resources.push(PlannedResource {
                    module: Arc::clone(&path),
                    kind,
                    name,
                    key,
                    header: span_of(self.file, planned.address),
                    values,
                    unknown: unknown.get(planned.address.get()).copied(),
                });
            }
        }
        resources
    }

    /// The resources of a plan that was cut down to its changes.
    fn changed(&mut self, changes: &[ResourceChange<'a>]) -> Vec<PlannedResource<'a>> {
        let mut resources = Vec::new();
        for change in changes.iter().filter(|change| change.mode == "managed" && change.deposed.is_none()) {
            let is_removed = matches!(change.change.actions.as_slice(), [only] if only == "delete" || only == "forget");
            let Some(values) = change.change.after.filter(|_| !is_removed) else { continue };
            let Some(module) = self.path(change.module_address) else { continue };
            let Some((name, key)) = self.name(change.address, change.name.clone(), change.index) else { continue };
            resources.push(PlannedResource {
                module,
                kind: same_kind(&resources, &change.kind),
                name,
                key,
                header: span_of(self.file, change.address),
                values,
                unknown: change.change.after_unknown,
            });
        }
        resources
    }

    fn path(&mut self, address: Option<Raw<'a>>) -> Option<Arc<[Part]>> {
        let Some(raw) = address else { return Some(Arc::new([])) };
        let address: Option<String> = serde_json::from_str(raw.get()).ok();
        let path = address.and_then(|address| calls(&address));
        if path.is_none() {
            self.malformed(raw, "is no address of a module");
        }
        path.map(Into::into)
    }

    /// The name and the key of the resource at `address`, which has them when nothing else does.
    fn name(
        &mut self,
        address: Raw<'a>,
        name: Option<Cow<'a, str>>,
        index: Option<Raw<'a>>,
    ) -> Option<(Arc<str>, InstanceKey)> {
        if let Some(name) = name {
            return Some((Arc::from(&*name), self.key(index)?));
        }
        let written: Option<String> = serde_json::from_str(address.get()).ok();
        let last = written.and_then(|written| parts(&written)?.pop());
        if last.is_none() {
            self.malformed(address, "is no address of a resource");
        }
        last.map(|part| (part.name, part.key))
    }

    fn key(&mut self, index: Option<Raw<'a>>) -> Option<InstanceKey> {
        let Some(raw) = index.filter(|raw| raw.get() != "null") else { return Some(InstanceKey::None) };
        let number = serde_json::from_str(raw.get()).map(InstanceKey::Index);
        let key = number.or_else(|_| serde_json::from_str::<String>(raw.get()).map(|key| InstanceKey::Key(key.into())));
        if key.is_err() {
            self.malformed(raw, "is no key of a resource");
        }
        key.ok()
    }

    fn malformed(&mut self, raw: Raw<'a>, what: &str) {
        if self.problems.len() < self.limits.problems_per_file {
            let text: String = raw.get().chars().take(60).collect();
            let message = format!("{text} {what}, and what belongs to it is left out; write the plan anew");
            self.problems.push(Problem::error(ProblemCode::Evaluation, span_of(self.file, raw), message));
        }
    }

    /// The key whose value stands at `value`.
    fn key_before(&self, value: Span) -> Span {
        let before = self.file.text().get(..value.range().start).unwrap_or_default();
        let before = before.trim_end_matches(|character: char| character.is_whitespace() || character == ':');
        let inner = before.strip_suffix('"').unwrap_or(before);
        self.file.span(inner.rfind('"').unwrap_or(0)..before.len())
    }
}

//! Outputs, the exports among them, and what other templates import of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::condition::Truth;
use super::stack::StackPlace;
use super::{Call, Evaluator, Value};
use crate::eval::{Map, Unknown, ValueKind};
use crate::source::{Span, Step, StepRole};

impl<'a> Evaluator<'a> {
    /// The outputs whose conditions are not known to be false, or only the one called `wanted`.
    pub(super) fn outputs(&mut self, wanted: Option<&str>) -> BTreeMap<Arc<str>, Value> {
        let mut outputs = BTreeMap::new();
        let section = self.inputs.root.get("Outputs").map(crate::syntax::tree::Node::entries).unwrap_or_default();
        for (name, entry) in section {
            if wanted.is_some_and(|wanted| wanted != name) {
                continue;
            }
            let Some(written) = entry.value.get("Value") else { continue };
            let value = match entry.value.get("Condition") {
                Some(condition) => match self.named_condition(condition) {
                    Truth::Known(false, _) => continue,
                    Truth::Known(true, _) => self.value(written),
                    Truth::Open(_) => self.assuming(condition, true, |evaluator| evaluator.value(written)),
                },
                None => self.value(written),
            };
            outputs.insert(Arc::from(name), value);
        }
        outputs
    }

    /// The name under which the output `name` is exported, when it is known.
    pub(super) fn export_name(&mut self, name: &str) -> Option<String> {
        let written = self.inputs.root.get("Outputs")?.get(name)?.get("Export")?.get("Name")?;
        self.value(written).as_str().map(str::to_owned)
    }

    /// What another template of the workspace exports under that name, when exactly one does.
    pub(super) fn call_import_value(&mut self, call: Call<'a>) -> Value {
        let name = self.argument(call);
        let limit = self.inputs.limits.alternatives;
        name.for_each_alternative(limit, |name| {
            let Some(export) = name.as_str() else {
                return Value::unknown(Unknown::NotEvaluated("Fn::ImportValue".into()), call.span);
            };
            self.imported(export, call.span)
        })
    }

    fn imported(&mut self, export: &str, span: Span) -> Value {
        let Some(templates) = self.deployment.templates.filter(|_| self.deployment.follows_imports) else {
            return Value::unknown(Unknown::NotEvaluated("Fn::ImportValue".into()), span);
        };
        let unknown = |reason: String| Value::unknown(Unknown::Hole(reason.into()), span);
        let exporters = templates.exporters(export);
        let [(path, output)] = exporters else {
            let who = if exporters.is_empty() { "no template" } else { "more than one template" };
            return unknown(format!("{who} of this workspace exports `{export}`"));
        };
        if templates.is_nested(path) {
            return unknown(format!("`{export}` is exported by `{path}`, which is nested in other templates"));
        }
        if self.place.templates.contains(path) {
            return unknown(format!("what exports `{export}` needs this value itself"));
        }
        let known = self.deployment.imports.borrow().get(export).cloned();
        let value = known.unwrap_or_else(|| {
            let mut place = StackPlace::outermost(path);
            place.templates.extend(self.place.templates.iter().cloned());
            let is_allowed =
                place.templates.len() <= self.inputs.limits.module_depth && self.deployment.count_instance();
            let value = if is_allowed { templates.output(path, output, &place, self.deployment) } else { None };
            let value = value.map_or_else(
                || unknown(format!("the export `{export}` of `{path}` has no value here")),
                |value| elsewhere(&value, path, &mut self.inputs.limits.nodes.clone()),
            );
            self.deployment.imports.borrow_mut().insert(export.to_owned(), value.clone());
            value
        });
        value.then(Step { span, role: StepRole::Function, name: "Fn::ImportValue".into() })
    }
}

/// A value of the project `project` as another project sees it: what is computed is computed there. Collections are
/// shared, so that a few of them within each other may stand for more parts than are `left`.
fn elsewhere(value: &Value, project: &Arc<str>, left: &mut usize) -> Value {
    let Some(fewer) = left.checked_sub(1) else {
        return Value::unknown(Unknown::Limit("parts".into()), value.origin.span);
    };
    *left = fewer;
    let mut inside = |values: &[Value]| Arc::new(values.iter().map(|value| elsewhere(value, project, left)).collect());
    let kind = match &value.kind {
        ValueKind::Unknown(Unknown::Computed(resource, attribute)) => {
            let why = Unknown::Elsewhere(Arc::clone(project), Arc::clone(resource), Arc::clone(attribute));
            ValueKind::Unknown(why)
        }
        ValueKind::List(items) => ValueKind::List(inside(items)),
        ValueKind::OneOf(values) => ValueKind::OneOf(inside(values)),
        ValueKind::Map(map) => {
            let entry = |(key, value): (&Arc<str>, &Value)| (Arc::clone(key), elsewhere(value, project, left));
            let entries = map.entries.iter().map(entry).collect();
            ValueKind::Map(Arc::new(Map { entries, computed_by: map.computed_by.clone() }))
        }
        other => other.clone(),
    };
    Value { kind, origin: value.origin.clone() }
}

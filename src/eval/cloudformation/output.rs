//! Outputs, the exports among them, and what other templates import of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::condition::Truth;
use super::stack::StackPlace;
use super::{Call, Evaluator, Value};
use crate::eval::{Computed, Unknown, ValueKind};
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
            let none = (None, Vec::new());
            let (value, problems) =
                if is_allowed { templates.output(path, output, &place, self.deployment) } else { none };
            for problem in problems {
                self.report(problem);
            }
            let value = value.as_ref().map_or_else(
                || unknown(format!("the export `{export}` of `{path}` has no value here")),
                |value| elsewhere(value, path),
            );
            self.deployment.imports.borrow_mut().insert(export.to_owned(), value.clone());
            value
        });
        value.then(Step { span, role: StepRole::Function, name: "Fn::ImportValue".into() })
    }
}

/// An exported value of the project `project` as another project sees it: what is computed is computed there.
fn elsewhere(value: &Value, project: &Arc<str>) -> Value {
    let kind = match &value.kind {
        ValueKind::Unknown(Unknown::Computed(computed)) => {
            let there = Computed { project: Some(Arc::clone(project)), ..Computed::clone(computed) };
            ValueKind::Unknown(Unknown::Computed(Arc::new(there)))
        }
        ValueKind::OneOf(values) => {
            ValueKind::OneOf(Arc::new(values.iter().map(|value| elsewhere(value, project)).collect()))
        }
        // Only strings can be exported.
        ValueKind::List(_) | ValueKind::Set(_) | ValueKind::Map(_) => {
            ValueKind::Unknown(Unknown::Invalid(value.type_name().into()))
        }
        other => other.clone(),
    };
    Value { kind, origin: value.origin.clone() }
}

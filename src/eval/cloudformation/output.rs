//! Outputs, the exports among them, and what other templates import of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::condition::Truth;
use super::export::{Asked, Exported, Imports};
use super::{Call, Evaluator, Value};
use crate::eval::{Computed, Unknown, ValueKind};
use crate::source::{Span, Step, StepRole};
use crate::syntax::tree::{Entry, Node};

impl<'a> Evaluator<'a> {
    /// The outputs whose conditions are not known to be false.
    pub(super) fn outputs(&mut self) -> BTreeMap<Arc<str>, Value> {
        let section = self.inputs.root.get("Outputs").map(Node::entries).unwrap_or_default();
        let value = |(name, entry)| Some((Arc::from(name), self.output(entry)?));
        section.into_iter().filter_map(value).collect()
    }

    /// The value of an output, unless its condition is known to be false.
    pub(super) fn output(&mut self, entry: &'a Entry) -> Option<Value> {
        let written = entry.value.get("Value")?;
        match entry.value.get("Condition") {
            Some(condition) => match self.named_condition(condition) {
                Truth::Known(false, _) => None,
                Truth::Known(true, _) => Some(self.value(written)),
                Truth::Open(_) => Some(self.assuming(condition, true, |evaluator| evaluator.value(written))),
            },
            None => Some(self.value(written)),
        }
    }

    /// The name under which an output is exported, when it is known.
    pub(super) fn export_name(&mut self, entry: &'a Entry) -> Option<String> {
        let written = entry.value.get("Export")?.get("Name")?;
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
        let not_followed = Value::unknown(Unknown::NotEvaluated("Fn::ImportValue".into()), span);
        let Some(templates) = self.deployment.templates else { return not_followed };
        if matches!(self.deployment.imports, Imports::Ignored) {
            return not_followed;
        }
        let unknown = |reason: String| Value::unknown(Unknown::Hole(reason.into()), span);
        let exporters = templates.exporters(export);
        let [(path, _)] = exporters else {
            let who = if exporters.is_empty() { "no template" } else { "more than one template" };
            return unknown(format!("{who} of this workspace exports `{export}`"));
        };
        if templates.is_nested(path) {
            return unknown(format!("`{export}` is exported by `{path}`, which is nested in other templates"));
        }
        let circular = || unknown(format!("what exports `{export}` needs this value itself"));
        if self.place.templates.contains(path) {
            return circular();
        }
        let exported = match self.deployment.imports {
            Imports::Searched(search) => match search.borrow_mut().ask(export) {
                Asked::Known(exported) => Some(exported),
                Asked::Circular => return circular(),
                Asked::Missing => None,
            },
            Imports::Known | Imports::Ignored => templates.exported(export).cloned(),
        };
        let Exported { value, problems } = exported.unwrap_or_default();
        for problem in problems.iter() {
            self.report(problem.clone());
        }
        let value = value.unwrap_or_else(|| unknown(format!("the export `{export}` of `{path}` has no value here")));
        value.then(Step { span, role: StepRole::Function, name: "Fn::ImportValue".into() })
    }
}

/// An exported value of the project `project` as another project sees it: what is computed is computed there.
pub(super) fn elsewhere(value: &Value, project: &Arc<str>) -> Value {
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

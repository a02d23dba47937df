//! Stacks that a template nests: their templates are evaluated with what they are given, once for each call.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::stack::{Evaluated, StackPlace, Wanted, evaluate_stack};
use super::{Evaluator, Inputs, Value, type_name};
use crate::eval::{Resource, Unknown, ValueKind};
use crate::finding::ProblemCode;
use crate::source::{Span, Step, StepRole};
use crate::syntax::tree::{Entry, Node};

const STACK: &str = "AWS::CloudFormation::Stack";
const APPLICATION: &str = "AWS::Serverless::Application";

/// What stands before the name of an output in an attribute of a nested stack.
const OUTPUTS: &str = "Outputs.";

/// A stack that is nested in another one.
#[derive(Debug)]
pub(super) struct Nested {
    pub(super) resources: Vec<Resource>,
    outputs: BTreeMap<Arc<str>, Value>,
    /// The path of its template.
    template: Arc<str>,
}

impl<'a> Evaluator<'a> {
    /// The stack that the resource `name` nests, when its template is in the workspace.
    pub(super) fn nested(&mut self, name: &'a str, entry: &'a Entry) -> Option<Rc<Nested>> {
        if let Some(known) = self.nested.get(name) {
            return known.clone();
        }
        // One that needs itself is left to the search for circles.
        self.nested.insert(name, None);
        let stack = self.template_of(entry).and_then(|template| self.evaluate_nested(name, entry, template));
        let stack = stack.map(Rc::new);
        self.nested.insert(name, stack.clone());
        stack
    }

    /// The value of an attribute such as `Outputs.Name` of the stack that `name` nests.
    pub(super) fn output_of_nested(
        &mut self,
        name: &'a str,
        entry: &'a Entry,
        attribute: &str,
        span: Span,
    ) -> Option<Value> {
        let output = attribute.strip_prefix(OUTPUTS)?;
        let stack = self.nested(name, entry)?;
        let Some(value) = stack.outputs.get(output) else {
            let message = format!("`{}` has no output `{output}`; correct the name, or add it there", stack.template);
            return Some(self.fault(ProblemCode::Missing, span, message));
        };
        let name = format!("{}{name}.{attribute}", self.place.prefix).into();
        Some(value.clone().then(Step { span, role: StepRole::Output, name }))
    }

    /// The path of the template that a resource nests, when it is one of the workspace.
    pub(super) fn template_of(&mut self, entry: &'a Entry) -> Option<Arc<str>> {
        let templates = self.deployment.templates?;
        let location = match entry.value.get("Type").and_then(type_name)? {
            STACK => "TemplateURL",
            APPLICATION => "Location",
            _ => return None,
        };
        let own = &self.inputs.file.path;
        // The CDK names the file from which it uploads the template.
        if let Some(metadata) = entry.value.get("Metadata")
            && metadata.get("aws:asset:property").and_then(Node::as_str) == Some(location)
            && let Some(path) = metadata.get("aws:asset:path").and_then(Node::as_str)
        {
            return templates.beside(own, path);
        }
        let location = self.value(entry.value.get("Properties")?.get(location)?);
        templates.target(own, &location)
    }

    fn evaluate_nested(&mut self, name: &'a str, entry: &'a Entry, path: Arc<str>) -> Option<Nested> {
        let header = entry.key.span;
        let address = format!("{}{name}", self.place.prefix);
        let templates = self.deployment.templates?;
        templates.reach(&path);
        if self.place.templates.contains(&path) {
            let message = format!("the stack `{address}` nests itself without end; nest another template");
            self.warn(ProblemCode::Cycle, header, message);
            return None;
        }
        let is_too_deep = self.place.templates.len() > self.inputs.limits.module_depth;
        if is_too_deep || self.deployment.is_spent() || !self.deployment.count_instance() {
            let message = "stacks are nested too deep or too often to follow all of them; nest fewer";
            self.warn(ProblemCode::Limit, header, message);
            return None;
        }
        let parameters = self.arguments(&address, entry);
        let document = templates.document(&path).ok()?;
        let root = document.root()?;
        let name = super::construct_path(entry).unwrap_or(&address);
        let step = Step { span: header, role: StepRole::NestedStack, name: name.into() };
        let mut around = self.place.templates.clone();
        around.push(Arc::clone(&path));
        let place = StackPlace {
            project: Arc::clone(&self.place.project),
            prefix: format!("{address}/"),
            calls: self.place.calls.then(step),
            templates: around,
        };
        let inputs = Inputs { file: &document.file, root, parameters: &parameters, limits: self.inputs.limits };
        let wanted = if self.deployment.wants_outputs_only() { Wanted::Outputs } else { Wanted::Everything };
        let evaluated = evaluate_stack(inputs, &place, self.deployment, wanted);
        let Evaluated { resources, outputs, problems, faults } = evaluated;
        for problem in problems {
            self.report(problem);
        }
        self.faults.extend(faults);
        Some(Nested { resources, outputs, template: path })
    }

    /// The values that a stack is given, each with the step of being passed on.
    fn arguments(&mut self, address: &str, entry: &'a Entry) -> Vec<(String, Value)> {
        let Some(written) = entry.value.get("Properties").and_then(|properties| properties.get("Parameters")) else {
            return Vec::new();
        };
        let given = self.value(written);
        let keys: BTreeMap<&str, Span> =
            written.entries().into_iter().map(|(name, entry)| (name, entry.key.span)).collect();
        let place = |name: &str| keys.get(name).copied().unwrap_or(entry.key.span);
        let step = |name: &str| {
            let name_of_step = format!("{address}.{name}").into();
            Step { span: place(name), role: StepRole::ModuleArgument, name: name_of_step }
        };
        let Some(map) = given.as_map() else {
            // What is passed on may be anything.
            let why = given.as_unknown().cloned().unwrap_or_else(|| Unknown::NotEvaluated("Parameters".into()));
            return vec![(super::parameter::ANY.to_owned(), Value::unknown(why, written.span))];
        };
        let given = map.entries.iter().filter(|(_, value)| !value.is_null());
        given.map(|(name, value)| (name.to_string(), as_parameter(value.clone()).then(step(name)))).collect()
    }
}

/// A value as a parameter gets it: a string where it is a number or a truth value.
pub(super) fn as_parameter(value: Value) -> Value {
    match &value.kind {
        ValueKind::Bool(truth) => {
            let text = crate::source::Text::encoded(truth.to_string(), value.origin.span);
            Value { kind: ValueKind::String(text), origin: value.origin }
        }
        ValueKind::Number(number) => {
            let text = crate::source::Text::encoded(crate::eval::number_text(*number), value.origin.span);
            Value { kind: ValueKind::String(text), origin: value.origin }
        }
        _ => value,
    }
}

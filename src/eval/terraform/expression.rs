//! Expressions to values: everything HCL has, with unknown and alternative values kept as far as they go.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::evaluator::{Evaluated, Evaluator, Fault, fault};
use super::scope::Scope;
use super::{functions, operators, types};
use crate::eval::value::{MOST_COMPARED, number_text};
use crate::eval::{Map, Unknown, Value, ValueKind};
use crate::finding::ProblemCode;
use crate::source::{Span, Step, StepRole, Text};
use crate::syntax::hcl::{
    BinaryOperator, Call, Conditional, Expression, ExpressionKind, ForExpression, ObjectItem, Traversal, TraversalStep,
};

/// The functions that go through their arguments to the last part, at more cost than passing them on.
const GO_THROUGH_ALL_PARTS: [&str; 15] = [
    "chunklist",
    "compact",
    "distinct",
    "flatten",
    "jsonencode",
    "matchkeys",
    "setintersection",
    "setsubtract",
    "setunion",
    "sort",
    "tolist",
    "tomap",
    "toset",
    "transpose",
    "yamlencode",
];

/// The functions that read a text to its end even when nothing comes of it, with what a byte of it costs more than one that
/// is looked at only.
const DECODE: [(&str, usize); 3] = [("csvdecode", 16), ("jsondecode", 8), ("yamldecode", 32)];

impl Evaluator<'_> {
    /// The value of `expression` as seen from `scope`, or the fault that keeps it from having one.
    pub(in crate::eval) fn evaluate(&self, expression: &Expression, scope: &Scope) -> Evaluated {
        let _step = self.enter(expression.span)?;
        let value = self.evaluate_unpaid(expression, scope)?;
        self.pay_for(&value, expression)?;
        Ok(value)
    }

    fn evaluate_unpaid(&self, expression: &Expression, scope: &Scope) -> Evaluated {
        let span = expression.span;
        match &expression.kind {
            ExpressionKind::Null => Ok(Value::null(span)),
            ExpressionKind::Bool(value) => Ok(Value::bool(*value, span)),
            ExpressionKind::Number(value) => Ok(self.number(*value, span)),
            ExpressionKind::Literal(text) => Ok(Value::text(text.clone(), span)),
            ExpressionKind::Template(template) => self.evaluate_quoted(template, scope, span),
            ExpressionKind::Array(items) => {
                let values = items.iter().map(|item| self.tolerate(item, scope)).collect::<Result<_, _>>()?;
                Ok(Value::list(values, span))
            }
            ExpressionKind::Object(items) => self.evaluate_object(items, scope, span),
            ExpressionKind::Variable(_) => self.evaluate_traversal(expression, &[], scope, span),
            ExpressionKind::Traversal(traversal) => {
                let Traversal { base, steps } = &**traversal;
                self.evaluate_traversal(base, steps, scope, span)
            }
            ExpressionKind::Call(call) => self.evaluate_call(call, scope, span),
            ExpressionKind::Conditional(conditional) => self.evaluate_conditional(conditional, scope, span),
            ExpressionKind::Unary(operator, operand) => {
                let operand = self.evaluate(operand, scope)?;
                self.each_alternative(&operand, |operand| {
                    operators::unary(*operator, operand, span)
                        .map_err(|message| fault(ProblemCode::Evaluation, span, message))
                })
            }
            ExpressionKind::Binary(operator, left_side, right_side) => {
                let left = self.evaluate(left_side, scope)?;
                let right = self.evaluate(right_side, scope)?;
                self.pay_for_comparing(&left, &right, span)?;
                let value = self.each_alternative(&left, |left| {
                    self.each_alternative(&right, |right| {
                        operators::binary(*operator, left, right, span)
                            .map_err(|message| fault(ProblemCode::Evaluation, span, message))
                    })
                })?;
                let are_written =
                    |side: &Expression| matches!(side.kind, ExpressionKind::Array(_) | ExpressionKind::Object(_));
                let has_a_type = |value: &Value| matches!(value.kind, ValueKind::List(_) | ValueKind::Map(_));
                let is_open =
                    has_a_type(&left) && has_a_type(&right) && !(are_written(left_side) && are_written(right_side));
                if is_open && value.as_bool() == Some(*operator == BinaryOperator::Equal) {
                    // A list is never the same as a tuple, nor a map as an object, and values here are not told apart so.
                    let why = Unknown::NotEvaluated("a comparison of collections".into());
                    return Ok(Value::unknown(why, span));
                }
                Ok(value)
            }
            ExpressionKind::For(for_expression) => self.evaluate_for(for_expression, scope, span),
            ExpressionKind::Parenthesis(inner) => self.evaluate(inner, scope),
        }
    }

    /// Takes the steps that comparing two collections is worth.
    fn pay_for_comparing(&self, left: &Value, right: &Value, span: Span) -> Result<(), Fault> {
        let is_collection = |value: &Value| value.as_list().is_some() || value.as_map().is_some();
        if !is_collection(left) || !is_collection(right) {
            return Ok(());
        }
        let mut parts = MOST_COMPARED;
        left.same_within(right, &mut parts);
        self.take_steps(u64::from(MOST_COMPARED - parts), span)
    }

    /// The number that is written at `span`, when it can be told from all others.
    fn number(&self, value: f64, span: Span) -> Value {
        /// Below this every whole number has a value of its own.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let is_exact = || {
            let written = self.workspace.source(span.file).slice(span).to_owned();
            let digits = written.trim_start_matches('-');
            !digits.bytes().all(|byte| byte.is_ascii_digit()) || number_text(value.abs()) == digits
        };
        if value.is_finite() && (value.abs() < EXACT || is_exact()) {
            return Value::number(value, span);
        }
        Value::unknown(Unknown::NotEvaluated("a number with too many digits".into()), span)
    }

    /// The value of a part of a collection. Outside `try` and `can`, a fault in one part leaves the others: it is
    /// reported and the part is unknown.
    pub(super) fn tolerate(&self, expression: &Expression, scope: &Scope) -> Evaluated {
        let result = self.evaluate(expression, scope);
        if self.is_trying() { result } else { Ok(self.settle(result, expression.span)) }
    }

    /// Applies `function` to each possible value; the alternatives for which it has a fault are left out as long as
    /// one remains. Unknown values are given to it as they are.
    pub(super) fn each_alternative(&self, value: &Value, function: impl Fn(&Value) -> Evaluated) -> Evaluated {
        let ValueKind::OneOf(_) = value.kind else { return function(value) };
        let mut results = Vec::new();
        let mut first_fault = None;
        for alternative in &*value.alternatives() {
            match function(alternative) {
                Ok(result) => results.push(result),
                Err(problem) => first_fault = first_fault.or(Some(problem)),
            }
        }
        match first_fault {
            Some(problem) if results.is_empty() => Err(problem),
            _ => Ok(Value::one_of(results, self.limits.alternatives, value.origin.span)),
        }
    }

    fn evaluate_object(&self, items: &[ObjectItem], scope: &Scope, span: Span) -> Evaluated {
        let mut entries = BTreeMap::new();
        for item in items {
            let key = match item.key.kind {
                // A bare `null` is a name like any other.
                ExpressionKind::Null => Value::encoded("null", item.key.span),
                _ => self.evaluate(&item.key, scope)?,
            };
            if let Some(why) = key.as_unknown() {
                return Ok(Value::unknown(why.clone(), span));
            }
            let Some(text) = key.to_text() else {
                let message = format!("an object's key must be a string, but this is {}", key.type_name());
                return Err(fault(ProblemCode::Evaluation, item.key.span, message));
            };
            let Some(name) = text.known() else {
                let why = Unknown::NotEvaluated("a key with unknown parts".into());
                return Ok(Value::unknown(why, span));
            };
            entries.insert(Arc::from(name), self.tolerate(&item.value, scope)?);
        }
        Ok(Value::map(entries, span))
    }

    fn evaluate_conditional(&self, conditional: &Conditional, scope: &Scope, span: Span) -> Evaluated {
        let condition = self.evaluate(&conditional.condition, scope)?;
        let span_of_condition = conditional.condition.span;
        let chosen = |branch: &Expression, decided_by: &Value| -> Evaluated {
            let step = |span, role| Step { span, role, name: self.source_text(span_of_condition) };
            let mut value = self.evaluate(branch, scope)?;
            let outcome = &decided_by.origin;
            // A condition that is computed has itself as its place.
            if is_translation(conditional, decided_by) {
                value.origin.span = outcome.span;
            } else if !span_of_condition.contains(outcome.span) {
                value = value.then(step(outcome.span, StepRole::Condition));
            }
            Ok(value.through(&outcome.trail).then(step(span_of_condition, StepRole::Branch)))
        };
        self.each_alternative(&condition, |condition| {
            if let Some(value) = condition.as_bool() {
                let branches = (&conditional.when_true, &conditional.when_false);
                let (branch, other) = if value { branches } else { (branches.1, branches.0) };
                return chosen(branch, condition).map(|value| self.in_common_type(value, other, scope));
            }
            let why = match &condition.kind {
                ValueKind::Unknown(why) => why.clone(),
                ValueKind::String(text) if text.has_holes() => Unknown::NotEvaluated("a partly known string".into()),
                _ => {
                    let message = format!("a condition must be a boolean, but this is {}", condition.type_name());
                    return Err(fault(ProblemCode::Evaluation, conditional.condition.span, message));
                }
            };
            let when_true = self.tolerate(&conditional.when_true, scope)?;
            let when_false = self.tolerate(&conditional.when_false, scope)?;
            if matches!(why, Unknown::RunTime(_)) && when_true.same_as(&when_false) != Some(true) {
                let both =
                    vec![chosen(&conditional.when_true, condition)?, chosen(&conditional.when_false, condition)?];
                return Ok(Value::one_of(both, self.limits.alternatives, span));
            }
            Ok(either(&when_true, &when_false, &why, span))
        })
    }

    /// The chosen value of a conditional, in the type that it has in common with the `other` branch: a number becomes
    /// a string where the other branch has one. Nothing else of another type would be seen in what is made of it.
    fn in_common_type(&self, chosen: Value, other: &Expression, scope: &Scope) -> Value {
        let is_scalar = |kind: &ValueKind| matches!(kind, ValueKind::Bool(_) | ValueKind::Number(_));
        if matches!(chosen.kind, ValueKind::Set(_)) || !has_part(&chosen, is_scalar, &mut MOST_COMPARED.clone()) {
            return chosen;
        }
        let Ok(other) = self.trying(|| self.evaluate(other, scope)) else { return chosen };
        if !has_part(&other, |kind| matches!(kind, ValueKind::String(_)), &mut MOST_COMPARED.clone()) {
            return chosen;
        }
        let common = types::to_common_type(&[chosen.clone(), other], self.limits);
        common.ok().and_then(|values| values.into_iter().next()).unwrap_or(chosen)
    }

    fn evaluate_for(&self, for_expression: &ForExpression, scope: &Scope, span: Span) -> Evaluated {
        let collection = self.evaluate(&for_expression.collection, scope)?;
        self.each_alternative(&collection, |collection| {
            let elements = match elements_of(collection) {
                Ok(elements) => elements,
                Err(Some(why)) => return Ok(Value::unknown(why, span)),
                Err(None) => {
                    let message = format!("`for` needs a collection, but this is {}", collection.type_name());
                    return Err(fault(ProblemCode::Evaluation, for_expression.collection.span, message));
                }
            };
            match &for_expression.key {
                None => self.for_list(for_expression, &elements, scope, span),
                Some(key) => self.for_map(for_expression, key, &elements, scope, span),
            }
        })
    }

    /// Whether the element takes part, or why that is not known.
    fn takes_part(&self, for_expression: &ForExpression, scope: &Scope) -> Result<Result<bool, Unknown>, Fault> {
        let Some(condition) = &for_expression.condition else { return Ok(Ok(true)) };
        let value = self.evaluate(condition, scope)?;
        match (&value.kind, value.as_bool()) {
            (_, Some(decided)) => Ok(Ok(decided)),
            (ValueKind::Unknown(why), _) => Ok(Err(why.clone())),
            (ValueKind::OneOf(_), _) => Ok(Err(Unknown::NotEvaluated("a condition with several values".into()))),
            (ValueKind::String(text), _) if text.has_holes() => {
                Ok(Err(Unknown::NotEvaluated("a partly known string".into())))
            }
            _ => {
                let message = format!("`if` needs a boolean, but this is {}", value.type_name());
                Err(fault(ProblemCode::Evaluation, condition.span, message))
            }
        }
    }

    fn for_list(
        &self,
        for_expression: &ForExpression,
        elements: &[(Value, Value)],
        scope: &Scope,
        span: Span,
    ) -> Evaluated {
        let mut values = Vec::new();
        for (key, element) in elements {
            let scope = scope.bind_element(for_expression.key_name.as_ref(), &for_expression.value_name, key, element);
            match self.takes_part(for_expression, &scope)? {
                Ok(true) => values.push(self.tolerate(&for_expression.value, &scope)?),
                Ok(false) => {}
                Err(why) => return Ok(Value::unknown(why, span)),
            }
        }
        Ok(Value::list(values, span))
    }

    fn for_map(
        &self,
        for_expression: &ForExpression,
        key_expression: &Expression,
        elements: &[(Value, Value)],
        scope: &Scope,
        span: Span,
    ) -> Evaluated {
        let mut groups: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
        for (key, element) in elements {
            let scope = scope.bind_element(for_expression.key_name.as_ref(), &for_expression.value_name, key, element);
            match self.takes_part(for_expression, &scope)? {
                Ok(true) => {}
                Ok(false) => continue,
                Err(why) => return Ok(Value::unknown(why, span)),
            }
            let name = self.evaluate(key_expression, &scope)?;
            if let Some(why) = name.as_unknown() {
                return Ok(Value::unknown(why.clone(), span));
            }
            let text = name.to_text();
            let Some(name) = text.as_ref().and_then(Text::known) else {
                if text.is_some() {
                    return Ok(Value::unknown(Unknown::NotEvaluated("a key with unknown parts".into()), span));
                }
                let message = format!("a key must be a string, but this is {}", name.type_name());
                return Err(fault(ProblemCode::Evaluation, key_expression.span, message));
            };
            groups.entry(Arc::from(name)).or_default().push(self.tolerate(&for_expression.value, &scope)?);
        }
        if !for_expression.groups
            && let Some((key, _)) = groups.iter().find(|(_, values)| values.len() > 1)
        {
            let message = format!("two elements have the key `{key}`; put `...` after the value to group them");
            return Err(fault(ProblemCode::Evaluation, key_expression.span, message));
        }
        let last = |mut values: Vec<Value>| values.pop().unwrap_or_else(|| Value::null(span));
        let entry = |(key, values)| {
            let value = if for_expression.groups { Value::list(values, span) } else { last(values) };
            (key, value)
        };
        Ok(Value::map(groups.into_iter().map(entry).collect(), span))
    }

    fn evaluate_call(&self, call: &Call, scope: &Scope, span: Span) -> Evaluated {
        let name = &*call.name.text;
        match name {
            "try" => return self.evaluate_try(call, scope, span),
            "can" => return self.evaluate_can(call, scope, span),
            "convert" => return self.evaluate_convert(call, scope, span),
            "templatefile" | "templatestring" if scope.instance.is_none() => {
                let message = format!("`{name}` cannot be called from inside a template");
                return Err(fault(ProblemCode::Evaluation, span, message));
            }
            _ => {}
        }
        if self.inputs.is_packers
            && let Some(refusal) = functions::refused_by_packer(name)
        {
            return Err(fault(refusal.code, span, refusal.message));
        }
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.evaluate(argument, scope)?);
        }
        if call.expands_last
            && let Some(last) = arguments.pop()
        {
            match &last.kind {
                ValueKind::List(values) | ValueKind::Set(values) => arguments.extend(values.iter().cloned()),
                ValueKind::Unknown(why) => return Ok(Value::unknown(why.clone(), span)),
                ValueKind::OneOf(_) => {
                    let why = Unknown::NotEvaluated("arguments with several possible values".into());
                    return Ok(Value::unknown(why, span));
                }
                _ => {
                    let message = format!("`...` needs a list, but this is {}", last.type_name());
                    return Err(fault(ProblemCode::Evaluation, span, message));
                }
            }
        }
        let pattern = match name {
            "regex" | "regexall" => arguments.first(),
            "replace" => arguments.get(1),
            _ => None,
        };
        if let Some(pattern) = pattern.and_then(Value::as_str) {
            self.pay_for_pattern(pattern, span)?;
        }
        if let Some((_, cost)) = DECODE.iter().find(|(decoder, _)| *decoder == name) {
            let length = arguments.first().and_then(Value::as_str).map_or(0, str::len);
            self.pay_for_bytes(length.saturating_mul(*cost), span)?;
        }
        if GO_THROUGH_ALL_PARTS.contains(&name) {
            self.pay_for_parts(&arguments, span)?;
        }
        if let Some(result) = self.call_file_function(name, &arguments, span) {
            return result;
        }
        let function = if self.inputs.is_packers { functions::call_of_packer } else { functions::call };
        match function(name, &arguments, span, self.limits) {
            Some(Ok(value)) => Ok(value),
            Some(Err(refusal)) => Err(fault(refusal.code, span, format!("`{name}`: {}", refusal.message))),
            None => Ok(Value::unknown(Unknown::NotEvaluated(format!("{name}()").into()), span)),
        }
    }

    /// The first argument that has no fault. An unknown one is the answer as well: whether it would fail is open.
    fn evaluate_try(&self, call: &Call, scope: &Scope, span: Span) -> Evaluated {
        let mut last = fault(ProblemCode::Evaluation, span, "`try` needs at least one argument");
        for argument in &call.arguments {
            match self.trying(|| self.evaluate(argument, scope)) {
                Ok(value) => return Ok(value),
                Err(problem) if problem.code == ProblemCode::Limit => return Err(problem),
                Err(problem) => last = problem,
            }
        }
        Err(last)
    }

    fn evaluate_can(&self, call: &Call, scope: &Scope, span: Span) -> Evaluated {
        let [argument] = call.arguments.as_slice() else {
            return Err(fault(ProblemCode::Evaluation, span, "`can` needs one argument"));
        };
        match self.trying(|| self.evaluate(argument, scope)) {
            Ok(Value { kind: ValueKind::Unknown(why), .. }) => Ok(Value::unknown(why, span)),
            Ok(_) => Ok(Value::bool(true, span)),
            Err(problem) if problem.code == ProblemCode::Limit => Err(problem),
            Err(_) => Ok(Value::bool(false, span)),
        }
    }

    /// Packer's conversion to a type, which is the second argument.
    fn evaluate_convert(&self, call: &Call, scope: &Scope, span: Span) -> Evaluated {
        let [value, constraint] = call.arguments.as_slice() else {
            return Err(fault(ProblemCode::Evaluation, span, "`convert` needs a value and a type"));
        };
        let mut default = |expression: &_| self.settle(self.evaluate(expression, scope), span);
        let constraint = types::parse_type(constraint, &mut default).map_err(Box::new)?;
        let value = self.evaluate(value, scope)?;
        let fault = |error: types::ConversionError| fault(ProblemCode::Evaluation, span, format!("`convert`: {error}"));
        types::convert(&value, &constraint, self.limits).map_err(fault)
    }

    /// Takes the steps of a traversal from `value`.
    pub(super) fn traverse(&self, value: Value, steps: &[(TraversalStep, Span)], scope: &Scope) -> Evaluated {
        let Some(((step, span), rest)) = steps.split_first() else { return Ok(value) };
        match step {
            TraversalStep::Attribute(name) => {
                let next = self.each_alternative(&value, |value| attribute_of(value, &name.text, *span))?;
                self.traverse(next, rest, scope)
            }
            TraversalStep::Index(index) => {
                let index = self.evaluate(index, scope)?;
                let next = self.each_alternative(&value, |value| {
                    self.each_alternative(&index, |index| self.index_of(value, index, *span))
                })?;
                self.traverse(next, rest, scope)
            }
            TraversalStep::AttributeSplat => {
                let attributes = |(step, _): &&(TraversalStep, Span)| match step {
                    TraversalStep::Attribute(_) => true,
                    // `.*.0` goes on in each element as `.*.name` does, `.*[0]` in their list.
                    TraversalStep::Index(index) => {
                        self.workspace
                            .source(index.span.file)
                            .text()
                            .as_bytes()
                            .get((index.span.start as usize).wrapping_sub(1))
                            == Some(&b'.')
                    }
                    TraversalStep::AttributeSplat | TraversalStep::FullSplat => false,
                };
                let repeated = rest.iter().take_while(attributes).count();
                let (repeated, rest) = rest.split_at(repeated);
                let list = self.splat(&value, repeated, scope, *span)?;
                self.traverse(list, rest, scope)
            }
            TraversalStep::FullSplat => self.splat(&value, rest, scope, *span),
        }
    }

    fn splat(&self, value: &Value, steps: &[(TraversalStep, Span)], scope: &Scope, span: Span) -> Evaluated {
        self.each_alternative(value, |value| {
            let elements: Vec<Value> = match &value.kind {
                ValueKind::Null => Vec::new(),
                ValueKind::Unknown(_) => return Ok(value.clone()),
                ValueKind::List(values) | ValueKind::Set(values) => values.to_vec(),
                _ => vec![value.clone()],
            };
            let results: Result<Vec<_>, _> =
                elements.into_iter().map(|element| self.traverse(element, steps, scope)).collect();
            Ok(Value::list(results?, span).through(&value.origin.trail))
        })
    }

    fn index_of(&self, value: &Value, index: &Value, span: Span) -> Evaluated {
        let found = match (&value.kind, &index.kind) {
            (ValueKind::Unknown(_), _) => return Ok(value.clone()),
            (ValueKind::Map(map), ValueKind::Unknown(why)) => {
                return Ok(self.any_of(map.entries.values(), why, index, value, span));
            }
            (ValueKind::List(values) | ValueKind::Set(values), ValueKind::Unknown(why)) => {
                return Ok(self.any_of(values.iter(), why, index, value, span));
            }
            (ValueKind::Map(_), _) => {
                let name = index.to_text();
                match name.as_ref().map(Text::known) {
                    Some(Some(name)) => return attribute_of(value, name, span),
                    Some(None) => {
                        let why = Unknown::NotEvaluated("a key with unknown parts".into());
                        return Ok(Value::unknown(why, span));
                    }
                    None => None,
                }
            }
            (ValueKind::List(values), _) => index.as_number().and_then(|number| element_at(values, number)),
            _ => None,
        };
        match found {
            Some(element) => Ok(element.clone().through(&value.origin.trail)),
            None => {
                let what = index.to_text().map_or_else(|| index.type_name().into(), |text| text.as_str().to_owned());
                let message = format!("{} has no element `{what}`", value.type_name());
                Err(fault(ProblemCode::Evaluation, span, message))
            }
        }
    }

    /// The value of a table at a key that is not known: any of its values when the key is known only at run time,
    /// nothing that can be known when the key is a free choice.
    fn any_of<'v>(
        &self,
        values: impl Iterator<Item = &'v Value>,
        why: &Unknown,
        index: &Value,
        table: &Value,
        span: Span,
    ) -> Value {
        let step = |name: Arc<str>| Step { span, role: StepRole::Lookup, name };
        let values: Vec<Value> = values.map(|value| value.clone().through(&table.origin.trail)).collect();
        match why {
            Unknown::RunTime(name) if !values.is_empty() => {
                let stepped = values.into_iter().map(|value| value.then(step(Arc::clone(name)))).collect();
                Value::one_of(stepped, self.limits.alternatives, span)
            }
            _ => match values.split_first() {
                Some((first, rest)) if rest.iter().all(|value| value.same_as(first) == Some(true)) => first.clone(),
                _ => Value::unknown(why.clone(), index.origin.span),
            },
        }
    }
}

/// The attribute or key `name` of a known value.
pub(super) fn attribute_of(value: &Value, name: &str, span: Span) -> Evaluated {
    match &value.kind {
        ValueKind::Unknown(Unknown::Computed(whole)) if whole.attribute.is_empty() => {
            Ok(Value::unknown(Unknown::computed(Arc::clone(&whole.resource), name), span))
        }
        ValueKind::Unknown(_) => Ok(value.clone()),
        ValueKind::Map(map) => match (map.entries.get(name), &map.computed_by) {
            (Some(found), _) => Ok(found.clone().through(&value.origin.trail)),
            (None, Some(resource)) => Ok(Value::unknown(Unknown::computed(Arc::clone(resource), name), span)),
            (None, None) => Err(fault(ProblemCode::Evaluation, span, missing_attribute(map, name))),
        },
        _ => {
            let message = format!("{} has no attribute `{name}`", value.type_name());
            Err(fault(ProblemCode::Evaluation, span, message))
        }
    }
}

/// Whether the value or something in it is of a kind that `is` holds for, as far as `parts` reach.
fn has_part(value: &Value, is: impl Fn(&ValueKind) -> bool + Copy, parts: &mut u32) -> bool {
    let Some(fewer) = parts.checked_sub(1) else { return false };
    *parts = fewer;
    match &value.kind {
        ValueKind::List(values) | ValueKind::Set(values) => values.iter().any(|value| has_part(value, is, parts)),
        ValueKind::Map(map) => map.entries.values().any(|value| has_part(value, is, parts)),
        kind => is(kind),
    }
}

/// Whether the conditional only spells a boolean in other words (`var.on ? "enabled" : "disabled"`) that is written
/// elsewhere: then that is what decides, and the place to edit.
fn is_translation(conditional: &Conditional, condition: &Value) -> bool {
    let is_literal = |branch: &Expression| matches!(branch.kind, ExpressionKind::Literal(_));
    matches!(condition.kind, ValueKind::Bool(_))
        && is_literal(&conditional.when_true)
        && is_literal(&conditional.when_false)
        && !conditional.condition.span.contains(condition.origin.span)
}

fn missing_attribute(map: &Map, name: &str) -> String {
    const SHOWN: usize = 8;
    let names: Vec<_> = map.entries.keys().take(SHOWN).map(|key| format!("`{key}`")).collect();
    match names.len() {
        0 => format!("there is no attribute `{name}`: this object is empty"),
        SHOWN => format!("there is no attribute `{name}`; this object has {}, …", names.join(", ")),
        _ => format!("there is no attribute `{name}`; this object has {}", names.join(", ")),
    }
}

fn element_at(values: &[Value], index: f64) -> Option<&Value> {
    let position = functions::whole(index).and_then(|index| usize::try_from(index).ok());
    position.and_then(|position| values.get(position))
}

/// The elements of a collection with their keys or indexes; `Err(None)` when it is none, `Err(Some(why))` when it is
/// not known.
pub(in crate::eval) fn elements_of(collection: &Value) -> Result<Vec<(Value, Value)>, Option<Unknown>> {
    let span = collection.origin.span;
    let through = |value: &Value| value.clone().through(&collection.origin.trail);
    match &collection.kind {
        #[expect(clippy::cast_precision_loss, reason = "limits keep lists far below 2^52 elements")]
        ValueKind::List(values) => Ok(values
            .iter()
            .enumerate()
            .map(|(index, value)| (Value::number(index as f64, span), through(value)))
            .collect()),
        ValueKind::Set(values) => Ok(values.iter().map(|value| (through(value), through(value))).collect()),
        ValueKind::Map(map) if map.computed_by.is_none() => Ok(map
            .entries
            .iter()
            .map(|(key, value)| (Value::encoded(&**key, value.origin.span), through(value)))
            .collect()),
        ValueKind::Map(map) => Err(Some(Unknown::computed(map.computed_by.clone().unwrap_or_default(), ""))),
        ValueKind::Unknown(why) => Err(Some(why.clone())),
        ValueKind::OneOf(_) => Err(Some(Unknown::NotEvaluated("a collection with several values".into()))),
        ValueKind::Null | ValueKind::Bool(_) | ValueKind::Number(_) | ValueKind::String(_) => Err(None),
    }
}

/// What is certain of a value that is `left` or `right`, nobody knows which: equal values, and the equal entries of
/// objects with the same keys.
fn either(left: &Value, right: &Value, why: &Unknown, span: Span) -> Value {
    either_within(left, right, why, span, &mut MOST_COMPARED.clone())
}

/// Collections are shared, so that a few of them within each other may stand for more parts than can be gone through:
/// `parts` is how many still may.
fn either_within(left: &Value, right: &Value, why: &Unknown, span: Span, parts: &mut u32) -> Value {
    if left.same_within(right, parts) == Some(true) {
        return left.clone();
    }
    if let (ValueKind::Map(left_map), ValueKind::Map(right_map)) = (&left.kind, &right.kind)
        && *parts > 0
        && left_map.computed_by.is_none()
        && left_map.entries.keys().eq(right_map.entries.keys())
    {
        let entries = left_map.entries.iter().zip(right_map.entries.values());
        let entries =
            entries.map(|((key, left), right)| (Arc::clone(key), either_within(left, right, why, span, parts)));
        return Value::map(entries.collect(), span);
    }
    Value::unknown(why.clone(), span)
}

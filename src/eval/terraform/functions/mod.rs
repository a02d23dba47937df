//! Terraform's functions on values with origins, except those that read files or evaluate expressions.
//!
//! A table says for each function what it takes; arguments are counted, checked for null and converted by it before
//! the function sees them. What is not known stays so as narrowly as is sound: an unknown argument makes the result
//! unknown unless the function can do with less, and a function is applied to each of several alternatives.

mod access;
mod conversions;
mod encoding;
mod format;
mod json;
mod lists;
mod maps;
mod network;
mod numbers;
mod paths;
mod patterns;
mod sets;
mod strings;
mod time;
mod yaml;

use std::fmt;

use crate::eval::terraform::sets::{open_reason, set_of};
use crate::eval::terraform::types::{self, Type};
use crate::eval::{Map, Unknown, Value, ValueKind};
use crate::finding::ProblemCode;
use crate::source::{Limits, Span, Step, StepRole, Text, Trail};

/// Calls the function `name`, with or without the prefix `core::`; new values have their origin at `span`, the call.
///
/// `None` when there is no such function here.
///
/// # Errors
///
/// What is wrong with the call, in the words of Terraform's users; lower case, no full stop.
pub fn call(name: &str, arguments: &[Value], span: Span, limits: &Limits) -> Option<Result<Value, Refusal>> {
    let name = name.strip_prefix("core::").unwrap_or(name);
    let function = FAMILIES.iter().copied().flatten().find(|function| function.name == name)?;
    Some(function.evaluate(arguments, span, limits))
}

/// Calls the function `name` as Packer knows it: like [`call`], but for the functions that are not the same there.
///
/// # Errors
///
/// What is wrong with the call; also when Packer has no such function.
pub fn call_of_packer(name: &str, arguments: &[Value], span: Span, limits: &Limits) -> Option<Result<Value, Refusal>> {
    if let Some(refusal) = refused_by_packer(name) {
        return Some(Err(refusal));
    }
    match patterns::OF_PACKER.iter().find(|function| function.name == name) {
        Some(function) => Some(function.evaluate(arguments, span, limits)),
        None => call(name, arguments, span, limits),
    }
}

/// What is wrong with calling `name` in a template of Packer, when only Terraform has such a function.
pub fn refused_by_packer(name: &str) -> Option<Refusal> {
    let instead = match name {
        "list" | "map" | "tobool" | "tolist" | "tomap" | "tonumber" | "toset" | "tostring" => "; `convert` does this",
        name if ONLY_IN_TERRAFORM.contains(&name) => "",
        _ => return None,
    };
    Some(format!("Packer has no function `{name}`, only Terraform has{instead}").into())
}

/// The functions of Terraform that Packer does not have (`hcl2template/functions.go`), those aside that convert.
const ONLY_IN_TERRAFORM: [&str; 21] = [
    "base64sha256",
    "base64sha512",
    "ephemeralasnull",
    "filebase64sha256",
    "filebase64sha512",
    "filemd5",
    "filesha1",
    "filesha256",
    "filesha512",
    "issensitive",
    "matchkeys",
    "nonsensitive",
    "one",
    "plantimestamp",
    "sensitive",
    "setsubtract",
    "templatestring",
    "timecmp",
    "transpose",
    "type",
    "uuid",
];

const FAMILIES: &[&[Function]] = &[
    access::FUNCTIONS,
    conversions::FUNCTIONS,
    encoding::FUNCTIONS,
    format::FUNCTIONS,
    lists::FUNCTIONS,
    maps::FUNCTIONS,
    network::FUNCTIONS,
    numbers::FUNCTIONS,
    paths::FUNCTIONS,
    patterns::FUNCTIONS,
    sets::FUNCTIONS,
    strings::FUNCTIONS,
    time::FUNCTIONS,
];

/// Why a call has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `Limit` when the result would be too large, `Evaluation` when the call is wrong.
    pub code: ProblemCode,
    /// What is wrong, in the words of Terraform's users.
    pub message: String,
}

impl Refusal {
    fn limit(message: String) -> Self {
        Self { code: ProblemCode::Limit, message }
    }
}

impl<Message: Into<String>> From<Message> for Refusal {
    fn from(message: Message) -> Self {
        Self { code: ProblemCode::Evaluation, message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// What comes of a call: a value, or what is wrong with the call.
type Outcome = Result<Value, Refusal>;

/// A function and what it takes.
struct Function {
    name: &'static str,
    /// The arguments that must be there.
    parameters: &'static [Parameter],
    /// What the arguments after those are, if there may be more.
    rest: Option<Parameter>,
    run: fn(&Call<'_>) -> Outcome,
}

/// What an argument is converted to, and whether the function is called without knowing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parameter {
    /// Anything, also null and unknown.
    Open,
    /// Anything but null.
    Any,
    Number,
    /// A string, perhaps with holes.
    Text,
    /// A list or set as it is; an element may be unknown or one of several.
    List,
    /// Like [`Parameter::List`], but the call is repeated for each of several alternatives of an element.
    Elements,
    /// A list whose elements have one type.
    UniformList,
    /// A list of strings, the call repeated for each of several alternatives of an element.
    Texts,
    /// A list of truth values, the call repeated for each of several alternatives of an element.
    Bools,
    /// A map or object.
    Map,
}

impl Function {
    const fn new(name: &'static str, parameters: &'static [Parameter], run: fn(&Call<'_>) -> Outcome) -> Self {
        Self { name, parameters, rest: None, run }
    }

    const fn with_rest(
        name: &'static str,
        parameters: &'static [Parameter],
        rest: Parameter,
        run: fn(&Call<'_>) -> Outcome,
    ) -> Self {
        Self { name, parameters, rest: Some(rest), run }
    }

    fn parameter(&self, index: usize) -> Option<Parameter> {
        self.parameters.get(index).copied().or(self.rest)
    }

    fn evaluate(&self, arguments: &[Value], span: Span, limits: &Limits) -> Outcome {
        let least = self.parameters.len();
        if arguments.len() < least {
            return Err(format!("`{}` takes {least} argument(s), but {} are given", self.name, arguments.len()).into());
        }
        if self.rest.is_none() && arguments.len() > least {
            return Err(
                format!("`{}` takes only {least} argument(s), but {} are given", self.name, arguments.len()).into()
            );
        }
        let Some(combinations) = self.combinations(arguments, limits) else {
            return Ok(Value::unknown(Unknown::Limit("alternatives".into()), span));
        };
        if let [only] = combinations.as_slice() {
            return self.apply(only, span, limits);
        }
        let outcomes: Vec<Outcome> =
            combinations.iter().map(|combination| self.apply(combination, span, limits)).collect();
        if outcomes.iter().any(Result::is_ok) && outcomes.iter().any(Result::is_err) {
            // What the program does then depends on who asks (`try`, `can`), so nothing can be said here.
            return Ok(not_evaluated(self.name, span));
        }
        let values = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(Value::one_of(values, limits.alternatives, span))
    }

    /// The arguments with each of several alternatives taken apart; `None` when there are too many combinations.
    fn combinations(&self, arguments: &[Value], limits: &Limits) -> Option<Vec<Vec<Value>>> {
        let mut combinations = vec![Vec::new()];
        for (index, argument) in arguments.iter().enumerate() {
            let mut options = argument.alternatives();
            if matches!(self.parameter(index), Some(Parameter::Elements | Parameter::Texts | Parameter::Bools)) {
                options = options.iter().flat_map(|list| lists_of_alternatives(list, limits)).collect();
            }
            if options.len().saturating_mul(combinations.len()) > limits.alternatives {
                return None;
            }
            extend_each(&mut combinations, &options);
        }
        Some(combinations)
    }

    fn apply(&self, arguments: &[Value], span: Span, limits: &Limits) -> Outcome {
        let mut bound = Vec::with_capacity(arguments.len());
        for (index, argument) in arguments.iter().enumerate() {
            let parameter = self.parameter(index).unwrap_or(Parameter::Open);
            let argument = bind(argument, parameter, limits)
                .map_err(|problem| format!("argument {} of `{}`: {problem}", index + 1, self.name))?;
            bound.push(argument);
        }
        let unknown = bound.iter().enumerate().find(|(index, argument)| {
            argument.as_unknown().is_some() && self.parameter(*index) != Some(Parameter::Open)
        });
        if let Some((_, unknown)) = unknown {
            return Ok(unknown.clone());
        }
        let value = (self.run)(&Call { name: self.name, arguments: bound, span, limits })?;
        match &value.kind {
            ValueKind::String(text) if text.is_larger_than(limits.text_bytes) => Err(text_too_long(limits)),
            ValueKind::List(values) | ValueKind::Set(values) if values.len() > limits.elements => {
                Err(too_many_elements(limits))
            }
            ValueKind::Map(map) if map.entries.len() > limits.elements => Err(too_many_elements(limits)),
            _ => Ok(value),
        }
    }
}

/// A list once for each combination of the alternatives of its elements, or as it is when that is too much.
fn lists_of_alternatives(list: &Value, limits: &Limits) -> Vec<Value> {
    let Some(elements) = list.as_list() else { return vec![list.clone()] };
    if !elements.iter().any(|element| matches!(element.kind, ValueKind::OneOf(_))) {
        return vec![list.clone()];
    }
    let mut combinations: Vec<Vec<Value>> = vec![Vec::with_capacity(elements.len())];
    for element in elements {
        let options = element.alternatives();
        if options.len().saturating_mul(combinations.len()) > limits.alternatives {
            return vec![list.clone()];
        }
        extend_each(&mut combinations, &options);
    }
    let is_set = matches!(list.kind, ValueKind::Set(_));
    let made = combinations.into_iter().filter_map(|elements| {
        let kind = if is_set { set_of(elements, limits).ok()? } else { ValueKind::List(elements.into()) };
        Some(Value { kind, origin: list.origin.clone() })
    });
    made.collect()
}

/// Extends each combination by each option.
fn extend_each(combinations: &mut Vec<Vec<Value>>, options: &[Value]) {
    if let [only] = options {
        for combination in combinations {
            combination.push(only.clone());
        }
    } else {
        *combinations = product(combinations, options);
    }
}

fn product(combinations: &[Vec<Value>], options: &[Value]) -> Vec<Vec<Value>> {
    let extend = |combination: &Vec<Value>| {
        let combination = combination.clone();
        options
            .iter()
            .map(move |option| {
                let mut longer = combination.clone();
                longer.push(option.clone());
                longer
            })
            .collect::<Vec<_>>()
    };
    combinations.iter().flat_map(extend).collect()
}

/// The argument as the parameter wants it, or what is wrong with it.
fn bind(argument: &Value, parameter: Parameter, limits: &Limits) -> Outcome {
    if parameter == Parameter::Open {
        return Ok(argument.clone());
    }
    if argument.is_null() {
        return Err("it must not be null".into());
    }
    let to = match parameter {
        Parameter::Open | Parameter::Any => return Ok(argument.clone()),
        Parameter::Number => Type::Number,
        Parameter::Text => Type::String,
        Parameter::UniformList => Type::List(Box::new(Type::Any)),
        Parameter::Texts => Type::List(Box::new(Type::String)),
        Parameter::Bools => Type::List(Box::new(Type::Bool)),
        Parameter::List | Parameter::Elements => {
            return match &argument.kind {
                ValueKind::List(_) | ValueKind::Set(_) | ValueKind::Unknown(_) => Ok(argument.clone()),
                _ => Err(format!("a list is needed, but this is {}", argument.type_name()).into()),
            };
        }
        Parameter::Map => {
            return match &argument.kind {
                ValueKind::Map(_) | ValueKind::Unknown(_) => Ok(argument.clone()),
                _ => Err(format!("a map is needed, but this is {}", argument.type_name()).into()),
            };
        }
    };
    types::convert(argument, &to, limits).map_err(|error| error.message.into())
}

/// A call with its arguments as the function's parameters want them.
struct Call<'a> {
    name: &'static str,
    arguments: Vec<Value>,
    /// Where the call is written.
    span: Span,
    limits: &'a Limits,
}

impl Call<'_> {
    fn argument(&self, index: usize) -> Result<&Value, Refusal> {
        self.arguments
            .get(index)
            .ok_or_else(|| format!("`{}` needs an argument {}", self.name, index + 1))
            .map_err(Refusal::from)
    }

    /// The text of an argument, with the steps that the argument took.
    fn text(&self, index: usize) -> Result<Text, Refusal> {
        let argument = self.argument(index)?;
        argument
            .to_text()
            .ok_or_else(|| format!("argument {} of `{}` is not a string", index + 1, self.name))
            .map_err(Refusal::from)
    }

    /// The text of an argument, without the steps that the argument took.
    fn own_text(&self, index: usize) -> Result<&Text, Refusal> {
        match &self.argument(index)?.kind {
            ValueKind::String(text) => Ok(text),
            _ => Err(format!("argument {} of `{}` is not a string", index + 1, self.name).into()),
        }
    }

    /// The string of an argument, or why it is not known.
    fn known(&self, index: usize) -> Result<Result<&str, Unknown>, Refusal> {
        let text = self.own_text(index)?;
        Ok(match text.hole_reason() {
            Some(reason) => Err(Unknown::Hole(reason.clone())),
            None => Ok(text.as_str()),
        })
    }

    fn number(&self, index: usize) -> Result<f64, Refusal> {
        match self.argument(index)?.kind {
            ValueKind::Number(number) => Ok(number),
            _ => Err(format!("argument {} of `{}` is not a number", index + 1, self.name).into()),
        }
    }

    /// The whole number of an argument.
    fn integer(&self, index: usize) -> Result<i64, Refusal> {
        whole(self.number(index)?)
            .ok_or_else(|| format!("argument {} of `{}` must be a whole number", index + 1, self.name))
            .map_err(Refusal::from)
    }

    /// The elements of a list, each with the steps that the list took.
    fn elements(&self, index: usize) -> Result<Vec<Value>, Refusal> {
        let argument = self.argument(index)?;
        let elements =
            argument.as_list().ok_or_else(|| format!("argument {} of `{}` must be a list", index + 1, self.name))?;
        Ok(elements.iter().map(|element| element.clone().through(&argument.origin.trail)).collect())
    }

    /// The map of an argument and the steps that it took.
    fn map(&self, index: usize) -> Result<(&Map, &Trail), Refusal> {
        let argument = self.argument(index)?;
        let map =
            argument.as_map().ok_or_else(|| format!("argument {} of `{}` must be a map", index + 1, self.name))?;
        Ok((map, &argument.origin.trail))
    }

    /// A text that was made of the argument's own text alone: it keeps the argument's origin.
    fn passed_on(&self, index: usize, text: Text) -> Outcome {
        let value = Value { kind: ValueKind::String(text), origin: self.argument(index)?.origin.clone() };
        Ok(value.then(Step { span: self.span, role: StepRole::Function, name: self.name.into() }))
    }

    fn list(&self, elements: Vec<Value>) -> Value {
        Value::list(elements, self.span)
    }

    /// A set of the elements.
    fn set(&self, elements: Vec<Value>) -> Outcome {
        let kind = set_of(elements, self.limits)?;
        Ok(Value::new(kind, self.span))
    }

    fn bool(&self, truth: bool) -> Value {
        Value::bool(truth, self.span)
    }

    fn unknown(&self, why: Unknown) -> Value {
        Value::unknown(why, self.span)
    }

    /// A string that the call as a whole stands for.
    fn encoded(&self, text: impl Into<String>) -> Value {
        Value::encoded(text, self.span)
    }

    /// Why a value is not wholly known, or `None` when it is.
    fn open_reason(&self, value: &Value) -> Option<Unknown> {
        open_reason(value, &mut self.limits.nodes.clone(), self.limits.depth)
    }

    /// Checks that a result of `count` elements may be made.
    fn check_elements(&self, count: usize) -> Result<(), Refusal> {
        if count > self.limits.elements { Err(too_many_elements(self.limits)) } else { Ok(()) }
    }
}

/// A text that is built up to the limit of its length.
struct Builder<'a> {
    text: Text,
    span: Span,
    limits: &'a Limits,
}

impl<'a> Builder<'a> {
    fn new(call: &'a Call<'_>) -> Self {
        Self { text: Text::new(), span: call.span, limits: call.limits }
    }

    fn check(&self, more: usize) -> Result<(), Refusal> {
        let is_longer = self.text.len().saturating_add(more) > self.limits.text_bytes;
        if is_longer || self.text.is_larger_than(self.limits.text_bytes) {
            return Err(text_too_long(self.limits));
        }
        Ok(())
    }

    fn push(&mut self, text: &Text) -> Result<(), Refusal> {
        self.check(text.len())?;
        self.text.push_text(text);
        Ok(())
    }

    /// Adds characters that the call as a whole stands for.
    fn push_own(&mut self, characters: &str) -> Result<(), Refusal> {
        self.check(characters.len())?;
        self.text.push_encoded(characters, self.span);
        Ok(())
    }

    /// Adds `count` spaces.
    fn push_spaces(&mut self, count: usize) -> Result<(), Refusal> {
        self.check(count)?;
        self.push_own(&" ".repeat(count))
    }

    fn finish(self) -> Value {
        Value::text(self.text, self.span)
    }
}

fn not_evaluated(name: &str, span: Span) -> Value {
    Value::unknown(Unknown::NotEvaluated(name.into()), span)
}

fn too_many_elements(limits: &Limits) -> Refusal {
    Refusal::limit(format!("the result has more than {} elements, which is the limit", limits.elements))
}

fn text_too_long(limits: &Limits) -> Refusal {
    Refusal::limit(format!("the result is longer than {} bytes, which is the limit", limits.text_bytes))
}

/// The number when it is whole and not larger than can be held exactly.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
pub(super) fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0).then_some(number as i64)
}

#[cfg(test)]
mod tests;

//! Type constraints: reading them, and what becomes of a value that is given where a type is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::sets::{open_reason, order_is_open, set_of};
use crate::eval::{Map, Unknown, Value, ValueKind, number_text};
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, Origin, Span, Text};
use crate::syntax::hcl::{Call, Expression, ExpressionKind, ObjectItem};

/// A type constraint.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Any type; inside a collection one type that all elements can have.
    Any,
    /// A truth value.
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// A list of elements of one type.
    List(Box<Self>),
    /// A set of elements of one type.
    Set(Box<Self>),
    /// A map with elements of one type.
    Map(Box<Self>),
    /// A list of a fixed length, each element with its own type.
    Tuple(Vec<Self>),
    /// A map with these attributes.
    Object(BTreeMap<Arc<str>, Field>),
}

/// An attribute of an object type.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The attribute's type.
    pub of: Type,
    /// Whether the attribute may be left out.
    pub optional: bool,
    /// What stands for it when it is left out or null.
    pub default: Option<Value>,
}

/// Why a value cannot have a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionError {
    /// What is wrong; lower case, no full stop.
    pub message: String,
    /// The part of the value that cannot be converted.
    pub span: Span,
}

impl fmt::Display for ConversionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// Reads a type constraint, such as `object({ http_endpoint = optional(string, "enabled") })`.
///
/// `evaluate_default` gives the value of the second argument of `optional`. The quoted forms of Terraform 0.11
/// (`"string"`, `"list"`, `"map"`) are understood too.
///
/// # Errors
///
/// A problem at the first part that is not a type.
pub fn parse_type(
    expression: &Expression,
    evaluate_default: &mut dyn FnMut(&Expression) -> Value,
) -> Result<Type, Problem> {
    match &expression.kind {
        ExpressionKind::Variable(name) => named_type(&name.text, expression.span),
        ExpressionKind::Literal(text) => named_type(text.as_str(), expression.span),
        ExpressionKind::Call(call) => constructed_type(call, expression.span, evaluate_default),
        _ => Err(no_type(expression.span)),
    }
}

fn named_type(name: &str, span: Span) -> Result<Type, Problem> {
    match name {
        "any" => Ok(Type::Any),
        "bool" => Ok(Type::Bool),
        "number" => Ok(Type::Number),
        "string" => Ok(Type::String),
        "list" => Ok(Type::List(Box::new(Type::Any))),
        "set" => Ok(Type::Set(Box::new(Type::Any))),
        "map" => Ok(Type::Map(Box::new(Type::Any))),
        _ => Err(no_type(span)),
    }
}

fn constructed_type(
    call: &Call,
    span: Span,
    evaluate_default: &mut dyn FnMut(&Expression) -> Value,
) -> Result<Type, Problem> {
    let [argument] = call.arguments.as_slice() else {
        return Err(wrong_type(span, format!("the type constructor `{}` takes one argument", call.name.text)));
    };
    match (&*call.name.text, &argument.kind) {
        ("list", _) => Ok(Type::List(Box::new(parse_type(argument, evaluate_default)?))),
        ("set", _) => Ok(Type::Set(Box::new(parse_type(argument, evaluate_default)?))),
        ("map", _) => Ok(Type::Map(Box::new(parse_type(argument, evaluate_default)?))),
        ("tuple", ExpressionKind::Array(elements)) => {
            let elements = elements.iter().map(|element| parse_type(element, evaluate_default));
            Ok(Type::Tuple(elements.collect::<Result<_, _>>()?))
        }
        ("object", ExpressionKind::Object(items)) => {
            let fields = items.iter().map(|item| parse_field(item, evaluate_default));
            Ok(Type::Object(fields.collect::<Result<_, _>>()?))
        }
        ("tuple", _) => Err(wrong_type(argument.span, "`tuple` takes a list of types in brackets")),
        ("object", _) => Err(wrong_type(argument.span, "`object` takes names and types in braces")),
        ("optional", _) => Err(wrong_type(span, "`optional` is for the attributes of an object type only")),
        _ => Err(no_type(span)),
    }
}

fn parse_field(
    item: &ObjectItem,
    evaluate_default: &mut dyn FnMut(&Expression) -> Value,
) -> Result<(Arc<str>, Field), Problem> {
    let name = match &item.key.kind {
        ExpressionKind::Literal(text) => text.as_str().into(),
        ExpressionKind::Variable(name) => name.text.clone(),
        _ => return Err(wrong_type(item.key.span, "an attribute of an object type needs a plain name")),
    };
    let field = match &item.value.kind {
        ExpressionKind::Call(call) if &*call.name.text == "optional" => match call.arguments.as_slice() {
            [of] => Field { of: parse_type(of, evaluate_default)?, optional: true, default: None },
            [of, default] => {
                let default = Some(evaluate_default(default));
                Field { of: parse_type(of, evaluate_default)?, optional: true, default }
            }
            _ => return Err(wrong_type(item.value.span, "`optional` takes a type and at most one default")),
        },
        _ => Field { of: parse_type(&item.value, evaluate_default)?, optional: false, default: None },
    };
    Ok((name, field))
}

fn no_type(span: Span) -> Problem {
    wrong_type(
        span,
        "this is not a type; use `any`, `bool`, `number`, `string`, `list(…)`, `set(…)`, `map(…)`, `tuple([…])` or \
         `object({…})`",
    )
}

fn wrong_type(span: Span, message: impl Into<String>) -> Problem {
    Problem::warning(ProblemCode::Evaluation, span, message)
}

/// The value as one of the type `to`, as Terraform converts it.
///
/// Attributes that are missing or null become their defaults at any depth; a default keeps its own origin, so that a
/// finding can point into the type constraint. Attributes that the type does not have are dropped. What is not known
/// stays so, and each of several alternatives is converted.
///
/// # Errors
///
/// The first part of the value that cannot be converted.
pub fn convert(value: &Value, to: &Type, limits: &Limits) -> Result<Value, ConversionError> {
    Converter { limits, nodes: limits.nodes }.convert(value, to, limits.depth)
}

struct Converter<'a> {
    limits: &'a Limits,
    nodes: usize,
}

impl Converter<'_> {
    fn convert(&mut self, value: &Value, to: &Type, depth: usize) -> Result<Value, ConversionError> {
        let (Some(nodes), Some(depth)) = (self.nodes.checked_sub(1), depth.checked_sub(1)) else {
            return Err(error(value, "it is nested too deeply or has too many parts to be converted"));
        };
        self.nodes = nodes;
        match (&value.kind, to) {
            (ValueKind::Null | ValueKind::Unknown(_), _) | (_, Type::Any) => Ok(value.clone()),
            (ValueKind::OneOf(alternatives), _) => {
                let converted = alternatives.iter().map(|value| self.convert(value, to, depth));
                let converted = converted.collect::<Result<_, _>>()?;
                let origin = &value.origin;
                Ok(Value::one_of(converted, self.limits.alternatives, origin.span).through(&origin.trail))
            }
            (_, Type::Bool) => to_bool(value),
            (_, Type::Number) => to_number(value),
            (_, Type::String) => to_string(value),
            (ValueKind::Set(elements), Type::List(_) | Type::Tuple(_)) if order_is_open(elements, self.limits) => {
                let reason = open_reason(value, &mut self.nodes, depth).unwrap_or(Unknown::Faulty);
                Ok(with_kind(value, ValueKind::Unknown(reason)))
            }
            (_, Type::List(of)) => Ok(with_kind(value, ValueKind::List(self.elements(value, of, depth)?.into()))),
            (_, Type::Set(of)) => {
                let elements = self.elements(value, of, depth)?;
                let set = set_of(elements, self.limits).map_err(|problem| error(value, &problem))?;
                Ok(with_kind(value, set))
            }
            (_, Type::Tuple(types)) => {
                let Some(elements) = value.as_list().filter(|elements| elements.len() == types.len()) else {
                    return Err(mismatch(value, &format!("a list of {} elements", types.len())));
                };
                let converted = elements.iter().zip(types).map(|(element, of)| self.convert(element, of, depth));
                Ok(with_kind(value, ValueKind::List(converted.collect::<Result<Vec<_>, _>>()?.into())))
            }
            (ValueKind::Map(map), Type::Map(of)) => self.map(value, map, of, depth),
            (ValueKind::Map(map), Type::Object(fields)) => self.object(value, map, fields, depth),
            (_, Type::Map(_) | Type::Object(_)) => Err(mismatch(value, "a map")),
        }
    }

    fn elements(&mut self, value: &Value, of: &Type, depth: usize) -> Result<Vec<Value>, ConversionError> {
        let elements = value.as_list().ok_or_else(|| mismatch(value, "a list"))?;
        let converted: Result<Vec<_>, _> = elements.iter().map(|element| self.convert(element, of, depth)).collect();
        let converted = converted?;
        match self.common_type(value, of, converted.iter(), depth)? {
            Some(common) => converted.iter().map(|element| self.convert(element, &common, depth)).collect(),
            None => Ok(converted),
        }
    }

    fn map(&mut self, value: &Value, map: &Map, of: &Type, depth: usize) -> Result<Value, ConversionError> {
        let convert = |(name, element): (&Arc<str>, &Value)| Ok((name.clone(), self.convert(element, of, depth)?));
        let mut entries = map.entries.iter().map(convert).collect::<Result<BTreeMap<_, _>, _>>()?;
        if let Some(common) = self.common_type(value, of, entries.values(), depth)? {
            for element in entries.values_mut() {
                *element = self.convert(element, &common, depth)?;
            }
        }
        Ok(with_kind(value, ValueKind::Map(Arc::new(Map { entries, computed_by: map.computed_by.clone() }))))
    }

    /// The type that elements must get that were converted to a type with `any` in it.
    fn common_type<'a>(
        &mut self,
        value: &Value,
        of: &Type,
        elements: impl Iterator<Item = &'a Value>,
        depth: usize,
    ) -> Result<Option<Type>, ConversionError> {
        if !has_any(of) {
            return Ok(None);
        }
        let mut types = Vec::new();
        for element in elements {
            types.push(self.type_of(element, depth)?);
        }
        unify(&types).map(Some).ok_or_else(|| error(value, "its elements have no common type"))
    }

    fn object(
        &mut self,
        value: &Value,
        map: &Map,
        fields: &BTreeMap<Arc<str>, Field>,
        depth: usize,
    ) -> Result<Value, ConversionError> {
        let mut entries = BTreeMap::new();
        for (name, field) in fields {
            let given = map.entries.get(name).filter(|given| !(given.is_null() && field.default.is_some()));
            let converted = match (given, &field.default, &map.computed_by) {
                (Some(given), ..) => self.convert(given, &field.of, depth)?,
                (None, _, Some(resource)) if !map.entries.contains_key(name) => {
                    Value::unknown(Unknown::computed(resource.clone(), name.clone()), value.origin.span)
                }
                (None, Some(default), _) => self.convert(default, &field.of, depth)?,
                (None, None, _) if field.optional => Value::null(value.origin.span),
                (None, None, _) => return Err(error(value, &format!("the attribute `{name}` is required"))),
            };
            entries.insert(name.clone(), converted);
        }
        Ok(with_kind(value, ValueKind::Map(Arc::new(Map { entries, computed_by: None }))))
    }

    /// The narrowest type of a value; a list counts as a tuple and a map as an object.
    fn type_of(&mut self, value: &Value, depth: usize) -> Result<Type, ConversionError> {
        let (Some(nodes), Some(depth)) = (self.nodes.checked_sub(1), depth.checked_sub(1)) else {
            return Err(error(value, "it is nested too deeply or has too many parts to be converted"));
        };
        self.nodes = nodes;
        Ok(match &value.kind {
            ValueKind::Null | ValueKind::Unknown(_) => Type::Any,
            ValueKind::Bool(_) => Type::Bool,
            ValueKind::Number(_) => Type::Number,
            ValueKind::String(_) => Type::String,
            ValueKind::OneOf(values) => unify(&self.types_of(values, depth)?).unwrap_or(Type::Any),
            ValueKind::List(values) => Type::Tuple(self.types_of(values, depth)?),
            ValueKind::Set(values) => Type::Set(Box::new(unify(&self.types_of(values, depth)?).unwrap_or(Type::Any))),
            ValueKind::Map(map) => {
                let mut fields = BTreeMap::new();
                for (name, value) in &map.entries {
                    let field = Field { of: self.type_of(value, depth)?, optional: false, default: None };
                    fields.insert(name.clone(), field);
                }
                Type::Object(fields)
            }
        })
    }

    fn types_of(&mut self, values: &[Value], depth: usize) -> Result<Vec<Type>, ConversionError> {
        values.iter().map(|value| self.type_of(value, depth)).collect()
    }
}

/// The values converted to the one type that all of them can have, as the results of `coalesce` or of a condition are.
///
/// # Errors
///
/// There is no such type, or the values have too many parts.
pub fn to_common_type(values: &[Value], limits: &Limits) -> Result<Vec<Value>, ConversionError> {
    let Some(first) = values.first() else { return Ok(Vec::new()) };
    let mut converter = Converter { limits, nodes: limits.nodes };
    let types = converter.types_of(values, limits.depth)?;
    let common = unify(&types).ok_or_else(|| error(first, "the values have no common type"))?;
    values.iter().map(|value| converter.convert(value, &common, limits.depth)).collect()
}

fn has_any(of: &Type) -> bool {
    match of {
        Type::Any => true,
        Type::Bool | Type::Number | Type::String => false,
        Type::List(of) | Type::Set(of) | Type::Map(of) => has_any(of),
        Type::Tuple(types) => types.iter().any(has_any),
        Type::Object(fields) => fields.values().any(|field| has_any(&field.of)),
    }
}

/// The one type that values of all these types can be converted to.
fn unify(types: &[Type]) -> Option<Type> {
    let mut known: Vec<&Type> = Vec::new();
    for of in types.iter().filter(|of| **of != Type::Any) {
        // Most collections have elements of very few types, so that comparing with each is cheap.
        if !known.contains(&of) {
            if known.len() > MOST_DIFFERENT_TYPES {
                return None;
            }
            known.push(of);
        }
    }
    match known.as_slice() {
        [] => return Some(Type::Any),
        [only] => return Some((*only).clone()),
        _ => {}
    }
    let all = |holds: fn(&Type) -> bool| known.iter().all(|of| holds(of));
    if all(|of| matches!(of, Type::Bool | Type::Number | Type::String)) {
        // A number and a truth value have nothing in common unless there is a string that both become.
        return known.contains(&&Type::String).then_some(Type::String);
    }
    if all(|of| matches!(of, Type::Tuple(_) | Type::List(_) | Type::Set(_))) {
        return unify_tuples(&known).or_else(|| {
            let elements: Vec<Type> = known.iter().flat_map(|of| element_types(of)).collect();
            Some(Type::List(Box::new(unify(&elements)?)))
        });
    }
    if all(|of| matches!(of, Type::Object(_) | Type::Map(_))) {
        return unify_objects(&known).or_else(|| {
            let elements: Vec<Type> = known.iter().flat_map(|of| element_types(of)).collect();
            Some(Type::Map(Box::new(unify(&elements)?)))
        });
    }
    None
}

/// With more different types the search for a common one would be the slowest thing that hostile input can ask for.
const MOST_DIFFERENT_TYPES: usize = 1_000;

fn unify_tuples(types: &[&Type]) -> Option<Type> {
    let columns: Vec<&[Type]> =
        types.iter().map(|of| if let Type::Tuple(of) = of { Some(&**of) } else { None }).collect::<Option<_>>()?;
    let length = columns.first()?.len();
    if columns.iter().any(|column| column.len() != length) {
        return None;
    }
    let unified = (0..length).map(|index| {
        let at_index: Vec<Type> = columns.iter().filter_map(|column| column.get(index).cloned()).collect();
        unify(&at_index)
    });
    Some(Type::Tuple(unified.collect::<Option<_>>()?))
}

fn unify_objects(types: &[&Type]) -> Option<Type> {
    let objects: Vec<_> =
        types.iter().map(|of| if let Type::Object(of) = of { Some(of) } else { None }).collect::<Option<_>>()?;
    let first = *objects.first()?;
    if objects.iter().any(|object| !object.keys().eq(first.keys())) {
        return None;
    }
    let unified = first.keys().map(|name| {
        let of_name: Vec<Type> = objects.iter().filter_map(|object| Some(object.get(name)?.of.clone())).collect();
        Some((name.clone(), Field { of: unify(&of_name)?, optional: false, default: None }))
    });
    Some(Type::Object(unified.collect::<Option<_>>()?))
}

fn element_types(of: &Type) -> Vec<Type> {
    match of {
        Type::Tuple(types) => types.clone(),
        Type::List(of) | Type::Set(of) | Type::Map(of) => vec![(**of).clone()],
        Type::Object(fields) => fields.values().map(|field| field.of.clone()).collect(),
        Type::Any | Type::Bool | Type::Number | Type::String => Vec::new(),
    }
}

fn to_bool(value: &Value) -> Result<Value, ConversionError> {
    match &value.kind {
        ValueKind::Bool(_) => Ok(value.clone()),
        ValueKind::String(text) => match (text.hole_reason(), text.as_str()) {
            (Some(reason), _) => Ok(with_kind(value, ValueKind::Unknown(Unknown::Hole(reason.clone())))),
            (None, "true" | "1") => Ok(with_kind(value, ValueKind::Bool(true))),
            (None, "false" | "0") => Ok(with_kind(value, ValueKind::Bool(false))),
            (None, _) => Err(mismatch(value, "a boolean")),
        },
        _ => Err(mismatch(value, "a boolean")),
    }
}

fn to_number(value: &Value) -> Result<Value, ConversionError> {
    match &value.kind {
        ValueKind::Number(_) => Ok(value.clone()),
        ValueKind::String(text) => match (text.hole_reason(), parse_number(text.as_str())) {
            (Some(reason), _) => Ok(with_kind(value, ValueKind::Unknown(Unknown::Hole(reason.clone())))),
            (None, Some(number)) => Ok(with_kind(value, ValueKind::Number(number))),
            (None, None) => Err(mismatch(value, "a number")),
        },
        _ => Err(mismatch(value, "a number")),
    }
}

fn to_string(value: &Value) -> Result<Value, ConversionError> {
    let written = |written: String| with_kind(value, ValueKind::String(Text::encoded(written, value.origin.span)));
    match &value.kind {
        ValueKind::String(_) => Ok(value.clone()),
        ValueKind::Bool(truth) => Ok(written(truth.to_string())),
        ValueKind::Number(number) => Ok(written(number_text(*number))),
        _ => Err(mismatch(value, "a string")),
    }
}

/// A number written in a string: decimal, without white space around it.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    if decimal { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}

fn with_kind(value: &Value, kind: ValueKind) -> Value {
    Value { kind, origin: Origin::clone(&value.origin) }
}

fn error(value: &Value, message: &str) -> ConversionError {
    ConversionError { message: message.into(), span: value.origin.span }
}

fn mismatch(value: &Value, wanted: &str) -> ConversionError {
    error(value, &format!("{wanted} is needed, but this is {}", value.type_name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Trail};

    fn span(start: usize) -> Span {
        Span::new(FileId(0), start..start + 1)
    }

    fn string(written: &str, at: usize) -> Value {
        Value::encoded(written, span(at))
    }

    fn list_of(of: Type) -> Type {
        Type::List(Box::new(of))
    }

    fn open() -> Value {
        Value::unknown(Unknown::NotGiven("var.x".into()), span(9))
    }

    #[test]
    fn what_is_not_known_stays_so_and_the_rest_is_converted() {
        let list = Value::list(vec![Value::number(1.0, span(1)), open()], span(0));
        let converted = convert(&list, &list_of(Type::String), &Limits::default()).unwrap();
        let elements = converted.as_list().unwrap();
        assert_eq!(elements[0].as_str(), Some("1"));
        assert!(elements[1].as_unknown().is_some());
        assert!(convert(&open(), &Type::Number, &Limits::default()).unwrap().as_unknown().is_some());
    }

    #[test]
    fn each_alternative_is_converted() {
        let value = Value::one_of(vec![Value::number(1.0, span(1)), Value::bool(true, span(2))], 8, span(0));
        let converted = convert(&value, &Type::String, &Limits::default()).unwrap();
        let texts: Vec<_> = converted.alternatives().iter().map(|value| value.as_str().unwrap().to_owned()).collect();
        assert_eq!(texts, ["1", "true"]);
        let same = Value::one_of(vec![Value::number(1.0, span(1)), string("1", 2)], 8, span(0));
        assert_eq!(convert(&same, &Type::String, &Limits::default()).unwrap().as_str(), Some("1"));
    }

    #[test]
    fn a_number_made_of_a_text_with_a_hole_is_unknown_for_that_reason() {
        let text = Text::hole(span(1), "`var.x` has no value");
        let value = Value::text(text, span(0));
        let converted = convert(&value, &Type::Number, &Limits::default()).unwrap();
        assert_eq!(converted.as_unknown(), Some(&Unknown::Hole("`var.x` has no value".into())));
        assert_eq!(convert(&value, &Type::String, &Limits::default()).unwrap(), value, "a string keeps its pieces");
    }

    #[test]
    fn an_error_points_at_the_part_that_cannot_be_converted() {
        let list = Value::list(vec![string("1", 1), string("x", 2)], span(0));
        let error = convert(&list, &list_of(Type::Number), &Limits::default()).unwrap_err();
        assert_eq!(
            error,
            ConversionError { message: "a number is needed, but this is a string".into(), span: span(2) }
        );
    }

    #[test]
    fn an_attribute_that_the_cloud_computes_is_not_missing() {
        let map = Map { entries: BTreeMap::new(), computed_by: Some("aws_instance.web".into()) };
        let value = Value::new(ValueKind::Map(map.into()), span(0));
        let field = Field { of: Type::String, optional: true, default: Some(string("x", 1)) };
        let to = Type::Object([("id".into(), field)].into());
        let converted = convert(&value, &to, &Limits::default()).unwrap();
        let id = &converted.as_map().unwrap().entries["id"];
        assert_eq!(id.as_unknown(), Some(&Unknown::computed("aws_instance.web", "id")));
    }

    #[test]
    fn a_converted_value_keeps_its_origin() {
        let step = crate::source::Step { span: span(5), role: crate::source::StepRole::Local, name: "local.x".into() };
        let value = Value::number(2.0, span(1)).then(step);
        let converted = convert(&value, &Type::String, &Limits::default()).unwrap();
        assert_eq!(converted.origin, value.origin);
        let text = converted.to_text().unwrap();
        assert_eq!(text.pieces()[0].trail.len(), 1, "the step is not counted twice");
        assert_ne!(text.pieces()[0].trail, Trail::default());
    }

    #[test]
    fn conversion_ends_at_the_limits() {
        let nested = |depth: usize| {
            (0..depth).fold(Value::list(Vec::new(), span(0)), |inner, _| Value::list(vec![inner], span(0)))
        };
        let limits = Limits { depth: 8, nodes: 100, ..Limits::default() };
        let deep = |depth: usize| (0..depth).fold(Type::String, |of, _| list_of(of));
        convert(&nested(7), &deep(8), &limits).unwrap();
        convert(&nested(8), &deep(9), &limits).unwrap_err();
        let wide =
            |count: u32| Value::list((0..count).map(|number| Value::number(number.into(), span(0))).collect(), span(0));
        convert(&wide(99), &list_of(Type::String), &limits).unwrap();
        convert(&wide(100), &list_of(Type::String), &limits).unwrap_err();
    }
}

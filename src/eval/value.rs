//! Values with origins. What is not known is a value too, with the reason.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::finding::{Place, Problem};
use crate::source::{Origin, PieceKind, Span, Step, Text, Trail};

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// What it is.
    pub kind: ValueKind,
    /// Where it was written and how it came here.
    pub origin: Origin,
}

/// What a value is. Collections are shared: cloning a value is cheap.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    /// Nothing was set.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number. Whole numbers are exact up to 2^53.
    Number(f64),
    /// A string, each byte with its own origin.
    String(Text),
    /// A list or tuple.
    List(Arc<Vec<Value>>),
    /// A set: sorted, without duplicates.
    Set(Arc<Vec<Value>>),
    /// A map or object.
    Map(Arc<Map>),
    /// One of several values that the repository itself gives. Never nested, never fewer than two.
    OneOf(Arc<Vec<Value>>),
    /// A value that cannot be known.
    Unknown(Unknown),
}

/// A map or object, sorted by key as Terraform sorts it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Map {
    /// What is known of it.
    pub entries: BTreeMap<Arc<str>, Value>,
    /// The resource of which this is the written part: its other attributes are computed by the cloud.
    pub computed_by: Option<Arc<str>>,
}

/// Why a value cannot be known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// Nobody gave the variable or parameter a value: a free choice.
    NotGiven(Arc<str>),
    /// It is known only at run time but the repository gives a value for each case: a Region, a workspace.
    RunTime(Arc<str>),
    /// Only the cloud knows it.
    Computed(Arc<Computed>),
    /// It is in another version of a launch template than the one that the workspace describes.
    Version(Arc<OtherVersion>),
    /// An output of a module that is not in the workspace.
    Remote(Arc<str>),
    /// The result of something whose value changes or that is not evaluated: a time, a random number.
    NotEvaluated(Arc<str>),
    /// It is written, but it is no value that the setting can have.
    Invalid(Arc<str>),
    /// It depends on a part of a text that cannot be known, for this reason.
    Hole(Arc<str>),
    /// Too many alternatives, elements or steps.
    Limit(Arc<str>),
    /// Its expression has this fault, which is a problem only where the value decides something.
    Fault(Arc<Problem>),
    /// A problem was reported where it comes from.
    Faulty,
}

/// An attribute of a resource that only the cloud knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Computed {
    /// The project of the workspace that the resource is deployed with, when it is another one than the reader's.
    pub project: Option<Arc<str>>,
    /// The address of the resource.
    pub resource: Arc<str>,
    /// The name of the attribute; empty for the whole resource.
    pub attribute: Arc<str>,
}

/// A version of a launch template that the workspace does not describe.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OtherVersion {
    /// The number of the version.
    pub version: Arc<str>,
    /// The address of the launch template.
    pub template: Arc<str>,
}

impl Unknown {
    /// The `attribute` of `resource` that only the cloud knows; an empty name stands for the whole resource.
    #[must_use]
    pub fn computed(resource: impl Into<Arc<str>>, attribute: impl Into<Arc<str>>) -> Self {
        Self::Computed(Arc::new(Computed { project: None, resource: resource.into(), attribute: attribute.into() }))
    }

    /// Where the fault is, for one.
    #[must_use]
    pub fn place(&self) -> Option<Span> {
        match self {
            Self::Fault(problem) => match problem.place {
                Place::Span(span) => Some(span),
                Place::Path(_) => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGiven(name) => write!(formatter, "`{name}` has no value in this workspace"),
            Self::RunTime(name) => write!(formatter, "`{name}` is known only when it runs"),
            Self::Computed(computed) => {
                let Computed { project, resource, attribute } = &**computed;
                match (project, attribute.is_empty()) {
                    (Some(project), _) => {
                        write!(formatter, "`{resource}.{attribute}` of `{project}` is known only to the cloud")
                    }
                    (None, true) => write!(formatter, "`{resource}` is known only to the cloud"),
                    (None, false) => write!(formatter, "`{resource}.{attribute}` is known only to the cloud"),
                }
            }
            Self::Version(other) => {
                let OtherVersion { version, template } = &**other;
                write!(formatter, "version {version} of `{template}` is not the one that this workspace describes")
            }
            Self::Remote(source) => write!(formatter, "the module `{source}` is not in this workspace"),
            Self::NotEvaluated(what) => write!(formatter, "`{what}` is not evaluated"),
            Self::Invalid(text) => write!(formatter, "`{text}` is no value of this setting"),
            Self::Hole(reason) => formatter.write_str(reason),
            Self::Limit(what) => write!(formatter, "the limit of {what} was reached"),
            Self::Fault(problem) => formatter.write_str(&problem.message),
            Self::Faulty => formatter.write_str("a problem was reported where it comes from"),
        }
    }
}

// Values are held by the hundred thousand; what is larger belongs behind a pointer.
const _: () = assert!(size_of::<Value>() <= 48, "a value takes more memory than it should");

impl Value {
    /// A value written at `span`.
    #[must_use]
    pub fn new(kind: ValueKind, span: Span) -> Self {
        Self { kind, origin: Origin::at(span) }
    }

    /// Nothing, at `span`.
    #[must_use]
    pub fn null(span: Span) -> Self {
        Self::new(ValueKind::Null, span)
    }

    /// A truth value at `span`.
    #[must_use]
    pub fn bool(value: bool, span: Span) -> Self {
        Self::new(ValueKind::Bool(value), span)
    }

    /// A number at `span`.
    #[must_use]
    pub fn number(value: f64, span: Span) -> Self {
        Self::new(ValueKind::Number(value), span)
    }

    /// A text, at `span` as a whole.
    #[must_use]
    pub fn text(value: Text, span: Span) -> Self {
        Self::new(ValueKind::String(value), span)
    }

    /// A string that `span` stands for as a whole.
    #[must_use]
    pub fn encoded(value: impl Into<String>, span: Span) -> Self {
        Self::text(Text::encoded(value, span), span)
    }

    /// A list at `span`.
    #[must_use]
    pub fn list(values: Vec<Self>, span: Span) -> Self {
        Self::new(ValueKind::List(Arc::new(values)), span)
    }

    /// A map at `span`.
    #[must_use]
    pub fn map(entries: BTreeMap<Arc<str>, Self>, span: Span) -> Self {
        Self::new(ValueKind::Map(Arc::new(Map { entries, computed_by: None })), span)
    }

    /// An unknown value, at `span`.
    #[must_use]
    pub fn unknown(why: Unknown, span: Span) -> Self {
        Self::new(ValueKind::Unknown(why), span)
    }

    /// One of `alternatives`, at `span`. Equal ones are merged, the first one's origin kept; an alternative that is
    /// itself one of several is taken apart; more than `limit` become unknown; if one is unknown the whole is, since a
    /// free choice is open.
    #[must_use]
    pub fn one_of(alternatives: Vec<Self>, limit: usize, span: Span) -> Self {
        let mut alternatives = alternatives;
        if let [only] = alternatives.as_slice()
            && !matches!(only.kind, ValueKind::OneOf(_))
        {
            return alternatives.remove(0);
        }
        let mut flat: Vec<Self> = Vec::new();
        for alternative in alternatives {
            let parts = match alternative.kind {
                ValueKind::OneOf(parts) => {
                    parts.iter().map(|part| part.clone().through(&alternative.origin.trail)).collect()
                }
                _ => vec![alternative],
            };
            for part in parts {
                if matches!(part.kind, ValueKind::Unknown(_)) {
                    return part;
                }
                if !flat.iter().any(|other| other.same_as(&part) == Some(true)) {
                    flat.push(part);
                }
            }
        }
        if flat.len() > limit {
            return Self::unknown(Unknown::Limit("alternatives".into()), span);
        }
        match flat.len() {
            0 => Self::unknown(Unknown::Faulty, span),
            1 => flat.remove(0),
            _ => Self::new(ValueKind::OneOf(Arc::new(flat)), span),
        }
    }

    /// This value after one more step of its way.
    #[must_use]
    pub fn then(mut self, step: Step) -> Self {
        self.origin.trail = self.origin.trail.then(step);
        self
    }

    /// This value after all steps of `trail`.
    #[must_use]
    pub fn through(mut self, trail: &Trail) -> Self {
        self.origin.trail = self.origin.trail.then_all(trail);
        self
    }

    /// The possible values: each of several, or this one.
    #[must_use]
    pub fn alternatives(&self) -> Cow<'_, [Self]> {
        match &self.kind {
            ValueKind::OneOf(values) if self.origin.trail.is_empty() => Cow::Borrowed(values),
            ValueKind::OneOf(values) => values.iter().map(|value| value.clone().through(&self.origin.trail)).collect(),
            _ => Cow::Borrowed(std::slice::from_ref(self)),
        }
    }

    /// Applies `function` to each possible value and keeps the results apart; unknown values stay as they are.
    #[must_use]
    pub fn for_each_alternative(&self, limit: usize, mut function: impl FnMut(&Self) -> Self) -> Self {
        match &self.kind {
            ValueKind::Unknown(_) => self.clone(),
            ValueKind::OneOf(_) => {
                Self::one_of(self.alternatives().iter().map(function).collect(), limit, self.origin.span)
            }
            _ => function(self),
        }
    }

    /// How many bytes the value itself takes, more or less; the elements of its collections count as references.
    #[must_use]
    pub fn approximate_bytes(&self) -> usize {
        const ELEMENT: usize = 128;
        match &self.kind {
            ValueKind::Null | ValueKind::Bool(_) | ValueKind::Number(_) | ValueKind::Unknown(_) => 0,
            ValueKind::String(text) => text.approximate_bytes(),
            ValueKind::List(values) | ValueKind::Set(values) => values.len() * ELEMENT,
            ValueKind::Map(map) => map.entries.len() * ELEMENT,
            ValueKind::OneOf(values) => values.iter().map(|value| ELEMENT + value.approximate_bytes()).sum(),
        }
    }

    /// As [`Self::approximate_bytes`] with all elements at any depth, of which no more than `parts` are looked at.
    #[must_use]
    pub fn approximate_bytes_of_all(&self, parts: &mut usize) -> usize {
        let Some(fewer) = parts.checked_sub(1) else { return 0 };
        *parts = fewer;
        let inner: usize = match &self.kind {
            ValueKind::List(values) | ValueKind::Set(values) => {
                values.iter().map(|value| value.approximate_bytes_of_all(parts)).sum()
            }
            ValueKind::Map(map) => map.entries.values().map(|value| value.approximate_bytes_of_all(parts)).sum(),
            _ => 0,
        };
        inner + self.approximate_bytes()
    }

    /// Why the value is unknown, when it is; a text with a hole is not.
    #[must_use]
    pub fn as_unknown(&self) -> Option<&Unknown> {
        match &self.kind {
            ValueKind::Unknown(why) => Some(why),
            _ => None,
        }
    }

    /// Whether nothing was set.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.kind, ValueKind::Null)
    }

    /// The truth value, also of the strings `true` and `false`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            ValueKind::Bool(value) => Some(*value),
            ValueKind::String(text) => match text.known()? {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The number, also of a string that is one.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match &self.kind {
            ValueKind::Number(value) => Some(*value),
            ValueKind::String(text) => text.known()?.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// The string, when it is one without a hole.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::String(text) => text.known(),
            _ => None,
        }
    }

    /// The elements of a list or set.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.kind {
            ValueKind::List(values) | ValueKind::Set(values) => Some(values),
            _ => None,
        }
    }

    /// The map or object.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match &self.kind {
            ValueKind::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Whether both are the same value, wherever they came from; `None` when that cannot be known.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> Option<bool> {
        self.same_within(other, &mut MOST_COMPARED.clone())
    }

    /// Collections are shared, so that a few of them within each other may stand for more parts than can be compared.
    pub(super) fn same_within(&self, other: &Self, parts: &mut u32) -> Option<bool> {
        *parts = parts.checked_sub(1)?;
        match (&self.kind, &other.kind) {
            (ValueKind::Unknown(_) | ValueKind::OneOf(_), _) | (_, ValueKind::Unknown(_) | ValueKind::OneOf(_)) => None,
            (ValueKind::String(left), ValueKind::String(right)) => match (left.known(), right.known()) {
                (Some(left), Some(right)) => Some(left == right),
                (Some(known), None) if known.len() < least_length(right) => Some(false),
                (None, Some(known)) if known.len() < least_length(left) => Some(false),
                _ => None,
            },
            (ValueKind::List(left), ValueKind::List(right)) | (ValueKind::Set(left), ValueKind::Set(right)) => {
                if left.len() != right.len() {
                    return Some(false);
                }
                all_same(left.iter().zip(right.iter()).map(|(left, right)| left.same_within(right, parts)))
            }
            (ValueKind::Map(left), ValueKind::Map(right)) => {
                if !left.entries.keys().eq(right.entries.keys()) {
                    return Some(false);
                }
                let pairs = left.entries.values().zip(right.entries.values());
                all_same(pairs.map(|(left, right)| left.same_within(right, parts)))
            }
            (left, right) => Some(left == right),
        }
    }

    /// The text that the value becomes inside a string: numbers and truth values as Terraform writes them, an
    /// unknown one as a hole, which is where the fault is if one made it so. `None` for collections and null.
    #[must_use]
    pub fn to_text(&self) -> Option<Text> {
        let span = self.origin.span;
        match &self.kind {
            ValueKind::String(text) => Some(text.through(&self.origin.trail)),
            ValueKind::Bool(value) => Some(Text::encoded(value.to_string(), span).through(&self.origin.trail)),
            ValueKind::Number(value) => Some(Text::encoded(number_text(*value), span).through(&self.origin.trail)),
            ValueKind::Unknown(why) => {
                let hole = Text::hole(why.place().unwrap_or(span), why.to_string());
                Some(hole.through(&self.origin.trail))
            }
            ValueKind::OneOf(_) => Some(Text::hole(span, "it has several possible values").through(&self.origin.trail)),
            ValueKind::Null | ValueKind::List(_) | ValueKind::Set(_) | ValueKind::Map(_) => None,
        }
    }

    /// What a user calls this kind of value.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match &self.kind {
            ValueKind::Null => "null",
            ValueKind::Bool(_) => "a boolean",
            ValueKind::Number(_) => "a number",
            ValueKind::String(_) => "a string",
            ValueKind::List(_) => "a list",
            ValueKind::Set(_) => "a set",
            ValueKind::Map(_) => "a map",
            ValueKind::OneOf(_) => "one of several values",
            ValueKind::Unknown(_) => "unknown",
        }
    }
}

/// How many parts of two values are compared before the answer counts as not known.
pub(super) const MOST_COMPARED: u32 = 20_000;

/// How many bytes `text` has at least, whatever stands for its holes. What encodes a text that is not empty is not
/// empty either.
pub(super) fn least_length(text: &Text) -> usize {
    let known = text.pieces().iter().filter(|piece| !matches!(piece.kind, PieceKind::Hole(_)));
    let length: usize = known.map(|piece| piece.length).sum();
    let encodes = || text.decoded().is_some_and(|decoded| least_length(decoded) > 0);
    if length == 0 { usize::from(encodes()) } else { length }
}

/// Three-valued conjunction: one difference decides, one unknown leaves it open.
fn all_same(results: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for result in results {
        match result {
            Some(false) => return Some(false),
            None => all = None,
            Some(true) => {}
        }
    }
    all
}

/// A number as Terraform writes it in a string: whole numbers without a fraction.
#[must_use]
pub fn number_text(number: f64) -> String {
    format!("{number}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn string(value: &str, at: usize) -> Value {
        Value::encoded(value, Span::new(FileId(0), at..at + 1))
    }

    #[test]
    fn equal_alternatives_are_one_value() {
        let span = Span::new(FileId(0), 0..1);
        let value = Value::one_of(vec![string("a", 1), string("a", 2)], 8, span);
        assert_eq!(value.as_str(), Some("a"));
        assert_eq!(value.origin.span.start, 1, "the first origin is kept");
    }

    #[test]
    fn a_free_choice_among_alternatives_is_a_free_choice() {
        let span = Span::new(FileId(0), 0..1);
        let open = Value::unknown(Unknown::NotGiven("var.x".into()), span);
        let value = Value::one_of(vec![string("a", 1), open], 8, span);
        assert_eq!(value.as_unknown(), Some(&Unknown::NotGiven("var.x".into())));
    }

    #[test]
    fn too_many_alternatives_are_unknown() {
        let span = Span::new(FileId(0), 0..1);
        let many = (0..9).map(|index| string(&index.to_string(), index)).collect();
        assert!(matches!(Value::one_of(many, 8, span).kind, ValueKind::Unknown(Unknown::Limit(_))));
    }

    #[test]
    fn a_text_with_holes_is_no_shorter_text() {
        let span = Span::new(FileId(0), 0..1);
        let hole = Text::hole(span, "not given");
        let mut part = Text::encoded("ab", span);
        part.push_text(&hole);
        let value = |text: &Text| Value::text(text.clone(), span);
        let encoded = hole.clone().with_decoded(part.clone());
        for (text, other, same) in [
            (&hole, "", None),
            (&hole, "a", None),
            (&part, "", Some(false)),
            (&part, "a", Some(false)),
            (&part, "ab", None),
            (&encoded, "", Some(false)),
            (&encoded, "a", None),
        ] {
            assert_eq!(value(text).same_as(&string(other, 0)), same, "{text:?} {other}");
            assert_eq!(string(other, 0).same_as(&value(text)), same, "{text:?} {other}");
        }
    }

    #[test]
    fn numbers_become_text_as_terraform_writes_them() {
        assert_eq!([1.0, 1.5, 123_456_789_012.0].map(number_text), ["1", "1.5", "123456789012"]);
    }
}

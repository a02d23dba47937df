//! Values of a plan and of its sources as one: what the plan says, from where the sources have it.
//!
//! The plan knows the value exactly and the sources know its place, so a value that both agree on keeps the sources' origin. Where
//! the sources do not know it, or say something else, the plan wins, and the value's place is the expression in the
//! sources that it was planned from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::module::block_type;
use super::script::{MOST_PAIRS, digest, fill, is_digest, merged};
use crate::discover::Workspace;
use crate::eval::{Map, Unknown, Value, ValueKind};
use crate::source::{FileId, Limits, Origin, Span, Step, StepRole, Text, Trail};
use crate::syntax::hcl::{Body, Expression, ExpressionKind};
use crate::syntax::user_data;

/// The place in the sources that a value was planned from.
#[derive(Clone)]
pub(super) struct Site<'s> {
    /// The blocks that stand there, each with its header.
    blocks: Vec<(&'s Body, Span)>,
    expression: Option<&'s Expression>,
    span: Span,
}

impl<'s> Site<'s> {
    /// The site of a block as a whole.
    pub(super) fn block(body: &'s Body, header: Span) -> Self {
        Self { blocks: vec![(body, header)], expression: None, span: header }
    }

    /// A place of which nothing more is known.
    pub(super) fn at(span: Span) -> Self {
        Self { blocks: Vec::new(), expression: None, span }
    }

    /// The site of the attribute, the nested blocks or the entry `name`; the same place when nothing is written there.
    fn entry(&self, name: &str) -> Self {
        if let [(body, _)] = self.blocks.as_slice() {
            if let Some(attribute) = body.attribute(name) {
                return Self::expression(&attribute.value);
            }
            let mut blocks = Vec::new();
            for block in body.blocks.iter().filter(|block| **block_type(block) == *name) {
                let is_dynamic = &*block.kind.text == "dynamic";
                let content = if is_dynamic { block.body.blocks_of("content").next() } else { Some(block) };
                blocks.extend(content.map(|content| (&content.body, block.header)));
            }
            if let Some((_, header)) = blocks.first() {
                let span = *header;
                return Self { blocks, expression: None, span };
            }
        }
        let named = |item: &&'s crate::syntax::hcl::ObjectItem| matches!(&item.key.kind, ExpressionKind::Literal(text) if text.known() == Some(name));
        match self.expression.map(|expression| &expression.kind) {
            Some(ExpressionKind::Object(items)) => {
                items.iter().find(named).map_or_else(|| Self::at(self.span), |item| Self::expression(&item.value))
            }
            _ => Self::at(self.span),
        }
    }

    /// The site of the element `index` of a list.
    fn element(&self, index: usize) -> Self {
        // A dynamic block stands for any number of blocks.
        if let Some((body, header)) = self.blocks.get(index).or(self.blocks.last()) {
            return Self::block(body, *header);
        }
        match self.expression.map(|expression| &expression.kind) {
            Some(ExpressionKind::Array(items)) => {
                items.get(index).map_or_else(|| Self::at(self.span), Self::expression)
            }
            _ => Self::at(self.span),
        }
    }

    fn expression(expression: &'s Expression) -> Self {
        Self { blocks: Vec::new(), expression: Some(expression), span: expression.span }
    }
}

/// The agreement of one plan with its sources.
pub(super) struct Agreement<'a> {
    pub(super) workspace: &'a Workspace,
    /// The file of the plan.
    pub(super) plan: FileId,
    pub(super) limits: &'a Limits,
}

impl Agreement<'_> {
    /// What `planned` is, given what the sources say of it; `None` when nothing is set. Without a `site` a value that
    /// the sources do not know stays where it is in the plan.
    pub(super) fn of(
        &self,
        source: Option<&Value>,
        planned: &Value,
        site: Option<&Site<'_>>,
        name: &str,
    ) -> Option<Value> {
        match &planned.kind {
            ValueKind::Unknown(_) => {
                let written = source.filter(|source| !source.is_null()).cloned();
                return written.or_else(|| site.is_none().then(|| planned.clone()));
            }
            ValueKind::Null => {
                let written = source.filter(|source| source.is_null() || self.is_newer(source)).cloned();
                return if site.is_some() { written } else { written.or_else(|| Some(planned.clone())) };
            }
            ValueKind::Map(_) | ValueKind::List(_) => {}
            _ if source.is_some_and(|source| self.is_newer(source)) => return source.cloned(),
            _ => {}
        }
        let alternatives = source.map(Value::alternatives).unwrap_or_default();
        if is_digest(name, planned) {
            return Some(self.digested(&alternatives, planned, site));
        }
        let agreeing = alternatives.iter().find(|alternative| self.agrees(alternative, planned));
        let has_its_shape = |alternative: &&Value| match planned.kind {
            ValueKind::Map(_) => alternative.as_map().is_some(),
            _ => alternative.as_list().is_some(),
        };
        match &planned.kind {
            ValueKind::Map(map) => {
                let written = agreeing.or_else(|| alternatives.iter().find(has_its_shape));
                let of_entry = |(key, planned): (&Arc<str>, &Value)| {
                    let written = written.and_then(|written| written.as_map()?.entries.get(key));
                    let site = site.map(|site| site.entry(key));
                    Some((Arc::clone(key), self.of(written, planned, site.as_ref(), key)?))
                };
                let mut entries: BTreeMap<_, _> = map.entries.iter().filter_map(of_entry).collect();
                let others = written.and_then(Value::as_map).into_iter().flat_map(|written| &written.entries);
                let is_new =
                    |(key, value): &(&Arc<str>, &Value)| !map.entries.contains_key(*key) && self.is_newer(value);
                entries.extend(others.filter(is_new).map(|(key, value)| (Arc::clone(key), value.clone())));
                let kind = ValueKind::Map(Arc::new(Map { entries, computed_by: None }));
                Some(Value { kind, origin: origin_of(written, planned, site) })
            }
            ValueKind::List(items) => {
                let written = agreeing.or_else(|| alternatives.iter().find(has_its_shape));
                let elements = written.and_then(Value::as_list).unwrap_or_default();
                let of_item = |(index, planned): (usize, &Value)| {
                    let same_place = elements.get(index).filter(|_| elements.len() == items.len());
                    let are_few = elements.len().saturating_mul(items.len()) <= MOST_PAIRS;
                    let same = || elements.iter().find(|element| are_few && self.agrees(element, planned));
                    let site = site.map(|site| site.element(index));
                    self.of(same_place.or_else(same), planned, site.as_ref(), name)
                };
                let items = items.iter().enumerate().filter_map(of_item).collect();
                Some(Value { kind: ValueKind::List(Arc::new(items)), origin: origin_of(written, planned, site) })
            }
            _ => Some(match (agreeing, site) {
                (Some(agreeing), None) => self.filled(agreeing, planned),
                (Some(agreeing), Some(_)) if agreeing.origin.span.file != self.plan => self.filled(agreeing, planned),
                (None, None) => planned.clone(),
                (None, Some(site)) if alternatives.len() == 1 => {
                    let changed = alternatives.first().and_then(|source| self.changed(source, planned, site.span));
                    changed.unwrap_or_else(|| placed_for(planned, None, site.span, name))
                }
                (_, Some(site)) => placed_for(planned, agreeing, site.span, name),
            }),
        }
    }

    /// What of the `arguments` of a module call became `planned` under `name` in the module, which nobody can read: an
    /// argument, or a part of one, of the same name and value, or else the same script.
    pub(super) fn argument(&self, arguments: &Value, planned: &Value, name: &str) -> Option<Value> {
        let mut parts = Vec::new();
        collect_parts(arguments, "", self.limits.depth, &mut parts);
        let named = parts.iter().find(|(part, value)| part == name && self.agrees(value, planned));
        if let Some((_, value)) = named {
            return Some(self.filled(value, planned));
        }
        let text = planned.as_str().filter(|text| text.len() >= SHORTEST_SCRIPT)?;
        let encoded = Text::encoded(text, planned.origin.span);
        let decoded = user_data::decode(&encoded, &mut self.limits.text_bytes.clone());
        let decoded = decoded.as_ref().and_then(Text::known);
        parts.iter().find_map(|(_, value)| {
            let ValueKind::String(script) = &value.kind else { return None };
            let script = match script.known() {
                Some(known) if known == text => script.clone(),
                Some(known) if Some(known) == decoded => {
                    Text::encoded(text, value.origin.span).with_decoded(script.clone())
                }
                _ => return None,
            };
            Some(Value { kind: ValueKind::String(script), origin: value.origin.clone() })
        })
    }

    /// A script that differs from the sources, which changed since: the lines that both have keep their places, and the
    /// others get `span`. `None` when they have little in common.
    fn changed(&self, source: &Value, planned: &Value, span: Span) -> Option<Value> {
        let (ValueKind::String(text), Some(known)) = (&source.kind, planned.as_str()) else { return None };
        let script = match text.decoded() {
            Some(decoded) => {
                let encoded = Text::encoded(known, span);
                let contained = user_data::decode(&encoded, &mut self.limits.text_bytes.clone())?;
                encoded.with_decoded(merged(decoded, contained.known()?, span)?)
            }
            None => merged(text, known, span)?,
        };
        Some(Value { kind: ValueKind::String(script), origin: source.origin.clone() })
    }

    /// Whether the value is written in a text that is laid over a file: the plan was made of the file, and says nothing
    /// about it.
    fn is_newer(&self, value: &Value) -> bool {
        let is_over = |span: Span| span.file != self.plan && self.workspace.is_laid_over(span.file);
        match &value.kind {
            ValueKind::Unknown(_) => false,
            ValueKind::OneOf(all) => all.iter().any(|one| self.is_newer(one)),
            ValueKind::String(text) => {
                let pieces = text.decoded().unwrap_or(text).pieces();
                is_over(value.origin.span) || pieces.iter().any(|piece| is_over(piece.span))
            }
            _ => is_over(value.origin.span),
        }
    }

    /// Whether the sources can mean what is planned. What they leave open, and what they do not mention, agrees.
    fn agrees(&self, source: &Value, planned: &Value) -> bool {
        match (&source.kind, &planned.kind) {
            (_, ValueKind::Unknown(_))
            | (ValueKind::Null, ValueKind::Null)
            | (ValueKind::Unknown(_), ValueKind::Map(_) | ValueKind::List(_)) => true,
            (ValueKind::OneOf(all), _) => all.iter().any(|one| self.agrees(one, planned)),
            (ValueKind::Map(source), ValueKind::Map(planned)) => planned
                .entries
                .iter()
                .all(|(key, planned)| source.entries.get(key).is_none_or(|source| self.agrees(source, planned))),
            (ValueKind::List(source) | ValueKind::Set(source), ValueKind::List(planned)) => {
                source.len() == planned.len()
                    && source.iter().zip(&**planned).all(|(source, planned)| self.agrees(source, planned))
            }
            (_, ValueKind::String(_) | ValueKind::Bool(_) | ValueKind::Number(_)) => {
                let planned = planned.to_text();
                let planned = planned.as_ref().and_then(Text::known);
                match (&source.kind, planned) {
                    (ValueKind::String(text), Some(planned)) => self.aligned(text, planned).is_some(),
                    (ValueKind::Bool(_) | ValueKind::Number(_), Some(planned)) => {
                        source.to_text().as_ref().and_then(Text::known) == Some(planned)
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// `source`, which agrees with `planned`, with its holes filled.
    fn filled(&self, source: &Value, planned: &Value) -> Value {
        let ValueKind::String(text) = &source.kind else { return source.clone() };
        let aligned = planned.as_str().and_then(|planned| self.aligned(text, planned));
        Value { kind: ValueKind::String(aligned.unwrap_or_else(|| text.clone())), origin: source.origin.clone() }
    }

    /// `text` with what `planned` has for its holes; `None` when it cannot become `planned`.
    fn aligned(&self, text: &Text, planned: &str) -> Option<Text> {
        if text.known() == Some(planned) {
            return Some(text.clone());
        }
        if let Some(decoded) = text.decoded() {
            let span = decoded.pieces().first().or_else(|| text.pieces().first())?.span;
            let encoded = Text::encoded(planned, span);
            let contained = user_data::decode(&encoded, &mut self.limits.text_bytes.clone())?;
            let filled = self.aligned(decoded, contained.known()?)?;
            return Some(encoded.with_decoded(filled));
        }
        if text.has_holes() { fill(text, planned) } else { None }
    }

    /// User data of which the plan has a digest only: the sources' text that has it, or an unknown one.
    fn digested(&self, alternatives: &[Value], planned: &Value, site: Option<&Site<'_>>) -> Value {
        let is_it = |source: &&Value| match (&source.kind, planned.as_str()) {
            // What has holes cannot be compared.
            (ValueKind::String(text), Some(planned)) => {
                let text = text.decoded().unwrap_or(text);
                text.known().is_none_or(|known| digest(known) == planned) || self.is_newer(source)
            }
            _ => false,
        };
        let span = site.map_or(planned.origin.span, |site| site.span);
        let unknown = || Value::unknown(Unknown::NotEvaluated("the digest of user data".into()), span);
        alternatives.iter().find(is_it).cloned().unwrap_or_else(unknown)
    }
}

/// Shorter texts may be equal by chance.
const SHORTEST_SCRIPT: usize = 24;

/// Adds what `value` holds, each part with the name that it has where it stands.
fn collect_parts(value: &Value, name: &str, depth: usize, parts: &mut Vec<(String, Value)>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    for value in &*value.alternatives() {
        let trail = &value.origin.trail;
        match &value.kind {
            ValueKind::Map(map) => {
                for (name, entry) in &map.entries {
                    collect_parts(&entry.clone().through(trail), name, depth, parts);
                }
            }
            ValueKind::List(items) | ValueKind::Set(items) => {
                for item in &**items {
                    collect_parts(&item.clone().through(trail), name, depth, parts);
                }
            }
            _ => parts.push((name.to_owned(), value.clone())),
        }
    }
}

/// The origin of a collection.
fn origin_of(written: Option<&Value>, planned: &Value, site: Option<&Site<'_>>) -> Origin {
    let at_site = || Origin::at(site.map_or(planned.origin.span, |site| site.span));
    written.map_or_else(at_site, |written| written.origin.clone())
}

/// `planned` at `span`. What the plan gives to a variable, which `agreeing` is then, stands at that variable.
fn placed_for(planned: &Value, agreeing: Option<&Value>, span: Span, name: &str) -> Value {
    let given = agreeing.map_or(planned.origin.span, |agreeing| agreeing.origin.span);
    placed(planned, span, &Step { span: given, role: StepRole::Planned, name: name.into() })
}

/// `planned` and what it holds, at `span` after `step`.
pub(super) fn placed(planned: &Value, span: Span, step: &Step) -> Value {
    let all = |values: &[Value]| Arc::new(values.iter().map(|value| placed(value, span, step)).collect());
    let kind = match &planned.kind {
        ValueKind::String(text) => ValueKind::String(Text::encoded(text.as_str(), span)),
        ValueKind::List(values) => ValueKind::List(all(values)),
        ValueKind::Map(map) => {
            let entries = map.entries.iter().map(|(key, value)| (Arc::clone(key), placed(value, span, step)));
            ValueKind::Map(Arc::new(Map { entries: entries.collect(), computed_by: None }))
        }
        kind => kind.clone(),
    };
    Value { kind, origin: Origin { span, trail: Trail::default().then(step.clone()) } }
}

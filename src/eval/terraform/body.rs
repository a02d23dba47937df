//! Blocks to values: attributes, nested and dynamic blocks, and the repetitions of `count` and `for_each`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::evaluator::{Evaluator, fault};
use super::expression::elements_of;
use super::instance::arrive;
use super::module::block_type;
use super::scope::{InstanceKey, Repetition, Scope};
use crate::eval::{Unknown, Value, ValueKind};
use crate::finding::ProblemCode;
use crate::source::{Step, StepRole};
use crate::syntax::hcl::{Block, Body, Expression, ExpressionKind};

/// What Terraform itself reads of a block: never a property of the resource.
const META_ARGUMENTS: [&str; 7] =
    ["count", "for_each", "depends_on", "lifecycle", "provider", "provisioner", "connection"];

/// Which attributes and blocks of a body are evaluated.
pub(in crate::eval) enum Wanted<'a> {
    /// All: it is a nested block.
    All,
    /// The properties of a resource: all but what Terraform itself reads.
    Properties,
    /// Those with one of these names.
    Only(&'a [&'a str]),
}

impl Wanted<'_> {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Properties => !META_ARGUMENTS.contains(&name),
            Self::Only(names) => names.contains(&name),
        }
    }
}

impl Evaluator<'_> {
    /// The attributes and nested blocks of `body` as a map; blocks of one type become a list of maps.
    pub(in crate::eval) fn body_value(&self, body: &Body, scope: &Scope, wanted: &Wanted) -> Value {
        let is_wanted = |name: &str| wanted.has(name);
        let mut entries: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        for attribute in body.attributes.iter().filter(|attribute| is_wanted(&attribute.name.text)) {
            let value = self.settle(self.evaluate(&attribute.value, scope), attribute.value.span);
            let step =
                Step { span: attribute.name.span, role: StepRole::Attribute, name: Arc::clone(&attribute.name.text) };
            entries.insert(Arc::clone(&attribute.name.text), arrive(value, attribute.span, &step));
        }
        let mut blocks_of: BTreeMap<&Arc<str>, Vec<Value>> = BTreeMap::new();
        for block in body.blocks.iter().filter(|block| is_wanted(block_type(block))) {
            blocks_of.entry(block_type(block)).or_default().push(self.nested_blocks(block, scope));
        }
        for (name, blocks) in blocks_of {
            // An attribute of the same name is an error to Terraform; its value stands first then.
            let all: Vec<Value> = entries.remove(name).into_iter().chain(blocks).collect();
            if let Some(value) = concatenated(&all) {
                entries.insert(Arc::clone(name), value);
            }
        }
        Value::map(entries, body.span)
    }

    /// What is written under `name` in `body`, place by place in the order of the source: lists of maps, each of which
    /// may be unknown or one of several.
    pub(super) fn lists_of_blocks(&self, body: &Body, name: &str, scope: &Scope) -> Vec<Value> {
        // In JSON, nested blocks are attributes.
        let attribute = body.attribute(name);
        let attribute = attribute.map(|it| self.settle(self.evaluate(&it.value, scope), it.value.span));
        let blocks = body.blocks.iter().filter(|block| **block_type(block) == *name);
        attribute.into_iter().chain(blocks.map(|block| self.nested_blocks(block, scope))).collect()
    }

    /// A nested block as a list of one map, or the list that a `dynamic` block makes.
    fn nested_blocks(&self, block: &Block, scope: &Scope) -> Value {
        if &*block.kind.text == "dynamic" {
            return self.dynamic_blocks(block, scope);
        }
        Value::list(vec![self.body_value(&block.body, scope, &Wanted::All)], block.header)
    }

    /// The blocks that a `dynamic` block makes, as a list of maps.
    fn dynamic_blocks(&self, block: &Block, scope: &Scope) -> Value {
        let span = block.header;
        let code = ProblemCode::Evaluation;
        let label = block_type(block);
        let Some(content) = block.body.blocks_of("content").next() else {
            return self.settle(Err(fault(code, span, "a dynamic block needs a `content` block")), span);
        };
        let Some(for_each) = block.body.attribute("for_each") else {
            return self.settle(Err(fault(code, span, "a dynamic block needs `for_each`")), span);
        };
        let iterator = block.body.attribute("iterator").and_then(|attribute| name_of(&attribute.value));
        let iterator = iterator.unwrap_or_else(|| Arc::clone(label));
        let collection = self.settle(self.evaluate(&for_each.value, scope), for_each.value.span);
        collection.for_each_alternative(self.limits.alternatives, |collection| match elements_of(collection) {
            Ok(elements) => {
                let blocks = elements.into_iter().take_while(|_| self.count_instance(span)).map(|(key, element)| {
                    let entries = [("key".into(), key), ("value".into(), element)];
                    let bound = Value::map(entries.into(), for_each.value.span);
                    self.body_value(&content.body, &scope.bind(&iterator, &bound), &Wanted::All)
                });
                Value::list(blocks.collect(), span).through(&collection.origin.trail)
            }
            Err(Some(why)) => Value::unknown(why, for_each.value.span),
            Err(None) => {
                let message = format!("`for_each` needs a collection, but this is {}", collection.type_name());
                self.settle(Err(fault(code, for_each.value.span, message)), span)
            }
        })
    }

    /// The copies that `count` or `for_each` make of a block. One that may exist or not, nobody knows, is kept.
    pub(super) fn repetitions(&self, block: &Block, scope: &Scope) -> Vec<Repetition> {
        if let Some(count) = block.body.attribute("count") {
            let value = self.settle(self.evaluate(&count.value, scope), count.value.span);
            return self.counted(&value, &count.value);
        }
        if let Some(for_each) = block.body.attribute("for_each") {
            let value = self.settle(self.evaluate(&for_each.value, scope), for_each.value.span);
            return self.keyed(&value, &for_each.value);
        }
        vec![Repetition::default()]
    }

    fn counted(&self, value: &Value, expression: &Expression) -> Vec<Repetition> {
        let span = expression.span;
        let mut most = 0.0_f64;
        for alternative in &*value.alternatives() {
            match (&alternative.kind, alternative.as_number()) {
                (_, Some(number)) => most = most.max(number),
                (ValueKind::Unknown(why), _) => {
                    let count_index = Some(Value::unknown(why.clone(), span));
                    return vec![Repetition { count_index, ..Repetition::default() }];
                }
                _ => {
                    let message = format!("`count` needs a number, but this is {}", alternative.type_name());
                    let count_index = Some(self.settle(Err(fault(ProblemCode::Evaluation, span, message)), span));
                    return vec![Repetition { count_index, ..Repetition::default() }];
                }
            }
        }
        // Beyond the limit of instances the expansion stops by itself, and says so.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped to the limit")]
        let copies = most.clamp(0.0, 1e9) as usize;
        let copies = copies.min(self.limits.instances + 1);
        #[expect(clippy::cast_precision_loss, reason = "the limit of instances is far below 2^52")]
        let repetition = |index: usize| Repetition {
            key: InstanceKey::Index(index),
            each: None,
            count_index: Some(Value::number(index as f64, span)),
        };
        (0..copies).map(repetition).collect()
    }

    fn keyed(&self, value: &Value, expression: &Expression) -> Vec<Repetition> {
        let span = expression.span;
        let mut copies: BTreeMap<Arc<str>, Vec<(Value, Value)>> = BTreeMap::new();
        for alternative in &*value.alternatives() {
            let elements = match (&alternative.kind, elements_of(alternative)) {
                (ValueKind::Map(_) | ValueKind::Set(_) | ValueKind::List(_), Ok(elements)) => elements,
                (_, Err(Some(why))) => {
                    let unknown = || Value::unknown(why.clone(), span);
                    return vec![Repetition { each: Some((unknown(), unknown())), ..Repetition::default() }];
                }
                _ => {
                    let message =
                        format!("`for_each` needs a map or a set of strings, but this is {}", alternative.type_name());
                    let unknown = self.settle(Err(fault(ProblemCode::Evaluation, span, message)), span);
                    return vec![Repetition { each: Some((unknown.clone(), unknown)), ..Repetition::default() }];
                }
            };
            for (key, element) in elements {
                // A list is an error to Terraform, but what is meant by it is plain.
                let key = if matches!(alternative.kind, ValueKind::List(_)) { element.clone() } else { key };
                let Some(name) = key.as_str().map(Arc::from) else {
                    let unknown = Value::unknown(Unknown::NotEvaluated("a key with unknown parts".into()), span);
                    let key = if key.as_unknown().is_some() { key } else { unknown };
                    return vec![Repetition { each: Some((key, element)), ..Repetition::default() }];
                };
                copies.entry(name).or_default().push((key, element));
            }
        }
        let repetition = |(name, pairs): (Arc<str>, Vec<(Value, Value)>)| {
            let (keys, values): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            let key = Value::one_of(keys, self.limits.alternatives, span);
            let value = Value::one_of(values, self.limits.alternatives, span);
            Repetition { key: InstanceKey::Key(name), each: Some((key, value)), count_index: None }
        };
        copies.into_iter().map(repetition).collect()
    }
}

/// The name that a bare reference is, as in `iterator = option`.
pub(in crate::eval) fn name_of(expression: &Expression) -> Option<Arc<str>> {
    match &expression.kind {
        ExpressionKind::Variable(name) => Some(Arc::clone(&name.text)),
        ExpressionKind::Literal(text) => text.known().map(Arc::from),
        _ => None,
    }
}

/// Lists of blocks one after the other, at the place of the first; unknown when one of them is.
fn concatenated(lists: &[Value]) -> Option<Value> {
    let first = lists.first()?;
    if lists.len() == 1 {
        return Some(first.clone());
    }
    if let Some(unknown) = lists.iter().find(|list| list.as_unknown().is_some()) {
        return Some(unknown.clone());
    }
    let known: Option<Vec<&[Value]>> = lists.iter().map(Value::as_list).collect();
    let unknown = || {
        let why = Unknown::NotEvaluated("blocks that may be there or not".into());
        Value::unknown(why, first.origin.span)
    };
    Some(known.map_or_else(unknown, |known| Value::list(known.concat(), first.origin.span)))
}

//! The inputs of one step, with what they refer to filled in.

use super::document::{Iteration, Reader};
use crate::eval::Value;
use crate::source::{Span, Text};
use crate::syntax::tree::Node;

/// The inputs of a step in one round of its loop.
pub(super) struct Inputs<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    pub(super) node: Option<&'a Node>,
    pub(super) iteration: Option<&'r Iteration>,
    /// Where the step is named.
    pub(super) header: Span,
}

impl<'a> Inputs<'_, 'a> {
    /// What the step is to be done with, one after the other: most actions take a list, some a single mapping.
    pub(super) fn each(&self) -> Vec<&'a Node> {
        let Some(node) = self.node else { return Vec::new() };
        node.items().unwrap_or(std::slice::from_ref(node)).iter().collect()
    }

    /// The string under `key`.
    pub(super) fn text(&mut self, of: &Node, key: &str) -> Option<Text> {
        let (text, _) = of.get(key)?.as_scalar()?;
        Some(self.reader.resolve(text, self.iteration))
    }

    /// The string under `key`, which the action cannot do without.
    pub(super) fn required(&mut self, of: &Node, key: &str) -> Option<Text> {
        let text = self.text(of, key);
        if text.is_none() {
            self.reader.warn(self.header, format!("an input of the step has no `{key}`; add it"));
        }
        text
    }

    /// The strings in the list under `key`, or the one that stands there without a list.
    pub(super) fn texts(&mut self, of: &Node, key: &str) -> Vec<Text> {
        let Some(node) = of.get(key) else { return Vec::new() };
        let items = node.items().unwrap_or(std::slice::from_ref(node));
        let scalars = items.iter().filter_map(|item| Some(item.as_scalar()?.0));
        scalars.map(|text| self.reader.resolve(text, self.iteration)).collect()
    }

    /// Whether the word under `key` is `expected`.
    pub(super) fn is(&mut self, of: &Node, key: &str, expected: &str) -> bool {
        self.text(of, key).is_some_and(|text| text.as_str().eq_ignore_ascii_case(expected))
    }

    /// `text` as a value.
    pub(super) fn value(&self, text: Text) -> Value {
        let span = text.span_of(0..text.len()).unwrap_or(self.header);
        Value::text(text, span)
    }

    /// `texts` as the lines of one script.
    pub(super) fn lines(&mut self, texts: &[Text]) -> Text {
        let mut script = Text::new();
        for text in texts {
            if !self.reader.budget.pay(text) {
                self.reader.exhaust(self.header);
                break;
            }
            script.push_text(text);
            let end = text.span_of(0..text.len()).map_or(self.header, |span| Span { start: span.end, ..span });
            script.push_encoded("\n", end);
        }
        script
    }
}

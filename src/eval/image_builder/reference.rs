//! `{{ … }}`: parameters, constants, variables of loops, and inputs of other steps.

use super::document::{Iteration, Reader, is_download};
use super::output;
use crate::source::Text;
use crate::syntax::tree::Node;

/// Longer names are none.
const LONGEST_NAME: usize = 512;

/// How many inputs may refer to each other in a row.
const DEEPEST: usize = 8;

impl Reader<'_> {
    /// `text` with the values of what it refers to. What is no reference of this document stays as it is: scripts hold
    /// templates of other tools too.
    pub(super) fn resolve(&mut self, text: &Text, iteration: Option<&Iteration>) -> Text {
        self.resolve_within(text, iteration, DEEPEST)
    }

    fn resolve_within(&mut self, text: &Text, iteration: Option<&Iteration>, depth: usize) -> Text {
        let value = text.as_str();
        if value.contains("{{") && !self.budget.pay(text) {
            return text.clone();
        }
        let mut resolved = Text::new();
        let mut written = 0;
        for (start, _) in value.match_indices("{{") {
            let ahead = value.get(start + 2..).unwrap_or_default();
            let Some(length) = ahead.as_bytes().windows(2).take(LONGEST_NAME).position(|end| end == b"}}") else {
                continue;
            };
            let end = start + 2 + length + 2;
            let name = ahead.get(..length).unwrap_or_default().trim();
            let Some(found) = self.reference(name, text, start..end, iteration, depth) else { continue };
            resolved.push_text(&text.slice(written..start));
            written = end;
            let is_too_long = resolved.len() + found.len() > self.limits.text_bytes;
            if is_too_long || !self.budget.pay(&found) {
                if let Some(place) = text.span_of(start..end) {
                    self.exhaust(place);
                    resolved.push_text(&Text::hole(place, "the limit of bytes was reached"));
                }
                break;
            }
            resolved.push_text(&found);
        }
        if written == 0 {
            return text.clone();
        }
        resolved.push_text(&text.slice(written..text.len()));
        resolved
    }

    /// What `name` stands for where it is written at `range` of `text`; nothing when it is no reference.
    fn reference(
        &mut self,
        name: &str,
        text: &Text,
        range: std::ops::Range<usize>,
        iteration: Option<&Iteration>,
        depth: usize,
    ) -> Option<Text> {
        let is_name = |character: char| character.is_ascii_alphanumeric() || "_-.[]".contains(character);
        if !name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_') || !name.chars().all(is_name)
        {
            return None;
        }
        let place = text.span_of(range)?;
        let Some((first, rest)) = name.split_once('.') else {
            let declared = self.names.get(name).cloned();
            return Some(declared.unwrap_or_else(|| Text::hole(place, format!("the document declares no `{name}`"))));
        };
        if let Some(iteration) = iteration.filter(|of| first == "loop" || of.name.as_deref() == Some(first)) {
            return match rest {
                "value" => Some(iteration.value.clone()),
                "index" => Some(iteration.index.clone()),
                _ => None,
            };
        }
        let (step, path) = rest.split_once('.')?;
        let Some(step) = self.steps_by_name.get(&(first, step)).copied() else {
            // One round of a step with a loop.
            let (step, _) = step.split_once('[')?;
            self.steps_by_name.get(&(first, step))?;
            return Some(Text::hole(place, format!("`{name}` is known only when it runs")));
        };
        Some(self.part_of_step(step, name, path, depth).unwrap_or_else(|| {
            let why =
                if path.starts_with("outputs") { "is known only when it runs" } else { "is no input of that step" };
            Text::hole(place, format!("`{name}` {why}"))
        }))
    }

    /// What `name`, which ends in `path`, stands for as an input or output of `step`, as far as it is known.
    fn part_of_step(&mut self, step: &Node, name: &str, path: &str, depth: usize) -> Option<Text> {
        let depth = depth.checked_sub(1)?;
        let Some(output) = path.strip_prefix("outputs") else {
            let input = input_at(step, path)?.as_scalar()?.0.clone();
            return Some(self.resolve_within(&input, None, depth));
        };
        if is_download(step) && output.ends_with(".destination") {
            return self.part_of_step(step, name, &format!("inputs{output}"), depth);
        }
        if let Some(command) = output::only_command(step)
            && matches!(output, ".stdout" | "[0].stdout")
            && let Some(said) = output::word_said(&self.resolve_within(&command.clone(), None, depth))
        {
            return Some(said);
        }
        // Steps that use the file of a download name it by the same reference, so that will do for a path.
        let place = self.paths.get(name)?;
        Some(Text::encoded(name, *place))
    }
}

/// The node at a path such as `inputs[0].destination` below a step.
fn input_at<'a>(step: &'a Node, path: &str) -> Option<&'a Node> {
    let mut node = step;
    for part in path.split('.') {
        let (name, indices) = part.split_once('[').unwrap_or((part, ""));
        // One input may be written without a list around it, and be referred to as if it were.
        if let Some([only]) = node.items() {
            node = only;
        }
        node = node.get(name)?;
        for index in indices.split(['[', ']']).filter(|index| !index.is_empty()) {
            let index: usize = index.parse().ok()?;
            node = match node.items() {
                Some(items) => items.get(index)?,
                None => Some(node).filter(|_| index == 0)?,
            };
        }
    }
    Some(node)
}

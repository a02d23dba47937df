//! Expressions: the values that the script form can have, and conditions.

use std::ops::Range;

use tree_sitter::Node;

use super::word::list;
use super::{Reader, unwrapped};
use crate::source::Text;
use crate::syntax::script::{
    AssignedValue, Assignment, ChainOperator, Command, Element, NumberRange, Redirection, RedirectionKind, Script,
    Statement, StatementKind, Word, WordPart, WordPartKind,
};

impl Reader<'_> {
    /// The value of an expression as one word.
    pub(super) fn value_word(&mut self, node: Node, depth: usize) -> Word {
        let parts = self.value(node, depth);
        self.word_of(parts, node.byte_range())
    }

    fn value(&mut self, node: Node, depth: usize) -> Vec<WordPart> {
        let node = unwrapped(node);
        let range = node.byte_range();
        if depth > self.limits.depth || node.is_error() || node.is_missing() {
            return vec![self.unknown_part(range)];
        }
        match node.kind() {
            "variable" | "braced_variable" => {
                let name = if self.source.get(range.clone()).is_some_and(|name| name.starts_with("${")) {
                    range.start + 2..range.end.saturating_sub(1)
                } else {
                    range.start + 1..range.end
                };
                let mut part = self.variable_part(name, range);
                part.quoted = false;
                vec![part]
            }
            "expandable_string_literal"
            | "verbatim_string_characters"
            | "expandable_here_string_literal"
            | "verbatim_here_string_characters"
            | "decimal_integer_literal"
            | "hexadecimal_integer_literal"
            | "real_literal" => self.string(range),
            "script_block_expression" => {
                let text = WordPartKind::Literal(self.text.slice(range.clone()));
                vec![self.part(text, range)]
            }
            "array_literal_expression" | "array_expression" => {
                let elements = self.elements(node, depth + 1);
                list(&elements)
            }
            "parenthesized_expression" | "sub_expression" => match inner_expression(node) {
                Some(inner) => self.value(inner, depth + 1),
                None => {
                    let script = self.script(node, depth + 1);
                    vec![self.part(WordPartKind::CommandSubstitution(script), range)]
                }
            },
            "hash_literal_expression" => self.table_text(node, depth),
            "cast_expression" if self.casts_to_itself(node) || self.casts_to_object(node) => {
                match node.named_child(1) {
                    Some(inner) => self.value(inner, depth + 1),
                    None => vec![self.unknown_part(range)],
                }
            }
            "additive_expression" => self.sum(node, depth),
            "invokation_expression" | "member_access" => match self.method_call(node, depth) {
                Some(call) => {
                    let script = Script { statements: vec![call] };
                    vec![self.part(WordPartKind::CommandSubstitution(script), range)]
                }
                None => self.unknown_value(node, depth),
            },
            // A command, or a statement that writes what it finds.
            "command" | "pipeline_chain" | "pipeline" | "if_statement" | "switch_statement" | "try_statement" => {
                let statements = vec![self.statement(node, depth + 1)];
                vec![self.part(WordPartKind::CommandSubstitution(Script { statements }), range)]
            }
            _ => self.unknown_value(node, depth),
        }
    }

    /// A value that is not computed. The commands that it takes run all the same.
    fn unknown_value(&mut self, node: Node, depth: usize) -> Vec<WordPart> {
        let mut parts = Vec::new();
        self.commands_below(node, depth + 1, &mut parts);
        parts.push(self.unknown_part(node.byte_range()));
        parts
    }

    fn commands_below(&mut self, node: Node, depth: usize, parts: &mut Vec<WordPart>) {
        if depth > self.limits.depth {
            return;
        }
        let mut cursor = node.walk();
        let children: Vec<_> = node.named_children(&mut cursor).collect();
        for child in children {
            match child.kind() {
                "script_block_expression" => {}
                "pipeline" if child.child(0).is_some_and(|chain| unwrapped(chain).kind() == "command") => {
                    let mut statement = self.statement(child, depth + 1);
                    let range = child.byte_range();
                    let file = self.made_up("/dev/null", range.clone());
                    let kind = RedirectionKind::Write { file, append: false, both: false };
                    statement.redirections.push(Redirection { descriptor: None, kind, span: self.span(range.clone()) });
                    let script = Script { statements: vec![statement] };
                    parts.push(self.part(WordPartKind::CommandSubstitution(script), range));
                }
                _ => self.commands_below(child, depth + 1, parts),
            }
        }
    }

    /// Whether a cast changes nothing that the script form knows of.
    fn casts_to_itself(&self, node: Node) -> bool {
        let name = node.named_child(0).and_then(|name| self.source.get(name.byte_range())).unwrap_or("");
        matches!(name.to_ascii_lowercase().as_str(), "[string]" | "[int]" | "[array]" | "[string[]]" | "[uri]")
    }

    /// Whether a cast makes an object with the properties of a table.
    fn casts_to_object(&self, node: Node) -> bool {
        let name = node.named_child(0).and_then(|name| self.source.get(name.byte_range())).unwrap_or("");
        let name = name.to_ascii_lowercase();
        let is_table = node.named_child(1).is_some_and(|inner| unwrapped(inner).kind() == "hash_literal_expression");
        is_table && (name.starts_with("[amazon.") || matches!(name.as_str(), "[pscustomobject]" | "[hashtable]"))
    }

    /// A table as a text, with the values that it gets.
    fn table_text(&mut self, node: Node, depth: usize) -> Vec<WordPart> {
        let range = node.byte_range();
        let made_up = |reader: &Self, text: &str, range: Range<usize>| {
            let text = Text::encoded(text, reader.span(range.clone()));
            reader.part(WordPartKind::Literal(text), range)
        };
        let mut parts = vec![made_up(self, "@{", range.clone())];
        for Element { subscript, value } in self.table(node, depth) {
            parts.extend(subscript.into_iter().flat_map(|key| key.parts));
            parts.push(made_up(self, "=", range.clone()));
            parts.extend(value.parts);
            parts.push(made_up(self, ";", range.clone()));
        }
        parts.push(made_up(self, "}", range));
        for part in &mut parts {
            part.quoted = true;
        }
        parts
    }

    /// `+`: texts one after the other, if the first is one for certain.
    fn sum(&mut self, node: Node, depth: usize) -> Vec<WordPart> {
        let mut operands = Vec::new();
        let mut left = node;
        while left.kind() == "additive_expression" && left.child_count() == 3 {
            let (Some(first), Some(operator), Some(right)) = (left.child(0), left.child(1), left.child(2)) else {
                break;
            };
            if operator.kind() != "+" {
                return self.unknown_value(node, depth);
            }
            operands.push(right);
            left = unwrapped(first);
        }
        operands.push(left);
        operands.reverse();
        let is_text = |node: &Node| unwrapped(*node).kind().contains("string");
        let of_texts = operands.first().is_some_and(|first| is_text(first) || unwrapped(*first).kind() == "variable")
            && operands.iter().any(is_text);
        if !of_texts {
            return self.unknown_value(node, depth);
        }
        let mut parts = Vec::new();
        for operand in operands {
            parts.extend(self.value(operand, depth + 1));
        }
        for part in &mut parts {
            part.quoted = true;
        }
        parts
    }

    /// `object.Name(arguments)` and `object.Name` as a command.
    pub(super) fn method_call(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let node = unwrapped(node);
        let object = node.child(0)?;
        let dot = node.child(1).filter(|dot| dot.kind() == ".")?;
        let name = node.child(2).filter(|name| unwrapped(*name).kind() == "simple_name")?;
        let name_range = dot.start_byte()..name.end_byte();
        let literal = WordPartKind::Literal(self.text.slice(name_range.clone()));
        let mut words = vec![self.word_of(vec![self.part(literal, name_range.clone())], name_range)];
        words.push(self.value_word(object, depth + 1));
        let arguments = node.child(3).and_then(|list| list.child_by_field_name("argument_expression_list"));
        if let Some(arguments) = arguments {
            let mut cursor = arguments.walk();
            let nodes: Vec<_> = arguments.named_children(&mut cursor).filter(|child| !child.is_extra()).collect();
            words.extend(nodes.into_iter().map(|node| self.value_word(node, depth + 1)));
        }
        let command = Command { words, ..Command::default() };
        Some(self.statement_of(StatementKind::Command(command), node.byte_range()))
    }

    /// The elements of a list; of anything else the value itself.
    pub(super) fn elements(&mut self, node: Node, depth: usize) -> Vec<Word> {
        let node = unwrapped(node);
        if depth > self.limits.depth {
            return vec![self.word_of(vec![self.unknown_part(node.byte_range())], node.byte_range())];
        }
        match node.kind() {
            "array_literal_expression" => {
                let mut cursor = node.walk();
                let children: Vec<_> = node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect();
                children.into_iter().map(|child| self.value_word(child, depth + 1)).collect()
            }
            "array_expression" => {
                let Some(list) = node.child_by_field_name("statements") else { return Vec::new() };
                let mut cursor = list.walk();
                let children: Vec<_> = list.named_children(&mut cursor).filter(|child| !child.is_extra()).collect();
                let statements = children.into_iter().filter(|child| child.kind() != "empty_statement");
                statements.flat_map(|child| self.elements(child, depth + 1)).collect()
            }
            "parenthesized_expression" => match inner_expression(node) {
                Some(inner) => self.elements(inner, depth + 1),
                None => vec![self.value_word(node, depth)],
            },
            _ => match self.numbers(node.byte_range()) {
                Some(range) => {
                    let part = self.part(WordPartKind::Range(range), node.byte_range());
                    vec![self.word_of(vec![part], node.byte_range())]
                }
                None => vec![self.value_word(node, depth)],
            },
        }
    }

    /// `1..3`
    pub(super) fn numbers(&self, range: Range<usize>) -> Option<NumberRange> {
        let (first, last) = self.source.get(range)?.split_once("..")?;
        Some(NumberRange { first: first.trim().parse().ok()?, last: last.trim().parse().ok()?, step: 1, width: 0 })
    }

    /// What the statement after `=` assigns.
    pub(super) fn assigned_value(&mut self, node: Node, depth: usize) -> AssignedValue {
        let mut node = unwrapped(node);
        let is_list = matches!(node.kind(), "array_literal_expression" | "array_expression");
        let cast = node.named_child(0).filter(|_| node.kind() == "cast_expression");
        let cast = cast.and_then(|name| self.source.get(name.byte_range())).map(str::to_ascii_lowercase);
        let inner = node.named_child(1).map(unwrapped).filter(|inner| inner.kind() == "hash_literal_expression");
        if let (Some("[hashtable]" | "[ordered]"), Some(table)) = (cast.as_deref(), inner) {
            node = table;
        }
        if node.kind() == "hash_literal_expression" {
            AssignedValue::Array(self.table(node, depth))
        } else if is_list || self.numbers(node.byte_range()).is_some() {
            let mut elements = self.elements(node, depth);
            elements.iter_mut().flat_map(|word| &mut word.parts).for_each(|part| part.quoted = true);
            let element = |value| Element { subscript: None, value };
            AssignedValue::Array(elements.into_iter().map(element).collect())
        } else {
            AssignedValue::Word(self.value_word(node, depth))
        }
    }

    /// `@{ name = value }`
    fn table(&mut self, node: Node, depth: usize) -> Vec<Element> {
        let Some(body) = node.named_child(0).filter(|body| body.kind() == "hash_literal_body") else {
            return Vec::new();
        };
        let mut cursor = body.walk();
        let entries: Vec<_> = body.named_children(&mut cursor).filter(|entry| entry.kind() == "hash_entry").collect();
        let mut elements = Vec::new();
        for entry in entries {
            let (Some(key), Some(value)) = (entry.named_child(0), entry.named_child(1)) else { continue };
            let inner = unwrapped(key);
            let key = if inner.kind() == "simple_name" || inner.kind() == "key_expression" {
                let literal = WordPartKind::Literal(self.text.slice(key.byte_range()));
                self.word_of(vec![self.part(literal, key.byte_range())], key.byte_range())
            } else {
                self.value_word(key, depth + 1)
            };
            elements.push(Element { subscript: Some(key), value: self.value_word(value, depth + 1) });
        }
        elements
    }

    pub(super) fn assignment_to(&self, name: Text, value: AssignedValue, range: Range<usize>) -> Assignment {
        Assignment { name, subscript: None, append: false, value, span: self.span(range) }
    }

    /// A condition as a script that succeeds when it holds.
    pub(super) fn condition(&mut self, node: Node, depth: usize) -> Script {
        Script { statements: vec![self.asked(node, depth)] }
    }

    fn asked(&mut self, node: Node, depth: usize) -> Statement {
        let node = unwrapped(node);
        let range = node.byte_range();
        if depth > self.limits.depth {
            return self.statement_of(StatementKind::Unknown(Vec::new()), range);
        }
        let kind = match node.kind() {
            "logical_expression" if node.child_count() == 3 => {
                let (first, operator, second) = (node.child(0), node.child(1), node.child(2));
                let operator = operator.map(|operator| operator.kind().to_ascii_lowercase());
                let operator = match operator.as_deref() {
                    Some("-and") => ChainOperator::And,
                    Some("-or") => ChainOperator::Or,
                    _ => return self.test(&[], node, depth),
                };
                let (Some(first), Some(second)) = (first, second) else { return self.test(&[], node, depth) };
                let first = Box::new(self.asked(first, depth + 1));
                // Without a group a chain would go on from left to right.
                let second = self.asked(second, depth + 1);
                StatementKind::Chain { first, rest: vec![(operator, second)] }
            }
            "expression_with_unary_operator" => {
                let operator = node.child(0).map(|operator| operator.kind().to_ascii_lowercase());
                let operand = node.child(1).filter(|_| matches!(operator.as_deref(), Some("!" | "-not")));
                let Some(operand) = operand else { return self.test(&[], node, depth) };
                StatementKind::Pipeline { stages: vec![self.asked(operand, depth + 1)], negated: true }
            }
            "parenthesized_expression" => match inner_expression(node) {
                Some(inner) => return self.asked(inner, depth + 1),
                None => return self.test(&[node], node, depth),
            },
            "comparison_expression" if node.child_count() == 3 => {
                let (Some(left), Some(operator), Some(right)) = (node.child(0), node.child(1), node.child(2)) else {
                    return self.test(&[], node, depth);
                };
                if unwrapped(left).kind() == "comparison_expression" {
                    return self.test(&[], node, depth);
                }
                return self.test(&[left, operator, right], node, depth);
            }
            _ => return self.test(&[node], node, depth),
        };
        self.statement_of(kind, range)
    }

    /// `[[ operands ]]`; without operands a test whose outcome is not known.
    fn test(&mut self, operands: &[Node], node: Node, depth: usize) -> Statement {
        let range = node.byte_range();
        let mut words = vec![self.made_up("[[", range.clone())];
        for operand in operands {
            if operand.kind() == "comparison_operator" {
                let operator = self.text.slice(operand.byte_range()).map_pieces(str::to_ascii_lowercase);
                let part = self.part(WordPartKind::Literal(operator), operand.byte_range());
                words.push(self.word_of(vec![part], operand.byte_range()));
            } else {
                words.push(self.value_word(*operand, depth + 1));
            }
        }
        if operands.is_empty() {
            let parts = self.unknown_value(node, depth);
            words.push(self.word_of(parts, range.clone()));
        }
        words.push(self.made_up("]]", range.clone()));
        let command = Command { words, ..Command::default() };
        self.statement_of(StatementKind::Command(command), range)
    }
}

/// The expression that stands alone in parentheses, unless commands do.
fn inner_expression(node: Node) -> Option<Node> {
    let mut cursor = node.walk();
    let mut children = node.named_children(&mut cursor).filter(|child| !child.is_extra());
    let (only, None) = (children.next()?, children.next()) else { return None };
    let inner = unwrapped(only);
    let is_statement = inner.kind() == "command"
        || inner.kind().starts_with("pipeline")
        || inner.kind().ends_with("_statement")
        || matches!(inner.kind(), "assignment_expression" | "statement_list");
    (!is_statement).then_some(inner)
}

//! From the grammar's tree to statements.

use std::ops::Range;

use tree_sitter::Node;

use super::{Reader, unwrapped};
use crate::source::Text;
use crate::syntax::script::{
    AssignedValue, Assignment, Branch, ChainOperator, Command, Script, Statement, StatementKind, Word, WordPart,
    WordPartKind,
};

/// Nodes that stand around statements and are none themselves.
const AROUND: [&str; 8] = [
    "statement_list",
    "script_block",
    "script_block_body",
    "statement_block",
    "named_block_list",
    "named_block",
    "program",
    "param_block",
];

impl Reader<'_> {
    /// The statements below `node`.
    pub(super) fn script(&mut self, node: Node, depth: usize) -> Script {
        let mut statements = Vec::new();
        self.collect(node, depth, &mut statements);
        Script { statements }
    }

    fn collect(&mut self, node: Node, depth: usize, statements: &mut Vec<Statement>) {
        if depth > self.limits.depth {
            statements.push(self.recover(node.byte_range()));
            return;
        }
        let mut cursor = node.walk();
        let children: Vec<_> = node.named_children(&mut cursor).collect();
        for child in children {
            match child.kind() {
                // Types do nothing by themselves, and what handles errors runs only when there are some.
                "comment" | "empty_statement" | "block_name" | "label" | "class_statement" | "enum_statement"
                | "trap_statement" => {}
                "background_operator" => {
                    if let Some(last) = statements.last_mut() {
                        last.background = true;
                    }
                }
                "param_block" => statements.extend(self.parameters(child, depth)),
                kind if AROUND.contains(&kind) => self.collect(child, depth + 1, statements),
                _ => statements.push(self.statement(child, depth + 1)),
            }
        }
    }

    pub(super) fn statement(&mut self, node: Node, depth: usize) -> Statement {
        let node = unwrapped(node);
        let range = node.byte_range();
        if depth > self.limits.depth || node.is_error() || node.is_missing() {
            return self.recover(range);
        }
        let found = match node.kind() {
            // The grammar takes a list of numbers for a command.
            "command" if self.numbers(range.clone()).is_none() => Some(self.command(range.clone())),
            "pipeline" => self.chain(node, depth),
            "pipeline_chain" => self.pipeline(node, depth),
            "assignment_expression" => self.assignment(node, depth),
            "flow_control_statement" => self.flow(node, depth),
            _ if is_broken(node) => None,
            "if_statement" => self.choice(node, depth),
            "foreach_statement" => self.for_each(node, depth),
            "for_statement" => self.counted(node, depth),
            "while_statement" => self.while_loop(node, depth),
            "do_statement" => self.do_loop(node, depth),
            "function_statement" => self.function(node, depth),
            "try_statement" => self.attempt(node, depth),
            "switch_statement"
            | "data_statement"
            | "inlinescript_statement"
            | "parallel_statement"
            | "sequence_statement" => None,
            _ => self.expression(node, depth),
        };
        match found {
            Some(statement) => statement,
            None => self.recover(range),
        }
    }

    /// An expression as a statement: what it gives is written, unless it is a call or a change of a variable.
    fn expression(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let range = node.byte_range();
        if node.has_error() {
            return None;
        }
        if let "post_increment_expression" | "post_decrement_expression" = node.kind() {
            let variable = unwrapped(node.child(0)?).byte_range();
            let name = self.variable_key(variable.start + 1..variable.end);
            let is_plain = name.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let sign = if node.kind().starts_with("post_increment") { '+' } else { '-' };
            let part = if is_plain {
                let sum = Text::encoded(format!("{} {sign} 1", name.as_str()), self.span(range.clone()));
                self.part(WordPartKind::Arithmetic(sum), range.clone())
            } else {
                self.unknown_part(range.clone())
            };
            let value = self.word_of(vec![part], range.clone());
            let assignment = self.assignment_to(name, AssignedValue::Word(value), range.clone());
            return Some(self.assign(assignment, range));
        }
        if node.kind() == "invokation_expression"
            && let Some(call) = self.method_call(node, depth)
        {
            return Some(call);
        }
        let mut words = vec![self.made_up("Write-Output", range.clone())];
        words.extend(self.elements(node, depth + 1));
        let command = Command { words, ..Command::default() };
        Some(self.statement_of(StatementKind::Command(command), range))
    }

    fn assign(&self, assignment: Assignment, range: Range<usize>) -> Statement {
        let command = Command { assignments: vec![assignment], ..Command::default() };
        self.statement_of(StatementKind::Command(command), range)
    }

    /// `a && b || c`
    fn chain(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let mut cursor = node.walk();
        let children: Vec<_> = node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect();
        let (first, rest) = children.split_first()?;
        let first = Box::new(self.statement(*first, depth + 1));
        let mut links = Vec::new();
        for pair in rest.chunks(2) {
            let [operator, next] = pair else { return None };
            let operator = match self.source.get(operator.byte_range())? {
                "&&" => ChainOperator::And,
                "||" => ChainOperator::Or,
                _ => return None,
            };
            links.push((operator, self.statement(*next, depth + 1)));
        }
        Some(self.statement_of(StatementKind::Chain { first, rest: links }, node.byte_range()))
    }

    fn pipeline(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let mut cursor = node.walk();
        let children: Vec<_> = node.named_children(&mut cursor).filter(|child| !child.is_extra()).collect();
        let mut stages: Vec<Statement> = Vec::new();
        for child in children {
            if child.is_error() {
                return None;
            }
            if child.kind() == "redirections" {
                let tail = self.command(child.byte_range());
                stages.last_mut()?.redirections.extend(tail.redirections);
            } else {
                stages.push(self.statement(child, depth + 1));
            }
        }
        Some(self.statement_of(StatementKind::Pipeline { stages, negated: false }, node.byte_range()))
    }

    fn assignment(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let mut left = unwrapped(node.child(0)?);
        let operator = self.source.get(node.child(1)?.byte_range())?;
        let append = operator == "+=";
        let value_node = node.child_by_field_name("value")?;
        while left.kind() == "cast_expression" {
            left = unwrapped(left.named_child(1)?);
        }
        let range = node.byte_range();
        let is_variable = matches!(left.kind(), "variable" | "braced_variable");
        let name = if is_variable {
            let written = self.source.get(left.byte_range())?;
            let skipped = if written.starts_with("${") { 2 } else { 1 };
            self.variable_key(left.start_byte() + skipped..left.end_byte() + 1 - skipped)
        } else {
            self.text.slice(left.byte_range()).map_pieces(str::to_ascii_lowercase)
        };
        let value = if left.is_error() || value_node.is_error() || !matches!(operator, "=" | "+=") {
            AssignedValue::Word(self.word_of(vec![self.unknown_part(range.clone())], range.clone()))
        } else {
            self.assigned_value(value_node, depth + 1)
        };
        if name.as_str() == "null" {
            // What is assigned to it is thrown away; what makes it still runs.
            return Some(self.assign(self.assignment_to(name, value, range.clone()), range));
        }
        if left.kind() == "element_access" {
            // An element of a table: the whole is not known any more.
            let variable = unwrapped(left.child(0)?);
            let name = self.variable_key(variable.start_byte() + 1..variable.end_byte());
            let value = AssignedValue::Word(self.word_of(vec![self.unknown_part(range.clone())], range.clone()));
            return Some(self.assign(self.assignment_to(name, value, range.clone()), range));
        }
        let mut assignment = self.assignment_to(name, value, range.clone());
        assignment.append = append;
        Some(self.assign(assignment, range))
    }

    /// `exit`, `return`, `throw`, `break`, `continue`
    fn flow(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let keyword = node.child(0)?;
        let range = node.byte_range();
        let name = self.text.slice(keyword.byte_range()).map_pieces(str::to_ascii_lowercase);
        if name.as_str() == "throw" && self.tries > 0 {
            return None;
        }
        let is_loop = matches!(name.as_str(), "break" | "continue");
        let returns = name.as_str() == "return";
        let part = self.part(WordPartKind::Literal(name), keyword.byte_range());
        let mut words = vec![self.word_of(vec![part], keyword.byte_range())];
        let value = node.named_child(0).filter(|_| !is_loop);
        if let (Some(value), true) = (value, returns) {
            // What is returned is written.
            let leave =
                self.statement_of(StatementKind::Command(Command { words, ..Command::default() }), range.clone());
            let statements = vec![self.statement(value, depth + 1), leave];
            return Some(self.statement_of(StatementKind::Group(Script { statements }), range));
        }
        if let Some(value) = value {
            words.push(self.value_word(value, depth + 1));
        }
        Some(self.statement_of(StatementKind::Command(Command { words, ..Command::default() }), range))
    }

    fn block(&mut self, node: Node, depth: usize) -> Script {
        child_of(node, "statement_block").map_or_else(Script::default, |block| self.script(block, depth + 1))
    }

    fn choice(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let condition = self.condition(node.child_by_field_name("condition")?, depth + 1);
        let mut branches = vec![Branch { condition, body: self.block(node, depth) }];
        if let Some(clauses) = node.child_by_field_name("elseif_clauses") {
            let mut cursor = clauses.walk();
            let clauses: Vec<_> = clauses.named_children(&mut cursor).collect();
            for clause in clauses.into_iter().filter(|clause| clause.kind() == "elseif_clause") {
                let condition = self.condition(clause.child_by_field_name("condition")?, depth + 1);
                branches.push(Branch { condition, body: self.block(clause, depth) });
            }
        }
        let otherwise = node.child_by_field_name("else_clause").map(|clause| self.block(clause, depth));
        Some(self.statement_of(StatementKind::If { branches, otherwise }, node.byte_range()))
    }

    fn for_each(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let variable = child_of(node, "variable")?;
        let list = child_of(node, "pipeline")?;
        let mut words = self.elements(list, depth + 1);
        for part in words.iter_mut().flat_map(|word| &mut word.parts) {
            all_elements(part);
        }
        let variable = self.variable_key(variable.start_byte() + 1..variable.end_byte());
        let kind = StatementKind::For { variable, words: Some(words), body: self.block(node, depth) };
        Some(self.statement_of(kind, node.byte_range()))
    }

    fn counted(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let condition = node.child_by_field_name("for_condition")?;
        let mut body = self.block(node, depth);
        if let Some(iterator) = node.child_by_field_name("for_iterator") {
            body.statements.push(self.statement(iterator, depth + 1));
        }
        let condition = self.condition(condition, depth + 1);
        let repeated = self.statement_of(StatementKind::While { condition, until: false, body }, node.byte_range());
        let first = node.child_by_field_name("for_initializer").map(|first| self.statement(first, depth + 1));
        let statements = first.into_iter().chain([repeated]).collect();
        Some(self.statement_of(StatementKind::Group(Script { statements }), node.byte_range()))
    }

    fn while_loop(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let condition = self.condition(node.child_by_field_name("condition")?, depth + 1);
        let kind = StatementKind::While { condition, until: false, body: self.block(node, depth) };
        Some(self.statement_of(kind, node.byte_range()))
    }

    fn do_loop(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let mut cursor = node.walk();
        let until = node.children(&mut cursor).any(|child| child.kind().eq_ignore_ascii_case("until"));
        let condition = self.condition(node.child_by_field_name("condition")?, depth + 1);
        let body = self.block(node, depth);
        let mut statements = body.statements.clone();
        statements.push(self.statement_of(StatementKind::While { condition, until, body }, node.byte_range()));
        Some(self.statement_of(StatementKind::Group(Script { statements }), node.byte_range()))
    }

    fn function(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let name = child_of(node, "function_name")?;
        let mut body = Script::default();
        if let Some(declared) = child_of(node, "function_parameter_declaration") {
            body.statements.extend(self.parameters(declared, depth));
        }
        if let Some(block) = child_of(node, "script_block") {
            let tries = std::mem::take(&mut self.tries);
            self.collect(block, depth + 1, &mut body.statements);
            self.tries = tries;
        }
        let body = Box::new(self.statement_of(StatementKind::Group(body), node.byte_range()));
        let name = self.text.slice(name.byte_range()).map_pieces(str::to_ascii_lowercase);
        Some(self.statement_of(StatementKind::Function { name, body }, node.byte_range()))
    }

    /// The declarations of `param (…)`; nothing when there are none.
    fn parameters(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let list = child_of(node, "parameter_list")?;
        let mut cursor = list.walk();
        let parameters: Vec<_> = list.named_children(&mut cursor).collect();
        let mut command = Command { words: vec![self.made_up("param", node.byte_range())], ..Command::default() };
        for parameter in parameters.into_iter().filter(|parameter| parameter.kind() == "script_parameter") {
            let Some(variable) = child_of(parameter, "variable") else { continue };
            let default = child_of(parameter, "script_parameter_default").and_then(|default| default.named_child(0));
            let value = match default {
                Some(default) => self.assigned_value(default, depth + 1),
                None => AssignedValue::Word(Word { parts: Vec::new(), span: self.span(variable.byte_range()) }),
            };
            let name = self.variable_key(variable.start_byte() + 1..variable.end_byte());
            command.declarations.push(self.assignment_to(name, value, parameter.byte_range()));
        }
        Some(self.statement_of(StatementKind::Command(command), node.byte_range()))
    }

    /// `try … catch … finally …`: what is caught runs when the last of what is tried fails.
    fn attempt(&mut self, node: Node, depth: usize) -> Option<Statement> {
        let catches = child_of(node, "catch_clauses");
        self.tries += usize::from(catches.is_some());
        let body = self.block(node, depth);
        self.tries -= usize::from(catches.is_some());
        let range = node.byte_range();
        let mut tried = self.statement_of(StatementKind::Group(body), range.clone());
        if let Some(catches) = catches {
            let mut cursor = catches.walk();
            let clauses: Vec<_> = catches.named_children(&mut cursor).collect();
            let clauses: Vec<_> = clauses.into_iter().filter(|clause| clause.kind() == "catch_clause").collect();
            // Which of several clauses fits the error is not known.
            let [clause] = clauses.as_slice() else { return None };
            let caught = StatementKind::Group(self.block(*clause, depth));
            let caught = self.statement_of(caught, clause.byte_range());
            let kind = StatementKind::Chain { first: Box::new(tried), rest: vec![(ChainOperator::Or, caught)] };
            tried = self.statement_of(kind, range.clone());
        }
        let Some(last) = child_of(node, "finally_clause") else { return Some(tried) };
        let mut statements = vec![tried];
        statements.extend(self.block(last, depth).statements);
        Some(self.statement_of(StatementKind::Group(Script { statements }), range))
    }
}

/// Makes a variable in a list stand for all its elements, each by itself.
fn all_elements(part: &mut WordPart) {
    let span = part.span;
    if part.quoted {
        return;
    }
    part.quoted = true;
    if let WordPartKind::Parameter(parameter) = &mut part.kind {
        let all = WordPartKind::Literal(Text::encoded("@", span));
        let parts = vec![WordPart { kind: all, quoted: true, span }];
        parameter.subscript = (parameter.name.as_str() != "@").then_some(Word { parts, span });
    }
}

fn child_of<'a>(node: Node<'a>, kind: &str) -> Option<Node<'a>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).find(|child| child.kind() == kind)
}

/// Whether the grammar failed among the parts of a statement themselves, not below them.
fn is_broken(node: Node) -> bool {
    let mut cursor = node.walk();
    node.has_error() && node.children(&mut cursor).any(|child| child.is_error() || child.is_missing())
}

//! From the grammar's tree to statements.

use tree_sitter::Node;

use super::Reader;
use crate::syntax::script::{
    Branch, CaseArm, CaseNext, ChainOperator, Redirection, Script, Statement, StatementKind, Word,
};

impl Reader<'_> {
    /// The statements among the children of `node`.
    pub(super) fn script(&mut self, node: Node, depth: usize) -> Script {
        let mut cursor = node.walk();
        let children: Vec<_> = node.children(&mut cursor).collect();
        self.statements(&children, depth)
    }

    /// The statements of a skeleton that is plain.
    pub(super) fn plain_script(&mut self, skeleton: &[u8]) -> Script {
        let mut statements = Vec::new();
        let mut at = 0;
        for line in skeleton.split(|byte| *byte == b'\n') {
            let command = line.trim_ascii_start();
            let start = at + line.len() - command.len();
            let range = start..start + command.trim_ascii_end().len();
            at += line.len() + 1;
            if !range.is_empty() {
                let negation = self.scanner.negations.remove(&range.start);
                let statement = self.simple_command(range.clone());
                statements.push(self.negated(statement, negation, range.end));
            }
        }
        Script { statements }
    }

    fn statements(&mut self, nodes: &[Node], depth: usize) -> Script {
        let mut statements: Vec<Statement> = Vec::new();
        for node in nodes {
            if node.is_named() && !node.is_missing() {
                statements.push(self.statement(*node, depth));
            } else if node.kind() == "&"
                && let Some(last) = statements.last_mut()
            {
                last.background = true;
            }
        }
        Script { statements }
    }

    fn statement(&mut self, node: Node, depth: usize) -> Statement {
        let range = node.byte_range();
        if depth > self.limits.depth {
            return self.recover(range);
        }
        // A chain and a redirection begin where their first part begins, to which the `!` belongs.
        let negation = match node.kind() {
            "list" | "redirected_statement" => None,
            _ => self.scanner.negations.remove(&range.start),
        };
        let statement = self.positive_statement(node, depth);
        self.negated(statement, negation, range.end)
    }

    /// The statement that ends at `end`, negated if there is a place of the `!`.
    fn negated(&self, statement: Statement, negation: Option<usize>, end: usize) -> Statement {
        let Some(start) = negation else { return statement };
        let stages = match statement.kind {
            StatementKind::Pipeline { stages, negated: false } => stages,
            _ => vec![statement],
        };
        self.statement_of(StatementKind::Pipeline { stages, negated: true }, start..end)
    }

    fn positive_statement(&mut self, node: Node, depth: usize) -> Statement {
        let range = node.byte_range();
        if is_incomplete(node) {
            return self.recover(range);
        }
        let kind = match node.kind() {
            "command" | "variable_assignment" | "variable_assignments" => return self.simple_command(range),
            "redirected_statement" => return self.redirected(node, depth),
            "pipeline" => {
                let Script { statements: stages } = self.script(node, depth + 1);
                StatementKind::Pipeline { stages, negated: false }
            }
            "list" => self.chain(node, depth),
            "if_statement" => self.choice(node, depth),
            "for_statement" => match self.for_loop(node, depth) {
                Some(kind) => kind,
                None => return self.recover(range),
            },
            "while_statement" => {
                let (condition, body) = self.condition_and_body(node, depth);
                StatementKind::While {
                    condition,
                    until: node.child(0).is_some_and(|word| word.kind() == "until"),
                    body,
                }
            }
            "case_statement" => match self.case(node, depth) {
                Some(kind) => kind,
                None => return self.recover(range),
            },
            "function_definition" => match self.function(node, depth) {
                Some(kind) => kind,
                None => return self.recover(range),
            },
            "compound_statement" | "do_group" => StatementKind::Group(self.script(node, depth + 1)),
            "subshell" => StatementKind::Subshell(self.script(node, depth + 1)),
            _ => return self.recover(range),
        };
        self.statement_of(kind, range)
    }

    /// A compound command with redirections. Those of a pipeline or chain belong to its last command.
    fn redirected(&mut self, node: Node, depth: usize) -> Statement {
        let Some(body) = node.child_by_field_name("body").filter(|body| body.kind() != "command") else {
            return self.simple_command(node.byte_range());
        };
        let mut statement = self.statement(body, depth + 1);
        let tail = self.simple_command(body.end_byte()..node.end_byte());
        statement.span = self.span(node.byte_range());
        redirect(&mut statement, tail.redirections);
        statement
    }

    /// `a && b || c`: the grammar nests to the left, as deep as the chain is long.
    fn chain(&mut self, node: Node, depth: usize) -> StatementKind {
        let mut links = Vec::new();
        let mut left = node;
        while left.kind() == "list" {
            let (Some(first), Some(operator), Some(right)) = (left.child(0), left.child(1), left.child(2)) else {
                break;
            };
            let operator = if operator.kind() == "&&" { ChainOperator::And } else { ChainOperator::Or };
            links.push((operator, right));
            left = first;
        }
        let first = Box::new(self.statement(left, depth + 1));
        let rest =
            links.into_iter().rev().map(|(operator, node)| (operator, self.statement(node, depth + 1))).collect();
        StatementKind::Chain { first, rest }
    }

    fn choice(&mut self, node: Node, depth: usize) -> StatementKind {
        let mut branches = Vec::new();
        let mut otherwise = None;
        let (condition, body) = self.condition_and_body(node, depth);
        branches.push(Branch { condition, body });
        let mut cursor = node.walk();
        let clauses: Vec<_> = node.named_children(&mut cursor).collect();
        for clause in clauses {
            match clause.kind() {
                "elif_clause" => {
                    let (condition, body) = self.condition_and_body(clause, depth);
                    branches.push(Branch { condition, body });
                }
                "else_clause" => otherwise = Some(self.script(clause, depth + 1)),
                _ => {}
            }
        }
        StatementKind::If { branches, otherwise }
    }

    /// What stands before and after `then` or `do`, other clauses excepted.
    fn condition_and_body(&mut self, node: Node, depth: usize) -> (Script, Script) {
        let mut cursor = node.walk();
        let children: Vec<_> = node.children(&mut cursor).collect();
        let is_body = |node: &Node| matches!(node.kind(), "then" | "do_group");
        let middle = children.iter().position(is_body).unwrap_or(children.len());
        let (before, after) = children.split_at(middle);
        let condition = self.statements(before, depth + 1);
        let body = match after.first() {
            Some(group) if group.is_named() => self.script(*group, depth + 1),
            _ => {
                let is_clause = |node: &&Node| matches!(node.kind(), "elif_clause" | "else_clause");
                let own: Vec<_> = after.iter().filter(|node| !is_clause(node)).copied().collect();
                self.statements(&own, depth + 1)
            }
        };
        (condition, body)
    }

    fn for_loop(&mut self, node: Node, depth: usize) -> Option<StatementKind> {
        let variable = node.child_by_field_name("variable")?.byte_range();
        let body = self.script(node.child_by_field_name("body")?, depth + 1);
        if self.source.get(variable.clone())?.starts_with("((") {
            let header = self.text.slice(variable.start + 2..variable.end - 2);
            return Some(StatementKind::ForArithmetic { header, body });
        }
        let mut cursor = node.walk();
        let has_list = node.children(&mut cursor).any(|child| child.kind() == "in");
        // The scanner shows the words as one.
        let list = node.child_by_field_name("value").map_or(0..0, |value| value.byte_range());
        let words = self.words(list);
        Some(StatementKind::For { variable: self.text.slice(variable), words: has_list.then_some(words), body })
    }

    fn field_words(&mut self, node: Node, field: &str) -> Vec<Word> {
        let mut cursor = node.walk();
        let nodes: Vec<_> = node.children_by_field_name(field, &mut cursor).collect();
        nodes.iter().map(|node| self.word(node.byte_range())).collect()
    }

    fn case(&mut self, node: Node, depth: usize) -> Option<StatementKind> {
        let subject = node.child_by_field_name("value")?.byte_range();
        let subject = self.word(subject);
        let mut cursor = node.walk();
        let items: Vec<_> = node.named_children(&mut cursor).filter(|item| item.kind() == "case_item").collect();
        let arms = items.into_iter().map(|item| self.case_arm(item, depth)).collect();
        Some(StatementKind::Case { subject, arms })
    }

    fn case_arm(&mut self, item: Node, depth: usize) -> CaseArm {
        let patterns = self.field_words(item, "value");
        let mut cursor = item.walk();
        let children: Vec<_> = item.children(&mut cursor).collect();
        let after_patterns = children.iter().position(|child| child.kind() == ")").map_or(0, |at| at + 1);
        let body = self.statements(&children[after_patterns..], depth + 1);
        let next = match children.last().map(Node::kind) {
            Some(";&") => CaseNext::FallThrough,
            Some(";;&") => CaseNext::Continue,
            _ => CaseNext::Leave,
        };
        CaseArm { patterns, body, next }
    }

    fn function(&mut self, node: Node, depth: usize) -> Option<StatementKind> {
        let name = self.text.slice(node.child_by_field_name("name")?.byte_range());
        let body = node.child_by_field_name("body")?;
        let mut statement = self.statement(body, depth + 1);
        statement.redirections.extend(self.simple_command(body.end_byte()..node.end_byte()).redirections);
        Some(StatementKind::Function { name, body: Box::new(statement) })
    }
}

/// Redirects a statement; of a pipeline or chain its last command.
fn redirect(statement: &mut Statement, redirections: Vec<Redirection>) {
    match &mut statement.kind {
        StatementKind::Pipeline { stages, .. } => {
            if let Some(last) = stages.last_mut() {
                redirect(last, redirections);
            }
        }
        StatementKind::Chain { rest, .. } => {
            if let Some((_, last)) = rest.last_mut() {
                redirect(last, redirections);
            }
        }
        _ => statement.redirections.extend(redirections),
    }
}

/// Whether the grammar made up a closing word. A shell runs nothing of a compound command that is not closed.
fn is_incomplete(node: Node) -> bool {
    let mut cursor = node.walk();
    node.has_error()
        && node
            .children(&mut cursor)
            .any(|child| child.is_missing() || (child.kind() == "do_group" && is_incomplete(child)))
}

//! The parser's tree to ours.
//!
//! The recursion here follows the parser's own tree, whose depth the parser bounds: 64 nested expressions, blocks
//! and templates, and 128 binary operators on any path.

use std::ops::Range;
use std::sync::Arc;

use hcl::edit::Span as ParsedSpan;
use hcl::edit::expr as parsed;
use hcl::edit::structure::{Body as ParsedBody, Structure};
use hcl::edit::{Decorated, Ident};

use super::ast::{
    Attribute, BinaryOperator, Block, Body, Call, Conditional, Expression, ExpressionKind, ForExpression, Name,
    ObjectItem, Traversal, TraversalStep, UnaryOperator,
};
use super::reader::{Escapes, Reader};
use super::template::Style;

/// Lowers trees of one text.
pub(super) struct Lowering<'a> {
    pub(super) reader: &'a Reader<'a>,
}

/// The range of the parser's input that `node` was parsed from. The parser gives one to every node that is asked.
pub(super) fn range_of(node: &impl ParsedSpan) -> Range<usize> {
    node.span().unwrap_or_default()
}

impl Lowering<'_> {
    /// The body whose content stands in `content`, a range of the text.
    pub(super) fn body(&self, parsed: &ParsedBody, content: Range<usize>) -> Body {
        let mut body = Body { attributes: Vec::new(), blocks: Vec::new(), span: self.reader.span(content) };
        for structure in parsed {
            match structure {
                Structure::Attribute(attribute) => {
                    let name = self.name(&attribute.key);
                    let value = self.expression(&attribute.value);
                    let span = name.span.to(value.span);
                    body.attributes.push(Attribute { name, value, span });
                }
                Structure::Block(block) => body.blocks.push(self.block(block)),
            }
        }
        body
    }

    fn block(&self, parsed: &hcl::edit::structure::Block) -> Block {
        let kind = self.name(&parsed.ident);
        let labels: Vec<Name> = parsed
            .labels
            .iter()
            .map(|label| {
                let range = self.reader.absolute(&range_of(label));
                let text = if label.is_ident() {
                    self.reader.slice(range.clone()).into()
                } else {
                    self.reader.literal(range.start + 1..range.end - 1, Escapes::Quoted).as_str().into()
                };
                Name { text, span: self.reader.span(range) }
            })
            .collect();
        let range = self.reader.absolute(&range_of(parsed));
        let header = labels.last().map_or(kind.span, |label| kind.span.to(label.span));
        let content_start = match parsed.body.span() {
            Some(content) => self.reader.absolute(&content).start,
            // A block on one line has no span of its own for its content.
            None => {
                let last_word = parsed.labels.last().map_or_else(|| range_of(&parsed.ident), range_of);
                let head_end = self.reader.absolute(&last_word).end;
                self.reader.slice(head_end..range.end).find('{').map_or(range.start, |brace| head_end + brace + 1)
            }
        };
        let body = self.body(&parsed.body, content_start..range.end.saturating_sub(1).max(content_start));
        Block { kind, labels, body, header, span: self.reader.span(range) }
    }

    /// An identifier.
    pub(super) fn name(&self, parsed: &Decorated<Ident>) -> Name {
        let range = self.reader.absolute(&range_of(parsed));
        Name { text: self.reader.slice(range.clone()).into(), span: self.reader.span(range) }
    }

    /// An expression.
    pub(super) fn expression(&self, parsed: &parsed::Expression) -> Expression {
        let range = self.reader.absolute(&range_of(parsed));
        Expression { kind: self.kind(parsed, range.clone()), span: self.reader.span(range) }
    }

    fn boxed(&self, parsed: &parsed::Expression) -> Box<Expression> {
        Box::new(self.expression(parsed))
    }

    fn kind(&self, expression: &parsed::Expression, range: Range<usize>) -> ExpressionKind {
        match expression {
            parsed::Expression::Null(_) => ExpressionKind::Null,
            parsed::Expression::Bool(value) => ExpressionKind::Bool(*value.value()),
            parsed::Expression::Number(number) => ExpressionKind::Number(number.value().as_f64().unwrap_or(f64::NAN)),
            parsed::Expression::String(_) => {
                ExpressionKind::Literal(self.reader.literal(within_quotes(&range), Escapes::Quoted))
            }
            parsed::Expression::StringTemplate(template) => {
                self.template_expression(template, Style::Quoted, within_quotes(&range))
            }
            parsed::Expression::HeredocTemplate(heredoc) => {
                let indented = self.reader.slice(range).starts_with("<<-");
                let style = if indented { Style::Indented } else { Style::Lines };
                let content = self.reader.absolute(&range_of(&heredoc.template));
                self.template_expression(&heredoc.template, style, content)
            }
            parsed::Expression::Array(array) => {
                ExpressionKind::Array(array.iter().map(|element| self.expression(element)).collect())
            }
            parsed::Expression::Object(object) => ExpressionKind::Object(self.items(object)),
            parsed::Expression::Variable(_) => ExpressionKind::Variable(Name {
                text: self.reader.slice(range.clone()).into(),
                span: self.reader.span(range),
            }),
            parsed::Expression::Parenthesis(inner) => ExpressionKind::Parenthesis(self.boxed(inner.inner())),
            parsed::Expression::Conditional(conditional) => ExpressionKind::Conditional(Box::new(Conditional {
                condition: self.expression(&conditional.cond_expr),
                when_true: self.expression(&conditional.true_expr),
                when_false: self.expression(&conditional.false_expr),
            })),
            parsed::Expression::FuncCall(call) => ExpressionKind::Call(Box::new(self.call(call))),
            parsed::Expression::Traversal(traversal) => ExpressionKind::Traversal(Box::new(self.traversal(traversal))),
            parsed::Expression::UnaryOp(operation) => {
                let operator = match operation.operator.value() {
                    parsed::UnaryOperator::Neg => UnaryOperator::Negate,
                    parsed::UnaryOperator::Not => UnaryOperator::Not,
                };
                ExpressionKind::Unary(operator, self.boxed(&operation.expr))
            }
            parsed::Expression::BinaryOp(operation) => ExpressionKind::Binary(
                binary_operator(*operation.operator.value()),
                self.boxed(&operation.lhs_expr),
                self.boxed(&operation.rhs_expr),
            ),
            parsed::Expression::ForExpr(repeated) => ExpressionKind::For(Box::new(ForExpression {
                key_name: repeated.intro.key_var.as_ref().map(|name| self.name(name)),
                value_name: self.name(&repeated.intro.value_var),
                collection: self.expression(&repeated.intro.collection_expr),
                key: repeated.key_expr.as_ref().map(|key| self.expression(key)),
                value: self.expression(&repeated.value_expr),
                groups: repeated.grouping,
                condition: repeated.cond.as_ref().map(|condition| self.expression(&condition.expr)),
            })),
        }
    }

    fn items(&self, object: &parsed::Object) -> Vec<ObjectItem> {
        let key = |key: &parsed::ObjectKey| match key {
            parsed::ObjectKey::Ident(_) => {
                let range = self.reader.absolute(&range_of(key));
                let text = self.reader.literal(range.clone(), Escapes::Markers);
                Expression { kind: ExpressionKind::Literal(text), span: self.reader.span(range) }
            }
            parsed::ObjectKey::Expression(expression) => self.expression(expression),
        };
        object.iter().map(|(name, value)| ObjectItem { key: key(name), value: self.expression(value.expr()) }).collect()
    }

    fn call(&self, parsed: &parsed::FuncCall) -> Call {
        let last = self.name(&parsed.name.name);
        let name = match parsed.name.namespace.first() {
            None => last,
            Some(first) => {
                let parts: Vec<Arc<str>> =
                    parsed.name.namespace.iter().map(|part| self.name(part).text).chain([last.text]).collect();
                Name { text: parts.join("::").into(), span: self.name(first).span.to(last.span) }
            }
        };
        let arguments = parsed.args.iter().map(|argument| self.expression(argument)).collect();
        Call { name, arguments, expands_last: parsed.args.expand_final() }
    }

    fn traversal(&self, parsed: &parsed::Traversal) -> Traversal {
        let step = |operator: &Decorated<parsed::TraversalOperator>| {
            let step = match operator.value() {
                parsed::TraversalOperator::AttrSplat(_) => TraversalStep::AttributeSplat,
                parsed::TraversalOperator::FullSplat(_) => TraversalStep::FullSplat,
                parsed::TraversalOperator::GetAttr(name) => TraversalStep::Attribute(self.name(name)),
                parsed::TraversalOperator::Index(index) => TraversalStep::Index(self.expression(index)),
                parsed::TraversalOperator::LegacyIndex(index) => {
                    let range = self.reader.absolute(&range_of(index));
                    let number = self.reader.slice(range.clone()).parse().unwrap_or(f64::NAN);
                    TraversalStep::Index(Expression {
                        kind: ExpressionKind::Number(number),
                        span: self.reader.span(range),
                    })
                }
            };
            (step, self.reader.span(self.reader.absolute(&range_of(operator))))
        };
        Traversal { base: self.expression(&parsed.expr), steps: parsed.operators.iter().map(step).collect() }
    }
}

fn within_quotes(range: &Range<usize>) -> Range<usize> {
    range.start + 1..range.end.saturating_sub(1).max(range.start + 1)
}

fn binary_operator(parsed: parsed::BinaryOperator) -> BinaryOperator {
    match parsed {
        parsed::BinaryOperator::Or => BinaryOperator::Or,
        parsed::BinaryOperator::And => BinaryOperator::And,
        parsed::BinaryOperator::Eq => BinaryOperator::Equal,
        parsed::BinaryOperator::NotEq => BinaryOperator::NotEqual,
        parsed::BinaryOperator::Less => BinaryOperator::Less,
        parsed::BinaryOperator::LessEq => BinaryOperator::LessOrEqual,
        parsed::BinaryOperator::Greater => BinaryOperator::Greater,
        parsed::BinaryOperator::GreaterEq => BinaryOperator::GreaterOrEqual,
        parsed::BinaryOperator::Plus => BinaryOperator::Add,
        parsed::BinaryOperator::Minus => BinaryOperator::Subtract,
        parsed::BinaryOperator::Mul => BinaryOperator::Multiply,
        parsed::BinaryOperator::Div => BinaryOperator::Divide,
        parsed::BinaryOperator::Mod => BinaryOperator::Modulo,
    }
}

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
        // Trees of a whole estate stay in memory, so nothing larger than needed is reserved.
        let (attributes, blocks) = (parsed.attributes().count(), parsed.blocks().count());
        let mut body = Body {
            attributes: Vec::with_capacity(attributes),
            blocks: Vec::with_capacity(blocks),
            span: self.reader.span(content),
        };
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
        let content_start = if let Some(content) = parsed.body.span() {
            self.reader.absolute(&content).start
        } else {
            // A block on one line has no span of its own for its content.
            let last_word = parsed.labels.last().map_or_else(|| range_of(&parsed.ident), range_of);
            let head_end = self.reader.absolute(&last_word).end;
            self.reader.slice(head_end..range.end).find('{').map_or(range.start, |brace| head_end + brace + 1)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Limits, SourceFile, Text};
    use crate::syntax::hcl::{parse, parse_expression};

    fn file(source: &str) -> SourceFile {
        SourceFile::new(FileId(0), "a.tf", source.into())
    }

    fn expression(source: &str) -> Expression {
        parse_expression(&Text::verbatim(source, file(source).span(0..source.len()))).unwrap()
    }

    #[test]
    fn blocks_have_headers_and_contents() {
        let file =
            file("# x\nresource aws_instance \"w\\\"b\" { # {\n  a = 1 # one\n}\nterraform { b = 2 }\nempty {}\n");
        let body = parse(&file, &Limits::default()).body;
        let [resource, terraform, empty] = body.blocks.as_slice() else { panic!("{body:?}") };
        assert_eq!(file.slice(resource.header), "resource aws_instance \"w\\\"b\"");
        assert_eq!(resource.labels.iter().map(|label| &*label.text).collect::<Vec<_>>(), ["aws_instance", "w\"b"]);
        assert_eq!(file.slice(resource.labels[1].span), "\"w\\\"b\"");
        assert!(file.slice(resource.span).ends_with('}'));
        assert_eq!(file.slice(resource.body.span), "\n  a = 1 # one\n");
        assert_eq!(file.slice(resource.body.attributes[0].span), "a = 1");
        assert_eq!(file.slice(terraform.body.span), " b = 2 ");
        assert_eq!(file.slice(terraform.body.attributes[0].span), "b = 2");
        assert_eq!(file.slice(terraform.header), "terraform");
        assert!(empty.body.span.range().is_empty());
    }

    #[test]
    fn traversals_have_a_span_for_each_step() {
        let source = "aws_instance.web.0.ips[*].x[var.i].*.y";
        let ExpressionKind::Traversal(traversal) = expression(source).kind else { panic!() };
        let steps: Vec<_> = traversal.steps.iter().map(|(_, span)| &source[span.range()]).collect();
        assert_eq!(steps, [".web", ".0", ".ips", "[*]", ".x", "[var.i]", ".*", ".y"]);
        assert!(
            matches!(&traversal.steps[1].0, TraversalStep::Index(index) if index.kind == ExpressionKind::Number(0.0))
        );
        assert_eq!(traversal.steps[3].0, TraversalStep::FullSplat);
        assert_eq!(traversal.steps[6].0, TraversalStep::AttributeSplat);
        assert_eq!(&source[traversal.base.span.range()], "aws_instance");
    }

    #[test]
    fn keys_of_objects_are_texts_or_expressions() {
        let source = "{ a = 1, \"b\" : 2, (c) = 3, \"x-${d}\" = 4\n true = 5 }";
        let ExpressionKind::Object(items) = expression(source).kind else { panic!() };
        let kinds: Vec<_> = items.iter().map(|item| &item.key.kind).collect();
        assert!(matches!(kinds[0], ExpressionKind::Literal(text) if text.as_str() == "a"));
        assert!(matches!(kinds[1], ExpressionKind::Literal(text) if text.as_str() == "b"));
        assert!(matches!(kinds[2], ExpressionKind::Parenthesis(_)));
        assert!(matches!(kinds[3], ExpressionKind::Template(_)));
        assert_eq!(&source[items[3].key.span.range()], "\"x-${d}\"");
    }

    #[test]
    fn operators_bind_as_in_hcl() {
        let source = "!a && b == 1 + 2 * -c || d ? e : f(g...)";
        let ExpressionKind::Conditional(conditional) = expression(source).kind else { panic!() };
        let ExpressionKind::Binary(BinaryOperator::Or, left, _) = &conditional.condition.kind else { panic!() };
        assert_eq!(&source[left.span.range()], "!a && b == 1 + 2 * -c");
        let ExpressionKind::Binary(BinaryOperator::And, not, equal) = &left.kind else { panic!() };
        assert!(matches!(not.kind, ExpressionKind::Unary(UnaryOperator::Not, _)));
        let ExpressionKind::Binary(BinaryOperator::Equal, _, sum) = &equal.kind else { panic!() };
        let ExpressionKind::Binary(BinaryOperator::Add, _, product) = &sum.kind else { panic!() };
        assert_eq!(&source[product.span.range()], "2 * -c");
        let ExpressionKind::Call(call) = &conditional.when_false.kind else { panic!() };
        assert!(call.expands_last);
    }

    #[test]
    fn loops_and_functions_keep_their_names() {
        let ExpressionKind::For(repeated) = expression("{ for k, v in x : k => v... if v }").kind else { panic!() };
        assert_eq!(repeated.key_name.as_ref().map(|name| &*name.text), Some("k"));
        assert!(repeated.groups && repeated.key.is_some() && repeated.condition.is_some());
        let ExpressionKind::For(repeated) = expression("[for v in x : v]").kind else { panic!() };
        assert!(!repeated.groups && repeated.key.is_none() && repeated.key_name.is_none());
        let ExpressionKind::Call(call) = expression("provider::aws::arn_parse(a)").kind else { panic!() };
        assert_eq!(&*call.name.text, "provider::aws::arn_parse");
        assert_eq!(call.name.span.range(), 0..24);
    }

    #[test]
    fn numbers_are_read() {
        for (source, number) in [("1", 1.0), ("-2.5", -2.5), ("1e3", 1000.0), ("0.5E-1", 0.05)] {
            assert_eq!(expression(source).kind, ExpressionKind::Number(number), "{source}");
        }
    }
}

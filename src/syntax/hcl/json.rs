//! The JSON syntax of Terraform and Packer to the tree of the native one: `*.tf.json`, `*.pkr.json` and the files of
//! variables.
//!
//! Which properties are blocks is known for the top level and for `dynamic` only. Elsewhere objects and arrays stay
//! expressions: whoever reads a nested block has to accept both.

use super::ast::{Attribute, Block, Body, Expression, ExpressionKind, Name, ObjectItem};
use super::template::literal_if_constant;
use super::{parse_expression, parse_template};
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, Span, Text};
use crate::syntax::tree::{Entry, Node, NodeKind, ScalarStyle};

/// The property that HCL's JSON syntax keeps for comments.
const COMMENT: &str = "//";

/// The deepest nesting that is followed in a variables file, which has no limits of its own.
const DEEPEST_VARIABLES: usize = 200;

/// How the strings of an expression are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strings {
    Templates,
    Literals,
    /// As the source of an expression: types and iterators.
    Expressions,
}

/// The body of a `*.tf.json` or `*.pkr.json` file, whose tree is `root`.
#[must_use]
pub fn from_json(root: &Node, limits: &Limits) -> (Body, Vec<Problem>) {
    let mut reader = JsonReader { problems: Vec::new(), deepest: limits.depth };
    let mut body = empty_body(root.span);
    for object in reader.objects(root) {
        for Entry { key, value } in object {
            let Some(name) = reader.name(key) else { continue };
            let labels = match &*name.text {
                COMMENT => continue,
                "resource" | "data" | "ephemeral" | "source" => 2,
                "variable" | "output" | "module" | "provider" | "check" | "local" => 1,
                "locals" | "terraform" | "moved" | "import" | "removed" | "variables" | "build" | "packer" => 0,
                _ => {
                    body.attributes.push(reader.attribute(name, value, Strings::Templates, 1));
                    continue;
                }
            };
            reader.blocks(&name, &mut Vec::new(), labels, value, &mut body.blocks);
        }
    }
    reader.problems.truncate(limits.problems_per_file);
    (body, reader.problems)
}

/// The body of a `*.tfvars.json` or `*.pkrvars.json` file, whose tree is `root`: each property is an attribute, and strings are literal.
#[must_use]
pub fn variables_from_json(root: &Node) -> (Body, Vec<Problem>) {
    let mut reader = JsonReader { problems: Vec::new(), deepest: DEEPEST_VARIABLES };
    let mut body = empty_body(root.span);
    for object in reader.objects(root) {
        for Entry { key, value } in object {
            if let Some(name) = reader.name(key).filter(|name| &*name.text != COMMENT) {
                body.attributes.push(reader.attribute(name, value, Strings::Literals, 1));
            }
        }
    }
    (body, reader.problems)
}

fn empty_body(span: Span) -> Body {
    Body { attributes: Vec::new(), blocks: Vec::new(), span }
}

struct JsonReader {
    problems: Vec<Problem>,
    /// The deepest nesting of arrays and objects that is followed.
    deepest: usize,
}

impl JsonReader {
    fn problem(&mut self, code: ProblemCode, span: Span, message: &str) {
        self.problems.push(Problem::error(code, span, message));
    }

    /// The object that `node` is, or the objects that it lists.
    fn objects<'a>(&mut self, node: &'a Node) -> Vec<&'a [Entry]> {
        let nodes = match &node.kind {
            NodeKind::Sequence(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut objects = Vec::new();
        for node in nodes {
            match &node.kind {
                NodeKind::Mapping(entries) => objects.push(entries.as_slice()),
                _ => self.problem(ProblemCode::Syntax, node.span, "an object (`{ … }`) is expected here"),
            }
        }
        objects
    }

    fn name(&mut self, key: &Node) -> Option<Name> {
        if let NodeKind::Scalar(text, _) = &key.kind {
            return Some(Name { text: text.as_str().into(), span: key.span });
        }
        self.problem(ProblemCode::Syntax, key.span, "a name in quotes is expected here");
        None
    }

    /// The blocks of one type that `node` holds, below as many levels of labels as `missing` says.
    fn blocks(&mut self, kind: &Name, labels: &mut Vec<Name>, missing: usize, node: &Node, blocks: &mut Vec<Block>) {
        let nodes = match &node.kind {
            NodeKind::Sequence(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(node),
        };
        for node in nodes {
            let NodeKind::Mapping(entries) = &node.kind else {
                self.problem(ProblemCode::Syntax, node.span, "an object (`{ … }`) is expected here");
                continue;
            };
            if missing == 0 {
                let body = self.body(&kind.text, entries, node.span, 1);
                blocks.push(block(kind, labels, body));
                continue;
            }
            for Entry { key, value } in entries {
                if let Some(label) = self.name(key).filter(|label| &*label.text != COMMENT) {
                    labels.push(label);
                    self.blocks(kind, labels, missing - 1, value, blocks);
                    labels.pop();
                }
            }
        }
    }

    fn body(&mut self, kind: &str, entries: &[Entry], span: Span, depth: usize) -> Body {
        let mut body = empty_body(span);
        let may_repeat_blocks = matches!(kind, "resource" | "data" | "ephemeral" | "provider" | "content" | "build");
        for Entry { key, value } in entries {
            let Some(name) = self.name(key).filter(|name| &*name.text != COMMENT) else { continue };
            match &*name.text {
                "dynamic" if may_repeat_blocks => self.dynamic_blocks(&name, value, &mut body.blocks, depth),
                "provisioner" | "source" if kind == "build" => {
                    self.blocks(&name, &mut Vec::new(), 1, value, &mut body.blocks);
                }
                "content" if kind == "dynamic" => {
                    for entries in self.objects(value) {
                        let content = self.nested_body("content", entries, value.span, depth);
                        body.blocks.push(block(&name, &[], content));
                    }
                }
                text => {
                    let strings = match (kind, text) {
                        ("variable", "type") | ("dynamic", "iterator") => Strings::Expressions,
                        // Terraform reads defaults without any name in reach, where strings are literal.
                        ("variable", "default") | ("variables", _) => Strings::Literals,
                        _ => Strings::Templates,
                    };
                    let attribute = self.attribute(name, value, strings, depth + 1);
                    body.attributes.push(attribute);
                }
            }
        }
        body
    }

    fn nested_body(&mut self, kind: &str, entries: &[Entry], span: Span, depth: usize) -> Body {
        if depth < self.deepest {
            return self.body(kind, entries, span, depth + 1);
        }
        self.too_deep(span);
        empty_body(span)
    }

    fn too_deep(&mut self, span: Span) {
        let message = format!("nested more than {} deep, which is not read: nest less", self.deepest);
        self.problem(ProblemCode::Limit, span, &message);
    }

    /// `"dynamic": { "label": { "for_each": …, "content": { … } } }`, also with arrays of them.
    fn dynamic_blocks(&mut self, kind: &Name, node: &Node, blocks: &mut Vec<Block>, depth: usize) {
        for by_label in self.objects(node) {
            for Entry { key, value } in by_label {
                let Some(label) = self.name(key).filter(|label| &*label.text != COMMENT) else { continue };
                let labels = [label];
                for entries in self.objects(value) {
                    let body = self.nested_body("dynamic", entries, value.span, depth);
                    blocks.push(block(kind, &labels, body));
                }
            }
        }
    }

    fn attribute(&mut self, name: Name, value: &Node, strings: Strings, depth: usize) -> Attribute {
        let span = name.span.to(value.span);
        Attribute { name, value: self.expression(value, strings, depth), span }
    }

    fn expression(&mut self, node: &Node, strings: Strings, depth: usize) -> Expression {
        let kind = match &node.kind {
            NodeKind::Scalar(text, ScalarStyle::Plain) => self.plain(text, node.span),
            NodeKind::Scalar(text, _) => self.string(text, strings),
            NodeKind::Sequence(_) | NodeKind::Mapping(_) if depth >= self.deepest => {
                self.too_deep(node.span);
                ExpressionKind::Null
            }
            NodeKind::Sequence(nodes) => {
                ExpressionKind::Array(nodes.iter().map(|node| self.expression(node, strings, depth + 1)).collect())
            }
            NodeKind::Mapping(entries) => ExpressionKind::Object(
                entries
                    .iter()
                    .map(|Entry { key, value }| ObjectItem {
                        key: self.expression(key, strings, depth + 1),
                        value: self.expression(value, strings, depth + 1),
                    })
                    .collect(),
            ),
            NodeKind::Alias(_) => {
                self.problem(ProblemCode::Syntax, node.span, "JSON has no references: write the value itself");
                ExpressionKind::Null
            }
        };
        Expression { kind, span: node.span }
    }

    /// `null`, `true`, `false` or a number.
    fn plain(&mut self, text: &Text, span: Span) -> ExpressionKind {
        match text.as_str() {
            "null" => ExpressionKind::Null,
            "true" => ExpressionKind::Bool(true),
            "false" => ExpressionKind::Bool(false),
            word => match word.parse() {
                Ok(number) if word.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                    ExpressionKind::Number(number)
                }
                _ => {
                    self.problem(ProblemCode::Syntax, span, "JSON knows no such word: put it in double quotes");
                    ExpressionKind::Literal(text.clone())
                }
            },
        }
    }

    fn string(&mut self, text: &Text, strings: Strings) -> ExpressionKind {
        match strings {
            Strings::Expressions => match parse_expression(text) {
                Ok(expression) => expression.kind,
                Err(problem) => {
                    self.problems.push(problem);
                    ExpressionKind::Literal(text.clone())
                }
            },
            Strings::Templates if text.as_str().contains("${") || text.as_str().contains("%{") => {
                let (template, problems) = parse_template(text);
                self.problems.extend(problems);
                literal_if_constant(template)
            }
            Strings::Templates | Strings::Literals => ExpressionKind::Literal(text.clone()),
        }
    }
}

/// A block from the property that it is the value of: the innermost name stands for it, since the outer ones are
/// shared with other blocks.
fn block(kind: &Name, labels: &[Name], body: Body) -> Block {
    let header = labels.last().map_or(kind.span, |label| label.span);
    let span = header.to(body.span);
    Block { kind: kind.clone(), labels: labels.to_vec(), body, header, span }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, SourceFile};
    use crate::syntax::hcl::{TemplatePart, TraversalStep};

    /// A tree of JSON without escapes, enough for these tests.
    fn tree(file: &SourceFile) -> Node {
        let mut at = 0;
        node(file, &mut at)
    }

    fn skip(file: &SourceFile, at: &mut usize) -> char {
        *at += file.text()[*at..].find(|next: char| !matches!(next, ' ' | '\n' | ',' | ':')).unwrap();
        file.text()[*at..].chars().next().unwrap()
    }

    fn node(file: &SourceFile, at: &mut usize) -> Node {
        let first = skip(file, at);
        let start = *at;
        let kind = match first {
            '{' | '[' => {
                *at += 1;
                let mut nodes = Vec::new();
                while !matches!(skip(file, at), '}' | ']') {
                    nodes.push(node(file, at));
                }
                *at += 1;
                if first == '[' {
                    NodeKind::Sequence(nodes)
                } else {
                    let entry = |pair: &[Node]| Entry { key: pair[0].clone(), value: pair[1].clone() };
                    NodeKind::Mapping(nodes.chunks(2).map(entry).collect())
                }
            }
            '"' => {
                let end = start + 1 + file.text()[start + 1..].find('"').unwrap();
                *at = end + 1;
                let text = Text::verbatim(&file.text()[start + 1..end], file.span(start + 1..end));
                NodeKind::Scalar(text, ScalarStyle::Quoted)
            }
            _ => {
                *at += file.text()[start..].find([',', ' ', '\n', '}', ']']).unwrap();
                NodeKind::Scalar(Text::verbatim(&file.text()[start..*at], file.span(start..*at)), ScalarStyle::Plain)
            }
        };
        Node { kind, span: file.span(start..*at), tag: None }
    }

    fn read(source: &str) -> (SourceFile, Body) {
        let file = SourceFile::new(FileId(0), "a.tf.json", source.into());
        let (body, problems) = from_json(&tree(&file), &Limits::default());
        assert_eq!(problems, []);
        (file, body)
    }

    #[test]
    fn types_and_names_become_labels_and_arrays_repeated_blocks() {
        let (file, body) = read(
            r#"{ "//": "why", "resource": { "aws_instance": { "web": { "//": 1, "ami": "x", "count": 2 }, "db": [{}, {}] } },
                "locals": [{ "a": true }, { "b": null }], "provider": { "aws": [{ "region": "r" }] } }"#,
        );
        let blocks: Vec<_> = body
            .blocks
            .iter()
            .map(|block| {
                let labels: Vec<_> = block.labels.iter().map(|label| &*label.text).collect();
                (&*block.kind.text, labels, block.body.attributes.len())
            })
            .collect();
        assert_eq!(
            blocks,
            [
                ("resource", vec!["aws_instance", "web"], 2),
                ("resource", vec!["aws_instance", "db"], 0),
                ("resource", vec!["aws_instance", "db"], 0),
                ("locals", vec![], 1),
                ("locals", vec![], 1),
                ("provider", vec!["aws"], 1),
            ]
        );
        assert_eq!(file.slice(body.blocks[0].header), "\"web\"");
        assert!(file.slice(body.blocks[0].span).ends_with("\"count\": 2 }"));
        let ami = body.blocks[0].body.attribute("ami").unwrap();
        assert_eq!(file.slice(ami.span), r#""ami": "x""#);
        let ExpressionKind::Literal(text) = &ami.value.kind else { panic!() };
        assert_eq!(file.slice(text.span_of(0..1).unwrap()), "x");
        assert!(body.attributes.is_empty());
    }

    #[test]
    fn strings_are_templates_but_for_types_and_defaults() {
        let (file, body) = read(
            r#"{ "variable": { "v": { "type": "list(string)", "default": "${x}" } },
                "output": { "o": { "value": "${var.v[0]}", "more": ["a ${b} c", "$${d}"] } } }"#,
        );
        let variable = &body.blocks[0].body;
        assert!(matches!(variable.attribute("type").unwrap().value.kind, ExpressionKind::Call(_)));
        assert!(matches!(&variable.attribute("default").unwrap().value.kind,
            ExpressionKind::Literal(text) if text.as_str() == "${x}"));
        let output = &body.blocks[1].body;
        let ExpressionKind::Template(template) = &output.attribute("value").unwrap().value.kind else { panic!() };
        let [TemplatePart::Interpolation(value)] = template.parts.as_slice() else { panic!() };
        assert_eq!(file.slice(value.span), "var.v[0]");
        let ExpressionKind::Traversal(traversal) = &value.kind else { panic!() };
        assert!(matches!(traversal.steps.last(), Some((TraversalStep::Index(_), span)) if file.slice(*span) == "[0]"));
        let ExpressionKind::Array(more) = &output.attribute("more").unwrap().value.kind else { panic!() };
        assert!(matches!(&more[0].kind, ExpressionKind::Template(template) if template.parts.len() == 3));
        assert!(matches!(&more[1].kind, ExpressionKind::Literal(text) if text.as_str() == "${d}"));
    }

    #[test]
    fn dynamic_blocks_nest() {
        let (_, body) = read(
            r#"{ "resource": { "a": { "b": { "nested": { "c": 1 }, "dynamic": { "outer": {
                "for_each": "${x}", "iterator": "it",
                "content": { "d": 1, "dynamic": { "inner": [{ "for_each": [1], "content": {} }] } } } } } } } }"#,
        );
        let resource = &body.blocks[0].body;
        assert!(matches!(resource.attribute("nested").unwrap().value.kind, ExpressionKind::Object(_)));
        let outer = resource.blocks_of("dynamic").next().unwrap();
        assert_eq!(&*outer.labels[0].text, "outer");
        assert!(matches!(&outer.body.attribute("iterator").unwrap().value.kind,
            ExpressionKind::Variable(name) if &*name.text == "it"));
        let content = outer.body.blocks_of("content").next().unwrap();
        assert!(content.body.attribute("d").is_some());
        let inner = content.body.blocks_of("dynamic").next().unwrap();
        assert_eq!(&*inner.labels[0].text, "inner");
        assert_eq!(inner.body.blocks_of("content").count(), 1);
    }

    #[test]
    fn variables_files_have_literal_strings() {
        let file = SourceFile::new(FileId(0), "a.tfvars.json", br#"{ "a": "${x}", "b": { "c": [-1.5] } }"#.to_vec());
        let (body, problems) = variables_from_json(&tree(&file));
        assert_eq!(problems, []);
        assert!(matches!(&body.attributes[0].value.kind, ExpressionKind::Literal(text) if text.as_str() == "${x}"));
        let ExpressionKind::Object(items) = &body.attributes[1].value.kind else { panic!() };
        let ExpressionKind::Array(numbers) = &items[0].value.kind else { panic!() };
        assert_eq!(numbers[0].kind, ExpressionKind::Number(-1.5));
    }

    #[test]
    fn wrong_shapes_and_words_are_problems() {
        for source in [r#"{ "resource": { "a": { "b": 1 } } }"#, r#"{ "locals": { "a": nope } }"#, "[1 ]", "1 "] {
            let file = SourceFile::new(FileId(0), "a.tf.json", source.into());
            let (_, problems) = from_json(&tree(&file), &Limits::default());
            assert_eq!(problems.len(), 1, "{source}");
        }
        let deep = format!("{{ \"locals\": {{ \"a\": {}1 {} }} }}", "[".repeat(300), "]".repeat(300));
        let file = SourceFile::new(FileId(0), "a.tf.json", deep.into_bytes());
        let (_, problems) = from_json(&tree(&file), &Limits::default());
        assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), [ProblemCode::Limit]);
    }
}

//! Quoted strings, heredocs and template files: literals decoded, strip markers and indentation applied.
//!
//! Terraform applies strip markers and the indentation of `<<-` to the literals of the whole template, those inside
//! directives included, before it builds the nested parts. So the literals are collected first, in the order
//! of the source, and handed out again while the parts are built.

use std::ops::Range;

use hcl::edit::Span as _;
use hcl::edit::template::{Directive, Element, Strip, Template as ParsedTemplate};

use super::ast::{ExpressionKind, ForTemplate, IfTemplate, Template, TemplatePart};
use super::lower::{Lowering, range_of};
use super::reader::Escapes;
use crate::source::Text;

/// How the literals of a template are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Between quotes: one literal between two sequences.
    Quoted,
    /// A heredoc or a template file: each line is a literal of its own, so strip markers reach to its end only.
    Lines,
    /// A heredoc with `<<-`.
    Indented,
}

impl Style {
    fn escapes(self) -> Escapes {
        if self == Self::Quoted { Escapes::Quoted } else { Escapes::Markers }
    }
}

/// A piece of a template in the order of the source, without nesting.
enum Token {
    Literal(Text),
    /// An interpolation or one tag of a directive.
    Sequence(Strip),
}

impl Lowering<'_> {
    /// A template whose content stands in `content`, a range of the text.
    pub(super) fn template(&self, parsed: &ParsedTemplate, style: Style, content: Range<usize>) -> Template {
        let mut tokens = Vec::new();
        self.flatten(parsed, style, &mut tokens);
        apply_strip_markers(&mut tokens);
        if style == Style::Indented {
            remove_indentation(&mut tokens);
        }
        self.nest(parsed, &mut tokens.into_iter().peekable(), content)
    }

    /// A template as an expression: a literal if nothing has to be filled in.
    pub(super) fn template_expression(
        &self,
        parsed: &ParsedTemplate,
        style: Style,
        content: Range<usize>,
    ) -> ExpressionKind {
        literal_if_constant(self.template(parsed, style, content))
    }

    fn flatten(&self, parsed: &ParsedTemplate, style: Style, tokens: &mut Vec<Token>) {
        for element in parsed {
            match element {
                Element::Literal(literal) => {
                    let mut range = self.reader.absolute(&range_of(literal));
                    if style == Style::Quoted {
                        tokens.push(Token::Literal(self.reader.literal(range, style.escapes())));
                        continue;
                    }
                    for line in self.reader.slice(range.clone()).split_inclusive('\n') {
                        let end = range.start + line.len();
                        tokens.push(Token::Literal(self.reader.literal(range.start..end, style.escapes())));
                        range.start = end;
                    }
                }
                Element::Interpolation(interpolation) => tokens.push(Token::Sequence(interpolation.strip)),
                Element::Directive(directive) => match &**directive {
                    Directive::If(parsed) => {
                        tokens.push(Token::Sequence(parsed.if_expr.strip));
                        self.flatten(&parsed.if_expr.template, style, tokens);
                        if let Some(otherwise) = &parsed.else_expr {
                            tokens.push(Token::Sequence(otherwise.strip));
                            self.flatten(&otherwise.template, style, tokens);
                        }
                        tokens.push(Token::Sequence(parsed.endif_expr.strip));
                    }
                    Directive::For(parsed) => {
                        tokens.push(Token::Sequence(parsed.for_expr.strip));
                        self.flatten(&parsed.for_expr.template, style, tokens);
                        tokens.push(Token::Sequence(parsed.endfor_expr.strip));
                    }
                },
            }
        }
    }

    fn nest(&self, parsed: &ParsedTemplate, tokens: &mut Tokens, content: Range<usize>) -> Template {
        let mut parts = Vec::new();
        for element in parsed {
            match element {
                Element::Literal(_) => {
                    let mut text = Text::new();
                    while let Some(Token::Literal(line)) = tokens.next_if(|token| matches!(token, Token::Literal(_))) {
                        text.push_text(&line);
                    }
                    if !text.is_empty() {
                        parts.push(TemplatePart::Literal(text));
                    }
                }
                Element::Interpolation(interpolation) => {
                    tokens.next();
                    parts.push(TemplatePart::Interpolation(self.expression(&interpolation.expr)));
                }
                Element::Directive(directive) => match &**directive {
                    Directive::If(parsed) => {
                        tokens.next();
                        let condition = self.expression(&parsed.if_expr.cond_expr);
                        let when_true = self.nest_at(&parsed.if_expr.template, tokens);
                        let when_false = if let Some(otherwise) = &parsed.else_expr {
                            tokens.next();
                            self.nest_at(&otherwise.template, tokens)
                        } else {
                            let end = self.reader.absolute(&range_of(&parsed.if_expr.template)).end;
                            Template { parts: Vec::new(), span: self.reader.span(end..end) }
                        };
                        tokens.next();
                        parts.push(TemplatePart::If(Box::new(IfTemplate { condition, when_true, when_false })));
                    }
                    Directive::For(parsed) => {
                        tokens.next();
                        let head = &parsed.for_expr;
                        parts.push(TemplatePart::For(Box::new(ForTemplate {
                            key_name: head.key_var.as_ref().map(|name| self.name(name)),
                            value_name: self.name(&head.value_var),
                            collection: self.expression(&head.collection_expr),
                            body: self.nest_at(&head.template, tokens),
                        })));
                        tokens.next();
                    }
                },
            }
        }
        Template { parts, span: self.reader.span(content) }
    }

    fn nest_at(&self, parsed: &ParsedTemplate, tokens: &mut Tokens) -> Template {
        self.nest(parsed, tokens, self.reader.absolute(&parsed.span().unwrap_or_default()))
    }
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<Token>>;

/// A template without anything to fill in is a literal; one interpolation alone stays a template.
pub(super) fn literal_if_constant(template: Template) -> ExpressionKind {
    match template.parts.as_slice() {
        [] => ExpressionKind::Literal(Text::new()),
        [TemplatePart::Literal(text)] => ExpressionKind::Literal(text.clone()),
        _ => ExpressionKind::Template(template),
    }
}

/// Removes white space beside sequences with a `~`, from the adjacent literal only.
fn apply_strip_markers(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        let Some(Token::Sequence(strip)) = tokens.get(at) else { continue };
        let strip = *strip;
        if strip.strip_start()
            && let Some(Token::Literal(before)) = at.checked_sub(1).and_then(|before| tokens.get_mut(before))
        {
            *before = before.trim_end_matches(char::is_whitespace);
        }
        if strip.strip_end()
            && let Some(Token::Literal(after)) = tokens.get_mut(at + 1)
        {
            *after = after.trim_start_matches(char::is_whitespace);
        }
    }
}

/// Removes the indentation that all lines have in common. Blank lines neither count nor change.
///
/// A line that begins with a sequence has no indentation, and a literal that strip markers emptied no line break;
/// both as in Terraform.
fn remove_indentation(tokens: &mut [Token]) {
    let mut common = usize::MAX;
    let mut indented = Vec::new();
    let mut starts_line = true;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Literal(text) => {
                let blank = text.as_str().ends_with('\n') && text.as_str().chars().all(char::is_whitespace);
                if starts_line && !blank {
                    let columns = text.as_str().chars().take_while(|character| character.is_whitespace()).count();
                    common = common.min(columns);
                    indented.push(at);
                }
                starts_line = text.as_str().ends_with('\n');
            }
            Token::Sequence(_) => {
                if starts_line {
                    common = 0;
                }
                starts_line = false;
            }
        }
    }
    for at in indented {
        if let Some(Token::Literal(text)) = tokens.get_mut(at) {
            let removed = text.as_str().chars().take(common).map(char::len_utf8).sum();
            *text = text.slice(removed..text.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::source::{FileId, Limits, PieceKind, SourceFile, Span, Text};
    use crate::syntax::hcl::{
        Expression, ExpressionKind, Template, TemplatePart, TraversalStep, parse, parse_template,
    };

    fn attribute(source: &str) -> (SourceFile, Expression) {
        let file = SourceFile::new(FileId(3), "a.tf", format!("v = {source}\n").into_bytes());
        let parsed = parse(&file, &Limits::default());
        assert_eq!(parsed.problems, [], "{source:?}");
        let value = parsed.body.attributes.first().expect("an attribute").value.clone();
        (file, value)
    }

    /// What the expression gives, for literals, conditions of literals and loops over lists of literals.
    fn rendered(expression: &Expression, loops: &[(String, String)]) -> String {
        match &expression.kind {
            ExpressionKind::Literal(text) => text.as_str().to_owned(),
            ExpressionKind::Template(template) => rendered_parts(template, loops),
            ExpressionKind::Number(number) => number.to_string(),
            ExpressionKind::Bool(value) => value.to_string(),
            ExpressionKind::Variable(name) => {
                loops.iter().rev().find(|(known, _)| *known == *name.text).expect("a loop's name").1.clone()
            }
            ExpressionKind::Conditional(conditional) => rendered(&conditional.when_true, loops),
            other => panic!("{other:?}"),
        }
    }

    fn rendered_parts(template: &Template, loops: &[(String, String)]) -> String {
        let part = |part: &TemplatePart| match part {
            TemplatePart::Literal(text) => text.as_str().to_owned(),
            TemplatePart::Interpolation(expression) => rendered(expression, loops),
            TemplatePart::If(choice) if rendered(&choice.condition, loops) == "true" => {
                rendered_parts(&choice.when_true, loops)
            }
            TemplatePart::If(choice) => rendered_parts(&choice.when_false, loops),
            TemplatePart::For(repeated) => {
                let ExpressionKind::Array(elements) = &repeated.collection.kind else { panic!("a list") };
                let round = |element: &Expression| {
                    let mut loops = loops.to_vec();
                    loops.push((repeated.value_name.text.to_string(), rendered(element, &[])));
                    rendered_parts(&repeated.body, &loops)
                };
                elements.iter().map(round).collect()
            }
        };
        template.parts.iter().map(part).collect()
    }

    /// Checks that each verbatim byte is the byte that its span points at.
    fn check_text(text: &Text, source: &str, within: Span) {
        for offset in 0..text.len() {
            let (piece, span) = text.origin_of(offset).expect("each byte has a piece");
            assert!(within.contains(span), "{span:?} of {:?} in {source:?}", text.as_str());
            match piece.kind {
                PieceKind::Verbatim => {
                    assert_eq!(text.as_str().as_bytes()[offset], source.as_bytes()[span.start as usize]);
                }
                PieceKind::Encoded => {
                    let escape = &source[span.range()];
                    assert!(escape.starts_with(['\\', '$', '%']), "{escape:?}");
                }
                PieceKind::Hole(_) => panic!("nothing is unknown here"),
            }
        }
    }

    fn check_template(template: &Template, source: &str) {
        for pair in template.parts.windows(2) {
            let both = matches!(pair, [TemplatePart::Literal(_), TemplatePart::Literal(_)]);
            assert!(!both, "two literals side by side in {source:?}");
        }
        for part in &template.parts {
            match part {
                TemplatePart::Literal(text) => check_text(text, source, template.span),
                TemplatePart::Interpolation(expression) => check(expression, source),
                TemplatePart::If(choice) => {
                    check(&choice.condition, source);
                    check_template(&choice.when_true, source);
                    check_template(&choice.when_false, source);
                }
                TemplatePart::For(repeated) => {
                    check(&repeated.collection, source);
                    check_template(&repeated.body, source);
                }
            }
        }
    }

    fn check(expression: &Expression, source: &str) {
        match &expression.kind {
            ExpressionKind::Literal(text) => check_text(text, source, expression.span),
            ExpressionKind::Template(template) => {
                assert!(expression.span.contains(template.span));
                check_template(template, source);
            }
            ExpressionKind::Variable(name) => assert_eq!(&source[name.span.range()], &*name.text),
            ExpressionKind::Array(elements) => elements.iter().for_each(|element| check(element, source)),
            ExpressionKind::Conditional(conditional) => {
                check(&conditional.condition, source);
                check(&conditional.when_true, source);
                check(&conditional.when_false, source);
            }
            ExpressionKind::Traversal(traversal) => {
                check(&traversal.base, source);
                for (step, _) in &traversal.steps {
                    if let TraversalStep::Index(index) = step {
                        check(index, source);
                    }
                }
            }
            _ => {}
        }
    }

    /// Expressions and what `terraform console` (1.11) makes of them.
    const ORACLE: &[(&str, &str)] = &[
        ("<<-E\n    x\n    %{ if true }\n      yes\n    %{ endif }\n    t\n  E", "x\n\n  yes\n\nt\n"),
        ("<<-E\n    x\n  %{ if true }\n      yes\n    %{ endif }\n    t\n  E", "  x\n\n    yes\n  \n  t\n"),
        ("<<-E\n    x\n\n   \n      y\n  E", "x\n\n   \n  y\n"),
        ("<<-E\n    x\n${1}\n      y\n  E", "    x\n1\n      y\n"),
        ("<<-E\n\t\tx\n\t\t\ty\n\tE", "x\n\ty\n"),
        ("<<-E\n    x\n    %{ if true ~}\n      yes\n    %{~ endif ~}\n    t\n  E", "    x\n          yes\n    t\n"),
        ("<<E\n  a\n\n  ${~ 1 ~}\n\n  b\nE", "  a\n\n1\n  b\n"),
        ("<<-E\n    %{ if true }\n  deep\n    %{ endif }\n    z\n    E", "  \ndeep\n  \n  z\n"),
        ("<<-E\n    ${1}\n      ${2} q\n    E", "1\n  2 q\n"),
        (r#""a\n  ${~ 1 ~}  \n b""#, "a1b"),
        (r#""a $${b}   ${~ 1}""#, "a ${b}1"),
        (r#""a $  ${~ 1 ~} $ % x""#, "a $1$ % x"),
        (r#""100%% %%{x} %%%{x}""#, "100%% %{x} %%{x}"),
        (r#""a\n\n ${~ 1 ~} $${x}""#, "a1${x}"),
        ("<<E\na $${b} \\n \\u0041 %%{x}  ${~ 1}\nE", "a ${b} \\n \\u0041 %{x}1\n"),
        ("<<E\r\na\r\n  b ${1}\r\nE", "a\r\n  b 1\r\n"),
        ("<<-E\r\n  a\r\n\r\n    b\r\n  E", "a\r\n\r\n  b\r\n"),
        ("<<E\nE", ""),
        ("<<-E\n    E", ""),
        ("<<E\n\nE", "\n"),
        ("<<-E\n  %{~ for x in [\"a\",\"b\"] ~}\n   - ${x}\n  %{~ endfor ~}\n  E", "   - a\n   - b\n"),
        ("<<-E\n   a\n   ${\"x\"}\n E", "a\nx\n"),
        ("<<-E\n   a $${x}\n  $${y}\n E", " a ${x}\n${y}\n"),
        ("<<-E\n   a\n   %{ if true }\n\n   b%{ else }c\n %{ endif }\n E", "  a\n  \n\n  b\n"),
        ("<<-E\n   a\n   $x\n   %y\n E", "a\n$x\n%y\n"),
        (r#""\u00e9\U0001F600\t\r\"\\""#, "\u{e9}\u{1f600}\t\r\"\\"),
        ("<<-E\n \u{a0} a\n   b\n E", "a\nb\n"),
        ("<<E\n%{ if true ~}\n\n\n  x\n%{ endif ~}\ny\nE", "\n\n  x\ny\n"),
        (r#""  ${~ "a" ~}  ${"b"}""#, "ab"),
        ("<<-E\n  a ${ true ? \"x\" : <<I\n n\nI\n}\n   b\n  E", "a x\n b\n"),
        ("<<-E\n    ${~ 1}\n      b\n  E", "1\n      b\n"),
        ("<<-E\n    a ${1 ~}\n      b\n  E", "a 1      b\n"),
        ("\"x%{ if true\n}y%{ endif\n}\"", "xy"),
        ("\"x${true\n ? 1 : \n 2}\"", "x1"),
        ("<<-E\n  a\r\n  b\n E", "a\r\nb\n"),
        (r#""$$${1}""#, "$${1}"),
        (r#""$$$${1}""#, "$$${1}"),
        ("<<E\n$$${1}\nE", "$${1}\n"),
        ("<<-E\n  a\n  \\\n  b\n E", "a\n\\\nb\n"),
        ("<<E\na${~1~}b ${~1~} ${~1}\nE", "a1b11\n"),
    ];

    #[test]
    fn templates_render_as_in_terraform() {
        for (source, expected) in ORACLE {
            let (file, value) = attribute(source);
            assert_eq!(rendered(&value, &[]), *expected, "{source:?}");
            check(&value, file.text());
        }
    }

    /// Template files and what Terraform's `templatefile` makes of them.
    #[test]
    fn template_files_render_as_in_terraform() {
        let samples = [
            ("a\n\n  ${~ 1 ~}\n\n  b\n", "a\n\n1\n  b\n"),
            ("a $${b}\n  ${~ 1}x\r\ny\r\n", "a ${b}\n1x\r\ny\r\n"),
            ("%{ if true ~}\n\n\n  x\n%{ endif ~}\n  y\n", "\n\n  x\n  y\n"),
            ("a \\n $$${1} %%{x}  \n", "a \\n $${1} %{x}  \n"),
            ("a $$  ${~1~} $ b", "a $$1$ b"),
            ("%{ for x in [1,2] }${x}\n\n%{~ endfor }end", "1\n2\nend"),
            ("%{ if true\n}a%{ endif }", "a"),
            ("\u{feff}a", "a"),
            ("", ""),
        ];
        for (source, expected) in samples {
            let file = SourceFile::new(FileId(3), "a.tftpl", source.into());
            let (template, problems) = parse_template(&Text::verbatim(source, file.span(0..source.len())));
            assert_eq!(problems, [], "{source:?}");
            assert_eq!(rendered_parts(&template, &[]), expected, "{source:?}");
            check_template(&template, source);
        }
    }

    /// The source of a template in which each directive is complete.
    fn content(heredoc: bool) -> impl Strategy<Value = String> {
        let shared =
            ["a", "  ", "\u{1f600}", "\u{e9}", "$${x}", "%%{", "$ ", "% ", "${1}", "${~ 2 ~}", "${\"q\\n\"}", "\t"];
        let own: &[&str] = if heredoc {
            &["\n", "\r\n", "\n  ", "\"", "\\n", "#", "\n\n"]
        } else {
            &["\\n", "\\\"", "\\u00e9", "\\\\"]
        };
        let all: Vec<String> = shared.iter().chain(own).map(|piece| (*piece).to_owned()).collect();
        let leaf = prop::collection::vec(prop::sample::select(all), 0..8).prop_map(|pieces| pieces.concat());
        leaf.prop_recursive(3, 16, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}%{{ if true ~}}{b}%{{ endif }}{a}")),
                (inner.clone(), inner.clone())
                    .prop_map(|(a, b)| format!("%{{~ if false }}{a}%{{ else }}{b}%{{~ endif ~}}")),
                (inner.clone(), inner).prop_map(|(a, b)| format!("{b}%{{ for x in [1, 2] ~}}{a}${{x}}%{{ endfor }}")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn texts_point_at_their_source(quoted in content(false), heredoc in content(true), indented in any::<bool>()) {
            let marker = if indented { "<<-E" } else { "<<E" };
            let (_, value) = attribute(&format!("[\"{quoted}\", {marker}\n{heredoc}\n  E\n]"));
            let source = format!("v = [\"{quoted}\", {marker}\n{heredoc}\n  E\n]\n");
            check(&value, &source);
            let file = SourceFile::new(FileId(3), "a.tftpl", heredoc.clone().into_bytes());
            let (template, problems) = parse_template(&Text::verbatim(heredoc.clone(), file.span(0..heredoc.len())));
            prop_assert_eq!(problems, []);
            check_template(&template, &heredoc);
        }
    }

    #[test]
    fn one_interpolation_alone_stays_a_template() {
        let (_, value) = attribute(r#""${var.x}""#);
        let ExpressionKind::Template(template) = &value.kind else { panic!("{value:?}") };
        assert!(matches!(template.parts.as_slice(), [TemplatePart::Interpolation(_)]));
        let (_, empty) = attribute(r#""""#);
        assert_eq!(empty.kind, ExpressionKind::Literal(Text::new()));
    }

    #[test]
    fn holes_stay_holes_and_known_parts_keep_their_places() {
        let file = SourceFile::new(FileId(3), "a.tf", b"join ${x} y".to_vec());
        let mut text = Text::verbatim("join ", file.span(0..5));
        text.push_text(&Text::hole(file.span(5..9), "`x` has no value"));
        text.push_verbatim(" y", file.span(9..11));
        text.push_encoded("${1}", file.span(0..4));
        let (template, problems) = parse_template(&text);
        assert_eq!(problems, []);
        let [TemplatePart::Literal(literal), TemplatePart::Interpolation(_)] = template.parts.as_slice() else {
            panic!("{template:?}")
        };
        assert!(literal.has_holes());
        assert_eq!(literal.span_of(literal.len() - 1..literal.len()), Some(file.span(10..11)));
    }

    #[test]
    fn a_faulty_sequence_becomes_a_hole() {
        let source = "one ${ 1 + } two\n%{ if }three %{ endif }${2}\n${ open";
        let file = SourceFile::new(FileId(3), "a.tftpl", source.into());
        let (template, problems) = parse_template(&Text::verbatim(source, file.span(0..source.len())));
        let places: Vec<_> = problems.iter().map(|problem| problem.place.clone()).collect();
        assert_eq!(problems.len(), 4, "{places:?}");
        let literals: Vec<&str> = template
            .parts
            .iter()
            .filter_map(|part| match part {
                TemplatePart::Literal(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(literals, ["one \u{fffc} two\n\u{fffc}three \u{fffc}", "\n\u{fffc} open"]);
    }

    #[test]
    fn a_hole_within_a_sequence_is_no_fault_of_the_file() {
        let file = SourceFile::new(FileId(3), "a.tf", b"${ x }".to_vec());
        let mut text = Text::verbatim("${ ", file.span(0..3));
        text.push_text(&Text::hole(file.span(3..4), "`x` has no value"));
        text.push_verbatim(" }", file.span(4..6));
        let (template, problems) = parse_template(&text);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].severity, crate::finding::Severity::Warning);
        assert!(matches!(template.parts.as_slice(), [TemplatePart::Literal(text)] if text.as_str() == "\u{fffc}"));
    }
}

//! Where directives are written, and what they cover there: comments, and where JSON has none, the tree itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::directive::{self, MARKER, Written};
use super::{Covers, Date, Directive, Until};
use crate::source::{SourceFile, Span, Text};
use crate::syntax::Comment;
use crate::syntax::tree::{Entry, Node, NodeKind};

/// The directives in the comments of `file`.
///
/// One beside code covers its line. One that stands alone covers the statement that begins on the next line
/// that is neither blank nor a comment, whole, or that line when none of `statements` begins there.
#[must_use]
pub fn from_comments(file: &SourceFile, comments: &[Comment], statements: &[Span]) -> Vec<Directive> {
    let mut layout = None;
    let mut directives = Vec::new();
    for comment in comments {
        let text = file.slice(comment.span);
        if !text.contains(MARKER) {
            continue;
        }
        let mut start = comment.span.range().start;
        for line in text.split_inclusive('\n') {
            if let Some(written) = directive::parse(line) {
                let layout = layout.get_or_insert_with(|| Layout::new(file, comments, statements));
                let covers = Covers::Span(layout.covered_by(comment));
                let span_of = |range: Range<usize>| file.span(start + range.start..start + range.end);
                directives.push(made_of(written, covers, &span_of));
            }
            start += line.len();
        }
    }
    directives
}

/// The directives in `Metadata: { imdslint: { ignore: [ … ] } }` of a CloudFormation template and of its resources.
///
/// One of a resource covers its whole entry, one of the template the file.
#[must_use]
pub fn from_cloudformation(root: &Node) -> Vec<Directive> {
    let mut directives = Vec::new();
    from_metadata(root, Covers::File, &mut directives);
    for resource in entry(root, "Resources").map(|resources| entries(&resources.value)).unwrap_or_default() {
        let covers = Covers::Span(resource.key.span.to(resource.value.span));
        from_metadata(&resource.value, covers, &mut directives);
    }
    directives
}

/// The directives in the list `_imdslint` of a Packer template in JSON. They cover the file.
#[must_use]
pub fn from_packer(root: &Node) -> Vec<Directive> {
    let Some(ours) = entry(root, "_imdslint") else { return Vec::new() };
    match &resolved(&ours.value).kind {
        NodeKind::Sequence(items) => items.iter().map(|item| from_item(item, Covers::File)).collect(),
        _ => {
            let span = ours.key.span.to(ours.value.span);
            vec![Directive { span, rules: Vec::new(), covers: Covers::File, reason: None, until: None }]
        }
    }
}

/// The directives in the properties `"//"` of a document in Terraform's JSON syntax.
///
/// Each is a string or a list of strings, and covers the object that it stands in together with the object's key.
#[must_use]
pub fn from_json_comments(root: &Node) -> Vec<Directive> {
    let mut directives = Vec::new();
    let mut open = vec![(root, root.span)];
    while let Some((node, covered)) = open.pop() {
        match &node.kind {
            NodeKind::Mapping(entries) => {
                for Entry { key, value } in entries {
                    if scalar(key) == Some("//") {
                        from_strings(value, Covers::Span(covered), &mut directives);
                    } else {
                        open.push((value, key.span.to(value.span)));
                    }
                }
            }
            NodeKind::Sequence(items) => open.extend(items.iter().map(|item| (item, item.span))),
            NodeKind::Scalar(..) | NodeKind::Alias(_) => {}
        }
    }
    directives.sort_by_key(|directive| directive.span);
    directives
}

/// What stands on which line of a file.
struct Layout<'a> {
    file: &'a SourceFile,
    /// For each 0-based line itself, or the next one, that is neither blank nor a comment alone.
    next_content: Vec<Option<usize>>,
    /// The longest statement that begins on each 0-based line.
    statements: BTreeMap<usize, Span>,
}

impl<'a> Layout<'a> {
    fn new(file: &'a SourceFile, comments: &[Comment], statements: &[Span]) -> Self {
        let mut layout = Self { file, next_content: Vec::new(), statements: BTreeMap::new() };
        let alone = comments.iter().filter(|comment| layout.is_alone(comment));
        let commented: BTreeSet<usize> =
            alone.flat_map(|comment| layout.line_at(comment.span.start)..=layout.line_at(comment.span.end)).collect();
        let mut next = None;
        let mut next_content: Vec<_> = (0..file.lines().count())
            .rev()
            .map(|line| {
                let is_content = !commented.contains(&line) && !file.slice(layout.line(line)).trim().is_empty();
                next = if is_content { Some(line) } else { next };
                next
            })
            .collect();
        next_content.reverse();
        layout.next_content = next_content;
        for statement in statements.iter().filter(|statement| statement.file == file.id) {
            let line = layout.line_at(statement.start);
            let longest = layout.statements.entry(line).or_insert(*statement);
            if statement.range().len() > longest.range().len() {
                *longest = *statement;
            }
        }
        layout
    }

    fn covered_by(&self, comment: &Comment) -> Span {
        let own_lines = self.line(self.line_at(comment.span.start)).to(self.line(self.line_at(comment.span.end)));
        if !self.is_alone(comment) {
            return own_lines;
        }
        match self.next_content.get(self.line_at(comment.span.end) + 1).copied().flatten() {
            Some(line) => self.statements.get(&line).copied().unwrap_or_else(|| self.line(line)),
            None => own_lines,
        }
    }

    /// Whether nothing stands before or after the comment on its lines.
    fn is_alone(&self, comment: &Comment) -> bool {
        let end = comment.span.range().end;
        let rest = end..self.line(self.line_at(comment.span.end)).range().end.max(end);
        comment.alone && self.file.slice(self.file.span(rest)).trim().is_empty()
    }

    fn line_at(&self, offset: u32) -> usize {
        self.file.lines().line_of(offset as usize)
    }

    fn line(&self, number: usize) -> Span {
        self.file.span(self.file.lines().range_of(self.file.text(), number))
    }
}

/// The directive that `written` makes; `span_of` turns bytes of the line into places.
fn made_of(written: Written, covers: Covers, span_of: &dyn Fn(Range<usize>) -> Span) -> Directive {
    Directive {
        span: span_of(written.range),
        rules: written.rules.into_iter().map(|(rule, range)| (rule, span_of(range))).collect(),
        covers: if written.whole_file { Covers::File } else { covers },
        reason: written.reason,
        until: written.until.map(|(date, range)| Until { date, span: span_of(range) }),
    }
}

/// Adds the directives of a string or a list of strings.
fn from_strings(node: &Node, covers: Covers, directives: &mut Vec<Directive>) {
    match &node.kind {
        NodeKind::Scalar(text, _) => {
            let span_of = |range| text.span_of(range).unwrap_or(node.span);
            directives.extend(directive::parse(text.as_str()).map(|written| made_of(written, covers, &span_of)));
        }
        NodeKind::Sequence(items) => {
            for item in items.iter().filter(|item| matches!(item.kind, NodeKind::Scalar(..))) {
                from_strings(item, covers, directives);
            }
        }
        NodeKind::Mapping(_) | NodeKind::Alias(_) => {}
    }
}

/// Adds the directives in the metadata of the template or resource `owner`.
fn from_metadata(owner: &Node, covers: Covers, directives: &mut Vec<Directive>) {
    let Some(ours) = entry(owner, "Metadata").and_then(|metadata| entry(&metadata.value, "imdslint")) else { return };
    let malformed = |span| Directive { span, rules: Vec::new(), covers, reason: None, until: None };
    let settings = entries(&ours.value);
    if settings.is_empty() {
        directives.push(malformed(ours.key.span.to(ours.value.span)));
    }
    for setting in settings {
        match (scalar(&setting.key), &resolved(&setting.value).kind) {
            (Some("ignore"), NodeKind::Sequence(items)) => {
                directives.extend(items.iter().map(|item| from_item(item, covers)));
            }
            _ => directives.push(malformed(setting.key.span.to(setting.value.span))),
        }
    }
}

/// The directive of one `{ rule, reason, until }`.
fn from_item(item: &Node, covers: Covers) -> Directive {
    let text = |key| {
        entry(item, key)
            .and_then(|entry| scalar_text(&entry.value).map(|text| (text.as_str().trim(), entry.value.span)))
    };
    let is_known = |entry: &Entry| matches!(scalar(&entry.key), Some("rule" | "reason" | "until"));
    let rule = text("rule").filter(|(rule, _)| !rule.is_empty() && entries(item).iter().all(is_known));
    Directive {
        span: item.span,
        rules: rule.map(|(rule, span)| (rule.to_owned(), span)).into_iter().collect(),
        covers,
        reason: text("reason").map(|(reason, _)| reason.to_owned()).filter(|reason| !reason.is_empty()),
        until: text("until").map(|(date, span)| Until { date: Date::parse(date), span }),
    }
}

/// The node that an alias stands for; other nodes stand for themselves.
fn resolved(mut node: &Node) -> &Node {
    while let NodeKind::Alias(Some(target)) = &node.kind {
        node = target;
    }
    node
}

/// The entries of a mapping; none of anything else.
fn entries(node: &Node) -> &[Entry] {
    match &resolved(node).kind {
        NodeKind::Mapping(entries) => entries,
        _ => &[],
    }
}

fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a Entry> {
    entries(node).iter().find(|entry| scalar(&entry.key) == Some(key))
}

fn scalar(node: &Node) -> Option<&str> {
    scalar_text(node).map(Text::as_str)
}

fn scalar_text(node: &Node) -> Option<&Text> {
    match &resolved(node).kind {
        NodeKind::Scalar(text, _) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::tree::ScalarStyle;

    fn file(text: &str) -> SourceFile {
        SourceFile::new(FileId(3), "a", text.into())
    }

    /// The span of the first occurrence of `part`.
    fn span(file: &SourceFile, part: &str) -> Span {
        let start = file.text().find(part).expect("the part is in the text");
        file.span(start..start + part.len())
    }

    /// The lines of `text` that hold nothing but a comment, or end with one, as comments.
    fn comments(file: &SourceFile) -> Vec<Comment> {
        let mut start = 0;
        let mut comments = Vec::new();
        for line in file.text().split_inclusive('\n') {
            if let Some(at) = line.find('#') {
                let span = file.span(start + at..start + line.trim_end().len());
                let alone = line[..at].trim().is_empty();
                comments.push(Comment { span, text: line[at + 1..].trim_end().to_owned(), alone });
            }
            start += line.len();
        }
        comments
    }

    fn covered(file: &SourceFile, statements: &[Span]) -> Vec<String> {
        from_comments(file, &comments(file), statements)
            .into_iter()
            .map(|directive| match directive.covers {
                Covers::File => "the file".to_owned(),
                Covers::Span(span) => file.slice(span).to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_comment_at_the_end_of_a_line_covers_the_line() {
        let file = file("a = 1\r\nb = 2 # imdslint: ignore[X]\r\nc = 3\n");
        assert_eq!(covered(&file, &[span(&file, "b = 2")]), ["b = 2 # imdslint: ignore[X]"]);
    }

    #[test]
    fn a_comment_alone_covers_the_longest_statement_that_follows() {
        let file = file("# imdslint: ignore[X]\n# imdslint: ignore[Y]\n\n  # why\n  a {\n    b = 1\n  }\nc = 1\n");
        let statements = [span(&file, "a"), span(&file, "a {\n    b = 1\n  }"), span(&file, "c = 1")];
        assert_eq!(covered(&file, &statements), ["a {\n    b = 1\n  }"; 2]);
    }

    #[test]
    fn without_a_statement_the_next_line_is_covered_and_at_the_end_nothing_else() {
        let file = file("# imdslint: ignore[X]\n  - a\n# imdslint: ignore[X]\n\n");
        assert_eq!(covered(&file, &[]), ["  - a", "# imdslint: ignore[X]"]);
    }

    #[test]
    fn ignore_file_covers_the_file_and_a_block_comment_before_code_its_line() {
        let whole = file("a = 1 # imdslint: ignore-file[X]\n");
        assert_eq!(covered(&whole, &[]), ["the file"]);

        let block = file("/* x\n   imdslint: ignore[X] y */ a = 1\nb = 2\n");
        let comment =
            Comment { span: span(&block, "/* x\n   imdslint: ignore[X] y */"), text: String::new(), alone: true };
        let directives = from_comments(&block, &[comment], &[span(&block, "b = 2")]);
        assert_eq!(directives[0].covers, Covers::Span(span(&block, "/* x\n   imdslint: ignore[X] y */ a = 1")));
        assert_eq!(block.slice(directives[0].span), "imdslint: ignore[X] y");
        assert_eq!(block.slice(directives[0].rules[0].1), "X");
    }

    fn string(file: &SourceFile, text: &str) -> Node {
        let span = span(file, text);
        Node { kind: NodeKind::Scalar(Text::verbatim(text, span), ScalarStyle::Quoted), span, tag: None }
    }

    fn mapping(file: &SourceFile, part: &str, entries: Vec<(Node, Node)>) -> Node {
        let entries = entries.into_iter().map(|(key, value)| Entry { key, value }).collect();
        Node { kind: NodeKind::Mapping(entries), span: span(file, part), tag: None }
    }

    fn sequence(file: &SourceFile, part: &str, items: Vec<Node>) -> Node {
        Node { kind: NodeKind::Sequence(items), span: span(file, part), tag: None }
    }

    #[test]
    fn the_comment_property_covers_its_object_with_the_key() {
        let file = file(r#"{"web": {"//": ["imdslint: ignore[X] a", "prose"], "ami": "a"}}"#);
        let notes = sequence(&file, "[\"imd", vec![string(&file, "imdslint: ignore[X] a"), string(&file, "prose")]);
        let web = mapping(
            &file,
            r#"{"//": ["imdslint: ignore[X] a", "prose"], "ami": "a"}"#,
            vec![(string(&file, "//"), notes), (string(&file, "ami"), string(&file, "a"))],
        );
        let root = mapping(&file, file.text(), vec![(string(&file, "web"), web)]);
        let directives = from_json_comments(&root);
        assert_eq!(directives.len(), 1);
        let Covers::Span(covered) = directives[0].covers else { panic!("it covers a span") };
        assert_eq!(file.slice(covered), r#"web": {"//": ["imdslint: ignore[X] a", "prose"], "ami": "a"}"#);
        assert_eq!(file.slice(directives[0].rules[0].1), "X");
        assert_eq!(directives[0].reason.as_deref(), Some("a"));
    }

    #[test]
    fn metadata_of_a_template_and_of_a_resource() {
        let file = file(
            "Metadata: {imdslint: {ignroe: 1}}\nResources:\n  Web:\n    Metadata:\n      imdslint:\n        ignore:\n          - {rule: IMDS101, reason: why, until: 2027-03-31}\n          - {rules: [A]}\n          - just text\n",
        );
        let text = |part| string(&file, part);
        let item = "{rule: IMDS101, reason: why, until: 2027-03-31}";
        let good = mapping(
            &file,
            item,
            vec![(text("rule"), text("IMDS101")), (text("reason"), text("why")), (text("until"), text("2027-03-31"))],
        );
        let list = sequence(&file, "[A]", vec![text("A")]);
        let misspelt = mapping(&file, "{rules: [A]}", vec![(text("rules"), list)]);
        let items = sequence(&file, "- {rule", vec![good, misspelt, text("just text")]);
        let settings = mapping(&file, "ignore:", vec![(text("ignore"), items)]);
        let metadata = mapping(&file, "imdslint:\n", vec![(text("imdslint"), settings)]);
        let web = mapping(&file, "Metadata:\n      imdslint", vec![(text("Metadata"), metadata)]);
        let resources = mapping(&file, "Web:\n", vec![(text("Web"), web)]);
        let template = mapping(&file, "{ignroe: 1}", vec![(text("ignroe"), text("1"))]);
        let template = mapping(&file, "{imdslint: {ignroe: 1}}", vec![(text("imdslint"), template)]);
        let root = mapping(&file, file.text(), vec![(text("Metadata"), template), (text("Resources"), resources)]);

        let directives = from_cloudformation(&root);
        assert_eq!(directives.len(), 4);
        assert_eq!((directives[0].covers, directives[0].rules.len()), (Covers::File, 0), "it is misspelt");
        let of_item = &directives[1];
        assert_eq!(file.slice(of_item.span), item);
        assert_eq!(of_item.rules, [("IMDS101".to_owned(), span(&file, "IMDS101"))]);
        assert_eq!(of_item.reason.as_deref(), Some("why"));
        assert_eq!(of_item.until.unwrap().date, Date::parse("2027-03-31"));
        let Covers::Span(covered) = of_item.covers else { panic!("it covers a span") };
        assert_eq!(file.slice(covered), "Web:\n    Metadata:\n      imdslint");
        assert!(directives[2..].iter().all(|directive| directive.rules.is_empty()), "they name no rule");
    }
}

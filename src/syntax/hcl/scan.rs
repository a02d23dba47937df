//! A scanner for what the parser does not give: comments, where brackets and quotes stand open, and where the
//! parser has to be shown something else.
//!
//! It never fails and takes time in proportion to the text. Where it meets a fault it goes on at the next place
//! that is certain: the end of the line after a quote without partner, the next top-level block after a bracket
//! without partner.

use std::collections::BTreeMap;
use std::ops::Range;

/// What the scanner found. All ranges count bytes from the start of the scanned text.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The comments, from marker to end.
    pub(super) comments: Vec<Range<usize>>,
    /// What stands open or closes nothing, in the order of its detection.
    pub(super) faults: Vec<Fault>,
    /// The bytes to replace before parsing, in order.
    pub(super) edits: Vec<Edit>,
    /// The brackets with their partners, the inner ones first.
    pub(super) pairs: Vec<Pair>,
    /// The starts of the lines at which a top-level attribute or block begins.
    pub(super) heads: Vec<usize>,
}

/// A bracket and its partner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) open: usize,
    pub(super) close: usize,
}

/// Something that stands open or closes nothing.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    pub(super) range: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// A quote without a partner on its line.
    Quote,
    /// A heredoc without its closing marker.
    Heredoc,
    /// `/*` without `*/`.
    Comment,
    /// A bracket, `${` or `%{` that is never closed.
    Open,
    /// A closing bracket without partner.
    Close,
    /// An object with more keys than are read: the parser compares each with each.
    ManyKeys,
}

/// Bytes that the parser must be shown as something else. The lengths never change.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// White space and comments where the parser knows no line breaks but HCL allows them.
    Blank(Range<usize>),
    /// A line of a heredoc that begins with the closing marker but goes on after it.
    NotMarker(usize),
    /// A heredoc without any line, which the parser takes to go on until its marker stands on another line.
    EmptyHeredoc(Range<usize>),
}

/// What kind of text a scan begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Attributes and blocks.
    Body,
    /// An expression.
    Expression,
    /// A template.
    Template,
}

/// The words that begin top-level blocks of Terraform and Packer files. At the start of a line, such a block shows
/// that brackets before it stand open by mistake.
const TOP_LEVEL_BLOCKS: [&str; 16] = [
    "build",
    "check",
    "data",
    "ephemeral",
    "import",
    "locals",
    "module",
    "moved",
    "output",
    "packer",
    "provider",
    "removed",
    "resource",
    "source",
    "terraform",
    "variable",
];

/// The parser's work for objects grows with the square of their number of keys; this bounds the sum of the squares.
const MOST_KEY_COMPARISONS: usize = 200_000_000;

/// How far down the partner of a closing bracket is looked for when brackets are mixed up.
const REACH_OF_CLOSING_BRACKETS: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Brace,
    /// `{ for …`.
    ForBrace,
    Parenthesis,
    Square,
    Quoted,
    /// `${ … }`.
    Interpolation,
    /// `%{ … }`.
    Directive,
    /// A heredoc's content, to where its closing marker ends.
    Heredoc {
        marker_end: usize,
    },
    /// A template that is no heredoc.
    Template,
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    open: usize,
    /// Where the content ends at the latest: the start of the closing marker's line of the heredoc around it.
    limit: usize,
    /// The number of `=` and `:` directly in the frame.
    keys: usize,
}

struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    frames: Vec<Frame>,
    /// The lines that consist of one identifier, by it: each as its start and the end of the identifier.
    markers: Option<BTreeMap<&'a str, Vec<(usize, usize)>>>,
    /// A limit and a place from which on no `*/` stands before that limit.
    no_comment_end: Option<(usize, usize)>,
    key_comparisons: usize,
    scan: Scan,
}

/// Scans `text`.
pub(super) fn scan(text: &str, start: Start) -> Scan {
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        at: 0,
        frames: Vec::new(),
        markers: None,
        no_comment_end: None,
        key_comparisons: 0,
        scan: Scan::default(),
    };
    if start == Start::Template {
        scanner.push(Kind::Template, 0);
    }
    scanner.run(start);
    scanner.scan
}

impl Scanner<'_> {
    fn run(&mut self, start: Start) {
        loop {
            self.leave_finished_heredocs();
            if self.at >= self.bytes.len() {
                break;
            }
            match self.frames.last().map(|frame| frame.kind) {
                Some(Kind::Quoted) => self.in_quotes(),
                Some(Kind::Heredoc { .. } | Kind::Template) => self.in_template(),
                _ => {
                    if start == Start::Body && self.at_line_start() {
                        self.top_level_line();
                    }
                    self.in_code();
                }
            }
        }
        while let Some(frame) = self.frames.pop() {
            self.report_open(&frame);
        }
    }

    fn push(&mut self, kind: Kind, open: usize) {
        let limit = self.limit();
        self.frames.push(Frame { kind, open, limit, keys: 0 });
    }

    fn limit(&self) -> usize {
        self.frames.last().map_or(self.bytes.len(), |frame| frame.limit)
    }

    fn starts_with(&self, prefix: &str) -> bool {
        self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(prefix.as_bytes()))
    }

    fn at_line_start(&self) -> bool {
        self.at.checked_sub(1).is_none_or(|before| self.bytes.get(before) == Some(&b'\n'))
    }

    fn report_open(&mut self, frame: &Frame) {
        let kind = match frame.kind {
            Kind::Template | Kind::Heredoc { .. } => return,
            Kind::Quoted => FaultKind::Quote,
            _ => FaultKind::Open,
        };
        let length = if matches!(frame.kind, Kind::Interpolation | Kind::Directive) { 2 } else { 1 };
        self.scan.faults.push(Fault { kind, range: frame.open..frame.open + length });
    }

    /// Leaves the heredocs whose content ends here, and what stands open in them.
    fn leave_finished_heredocs(&mut self) {
        while let Some(frame) = self.frames.last() {
            if self.at < frame.limit || frame.limit == self.bytes.len() {
                return;
            }
            let Some(frame) = self.frames.pop() else { return };
            match frame.kind {
                Kind::Heredoc { marker_end } => self.at = marker_end,
                _ => self.report_open(&frame),
            }
        }
    }

    /// Notes the start of a top-level attribute or block, and closes what stands open before a block that can
    /// stand at the top only.
    fn top_level_line(&mut self) {
        let line = self.bytes.get(self.at..).unwrap_or_default();
        let word_length = line.iter().take_while(|byte| is_word(**byte)).count();
        let rest = line.get(word_length..).unwrap_or_default();
        let after = rest.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
        let next = after.and_then(|at| rest.get(at)).copied();
        let is_attribute = next == Some(b'=') && after.and_then(|at| rest.get(at + 1)) != Some(&b'=');
        let is_block = matches!(next, Some(b'{' | b'"'));
        if word_length == 0 || line.first().is_some_and(u8::is_ascii_digit) || !(is_attribute || is_block) {
            return;
        }
        if !self.frames.is_empty() {
            let word = self.text.get(self.at..self.at + word_length).unwrap_or("");
            let in_heredoc = self.limit() < self.bytes.len();
            if in_heredoc || !is_block || !TOP_LEVEL_BLOCKS.contains(&word) {
                return;
            }
            while let Some(frame) = self.frames.pop() {
                self.report_open(&frame);
            }
        }
        self.scan.heads.push(self.at);
    }

    fn in_code(&mut self) {
        let Some(&byte) = self.bytes.get(self.at) else { return };
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => self.blank(),
            b'#' => self.comment(),
            b'/' if self.starts_with("//") || self.starts_with("/*") => self.comment(),
            b'"' => self.enter(Kind::Quoted, 1),
            b'<' if self.starts_with("<<") => self.heredoc(),
            b'(' => self.enter(Kind::Parenthesis, 1),
            b'[' => self.enter(Kind::Square, 1),
            b'{' => self.enter(if self.is_for() { Kind::ForBrace } else { Kind::Brace }, 1),
            b')' | b']' | b'}' => self.close(byte),
            b'=' | b':' => {
                let is_operator = self.bytes.get(self.at + 1).is_some_and(|next| matches!(next, b'=' | b'>'))
                    || self
                        .at
                        .checked_sub(1)
                        .and_then(|before| self.bytes.get(before))
                        .is_some_and(|before| matches!(before, b'=' | b'!' | b'<' | b'>'));
                if let Some(frame) = self.frames.last_mut()
                    && !is_operator
                {
                    frame.keys += 1;
                }
                self.at += 1;
            }
            _ => self.at += 1,
        }
    }

    fn enter(&mut self, kind: Kind, length: usize) {
        self.push(kind, self.at);
        self.at += length;
    }

    /// Whether the brace here begins a `for` expression.
    fn is_for(&self) -> bool {
        let rest = self.text.get(self.at + 1..).unwrap_or("").trim_start();
        rest.strip_prefix("for").is_some_and(|rest| rest.starts_with([' ', '\t', '#', '/', '\n', '\r']))
    }

    /// Whether line breaks here are mere white space for HCL but not for the parser.
    fn joins_lines(&self) -> bool {
        self.frames.last().is_some_and(|frame| matches!(frame.kind, Kind::ForBrace | Kind::Directive))
    }

    fn blank(&mut self) {
        let start = self.at;
        let limit = self.limit();
        while self.at < limit && matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
            if self.bytes.get(self.at - 1) == Some(&b'\n') {
                break;
            }
        }
        if self.joins_lines() {
            self.scan.edits.push(Edit::Blank(start..self.at));
        }
        self.at = self.at.max(start + 1);
    }

    fn comment(&mut self) {
        let start = self.at;
        let rest = self.bytes.get(start..self.limit()).unwrap_or_default();
        let end = if self.starts_with("/*") {
            let hopeless = self.no_comment_end.is_some_and(|(limit, from)| limit == self.limit() && from <= start);
            let found = if hopeless { None } else { find(rest.get(2..), b"*/") };
            let Some(length) = found else {
                if !hopeless {
                    self.no_comment_end = Some((self.limit(), start));
                }
                self.scan.faults.push(Fault { kind: FaultKind::Comment, range: start..start + 2 });
                self.at += 2;
                return;
            };
            start + 2 + length + 2
        } else {
            let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            let carriage_return = length > 0 && rest.get(length - 1) == Some(&b'\r');
            start + length - usize::from(carriage_return)
        };
        self.scan.comments.push(start..end);
        if self.joins_lines() {
            self.scan.edits.push(Edit::Blank(start..end));
        }
        self.at = end;
    }

    /// Enters the heredoc whose `<<` stands here, if it is one.
    fn heredoc(&mut self) {
        let start = self.at;
        self.at += 2;
        let name_start = self.at + usize::from(self.bytes.get(self.at) == Some(&b'-'));
        let name_length =
            self.bytes.get(name_start..).unwrap_or_default().iter().take_while(|byte| is_word(**byte)).count();
        let name_end = name_start + name_length;
        let rest = self.bytes.get(name_end..).unwrap_or_default();
        let break_length = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
        if name_length == 0 || break_length == 0 {
            return;
        }
        let name = self.text.get(name_start..name_end).unwrap_or("");
        let content = name_end + break_length;
        let limit = self.limit();
        let lines = self.markers.get_or_insert_with(|| marker_lines(self.text));
        let end = lines.get(name).and_then(|lines| {
            let first = lines.partition_point(|(line, _)| *line < content);
            lines.get(first).copied()
        });
        match end {
            Some((line, marker_end)) if line <= limit && line == content => {
                self.scan.edits.push(Edit::EmptyHeredoc(start..marker_end));
                self.at = marker_end;
            }
            Some((line, marker_end)) if line <= limit => {
                self.frames.push(Frame { kind: Kind::Heredoc { marker_end }, open: start, limit: line, keys: 0 });
                self.at = content;
            }
            _ => {
                self.scan.faults.push(Fault { kind: FaultKind::Heredoc, range: start..name_end });
                self.at = name_end;
            }
        }
    }

    fn close(&mut self, bracket: u8) {
        let closes = |kind: Kind| match bracket {
            b')' => kind == Kind::Parenthesis,
            b']' => kind == Kind::Square,
            _ => matches!(kind, Kind::Brace | Kind::ForBrace | Kind::Interpolation | Kind::Directive),
        };
        let reachable = self
            .frames
            .iter()
            .rev()
            .take(REACH_OF_CLOSING_BRACKETS)
            .take_while(|frame| !matches!(frame.kind, Kind::Quoted | Kind::Heredoc { .. } | Kind::Template));
        let Some(depth) = reachable.map(|frame| frame.kind).position(closes) else {
            self.scan.faults.push(Fault { kind: FaultKind::Close, range: self.at..self.at + 1 });
            self.at += 1;
            return;
        };
        for _ in 0..depth {
            if let Some(frame) = self.frames.pop() {
                self.report_open(&frame);
            }
        }
        if let Some(frame) = self.frames.pop() {
            self.key_comparisons = self.key_comparisons.saturating_add(frame.keys.saturating_mul(frame.keys));
            if self.key_comparisons > MOST_KEY_COMPARISONS {
                let range = frame.open..self.at + 1;
                self.scan.faults.push(Fault { kind: FaultKind::ManyKeys, range });
                self.key_comparisons -= frame.keys * frame.keys;
            }
            self.scan.pairs.push(Pair { open: frame.open, close: self.at });
        }
        self.at += 1;
    }

    fn in_quotes(&mut self) {
        match self.bytes.get(self.at) {
            Some(b'\\') if self.bytes.get(self.at + 1).is_some_and(|next| *next != b'\n') => self.at += 2,
            Some(b'"') => {
                self.frames.pop();
                self.at += 1;
            }
            Some(b'\n') => self.quote_without_partner(),
            _ => self.template_byte(),
        }
    }

    fn in_template(&mut self) {
        if self.at_line_start()
            && let Some(Frame { kind: Kind::Heredoc { marker_end }, limit, .. }) = self.frames.last()
        {
            let marker = self.text.get(*limit..*marker_end).unwrap_or("").trim_start();
            let line = self.bytes.get(self.at..).unwrap_or_default();
            let indent = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let after = line.get(indent..).and_then(|line| line.strip_prefix(marker.as_bytes()));
            if after.is_some_and(|after| after.first().is_none_or(|next| !is_word(*next))) {
                self.scan.edits.push(Edit::NotMarker(self.at + indent));
            }
        }
        self.template_byte();
    }

    fn template_byte(&mut self) {
        if self.starts_with("$${") || self.starts_with("%%{") {
            self.at += 3;
        } else if self.starts_with("${") {
            self.enter(Kind::Interpolation, 2);
        } else if self.starts_with("%{") {
            self.enter(Kind::Directive, 2);
        } else {
            self.at += 1;
        }
    }

    /// Leaves the string that is not closed on this line, and all strings around it.
    fn quote_without_partner(&mut self) {
        if let Some(frame) = self.frames.pop() {
            self.report_open(&frame);
        }
        let outermost = self
            .frames
            .iter()
            .rposition(|frame| matches!(frame.kind, Kind::Heredoc { .. } | Kind::Template))
            .map_or(0, |heredoc| heredoc + 1);
        let around = self.frames.iter().skip(outermost).position(|frame| frame.kind == Kind::Quoted);
        if let Some(quoted) = around {
            self.frames.truncate(outermost + quoted);
        }
        self.at += 1;
    }
}

/// Whether a byte can be part of an identifier. All bytes of characters beyond ASCII count.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || !byte.is_ascii()
}

fn find(text: Option<&[u8]>, sought: &[u8]) -> Option<usize> {
    text?.windows(sought.len()).position(|window| window == sought)
}

/// The lines that consist of one identifier, by it: each as its start and the end of the identifier.
fn marker_lines(text: &str) -> BTreeMap<&str, Vec<(usize, usize)>> {
    let mut lines: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let word = line.trim();
        if !word.is_empty() && word.bytes().all(is_word) {
            let end = start + line.trim_end().len();
            lines.entry(word).or_default().push((start, end));
        }
        start += line.len();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comments(text: &str) -> Vec<&str> {
        scan(text, Start::Body).comments.into_iter().map(|range| &text[range]).collect()
    }

    fn faults(text: &str) -> Vec<(FaultKind, &str)> {
        scan(text, Start::Body).faults.into_iter().map(|fault| (fault.kind, &text[fault.range])).collect()
    }

    #[test]
    fn comments_are_found_outside_of_strings_and_heredocs_only() {
        let text = "a = 1 # one\r\n/* two\n*/ b = \"# no // ${x /* three */ + \"# no\"} # no\"\n\
                    c = <<-E\n # no\n ${ y # four\n }\n  E\n// five\nd = 4 / 2";
        assert_eq!(comments(text), ["# one", "/* two\n*/", "/* three */", "# four", "// five"]);
        assert_eq!(faults(text), []);
    }

    #[test]
    fn comments_are_found_after_faults() {
        assert_eq!(comments("a = \"x # no\nb = 1 # yes\n"), ["# yes"]);
        assert_eq!(comments("a = \"${x(\"\nb = 1 # yes\n"), ["# yes"]);
        assert_eq!(comments("a = <<E\nb = 1 # yes\n"), ["# yes"]);
        assert_eq!(comments("a = { # one\nresource \"a\" \"b\" {} # two\n"), ["# one", "# two"]);
        assert_eq!(comments("a = 1 /* no\nb = 1 # yes\n"), ["# yes"]);
    }

    #[test]
    fn what_stands_open_is_told() {
        assert_eq!(faults("a = \"x\nb = [\n"), [(FaultKind::Quote, "\""), (FaultKind::Open, "[")]);
        assert_eq!(faults("a = <<-E1\nE\n"), [(FaultKind::Heredoc, "<<-E1")]);
        assert_eq!(faults("a = (1]\n"), [(FaultKind::Close, "]"), (FaultKind::Open, "(")]);
        assert_eq!(faults("a = /* b\n"), [(FaultKind::Comment, "/*")]);
        assert_eq!(faults("a {\nb = [\nresource \"a\" {}\n"), [(FaultKind::Open, "["), (FaultKind::Open, "{")]);
    }

    #[test]
    fn top_level_statements_are_told_from_lines_of_heredocs() {
        let text = "a = <<E\nresource \"x\" {\nE\nlocals {\nb = 1\n}\nb = {\nresource \"y\" \"z\" {}\n";
        let heads: Vec<&str> =
            scan(text, Start::Body).heads.into_iter().map(|at| text[at..].lines().next().unwrap()).collect();
        assert_eq!(heads, ["a = <<E", "locals {", "b = {", "resource \"y\" \"z\" {}"]);
    }
}

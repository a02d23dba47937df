//! Where words, comments and here-documents stand, so that the grammar is shown nothing but the skeleton of a script.
//!
//! The grammar misreads here-documents beside pipes and lists, and rare expansions. So it is shown, byte for byte as
//! long as the script, only reserved words, operators, and the redirections of compound commands; a simple command
//! is a run of `_`, comments and the bodies of here-documents are blank. Words are read by `word`.
//!
//! The scanner never fails and takes time in proportion to the script.

use std::collections::BTreeMap;
use std::ops::Range;

/// Scripts with longer pipelines, chains or lists of patterns are not shown to the grammar: it needs memory and time
/// in proportion to the square of their length when an error follows.
const LONGEST_CHAIN: usize = 500;

/// A here-document.
#[derive(Clone, Debug)]
pub(super) struct HereDocument {
    /// The lines, the closing one excepted.
    pub(super) body: Range<usize>,
    /// Whether tabs at the starts of lines are no part of it (`<<-`).
    pub(super) strips_tabs: bool,
    /// Whether nothing in it is expanded.
    pub(super) quoted: bool,
}

/// What a script is made of.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) source: &'a str,
    /// What the grammar is shown.
    pub(super) skeleton: Vec<u8>,
    /// From the marker to the end of the line.
    pub(super) comments: Vec<Range<usize>>,
    /// By the offsets of their operators.
    pub(super) here_documents: BTreeMap<usize, HereDocument>,
    /// From the starts of the statements that are negated to the places of the `!`, which the grammar is not shown.
    pub(super) negations: BTreeMap<usize, usize>,
    /// The start of the word in which a quote or bracket is never closed: a shell runs nothing from there on.
    pub(super) unterminated: Option<usize>,
    /// Whether a pipeline or chain is too long for the grammar.
    pub(super) has_long_chain: bool,
    /// Whether a quote or bracket that was passed is never closed.
    pub(super) open: bool,
}

/// A here-document whose operator was read but not yet its lines.
struct Pending {
    operator: usize,
    delimiter: String,
    strips_tabs: bool,
    quoted: bool,
}

/// What a word must be, where that depends on the words before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Anything,
    LoopVariable,
    LoopIn,
    CaseSubject,
    CaseIn,
    FunctionName,
}

/// Where in the grammar a scan of commands is.
struct State {
    /// Whether a reserved word may follow.
    command: bool,
    /// Whether a compound command ended just before, without a separator since.
    closed: bool,
    expected: Expected,
    /// Open parentheses of subshells.
    parentheses: usize,
    /// The open `case`s: whether a pattern follows.
    cases: Vec<bool>,
    /// The end of the last word of the simple command that is being read.
    simple_end: Option<usize>,
    /// How many operators join the commands read so far.
    chain: usize,
    pending: Vec<Pending>,
}

impl<'a> Scanner<'a> {
    /// A scanner that has not scanned yet.
    pub(super) fn new(source: &'a str) -> Self {
        Self {
            bytes: source.as_bytes(),
            source,
            skeleton: Vec::new(),
            comments: Vec::new(),
            here_documents: BTreeMap::new(),
            negations: BTreeMap::new(),
            unterminated: None,
            has_long_chain: false,
            open: false,
        }
    }

    /// Scans the whole script.
    pub(super) fn scan(&mut self) {
        self.skeleton = self.bytes.to_vec();
        self.commands(0, false, 0);
    }

    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    fn show(&mut self, range: Range<usize>, as_byte: u8, depth: usize) {
        if depth == 0
            && let Some(bytes) = self.skeleton.get_mut(range)
        {
            bytes.fill(as_byte);
        }
    }

    /// Passes commands up to the `)` that closes a substitution, or to the end.
    pub(super) fn commands(&mut self, start: usize, nested: bool, depth: usize) -> usize {
        let mut state = State {
            command: true,
            closed: false,
            expected: Expected::Anything,
            parentheses: 0,
            cases: Vec::new(),
            simple_end: None,
            chain: 0,
            pending: Vec::new(),
        };
        let mut at = start;
        while at < self.bytes.len() {
            let after_blanks = self.blanks(at);
            if after_blanks > at {
                self.show(at..after_blanks, b' ', depth);
                at = after_blanks;
                continue;
            }
            match self.byte(at) {
                b'\n' => {
                    if state.simple_end.is_some() || state.closed {
                        state.chain = 0;
                    }
                    at = self.bodies(at + 1, &mut state.pending, depth);
                    state.separate();
                }
                b'#' => {
                    let end = self.comment_end(at);
                    if depth == 0 {
                        self.comments.push(at..end);
                    }
                    self.show(at..end, b' ', depth);
                    at = end;
                }
                b')' if nested && state.parentheses == 0 && !state.in_pattern() => return at + 1,
                b'(' | b')' | b';' | b'|' => at = self.operator(at, &mut state, depth),
                b'&' if self.byte(at + 1) != b'>' => at = self.operator(at, &mut state, depth),
                _ => {
                    at = match self.redirection_operator(at) {
                        Some(operator) => self.redirection(at, operator, &mut state, depth),
                        None => self.command_word(at, &mut state, depth),
                    }
                }
            }
        }
        // A here-document without any line is empty.
        self.bodies(self.bytes.len(), &mut state.pending, depth);
        self.open |= nested;
        self.bytes.len()
    }

    /// Passes `(`, `)`, `;`, `|`, `&` and what they are doubled to.
    fn operator(&mut self, at: usize, state: &mut State, depth: usize) -> usize {
        state.chain = if matches!(self.byte(at), b'|' | b'&') { state.chain + 1 } else { 0 };
        self.has_long_chain |= depth == 0 && state.chain > LONGEST_CHAIN;
        match self.byte(at) {
            b'(' if state.in_pattern() => return at + 1,
            b'(' => {
                let may_be_arithmetic = state.command || state.expected == Expected::LoopVariable;
                if may_be_arithmetic && let Some(end) = self.arithmetic(at) {
                    self.show(at..end, b'_', depth);
                    let is_loop = state.expected == Expected::LoopVariable;
                    state.expected = if is_loop { Expected::LoopIn } else { Expected::Anything };
                    state.close();
                    return end;
                }
                state.parentheses += 1;
                state.separate();
            }
            b')' => {
                if state.in_pattern() {
                    if let Some(pattern) = state.cases.last_mut() {
                        *pattern = false;
                    }
                    state.separate();
                } else {
                    state.parentheses = state.parentheses.saturating_sub(1);
                    state.close();
                }
            }
            b';' if matches!(self.byte(at + 1), b';' | b'&') => {
                if let Some(pattern) = state.cases.last_mut() {
                    *pattern = true;
                }
                state.separate();
                return at + if self.bytes[at..].starts_with(b";;&") { 3 } else { 2 };
            }
            // The bar between two patterns.
            b'|' if state.in_pattern() => {}
            _ => state.separate(),
        }
        at + 1
    }

    /// Passes a word of a command, a reserved word or a test in double brackets.
    fn command_word(&mut self, at: usize, state: &mut State, depth: usize) -> usize {
        let end = self.word(at, depth).max(at + 1);
        let word = self.source.get(at..end).unwrap_or("");
        let shown = match (state.expected, word) {
            (Expected::LoopIn, "in") => {
                state.expected = Expected::Anything;
                state.command = false;
                true
            }
            (Expected::CaseIn, "in") => {
                state.expected = Expected::Anything;
                state.cases.push(true);
                true
            }
            (Expected::LoopVariable, _) => state.word_then(Expected::LoopIn),
            (Expected::CaseSubject, _) => state.word_then(Expected::CaseIn),
            (Expected::FunctionName, _) => {
                state.separate();
                false
            }
            _ if state.in_pattern() => {
                if word == "esac" {
                    self.separate_closed(at, state, depth);
                    state.cases.pop();
                    state.close();
                }
                word == "esac"
            }
            _ if state.command => return self.first_word(at, end, state, depth),
            _ => {
                self.show_simple(at..end, state, depth);
                true
            }
        };
        if !shown {
            self.show(at..end, b'_', depth);
        }
        end
    }

    /// Passes a word where a reserved word may stand.
    fn first_word(&mut self, at: usize, end: usize, state: &mut State, depth: usize) -> usize {
        match self.source.get(at..end).unwrap_or("") {
            "if" | "while" | "until" | "{" => state.separate(),
            "!" => {
                if depth == 0 {
                    self.negations.insert(self.blanks(end), at);
                }
                self.show(at..end, b' ', depth);
            }
            "then" | "do" | "else" | "elif" => {
                self.separate_closed(at, state, depth);
                state.expected = Expected::Anything;
                state.separate();
            }
            "fi" | "done" | "}" => {
                self.separate_closed(at, state, depth);
                state.close();
            }
            "esac" => {
                self.separate_closed(at, state, depth);
                state.cases.pop();
                state.close();
            }
            "for" | "select" => state.expected = Expected::LoopVariable,
            "case" => state.expected = Expected::CaseSubject,
            "function" => state.expected = Expected::FunctionName,
            "time" => self.show(at..end, b' ', depth),
            "[[" => {
                let end = self.test_end(end, depth);
                self.show(at..end, b'_', depth);
                state.close();
                return end;
            }
            _ => {
                self.show_simple(at..end, state, depth);
                state.command = false;
                state.closed = false;
            }
        }
        end
    }

    /// Shows the words of a simple command as a single one.
    fn show_simple(&mut self, range: Range<usize>, state: &mut State, depth: usize) {
        self.show(state.simple_end.unwrap_or(range.start)..range.end, b'_', depth);
        state.simple_end = Some(range.end);
    }

    /// Shows a `;` between a compound command and a reserved word that follows it: shells do not ask for one, the
    /// grammar does.
    fn separate_closed(&mut self, at: usize, state: &State, depth: usize) {
        if state.closed && depth == 0 && at > 0 && self.skeleton.get(at - 1) == Some(&b' ') {
            self.skeleton[at - 1] = b';';
        }
    }

    /// Passes a redirection. The grammar is shown that of a compound command only; that of a simple one is a word.
    fn redirection(&mut self, start: usize, operator: usize, state: &mut State, depth: usize) -> usize {
        let after_operator = operator + self.operator_length(operator);
        let target = self.blanks(after_operator);
        let end = self.word(target, depth);
        if self.is_here_document(operator) {
            let raw = self.source.get(target..end).unwrap_or("");
            state.pending.push(Pending {
                operator,
                delimiter: raw.replace(['\'', '"', '\\'], ""),
                strips_tabs: self.byte(operator + 2) == b'-',
                quoted: raw.contains(['\'', '"', '\\']),
            });
        }
        if state.closed {
            self.show(operator..operator + 1, b'>', depth);
            self.show(operator + 1..target, b' ', depth);
            self.show(target..end, b'_', depth);
        } else {
            self.show_simple(start..end, state, depth);
            state.command = false;
        }
        end
    }

    /// Where the operator of a redirection stands that begins at `at`, perhaps with a descriptor.
    pub(super) fn redirection_operator(&self, at: usize) -> Option<usize> {
        let rest = self.bytes.get(at..)?;
        let descriptor = match rest.first()? {
            b'0'..=b'9' => rest.iter().take_while(|byte| byte.is_ascii_digit()).count(),
            b'{' => {
                rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'{')).count() + 1
            }
            b'&' if rest.get(1) == Some(&b'>') => return Some(at),
            _ => 0,
        };
        if descriptor > 1 && rest[0] == b'{' && rest.get(descriptor - 1) != Some(&b'}') {
            return None;
        }
        let operator = at + descriptor;
        let substitutes = descriptor == 0 && self.byte(operator + 1) == b'(';
        (matches!(self.byte(operator), b'<' | b'>') && !substitutes).then_some(operator)
    }

    /// The length of the operator of a redirection.
    pub(super) fn operator_length(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let operators: [&[u8]; 9] = [b"<<<", b"<<-", b"&>>", b"<<", b">>", b"<>", b">|", b">&", b"<&"];
        let found = operators.iter().find(|operator| rest.starts_with(operator));
        found.map_or(if rest.starts_with(b"&>") { 2 } else { 1 }, |operator| operator.len())
    }

    fn is_here_document(&self, operator: usize) -> bool {
        let rest = self.bytes.get(operator..).unwrap_or_default();
        rest.starts_with(b"<<") && !rest.starts_with(b"<<<")
    }

    /// Passes the lines of the here-documents that were announced on the line before `start`.
    fn bodies(&mut self, start: usize, pending: &mut Vec<Pending>, depth: usize) -> usize {
        let mut at = start;
        for document in pending.drain(..) {
            let body = at;
            let mut end = self.bytes.len();
            at = end;
            let mut line_start = body;
            for line in self.source.get(body..).unwrap_or("").split_inclusive('\n') {
                let content = line.trim_end_matches('\n').trim_end_matches('\r');
                let content = if document.strips_tabs { content.trim_start_matches('\t') } else { content };
                if content == document.delimiter {
                    end = line_start;
                    at = line_start + line.len();
                    break;
                }
                line_start += line.len();
            }
            if depth == 0 {
                let Pending { operator, strips_tabs, quoted, .. } = document;
                self.here_documents.insert(operator, HereDocument { body: body..end, strips_tabs, quoted });
            }
        }
        self.show(start..at, b' ', depth);
        at
    }
}

impl State {
    fn in_pattern(&self) -> bool {
        self.cases.last() == Some(&true)
    }

    /// After a separator, an opening bracket or a reserved word that another command follows.
    fn separate(&mut self) {
        self.command = true;
        self.closed = false;
        self.simple_end = None;
        if matches!(self.expected, Expected::LoopIn | Expected::FunctionName) {
            self.expected = Expected::Anything;
        }
    }

    /// After the end of a compound command.
    fn close(&mut self) {
        self.command = true;
        self.closed = true;
        self.simple_end = None;
    }

    /// After a word that decides what the next one must be. Tells that the word itself is not reserved.
    fn word_then(&mut self, expected: Expected) -> bool {
        self.expected = expected;
        self.command = false;
        self.closed = false;
        self.simple_end = None;
        false
    }
}

//! The words of commands: quotes, variables, expressions in parentheses, lists, redirections.

use std::ops::Range;

use super::{NESTING, Reader};
use crate::source::Text;
use crate::syntax::script::{
    Command, Operation, Parameter, Redirection, RedirectionKind, Statement, StatementKind, Word, WordPart, WordPartKind,
};

/// Collects the parts of a word and joins neighbouring literals.
#[derive(Default)]
pub(super) struct Parts {
    finished: Vec<WordPart>,
    literal: Text,
    /// The bytes that the literal was read from.
    range: Option<Range<usize>>,
}

impl Parts {
    fn add(&mut self, text: &Text, range: Range<usize>) {
        self.literal.push_text(text);
        match &mut self.range {
            Some(whole) => whole.end = range.end,
            None => self.range = Some(range),
        }
    }

    fn flush(&mut self, reader: &Reader) {
        if let Some(range) = self.range.take() {
            let kind = WordPartKind::Literal(std::mem::take(&mut self.literal));
            self.finished.push(WordPart { kind, quoted: true, span: reader.span(range) });
        }
    }

    fn push(&mut self, reader: &Reader, parts: Vec<WordPart>) {
        self.flush(reader);
        self.finished.extend(parts);
    }

    fn finish(mut self, reader: &Reader) -> Vec<WordPart> {
        self.flush(reader);
        self.finished
    }
}

impl Reader<'_> {
    pub(super) fn part(&self, kind: WordPartKind, range: Range<usize>) -> WordPart {
        WordPart { kind, quoted: true, span: self.span(range) }
    }

    /// A part that is written here but whose value is not computed.
    pub(super) fn unknown_part(&self, range: Range<usize>) -> WordPart {
        let text = Text::hole(self.span(range.clone()), "an expression that is not computed");
        self.part(WordPartKind::Hole(text), range)
    }

    pub(super) fn word_of(&self, parts: Vec<WordPart>, range: Range<usize>) -> Word {
        Word { parts, span: self.span(range) }
    }

    /// Text that the script form has and PowerShell writes otherwise.
    pub(super) fn made_up(&self, text: &str, range: Range<usize>) -> Word {
        let literal = WordPartKind::Literal(Text::encoded(text, self.span(range.clone())));
        self.word_of(vec![self.part(literal, range.clone())], range)
    }

    /// Reads the command that stands at `range`.
    pub(super) fn command(&mut self, range: Range<usize>) -> Statement {
        let mut command = Command::default();
        let mut redirections = Vec::new();
        let mut at = self.blanks(range.start, range.end);
        // `&` and `.` in front of a name call what it names.
        if matches!(self.byte(at), b'&') || self.byte(at) == b'.' && self.byte(at + 1).is_ascii_whitespace() {
            at = self.blanks(at + 1, range.end);
        }
        while at < range.end {
            at = if let Some(operator) = self.redirection_operator(at) {
                let (redirection, end) = self.redirection(at, operator, range.end);
                redirections.extend(redirection);
                end
            } else {
                match self.byte(at) {
                    b'#' => self.line_end(at),
                    b'|' | b';' | b'&' | b')' | b'}' => at + 1,
                    _ if self.rest(at, range.end).starts_with("--%") => {
                        self.verbatim_words(at + 3..range.end, &mut command.words);
                        range.end
                    }
                    _ => {
                        let (word, end) = self.word(at, range.end, !command.words.is_empty());
                        command.words.push(word);
                        end
                    }
                }
            };
            at = self.blanks(at, range.end);
        }
        let mut statement = self.statement_of(StatementKind::Command(command), range);
        statement.redirections = redirections;
        statement
    }

    pub(super) fn rest(&self, at: usize, limit: usize) -> &str {
        self.source.get(at..limit).unwrap_or("")
    }

    pub(super) fn line_end(&self, at: usize) -> usize {
        let at = self.boundary(at);
        let rest = self.source.get(at..).unwrap_or("");
        at + rest.find('\n').unwrap_or(rest.len())
    }

    /// Passes white space, line breaks that are escaped, and block comments.
    fn blanks(&self, mut at: usize, limit: usize) -> usize {
        while at < limit {
            let rest = self.source.as_bytes().get(at..limit).unwrap_or_default();
            at += match rest {
                [b' ' | b'\t' | b'\r' | b'\n', ..] => 1,
                [b'`', b'\n', ..] => 2,
                [b'`', b'\r', b'\n', ..] => 3,
                [b'<', b'#', ..] => self.rest(at, limit).find("#>").map_or(limit - at, |length| length + 2),
                _ => return at,
            };
        }
        limit
    }

    /// Where the operator of a redirection begins, if one is written here: after the number of a stream.
    fn redirection_operator(&self, at: usize) -> Option<usize> {
        match (self.byte(at), self.byte(at + 1)) {
            (b'>', _) => Some(at),
            (b'1'..=b'6' | b'*', b'>') => Some(at + 1),
            _ => None,
        }
    }

    fn redirection(&mut self, start: usize, operator: usize, limit: usize) -> (Option<Redirection>, usize) {
        let append = self.byte(operator + 1) == b'>';
        let target = operator + 1 + usize::from(append);
        let stream = self.rest(start, operator).to_owned();
        if self.byte(target) == b'&' {
            // Other streams joined to the output carry messages only.
            return (None, (target + 2).min(limit));
        }
        let target = self.blanks(target, limit);
        let (mut file, end) = self.word(target, limit, false);
        if self.rest(target, end).eq_ignore_ascii_case("$null") {
            file = self.made_up("/dev/null", target..end);
        }
        let descriptor = (operator > start && stream != "*").then(|| self.text.slice(start..operator));
        let kind = RedirectionKind::Write { file, append, both: stream == "*" };
        (Some(Redirection { descriptor, kind, span: self.span(start..end) }), end)
    }

    /// Words that PowerShell passes on as they are.
    fn verbatim_words(&self, range: Range<usize>, words: &mut Vec<Word>) {
        let mut at = range.start;
        while at < range.end {
            let rest = self.rest(at, range.end);
            at += rest.len() - rest.trim_start().len();
            let mut quoted = false;
            let ends = |&(_, each): &(usize, char)| {
                quoted ^= each == '"';
                each.is_whitespace() && !quoted
            };
            let rest = self.rest(at, range.end);
            let end = at + rest.char_indices().find(ends).map_or(rest.len(), |(length, _)| length);
            if at < end {
                let mut parts = Parts::default();
                let mut from = at;
                for piece in self.rest(at, end).split('"') {
                    self.push_literal(&mut parts, from..from + piece.len());
                    from += piece.len() + 1;
                }
                words.push(self.word_of(parts.finish(self), at..end));
            }
            at = end;
        }
    }

    /// Reads a word that begins at `at`, with the list that it may be the first element of. Returns where it ends.
    pub(super) fn word(&mut self, at: usize, limit: usize, lists: bool) -> (Word, usize) {
        let (mut parts, mut end) = self.element(at, limit);
        if lists {
            end = self.rest_of_list(&mut parts, end, limit);
        }
        let end = end.clamp(at + 1, limit.max(at + 1));
        (self.word_of(parts, at..end), end)
    }

    /// Reads the elements after the first one. Returns where the last one ends.
    fn rest_of_list(&mut self, parts: &mut Vec<WordPart>, mut end: usize, limit: usize) -> usize {
        loop {
            let comma = self.blanks(end, limit);
            if self.byte(comma) != b',' || comma >= limit {
                return end;
            }
            let literal = WordPartKind::Literal(self.text.slice(comma..comma + 1));
            parts.push(self.part(literal, comma..comma + 1));
            let next = self.blanks(comma + 1, limit);
            if next >= limit {
                return limit;
            }
            let (more, after) = self.element(next, limit);
            parts.extend(more);
            end = after.max(next);
        }
    }

    /// Reads one element of an argument.
    fn element(&mut self, start: usize, limit: usize) -> (Vec<WordPart>, usize) {
        let mut parts = Parts::default();
        let mut at = start;
        while at < limit {
            at = match self.byte(at) {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b'&' | b')' | b'}' | b',' => break,
                b'`' => self.escape(&mut parts, at, limit),
                b'\'' => self.single_quoted(&mut parts, at, limit),
                b'"' => self.double_quoted(&mut parts, at, limit),
                b'@' if at == start && matches!(self.byte(at + 1), b'"' | b'\'') => {
                    self.here_string(&mut parts, at, limit)
                }
                b'@' if at == start && is_name(self.byte(at + 1)) => self.splat(&mut parts, at, limit),
                b'@' if at == start && matches!(self.byte(at + 1), b'(' | b'{') => {
                    let end = self.group_end(at + 1, limit, 0);
                    let value = self.value_in(at..end);
                    parts.push(self, value);
                    end
                }
                b'(' if at == start => {
                    let end = self.group_end(at, limit, 0);
                    let value = self.value_in(at..end);
                    parts.push(self, value);
                    self.members(&mut parts, start, end, limit)
                }
                b'(' | b'{' if at > start => break,
                b'{' => {
                    let end = self.group_end(at, limit, 0);
                    self.push_literal(&mut parts, at..end);
                    end
                }
                b'[' if at == start => {
                    // A type: what is done with it is not computed.
                    let end = self.chain_end(at, limit);
                    parts.push(self, vec![self.unknown_part(at..end)]);
                    end
                }
                b'$' => {
                    let end = self.variable(&mut parts, at, limit, at != start);
                    if at == start { self.members(&mut parts, start, end, limit) } else { end }
                }
                _ => self.plain(&mut parts, at, limit, b" \t\r\n;|&)}`'\"$,({"),
            };
        }
        (parts.finish(self), at.max(start))
    }

    /// What follows a value at the start of a word: members and indexes of it are not computed, but it is.
    fn members(&mut self, parts: &mut Parts, start: usize, at: usize, limit: usize) -> usize {
        let is_member = self.byte(at) == b'.' && is_name(self.byte(at + 1));
        if at >= limit || !is_member && self.byte(at) != b'[' && !self.rest(at, limit).starts_with("::") {
            return at;
        }
        let end = self.chain_end(at, limit);
        let value = self.value_in(start..end);
        *parts = Parts::default();
        parts.push(self, value);
        end
    }

    /// The end of a chain of names, indexes and calls.
    fn chain_end(&self, mut at: usize, limit: usize) -> usize {
        while at < limit {
            at = match self.byte(at) {
                b'[' | b'(' | b'{' => self.group_end(at, limit, 0),
                b'.' | b':' => at + 1,
                byte if is_name(byte) => at + 1,
                _ => break,
            };
        }
        at
    }

    /// The value of an expression that stands in a word: it is parsed by itself.
    fn value_in(&mut self, range: Range<usize>) -> Vec<WordPart> {
        let mut script = self.nested(range.clone());
        if let [statement] = script.statements.as_mut_slice()
            && let StatementKind::Command(command) = &mut statement.kind
            && let [name, values @ ..] = command.words.as_slice()
            && name.span == statement.span
            && statement.redirections.is_empty()
        {
            // The expression by itself, without the command that would write it.
            return list(values);
        }
        if script.statements.is_empty() {
            return Vec::new();
        }
        vec![self.part(WordPartKind::CommandSubstitution(script), range)]
    }

    fn plain(&self, parts: &mut Parts, at: usize, limit: usize, special: &[u8]) -> usize {
        let rest = self.source.as_bytes().get(at + 1..limit).unwrap_or_default();
        let end = rest.iter().position(|byte| special.contains(byte)).map_or(limit, |length| at + 1 + length);
        self.push_literal(parts, at..end);
        end
    }

    /// Adds text as it is, holes as parts of their own.
    fn push_literal(&self, parts: &mut Parts, range: Range<usize>) {
        let mut start = range.start;
        let text = self.source.get(range.clone()).unwrap_or("");
        for (offset, hole) in text.match_indices(crate::source::HOLE) {
            let at = range.start + offset;
            if self.is_hole(at) {
                if start < at {
                    parts.add(&self.text.slice(start..at), start..at);
                }
                start = at + hole.len();
                parts.push(self, vec![self.part(WordPartKind::Hole(self.text.slice(at..start)), at..start)]);
            }
        }
        if start < range.end {
            parts.add(&self.text.slice(start..range.end), start..range.end);
        }
    }

    /// Adds a value for which the bytes `range` stand as a whole.
    fn push_encoded(&self, parts: &mut Parts, value: &str, range: Range<usize>) {
        let encoded = Text::encoded(value, self.span(range.clone()));
        let text = match self.text.origin_of(range.start) {
            Some((piece, _)) => encoded.through(&piece.trail),
            None => encoded,
        };
        parts.add(&text, range);
    }

    /// Reads what a backtick begins.
    fn escape(&self, parts: &mut Parts, at: usize, limit: usize) -> usize {
        let Some(next) = self.rest(at + 1, limit).chars().next() else { return limit.max(at + 1) };
        let end = at + 1 + next.len_utf8();
        let value = match next {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            '0' => "\0",
            'a' => "\u{7}",
            'b' => "\u{8}",
            'e' => "\u{1b}",
            'f' => "\u{c}",
            'v' => "\u{b}",
            '\r' if self.byte(end) == b'\n' => return end + 1,
            '\n' => return end,
            _ => {
                self.push_literal(parts, at + 1..end);
                return end;
            }
        };
        self.push_encoded(parts, value, at..end);
        end
    }

    /// A literal of no bytes, so that quotes make a word.
    fn empty(&self, range: Range<usize>) -> Vec<WordPart> {
        vec![self.part(WordPartKind::Literal(Text::new()), range)]
    }

    fn single_quoted(&self, parts: &mut Parts, start: usize, limit: usize) -> usize {
        let mut at = start + 1;
        loop {
            let length = self.rest(at, limit).find('\'');
            let end = length.map_or(limit, |length| at + length);
            self.push_literal(parts, at..end);
            if length.is_none() {
                return limit;
            }
            if self.byte(end + 1) != b'\'' || end + 1 >= limit {
                if end == start + 1 {
                    parts.push(self, self.empty(start..end + 1));
                }
                return end + 1;
            }
            // Two quotes are one.
            self.push_literal(parts, end..end + 1);
            at = end + 2;
        }
    }

    fn double_quoted(&mut self, parts: &mut Parts, start: usize, limit: usize) -> usize {
        let end = self.string_end(start, limit, 0);
        let closed = end > start + 1 && self.byte(end - 1) == b'"';
        let inner = start + 1..end - usize::from(closed);
        if inner.is_empty() {
            parts.push(self, self.empty(start..end));
        }
        self.expandable(parts, inner, true);
        end
    }

    /// The text of a string in which variables are expanded.
    fn expandable(&mut self, parts: &mut Parts, range: Range<usize>, quotes: bool) {
        let mut at = range.start;
        while at < range.end {
            at = match self.byte(at) {
                b'`' => self.escape(parts, at, range.end),
                b'"' if quotes => {
                    self.push_literal(parts, at..at + 1);
                    at + 2
                }
                b'$' => self.variable(parts, at, range.end, true),
                _ => self.plain(parts, at, range.end, if quotes { b"`\"$" } else { b"`$$" }),
            };
        }
    }

    /// Reads `@"…"@` or `@'…'@`: the lines between.
    fn here_string(&mut self, parts: &mut Parts, start: usize, limit: usize) -> usize {
        let quote = self.rest(start + 1, start + 2).to_owned();
        let rest = self.rest(start, limit);
        let Some(first) = rest.find('\n').map(|length| start + length + 1) else {
            parts.push(self, vec![self.unknown_part(start..limit)]);
            return limit;
        };
        let closing = format!("\n{quote}@");
        let length = self.rest(first - 1, limit).find(&closing);
        let last = length.map_or(limit, |length| (first - 1 + length).max(first));
        let end = length.map_or(limit, |length| first - 1 + length + closing.len());
        let mut inner = first..last;
        if self.rest(first, last).ends_with('\r') {
            inner.end -= 1;
        }
        if inner.is_empty() {
            parts.push(self, self.empty(start..end));
        } else if quote == "'" {
            self.push_literal(parts, inner);
        } else {
            self.expandable(parts, inner, false);
        }
        end
    }

    /// Reads a string literal that stands at `range`.
    pub(super) fn string(&mut self, range: Range<usize>) -> Vec<WordPart> {
        let mut parts = Parts::default();
        match (self.byte(range.start), self.byte(range.start + 1)) {
            (b'@', b'"' | b'\'') => self.here_string(&mut parts, range.start, range.end),
            (b'"', _) => self.double_quoted(&mut parts, range.start, range.end),
            (b'\'', _) => self.single_quoted(&mut parts, range.start, range.end),
            _ => self.plain(&mut parts, range.start, range.end, &[]),
        };
        parts.finish(self)
    }

    /// Reads `@name`: the parameters of a command that a variable holds.
    fn splat(&self, parts: &mut Parts, start: usize, limit: usize) -> usize {
        let length = self.rest(start + 1, limit).bytes().take_while(|byte| is_name(*byte)).count();
        let end = start + 1 + length;
        let name = self.text.slice(start + 1..end).map_pieces(str::to_ascii_lowercase);
        let operation = Operation::Other(self.text.slice(start..start + 1));
        let parameter = Parameter { name, subscript: None, indirect: false, operation };
        parts.push(self, vec![self.part(WordPartKind::Parameter(Box::new(parameter)), start..end)]);
        end
    }

    /// Reads what `$` begins.
    fn variable(&mut self, parts: &mut Parts, at: usize, limit: usize, quoted: bool) -> usize {
        if self.byte(at + 1) == b'(' {
            let end = self.group_end(at + 1, limit, 0);
            let value = self.value_in(at..end);
            parts.push(self, value);
            return end;
        }
        let (name, end) = self.variable_name(at, limit);
        if name.is_empty() {
            self.push_literal(parts, at..at + 1);
            return at + 1;
        }
        let mut part = self.variable_part(name, at..end);
        part.quoted = quoted;
        parts.push(self, vec![part]);
        end
    }

    /// The bytes of the name of the variable that begins at `at`, and where it ends.
    pub(super) fn variable_name(&self, at: usize, limit: usize) -> (Range<usize>, usize) {
        let rest = self.rest(at + 1, limit);
        if let Some(braced) = rest.strip_prefix('{') {
            let length = braced.find('}').unwrap_or(braced.len());
            return (at + 2..at + 2 + length, (at + 3 + length).min(limit));
        }
        let name = |from: usize| self.rest(from, limit).bytes().take_while(|byte| is_name(*byte)).count();
        let mut end = at + 1 + name(at + 1);
        if self.is_hole(at + 1) {
            end = at + 1 + crate::source::HOLE.len_utf8();
        } else if end > at + 1 && self.byte(end) == b':' && end < limit && name(end + 1) > 0 {
            end += 1 + name(end + 1);
        } else if end == at + 1 && rest.starts_with(['?', '^', '$']) {
            end += 1;
        }
        (at + 1..end, end)
    }

    /// A variable by the bytes of its name.
    pub(super) fn variable_part(&self, name: Range<usize>, range: Range<usize>) -> WordPart {
        let name = self.variable_key(name);
        let literal = |text: &str| WordPartKind::Literal(Text::encoded(text, self.span(range.clone())));
        let parameter = |name: Text| {
            let operation = Operation::None;
            WordPartKind::Parameter(Box::new(Parameter { name, subscript: None, indirect: false, operation }))
        };
        let kind = match name.as_str() {
            "true" => literal("True"),
            "false" => literal("False"),
            "null" => WordPartKind::Literal(Text::new()),
            "args" => parameter(Text::encoded("@", self.span(range.clone()))),
            "lastexitcode" => parameter(Text::encoded("?", self.span(range.clone()))),
            "?" => parameter(Text::encoded("$?", self.span(range.clone()))),
            "^" | "$" => return self.unknown_part(range),
            _ if name.has_holes() => return self.unknown_part(range),
            _ => parameter(name),
        };
        self.part(kind, range)
    }

    /// A variable's name as the script form has it.
    pub(super) fn variable_key(&self, name: Range<usize>) -> Text {
        let name = self.text.slice(name).map_pieces(str::to_ascii_lowercase);
        let own = ["global:", "script:", "local:", "private:", "using:", "variable:"];
        if name.as_str() == "_" {
            // Both mean what comes through the pipeline.
            return name.map_pieces(|_| "psitem".to_owned());
        }
        match own.iter().find(|scope| name.as_str().starts_with(**scope)) {
            Some(scope) => name.slice(scope.len()..name.len()),
            None => name,
        }
    }

    /// The end of a string in double quotes that begins at `start`.
    pub(super) fn string_end(&self, start: usize, limit: usize, depth: usize) -> usize {
        let mut at = start + 1;
        while at < limit {
            at = match (self.byte(at), self.byte(at + 1)) {
                (b'`', _) | (b'"', b'"') => at + 2,
                (b'"', _) => return at + 1,
                (b'$', b'(') if depth < NESTING => self.group_end(at + 1, limit, depth + 1),
                _ => at + 1,
            };
        }
        self.boundary(at.min(limit))
    }

    /// The end of what the bracket at `start` begins.
    fn group_end(&self, start: usize, limit: usize, depth: usize) -> usize {
        let mut open = 0_usize;
        let mut at = start;
        while at < limit {
            at = match (self.byte(at), self.byte(at + 1)) {
                (b'`', _) => at + 2,
                (b'"', _) => self.string_end(at, limit, depth),
                (b'\'', _) => self.rest(at + 1, limit).find('\'').map_or(limit, |length| at + length + 2),
                (b'@', quote @ (b'"' | b'\'')) => {
                    let closing = if quote == b'"' { "\n\"@" } else { "\n'@" };
                    self.rest(at, limit).find(closing).map_or(limit, |length| at + length + closing.len())
                }
                (b'<', b'#') => self.rest(at, limit).find("#>").map_or(limit, |length| at + length + 2),
                (b'#', _) if !is_name(self.byte(at.wrapping_sub(1))) => self.line_end(at).min(limit),
                (b'(' | b'{' | b'[', _) => {
                    open += 1;
                    at + 1
                }
                (b')' | b'}' | b']', _) => {
                    open = open.saturating_sub(1);
                    if open == 0 {
                        return at + 1;
                    }
                    at + 1
                }
                _ => at + 1,
            };
        }
        self.boundary(at.min(limit))
    }

    pub(super) fn boundary(&self, mut at: usize) -> usize {
        at = at.min(self.source.len());
        while !self.source.is_char_boundary(at) {
            at += 1;
        }
        at
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A list as one word with commas.
pub(super) fn list(elements: &[Word]) -> Vec<WordPart> {
    let mut parts = Vec::new();
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            let comma = WordPartKind::Literal(Text::encoded(",", element.span));
            parts.push(WordPart { kind: comma, quoted: true, span: element.span });
        }
        parts.extend(element.parts.iter().cloned());
    }
    parts
}

//! The templates of cloud-init: the texts that they can become.
//!
//! What an expression comes to is known on the host only, and becomes a hole, unless the template sets it itself. Which
//! way a condition goes is known there only as well, so a template with conditions becomes several texts.
//!
//! Sources: cloud-init's `cloudinit/templater.py` and `cloudinit/handlers/jinja_template.py`, and Jinja's "Template
//! Designer Documentation".

mod parser;

use std::collections::BTreeMap;
use std::ops::Range;

use self::parser::Node;
use crate::source::{Limits, Span, Text};

/// The most texts that a template becomes.
const MOST_WAYS: usize = 8;

/// The most conditions on one way.
const MOST_DECISIONS: usize = 256;

/// The most rounds of all loops on one way.
const MOST_ROUNDS: usize = 256;

/// How a condition of a template was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The condition as it is written.
    pub condition: String,
    /// Where it stands.
    pub span: Span,
    /// Whether it was taken to hold.
    pub holds: bool,
}

/// One of the texts that a template can become.
pub(super) struct Way {
    pub(super) text: Text,
    /// The conditions that led to it.
    pub(super) decisions: Vec<Decision>,
}

/// The texts that the template can become, each without the line that announces it. There is at least one.
///
/// A template that Jinja cannot read becomes a hole, and so does what it would be on further ways.
pub(super) fn ways(template: &Text, limits: &Limits) -> Vec<Way> {
    let body = without_first_line(template);
    let Some(whole) = body.span_of(0..body.len()) else { return vec![Way { text: body, decisions: Vec::new() }] };
    let unknown = |why: &str| Way { text: Text::hole(whole, why), decisions: Vec::new() };
    let Some(nodes) = parser::parse(body.as_str()) else { return vec![unknown("a template that cannot be read")] };
    let mut ways = Vec::new();
    let mut taken = Vec::new();
    loop {
        let mut writer = Writer {
            template: &body,
            whole,
            limits,
            written: Text::new(),
            variables: BTreeMap::new(),
            taken,
            round: String::new(),
            rounds: 0,
            is_too_much: false,
        };
        writer.all(&nodes);
        let Writer { written, is_too_much, taken: now, .. } = writer;
        if is_too_much {
            ways.push(unknown("a template that becomes too much"));
            return ways;
        }
        ways.push(Way { text: written, decisions: now.clone() });
        taken = now;
        // The last condition that was taken to hold is taken otherwise next.
        while taken.last().is_some_and(|last| !last.holds) {
            taken.pop();
        }
        match taken.last_mut() {
            None => return ways,
            Some(_) if ways.len() >= MOST_WAYS => {
                ways.push(unknown("a template with more ways than are followed"));
                return ways;
            }
            Some(last) => last.holds = false,
        }
    }
}

fn without_first_line(template: &Text) -> Text {
    let source = template.as_str();
    let blank = source.len() - source.trim_start().len();
    let line = source.get(blank..).and_then(|rest| rest.find('\n'));
    template.slice(line.map_or(source.len(), |line| blank + line + 1)..source.len())
}

/// Writes what a template becomes on one way.
struct Writer<'a> {
    template: &'a Text,
    whole: Span,
    limits: &'a Limits,
    written: Text,
    /// The variables that the template sets, as far as they are known.
    variables: BTreeMap<&'a str, Text>,
    /// How conditions are taken: those that were decided before, and those that are met.
    taken: Vec<Decision>,
    /// The rounds of loops around the place: a condition may hold in one round and not in another.
    round: String,
    rounds: usize,
    is_too_much: bool,
}

impl<'a> Writer<'a> {
    fn all(&mut self, nodes: &[Node]) {
        for node in nodes {
            if self.is_too_much || self.written.len() > self.limits.text_bytes {
                self.is_too_much = true;
                return;
            }
            self.node(node);
        }
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Text(range) => self.written.push_text(&self.template.slice(range.clone())),
            Node::Expression { inner, whole } => {
                let value = self.value(inner).unwrap_or_else(|| self.hole(whole));
                self.written.push_text(&value);
            }
            Node::Unknown(whole) => self.written.push_text(&self.hole(whole)),
            Node::Set { name, value } => {
                let known = value.as_ref().and_then(|value| self.value(value));
                let name = self.source(name);
                match known {
                    Some(known) => self.variables.insert(name, known),
                    None => self.variables.remove(name),
                };
            }
            Node::If { branches, otherwise } => {
                let holds = branches.iter().find(|(condition, _)| self.truth(condition));
                self.all(holds.map_or(otherwise, |(_, body)| body));
            }
            Node::Loop { head, body, otherwise } => self.repeat(head, body, otherwise),
            Node::Scope(body) => {
                let outer = std::mem::take(&mut self.variables);
                self.all(body);
                self.variables = outer;
            }
        }
    }

    fn source(&self, range: &Range<usize>) -> &'a str {
        self.template.as_str().get(range.clone()).unwrap_or_default().trim()
    }

    fn hole(&self, place: &Range<usize>) -> Text {
        let written = self.template.slice(place.clone());
        let span = written.span_of(0..written.len()).unwrap_or(self.whole);
        let inner = written.as_str().trim_matches(['{', '}', '%', '-', '+', ' ']);
        let hole = Text::hole(span, format!("the template expression `{inner}` is evaluated on the host"));
        match written.pieces().first() {
            Some(piece) => hole.through(&piece.trail),
            None => hole,
        }
    }

    /// The value of a literal or of a variable that the template sets.
    fn value(&self, range: &Range<usize>) -> Option<Text> {
        let source = self.template.as_str().get(range.clone())?;
        let start = range.start + source.len() - source.trim_start().len();
        let source = source.trim();
        match literal(source) {
            Some(inner) => Some(self.template.slice(start + 1..start + 1 + inner.len())),
            None => self.variables.get(source).cloned(),
        }
    }

    fn repeat(&mut self, head: &Range<usize>, body: &[Node], otherwise: &[Node]) {
        let source = self.source(head);
        let (names, list) = match source.find(IN) {
            Some(at) => (source.get(..at).unwrap_or_default(), head.start + at + IN.len()..head.end),
            None => ("", head.end..head.end),
        };
        let outer = (self.variables.clone(), self.round.clone());
        match literals(self.template.as_str(), list) {
            Some(values) if values.is_empty() => self.all(otherwise),
            Some(values) => {
                for value in values {
                    self.rounds += 1;
                    self.is_too_much |= self.rounds > MOST_ROUNDS;
                    if self.is_too_much {
                        return;
                    }
                    self.variables.insert(names.trim(), self.template.slice(value));
                    self.round = format!("{} {}", outer.1, self.rounds);
                    self.all(body);
                }
            }
            // Once stands for any number of rounds: what is done in them has the same holes.
            None if self.choose(source, head, true) => {
                for name in names.split(',') {
                    self.variables.remove(name.trim());
                }
                self.all(body);
            }
            None => self.all(otherwise),
        }
        (self.variables, self.round) = outer;
    }

    /// Whether a condition holds: as far as the template knows it itself, or else on this way.
    fn truth(&mut self, range: &Range<usize>) -> bool {
        let mut source = self.source(range);
        let mut expected = true;
        // `not a and b` negates the first only.
        let is_whole = !has_connective(source);
        while let Some(rest) = source.strip_prefix("not ").filter(|_| is_whole) {
            (source, expected) = (rest.trim(), !expected);
        }
        if matches!(source, "true" | "True" | "false" | "False") {
            return source.eq_ignore_ascii_case("true") == expected;
        }
        if !has_connective(source) {
            for (operator, equal) in [("==", true), ("!=", false)] {
                let Some((left, right)) = source.split_once(operator) else { continue };
                if let (Some(left), Some(right)) = (self.known(left), self.known(right)) {
                    return ((left == right) == equal) == expected;
                }
                // `a != b` is decided with `a == b`.
                return self.choose(&format!("{} == {}", left.trim(), right.trim()), range, expected == equal);
            }
        }
        self.choose(source, range, expected)
    }

    fn known(&self, operand: &str) -> Option<String> {
        let operand = operand.trim();
        match literal(operand) {
            Some(inner) => Some(inner.to_owned()),
            None => self.variables.get(operand)?.known().map(str::to_owned),
        }
    }

    /// Whether `condition` is as it is `expected` to be on this way.
    fn choose(&mut self, condition: &str, place: &Range<usize>, expected: bool) -> bool {
        let mut condition = condition.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "'");
        condition.push_str(&self.round);
        if let Some(known) = self.taken.iter().find(|decision| decision.condition == condition) {
            return known.holds == expected;
        }
        self.is_too_much |= self.taken.len() >= MOST_DECISIONS;
        let span = self.template.span_of(place.clone()).unwrap_or(self.whole);
        self.taken.push(Decision { condition, span, holds: true });
        expected
    }
}

fn has_connective(condition: &str) -> bool {
    condition.split_whitespace().any(|word| matches!(word, "and" | "or" | "if"))
}

/// The content of a string in quotes without escapes, when `source` is nothing else.
fn literal(source: &str) -> Option<&str> {
    let quote = source.chars().next().filter(|first| matches!(first, '\'' | '"'))?;
    let inner = source.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains([quote, '\\'])).then_some(inner)
}

/// What stands between the names and the list of a loop.
const IN: &str = " in ";

/// Where the strings of a list stand that is written out at `range`.
fn literals(source: &str, range: Range<usize>) -> Option<Vec<Range<usize>>> {
    let list = source.get(range.clone())?;
    let start = range.start + list.len() - list.trim_start().len();
    let inner = list.trim().strip_prefix('[')?.strip_suffix(']')?;
    if inner.trim().is_empty() {
        return Some(Vec::new());
    }
    let mut at = start + 1;
    let mut ranges = Vec::new();
    for item in inner.split(',') {
        let begin = at + item.len() - item.trim_start().len() + 1;
        ranges.push(begin..begin + literal(item.trim())?.len());
        at += item.len() + 1;
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, HOLE, SourceFile};

    fn texts(body: &str) -> Vec<String> {
        let source = format!("## template: jinja\n{body}");
        let file = SourceFile::new(FileId(0), "data", source.clone().into());
        let template = Text::verbatim(source.as_str(), file.span(0..source.len()));
        ways(&template, &Limits::default()).iter().map(|way| way.text.as_str().replace(HOLE, "?")).collect()
    }

    #[test]
    fn a_condition_makes_two_texts() {
        assert_eq!(texts("a\n{% if x %}\nb\n{% else %}\nc\n{% endif %}\nd\n"), ["a\nb\nd\n", "a\nc\nd\n"]);
        assert_eq!(texts("{% if x %}a{% elif y %}b{% else %}c{% endif %}"), ["a", "b", "c"]);
        assert_eq!(texts("a{% if x %}b{% endif %}"), ["ab", "a"]);
        assert_eq!(texts("{% if x %}{% if y %}a{% endif %}{% else %}b{% endif %}"), ["a", "", "b"]);
    }

    #[test]
    fn the_same_condition_goes_the_same_way_everywhere() {
        let twice = "{% if v1.distro == 'ubuntu' %}a{% endif %}";
        assert_eq!(texts(&format!("{twice}-{twice}")), ["a-a", "-"]);
        assert_eq!(texts("{% if x %}a{% endif %}{% if not  x %}b{% endif %}"), ["a", "b"]);
        assert_eq!(texts("{% if x == 'y' %}a{% endif %}{% if x != 'y' %}b{% endif %}"), ["a", "b"]);
        assert_eq!(texts("{% if not x and y %}a{% endif %}{% if x %}b{% endif %}"), ["ab", "a", "b", ""]);
    }

    #[test]
    fn what_the_template_sets_is_known() {
        assert_eq!(texts("{% set x = 'a' %}{{ x }}{{ 'b' }}{{ y }}"), ["ab?"]);
        assert_eq!(texts("{% set x = 'a' %}{% if x == \"a\" %}b{% else %}c{% endif %}"), ["b"]);
        assert_eq!(texts("{% set x = 'a' %}{% set x = y %}{{ x }}"), ["?"]);
        assert_eq!(texts("{% set x %}a{% endset %}{{ x }}"), ["?"]);
        assert_eq!(texts("{% if true %}a{% endif %}{% if not True %}b{% endif %}"), ["a"]);
    }

    #[test]
    fn loops_over_a_list_that_is_written_out_are_followed() {
        assert_eq!(texts("{% for x in ['a', \"b\"] %}\n- {{ x }}\n{% endfor %}"), ["- a\n- b\n"]);
        assert_eq!(texts("{% for x in ['a', 'b'] %}{% if x == 'a' %}1{% else %}2{% endif %}{% endfor %}"), ["12"]);
        assert_eq!(texts("{% for x in [] %}a{% else %}b{% endfor %}"), ["b"]);
        assert_eq!(texts("{% for x in y %}a{{ x }}{% endfor %}"), ["a?", ""]);
        assert_eq!(texts("{% for x in ['a', 'b'] %}{% if y %}{{ x }}{% endif %}{% endfor %}").len(), 4);
    }

    #[test]
    fn what_is_no_text_of_its_own_is_left_out() {
        assert_eq!(texts("a {#- b #} c"), ["a c"]);
        assert_eq!(texts("a\n{%- if true -%}\nb\n{%- endif +%}\nc"), ["ab\nc"]);
        assert_eq!(texts("{% raw %}{{ a }}{% endraw %}"), ["{{ a }}"]);
        assert_eq!(texts("{% macro f() %}a{% endmacro %}{{ f() }}"), ["?"]);
        assert_eq!(texts("{% set x = 'a' %}{% with x = y %}{{ x }}{% endwith %}{{ x }}"), ["?a"]);
    }

    #[test]
    fn a_template_that_cannot_be_read_is_not_known() {
        for broken in ["a {{ b", "{% if a %}b", "b{% endif %}", "{% unheard %}", "{% if a %}{% endfor %}", "{% raw %}"]
        {
            assert_eq!(texts(broken), ["?"], "{broken}");
        }
    }

    #[test]
    fn hostile_templates_come_to_an_end() {
        let conditions = |count: usize| {
            (0..count).map(|number| format!("{{% if x{number} %}}a{{% endif %}}")).collect::<Vec<_>>().concat()
        };
        let all = texts(&conditions(20));
        assert_eq!((all.len(), all.last().unwrap().as_str()), (MOST_WAYS + 1, "?"));
        let list = format!("[{}]", vec!["'a'"; 100].join(","));
        let nested = format!("{{% for x in {list} %}}").repeat(20) + &"{% endfor %}".repeat(20);
        assert_eq!(texts(&nested), ["?"]);
        assert_eq!(texts(&"{% if x %}".repeat(10_000)), ["?"]);
        assert_eq!(texts(&conditions(10_000)), ["?"]);
    }
}

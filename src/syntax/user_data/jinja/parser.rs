//! The structure of a template: its texts, expressions and statements, as ranges of its source.

use std::ops::Range;

/// The deepest nesting of statements.
const DEEPEST: usize = 24;

/// A part of a template.
pub(super) enum Node {
    Text(Range<usize>),
    Expression {
        inner: Range<usize>,
        whole: Range<usize>,
    },
    /// Something that writes what is not known.
    Unknown(Range<usize>),
    /// A variable is set, to something that is not known when there is no value.
    Set {
        name: Range<usize>,
        value: Option<Range<usize>>,
    },
    If {
        /// Conditions and what they guard, in order.
        branches: Vec<(Range<usize>, Vec<Node>)>,
        otherwise: Vec<Node>,
    },
    Loop {
        /// `name in list`
        head: Range<usize>,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
    /// A part with variables of its own.
    Scope(Vec<Node>),
}

enum Token {
    Text(Range<usize>),
    Expression { inner: Range<usize>, whole: Range<usize> },
    Statement { word: Range<usize>, rest: Range<usize>, whole: Range<usize> },
}

/// The parts of a template; `None` when Jinja would refuse it.
pub(super) fn parse(source: &str) -> Option<Vec<Node>> {
    let tokens = tokens(source)?;
    let mut parser = Parser { source, tokens: tokens.into_iter() };
    let (nodes, end) = parser.nodes(&[], DEEPEST)?;
    end.is_none().then_some(nodes)
}

/// How much white space after a statement is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trim {
    Nothing,
    /// The end of the line, as cloud-init asks for.
    Line,
    All,
}

fn tokens(source: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let (mut at, mut trim) = (0, Trim::Nothing);
    loop {
        let start = next_opening(source, at);
        let end = start.unwrap_or(source.len());
        let strips = start.is_some_and(|start| source.get(start + 2..).is_some_and(|rest| rest.starts_with('-')));
        push_text(source, at..end, trim, strips, &mut tokens);
        let Some(start) = start else { return Some(tokens) };
        let (closing, is_expression) = match source.get(start..start + 2)? {
            "{{" => ("}}", true),
            "{%" => ("%}", false),
            _ => ("#}", false),
        };
        let length = source.get(start + 2..)?.find(closing)?;
        let (inner, whole) = (start + 2..start + 2 + length, start..start + length + 4);
        trim = match source.get(inner.clone())?.chars().next_back() {
            Some('-') => Trim::All,
            Some('+') => Trim::Nothing,
            _ if is_expression => Trim::Nothing,
            _ => Trim::Line,
        };
        at = whole.end;
        let inner = within(source, inner, &['-', '+']);
        match closing {
            "}}" => tokens.push(Token::Expression { inner, whole }),
            "%}" => {
                let statement = source.get(inner.clone())?;
                let length = statement.find(|character: char| !character.is_alphanumeric() && character != '_');
                let word = inner.start..inner.start + length.unwrap_or(statement.len());
                if source.get(word.clone())? == "raw" {
                    let (range, next, after) = raw(source, at)?;
                    push_text(source, range, trim, false, &mut tokens);
                    (at, trim) = (next, after);
                } else {
                    let rest = within(source, word.end..inner.end, &[]);
                    tokens.push(Token::Statement { word, rest, whole });
                }
            }
            _ => {}
        }
    }
}

/// The text up to the end of `raw`, where it goes on, and what is left out there.
fn raw(source: &str, from: usize) -> Option<(Range<usize>, usize, Trim)> {
    let mut at = from;
    loop {
        let start = at + source.get(at..)?.find("{%")?;
        let end = start + 2 + source.get(start + 2..)?.find("%}")?;
        let inner = source.get(start + 2..end)?;
        if inner.trim_matches(['-', '+', ' ', '\t', '\n']) == "endraw" {
            let trim = if inner.ends_with('-') { Trim::All } else { Trim::Line };
            return Some((from..start, end + 2, trim));
        }
        at = start + 2;
    }
}

/// The range without white space around it, nor one of the signs before that.
fn within(source: &str, range: Range<usize>, signs: &[char]) -> Range<usize> {
    let whole = source.get(range.clone()).unwrap_or_default();
    let inner = whole.strip_prefix(signs).unwrap_or(whole);
    let start = range.start + whole.len() - inner.trim_start().len();
    let inner = inner.strip_suffix(signs).unwrap_or(inner).trim();
    start.min(range.end)..(start + inner.len()).min(range.end)
}

fn push_text(source: &str, range: Range<usize>, trim: Trim, strips: bool, tokens: &mut Vec<Token>) {
    let whole = source.get(range.clone()).unwrap_or_default();
    let text = match trim {
        Trim::Nothing => whole,
        Trim::Line => whole.strip_prefix("\r\n").or_else(|| whole.strip_prefix('\n')).unwrap_or(whole),
        Trim::All => whole.trim_start(),
    };
    let start = range.end - text.len();
    let text = if strips { text.trim_end() } else { text };
    if !text.is_empty() {
        tokens.push(Token::Text(start..start + text.len()));
    }
}

/// Where the next expression, statement or comment begins.
fn next_opening(source: &str, from: usize) -> Option<usize> {
    let pairs = source.as_bytes().get(from..)?.windows(2);
    pairs.into_iter().position(|pair| matches!(pair, b"{{" | b"{%" | b"{#")).map(|at| from + at)
}

struct Parser<'a> {
    source: &'a str,
    tokens: std::vec::IntoIter<Token>,
}

/// The word that ends a block, with what follows it.
type End<'a> = Option<(&'a str, Range<usize>)>;

impl<'a> Parser<'a> {
    /// The nodes up to one of the words `ends`, which is given as well, or up to the end of the template.
    fn nodes(&mut self, ends: &[&str], depth: usize) -> Option<(Vec<Node>, End<'a>)> {
        let depth = depth.checked_sub(1)?;
        let mut nodes = Vec::new();
        while let Some(token) = self.tokens.next() {
            let (word, rest, whole) = match token {
                Token::Text(range) => {
                    nodes.push(Node::Text(range));
                    continue;
                }
                Token::Expression { inner, whole } => {
                    nodes.push(Node::Expression { inner, whole });
                    continue;
                }
                Token::Statement { word, rest, whole } => (self.source.get(word)?, rest, whole),
            };
            if ends.contains(&word) {
                return Some((nodes, Some((word, rest))));
            }
            match word {
                "if" => nodes.push(self.conditional(rest, depth)?),
                "for" => {
                    let (body, end) = self.nodes(&["else", "endfor"], depth)?;
                    let otherwise = if end?.0 == "else" { self.body("endfor", depth)? } else { Vec::new() };
                    nodes.push(Node::Loop { head: rest, body, otherwise });
                }
                "set" => {
                    let written = self.source.get(rest.clone())?;
                    match written.find('=') {
                        Some(at) => {
                            let name = rest.start..rest.start + at;
                            nodes.push(Node::Set { name, value: Some(rest.start + at + 1..rest.end) });
                        }
                        None => {
                            self.body("endset", depth)?;
                            nodes.push(Node::Set { name: rest, value: None });
                        }
                    }
                }
                "with" => nodes.push(Node::Scope(self.body("endwith", depth)?)),
                "block" => nodes.extend(self.body("endblock", depth)?),
                "autoescape" => nodes.extend(self.body("endautoescape", depth)?),
                "macro" => {
                    self.body("endmacro", depth)?;
                }
                "call" | "filter" => {
                    self.body(if word == "call" { "endcall" } else { "endfilter" }, depth)?;
                    nodes.push(Node::Unknown(whole));
                }
                "include" | "extends" => nodes.push(Node::Unknown(whole)),
                "do" | "import" | "from" => {}
                _ => return None,
            }
        }
        ends.is_empty().then_some((nodes, None))
    }

    fn body(&mut self, end: &str, depth: usize) -> Option<Vec<Node>> {
        self.nodes(&[end], depth).map(|(nodes, _)| nodes)
    }

    fn conditional(&mut self, condition: Range<usize>, depth: usize) -> Option<Node> {
        let mut branches = Vec::new();
        let mut condition = condition;
        loop {
            let (body, end) = self.nodes(&["elif", "else", "endif"], depth)?;
            branches.push((condition, body));
            match end? {
                ("elif", next) => condition = next,
                ("else", _) => {
                    let otherwise = self.body("endif", depth)?;
                    return Some(Node::If { branches, otherwise });
                }
                _ => return Some(Node::If { branches, otherwise: Vec::new() }),
            }
        }
    }
}

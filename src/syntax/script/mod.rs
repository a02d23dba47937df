//! The script form: what a shell script says, whatever shell it is written for.
//!
//! Each shell's syntax is lowered into this form at once, so that the simulated guest knows one language. Every text
//! in it is a slice of the script, with the origin of each byte; a part that is not known is a [`WordPartKind::Hole`].

mod extent;
#[cfg(test)]
pub(crate) mod print;
#[cfg(test)]
pub(crate) mod visit;

pub use extent::statements;

use crate::source::{Span, Text};

/// Statements that run one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The statements in order.
    pub statements: Vec<Statement>,
}

/// Something that runs, with what surrounds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What runs.
    pub kind: StatementKind,
    /// Where its input comes from and its output goes, in order.
    pub redirections: Vec<Redirection>,
    /// Whether the script goes on without waiting for it (`&`).
    pub background: bool,
    /// From its first to its last byte, bodies of here-documents excepted.
    pub span: Span,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementKind {
    /// A simple command or assignments alone.
    Command(Command),
    /// Commands that run at the same time, each reading what the one before writes. A single one is there only when
    /// it is negated.
    Pipeline {
        /// The commands; never empty.
        stages: Vec<Statement>,
        /// Whether the exit status is turned round (`!`).
        negated: bool,
    },
    /// Statements of which each after the first runs only if the status so far is the one that it asks for.
    Chain {
        /// The statement that always runs.
        first: Box<Statement>,
        /// The others; never empty.
        rest: Vec<(ChainOperator, Statement)>,
    },
    /// `if`, `elif`, `else`.
    If {
        /// The conditions in order; never empty.
        branches: Vec<Branch>,
        /// What runs when no condition holds.
        otherwise: Option<Script>,
    },
    /// A loop over words.
    For {
        /// The name of the variable.
        variable: Text,
        /// The words, or `None` for the arguments of the script or function.
        words: Option<Vec<Word>>,
        /// What runs for each.
        body: Script,
    },
    /// A loop with a counter: `for ((i = 0; i < 3; i++))`.
    ForArithmetic {
        /// What stands between the double parentheses.
        header: Text,
        /// What runs each time.
        body: Script,
    },
    /// A loop that runs while its condition holds, or until it does.
    While {
        /// What is asked before each turn.
        condition: Script,
        /// Whether it runs until the condition holds.
        until: bool,
        /// What runs each time.
        body: Script,
    },
    /// A choice by patterns.
    Case {
        /// What is compared.
        subject: Word,
        /// The arms in order.
        arms: Vec<CaseArm>,
    },
    /// The definition of a function.
    Function {
        /// The name.
        name: Text,
        /// What a call runs.
        body: Box<Statement>,
    },
    /// `{ … }`.
    Group(Script),
    /// `( … )`: what happens to variables inside does not last.
    Subshell(Script),
    /// `((…))`: what stands between the double parentheses.
    Arithmetic(Text),
    /// A region that could not be parsed. The simple commands that are seen in it, in order: whether and how they run
    /// is not known.
    Unknown(Vec<Statement>),
}

/// How a statement of a chain depends on those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainOperator {
    /// `&&`: only if they succeeded.
    And,
    /// `||`: only if they failed.
    Or,
}

/// A condition and what runs when it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// What is asked.
    pub condition: Script,
    /// What runs.
    pub body: Script,
}

/// An arm of a choice by patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseArm {
    /// The patterns, one of which has to match.
    pub patterns: Vec<Word>,
    /// What runs.
    pub body: Script,
    /// What comes after it.
    pub next: CaseNext,
}

/// What comes after an arm that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseNext {
    /// `;;`: nothing more.
    Leave,
    /// `;&`: the next arm runs too.
    FallThrough,
    /// `;;&`: the next arm that matches runs too.
    Continue,
}

/// A simple command: assignments for it, its name and its arguments. Without words the assignments are the script's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The assignments before the name.
    pub assignments: Vec<Assignment>,
    /// The name and the arguments. The tests `[ … ]` and `[[ … ]]` are commands, brackets and all.
    pub words: Vec<Word>,
    /// The assignments among the arguments of `export`, `local`, `declare`, `typeset` and `readonly`.
    pub declarations: Vec<Assignment>,
}

/// An assignment to a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable's name.
    pub name: Text,
    /// The element of an array that is assigned to.
    pub subscript: Option<Word>,
    /// Whether the value is added to what is there (`+=`).
    pub append: bool,
    /// The value.
    pub value: AssignedValue,
    /// From the name to the end of the value.
    pub span: Span,
}

/// What is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssignedValue {
    /// A word, which may be empty.
    Word(Word),
    /// The elements of an array, some with a subscript.
    Array(Vec<Element>),
}

/// An element of an array that is assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// The subscript, if one is written.
    pub subscript: Option<Word>,
    /// The value.
    pub value: Word,
}

/// A word before its expansions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The parts in order; none in an empty value.
    pub parts: Vec<WordPart>,
    /// From its first to its last byte, quotes included.
    pub span: Span,
}

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordPart {
    /// What it is.
    pub kind: WordPartKind,
    /// Whether it stands in quotes: neither split into words nor taken as a pattern.
    pub quoted: bool,
    /// From its first to its last byte.
    pub span: Span,
}

/// What a part of a word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordPartKind {
    /// Text that stands for itself, escapes resolved. Empty only where quotes make an empty word.
    Literal(Text),
    /// A part of the script that is not known: a text of one hole.
    Hole(Text),
    /// A parameter: a variable, an argument or a special one.
    Parameter(Box<Parameter>),
    /// What a script writes.
    CommandSubstitution(Script),
    /// A file that stands for what a script writes (`<(…)`) or reads (`>(…)`).
    ProcessSubstitution {
        /// The script.
        script: Script,
        /// Whether the script reads what is written to the file.
        reads: bool,
    },
    /// `$((…))`: what stands between the parentheses.
    Arithmetic(Text),
    /// A pattern for file names: `*`, `?`, `[…]` or an extended one such as `!(…)`.
    Pattern(Text),
    /// `~` or `~user`: the user's name, empty for one's own home.
    Home(Text),
    /// `{a,b}`: a word for each alternative.
    Braces(Vec<Word>),
    /// `{1..9}`: a word for each number.
    Range(NumberRange),
}

/// The numbers of a brace expansion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberRange {
    /// The first number.
    pub first: i64,
    /// The last number, which may be the smaller one.
    pub last: i64,
    /// The distance between two numbers; never 0.
    pub step: u64,
    /// The number of characters to which numbers are filled up with zeros, 0 for none.
    pub width: usize,
}

/// A parameter and what is done with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The name: a variable's, a number, or one of `@*#?-$!_`. Empty when it could not be read.
    pub name: Text,
    /// The element of an array, or `@` or `*` for all.
    pub subscript: Option<Word>,
    /// Whether the value is the name of the parameter that is meant, or the subscripts are (`${!name}`).
    pub indirect: bool,
    /// What is done with the value.
    pub operation: Operation,
}

/// What is done with a parameter's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Nothing.
    None,
    /// `${#name}`: its length.
    Length,
    /// `${name:-word}` and its kin.
    Alternative {
        /// When and how the word is used.
        kind: AlternativeKind,
        /// Whether an empty value counts as unset (`:`).
        or_empty: bool,
        /// The word.
        word: Word,
    },
    /// `${name#pattern}`, `${name%pattern}`: what matches at an end is removed.
    Remove {
        /// At which end.
        end: TextEnd,
        /// Whether as much as possible is removed.
        longest: bool,
        /// The pattern.
        pattern: Word,
    },
    /// `${name/pattern/replacement}`.
    Replace {
        /// Whether all matches are replaced.
        all: bool,
        /// The end that the match must stand at.
        anchor: Option<TextEnd>,
        /// The pattern.
        pattern: Word,
        /// The replacement.
        replacement: Word,
    },
    /// `${name:offset:length}`: what follows the first colon.
    Substring(Text),
    /// Any other operation, as written.
    Other(Text),
}

/// When and how the word of an alternative is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlternativeKind {
    /// `-`: instead of an unset value.
    Default,
    /// `=`: instead of an unset value, and assigned.
    Assign,
    /// `?`: as the message of the error that an unset value is.
    Error,
    /// `+`: instead of a value that is set.
    Replacement,
}

/// An end of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextEnd {
    /// The start.
    Start,
    /// The end.
    End,
}

/// A change of where input comes from or output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// The descriptor as written: a number, or a variable's name in braces.
    pub descriptor: Option<Text>,
    /// What it becomes.
    pub kind: RedirectionKind,
    /// From the descriptor to the target, the body of a here-document excepted.
    pub span: Span,
}

/// What a descriptor becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectionKind {
    /// `< file`.
    Read(Word),
    /// `> file`, `>| file`; `>> file` appends.
    Write {
        /// The file.
        file: Word,
        /// Whether what the file holds stays.
        append: bool,
        /// Whether it is both output and errors (`&>`).
        both: bool,
    },
    /// `<> file`.
    ReadWrite(Word),
    /// `>&1`, `<&3`, `>&-`: another descriptor, or `-` to close it.
    Duplicate(Word),
    /// `<<word`: the lines that follow, stripped of tabs if so asked; its variables are expanded unless the word is
    /// quoted, and then it is one quoted literal.
    HereDocument {
        /// The lines.
        body: Word,
        /// Whether variables and commands in it are expanded.
        expands: bool,
    },
    /// `<<< word`.
    HereString(Word),
}

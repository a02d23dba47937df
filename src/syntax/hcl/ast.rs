//! The tree that HCL and its JSON form are lowered to. Every node knows its span in the file it was written in.

use std::sync::Arc;

use crate::source::{Span, Text};

/// A name with its place: an identifier, a block label, an attribute's name.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The name itself, without quotes.
    pub text: Arc<str>,
    /// Where it stands; the quotes of a block label are part of it.
    pub span: Span,
}

/// The content of a file or a block, in the order of the source.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// The blocks.
    pub blocks: Vec<Block>,
    /// From the first to the last byte of the content.
    pub span: Span,
}

impl Body {
    /// The attribute `name`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| &*attribute.name.text == name)
    }

    /// The blocks of the type `kind`, in order.
    pub fn blocks_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> {
        self.blocks.iter().filter(move |block| &*block.kind.text == kind)
    }
}

/// `name = value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// What stands before the equals sign.
    pub name: Name,
    /// What stands after it.
    pub value: Expression,
    /// From the name to the end of the value.
    pub span: Span,
}

/// `kind "label" … { … }`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// The block's type, such as `resource`.
    pub kind: Name,
    /// The labels.
    pub labels: Vec<Name>,
    /// What stands between the braces.
    pub body: Body,
    /// From the type to the last label: the place that stands for the whole block.
    pub header: Span,
    /// From the type to the closing brace.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    /// What it is.
    pub kind: ExpressionKind,
    /// Where it stands.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpressionKind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A quoted string or heredoc without interpolation; its text maps to the characters between the quotes.
    Literal(Text),
    /// A quoted string or heredoc with at least one interpolation or directive.
    Template(Template),
    /// `[a, b]`.
    Array(Vec<Expression>),
    /// `{ a = b }`.
    Object(Vec<ObjectItem>),
    /// A name that a traversal begins with: `var`, `local`, `each`, or a loop's variable.
    Variable(Name),
    /// `a.b[c].*.d`.
    Traversal(Box<Traversal>),
    /// `name(a, b...)`.
    Call(Box<Call>),
    /// `a ? b : c`.
    Conditional(Box<Conditional>),
    /// `!a` or `-a`.
    Unary(UnaryOperator, Box<Expression>),
    /// `a && b` and the like.
    Binary(BinaryOperator, Box<Expression>, Box<Expression>),
    /// `[for …]` or `{for …}`.
    For(Box<ForExpression>),
    /// `(a)`. Kept because `(a) = b` in an object is an expression as key where `a = b` is a name.
    Parenthesis(Box<Expression>),
}

/// `key = value` in an object.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectItem {
    /// The key. A bare name is a [`ExpressionKind::Literal`] already.
    pub key: Expression,
    /// The value.
    pub value: Expression,
}

/// An expression with the steps taken from its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Traversal {
    /// Where the traversal begins.
    pub base: Expression,
    /// The steps in order, each with its span from the dot or bracket on.
    pub steps: Vec<(TraversalStep, Span)>,
}

/// One step of a traversal.
#[derive(Clone, Debug, PartialEq)]
pub enum TraversalStep {
    /// `.name`.
    Attribute(Name),
    /// `[expression]`, also the legacy `.0`.
    Index(Expression),
    /// `.*`, which applies the attribute steps that follow to each element.
    AttributeSplat,
    /// `[*]`, which applies all steps that follow to each element.
    FullSplat,
}

/// A function call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function's name, with its namespace (`provider::aws::arn_parse`) if it has one.
    pub name: Name,
    /// The arguments.
    pub arguments: Vec<Expression>,
    /// Whether the last argument is followed by `...` and stands for several.
    pub expands_last: bool,
}

/// `condition ? when_true : when_false`.
#[derive(Clone, Debug, PartialEq)]
pub struct Conditional {
    /// What decides.
    pub condition: Expression,
    /// The value when it is true.
    pub when_true: Expression,
    /// The value when it is false.
    pub when_false: Expression,
}

/// An operator with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `!`.
    Not,
    /// `-`.
    Negate,
}

/// An operator with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `||`.
    Or,
    /// `&&`.
    And,
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
    /// `%`.
    Modulo,
}

/// `[for key, value in collection : result if condition]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ForExpression {
    /// The name of the key or index, if one is given.
    pub key_name: Option<Name>,
    /// The name of the element.
    pub value_name: Name,
    /// What is repeated over.
    pub collection: Expression,
    /// The key of each result; present exactly for the object form.
    pub key: Option<Expression>,
    /// Each result.
    pub value: Expression,
    /// Whether results with the same key are gathered into lists (`...`).
    pub groups: bool,
    /// Which elements take part; all when absent.
    pub condition: Option<Expression>,
}

/// A string with holes to fill. Strip markers (`~`), heredoc indentation and escapes are already applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// The parts in order. Two literals never stand side by side.
    pub parts: Vec<TemplatePart>,
    /// From the first to the last byte between the delimiters.
    pub span: Span,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum TemplatePart {
    /// Text that is kept as it is.
    Literal(Text),
    /// `${expression}`.
    Interpolation(Expression),
    /// `%{if …}…%{else}…%{endif}`.
    If(Box<IfTemplate>),
    /// `%{for …}…%{endfor}`.
    For(Box<ForTemplate>),
}

/// A conditional part of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct IfTemplate {
    /// What decides.
    pub condition: Expression,
    /// The parts when it is true.
    pub when_true: Template,
    /// The parts when it is false; empty when there is no `else`.
    pub when_false: Template,
}

/// A repeated part of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct ForTemplate {
    /// The name of the key or index, if one is given.
    pub key_name: Option<Name>,
    /// The name of the element.
    pub value_name: Name,
    /// What is repeated over.
    pub collection: Expression,
    /// The repeated parts.
    pub body: Template,
}

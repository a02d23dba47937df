//! HCL: Terraform files, variables files and templates, in native syntax and in JSON.

mod ast;

pub use ast::{
    Attribute, BinaryOperator, Block, Body, Call, Conditional, Expression, ExpressionKind, ForExpression, ForTemplate,
    IfTemplate, Name, ObjectItem, Template, TemplatePart, Traversal, TraversalStep, UnaryOperator,
};

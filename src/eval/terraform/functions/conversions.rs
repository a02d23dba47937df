//! Functions that convert to a type, and marks that do not change the value.

use super::Parameter::{Open, Text};
use super::{Call, Function, Outcome, not_evaluated};
use crate::eval::terraform::types::{Type, convert};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("ephemeralasnull", &[Open], unchanged),
    Function::new("issensitive", &[Open], not_known),
    Function::new("nonsensitive", &[Open], unchanged),
    Function::new("sensitive", &[Open], unchanged),
    Function::new("tobool", &[Open], |call| to(call, &Type::Bool)),
    Function::new("tolist", &[Open], |call| to(call, &Type::List(Box::new(Type::Any)))),
    Function::new("tomap", &[Open], |call| to(call, &Type::Map(Box::new(Type::Any)))),
    Function::new("tonumber", &[Open], |call| to(call, &Type::Number)),
    Function::new("toset", &[Open], |call| to(call, &Type::Set(Box::new(Type::Any)))),
    Function::new("tostring", &[Open], |call| to(call, &Type::String)),
    Function::new("plantimestamp", &[], not_known),
    Function::new("timestamp", &[], not_known),
    Function::new("uuid", &[], not_known),
    Function::with_rest("bcrypt", &[Text], Open, not_known),
    Function::new("rsadecrypt", &[Text, Text], not_known),
];

fn to(call: &Call<'_>, of: &Type) -> Outcome {
    convert(call.argument(0)?, of, call.limits).map_err(|error| error.message.into())
}

fn unchanged(call: &Call<'_>) -> Outcome {
    Ok(call.argument(0)?.clone())
}

/// For results that change with each run, or that depend on marks that values do not carry here.
#[expect(clippy::unnecessary_wraps, reason = "the table holds functions of this shape")]
fn not_known(call: &Call<'_>) -> Outcome {
    Ok(not_evaluated(call.name, call.span))
}

//! Functions on paths as strings; nothing is read.

use super::Parameter::Text as TextParameter;
use super::{Call, Function, Outcome, not_evaluated};
use crate::source::Text;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("basename", &[TextParameter], base_name),
    Function::new("dirname", &[TextParameter], directory_name),
    Function::new("pathexpand", &[TextParameter], expand),
];

fn base_name(call: &Call<'_>) -> Outcome {
    let text = call.own_text(0)?;
    if let Err(why) = call.known(0)? {
        // A hole may hold a slash, which does not matter when a later one is known.
        let last = text.split("/").pop().filter(|last| last.len() < text.len());
        return match last {
            Some(last) if !last.is_empty() && !last.has_holes() => call.passed_on(0, last),
            _ => Ok(call.unknown(why)),
        };
    }
    let trimmed = text.as_str().trim_end_matches('/');
    let start = trimmed.rfind('/').map_or(0, |at| at + 1);
    match (text.as_str(), trimmed) {
        ("", _) => Ok(call.encoded(".")),
        (_, "") => Ok(call.encoded("/")),
        _ => call.passed_on(0, text.slice(start..trimmed.len())),
    }
}

fn directory_name(call: &Call<'_>) -> Outcome {
    let path = match call.known(0)? {
        Ok(path) => path,
        Err(why) => return Ok(call.unknown(why)),
    };
    let text = call.own_text(0)?;
    let directory = cleaned(path.rfind('/').and_then(|at| path.get(..=at)).unwrap_or_default());
    if !directory.is_empty() && path.starts_with(&directory) {
        return call.passed_on(0, text.slice(0..directory.len()));
    }
    call.passed_on(0, Text::encoded(directory, call.argument(0)?.origin.span))
}

/// The shortest path that leads to the same place, without asking the file system.
fn cleaned(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".into(),
        (false, false) => parts.join("/"),
    }
}

/// Only what does not depend on whose home it is.
fn expand(call: &Call<'_>) -> Outcome {
    match call.known(0)? {
        Ok(path) if path.starts_with('~') => Ok(not_evaluated(call.name, call.span)),
        Ok(_) => Ok(call.argument(0)?.clone()),
        Err(why) => Ok(call.unknown(why)),
    }
}

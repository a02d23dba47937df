//! Comparisons: `[[ … ]]` with PowerShell's operators, on what is known.

use super::files::WHETHER_THERE;
use crate::guest::Guest;
use crate::guest::machine::Machine;
use crate::guest::variables::AskedFor;
use crate::network::Status;
use crate::source::{HOLE, Text};
use crate::syntax::script::Word;

impl Machine<'_> {
    /// Answers a test whose words are those between the brackets and the brackets.
    pub(super) fn windows_test(&mut self, guest: &mut Guest, words: &[Word]) {
        let [_, inside @ .., _] = words else { return };
        let texts: Vec<Text> = inside.iter().map(|word| self.expand_joined(guest, word)).collect();
        let answer = match texts.as_slice() {
            [value] => truth(value),
            [operator, file] if operator.as_str() == "-e" => is_there(guest, file),
            [left, operator, right] => compare(left, operator.as_str(), right),
            _ => None,
        };
        let path = match texts.as_slice() {
            [value] => value.hole_reason().and_then(|reason| reason.strip_prefix(WHETHER_THERE)).map(str::to_owned),
            [_, file] => guest.path(file),
            _ => None,
        };
        guest.shell.asked_for = path.map(|path| AskedFor { path, succeeds_if_there: true });
        guest.shell.status = answer.map_or(Status::Unknown, |holds| Status::Known(u8::from(!holds)));
    }
}

/// Whether a file is there, where the scripts decided that.
fn is_there(guest: &Guest, file: &Text) -> Option<bool> {
    guest.files.get(&guest.path(file)?).map(Option::is_some)
}

/// Whether a value counts as true. That of a number 0 and a text `0` differ, and nothing tells one from the other.
fn truth(value: &Text) -> Option<bool> {
    match value.known() {
        Some("" | "False") => Some(false),
        Some("0") => None,
        Some(_) => Some(true),
        None => value.as_str().contains(|each| each != HOLE).then_some(true),
    }
}

fn compare(left: &Text, operator: &str, right: &Text) -> Option<bool> {
    let (left, right) = (left.known()?, right.known()?);
    let same = || {
        let numbers = left.trim().parse::<i64>().ok().zip(right.trim().parse::<i64>().ok());
        numbers.map_or_else(|| left.to_lowercase() == right.to_lowercase(), |(left, right)| left == right)
    };
    let order = || Some(left.trim().parse::<i64>().ok()?.cmp(&right.trim().parse::<i64>().ok()?));
    match operator {
        "==" | "-ceq" => Some(left == right),
        "-cne" => Some(left != right),
        "-eq" | "-ieq" => Some(same()),
        "-ne" | "-ine" => Some(!same()),
        "-lt" => Some(order()?.is_lt()),
        "-le" => Some(order()?.is_le()),
        "-gt" => Some(order()?.is_gt()),
        "-ge" => Some(order()?.is_ge()),
        "-like" | "-ilike" if !right.contains(['*', '?', '[']) => Some(same()),
        _ => None,
    }
}

//! Commands that make users and groups.

use super::Action::{self, Simple};
use super::{Call, DONE};
use crate::guest::Guest;
use crate::network::Status;
use crate::source::Text;

pub(super) const TABLE: &[(&str, Action)] =
    &[("adduser", Simple(make)), ("groupadd", Simple(make)), ("useradd", Simple(make))];

/// The name stands last; numbers are left to the host, since whoever is there already decides them too.
fn make(guest: &mut Guest, call: &Call) -> Status {
    if let Some(name) = call.arguments.last().and_then(Text::known).filter(|name| !name.starts_with('-')) {
        guest.network.add_user(name, None);
    }
    DONE
}

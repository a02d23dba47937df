//! What mends a finding: from remedies to edits, from edits to texts, from texts to files.
//!
//! Edits are made of the text around a place, so that indentation, quotes and line breaks stay as their author has them.
//! Whether a fix holds is not known here: the engine tries each before anybody is offered it.

mod apply;
mod beside;
mod cleanup;
mod literal;
mod proposal;
mod suppression;
mod write;

pub use apply::{EditSet, applied};
pub use proposal::{Proposal, proposals};
pub use write::{Change, write};

//! What a host's boot scripts make of it: every end of the simulated guest, for each case that the source gives.

use crate::catalog::Platform;
use crate::eval::{Unknown, Value, ValueKind};
use crate::guest::{self, Guest};
use crate::model::Host;
use crate::network::Network;
use crate::source::{Limits, Origin, Piece, Span, Text, Trail};
use crate::syntax::shell;
use crate::syntax::user_data::{self, Part, PartKind};

/// The boots of one host.
#[derive(Debug, Default)]
pub(super) struct Boots {
    /// For each case that the source gives, the guest's ends; never empty, and no case is without an end.
    pub(super) cases: Vec<Vec<Guest>>,
    /// The scripts and configurations that run.
    pub(super) parts: Vec<Part>,
    /// Those of them that the guest cannot follow.
    pub(super) unread: Vec<Text>,
    /// Why some of what runs is not known, and where that comes from.
    pub(super) unknown: Option<(Unknown, Origin)>,
    /// The platform, when the user data tells it.
    pub(super) platform: Option<Platform>,
}

/// Boots `host` from `start`.
pub(super) fn boot(host: &Host, start: &Network, limits: &Limits) -> Boots {
    let mut boots = Boots::default();
    let mut cases: Vec<Vec<Text>> = vec![Vec::new()];
    for value in &host.user_data {
        let alternatives = texts(value, &mut boots.unknown);
        if cases.len().saturating_mul(alternatives.len()) > limits.alternatives {
            boots.unknown = Some((Unknown::Limit("alternatives".into()), value.origin.clone()));
            break;
        }
        let with = |case: &Vec<Text>| {
            alternatives.iter().map(|more| case.iter().chain(more).cloned().collect()).collect::<Vec<_>>()
        };
        cases = cases.iter().flat_map(with).collect();
    }
    for texts in cases {
        let parts: Vec<Part> = texts.iter().flat_map(|text| user_data::parse(text, limits)).collect();
        let mut guest = Guest::new(start.clone());
        guest.shell.foreign = host.sets_variables;
        boots.cases.push(guest::boot(&texts, host.init.as_ref(), guest, limits));
        boots.unread.extend(parts.iter().filter(|part| !is_followed(part, limits)).map(|part| part.text.clone()));
        boots.parts.extend(parts);
    }
    boots.platform = boots.parts.iter().find_map(platform_of);
    boots
}

impl Boots {
    /// The layers that what stands at `span` went through on its way to the host.
    pub(super) fn trail_of(&self, span: Span) -> Trail {
        let holds = |piece: &&Piece| {
            piece.span.file == span.file && piece.span.start <= span.start && span.start < piece.span.end.max(1)
        };
        let piece = self.parts.iter().find_map(|part| part.text.pieces().iter().find(holds));
        piece.map(|piece| piece.trail.clone()).unwrap_or_default()
    }
}

/// The alternatives of a value; each is a text, or nothing.
fn texts(value: &Value, unknown: &mut Option<(Unknown, Origin)>) -> Vec<Option<Text>> {
    let text = |value: Value| match value.kind {
        ValueKind::String(text) => Some(text.through(&value.origin.trail)),
        ValueKind::Unknown(why) => {
            unknown.get_or_insert((why, value.origin));
            None
        }
        _ => None,
    };
    value.alternatives().into_iter().map(text).collect()
}

fn platform_of(part: &Part) -> Option<Platform> {
    match part.kind {
        PartKind::PowerShell | PartKind::Batch | PartKind::LaunchTasks => Some(Platform::Windows),
        PartKind::Script | PartKind::Boothook | PartKind::CloudConfig | PartKind::Include => Some(Platform::Linux),
        PartKind::Other => None,
    }
}

/// Whether the guest reads a part. It says itself when it cannot go on to the end.
fn is_followed(part: &Part, limits: &Limits) -> bool {
    let text = part.text.as_str();
    let is_read = match part.kind {
        PartKind::Script | PartKind::Boothook => shell::is_shell(text),
        PartKind::CloudConfig | PartKind::PowerShell | PartKind::Batch | PartKind::LaunchTasks => true,
        PartKind::Include | PartKind::Other => false,
    };
    is_read && text.len() <= limits.script_bytes
}

//! What one rule of a packet filter says: tests and a target, in a form in which equal rules are equal.

use std::sync::Arc;

use super::address::{Address, Block};
use super::choice::Fact;
use crate::source::Span;

/// A test that may be turned round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Not<T> {
    pub(super) negated: bool,
    pub(super) value: T,
}

impl<T> Not<T> {
    pub(super) fn new(negated: bool, value: T) -> Self {
        Self { negated, value }
    }
}

/// One rule, where it was written, and what must be true for it to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) spec: Spec,
    pub(super) span: Option<Span>,
    /// The command as it was given.
    pub(super) text: Arc<str>,
    /// The command that made the rule fails unless all of this holds.
    pub(super) conditions: Vec<Fact>,
    /// The command may have made more rules: it names addresses that are not known, and a list makes one of each.
    pub(super) may_be_several: bool,
}

/// The tests of a rule and its target. The order of the first tests means nothing, that of the extensions does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) source: Option<Not<Block>>,
    pub(super) destination: Option<Not<Block>>,
    pub(super) protocol: Option<Not<u8>>,
    pub(super) in_interface: Option<Not<String>>,
    pub(super) out_interface: Option<Not<String>>,
    pub(super) fragments: Option<Not<()>>,
    pub(super) extensions: Vec<Not<Extension>>,
    pub(super) target: Target,
}

/// A user or group as a rule names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// Its numbers, both ends included.
    Range(u32, u32),
    /// A name whose number is not known.
    Name(String),
}

/// Which of a packet's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Destination,
    Either,
}

/// What becomes of a mark: the bits of `clear` are cleared, then those of `flip` are flipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MarkChange {
    pub(super) clear: u32,
    pub(super) flip: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    Ports {
        end: End,
        ranges: Vec<(u16, u16)>,
    },
    /// Of the TCP flags in `mask`, exactly those of `set`.
    Flags {
        mask: u8,
        set: u8,
    },
    /// A set of bits of [`state`].
    State(u8),
    /// The direction of the connection: whether it is that of its first packet.
    Original(bool),
    OriginalDestination(Block),
    User(Identity),
    Group {
        group: Identity,
        supplementary: bool,
    },
    Socket,
    Addresses {
        end: End,
        first: Address,
        last: Address,
    },
    /// Address types by their names in upper case.
    Types {
        end: End,
        types: Vec<String>,
    },
    Mark {
        value: u32,
        mask: u32,
    },
    TimeToLive {
        low: u8,
        high: u8,
    },
    /// An ICMP type by its number; `None` is any.
    Icmp(Option<u8>),
    /// Always true; the text tells rules apart.
    Always(String),
    /// Not decidable; with every packet anew when `varies`.
    Open {
        text: String,
        varies: bool,
    },
}

/// Connection states as bits.
pub(super) mod state {
    pub(in crate::network) const INVALID: u8 = 1;
    pub(in crate::network) const NEW: u8 = 2;
    pub(in crate::network) const ESTABLISHED: u8 = 4;
    pub(in crate::network) const RELATED: u8 = 8;
    pub(in crate::network) const UNTRACKED: u8 = 16;
    pub(in crate::network) const SOURCE_TRANSLATED: u8 = 32;
    pub(in crate::network) const DESTINATION_TRANSLATED: u8 = 64;
}

/// TCP flags as bits.
pub(super) mod flag {
    pub(in crate::network) const FIN: u8 = 1;
    pub(in crate::network) const SYN: u8 = 2;
    pub(in crate::network) const RST: u8 = 4;
    pub(in crate::network) const PSH: u8 = 8;
    pub(in crate::network) const ACK: u8 = 16;
    pub(in crate::network) const URG: u8 = 32;
}

/// Protocol numbers.
pub(super) mod protocol {
    pub(in crate::network) const ALL: u8 = 0;
    pub(in crate::network) const ICMP: u8 = 1;
    pub(in crate::network) const TCP: u8 = 6;
    pub(in crate::network) const UDP: u8 = 17;
    pub(in crate::network) const DCCP: u8 = 33;
    pub(in crate::network) const ICMP_V6: u8 = 58;
    pub(in crate::network) const SCTP: u8 = 132;
    pub(in crate::network) const UDP_LITE: u8 = 136;
}

/// Where a translation leads: an address of the range, and a port of the range. What is missing stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Translation {
    pub(super) addresses: Option<(Address, Address)>,
    pub(super) ports: Option<(u16, u16)>,
    /// The option as it was given.
    pub(super) text: String,
    /// Whether the option could not be read wholly.
    pub(super) open: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Target {
    /// No target: the rule only counts.
    #[default]
    None,
    Accept,
    Drop,
    /// With its options.
    Reject(String),
    Return,
    Jump(String),
    Goto(String),
    Mark(MarkChange),
    NoTrack,
    Redirect(Translation),
    Destination(Translation),
    Source(Translation),
    Masquerade,
    TimeToLive(TimeToLive),
    /// Goes on with the next rule and changes nothing that matters: a log and the like, with its options.
    Pass(String),
    /// Not decidable: the packet goes on or is lost.
    Open(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeToLive {
    Set(u8),
    Increase(u8),
    Decrease(u8),
}

impl Spec {
    /// The chain that the target leads to.
    pub(super) fn next_chain(&self) -> Option<&str> {
        match &self.target {
            Target::Jump(chain) | Target::Goto(chain) => Some(chain),
            _ => None,
        }
    }
}

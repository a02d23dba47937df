//! IMDS105: a route keeps every packet from the metadata service.

use super::packet_block::PacketRule;
use crate::assess::{Assessments, Blockage};
use crate::finding::{Confidence, Finding};
use crate::network::{Place, Step};

pub(super) const ID: &str = "IMDS105";

const RULE: PacketRule = PacketRule {
    id: ID,
    is_mine: |place| matches!(place, Place::Route),
    what: "a route",
    remedy,
    confidence: |_| Confidence::High,
};

pub(super) fn check(assessments: &Assessments) -> Vec<Finding> {
    RULE.check(assessments)
}

fn remedy(_: &Step, _: &Blockage) -> String {
    "leave this route out; to keep single users away, let a packet filter tell them by their owner".into()
}

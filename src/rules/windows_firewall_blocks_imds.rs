//! IMDS104: the Windows firewall keeps an agent from the metadata service.

use super::packet_block::PacketRule;
use crate::assess::{Assessments, Blockage};
use crate::finding::{Confidence, Finding};
use crate::network::{Place, Step};

pub(super) const ID: &str = "IMDS104";

const RULE: PacketRule = PacketRule {
    id: ID,
    is_mine: |place| matches!(place, Place::WindowsFirewall),
    what: "the Windows firewall",
    remedy,
    // Nobody measured the Windows firewall for this: only a rule that names the address is beyond doubt.
    confidence: |step| {
        if step.text.contains("169.254.169.254") { Confidence::High } else { Confidence::Medium }
    },
};

pub(super) fn check(assessments: &Assessments) -> Vec<Finding> {
    RULE.check(assessments)
}

fn remedy(_: &Step, _: &Blockage) -> String {
    "take this out: on Windows a rule that blocks beats every rule that allows, so that none can let the agent through; \
     where the profile blocks by default, allow it: \
     `New-NetFirewallRule -DisplayName IMDS -Direction Outbound -RemoteAddress 169.254.169.254 -Action Allow`"
        .into()
}

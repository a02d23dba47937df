//! IMDS103: a Linux packet filter keeps an agent's user from the metadata service.

use super::packet_block::PacketRule;
use crate::assess::{Assessments, Blockage};
use crate::finding::{Confidence, Finding};
use crate::network::{Place, Principal, Step};

pub(super) const ID: &str = "IMDS103";

const RULE: PacketRule = PacketRule {
    id: ID,
    is_mine: |place| !matches!(place, Place::Route | Place::WindowsFirewall),
    what: "the packet filter",
    remedy,
    confidence: |_| Confidence::High,
};

pub(super) fn check(assessments: &Assessments) -> Vec<Finding> {
    RULE.check(assessments)
}

fn remedy(step: &Step, blockage: &Blockage) -> String {
    let owner = match &blockage.who.principal {
        Some(Principal::User(name)) => name.clone(),
        Some(Principal::Process { uid, .. }) => uid.to_string(),
        _ => "root".to_owned(),
    };
    match &step.place {
        Place::Rule { chain, .. } | Place::Policy { chain, .. } if chain == "INPUT" => {
            "let the service's answers in before this: \
             `iptables -I INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`"
                .into()
        }
        Place::Rule { .. } | Place::Policy { .. } => format!(
            "take this out, or let the agent through before it: \
             `iptables -I OUTPUT -d 169.254.169.254 -m owner --uid-owner {owner} -j ACCEPT`"
        ),
        Place::Translation { .. } => format!(
            "take this out, or except the agent before it: \
             `iptables -t nat -I OUTPUT -d 169.254.169.254 -m owner --uid-owner {owner} -j ACCEPT`"
        ),
        _ => "take this out".into(),
    }
}

//! IMDS102: the default of an account and Region disables the metadata endpoint.

use super::chain::Chain;
use super::endpoint_disabled::decides_condition;
use super::{aftermath, are_required, consequence, disabled_by_script, gravity, instead, is_concerned, names};
use crate::assess::{AccountAssessment, AgentAssessment, Assessments, Cause};
use crate::eval::Language;
use crate::finding::{Finding, Label, Remedy, Tokens};
use crate::guest::Whose;
use crate::source::Trail;

pub(super) const ID: &str = "IMDS102";

pub(super) fn check(assessments: &Assessments) -> Vec<Finding> {
    let account = |account: &AccountAssessment| {
        account.endpoint.disabled.iter().map(|cause| finding(account, cause)).collect::<Vec<_>>()
    };
    let mut findings: Vec<Finding> = assessments.accounts.iter().flat_map(account).collect();
    let is_mine = |whose: &Whose| matches!(whose, Whose::Account | Whose::Organization);
    findings.extend(disabled_by_script::of_others(ID, is_mine, assessments));
    findings
}

/// What would mend `finding`: the endpoint turned on where that is written. Tokens stay as they are, since a default
/// for them would change hosts that the finding is not about.
pub(super) fn remedy(finding: &Finding, assessments: &Assessments) -> Option<Remedy> {
    let literal = finding.primary.span;
    let causes = assessments.accounts.iter().flat_map(|account| &account.endpoint.disabled);
    let trails: Vec<&Trail> =
        causes.filter(|cause| cause.origin.span == literal).map(|cause| &cause.origin.trail).collect();
    if trails.is_empty() {
        return None;
    }
    let is_condition = decides_condition(trails.into_iter());
    Some(Remedy::EnableEndpoint { literal, is_condition, tokens: Tokens::Stay, hosts: Vec::new() })
}

fn finding(account: &AccountAssessment, cause: &Cause) -> Finding {
    let subject = &account.account.subject;
    let agents: Vec<&AgentAssessment> = account.agents.iter().filter(|agent| is_concerned(agent)).collect();
    let is_certain = account.endpoint.is_certainly_disabled();
    let (severity, confidence) = gravity(is_certain, &agents);
    let scope = if is_certain { "" } else { " in one of the cases that the source gives" };
    let of_whom = if account.account.is_of_organization {
        "in the accounts that it is attached to"
    } else {
        "in its account and Region"
    };
    let whom = match account.inherited_by.len() {
        0 => String::new(),
        1 => "; 1 host here takes it over".into(),
        count => format!("; {count} hosts here take it over"),
    };
    // A policy has names of its own for the options, which are those of Terraform.
    let language = if account.account.is_of_organization { Language::Terraform } else { account.account.language };
    let mut related = Chain::new(&cause.origin, subject);
    for host in &account.inherited_by {
        related.add(host.header, format!("`{}` sets no endpoint of its own", host.address));
    }
    Finding {
        rule: ID,
        severity,
        confidence,
        message: format!(
            "`{}` disables the metadata endpoint of every new host {of_whom}{scope}{whom}",
            subject.address
        ),
        note: consequence(&agents),
        help: format!(
            "leave the endpoint enabled and {}, or enable it on each host that carries an agent; {}",
            instead(language, are_required(account.account.tokens.iter())),
            aftermath(&agents)
        ),
        primary: Label { span: cause.origin.span, message: "this disables the endpoint by default".into() },
        related: related.into_labels(),
        subjects: vec![subject.address.to_string()],
        agents: names(&agents),
        discriminator: String::new(),
        suppressed: None,
    }
}

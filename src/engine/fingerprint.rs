//! What identifies a finding from run to run: never a line number.

use std::collections::BTreeMap;

use crate::discover::Workspace;
use crate::finding::{Finding, digest};

/// The fingerprints of `findings`, which must be in the order of output: SHA-256 over the path relative to the
/// workspace root, the rule, the first subject, the discriminator, and the number of the occurrence, each after its
/// length; the first 32 hexadecimal digits of it.
pub(super) fn fingerprints(findings: &[Finding], workspace: &Workspace) -> Vec<String> {
    let mut occurrences: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let fingerprint = |finding: &Finding| {
        let parts = vec![
            workspace.source(finding.primary.span.file).path.to_string(),
            finding.rule.to_owned(),
            finding.subjects.first().cloned().unwrap_or_default(),
            finding.discriminator.clone(),
        ];
        let occurrence = occurrences.entry(parts.clone()).and_modify(|count| *count += 1).or_insert(0);
        digest(parts.iter().map(String::as_str).chain([occurrence.to_string().as_str()]))
    };
    findings.iter().map(fingerprint).collect()
}

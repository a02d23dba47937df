//! What identifies a finding from run to run: never a line number.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::discover::Workspace;
use crate::finding::Finding;

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

fn digest<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    const DIGITS: usize = 32;
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.truncate(DIGITS);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_kept_apart() {
        assert_ne!(digest(["ab", "c"].into_iter()), digest(["a", "bc"].into_iter()));
        assert_eq!(digest(["a"].into_iter()).len(), 32);
    }
}

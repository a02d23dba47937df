//! The baseline as a file: sorted, one entry a line, so that a change of it can be reviewed and merged.

use std::io;

use serde::Serialize;

use super::escape;
use crate::baseline::{Entry, FORMAT, VERSION};

#[derive(Serialize)]
struct EntryV1<'a> {
    path: &'a str,
    rule: &'a str,
    subject: &'a str,
    message: String,
    fingerprint: &'a str,
}

/// Writes `entries` as a baseline, in their order.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn baseline_json(entries: &[Entry], out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "{{\n  \"format\": \"{FORMAT}\",\n  \"version\": {VERSION},\n  \"findings\": [")?;
    for (index, Entry { path, rule, subject, message, fingerprint }) in entries.iter().enumerate() {
        let entry = EntryV1 { path, rule, subject, message: escape::visible(message), fingerprint };
        let comma = if index + 1 < entries.len() { "," } else { "" };
        writeln!(out, "    {}{comma}", escape::json(&serde_json::to_string(&entry)?))?;
    }
    writeln!(out, "  ]\n}}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Baseline;

    #[test]
    fn what_is_written_can_be_read() {
        let entry = |path: &str, fingerprint: &str| Entry {
            path: path.to_owned(),
            rule: "IMDS101".to_owned(),
            subject: "aws_instance.web[\"a\u{202e}\"]".to_owned(),
            fingerprint: fingerprint.to_owned(),
            message: "it is `off`".to_owned(),
        };
        for entries in [vec![], vec![entry("a \"b\".tf", "01")], vec![entry("a.tf", "01"), entry("b.tf", "00")]] {
            let mut out = Vec::new();
            baseline_json(&entries, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.lines().count(), 6 + entries.len(), "{text}");
            assert!(!text.contains('\u{202e}'), "{text}");
            let read = Baseline::parse(&text, "x").unwrap();
            assert_eq!(read.entries(), entries.iter().collect::<Vec<_>>());
        }
    }
}

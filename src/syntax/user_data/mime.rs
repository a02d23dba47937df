//! MIME archives, as far as cloud-init's user data needs them. The bodies are slices of the archive.

use std::ops::Range;

use super::encoding;
use crate::source::Text;

/// Where cloud-init looks for the version that makes user data an archive, in bytes.
const HEADER_BYTES: usize = 4096;

/// A body in an archive.
pub(super) struct Entity {
    /// The type in lower case, without parameters; `text/plain` when none is given.
    pub(super) content_type: String,
    /// The file name.
    pub(super) name: Option<String>,
    /// How a configuration is merged with those before it.
    pub(super) merge_type: Option<String>,
    /// The body, decoded.
    pub(super) body: Text,
}

/// The bodies of an archive; `None` when the text is not one. Archives in archives have no version of their own.
pub(super) fn entities(text: &Text, is_nested: bool, budget: &mut usize) -> Option<Vec<Entity>> {
    let source = text.as_str();
    let start = source.len() - source.trim_start().len();
    let (headers, body) = headers(source, start);
    let content_type = header(&headers, "content-type")?;
    let is_multipart = content_type.to_ascii_lowercase().starts_with("multipart/");
    let has_version = headers.iter().any(|(name, _)| name == "mime-version") && body <= start + HEADER_BYTES;
    if !is_multipart || !(has_version || is_nested) {
        return None;
    }
    let Some(boundary) = parameter(content_type, "boundary") else { return Some(Vec::new()) };
    Some(bodies(source, body, &boundary).into_iter().map(|range| entity(&text.slice(range), budget)).collect())
}

/// The ranges between the boundary lines, headers included. The line break before a boundary belongs to it.
fn bodies(source: &str, start: usize, boundary: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut open: Option<usize> = None;
    let mut at = start;
    for line in source.get(start..).unwrap_or("").split_inclusive('\n') {
        let next = at + line.len();
        let after = line.trim_end().strip_prefix("--").and_then(|rest| rest.strip_prefix(boundary));
        if let Some(after @ ("" | "--")) = after {
            if let Some(from) = open.take() {
                let before = source.get(from..at).unwrap_or("");
                let body = before.strip_suffix('\n').unwrap_or(before);
                ranges.push(from..from + body.strip_suffix('\r').unwrap_or(body).len());
            }
            if after == "--" {
                return ranges;
            }
            open = Some(next);
        }
        at = next;
    }
    ranges.extend(open.map(|from| from..source.len()));
    ranges
}

fn entity(text: &Text, budget: &mut usize) -> Entity {
    let source = text.as_str();
    let (headers, body) = headers(source, 0);
    let written = header(&headers, "content-type").unwrap_or("text/plain");
    let content_type = written.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let disposition = header(&headers, "content-disposition").unwrap_or("");
    let name = parameter(disposition, "filename").or_else(|| parameter(written, "name"));
    // An archive in the archive is read with its own headers.
    let body = if content_type.starts_with("multipart/") { text.clone() } else { text.slice(body..source.len()) };
    let transfer = header(&headers, "content-transfer-encoding").unwrap_or("").trim().to_ascii_lowercase();
    let decoded = match transfer.as_str() {
        "base64" => encoding::decode(&body, budget),
        "quoted-printable" => Some(encoding::quoted_printable(&body)),
        _ => None,
    };
    let merge_type = header(&headers, "merge-type").or_else(|| header(&headers, "x-merge-type")).map(str::to_owned);
    Entity { content_type, name, merge_type, body: decoded.unwrap_or(body) }
}

/// The headers from `start` on, names in lower case, and where the body begins.
fn headers(source: &str, start: usize) -> (Vec<(String, String)>, usize) {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut at = start;
    for line in source.get(start..).unwrap_or("").split_inclusive('\n') {
        let content = line.trim_end();
        if content.is_empty() {
            return (headers, at + line.len());
        }
        match (content.split_once(':'), headers.last_mut()) {
            (_, Some((_, value))) if content.starts_with([' ', '\t']) => {
                value.push(' ');
                value.push_str(content.trim_start());
            }
            (Some((name, value)), _) if is_header_name(name) => {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            // There is no empty line: the body begins where the headers end.
            _ => return (headers, at),
        }
        at += line.len();
    }
    (headers, at)
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(written, _)| written == name).map(|(_, value)| value.as_str())
}

/// The value of a parameter such as `boundary="x"`.
fn parameter(value: &str, name: &str) -> Option<String> {
    let parameters = value.split(';').skip(1).filter_map(|each| each.split_once('='));
    let found = parameters.into_iter().find(|(written, _)| written.trim().eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().trim_matches('"').to_owned()).filter(|value| !value.is_empty())
}

//! One file of the workspace as it was read, and the spans that point into it.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::LineIndex;

/// The bytes of a UTF-8 byte order mark.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Identifies a file within one run. The numbers depend on the order of reading: never sort output by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A range of bytes of one file as stored on disk, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file that the range lies in.
    pub file: FileId,
    /// The first byte, 0-based.
    pub start: u32,
    /// The byte after the last one, 0-based.
    pub end: u32,
}

impl Span {
    /// A span of the bytes `range` of `file`.
    ///
    /// Files are at most [`super::Limits::file_bytes`] long, so offsets always fit; larger ones saturate.
    #[must_use]
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self { file, start: clamp(range.start), end: clamp(range.end) }
    }

    /// The range of bytes, 0-based and end exclusive.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether `other` lies in the same file and wholly within this span.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }

    /// The smallest span that holds both; `self` when they lie in different files.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        if self.file != other.file {
            return self;
        }
        Self { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A file of the workspace with its text and, on demand, its line index.
#[derive(Debug)]
pub struct SourceFile {
    /// How spans name this file.
    pub id: FileId,
    /// The path relative to the workspace root, with `/` between the parts.
    pub path: Arc<str>,
    text: Arc<str>,
    invalid_utf8: Vec<usize>,
    lines: OnceLock<LineIndex>,
}

impl SourceFile {
    /// Makes a file of its stored bytes.
    ///
    /// Each byte that is not part of valid UTF-8 becomes one `?`, so that offsets into the text are offsets into
    /// the stored bytes; [`SourceFile::invalid_utf8`] tells where.
    #[must_use]
    pub fn new(id: FileId, path: impl Into<Arc<str>>, bytes: Vec<u8>) -> Self {
        let (text, invalid_utf8) = match String::from_utf8(bytes) {
            Ok(text) => (text, Vec::new()),
            Err(error) => replace_invalid(error.as_bytes()),
        };
        Self { id, path: path.into(), text: text.into(), invalid_utf8, lines: OnceLock::new() }
    }

    /// The text, byte for byte as long as the stored file, a byte order mark included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The length in bytes of the byte order mark at the start: 0 or 3.
    #[must_use]
    pub fn byte_order_mark_length(&self) -> usize {
        if self.text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 }
    }

    /// The offsets of the bytes that are not valid UTF-8, in order.
    #[must_use]
    pub fn invalid_utf8(&self) -> &[usize] {
        &self.invalid_utf8
    }

    /// The line index, built at the first call.
    #[must_use]
    pub fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(&self.text))
    }

    /// A span of this file.
    #[must_use]
    pub fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.id, range)
    }

    /// The text of `span`, empty when it does not lie in this file or not on character boundaries.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        if span.file == self.id { self.text.get(span.range()).unwrap_or("") } else { "" }
    }
}

fn replace_invalid(bytes: &[u8]) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(bytes.len());
    let mut invalid = Vec::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for _ in chunk.invalid() {
            invalid.push(text.len());
            text.push('?');
        }
    }
    (text, invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bytes_keep_their_offsets() {
        let file = SourceFile::new(FileId(0), "a.tf", b"a\xff\xfe\xc3\xa9z".to_vec());
        assert_eq!(file.text(), "a??\u{e9}z");
        assert_eq!(file.invalid_utf8(), [1, 2]);
    }

    #[test]
    fn a_byte_order_mark_stays_in_the_text() {
        let file = SourceFile::new(FileId(0), "a.tf", "\u{feff}a".into());
        assert_eq!(file.byte_order_mark_length(), 3);
        assert_eq!(file.slice(file.span(3..4)), "a");
    }
}

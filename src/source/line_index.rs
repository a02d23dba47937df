//! From byte offsets to lines and columns in every unit that a report needs.

/// A place in a file: the line and the column in three units, all 0-based.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line, 0-based. Lines end with `\n` or `\r\n`.
    pub line: usize,
    /// Bytes from the start of the line.
    pub byte_column: usize,
    /// Unicode scalar values from the start of the line; a byte order mark does not count.
    pub character_column: usize,
    /// UTF-16 code units from the start of the line; a byte order mark does not count.
    pub utf16_column: usize,
}

/// How many bytes lie between two places of which the count of characters is kept.
const STRIDE: usize = 1 << 10;

/// The offsets at which the lines of a text begin, and enough counts of characters that a column in a long line is
/// found without reading the line.
#[derive(Debug)]
pub struct LineIndex {
    starts: Vec<usize>,
    /// The characters that begin before each multiple of [`STRIDE`].
    counts: Vec<Count>,
}

/// How many characters begin in a part of a text.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    characters: usize,
    utf16: usize,
}

impl Count {
    fn add(mut self, byte: u8) -> Self {
        let begins_character = byte & 0xc0 != 0x80;
        self.characters += usize::from(begins_character);
        // Four bytes of UTF-8 are two units of UTF-16.
        self.utf16 += usize::from(begins_character) + usize::from(byte >= 0xf0);
        self
    }
}

impl LineIndex {
    /// Indexes `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let after_each_break = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(after_each_break).collect();
        let counted = text.as_bytes().chunks(STRIDE).scan(Count::default(), |count, chunk| {
            let before = *count;
            *count = chunk.iter().fold(before, |count, byte| count.add(*byte));
            Some(before)
        });
        Self { starts, counts: counted.collect() }
    }

    /// The number of lines; a text that ends with a line break has an empty last line.
    #[must_use]
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// The byte offset at which the 0-based `line` begins, or `None` past the end.
    #[must_use]
    pub fn start_of(&self, line: usize) -> Option<usize> {
        self.starts.get(line).copied()
    }

    /// The 0-based line that holds the byte at `offset`.
    #[must_use]
    pub fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// The bytes of the 0-based `line` in `text`, without its line break.
    #[must_use]
    pub fn range_of(&self, text: &str, line: usize) -> std::ops::Range<usize> {
        let start = self.start_of(line).unwrap_or(text.len());
        let end = self.start_of(line + 1).unwrap_or(text.len());
        let content = text.get(start..end).unwrap_or("");
        start..start + content.trim_end_matches('\n').trim_end_matches('\r').len()
    }

    /// The position of the byte at `offset` of `text`, which must be the text that was indexed.
    ///
    /// An offset inside a character counts as the character's start, one past the end as the end.
    #[must_use]
    pub fn position(&self, text: &str, offset: usize) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.line_of(offset);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let (before, upto) = (self.count_before(text, start), self.count_before(text, offset));
        let mark = usize::from(start == 0 && offset > 0 && text.starts_with('\u{feff}'));
        Position {
            line,
            byte_column: offset - start,
            character_column: upto.characters - before.characters - mark,
            utf16_column: upto.utf16 - before.utf16 - mark,
        }
    }

    /// The characters that begin before `offset`.
    fn count_before(&self, text: &str, offset: usize) -> Count {
        let index = offset / STRIDE;
        let Some(count) = self.counts.get(index).or(self.counts.last()) else { return Count::default() };
        let from = index.min(self.counts.len() - 1) * STRIDE;
        text.as_bytes().get(from..offset).unwrap_or_default().iter().fold(*count, |count, byte| count.add(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_differ_by_unit() {
        let text = "\u{feff}a\r\n\t\u{1f600}\u{e9}x";
        let index = LineIndex::new(text);
        let at = text.find('x').unwrap();
        assert_eq!(
            index.position(text, at),
            Position { line: 1, byte_column: 7, character_column: 3, utf16_column: 4 }
        );
        assert_eq!(index.position(text, 4).character_column, 1, "the byte order mark is no column");
        assert_eq!(index.range_of(text, 0), 0..4, "the line break is not part of the line");
    }

    #[test]
    fn columns_of_long_lines_are_those_of_a_plain_count() {
        let text = format!("{}\n{}", "x\u{e9}\u{1f600}\u{65e5}".repeat(500), "\u{1f600}ab".repeat(1_000));
        let index = LineIndex::new(&text);
        for (offset, _) in text.char_indices().step_by(7).chain([(text.len(), ' ')]) {
            let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
            let before = &text[start..offset];
            let position = index.position(&text, offset);
            assert_eq!(position.byte_column, before.len());
            assert_eq!(position.character_column, before.chars().count());
            assert_eq!(position.utf16_column, before.encode_utf16().count());
        }
    }

    #[test]
    fn offsets_out_of_range_and_inside_characters_are_moved_back() {
        let text = "\u{e9}";
        let index = LineIndex::new(text);
        assert_eq!(index.position(text, 1).byte_column, 0);
        assert_eq!(index.position(text, 99).byte_column, 2);
    }
}

//! Edits to texts. Edits that overlap are refused: nobody knows what they mean together.

use std::collections::BTreeMap;

use crate::finding::Edit;
use crate::source::{FileId, SourceFile};

/// Edits that can be made together, by file and place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EditSet(BTreeMap<FileId, Vec<Edit>>);

impl EditSet {
    /// Adds all of `edits`, or none of them and tells so when one overlaps with what is there. An edit that is there
    /// already is no second one.
    #[must_use]
    pub fn add(&mut self, edits: &[Edit]) -> bool {
        let mut added: Vec<&Edit> = Vec::new();
        for edit in edits {
            let others = self.0.entry(edit.span.file).or_default();
            let at = others.partition_point(|other| place(other) < place(edit));
            if others.get(at) == Some(edit) {
                continue;
            }
            // The others do not overlap among themselves, so only neighbours can.
            let mut neighbours = others.iter().skip(at.saturating_sub(1)).take(2);
            if neighbours.any(|other| overlap(edit, other)) {
                for edit in added {
                    self.0.entry(edit.span.file).or_default().retain(|other| other != edit);
                }
                return false;
            }
            others.insert(at, edit.clone());
            added.push(edit);
        }
        true
    }

    /// The edits of each file, by place.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &[Edit])> {
        self.0.iter().filter(|(_, edits)| !edits.is_empty()).map(|(file, edits)| (*file, edits.as_slice()))
    }
}

fn place(edit: &Edit) -> (u32, u32) {
    (edit.span.start, edit.span.end)
}

/// Whether two edits touch the same bytes, or insert at the same place or inside each other.
fn overlap(one: &Edit, other: &Edit) -> bool {
    let (one, other) = (one.span, other.span);
    (one.start < other.end && other.start < one.end) || (one.start == other.start && one.end == other.end)
}

/// The bytes of `file` after `edits`, which are in order and do not overlap. Nothing when one of them does not lie on
/// characters of the file, or the file is no text.
#[must_use]
pub fn applied(file: &SourceFile, edits: &[Edit]) -> Option<Vec<u8>> {
    if !file.invalid_utf8().is_empty() {
        return None;
    }
    let text = file.text();
    let mut edited = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let range = edit.span.range();
        edited.push_str(text.get(at..range.start)?);
        text.get(range.clone())?;
        edited.push_str(&edit.text);
        at = range.end;
    }
    edited.push_str(text.get(at..)?);
    Some(edited.into_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn edit(range: std::ops::Range<usize>, text: &str) -> Edit {
        Edit { span: crate::source::Span::new(FileId(0), range), text: text.into() }
    }

    fn apply(text: &str, edits: &[Edit]) -> Option<String> {
        let mut set = EditSet::default();
        if !set.add(edits) {
            return None;
        }
        let file = SourceFile::new(FileId(0), "a", text.into());
        let applied = set.files().next().map_or_else(|| Some(text.into()), |(_, edits)| applied(&file, edits));
        applied.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn edits_are_made_in_the_order_of_their_places() {
        let edits = [edit(4..4, "!"), edit(0..1, "A"), edit(2..4, "CD")];
        assert_eq!(apply("abcde", &edits).as_deref(), Some("AbCD!e"));
        assert_eq!(apply("ab", &[edit(0..1, "x"), edit(0..1, "x")]).as_deref(), Some("xb"), "the same edit twice");
    }

    #[test]
    fn edits_that_overlap_are_refused_and_leave_nothing_behind() {
        let mut set = EditSet::default();
        assert!(set.add(&[edit(2..4, "x")]));
        let before = set.clone();
        for other in [edit(3..5, ""), edit(0..3, ""), edit(2..4, "y"), edit(3..3, ""), edit(0..9, "")] {
            assert!(!set.add(&[edit(9..9, ""), other.clone()]), "{other:?}");
            assert!(set.files().eq(before.files()));
        }
        assert!(set.add(&[edit(4..4, ""), edit(0..2, "")]), "neighbours do not overlap");
        assert!(!set.add(&[edit(4..4, "another")]));
    }

    #[test]
    fn what_is_no_text_is_not_edited() {
        let file = SourceFile::new(FileId(0), "a", b"a\xff".to_vec());
        assert_eq!(applied(&file, &[edit(0..1, "b")]), None);
        assert_eq!(apply("\u{e9}", &[edit(1..1, "b")]), None);
        assert_eq!(apply("a", &[edit(5..6, "b")]), None);
    }

    proptest! {
        #[test]
        fn what_lies_outside_the_edits_stays(text in "\\PC{0,20}", places in prop::collection::vec((0..60_usize, 0..60_usize), 0..4)) {
            let edits: Vec<Edit> = places
                .into_iter()
                .map(|(one, other)| edit(one.min(other)..one.max(other), ""))
                .collect();
            let mut kept: Vec<Edit> = Vec::new();
            let mut set = EditSet::default();
            for edit in edits {
                if set.add(std::slice::from_ref(&edit)) {
                    kept.push(edit);
                }
            }
            let file = SourceFile::new(FileId(0), "a", text.clone().into());
            if let Some((_, edits)) = set.files().next() {
                let expected: Vec<u8> = text
                    .bytes()
                    .enumerate()
                    .filter(|(at, _)| !kept.iter().any(|edit| edit.span.range().contains(at)))
                    .map(|(_, byte)| byte)
                    .collect();
                if let Some(applied) = applied(&file, edits) {
                    prop_assert_eq!(applied, expected);
                }
            }
        }
    }
}

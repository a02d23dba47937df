//! The keys of JSON text, found without parsing it: enough to tell one kind of document from another.

/// How deep keys are told; what lies deeper is passed over.
const LEVELS: usize = 3;

/// A key of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key<'t> {
    /// What leads to it, outermost first: the key under which each container lies, or `None` for an element of a list.
    /// The document itself is not among them, and has to be an object.
    above: [Option<&'t str>; LEVELS],
    depth: usize,
    /// The key.
    pub(super) name: &'t str,
    /// The content of its value, when that is a string: as written, escapes included.
    pub(super) string: Option<&'t str>,
}

impl Key<'_> {
    /// The keys under which the containers around it lie, outermost first; `None` for an element of a list.
    pub(super) fn above(&self) -> &[Option<&str>] {
        self.above.get(..self.depth).unwrap_or_default()
    }
}

/// The keys of `text` in their order, down to some depth. Text that is no JSON gives what looks like keys.
pub(super) fn keys(text: &str) -> impl Iterator<Item = Key<'_>> {
    let mut scan = Scan { text, at: 0, containers: Vec::new(), pending: None };
    std::iter::from_fn(move || scan.next_key())
}

struct Scan<'t> {
    text: &'t str,
    at: usize,
    /// The containers that are open: whether each is an object, and the key under which it lies.
    containers: Vec<(bool, Option<&'t str>)>,
    /// The last key, whose value has not begun.
    pending: Option<&'t str>,
}

impl<'t> Scan<'t> {
    fn next_key(&mut self) -> Option<Key<'t>> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'{' | b'[' => self.containers.push((*byte == b'{', self.pending.take())),
                b'}' | b']' => {
                    self.containers.pop();
                    self.pending = None;
                }
                b',' => self.pending = None,
                b'"' => {
                    let content = self.string();
                    let is_in_object = self.containers.last().is_some_and(|(is_object, _)| *is_object);
                    if is_in_object && self.pending.is_none() && self.skip_to(b':') {
                        self.pending = Some(content);
                        if let Some(key) = self.key(content) {
                            return Some(key);
                        }
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The content of the string that begins here, which is passed.
    fn string(&mut self) -> &'t str {
        let start = self.at;
        let end = end_of_string(self.text.as_bytes(), start);
        self.at = end + 1;
        self.text.get(start..end).unwrap_or_default()
    }

    /// Passes blanks and then `wanted`, if it comes next.
    fn skip_to(&mut self, wanted: u8) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let is_next = rest.get(blanks) == Some(&wanted);
        if is_next {
            self.at += blanks + 1;
        }
        is_next
    }

    fn key(&self, name: &'t str) -> Option<Key<'t>> {
        let ((is_object, _), inner) = self.containers.split_first()?;
        if !is_object || inner.len() > LEVELS {
            return None;
        }
        let mut above = [None; LEVELS];
        for (place, (_, key)) in above.iter_mut().zip(inner) {
            *place = *key;
        }
        let value = self.text.get(self.at..).unwrap_or_default().trim_start();
        let string = value.strip_prefix('"').and_then(|rest| rest.get(..end_of_string(rest.as_bytes(), 0)));
        Some(Key { above, depth: inner.len(), name, string })
    }
}

/// The offset of the quote that ends the string whose content starts at `start`, or the end of the bytes.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        let shown = |key: Key<'_>| {
            let above: Vec<&str> = key.above().iter().map(|key| key.unwrap_or("-")).collect();
            format!("{}/{}={}", above.join("/"), key.name, key.string.unwrap_or("?"))
        };
        keys(text).map(shown).collect()
    }

    #[test]
    fn keys_come_with_what_leads_to_them() {
        let text = r#"{"a" : "x\"}", "b": {"c": 1, "d": ["e", {"f": "g", "h": {"i": {"j": 1}}}]}, "k": null}"#;
        assert_eq!(all(text), ["/a=x\\\"}", "/b=?", "b/c=?", "b/d=?", "b/d/-/f=g", "b/d/-/h=?", "/k=?"],);
    }

    #[test]
    fn what_is_no_object_or_ends_early_is_borne() {
        for text in ["", "{", "{\"a", "{\"a\\", "[{\"a\": 1}]", "{\"a\" 1}", "}}]]", "\"a\": 1", "{\"a\": \"\u{1f600}"]
        {
            let _ = all(text);
        }
        assert_eq!(all("[{\"a\": 1}]"), Vec::<String>::new());
        assert_eq!(all("{\"a\": \"b"), ["/a=b"]);
    }
}

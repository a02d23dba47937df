//! Addresses as Terraform writes them: names with instance keys, between dots.

use std::sync::Arc;

use super::super::scope::InstanceKey;

/// A name of an address with the key behind it: `web["a"]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub(super) name: Arc<str>,
    pub(super) key: InstanceKey,
}

/// The parts of `address`, which may be a reference to an attribute as well; `None` when it is malformed.
pub(super) fn parts(address: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = address;
    loop {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        if name.is_empty() {
            return None;
        }
        let (key, behind) = match behind.strip_prefix('[') {
            Some(written) => key(written)?,
            None => (InstanceKey::None, behind),
        };
        parts.push(Part { name: name.into(), key });
        match behind.strip_prefix('.') {
            Some(next) => rest = next,
            // Behind a key there may be an index into an attribute: what is known by then is enough.
            None if behind.is_empty() || behind.starts_with('[') => return Some(parts),
            None => return None,
        }
    }
}

/// The module calls of the address of a module; the address of the root is empty.
pub(super) fn calls(address: &str) -> Option<Vec<Part>> {
    if address.is_empty() {
        return Some(Vec::new());
    }
    let all = parts(address)?;
    let (pairs, rest) = all.as_chunks::<2>();
    let call = |[module, call]: &[Part; 2]| (*module.name == *"module").then(|| call.clone());
    if rest.is_empty() { pairs.iter().map(call).collect() } else { None }
}

/// `address` without its keys: what is declared once for all copies. A malformed one stays as it is.
pub(super) fn without_keys(address: &str) -> String {
    let Some(parts) = parts(address) else { return address.to_owned() };
    parts.iter().map(|part| &*part.name).collect::<Vec<_>>().join(".")
}

/// The address of the module that `calls` lead to.
pub(super) fn module_address(calls: &[Part]) -> String {
    let call = |part: &Part| part.key.apply(&format!("module.{}", part.name));
    calls.iter().map(call).collect::<Vec<_>>().join(".")
}

/// `address` of something in the module that `calls` lead to, seen from the root.
pub(super) fn absolute(calls: &[Part], address: &str) -> String {
    if calls.is_empty() { address.to_owned() } else { format!("{}.{address}", module_address(calls)) }
}

/// The key that is written behind a bracket, and what follows the closing one.
fn key(written: &str) -> Option<(InstanceKey, &str)> {
    let Some(quoted) = written.strip_prefix('"') else {
        let (index, rest) = written.split_once(']')?;
        return Some((InstanceKey::Index(index.parse().ok()?), rest));
    };
    let mut key = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((InstanceKey::Key(key.into()), quoted.get(at + 1..)?.strip_prefix(']')?)),
            '\\' => match characters.next()?.1 {
                'n' => key.push('\n'),
                'r' => key.push('\r'),
                't' => key.push('\t'),
                other => key.push(other),
            },
            // A sign that would begin a template is doubled.
            '$' | '%' if characters.as_str().starts_with(&format!("{character}{{")) => {
                characters.next();
                key.push(character);
            }
            _ => key.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, key: InstanceKey) -> Part {
        Part { name: name.into(), key }
    }

    #[test]
    fn keys_may_hold_anything() {
        let key = |text: &str| InstanceKey::Key(text.into());
        for (address, expected) in [
            ("aws_instance.web", vec![part("aws_instance", InstanceKey::None), part("web", InstanceKey::None)]),
            (
                "a.b[12].id",
                vec![part("a", InstanceKey::None), part("b", InstanceKey::Index(12)), part("id", InstanceKey::None)],
            ),
            (r#"a.b["x.y]\"$${z}\\"]"#, vec![part("a", InstanceKey::None), part("b", key("x.y]\"${z}\\"))]),
            (
                r#"a.b["$x%"].c[0]["d"]"#,
                vec![part("a", InstanceKey::None), part("b", key("$x%")), part("c", InstanceKey::Index(0))],
            ),
        ] {
            assert_eq!(parts(address), Some(expected), "{address}");
        }
        for address in ["", ".", "a.", "a[", "a[x]", "a[\"x\"", "a[0]b", "a..b"] {
            assert_eq!(parts(address), None, "{address}");
        }
    }

    #[test]
    fn addresses_of_modules_are_their_calls() {
        let address = r#"module.a["x"].module.b[1]"#;
        let found = calls(address).unwrap();
        assert_eq!(module_address(&found), address);
        assert_eq!(absolute(&found, "a.b"), format!("{address}.a.b"));
        assert_eq!(without_keys(&absolute(&found, "a.b[\"é\"]")), "module.a.module.b.a.b");
        assert_eq!(calls(""), Some(Vec::new()));
        assert_eq!((calls("module"), calls("aws.b")), (None, None));
    }
}

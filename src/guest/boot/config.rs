//! The cloud-configs of user data as the one that cloud-init makes of them.
//!
//! Source: cloud-init's `cloudinit/handlers/cloud_config.py` and `cloudinit/mergers/`.

use std::collections::BTreeMap;

use crate::source::{Limits, Span, Text};
use crate::syntax::tree::{self, Node};

/// A configuration as it is written.
pub(super) struct Written {
    node: Node,
    merge_type: Option<String>,
    /// Where lines are of which nothing is known.
    pub(super) left_out: Option<Span>,
}

/// What is set under one name.
pub(super) struct Setting<'a> {
    /// The name in the source.
    pub(super) key: Span,
    pub(super) value: Merged<'a>,
}

pub(super) enum Merged<'a> {
    /// A list, which several configurations may have made.
    List(Vec<&'a Node>),
    Other(&'a Node),
}

/// The configuration that holds in the end.
pub(super) type Config<'a> = BTreeMap<&'a str, Setting<'a>>;

/// Reads a part of user data, and tells where something in it is not known; when it cannot be read, where it stands.
pub(super) fn read(text: &Text, merge_type: Option<&String>, limits: &Limits) -> Result<Option<Written>, Span> {
    let Some(whole) = text.span_of(0..text.len()) else { return Ok(None) };
    let parsed = tree::parse_open_text(text, limits);
    // cloud-init refuses more than one document.
    if !parsed.problems.is_empty() || parsed.documents.len() > 1 {
        return Err(whole);
    }
    match parsed.documents.into_iter().next() {
        Some(node) if node.is_mapping() => {
            Ok(Some(Written { node, merge_type: merge_type.cloned(), left_out: tree::left_out(text, limits) }))
        }
        Some(node) if node.as_scalar().is_some_and(|(text, _)| text.has_holes()) => Err(whole),
        _ => Ok(None),
    }
}

/// Merges configurations in their order: what a later one sets replaces what was set before, unless it says that it is
/// to be merged in another way.
pub(super) fn merge(written: &[Written]) -> Config<'_> {
    let mut merged = Config::new();
    for Written { node, merge_type, .. } in written {
        let how = How::of(node, merge_type.as_deref());
        for (name, entry) in node.entries() {
            let value = match entry.value.items() {
                Some(items) => Merged::List(items.iter().collect()),
                None => Merged::Other(&entry.value),
            };
            let new = Setting { key: entry.key.span, value };
            match merged.get_mut(name) {
                Some(old) if !how.replaces => how.merge_lists(old, new),
                _ => {
                    merged.insert(name, new);
                }
            }
        }
    }
    merged
}

/// How a configuration is merged with those before it.
struct How {
    /// Whether its settings take the place of those that are there.
    replaces: bool,
    /// Whether lists that are there are changed at all.
    into_lists: bool,
    lists: Lists,
}

enum Lists {
    Append,
    Prepend,
    /// The first elements take the place of the first ones that are there.
    Replace,
    Keep,
}

impl How {
    /// What the configuration itself says, or else its part of the archive.
    fn of(node: &Node, merge_type: Option<&str>) -> Self {
        let said = node.get("merge_how").or_else(|| node.get("merge_type"));
        let strategies = match said.and_then(|said| said.items().map(strategies_of_list)) {
            Some(strategies) => strategies,
            None => strategies_of(said.and_then(Node::as_str).or(merge_type).unwrap_or_default()),
        };
        if strategies.is_empty() {
            return Self { replaces: true, into_lists: false, lists: Lists::Replace };
        }
        let options = |of: &str| {
            let found = strategies.iter().find(|(name, _)| name == of);
            found.map(|(_, options)| options.as_slice()).unwrap_or_default()
        };
        let has = |of: &str, option: &str| options(of).iter().any(|known| known == option);
        let lists = [("append", Lists::Append), ("prepend", Lists::Prepend), ("no_replace", Lists::Keep)];
        Self {
            replaces: has("dict", "replace"),
            into_lists: has("dict", "recurse_array") || has("dict", "recurse_list"),
            lists: lists.into_iter().find(|(name, _)| has("list", name)).map_or(Lists::Replace, |(_, lists)| lists),
        }
    }

    /// Merges a setting into the one that is there; what are not two lists stays as it is.
    fn merge_lists<'a>(&self, old: &mut Setting<'a>, new: Setting<'a>) {
        let (Merged::List(old), Merged::List(new)) = (&mut old.value, new.value) else { return };
        if !self.into_lists {
            return;
        }
        match self.lists {
            Lists::Append => old.extend(new),
            Lists::Prepend => {
                old.splice(0..0, new);
            }
            Lists::Replace => old.iter_mut().zip(new).for_each(|(old, new)| *old = new),
            Lists::Keep => {}
        }
    }
}

/// The strategies in `list(append)+dict(recurse_array)+str()`, each with its options.
fn strategies_of(text: &str) -> Vec<(String, Vec<String>)> {
    let strategies = text.split('+').filter_map(|strategy| strategy.trim().trim_end_matches(')').split_once('('));
    strategies.map(|(name, options)| (name.to_lowercase(), options.split(',').map(normal).collect())).collect()
}

/// The same as a list of mappings with `name` and `settings`.
fn strategies_of_list(items: &[Node]) -> Vec<(String, Vec<String>)> {
    let strategy = |item: &Node| {
        let options = item.get("settings").and_then(Node::items).unwrap_or_default();
        let options = options.iter().filter_map(Node::as_str).map(normal).collect();
        Some((item.get("name")?.as_str()?.to_lowercase(), options))
    };
    items.iter().filter_map(strategy).collect()
}

fn normal(option: &str) -> String {
    option.trim().to_lowercase()
}

impl<'a> Setting<'a> {
    /// The elements, when it is a list.
    pub(super) fn items(&self) -> Option<&[&'a Node]> {
        match &self.value {
            Merged::List(items) => Some(items),
            Merged::Other(_) => None,
        }
    }

    /// The value, when it is no list.
    pub(super) fn node(&self) -> Option<&'a Node> {
        match self.value {
            Merged::Other(node) => Some(node),
            Merged::List(_) => None,
        }
    }
}

impl Setting<'_> {
    /// What can be told of the value under `name`, when the setting is a mapping.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        self.node()?.get(name)
    }

    /// The text under `name`.
    pub(super) fn text(&self, name: &str) -> Option<&Text> {
        self.get(name).filter(|node| !node.is_null()).and_then(Node::as_scalar).map(|(text, _)| text)
    }

    /// Whether `name` is switched on, with what holds when nothing is said; `None` when it is not known.
    pub(super) fn is_on(&self, name: &str, otherwise: bool) -> Option<bool> {
        self.get(name).map_or(Some(otherwise), truth)
    }

    /// Where `name` is set, or else the setting itself.
    pub(super) fn place(&self, name: &str) -> Span {
        self.node().and_then(|node| node.entry(name)).map_or(self.key, |entry| entry.key.span)
    }
}

/// Whether cloud-init takes a value for true; `None` when it is not known.
pub(super) fn truth(node: &Node) -> Option<bool> {
    let text = node.as_scalar()?.0.known()?;
    Some(matches!(text.trim().to_lowercase().as_str(), "true" | "1" | "on" | "yes"))
}

/// The first `most` names that a value gives: those in a text, which commas separate, or in a list of texts.
pub(super) fn names(node: &Node, most: usize) -> Vec<String> {
    let texts = node.items().unwrap_or(std::slice::from_ref(node)).iter().filter_map(Node::as_str);
    let names = texts.flat_map(|text| text.split(',')).map(str::trim).filter(|name| !name.is_empty());
    names.take(most).map(str::to_owned).collect()
}

//! Names that a template does not show: those that a transform or a preprocessor will put in.

use std::collections::BTreeSet;

use super::section::Section;
use super::type_name;
use crate::syntax::tree::Node;

/// The transforms that define no names of their own, by what their names begin with.
const HARMLESS: [&str; 4] =
    ["AWS::LanguageExtensions", "AWS::SecretsManager", "AWS::CodeDeploy", "AWS::ServiceCatalog"];

const SERVERLESS: &str = "AWS::Serverless";

/// Which names may be used though the template does not define them.
#[derive(Debug)]
pub(super) enum Generated<'a> {
    /// None.
    Nothing,
    /// Those of the resources that the Serverless Application Model makes of others, which begin with the others'
    /// names: the role of a function, the stage of an API.
    Serverless(BTreeSet<&'a str>),
    /// Any.
    Anything,
}

impl<'a> Generated<'a> {
    /// What the template `root` with these `sections` leaves to others.
    pub(super) fn of(root: &'a Node, resources: &Section<'a>, sections: &[&Section<'a>]) -> Self {
        let is_replaced = ["Fn::Transform", "Modules", "Rain"].iter().any(|key| root.get(key).is_some());
        let is_untyped =
            resources.values().any(|entry| entry.value.get("Type").is_some_and(|kind| type_name(kind).is_none()));
        let is_left = |section: &Section<'_>| section.keys().any(|key| key.starts_with("Fn::"));
        if is_replaced || is_untyped || is_left(resources) || sections.iter().any(|section| is_left(section)) {
            return Self::Anything;
        }
        let mut is_serverless = false;
        let transform = root.get("Transform");
        for transform in transform.map_or(&[][..], |written| written.items().unwrap_or(std::slice::from_ref(written))) {
            match transform.as_str() {
                Some(name) if name.starts_with(SERVERLESS) => is_serverless = true,
                Some(name) if HARMLESS.iter().any(|harmless| name.starts_with(harmless)) => {}
                _ => return Self::Anything,
            }
        }
        if !is_serverless {
            return Self::Nothing;
        }
        let is_source = |kind: &Node| kind.as_str().is_some_and(|kind| kind.starts_with(SERVERLESS));
        let sources = resources.iter().filter(|(_, entry)| entry.value.get("Type").is_some_and(is_source));
        // An API that nobody declares is made of the events of functions.
        Self::Serverless(sources.map(|(name, _)| *name).chain(["Serverless"]).collect())
    }

    /// Whether the template defines all that it uses.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Whether any name may be put in.
    pub(super) fn is_anything(&self) -> bool {
        matches!(self, Self::Anything)
    }

    /// Whether the resource `name` may be put in.
    pub(super) fn may_have(&self, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Serverless(sources) => begins_with_one(name, sources),
            Self::Anything => true,
        }
    }
}

/// Whether `name` begins with one of `sources`.
fn begins_with_one(name: &str, sources: &BTreeSet<&str>) -> bool {
    let mut beginning = name;
    // What `name` begins with is not greater than it, and what stands between the two begins with it as well.
    while let Some(last) = sources.range(..=beginning).next_back() {
        if name.starts_with(last) {
            return true;
        }
        let common = beginning.char_indices().zip(last.chars()).find(|((_, left), right)| left != right);
        let length = common.map_or(0, |((at, _), _)| at);
        beginning = beginning.get(..length).unwrap_or("");
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_found_that_a_name_begins_with() {
        let sources = BTreeSet::from(["A", "Api", "ApiRoles", "B\u{e9}", "C"]);
        for name in ["A", "Ab", "ApiRole", "ApiRolesX", "ApiZ", "B\u{e9}x", "Cx"] {
            assert!(begins_with_one(name, &sources), "{name}");
        }
        for name in ["", "a", "B", "B\u{e8}", "0", "\u{e9}"] {
            assert!(!begins_with_one(name, &sources), "{name}");
        }
    }
}

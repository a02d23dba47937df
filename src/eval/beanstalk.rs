//! Configuration files of Elastic Beanstalk, `.ebextensions/*.config`, as what `cfn-init` does on the hosts of an
//! environment: that is what carries them out.
//!
//! Source: the AWS Elastic Beanstalk Developer Guide, "Customizing software on Linux servers".

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Value;
use super::tree::value_of;
use crate::finding::Problem;
use crate::source::{Limits, SourceFile};
use crate::syntax::tree;

/// What comes last, when the application has been unpacked.
const LAST: &str = "container_commands";

/// What a configuration file says.
#[derive(Debug, Default)]
pub struct Extension {
    /// A map as the metadata under `AWS::CloudFormation::Init` is one, under a name of its own; nothing when the file
    /// holds no map.
    pub init: Option<Value>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// Reads a configuration file.
#[must_use]
pub fn read(file: &SourceFile, limits: &Limits) -> Extension {
    let parsed = tree::parse(file, limits);
    let init = parsed.documents.first().filter(|root| root.is_mapping()).map(|root| {
        let span = root.span;
        let map = |entries: Vec<(&str, Value)>| {
            let entries = entries.into_iter().map(|(name, value)| (Arc::from(name), value));
            Value::map(entries.collect::<BTreeMap<_, _>>(), span)
        };
        let all = |_: &str| true;
        let last = root.get(LAST).map_or_else(|| Value::null(span), |node| value_of(node, limits.depth, all));
        let sets = Value::list(["first", "last"].map(|name| Value::encoded(name, span)).to_vec(), span);
        let document = map(vec![
            ("configSets", map(vec![("default", sets)])),
            ("first", value_of(root, limits.depth, all)),
            ("last", map(vec![("commands", last)])),
        ]);
        map(vec![("Environment", document)])
    });
    Extension { init, problems: parsed.problems }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn container_commands_come_last() {
        let text = "commands:\n  a: {command: b}\ncontainer_commands:\n  c: {command: d}\n";
        let file = SourceFile::new(FileId(0), ".ebextensions/a.config", text.into());
        let init = read(&file, &Limits::default()).init.unwrap();
        let at = |path: &[&str]| {
            path.iter()
                .fold(init.clone(), |value, name| value.as_map().unwrap().entries[*name].clone())
                .as_str()
                .map(str::to_owned)
        };
        assert_eq!(at(&["Environment", "first", "commands", "a", "command"]).as_deref(), Some("b"));
        assert_eq!(at(&["Environment", "last", "commands", "c", "command"]).as_deref(), Some("d"));
    }

    #[test]
    fn what_is_no_map_says_nothing() {
        for text in ["", "- a\n", "<configuration/>\n"] {
            let file = SourceFile::new(FileId(0), ".ebextensions/a.config", text.into());
            assert!(read(&file, &Limits::default()).init.is_none(), "{text}");
        }
    }
}

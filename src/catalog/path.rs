//! Paths to values inside a resource or module call, as the tables write them.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// A path to values: names of attributes, blocks or keys, separated by dots; `*` stands for each element of a list or
/// each entry of a map. A name looks through lists: blocks are lists of maps, usually of one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Path {
    steps: Vec<PathStep>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathStep {
    /// To the value under this name.
    Name(Box<str>),
    /// To each element or entry.
    Each,
}

impl Path {
    /// Parses `text`.
    ///
    /// # Errors
    ///
    /// When it is empty or one of its steps is.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let steps = text.split('.').map(|step| match step {
            "" => Err(PathError(text.to_owned())),
            "*" => Ok(PathStep::Each),
            name => Ok(PathStep::Name(name.into())),
        });
        Ok(Self { steps: steps.collect::<Result<_, _>>()? })
    }

    /// Its steps; never empty.
    #[must_use]
    pub fn steps(&self) -> &[PathStep] {
        &self.steps
    }
}

impl Path {
    /// The name that it begins with, if it begins with one.
    #[must_use]
    pub fn first_name(&self) -> Option<&str> {
        match self.steps.first() {
            Some(PathStep::Name(name)) => Some(name),
            Some(PathStep::Each) | None => None,
        }
    }
}

impl TryFrom<String> for Path {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(&text)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            let name = match step {
                PathStep::Name(name) => name,
                PathStep::Each => "*",
            };
            write!(formatter, "{dot}{name}")?;
        }
        Ok(())
    }
}

/// A path that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError(String);

impl fmt::Display for PathError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` is not a path: write names or `*`, separated by single dots", self.0)
    }
}

impl std::error::Error for PathError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_names_and_stars() {
        let path = Path::parse("node_groups.*.metadata_options").unwrap();
        let expected =
            [PathStep::Name("node_groups".into()), PathStep::Each, PathStep::Name("metadata_options".into())];
        assert_eq!(path.steps(), expected);
    }

    #[test]
    fn a_path_is_written_as_it_was_read() {
        for text in ["a", "*", "a.*.b", "AWS::x.b"] {
            assert_eq!(Path::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_path_without_a_name_between_dots_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b"] {
            let error = Path::parse(text).unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{text}` is not a path")), "{error}");
        }
    }

    #[test]
    fn a_path_is_read_from_a_string() {
        assert_eq!(serde_json::from_str::<Path>("\"a.*\"").unwrap(), Path::parse("a.*").unwrap());
        assert!(serde_json::from_str::<Path>("\"a..b\"").is_err());
    }
}

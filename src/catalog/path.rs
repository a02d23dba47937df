//! Paths to values inside a resource or module call, as the tables write them.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// A path to values: names of attributes, blocks or keys, separated by dots; `*` stands for each element of a list or
/// each entry of a map. A name looks through lists: blocks are lists of maps, usually of one. Behind a name, fields in
/// brackets choose the elements that have them: `setting[namespace=aws:ec2:vpc,name=VPCId].value`.
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
    /// To the elements that have these fields, with their values.
    Where(Vec<(Box<str>, Box<str>)>),
}

impl Path {
    /// Parses `text`.
    ///
    /// # Errors
    ///
    /// When it is empty or one of its steps is.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let error = || PathError(text.to_owned());
        let mut steps = Vec::new();
        let mut is_inside = false;
        // A dot within brackets belongs to the value of a field.
        let outside = |character: char| {
            match character {
                '[' => is_inside = true,
                ']' => is_inside = false,
                _ => {}
            }
            character == '.' && !is_inside
        };
        for step in text.split(outside) {
            let (name, fields) = match step.split_once('[') {
                Some((name, fields)) => (name, Some(fields.strip_suffix(']').ok_or_else(error)?)),
                None => (step, None),
            };
            steps.push(match name {
                "" => return Err(error()),
                "*" => PathStep::Each,
                name => PathStep::Name(name.into()),
            });
            if let Some(fields) = fields {
                let fields = fields.split(',').map(|field| {
                    let (name, value) = field.split_once('=').filter(|(name, _)| !name.is_empty())?;
                    Some((name.into(), value.into()))
                });
                steps.push(PathStep::Where(fields.collect::<Option<_>>().ok_or_else(error)?));
            }
        }
        Ok(Self { steps })
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
            Some(PathStep::Each | PathStep::Where(_)) | None => None,
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
            match step {
                PathStep::Name(name) => write!(formatter, "{dot}{name}")?,
                PathStep::Each => write!(formatter, "{dot}*")?,
                PathStep::Where(fields) => {
                    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
                    write!(formatter, "[{}]", fields.join(","))?;
                }
            }
        }
        Ok(())
    }
}

/// A path that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathError(String);

impl fmt::Display for PathError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "`{}` is not a path: write names, with `[field=value]` behind them, or `*`, separated by single dots",
            self.0
        )
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
        for text in ["a", "*", "a.*.b", "AWS::x.b", "a[b=c:d.e,f=g].h", "a[b=].c"] {
            assert_eq!(Path::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn fields_in_brackets_choose_elements() {
        let path = Path::parse("setting[namespace=aws:ec2:vpc,name=a.b].value").unwrap();
        let fields = vec![("namespace".into(), "aws:ec2:vpc".into()), ("name".into(), "a.b".into())];
        let expected = [PathStep::Name("setting".into()), PathStep::Where(fields), PathStep::Name("value".into())];
        assert_eq!(path.steps(), expected);
    }

    #[test]
    fn a_path_without_a_name_between_dots_is_refused() {
        for text in ["", ".", "a.", ".a", "a..b", "a[", "a[b]", "a[=c]", "[b=c]", "a[b=c", "a[b=c]d"] {
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

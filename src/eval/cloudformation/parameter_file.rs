//! Files with values of parameters, in the forms of the command line of AWS, of its pipelines and of SAM's program.
//!
//! Forms: AWS CLI `awscli/customizations/cloudformation/deploy.py` (`--parameter-overrides`), AWS SAM CLI
//! `samcli/cli/types.py` (`CfnParameterOverridesType`) and the developer guide's "AWS SAM CLI configuration file".

use std::ops::Range;

use super::nested::as_parameter;
use super::{Value, scalar};
use crate::eval::Unknown;
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, SourceFile, Step, StepRole, Text};
use crate::syntax::tree::{self, Entry, Node, NodeKind, Parsed, ScalarStyle};

/// How the names of files begin that configure SAM's program.
const CONFIGURATION_OF_SAM: &str = "samconfig.";

/// The endings of files with one assignment a line, or several.
const ASSIGNMENT_ENDINGS: [&str; 4] = [".ini", ".parameters", ".params", ".properties"];

/// What a template is deployed with when nothing else is said.
const TEMPLATES_OF_SAM: [&str; 3] = ["template.yaml", "template.yml", "template.json"];

/// Values of parameters that SAM's program deploys a template with.
#[derive(Clone, Debug)]
pub(super) struct SamDeployment {
    /// The names that the template may have, as seen from the configuration.
    pub(super) templates: Vec<String>,
    pub(super) values: Vec<(String, Value)>,
}

/// Whether the file at `path` configures SAM's program.
pub(super) fn configures_sam(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with(CONFIGURATION_OF_SAM))
}

/// Parses a file, which is YAML or JSON unless its name says something else.
pub(super) fn parse(file: &SourceFile, limits: &Limits) -> Parsed {
    if file.path.ends_with(".toml") {
        return tree::parse_toml(file, limits);
    }
    if ASSIGNMENT_ENDINGS.iter().any(|ending| file.path.ends_with(ending)) {
        if file.text().len() > limits.script_bytes {
            let message = format!("the file has more than {} bytes, which are not read; split it", limits.script_bytes);
            let problem = Problem::error(ProblemCode::Limit, file.span(0..0), message);
            return Parsed { problems: vec![problem], ..Parsed::default() };
        }
        return Parsed { documents: vec![assignments_in_lines(file)], ..Parsed::default() };
    }
    tree::parse(file, limits)
}

/// A map of the words `Name=value` in a file.
fn assignments_in_lines(file: &SourceFile) -> Node {
    let whole = file.span(0..file.text().len());
    let scalar = |range: Range<usize>| {
        let span = file.span(range);
        Node { kind: NodeKind::Scalar(Text::verbatim(file.slice(span), span), ScalarStyle::Quoted), span, tag: None }
    };
    let mut entries = Vec::new();
    let mut start = file.byte_order_mark_length();
    for line in file.text().get(start..).unwrap_or_default().split_inclusive('\n') {
        let mut at = start;
        start += line.len();
        if line.trim_start().starts_with('#') {
            continue;
        }
        for word in line.split_inclusive(char::is_whitespace) {
            let end = at + word.trim_end().len();
            if let Some(equals) = word.find('=') {
                entries.push(Entry { key: scalar(at..at + equals), value: scalar(at + equals + 1..end) });
            }
            at += word.len();
        }
    }
    Node { kind: NodeKind::Mapping(entries), span: whole, tag: None }
}

/// The values that a file gives to parameters, in its order. What is no such value is left out.
pub(super) fn assignments(root: &Node) -> Vec<(String, Value)> {
    let parameters = root.get("Parameters").unwrap_or(root);
    match parameters.items() {
        Some(items) => items.iter().filter_map(|item| listed(item).or_else(|| written(item))).collect(),
        None => mapped(parameters),
    }
}

fn mapped(parameters: &Node) -> Vec<(String, Value)> {
    let entries = parameters.entries().into_iter();
    entries.filter_map(|(name, entry)| Some((name.to_owned(), assigned(name, &entry.key, &entry.value)?))).collect()
}

/// The value in `{ParameterKey: …, ParameterValue: …}`.
fn listed(item: &Node) -> Option<(String, Value)> {
    let key = item.get("ParameterKey")?;
    let name = key.as_str()?;
    let value = match item.get("ParameterValue") {
        Some(value) => assigned(name, key, value)?,
        // The stack has a value already.
        None => Value::unknown(Unknown::NotGiven(name.into()), item.span),
    };
    Some((name.to_owned(), value))
}

/// The value in `"Name=value"`.
fn written(item: &Node) -> Option<(String, Value)> {
    let (text, _) = item.as_scalar()?;
    let equals = text.as_str().find('=')?;
    Some(value_in(text, 0..equals, equals + 1..text.len(), item))
}

/// The value that stands in a part of `text`, its name in another.
fn value_in(text: &Text, name: Range<usize>, value: Range<usize>, item: &Node) -> (String, Value) {
    let span = |range: Range<usize>| text.span_of(range).unwrap_or(item.span);
    let (name_span, value_span) = (span(name.clone()), span(value.clone()));
    let name = text.slice(name).as_str().to_owned();
    let step = Step { span: name_span, role: StepRole::Assignment, name: name.as_str().into() };
    let value = text.slice(value);
    let is_quoted = value.as_str().contains(['"', '\'', '\\']);
    // Who takes quotes away, and when, depends on the shell that is between.
    let value = if is_quoted {
        Value::unknown(Unknown::NotGiven(name.as_str().into()), value_span)
    } else {
        Value::text(value, value_span)
    };
    (name, value.then(step))
}

fn assigned(name: &str, key: &Node, value: &Node) -> Option<Value> {
    let step = Step { span: key.span, role: StepRole::Assignment, name: name.into() };
    let value = match value.items() {
        Some(items) => {
            Value::list(items.iter().map(|item| as_parameter(scalar(item.resolved()))).collect(), value.span)
        }
        None => {
            value.as_scalar()?;
            as_parameter(scalar(value.resolved()))
        }
    };
    Some(value.then(step))
}

/// What SAM's program deploys in each of the environments that its configuration describes.
pub(super) fn deployments_of_sam(root: &Node) -> Vec<SamDeployment> {
    let deployment = |(_, environment): (&str, &Entry)| {
        let parameters = |command: &str| environment.value.get(command).and_then(|command| command.get("parameters"));
        let (deploy, global) = (parameters("deploy"), parameters("global"));
        deploy.or(global.filter(|global| global.get("parameter_overrides").is_some()))?;
        let get = |name: &str| deploy.and_then(|own| own.get(name)).or_else(|| global.and_then(|all| all.get(name)));
        let template = get("template_file").or_else(|| get("template")).map(|template| template.as_str());
        let templates = match template {
            // It was built from the one that lies beside the configuration.
            Some(Some(path)) if path.trim_start_matches("./").starts_with(".aws-sam/") => None,
            Some(Some(path)) => Some(vec![path.to_owned()]),
            Some(None) => Some(Vec::new()),
            None => None,
        };
        let templates = templates.unwrap_or_else(|| TEMPLATES_OF_SAM.map(str::to_owned).to_vec());
        let values = get("parameter_overrides").map(overrides).unwrap_or_default();
        Some(SamDeployment { templates, values })
    };
    root.entries().into_iter().filter_map(deployment).collect()
}

/// The values in the option `parameter_overrides`: a text, a list of texts, or a map.
fn overrides(node: &Node) -> Vec<(String, Value)> {
    if node.is_mapping() {
        return mapped(node);
    }
    let items = node.items().unwrap_or(std::slice::from_ref(node));
    let texts = items.iter().filter_map(|item| Some((item, item.as_scalar()?.0)));
    texts.flat_map(|(item, text)| words_of_sam(text, item)).collect()
}

/// `Name=value Other="a value"`, or `ParameterKey=Name,ParameterValue=value`
fn words_of_sam(text: &Text, item: &Node) -> Vec<(String, Value)> {
    let written = text.as_str();
    let mut values = Vec::new();
    let mut at = 0;
    while let Some(rest) = written.get(at..) {
        let start = at + rest.len() - rest.trim_start().len();
        let Some(equals) = written.get(start..).and_then(|rest| rest.find('=')).map(|equals| start + equals) else {
            break;
        };
        let long = written.get(start..).and_then(|rest| rest.strip_prefix("ParameterKey="));
        let comma = long.and_then(|rest| rest.find(",ParameterValue="));
        let (name, first) = match (long, comma) {
            (Some(_), Some(length)) => {
                let name = equals + 1..equals + 1 + length;
                (name.clone(), name.end + ",ParameterValue=".len())
            }
            (Some(_), None) => break,
            (None, _) => (start..equals, equals + 1),
        };
        let value = written.get(first..).unwrap_or_default();
        let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
        let (range, end) = match quote {
            Some(quote) => match value.get(1..).and_then(|inner| inner.find(quote)) {
                Some(length) => (first + 1..first + 1 + length, first + length + 2),
                None => break,
            },
            None => {
                let length = value.find(char::is_whitespace).unwrap_or(value.len());
                (first..first + length, first + length)
            }
        };
        values.push(value_in(text, name, range, item));
        at = end;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn file(path: &str, text: &str) -> SourceFile {
        SourceFile::new(FileId(0), path, text.into())
    }

    fn shown(values: &[(String, Value)], file: &SourceFile) -> Vec<String> {
        let one = |(name, value): &(String, Value)| {
            let text = value.to_text().and_then(|text| text.known().map(str::to_owned));
            format!("{name}={} at {:?}", text.as_deref().unwrap_or("?"), file.slice(value.origin.span))
        };
        values.iter().map(one).collect()
    }

    #[test]
    fn words_with_assignments_are_read() {
        for (path, text, expected) in [
            ("a.json", "[\"A=b\", \"C=d=e\", \"F=\"]", &["A=b at \"b\"", "C=d=e at \"d=e\"", "F= at \"\""][..]),
            ("a.ini", "\u{feff}# x=y\nA=b\r\nC=d E=f\n", &["A=b at \"b\"", "C=d at \"d\"", "E=f at \"f\""]),
            ("a.params", "A=\nB=c", &["A= at \"\"", "B=c at \"c\""]),
        ] {
            let file = file(path, text);
            let parsed = parse(&file, &Limits::default());
            assert_eq!(shown(&assignments(&parsed.documents[0]), &file), expected, "{text}");
        }
    }

    #[test]
    fn a_file_of_words_that_is_too_long_is_a_problem() {
        let file = file("a.ini", &"A=b ".repeat(100_000));
        let parsed = parse(&file, &Limits::default());
        assert!(parsed.documents.is_empty());
        assert_eq!(parsed.problems[0].code, ProblemCode::Limit);
    }

    #[test]
    fn what_sam_could_not_read_ends_the_words() {
        for text in ["=", "A", "A=\"b", "ParameterKey=A", "ParameterKey=A,ParameterValue=\"", "A=b =c", "\u{e9}=\u{e9}"]
        {
            let file = file("samconfig.toml", &format!("[a.deploy.parameters]\nparameter_overrides = '{text}'\n"));
            let found = deployments_of_sam(&parse(&file, &Limits::default()).documents[0]);
            assert!(found[0].values.iter().all(|(_, value)| value.to_text().is_some()), "{text}: {found:?}");
            assert!(found[0].values.len() <= 2, "{text}");
        }
    }

    #[test]
    fn each_environment_of_sam_has_its_values() {
        let text = "version = 0.1\n[default.global.parameters]\ntemplate_file = \"a/host.yaml\"\n\
            [default.deploy.parameters]\nparameter_overrides = \"A=b C=\\\"d e\\\" F='g'\"\n\
            [prod.deploy.parameters]\nparameter_overrides = [\n  \"A=c\", # x\n  \"ParameterKey=C,ParameterValue=d\",\n]\n\
            [bare.deploy.parameters]\nregion = \"x\"\n[build.build.parameters]\ncached = true\n";
        let file = file("samconfig.toml", text);
        let found = deployments_of_sam(&parse(&file, &Limits::default()).documents[0]);
        let shown: Vec<_> = found.iter().map(|found| (found.templates.len(), shown(&found.values, &file))).collect();
        let expected = [
            (1, vec!["A=b at \"b\"", "C=d e at \"d e\"", "F=g at \"g\""]),
            (3, vec!["A=c at \"c\"", "C=d at \"d\""]),
            (3, vec![]),
        ];
        assert_eq!(shown.len(), expected.len());
        for ((templates, values), (count, wanted)) in shown.iter().zip(&expected) {
            assert_eq!((templates, values.iter().map(String::as_str).collect::<Vec<_>>()), (count, wanted.clone()));
        }
        assert!(configures_sam("a/samconfig.toml") && !configures_sam("a/mysamconfig.toml"));
    }
}

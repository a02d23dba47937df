//! Tells CloudFormation templates from all the other YAML and JSON of a repository without parsing them.
//!
//! The test looks at top-level keys only, so that a template inside another document (a block scalar, a string
//! of a Terraform plan) does not count.

use super::json_keys::keys;
use super::kind::Reason;

const FORMAT_VERSION: &str = "AWSTemplateFormatVersion";
const RESOURCES: &str = "Resources";
const TYPE: &str = "Type";
const TYPE_PREFIXES: [&str; 3] = ["AWS::", "Alexa::", "Custom::"];

/// Why `text` is a CloudFormation template, or `None` when that is not established.
pub(super) fn is_template(text: &str) -> Option<Reason> {
    let text = text.trim_start_matches('\u{feff}');
    let has_resources = text.contains(RESOURCES) && text.contains("::");
    if !has_resources && !text.contains(FORMAT_VERSION) {
        return None;
    }
    if text.trim_start().starts_with('{') { in_json(text) } else { in_yaml(text) }
}

fn is_resource_type(value: &str) -> bool {
    TYPE_PREFIXES.iter().any(|prefix| value.starts_with(prefix))
}

fn in_json(text: &str) -> Option<Reason> {
    keys(text).find_map(|key| match (key.above(), key.name) {
        ([], FORMAT_VERSION) => Some(Reason::FormatVersion),
        ([Some(RESOURCES), Some(_)], TYPE) if key.string.is_some_and(is_resource_type) => Some(Reason::ResourceType),
        _ => None,
    })
}

fn in_yaml(text: &str) -> Option<Reason> {
    let mut in_resources = false;
    for line in text.lines() {
        if let Some((key, _)) = line.split_once(':')
            && !line.starts_with([' ', '\t', '#', '-'])
        {
            match key.trim().trim_matches(['"', '\'']) {
                FORMAT_VERSION => return Some(Reason::FormatVersion),
                key => in_resources = key == RESOURCES,
            }
        }
        if in_resources && gives_resource_type(line) {
            return Some(Reason::ResourceType);
        }
    }
    None
}

/// Whether `line` holds `Type: AWS::…`, quoted or not, in block or flow style.
fn gives_resource_type(line: &str) -> bool {
    let content = line.trim_start();
    !content.starts_with('#')
        && content.match_indices(TYPE).any(|(at, _)| {
            let begins = content[..at].ends_with([' ', '{', ',', '"', '\'']) || at == 0;
            let rest = content[at + TYPE.len()..].trim_start_matches(['"', '\'']).trim_start();
            begins
                && rest
                    .strip_prefix(':')
                    .is_some_and(|value| is_resource_type(value.trim_start().trim_start_matches(['"', '\''])))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_recognised() {
        let version = Some(Reason::FormatVersion);
        let resource = Some(Reason::ResourceType);
        assert_eq!(is_template("AWSTemplateFormatVersion: '2010-09-09'\n"), version);
        assert_eq!(is_template("\u{feff}---\n# x\n\"AWSTemplateFormatVersion\" : 2010-09-09\r\n"), version);
        assert_eq!(is_template("{\"AWSTemplateFormatVersion\" : \"2010-09-09\"}"), version);
        assert_eq!(is_template("Resources:\n  A:\n    Type: AWS::EC2::Instance\n"), resource);
        assert_eq!(is_template("Resources:\r\n  A:\r\n    'Type': \"Custom::X\"\r\n"), resource);
        assert_eq!(is_template("Resources: {A: {Type: 'AWS::S3::Bucket'}}"), resource);
        assert_eq!(
            is_template("{\"Description\": \"\\\"\", \"Resources\": {\"A\": {\"Type\": \"AWS::X::Y\"}}}"),
            resource
        );
    }

    #[test]
    fn look_alikes_are_not_taken() {
        for text in [
            "",
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  t: |\n    AWSTemplateFormatVersion: 2010-09-09\n    Resources:\n      A:\n        Type: AWS::EC2::Instance\n",
            "resources:\n  Resources:\n    A:\n      Type: AWS::EC2::Instance\n",
            "# AWSTemplateFormatVersion: x\n# Resources:\n#   Type: AWS::EC2::Instance\n",
            "Resources:\n  - see AWS::EC2::Instance\nOther:\n  Type: AWS::EC2::Instance\n",
            "Resources:\n  A:\n    # Type: AWS::EC2::Instance\n    ResourceType: AWS::EC2::Instance\n",
            "{\"planned\": {\"body\": \"{\\\"AWSTemplateFormatVersion\\\": 1, \\\"Resources\\\": {}}\"}}",
            "{\"Resources\": [{\"A\": {\"Type\": \"AWS::EC2::Instance\"}}]}",
            "{\"Resources\": {\"A\": {\"P\": {\"Type\": \"AWS::EC2::Instance\"}}}}",
            "{\"TemplateBody\": {\"AWSTemplateFormatVersion\": \"x\", \"Resources\": {\"A\": {\"Type\": \"AWS::A::B\"}}}}",
            "{\"ResourceTypes\": {\"AWS::EC2::Instance\": {\"Type\": \"AWS::EC2::Instance\"}}, \"Resources\": {}}",
        ] {
            assert_eq!(is_template(text), None, "{text}");
        }
    }

    #[test]
    fn broken_json_ends_quietly() {
        for text in
            ["{\"AWSTemplateFormatVersion", "{\"Resources\\", "{]]]]\"Resources\":\"::\"", "{\"Resources::\u{e9}\\"]
        {
            assert_eq!(is_template(text), None, "{text}");
        }
    }
}

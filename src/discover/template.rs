//! Tells CloudFormation templates from all the other YAML and JSON of a repository without parsing them.
//!
//! The test looks at top-level keys only, so that a template inside another document (a block scalar, a string
//! of a Terraform plan) does not count.

use super::kind::Reason;
use super::packer::end_of_string;

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

/// The levels of JSON that matter: the template, its `Resources`, one resource.
const LEVELS: usize = 3;

fn in_json(text: &str) -> Option<Reason> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut objects = [false; LEVELS];
    let mut keys = [""; LEVELS];
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                if let Some(object) = objects.get_mut(depth) {
                    *object = *byte == b'{';
                }
                depth += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let end = end_of_string(bytes, at + 1);
                let content = text.get(at + 1..end).unwrap_or("");
                at = end;
                let level = depth.wrapping_sub(1);
                if level < LEVELS && objects[..=level].iter().all(|object| *object) {
                    let is_key = bytes[end..].iter().skip(1).find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                    if !is_key {
                        if keys == [RESOURCES, keys[1], TYPE] && level == 2 && is_resource_type(content) {
                            return Some(Reason::ResourceType);
                        }
                    } else if level == 0 && content == FORMAT_VERSION {
                        return Some(Reason::FormatVersion);
                    } else {
                        keys[level] = content;
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
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
